"""A tape network as a module, for training, gradient checks and model files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from mlp_numpy import autodiff
from mlp_numpy.arrays import Array, Parameter
from mlp_numpy.autodiff import Context, TensorNode
from mlp_numpy.checks import flag, shown
from mlp_numpy.errors import OptionError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.parameters import NamedArrays


class TapeModule(Module):
    """Wraps ``network``, an ``mlp_numpy.autodiff.Module`` of one input and one output, as a module.

    ``forward(x)`` records a graph, ``backward(dout)`` traverses it. ``params`` and ``grads`` are the values and
    gradients of the network's parameters, by the dotted names of its attributes, without copies. As in every module,
    ``backward`` overwrites the gradients.

    input_layer   the network reads the data: ``backward`` returns None instead of the unneeded input gradient
    """

    def __init__(self, network: autodiff.Module, *, input_layer: bool = False) -> None:
        if not isinstance(network, autodiff.Module):
            raise OptionError(f"TapeModule: network must be an autodiff.Module, got {shown(network)}.")
        super().__init__()
        self.network = network
        self.input_needed = not flag("TapeModule", "input_layer", input_layer)
        nodes = dict(network.named_parameters())
        self._params = NodeArrays("TapeModule.params", nodes, "value")
        self._grads = NodeArrays("TapeModule.grads", nodes, "grad")

    def forward(self, x: Array) -> Array:
        """The network's output for a batch ``x``, an array; its graph is kept for ``backward``."""
        node = TensorNode(self._check_batch("forward", "x", x), name="x", needs_grad=self.input_needed)
        out: TensorNode = self.network.forward(node)
        self._context = Context()
        self._context["x"], self._context["out"] = node, out
        self._out_shape, self._complex = out.shape, out.value.dtype.kind == "c"
        self._n_forwards += 1
        return out.value

    def backward(self, dout: Array) -> Array | None:
        """∂L/∂x from ``dout`` = ∂L/∂out of the last ``forward``; the gradients of the parameters are written to
        ``grads``."""
        context = self._remembered()
        dout = self._check_dout(dout)
        x: TensorNode = context["x"]
        read = [x] if self.input_needed else []
        context["out"].backward(dout, inner=False, afresh=[*dict(self.network.named_parameters()).values(), *read])
        # A copy: the next backward overwrites the node's own array.
        return x.grad.copy() if self.input_needed else None

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """The parameters of the network with their dotted names."""
        yield from self.network.named_parameters()

    def _repr_args(self) -> str:
        return repr(self.network) if self.input_needed else f"{self.network!r}, input_layer=True"


class NodeArrays(NamedArrays):
    """The values, or the gradients, of nodes by name, read live and written in place."""

    def __init__(self, owner: str, nodes: dict[str, TensorNode], which: Literal["value", "grad"]) -> None:
        super().__init__(owner, dict.fromkeys(nodes, np.empty(0)))
        self._nodes, self._which = nodes, which

    def __getitem__(self, name: str) -> Array:
        array: Array = getattr(self._nodes[name], self._which)
        return array
