"""A module: a formula with state.

It owns the parameters and their gradients, stores the context of its last forward, validates its inputs, and delegates
the computation to its formula.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array, Parameter
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import flag, float_dtype, numbers, shown
from mlp_numpy.errors import CallOrderError, DTypeError, OptionError, ShapeError
from mlp_numpy.modules.parameters import LearnedArray, NamedArrays
from mlp_numpy.parallel import ALONE, Communicator

ValueKind: TypeAlias = Literal["anything", "scores", "probabilities", "log-probabilities", "its input"]
"""The meaning of a module's output, or of a loss's input. "its input": the module does not change what its input means
(dropout, identity); "anything": unknown."""
_FLOATS: Final = "fdgFDG"
"""The characters of the real and complex dtypes that formulas compute in."""
_SMALL: Final = 1 << 15
"""Bytes below which an array is not worth a meeting of threads."""
_NAMES_OF_0_1: Final = {
    "_formula": "_active_op",
    "_constants": "_op_kwargs",
    "_arguments": "_repr_args",
    "gives": "output_kind",
    "takes": "input_kind",
    "learned": "named_parameters",
}


class Module:
    """The base class of all modules: ``forward(x)`` computes the output and caches, ``backward(dout)`` returns ∂L/∂x.

    params      the parameters by name; read at every forward
    grads       ∂L/∂params, same names and shapes; initially zeros, overwritten in place by every ``backward``
    buffers     saved state that is not trained
    training    True for the training formula, False for the evaluation formula; see ``train`` and ``eval``

    ``module(x)`` is ``module.forward(x)``. A module without parameters has an empty ``params``: test ``if
    module.params:``.

    Cache between ``forward`` and ``backward``: a module caches its last forward only. ``x`` may be cached without a
    copy and must not be modified before ``backward`` (see the formula's ``Caches`` line). ``out`` belongs to the caller
    and may be modified. ``dout`` is read-only, and not stored. A module in two Sequentials must run backward in one
    before it runs forward in the other; otherwise the first one's ``backward`` raises CallOrderError.

    ``copy.deepcopy`` and ``pickle`` make a complete and independent copy, without the cache; copied together with an
    optimizer, both stay linked. Use pickle between processes only, not for files: unpickling can execute arbitrary
    code. ``save_model`` writes files.
    """

    op: type[Op]
    output_kind: ValueKind = "anything"
    """The meaning of the output; see ``check_loss_matches``."""
    input_needed = True
    """True if ``backward`` computes ∂L/∂x; an input layer may omit it."""
    communicator: Communicator = ALONE
    """How the shards of a batch, each in a module of its own, join what depends on the whole batch; see ``Sharded``.
    Neither copied nor saved."""
    joint_gradients: tuple[str, ...] = ()
    """The parameters whose gradient ``_join_gradients`` forms over all shards; a shard's ``backward`` omits it, and
    keeps ``dout`` until then."""
    _memory: ClassVar[dict[str, Any]] = {"_context": None, "_dout": None}
    """The attributes of the cache with their empty values, which copies start with."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Support subclasses that define methods under their names of version 0.1, with a warning."""
        super().__init_subclass__(**options)
        for old, new in _NAMES_OF_0_1.items():
            if old in vars(cls):
                text = f"{cls.__name__}.{old} is now called {new}; the old name goes with version 0.3."
                warnings.warn(text, DeprecationWarning, stacklevel=2)
                setattr(cls, new, vars(cls)[old])

    def __init__(self, **params: Array) -> None:
        if params:
            self._check_params(params)
        self._params = NamedArrays(f"{type(self).__name__}.params", params)
        # zeros_like keeps the memory order, so that a gradient is laid out as its parameter is.
        grads = {name: np.zeros_like(array) for name, array in params.items()}
        self._grads = NamedArrays(f"{type(self).__name__}.grads", grads)
        self.buffers: dict[str, Array] = {}
        self.training = True
        self._context: Context | None = None
        self._dout: Array | None = None
        self._n_forwards = 0
        self._used: type[Op]
        self._out_shape: tuple[int, ...] = ()
        self._complex = False

    @property
    def params(self) -> NamedArrays:
        """The parameters by name; assigning a dict copies its arrays in place."""
        return self._params

    @params.setter
    def params(self, values: Mapping[str, Any]) -> None:
        self._params.assign(values)

    @property
    def grads(self) -> NamedArrays:
        """The gradients of ``params``, same names; assigning a dict copies its arrays in place."""
        return self._grads

    @grads.setter
    def grads(self, values: Mapping[str, Any]) -> None:
        self._grads.assign(values)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Same as ``forward``."""
        return self.forward(*inputs, **options)

    def forward(self, x: Array) -> Array:
        """The module's output for a batch ``x``; caches what ``backward`` needs.

        Raises ShapeError or DTypeError for an invalid ``x``, before anything is changed.
        """
        usual = type(x) is np.ndarray and x.dtype.char in _FLOATS and x.dtype.isnative
        if not usual or not x.shape or not x.shape[0]:
            x = self._check_batch("forward", "x", x)
        self._check_input(x)
        context = Context()
        self._context = self._dout = None  # the memory of the last forward is free for this one
        formula = self._active_op()
        out = formula.forward(context, x, *self._params.values(), **self._op_kwargs())
        self._context, self._used, self._out_shape = context, formula, out.shape
        self._complex = out.dtype.kind == "c"
        self._n_forwards += 1
        return out

    def backward(self, dout: Array) -> Array | None:
        """∂L/∂x from ``dout`` = ∂L/∂out of the last ``forward``; the gradients of the parameters are written to
        ``grads``.

        Returns None if ``input_needed`` is False. Raises CallOrderError without a forward, ShapeError if ``dout``
        does not have the output's shape, DTypeError if ``dout`` or ``x`` is complex and the parameters are real:
        complex values are supported in forward only, for the complex step.
        """
        context = self._remembered()
        dout = self._check_dout(dout)
        grads = tuple(self._grads.values())
        needed = (True,) * len(grads)
        if self.communicator.local.size > 1 and self.joint_gradients:
            needed = tuple(name not in self.joint_gradients for name in self._grads)
            self._dout = dout
        context.needs = (self.input_needed, *needed)
        context.into = (None, *grads)
        gradients = self._used.backward(context, dout)
        dx, *dparams = gradients if isinstance(gradients, tuple) else (gradients,)
        for into, gradient, wanted in zip(grads, dparams, needed, strict=True):
            if wanted and gradient is not into:
                into[...] = gradient
        if grads:
            self.communicator.completed(grads)
        result: Array | None = dx
        return result

    def _join_gradients(self, shards: Sequence[Any]) -> None:
        """Join the gradients of the shards of this process in those of ``shards[0]``: this shard's part of them.

        shards   this module in each shard, in the order of their ranks; all have run ``backward``
        """
        for name, total in shards[0]._grads.items():
            if name not in self.joint_gradients:
                where = self._share_of(total)
                for other in shards[1:]:
                    total[where] += other._grads[name][where]

    def _share_of(self, array: Array) -> slice:
        """This shard's rows of an array that all work on, or all of a small one for the first shard."""
        if array.nbytes >= _SMALL:
            return self.communicator.local.split(len(array))
        return slice(0, 0) if self.communicator.local.rank else slice(None)

    def children(self) -> dict[str, Module]:
        """The submodules by name; empty for a layer."""
        return {}

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Every layer below this module, in the order of the forward pass, with its dotted name."""
        if not isinstance(prefix, str):
            raise OptionError(f"{self!r}.leaves: prefix must be a text, got {shown(prefix)}.")
        children = self.children()
        if not children:
            yield prefix.rstrip("."), self
        for name, child in children.items():
            yield from child.leaves(f"{prefix}{name}.")

    def learned(self) -> Iterator[tuple[str, Parameter]]:
        """``named_parameters`` under its name in version 0.1; warns."""
        warnings.warn("Module.learned is now called named_parameters.", DeprecationWarning, stacklevel=2)
        return self.named_parameters()

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter below this module, in the order of the forward pass, with its dotted name."""
        for prefix, leaf in self.leaves():
            for name in leaf._params:
                yield f"{prefix}.{name}".lstrip("."), LearnedArray(leaf._params, leaf._grads, name)

    def named_buffers(self) -> Iterator[tuple[str, Array]]:
        """Every buffer below this module, not copied, with its dotted name."""
        for prefix, leaf in self.leaves():
            for name, array in leaf.buffers.items():
                yield f"{prefix}.{name}".lstrip("."), array

    def train(self, mode: bool = True) -> Self:
        """Set training mode, or evaluation mode if ``mode`` is False."""
        self.training = flag(f"{self!r}.train", "mode", mode)
        for child in self.children().values():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode."""
        return self.train(False)

    def clear_cache(self) -> None:
        """Clear the cache of the last forward."""
        vars(self).update(self._memory)
        for child in self.children().values():
            child.clear_cache()

    def state(self) -> dict[str, Array]:
        """Copies of all params and buffers under dotted names, for ``load_state``."""
        return {name: array.copy() for name, array in self._state_arrays().items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load params and buffers from the result of ``state``, or from lists of the same values; nothing is written in
        case of an error.

        Raises UnknownNameError, ShapeError or DTypeError if names, shapes or dtypes do not match.
        """
        NamedArrays(f"{self!r}.load_state", self._state_arrays()).assign(state)

    def astype(self, dtype: Any) -> Self:
        """A copy of this module with params, grads and buffers converted to another dtype, without the cache.

        Integer buffers are counters and keep their dtype. Raises DTypeError for an unsupported dtype, such as float16.
        """
        dtype = float_dtype(f"{self!r}.astype", dtype)
        twin = copy.deepcopy(self)
        for _, learned in twin.named_parameters():
            learned.move(*np.empty((2, learned.value.size), dtype))
        for _, leaf in twin.leaves():
            leaf.buffers = {
                name: array.astype(dtype) if array.dtype.kind in "fc" else array for name, array in leaf.buffers.items()
            }
        return twin

    def __getstate__(self) -> dict[str, Any]:
        # The cache belongs to one forward of one module, and the communicator to one shard: a copy, or a pickle, starts
        # without them.
        return {name: value for name, value in (vars(self) | self._memory).items() if name != "communicator"}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._repr_args()})"

    def _repr_args(self) -> str:
        """The arguments in ``repr``, as in the constructor call."""
        return ""

    def _active_op(self) -> type[Op]:
        """The formula in the current mode, if training and evaluation differ.

        Raises OptionError for a subclass that has none.
        """
        op: type[Op] | None = getattr(self, "op", None)
        if op is None:
            raise OptionError(
                f"{type(self).__name__}.forward: a subclass must have a formula, got none. "
                "Hint: set its op, or define forward and backward."
            )
        return op

    def _op_kwargs(self) -> dict[str, Any]:
        """The keyword arguments of the formula."""
        return {}

    def _check_input(self, x: Array) -> None:
        """Raise ShapeError if ``x`` is not a valid input of this module."""

    def _check_params(self, params: Mapping[str, Any]) -> None:
        """Raise OptionError for unexpected parameters, such as stray arguments."""
        op = getattr(type(self), "op", None)
        if op is None:
            return
        taken = inspect.signature(op.forward).parameters.values()
        most = sum(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in taken) - 2
        if len(params) > most:
            raise OptionError(f"{type(self).__name__}: takes {most} parameters, got {', '.join(params)}.")

    def _check_memory(self) -> None:
        """Raise CallOrderError if a submodule has run another forward since this module's last."""

    def _remembered(self) -> Context:
        if self._context is None:
            raise CallOrderError(f"{self!r}.backward: a forward must come first. Hint: call forward on the batch.")
        return self._context

    def _check_batch(self, method: str, name: str, batch: Array) -> Array:
        if type(batch) is not np.ndarray or batch.dtype.char not in _FLOATS:
            batch = numbers(f"{self!r}.{method}", name, batch)
            if batch.dtype.kind not in "fc":  # integers become NumPy's dtype of their quotients
                batch = batch.astype(np.float64)
        if not batch.dtype.isnative:
            batch = batch.astype(batch.dtype.newbyteorder("="))
        if batch.ndim == 0 or len(batch) == 0:
            raise ShapeError(f"{self!r}.{method}: {name} must hold at least one row, got {batch.shape}.")
        return batch

    def _check_dout(self, dout: Array) -> Array:
        dout = self._check_batch("backward", "dout", dout)
        if dout.shape != self._out_shape:
            raise ShapeError(f"{self!r}.backward: dout must be {self._out_shape}, as the output was, got {dout.shape}.")
        if dout.dtype.kind == "c" or self._complex:
            for name, grad in self._grads.items():
                if grad.dtype.kind != "c":
                    raise DTypeError(
                        f"{self!r}.backward: x and dout must be real as {name} is, got complex ones. Hint: complex "
                        "numbers are for the forward alone, which the complex step differentiates."
                    )
        return dout

    def _state_arrays(self) -> dict[str, Array]:
        return {
            f"{prefix}.{name}" if prefix else name: array
            for prefix, leaf in self.leaves()
            for name, array in (*leaf._params.items(), *leaf.buffers.items())
        }
