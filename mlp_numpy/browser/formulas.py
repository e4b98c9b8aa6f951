"""The page of a formula: its equation, and its forward and backward on numbers that a reader changes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import numbers, shown
from mlp_numpy.errors import MlpNumpyError, OptionError, ShapeError, UnknownNameError, unknown_name
from mlp_numpy.explain import EXAMPLES
from mlp_numpy.explain.example import Example
from mlp_numpy.numeric_diff import numeric_gradient

Json = dict[str, Any]


def formula_page(name: str, changed: Mapping[str, Any] | None = None) -> Json:
    """Equation, inputs, output and gradients of the formula ``name``, each gradient beside its complex step.

    changed   new values, as nested lists, of some of the example's arrays or of ``dout``, in their shapes

    The last entry of "gradients" is the largest difference. Raises OptionError for an unknown formula, UnknownNameError
    for an unknown array, DTypeError, ShapeError or OptionError for values that are not finite numbers of its shape.
    """
    example = _example(name)
    inputs = {key: np.array(value, np.float64) for key, value in example.arrays.items()}
    inputs["dout"] = np.array(example.dout, np.float64)
    for key, values in (changed or {}).items():
        inputs[key] = _checked(name, inputs, key, values)
    dout = inputs["dout"]
    arrays = {key: value for key, value in inputs.items() if key != "dout"}
    context = Context()
    with np.errstate(all="ignore"):
        out = example.op.forward(context, *arrays.values(), **example.constants)
        found = example.op.backward(context, dout)
        analytic = dict(zip(arrays, found if isinstance(found, tuple) else (found,), strict=True))
        numeric = _complex_step(example, arrays, dout)
    gradients = [
        {
            "name": f"d{key}",
            "analytic": as_json(analytic[key]),
            "numeric": as_json(numeric[key]),
            "difference": as_json(np.abs(analytic[key] - numeric[key]).max()),
        }
        for key in arrays
    ]
    return {
        "name": name,
        "module": example.op.__module__,
        "equation": equation_lines(example.op),
        "inputs": [array_json(key, value) for key, value in inputs.items()],
        "constants": {key: _constant(value) for key, value in example.constants.items()},
        "out": as_json(out),
        "gradients": gradients,
    }


def equation_lines(subject: type) -> list[Json]:
    """The lines of the docstring of a formula, or of any class, each with the part that it belongs to.

    A part begins with its name and ends before the next: ``Forward``, ``Backward``, ``Shapes`` and so on; "" before the
    first.
    """
    lines, part = [], ""
    for line in inspect.cleandoc(subject.__doc__ or "").splitlines():
        begins = re.match(r"([A-Z]\w+)\s{2,}", line)
        part = begins[1] if begins else part
        lines.append({"part": part, "text": line})
    return lines


def as_json(value: Any) -> Any:
    """Numbers as nested lists for JSON, which has neither NaN nor infinity: None stands for them."""
    if isinstance(value, np.ndarray) and value.ndim:
        return [as_json(row) for row in value]
    number = float(value)
    return number if np.isfinite(number) else None


def array_json(name: str, value: Array) -> Json:
    """A named array with its shape."""
    return {"name": name, "shape": list(value.shape), "values": as_json(value)}


def _example(name: str) -> Example:
    if not isinstance(name, str) or name not in EXAMPLES:
        raise unknown_name("formula", name if isinstance(name, str) else shown(name), EXAMPLES)
    return EXAMPLES[name]


def _checked(name: str, inputs: Mapping[str, Array], key: str, values: Any) -> Array:
    if key not in inputs:
        raise UnknownNameError(f"formula_page: {name} has no array {key!r}; there are {', '.join(inputs)}.")
    array = numbers("formula_page", key, values)
    if array.shape != inputs[key].shape:
        raise ShapeError(f"formula_page: {key} must be {inputs[key].shape}, got {array.shape}.")
    if not np.isfinite(array).all():
        raise OptionError(f"formula_page: {key} must hold finite numbers, got {shown(values)}.")
    return array.astype(np.float64)


def _complex_step(example: Example, arrays: Mapping[str, Array], dout: Array) -> dict[str, Array]:
    """∂(Σ dout ⊙ out)/∂array for each array."""
    twins = {key: value.astype(np.complex128) for key, value in arrays.items()}

    def value() -> complex:
        return complex(np.sum(dout * example.op.forward(Context(), *twins.values(), **example.constants)))

    return {key: numeric_gradient(value, twin, "complex") for key, twin in twins.items()}


def _constant(value: Any) -> Any:
    return as_json(value) if isinstance(value, np.ndarray) else value if isinstance(value, str) else repr(value)


def op_titles() -> list[Json]:
    """Every formula that has a page, with the first line of its forward."""
    return [{"name": name, "forward": _first_line(example.op)} for name, example in EXAMPLES.items()]


def _first_line(op: type[Op]) -> str:
    lines = [line["text"] for line in equation_lines(op) if line["part"] == "Forward"]
    return " ".join(lines[0].split()[1:]) if lines else ""


def error_json(error: MlpNumpyError) -> Json:
    """An error of the library for the page."""
    return {"kind": type(error).__name__, "message": str(error)}
