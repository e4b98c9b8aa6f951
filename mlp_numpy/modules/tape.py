"""A network of nodes as a module: whatever trains, checks or saves modules does so with it."""

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
    """Runs ``network``, a ``mlp_numpy.autodiff.Module`` of one input and one output, forwards and backwards.

    ``forward(x)`` records a graph, ``backward(dout)`` walks it. ``params`` and ``grads`` are the values and gradients
    of the network's parameters, by the dotted names of its attributes; nothing is copied, a parameter has one array,
    whichever way one comes to it. As in every module ``backward`` overwrites the gradients.

    input_layer   the network reads the data: ``backward`` returns None in place of a gradient that nobody needs
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
        """The network's output for a batch ``x``, an array; its graph is remembered for ``backward``."""
        node = TensorNode(self._check_batch("forward", "x", x), name="x", needs_grad=self.input_needed)
        out: TensorNode = self.network.forward(node)
        self._context = Context()
        self._context["x"], self._context["out"] = node, out
        self._out_shape, self._complex = out.shape, out.value.dtype.kind == "c"
        self._n_forwards += 1
        return out.value

    def backward(self, dout: Array) -> Array | None:
        """∂L/∂x from ``dout`` = ∂L/∂out of the last ``forward``; the gradients of the parameters go into ``grads``."""
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
    """The values, or the gradients, of nodes by name: read where they are now, written into place."""

    def __init__(self, owner: str, nodes: dict[str, TensorNode], which: Literal["value", "grad"]) -> None:
        super().__init__(owner, dict.fromkeys(nodes, np.empty(0)))
        self._nodes, self._which = nodes, which

    def __getitem__(self, name: str) -> Array:
        array: Array = getattr(self._nodes[name], self._which)
        return array
