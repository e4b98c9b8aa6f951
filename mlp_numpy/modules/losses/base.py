"""What all losses share: predictions and labels come in together, one number goes out."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.errors import DTypeError, LabelError, OptionError, ShapeError, unknown_name
from mlp_numpy.modules.base import Content, Module
from mlp_numpy.modules.losses.reduction import Reduction


class LossModule(Module):
    """The base of the losses: ``forward(x, y)`` gives the loss, ``backward`` its gradient ∂L/∂x.

    reduction   "mean" divides the sum of the losses by how many there are, "sum" does not, "none" gives them all;
                what one loss belongs to, a row or a number, each module says

    ``forward(x, y, weight)`` weighs the rows: a row of weight 2 counts as if it were there twice, one of weight 0 as
    if it were not there. "mean" then divides by the sum of the weights, and is 0 where they are all 0.

    Labels and weights may be kept without a copy, and must stay as they are from ``forward`` to ``backward``.

    Raises ShapeError, DTypeError or LabelError when predictions and labels do not fit each other, OptionError for an
    unknown reduction or a weight that is negative or not finite.
    """

    takes: Content = "anything"
    """What the predictions must be; see ``check_chain``."""

    def __init__(self, reduction: Reduction = "mean") -> None:
        if reduction not in get_args(Reduction):
            raise unknown_name("reduction", str(reduction), get_args(Reduction))
        super().__init__()
        self.reduction: Reduction = reduction
        self._out_dtype: Any = np.float64

    @property
    def total_weight(self) -> float:
        """What "mean" divides by, for the batch of the last ``forward``: how many losses, each with its weight."""
        return float(self._remembered()["total"])

    def forward(self, x: Array, y: Array | None = None, weight: Array | None = None) -> Array:
        """The loss of predictions ``x`` for labels ``y``: a number, or all of them with reduction "none"."""
        x = self._check_batch("forward", "x", x)
        self._check_input(x)
        if y is None:
            raise LabelError(f"{self._forward}: labels must be given, got none. Hint: forward(x, y).")
        targets = self.targets(x, y, weight)
        context = Context()
        out = self.op.forward(context, x, **targets, reduction=self.reduction, **self._constants())
        self._context, self._out_shape, self._out_dtype = context, np.shape(out), out.dtype
        return out

    def backward(self, dout: Array | None = None, y: Array | None = None, weight: Array | None = None) -> Array:
        """∂L/∂x, of x's shape.

        ``backward()`` differentiates the last forward, ``backward(dout=g)`` weighs it with ∂(something)/∂L, and
        ``backward(x, y)``, or ``backward(x, y, weight)``, first runs the forward of this batch.
        """
        if y is not None:
            if dout is None:
                raise ShapeError(f"{self!r}.backward: x must come with y, got y alone. Hint: backward(x, y).")
            self.forward(dout, y, weight)
            dout = None
        context = self._remembered()
        if dout is None:
            dout = np.ones(self._out_shape, self._out_dtype)[()]
        elif np.shape(dout) != self._out_shape:
            raise ShapeError(
                f"{self!r}.backward: dout must be {self._out_shape}, as the loss was, got {np.shape(dout)}. "
                "Hint: predictions need their labels, backward(x, y)."
            )
        dx: Array = self.op.backward(context, np.asarray(dout, self._out_dtype)[()])
        return dx

    def targets(self, x: Array, y: Array, weight: Array | None = None) -> dict[str, Any]:
        """The labels and weights of a batch as the formula takes them, keyword by keyword, once they are checked."""
        return {"y": self._check_labels(x, np.asarray(y)), "weight": self._check_weight(x, weight)}

    @property
    def _forward(self) -> str:
        return f"{type(self).__name__}.forward"

    def _arguments(self) -> str:
        options = {} if self.reduction == "mean" else {"reduction": self.reduction}
        return ", ".join(f"{name}={value!r}" for name, value in (options | self._options()).items())

    def _options(self) -> dict[str, Any]:
        """The arguments of the constructor besides the reduction, where they are not the default."""
        return {}

    def _check_labels(self, x: Array, y: Array) -> Array:
        """One target for each number of ``x``; never broadcast."""
        if y.shape != x.shape:
            raise ShapeError(
                f"{self._forward}: predictions and labels must have one shape, got x {x.shape} and y {y.shape}. "
                "Hint: y.reshape(x.shape), if they are meant row by row."
            )
        if y.dtype.kind not in "fiub":
            raise LabelError(f"{self._forward}: labels must be numbers, got {y.dtype}.")
        return y.astype(x.real.dtype, copy=False)

    def _check_weight(self, x: Array, weight: Array | None) -> Array | None:
        if weight is None:
            return None
        weight = np.asarray(weight)
        if weight.shape != x.shape[:1]:
            raise ShapeError(f"{self._forward}: weight must be ({len(x)},), one a row of x, got {weight.shape}.")
        if weight.dtype.kind not in "fiub":
            raise DTypeError(f"{self._forward}: weight must hold numbers, got {weight.dtype}.")
        good = (weight >= 0) & np.isfinite(weight)
        if not good.all():
            row = int(np.flatnonzero(~good)[0])
            raise OptionError(f"{self._forward}: weights must be finite and ≥ 0, got {weight[row]} at row {row}.")
        return weight.astype(x.real.dtype, copy=False)
