"""L-BFGS for small problems that are seen as a whole: SciPy minimizes, the model computes loss and gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import POSITIVE, number, shown, whole_number
from mlp_numpy.errors import ExtraMissingError, NonFiniteError, OptionError
from mlp_numpy.optim.flat import FlatParameters, flat_parameters


@dataclass(frozen=True)
class Minimum:
    """What ``minimize`` came to: the loss, the iterations it took, whether it converged, and why it ended."""

    value: float
    iterations: int
    converged: bool
    message: str


def minimize(
    parameters: FlatParameters,
    objective: Callable[[], float],
    *,
    max_iterations: int = 1000,
    tolerance: float = 1e-6,
) -> Minimum:
    """Minimize a loss over all parameters by L-BFGS, from where they are; they end at the smallest loss found.

    objective        computes the loss of all examples with the parameters as they are and leaves its gradient in
                     ``parameters.grads``; it must be the same function each time (no dropout, no drawn batches)
    max_iterations   steps at most, a whole number > 0; each takes one or a few calls of ``objective``
    tolerance        it has converged when no number of the gradient is further from 0 than this, > 0, or when the
                     loss no longer falls by more than the rounding of the parameters' kind of number

    The method is SciPy's L-BFGS-B without bounds: Byrd, Lu, Nocedal and Zhu 1995, "A Limited Memory Algorithm for Bound
    Constrained Optimization". If ``objective`` raises, the parameters are put back to where they were.

    Raises OptionError for settings outside their bounds, NonFiniteError if the loss is not finite where it starts,
    ExtraMissingError without SciPy.
    """
    scipy_minimize = _scipy()
    flat_parameters("minimize", parameters)
    if not callable(objective):
        raise OptionError(f"minimize: objective must be a function that gives the loss, got {shown(objective)}.")
    number("minimize", "tolerance", tolerance, POSITIVE)
    whole_number("minimize", "max_iterations", max_iterations)

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
                "maxfun": 50 * max_iterations,
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
