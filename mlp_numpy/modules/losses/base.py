"""Base class of the losses, and the check that a model's output is what its loss expects."""

from __future__ import annotations

import math
from typing import Any, Final, get_args

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.autodiff import Context
from mlp_numpy.checks import choice, instance, plain_array
from mlp_numpy.errors import DTypeError, LabelError, OptionError, ShapeError
from mlp_numpy.modules.base import Module, ValueKind
from mlp_numpy.modules.losses.domain import check_domain
from mlp_numpy.modules.losses.reduction import Reduction, quiet


class LossModule(Module):
    """The base class of the losses: ``forward(x, y)`` returns the loss, ``backward`` its gradient ∂L/∂x.

    reduction   "mean" divides the sum of the losses by their number, "sum" does not, "none" returns all losses; each
                module documents whether there is one loss per example or per value

    ``forward(x, y, weight)`` weights the examples, (N,), or the losses, in the shape that "none" returns: what has the
    weight 2 counts twice, what has the weight 0 is ignored, even if it is not finite. "mean" then divides by the sum of
    the weights, and is 0 if they are all 0. Weights are float64, for predictions of every dtype.

    Labels and weights may be cached without a copy, and must not be modified between ``forward`` and ``backward``.

    At ±∞ loss and gradient are the limits of the formula, and NaN where there is none, as for ∞ − ∞. Intermediate
    results that overflow float32 are computed in float64.

    Raises ShapeError, DTypeError or LabelError when predictions and labels do not match, DomainError for predictions
    outside the domain of ``input_kind`` by more than 0.001, OptionError for an unknown reduction, a weight that is
    negative or not finite, or weights whose sum is not.
    """

    input_kind: ValueKind = "anything"
    """The meaning of the predictions; see ``check_loss_matches``."""

    def __init__(self, reduction: Reduction = "mean") -> None:
        choice(type(self).__name__, "reduction", reduction, get_args(Reduction))
        super().__init__()
        self.reduction: Reduction = reduction
        self._out_dtype: Any = np.float64

    @property
    def total_weight(self) -> float:
        """The divisor of "mean" for the batch of the last ``forward``: the weighted number of losses."""
        return float(self._remembered()["total"])

    def forward(self, x: Array, y: Array | None = None, weight: Array | None = None) -> Array:
        """The loss of predictions ``x`` for labels ``y``: a number, or an array with reduction "none"."""
        x = self._check_batch("forward", "x", x)
        self._check_input(x)
        if y is None:
            raise LabelError(f"{self._forward}: labels must be given, got none. Hint: forward(x, y).")
        targets = self._targets(x, y, weight)
        self._check_predictions(x, targets["weight"])
        context, out = self._computed(x, targets)
        if x.dtype == np.float32 and not (math.isfinite(out) if out.ndim == 0 else all_finite(out)) and all_finite(x):
            context, out = self._computed(x.astype(np.float64), targets)
            out = narrowed(out, np.float32)
        self._context, self._out_shape, self._out_dtype = context, out.shape, out.dtype
        return out

    def _computed(self, x: Array, targets: dict[str, Any]) -> tuple[Context, Array]:
        context = Context()
        op = self._active_op()
        return context, op.forward(context, x, **targets, reduction=self.reduction, **self._op_kwargs())

    @quiet
    def backward(self, dout: Array | None = None, y: Array | None = None, weight: Array | None = None) -> Array:
        """∂L/∂x, of x's shape.

        ``backward()`` differentiates the last forward, ``backward(dout=g)`` multiplies it by an outer gradient g, and
        ``backward(x, y)``, or ``backward(x, y, weight)``, first runs the forward of this batch.
        """
        if y is not None:
            if dout is None:
                raise ShapeError(f"{self!r}.backward: x must come with y, got y alone. Hint: backward(x, y).")
            self.forward(dout, y, weight)
            dout = None
        context = self._remembered()
        if self._out_dtype.kind == "c":
            raise DTypeError(f"{self!r}.backward: x must have been real, got {self._out_dtype} in forward.")
        if dout is None and not self._out_shape:
            return narrowed(self.op.backward(context, self._out_dtype.type(1)), self._out_dtype)
        dout = np.ones(self._out_shape, self._out_dtype) if dout is None else self._numbers("backward", "dout", dout)
        if dout.shape != self._out_shape:
            raise ShapeError(
                f"{self!r}.backward: dout must be {self._out_shape}, as the loss was, got {dout.shape}. "
                "Hint: predictions need their labels, backward(x, y)."
            )
        dx: Array = self.op.backward(context, narrowed(dout, self._out_dtype)[()])
        return narrowed(dx, self._out_dtype)

    def targets(self, x: Array, y: Array, weight: Array | None = None) -> dict[str, Any]:
        """Check labels and weights of a batch and convert them to the formula's keyword arguments."""
        x = self._check_batch("targets", "x", x)
        self._check_input(x)
        return self._targets(x, y, weight)

    def _targets(self, x: Array, y: Array, weight: Array | None) -> dict[str, Any]:
        return {"y": self._check_labels(x, self._array("y", y)), "weight": self._check_weight(x, weight)}

    @property
    def _forward(self) -> str:
        return f"{type(self).__name__}.forward"

    def _repr_args(self) -> str:
        options = {} if self.reduction == "mean" else {"reduction": self.reduction}
        return ", ".join(f"{name}={value!r}" for name, value in (options | self._options()).items())

    def _options(self) -> dict[str, Any]:
        """The constructor's other arguments that differ from their defaults."""
        return {}

    def _check_input(self, x: Array) -> None:
        if x.size == 0:
            raise ShapeError(f"{self._forward}: x must hold at least one number, got {x.shape}.")

    def _check_predictions(self, x: Array, weight: Array | None) -> None:
        """Raise DomainError for invalid predictions, after labels and weights have been checked."""
        check_domain(self._forward, self.input_kind, x, weight)

    def _check_labels(self, x: Array, y: Array) -> Array:
        """Check for one target per value of ``x``, without broadcasting."""
        if y.shape != x.shape:
            raise ShapeError(
                f"{self._forward}: predictions and labels must have one shape, got x {x.shape} and y {y.shape}. "
                "Hint: y.reshape(x.shape), if they are meant row by row."
            )
        if y.dtype.kind not in "fiub":
            raise LabelError(f"{self._forward}: labels must be numbers, got {y.dtype}.")
        return narrowed(y, x.real.dtype)

    def _losses_shape(self, x: Array) -> tuple[int, ...]:
        """The shape of the losses of a batch before they are reduced."""
        return tuple(x.shape)

    def _check_weight(self, x: Array, weight: Array | None) -> Array | None:
        """The weights of the examples, (N,), or of the losses, in float64."""
        if weight is None:
            return None
        weight = self._numbers("forward", "weight", weight)
        losses = self._losses_shape(x)
        if weight.shape not in (x.shape[:1], losses):
            forms = f"({len(x)},), one per example of x" + (f", or {losses}, one per loss" if len(losses) > 1 else "")
            raise ShapeError(f"{self._forward}: weight must be {forms}, got {weight.shape}.")
        v = narrowed(weight, np.float64)
        good = (v >= 0) & np.isfinite(v)
        if not good.all():
            place = tuple(int(i) for i in np.argwhere(~good)[0])
            where = f"row {place[0]}" if v.ndim == 1 else f"{list(place)}"
            raise OptionError(f"{self._forward}: weights must be finite and ≥ 0, got {weight[place]} at {where}.")
        return self._check_sum(x, v)

    def _array(self, name: str, value: Any) -> Array:
        return value if type(value) is np.ndarray else plain_array(self._forward, name, value)

    def _numbers(self, method: str, name: str, value: Any) -> Array:
        array = plain_array(f"{type(self).__name__}.{method}", name, value)
        if array.dtype.kind not in "fiub":
            raise DTypeError(f"{type(self).__name__}.{method}: {name} must hold numbers, got {array.dtype}.")
        return array

    def _check_sum(self, x: Array, weight: Array) -> Array:
        with np.errstate(over="ignore"):
            total = weight.sum() * (math.prod(self._losses_shape(x)) // weight.size)
        if not np.isfinite(total):
            raise OptionError(f"{self._forward}: weights must have a finite sum, got {weight.max():g} among them.")
        return weight


def narrowed(array: Array, dtype: Any) -> Array:
    """``array`` converted to another dtype; overflow becomes infinity."""
    if array.dtype == dtype:
        return array
    with np.errstate(all="ignore"):
        return array.astype(dtype)


def check_loss_matches(model: Module, loss: LossModule) -> None:
    """Raise OptionError if ``model`` outputs probabilities and ``loss`` expects scores, and so on.

    Raises OptionError as well if ``model`` is not a Module or ``loss`` not a LossModule. Called wherever a model and a
    loss are first combined. A model without a declaration is accepted: ``Module.output_kind`` and
    ``LossModule.input_kind`` are "anything" by default.
    """
    instance("check_loss_matches", "model", model, Module)
    instance("check_loss_matches", "loss", loss, LossModule)
    if "anything" in (model.output_kind, loss.input_kind) or model.output_kind in ("its input", loss.input_kind):
        return
    raise OptionError(
        f"check_loss_matches: {loss!r} must be given {loss.input_kind}, but {model!r} gives {model.output_kind}. "
        f"Hint: {_HINTS[model.output_kind, loss.input_kind]}."
    )


_HINTS: Final = {
    ("scores", "probabilities"): "SoftMaxModule or SigmoidModule at the model's end, or SoftMaxCrossEntropyModule or "
    "BCEWithLogitsModule for its loss",
    ("scores", "log-probabilities"): "LogSoftMaxModule at the model's end, or SoftMaxCrossEntropyModule for its loss",
    ("probabilities", "scores"): "leave out the model's last layer (an MLP has .logits), or take CrossEntropyModule or "
    "BCEModule for its loss",
    ("probabilities", "log-probabilities"): "LogSoftMaxModule at the model's end, or CrossEntropyModule for its loss",
    ("log-probabilities", "scores"): "leave out the model's last layer, or take NLLModule for its loss",
    ("log-probabilities", "probabilities"): "SoftMaxModule at the model's end, or NLLModule for its loss",
}
