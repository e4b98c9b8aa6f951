"""Typical mistakes in the derivatives of elementary formulas, which have no line in the audit's table."""

from __future__ import annotations

from typing import Any, Final

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Multiply, Power
from mlp_numpy.checking.mutants.mutant import Mutant


def _exponent_forgotten(context: Context, dout: Array) -> Any:
    a, b = context["a"], context["b"]
    return dout * a ** (b - 1), None


def _exponent_kept(context: Context, dout: Array) -> Any:
    a, b = context["a"], context["b"]
    return dout * b * a**b, None


def _base_forgotten(context: Context, dout: Array) -> Any:
    return dout * context["b"], None


def _own_factor(context: Context, dout: Array) -> Any:
    return dout * context["a"], dout * context["b"]


ELEMENTARY_MISTAKES: Final = (
    Mutant(Power, "without the exponent as a factor", _exponent_forgotten, why="The derivative of xᵇ is b xᵇ⁻¹."),
    Mutant(Power, "with the exponent not lowered", _exponent_kept, why="The derivative of xᵇ is b xᵇ⁻¹."),
    Mutant(Power, "the exponent alone", _base_forgotten, why="The derivative of xᵇ is b xᵇ⁻¹: it depends on x."),
    Mutant(
        Multiply,
        "its own factor instead of the other one",
        _own_factor,
        why="The slope of x w in x is w: what x is multiplied by, not x itself.",
    ),
)
