"""Explanation of a formula: its equations, their derivation, loops over indices, and a worked example of both."""

from __future__ import annotations

import inspect
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.explain.derivation import Derivation, derivation
from mlp_numpy.explain.example import Example
from mlp_numpy.explain.formulas import FORMULAS
from mlp_numpy.explain.loops.activations import ACTIVATIONS
from mlp_numpy.explain.loops.arithmetic import ARITHMETIC
from mlp_numpy.explain.loops.functions import FUNCTIONS
from mlp_numpy.explain.loops.images import IMAGES
from mlp_numpy.explain.loops.layers import LAYERS
from mlp_numpy.explain.loops.losses import LOSSES
from mlp_numpy.explain.loops.matrices import MATRICES
from mlp_numpy.explain.loops.normalization import NORMALIZATION
from mlp_numpy.explain.loops.pools import POOLS
from mlp_numpy.explain.loops.rectifiers import RECTIFIERS
from mlp_numpy.explain.loops.reductions import REDUCTIONS
from mlp_numpy.explain.loops.shapes import SHAPES
from mlp_numpy.numeric_diff import numeric_gradient

__all__ = ["EXAMPLES", "FORMULAS", "Derivation", "Example", "derivation", "explain_formula"]

EXAMPLES: Final = {
    example.name: example
    for example in (
        *(*LAYERS, *RECTIFIERS, *ACTIVATIONS, *NORMALIZATION, *IMAGES, *POOLS, *LOSSES),
        *(*ARITHMETIC, *FUNCTIONS, *MATRICES, *REDUCTIONS, *SHAPES),
    )
}


def explain_formula(name: str) -> str:
    """Explain the formula ``name`` as text: equations, their derivation, loops, and a worked example of both.

    Raises OptionError for an unknown name, with the closest match.
    """
    derived, chosen = derivation(name), EXAMPLES[name]
    arrays = {key: np.array(value) for key, value in chosen.arrays.items()}
    dout = np.array(chosen.dout)
    by_sums, vectorized = _both_ways(chosen, arrays, dout)
    by_steps = _by_complex_steps(chosen, arrays, dout)
    given = arrays | {key: value for key, value in chosen.constants.items() if isinstance(value, np.ndarray)}
    settings = [f"{key} = {value}" for key, value in chosen.constants.items() if key not in given]
    return "\n".join(
        [
            f"{name}, in {chosen.op.__module__}",
            "",
            inspect.cleandoc(chosen.op.__doc__ or ""),
            "",
            "The derivation, with dA for ∂L/∂A:",
            "",
            derived.text,
            "",
            "The same, sum by sum:",
            "",
            _indented(inspect.getsource(chosen.forward)),
            _indented(inspect.getsource(chosen.backward)),
            "An example" + (f" with {', '.join(settings)}:" if settings else ":"),
            "",
            *(_column(key, value) for key, value in (given | {"dout": dout}).items()),
            "",
            "Computed in both ways, on the left sum by sum, on the right by the formula:",
            "",
            *(_beside(key, by_sums[key], vectorized[key]) for key in by_sums),
            "",
            f"Largest difference: {_largest_difference(by_sums, vectorized)}",
            f"Largest difference between gradients and complex steps: {_largest_difference(by_steps, vectorized)}",
        ]
    )


def _both_ways(chosen: Example, arrays: dict[str, Array], dout: Array) -> tuple[dict[str, Array], dict[str, Array]]:
    """Outputs and gradients by name, of the loops and of the formula."""
    names = ["out", *(f"d{key}" for key in arrays)]
    context = Context()
    out = chosen.op.forward(context, *arrays.values(), **chosen.constants)
    by_formula = [out, *_several(chosen.op.backward(context, dout))]
    slow = chosen.forward(*arrays.values(), **chosen.constants)
    by_sums = [slow, *_several(chosen.backward(dout, *arrays.values(), **chosen.constants))]
    return dict(zip(names, by_sums, strict=True)), dict(zip(names, by_formula, strict=True))


def _by_complex_steps(chosen: Example, arrays: dict[str, Array], dout: Array) -> dict[str, Array]:
    """Numeric gradients by name, of the formula's forward alone."""
    moved = {key: value.astype(complex) for key, value in arrays.items()}

    def loss() -> complex:
        return complex(np.sum(dout * chosen.op.forward(Context(), *moved.values(), **chosen.constants)))

    return {f"d{key}": numeric_gradient(loss, value, "complex") for key, value in moved.items()}


def _largest_difference(some: dict[str, Array], others: dict[str, Array]) -> str:
    return f"{max(np.abs(some[key] - others[key]).max() for key in some):.1e}"


def _several(gradients: Any) -> tuple[Array, ...]:
    return gradients if isinstance(gradients, tuple) else (gradients,)


def _indented(code: str) -> str:
    return "".join(f"    {line}" if line.strip() else line for line in code.splitlines(keepends=True))


def _numbers(array: Array) -> list[str]:
    return np.array2string(np.asarray(array), precision=4, suppress_small=True, floatmode="maxprec_equal").split("\n")


def _column(name: str, array: Array) -> str:
    first, *rest = _numbers(array)
    return "\n".join([f"{name:<8}{first}", *(f"{'':8}{line}" for line in rest)])


def _beside(name: str, left: Array, right: Array) -> str:
    lines = zip(_numbers(left), _numbers(right), strict=True)
    return "\n".join(f"{name if i == 0 else '':<8}{one:<34}{other}" for i, (one, other) in enumerate(lines))
