"""Full-batch L-BFGS for small problems: SciPy minimizes, the model computes loss and gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import POSITIVE, number, shown, whole_number
from mlp_numpy.errors import DTypeError, ExtraMissingError, NonFiniteError, OptionError
from mlp_numpy.optim.flat import FlatParameters, flat_parameters


@dataclass(frozen=True)
class Minimum:
    """The result of ``minimize``: loss, number of iterations, convergence, and reason of termination."""

    value: float
    iterations: int
    converged: bool
    message: str


def minimize(
    parameters: FlatParameters,
    objective: Callable[[], float],
    *,
    max_iterations: int = 1000,
    max_calls: int | None = None,
    tolerance: float = 1e-6,
) -> Minimum:
    """Minimize a loss over all parameters by L-BFGS, starting at their current values; they end at the smallest loss
    found.

    objective        computes the loss of all examples with the current parameters and writes its gradient to
                     ``parameters.grads``; it must be deterministic (no dropout, no random batches)
    max_iterations   maximum number of steps, an integer > 0; each takes one or a few calls of ``objective``
    max_calls        maximum number of these calls, an integer > 0; 50 per step by default
    tolerance        converged when no value of the gradient is larger in size than this, > 0, or when the loss falls by
                     no more than the rounding error of the parameters' dtype

    The method is SciPy's L-BFGS-B without bounds: Byrd, Lu, Nocedal and Zhu 1995, "A Limited Memory Algorithm for Bound
    Constrained Optimization". If ``objective`` raises, the initial parameters are restored.

    Raises OptionError for settings outside their bounds, NonFiniteError if the initial loss is not finite,
    DTypeError for complex parameters, ExtraMissingError without SciPy.
    """
    scipy_minimize = _scipy()
    flat_parameters("minimize", parameters)
    if parameters.values.dtype.kind == "c":
        raise DTypeError(f"minimize: parameters must be real, got {parameters.values.dtype}.")
    if not callable(objective):
        raise OptionError(f"minimize: objective must be a function that gives the loss, got {shown(objective)}.")
    number("minimize", "tolerance", tolerance, POSITIVE)
    whole_number("minimize", "max_iterations", max_iterations)
    calls = 50 * max_iterations if max_calls is None else whole_number("minimize", "max_calls", max_calls)

    def loss_and_gradient(vector: Array) -> tuple[float, Array]:
        parameters.values[...] = vector
        return _value(objective()), parameters.grads.astype(np.float64)

    start = parameters.values.copy()
    try:
        loss, _ = loss_and_gradient(start)
        if not math.isfinite(loss):
            raise NonFiniteError(f"minimize: the loss must be finite at the start, got {loss}.")
        found = scipy_minimize(
            loss_and_gradient,
            start.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            options={
                "maxiter": max_iterations,
                "maxfun": calls,
                "gtol": tolerance,
                "ftol": float(np.finfo(start.dtype).eps),
            },
        )
    except BaseException:
        parameters.values[...] = start
        raise
    parameters.values[...] = found.x
    parameters.grads[...] = found.jac
    return Minimum(float(found.fun), int(found.nit), bool(found.success), str(found.message))


def _scipy() -> Any:
    try:
        import scipy.optimize
    except ImportError as error:
        raise ExtraMissingError(
            f"minimize: needs SciPy, which cannot be imported: {error}. Hint: pip install 'mlp_numpy[lbfgs]'."
        ) from error
    return scipy.optimize.minimize


def _value(loss: Any) -> float:
    if np.ndim(loss) or np.asarray(loss).dtype.kind not in "fiu":
        raise OptionError(f"minimize: objective must give the loss, one real number, got {shown(loss)}.")
    return float(loss)
