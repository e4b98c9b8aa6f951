"""A module: a formula with a memory.

It owns the parameters and their gradients, keeps the context of its last forward, checks what comes through its
doors, and otherwise leaves everything to its formula.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array, Parameter
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import flag, float_dtype, numbers, shown
from mlp_numpy.errors import CallOrderError, DTypeError, OptionError, ShapeError
from mlp_numpy.modules.parameters import LearnedArray, NamedArrays

ValueKind: TypeAlias = Literal["anything", "scores", "probabilities", "log-probabilities", "its input"]
"""What the numbers that a module gives, or that a loss takes, mean; "its input" is said of what leaves them as they
are, "anything" of what cannot be told."""
_NAMES_OF_0_1: Final = {
    "_formula": "_active_op",
    "_constants": "_op_kwargs",
    "_arguments": "_repr_args",
    "gives": "output_kind",
    "takes": "input_kind",
    "learned": "named_parameters",
}


class Module:
    """The base of all modules: ``forward(x)`` computes and remembers, ``backward(dout)`` returns ∂L/∂x.

    params      what is learned, by name; read live at every forward
    grads       ∂L/∂params, same names and shapes; zeros at first, overwritten in place by every ``backward``
    buffers     what is saved but not learned
    training    which formula is meant, the training one or the evaluation one; see ``train`` and ``eval``

    ``module(x)`` is ``module.forward(x)``. A module without parameters has an empty ``params``: ask ``if
    module.params:``.

    Memory between ``forward`` and ``backward``: a module remembers one forward, its last. ``x`` may be kept without a
    copy and must stay as it is until ``backward`` (the formula's ``Caches`` line says what is kept). ``out`` is the
    caller's and may be edited. ``dout`` is only read, and not kept. A module that stands in two Sequentials must go
    backward in one before it goes forward in the other: else the first one's ``backward`` raises CallOrderError.

    ``copy.deepcopy`` and ``pickle`` give a complete and independent copy, without the memory of a forward; copied
    together with an optimizer, both stay linked. A pickle is for processes side by side, never for a file: reading one
    runs whatever it says. ``save_model`` writes files.
    """

    op: type[Op]
    output_kind: ValueKind = "anything"
    """What the output is; see ``check_loss_matches``."""
    input_needed = True
    """Whether ``backward`` computes ∂L/∂x; a layer that reads the data itself may leave it out."""
    _memory: ClassVar[dict[str, Any]] = {"_context": None}
    """The attributes that belong to a forward, with what they hold without one; copies start so."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Let a subclass that was written for version 0.1 define things under their names of then, with a warning."""
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
        self._n_forwards = 0
        self._used: type[Op]
        self._out_shape: tuple[int, ...] = ()
        self._complex = False

    @property
    def params(self) -> NamedArrays:
        """The learned arrays by name; assigning a dict copies its arrays into place."""
        return self._params

    @params.setter
    def params(self, values: Mapping[str, Any]) -> None:
        self._params.assign(values)

    @property
    def grads(self) -> NamedArrays:
        """The gradients of ``params``, same names; assigning a dict copies its arrays into place."""
        return self._grads

    @grads.setter
    def grads(self, values: Mapping[str, Any]) -> None:
        self._grads.assign(values)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """``forward`` of the same arguments."""
        return self.forward(*inputs, **options)

    def forward(self, x: Array) -> Array:
        """The module's output for a batch ``x``; what ``backward`` will need is remembered.

        Raises ShapeError or DTypeError if ``x`` does not fit, before anything is changed.
        """
        x = self._check_batch("forward", "x", x)
        self._check_input(x)
        context = Context()
        formula = self._active_op()
        out = formula.forward(context, x, *self._params.values(), **self._op_kwargs())
        self._context, self._used, self._out_shape = context, formula, out.shape
        self._complex = out.dtype.kind == "c"
        self._n_forwards += 1
        return out

    def backward(self, dout: Array) -> Array | None:
        """∂L/∂x from ``dout`` = ∂L/∂out of the last ``forward``; the gradients of the parameters go into ``grads``.

        Returns None instead where the module was told that nobody needs ∂L/∂x. Raises CallOrderError without a
        forward, ShapeError if ``dout`` has not the output's shape, DTypeError if it is complex, or ``x`` was, and the
        parameters are real: complex numbers are for the forward, which the complex step differentiates.
        """
        context = self._remembered()
        dout = self._check_dout(dout)
        context.needs = (self.input_needed, *(True for _ in self._grads))
        context.into = (None, *self._grads.values())
        gradients = self._used.backward(context, dout)
        dx, *dparams = gradients if isinstance(gradients, tuple) else (gradients,)
        for into, gradient in zip(self._grads.values(), dparams, strict=True):
            if gradient is not into:
                into[...] = gradient
        result: Array | None = dx
        return result

    def children(self) -> dict[str, Module]:
        """The modules this one is made of, by name; none for a layer."""
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
        """Every learned array below this module, in the order of the forward pass, with its dotted name."""
        for prefix, leaf in self.leaves():
            for name in leaf._params:
                yield f"{prefix}.{name}".lstrip("."), LearnedArray(leaf._params, leaf._grads, name)

    def train(self, mode: bool = True) -> Self:
        """Use the training formulas from now on, or the evaluation ones if ``mode`` is False."""
        self.training = flag(f"{self!r}.train", "mode", mode)
        for child in self.children().values():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Use the evaluation formulas from now on."""
        return self.train(False)

    def clear_cache(self) -> None:
        """Forget the last forward, and so release the arrays kept for ``backward``."""
        vars(self).update(self._memory)
        for child in self.children().values():
            child.clear_cache()

    def state(self) -> dict[str, Array]:
        """Copies of all params and buffers under dotted names, as ``load_state`` takes them."""
        return {name: array.copy() for name, array in self._state_arrays().items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Write params and buffers from what ``state`` gave, or from lists of the same numbers; nothing is written if
        something does not fit.

        Raises UnknownNameError for names, ShapeError for shapes and DTypeError for kinds of numbers that do not fit.
        """
        NamedArrays(f"{self!r}.load_state", self._state_arrays()).assign(state)

    def astype(self, dtype: Any) -> Self:
        """A copy of this module whose params, grads and buffers have another kind of number; no cache goes along.

        Buffers of whole numbers count something, and stay what they are. Raises DTypeError for a dtype that one cannot
        compute in, such as float16.
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
        # What backward needs belongs to one forward of one module: a copy, or a pickle, starts without it.
        return vars(self) | self._memory

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._repr_args()})"

    def _repr_args(self) -> str:
        """What stands between the brackets of the constructor call that makes this module."""
        return ""

    def _active_op(self) -> type[Op]:
        """The formula that ``forward`` runs now, where training and evaluation have each their own."""
        return self.op

    def _op_kwargs(self) -> dict[str, Any]:
        """The keyword arguments of the formula."""
        return {}

    def _check_input(self, x: Array) -> None:
        """Raise ShapeError if ``x`` is not what this module takes."""

    def _check_params(self, params: Mapping[str, Any]) -> None:
        """Raise OptionError for more parameters than the formula takes: of a module without any, a stray argument."""
        op = getattr(type(self), "op", None)
        if op is None:
            return
        taken = inspect.signature(op.forward).parameters.values()
        most = sum(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in taken) - 2
        if len(params) > most:
            raise OptionError(f"{type(self).__name__}: takes {most} parameters, got {', '.join(params)}.")

    def _check_memory(self) -> None:
        """Raise CallOrderError if a module below has run another forward since this one's last."""

    def _remembered(self) -> Context:
        if self._context is None:
            raise CallOrderError(f"{self!r}.backward: a forward must come first. Hint: call forward on the batch.")
        return self._context

    def _check_batch(self, method: str, name: str, batch: Array) -> Array:
        if type(batch) is not np.ndarray or batch.dtype.kind not in "fc" or batch.dtype == np.float16:
            batch = numbers(f"{self!r}.{method}", name, batch)
        if batch.ndim == 0 or len(batch) == 0:
            raise ShapeError(f"{self!r}.{method}: {name} must hold at least one row, got {batch.shape}.")
        # Whole numbers become what NumPy itself makes of them in a division; no formula need know of them.
        return batch if batch.dtype.kind in "fc" else batch.astype(np.float64)

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
