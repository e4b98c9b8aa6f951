"""Activations with constant pieces: Hardtanh, ReLU6, Hardswish."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, holds_nan, kept, mark_nans, product
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import number
from mlp_numpy.errors import OptionError
from mlp_numpy.modules.base import Module


class Hardtanh(Op):
    """
    Forward     out = min(b, max(a, x)): a for x ≤ a, b for x ≥ b, x between
    Backward    dx = 1[a < x < b] ⊙ dout
    Shapes      x, out, dout: any, all the same
    Caches      1[a < x < b], whether x holds a NaN, and then x
    Kinks       at x = a and x = b the slope is 0
    Reference   Collobert 2004, "Large Scale Machine Learning", section 7.2, for a = −1 and b = 1; ReLU6, a = 0 and
                b = 6: Krizhevsky 2010, "Convolutional Deep Belief Networks on CIFAR-10", section 3.1
    """

    @staticmethod
    def forward(context: Context, x: Array, *, low: float, high: float) -> Array:
        with np.errstate(over="ignore"):  # a bound beyond the range of float32 is ±∞
            a, b = np.array([low, high], x.real.dtype)
        below, above = x.real <= a, x.real >= b
        out = np.where(below, a, np.where(above, b, x)) if x.dtype.kind == "c" else np.clip(x, a, b)
        context["between"], context["x"] = ~(below | above), x if holds_nan(x) else None
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx = kept(context["between"], dout)
        if context["x"] is not None:
            mark_nans(dx, context["x"])
        return dx


class Hardswish(Op):
    """
    Forward     out = x min(6, max(0, x + 3)) / 6: 0 for x ≤ −3, x for x ≥ 3
    Backward    dx = 0 for x ≤ −3, dout for x ≥ 3, dout ⊙ (2x + 3) / 6 between
    Shapes      x, out, dout: any, all the same
    Caches      the slope, the factor of dout
    Kinks       at x = −3 the slope is 0, at x = 3 it is 1
    Reference   Howard et al. 2019, "Searching for MobileNetV3", section 5.2
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        above = x.real >= 3
        between = (x.real > -3) & ~above
        out, slope = kept(above, x), above.astype(x.dtype)
        np.multiply(x, (x + 3) / 6, out=out, where=between)
        np.add(x / 3, 0.5, out=slope, where=between)
        mark_nans(out, x)
        mark_nans(slope, x)
        context["slope"] = slope
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return product(context["slope"], dout)


class HardtanhModule(Module):
    """``x`` between ``min_val`` and ``max_val``, else the nearer of them; the derivative at both is 0.

    Raises OptionError for bounds that are not finite, or a min_val that is not below max_val.
    """

    op = Hardtanh
    output_kind = "scores"

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        super().__init__()
        who = type(self).__name__
        self.min_val, self.max_val = number(who, "min_val", min_val), number(who, "max_val", max_val)
        if not self.min_val < self.max_val:
            raise OptionError(f"{who}: min_val must be below max_val, got {min_val!r} and {max_val!r}.")

    def _repr_args(self) -> str:
        bounds = (("min_val", self.min_val, -1), ("max_val", self.max_val, 1))
        return ", ".join(f"{name}={value:g}" for name, value, default in bounds if value != default)

    def _op_kwargs(self) -> dict[str, Any]:
        return {"low": self.min_val, "high": self.max_val}


class ReLU6Module(HardtanhModule):
    """``min(6, max(0, x))``; the derivative at 0 and at 6 is 0."""

    def __init__(self) -> None:
        super().__init__(0.0, 6.0)

    def _repr_args(self) -> str:
        return ""


class HardswishModule(Module):
    """SiLU with straight pieces: 0 below -3, ``x`` above 3, ``x · (x + 3) / 6`` between."""

    op = Hardswish
    output_kind = "scores"

    def __init__(self) -> None:
        super().__init__()
