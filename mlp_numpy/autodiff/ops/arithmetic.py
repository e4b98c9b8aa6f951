"""Arithmetic: elementwise formulas of two operands, with NumPy's broadcasting."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array, product, within_range
from mlp_numpy.autodiff.formula import Context
from mlp_numpy.autodiff.op import Op
from mlp_numpy.autodiff.ops.broadcasting import unbroadcast


class Add(Op):
    """
    Forward     out = a + b
    Backward    da = dout      db = dout           (each summed over the axes along which it was broadcast)
    Shapes      a, b: any that broadcast to each other   out, dout: the shape they broadcast to
    Caches      the two shapes
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, a: Array, b: Array) -> Array:
        context["shapes"] = a.shape, b.shape
        out: Array = a + b
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array | None, Array | None]:
        shape_a, shape_b = context["shapes"]
        da = unbroadcast(dout, shape_a) if context.wants(0) else None
        db = unbroadcast(dout, shape_b) if context.wants(1) else None
        return da, db


class Sub(Op):
    """
    Forward     out = a − b
    Backward    da = dout      db = −dout          (each summed over the axes along which it was broadcast)
    Shapes      a, b: any that broadcast to each other   out, dout: the shape they broadcast to
    Caches      the two shapes
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, a: Array, b: Array) -> Array:
        context["shapes"] = a.shape, b.shape
        out: Array = a - b
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array | None, Array | None]:
        shape_a, shape_b = context["shapes"]
        da = unbroadcast(dout, shape_a) if context.wants(0) else None
        db = -unbroadcast(dout, shape_b) if context.wants(1) else None
        return da, db


class Multiply(Op):
    """
    Forward     out = a ⊙ b
    Backward    da = dout ⊙ b      db = dout ⊙ a   (each summed over the axes along which it was broadcast)
    Shapes      a, b: any that broadcast to each other   out, dout: the shape they broadcast to
    Caches      a, b  (views, no copy)
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, a: Array, b: Array) -> Array:
        context["a"], context["b"] = a, b
        out: Array = a * b
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array | None, Array | None]:
        a, b = context["a"], context["b"]
        da = unbroadcast(dout * b, a.shape) if context.wants(0) else None
        db = unbroadcast(dout * a, b.shape) if context.wants(1) else None
        return da, db


class Divide(Op):
    """
    Forward     out = a / b
    Backward    da = dout / b      db = −dout ⊙ (a/b) / b  (each summed over the axes along which it was broadcast)
    Shapes      a, b: any that broadcast to each other   out, dout: the shape they broadcast to
    Caches      a, b  (views, no copy)
    Kinks       none; b = 0 has no quotient
    Reference   "Assignment 2" (Vannucci), question 1, without the erroneous minus signs of its derivation
    """

    @staticmethod
    def forward(context: Context, a: Array, b: Array) -> Array:
        context["a"], context["b"] = a, b
        out: Array = a / b
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array | None, Array | None]:
        a, b = context["a"], context["b"]
        da = unbroadcast(dout / b, a.shape) if context.wants(0) else None
        # not by b², which may overflow or underflow where the quotient does not
        db = unbroadcast(within_range(_db, dout, a, b), b.shape) if context.wants(1) else None
        return da, db


def _db(dout: Array, a: Array, b: Array) -> Array:
    db: Array = -dout * (a / b) / b
    return db


class Power(Op):
    """
    Forward     out = aᵇ
    Backward    da = dout ⊙ b aᵇ⁻¹      db = dout ⊙ aᵇ log a   (each summed over the axes it was broadcast along)
    Shapes      a, b: any that broadcast to each other   out, dout: the shape they broadcast to
    Caches      a, b  (views, no copy), out
    Kinks       at a = 0: b = 0 gives da = 0 since a⁰ is 1 everywhere; db = 0, its limit for b > 0
    Reference   elementary calculus. The logarithm of a negative a is NaN; da does not need it.
    """

    @staticmethod
    def forward(context: Context, a: Array, b: Array) -> Array:
        out: Array = a**b
        context["a"], context["b"], context["out"] = a, b, out
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array | None, Array | None]:
        a, b, out = context["a"], context["b"], context["out"]
        da = db = None
        if context.wants(0):
            # Where b = 0 the base has no effect, and 1 avoids the warning about 0⁻¹.
            base = np.where(b == 0, np.ones_like(a), a)
            da = unbroadcast(within_range(_da, dout, base, b), a.shape)
        if context.wants(1):
            logarithm = np.log(np.where(a == 0, np.ones_like(a), a))
            db = unbroadcast(product(dout * out, logarithm), b.shape)
        return da, db


def _da(dout: Array, a: Array, b: Array) -> Array:
    da: Array = dout * b * a ** (b - 1)
    return da


class Negate(Op):
    """
    Forward     out = −x
    Backward    dx = −dout
    Shapes      x, out, dout: any, all the same
    Caches      nothing
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out: Array = -x
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx: Array = -dout
        return dx


class Where(Op):
    """
    Forward     out = a where the condition c holds, b elsewhere
    Backward    da = dout ⊙ c      db = dout ⊙ (1 − c)     (each summed over the axes along which it was broadcast)
    Shapes      a, b and the condition, a constant array of bools: any that broadcast to each other
                out, dout: the shape they broadcast to
    Caches      c, the two shapes
    Kinks       none in a and b; no gradient goes to the condition
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, a: Array, b: Array, *, condition: Array) -> Array:
        context["condition"], context["shapes"] = np.asarray(condition, dtype=bool), (a.shape, b.shape)
        return np.where(condition, a, b)

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array | None, Array | None]:
        condition, (shape_a, shape_b) = context["condition"], context["shapes"]
        da = unbroadcast(np.where(condition, dout, 0), shape_a) if context.wants(0) else None
        db = unbroadcast(np.where(condition, 0, dout), shape_b) if context.wants(1) else None
        return da, db
