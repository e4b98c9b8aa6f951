"""Gradient checks: comparison of analytic and numeric gradients, elementwise.

    quotient       ‖n − a‖ / (‖n‖ + ‖a‖)
    verdict        fine around 1e-7 and below, suspicious around 1e-5, wrong around 1e-3; the thresholds lie half way on
                   the logarithmic scale: 1e-6 and 1e-4

    Reference      quotient and verdict: the report on backpropagation by hand of Lian et al., eq. 7 and 8

f is the loss, or for a module without one the sum Σ g ⊙ out with a fixed random g, so that errors in entries of the
Jacobian do not cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from mlp_numpy.arrays import Array, Seed, generator
from mlp_numpy.checks import choice, instance, plain_array, whole_number
from mlp_numpy.errors import DTypeError, OptionError
from mlp_numpy.modules import LossModule, Module, check_loss_matches
from mlp_numpy.numeric_diff import Entry, Method, drawn_entries, numeric_entries

Verdict: TypeAlias = Literal["fine", "suspicious", "wrong"]


@dataclass(frozen=True)
class GradCheck:
    """The result for one array: the difference of its two gradients, and its worst entry.

    name        "x", or the dotted name of a parameter
    quotient    ‖n − a‖ / (‖n‖ + ‖a‖) over the entries checked; 0 where both are zero
    worst       index of the entry with the largest |n − a|, with both its values
    n_checked   number of entries checked
    """

    name: str
    quotient: float
    worst: tuple[int, ...]
    analytic: float
    numeric: float
    n_checked: int

    @property
    def verdict(self) -> Verdict:
        """ "fine", "suspicious" or "wrong", by the quotient; NaN is wrong."""
        if self.quotient < 1e-6:
            return "fine"
        return "suspicious" if self.quotient < 1e-4 else "wrong"


@dataclass(frozen=True)
class GradCheckReport:
    """The results for all arrays of a module. ``str()`` is a table."""

    subject: str
    method: Method
    checks: tuple[GradCheck, ...]

    @property
    def worst(self) -> GradCheck:
        """The result with the largest quotient; NaN counts as the largest."""
        return max(self.checks, key=lambda check: np.inf if np.isnan(check.quotient) else check.quotient)

    @property
    def verdict(self) -> Verdict:
        """The verdict of the worst array."""
        return self.worst.verdict

    def __str__(self) -> str:
        width = max(len(check.name) for check in self.checks)
        rows = [
            f"  {check.name:<{width}}  {check.quotient:9.2e}  {check.verdict:<10}  {check.n_checked:>7,}  "
            f"{list(check.worst)!s}: analytic {check.analytic:.9g}, numeric {check.numeric:.9g}"
            for check in self.checks
        ]
        head = f"  {'array':<{width}}  {'quotient':>9}  {'verdict':<10}  {'entries':>7}  worst entry"
        worst = self.worst
        return "\n".join(
            [
                f"Gradient check of {self.subject} by the {self.method} step",
                head,
                *rows,
                f"Verdict: {self.verdict}. Worst: {worst.name}{list(worst.worst)}, quotient {worst.quotient:.2e}.",
            ]
        )


def gradcheck(
    module: Module,
    x: Array,
    y: Array | None = None,
    *,
    loss: LossModule | None = None,
    method: Method = "complex",
    max_entries: int | None = None,
    rng: Seed = 0,
) -> GradCheckReport:
    """Compare ``module``'s backward with a numeric derivative of its forward, for x and every parameter.

    x              a batch of inputs, float64
    y, loss        labels, and a loss applied to the output; for a LossModule as ``module``, only labels are needed
    method         "complex" (requires forwards that support complex inputs, as all of this library do) or "central"
    max_entries    maximum number of entries checked per array, drawn at random; None checks all
    rng            seed of the random g and of the entries

    The module is not modified: a copy is checked.

    Raises OptionError for an invalid module or loss, an unknown method, a number of entries below 1, missing labels, or
    a loss that does not match the module's output, DTypeError if ``x`` is not float64, and the module's own errors.
    """
    instance("gradcheck", "module", module, Module)
    if loss is not None:
        check_loss_matches(module, loss)
        if isinstance(module, LossModule):
            raise OptionError(f"gradcheck: a loss must not be put behind a loss, got {loss!r} behind {module!r}.")
    choice("gradcheck", "method", method, get_args(Method))
    x = plain_array("gradcheck", "x", x)
    if x.dtype != np.float64:
        raise DTypeError(f"gradcheck: x must be float64, got {x.dtype}. Hint: x.astype(np.float64).")
    if max_entries is not None:
        max_entries = whole_number("gradcheck", "max_entries", max_entries)
    if (y is None) and (loss is not None or isinstance(module, LossModule)):
        raise OptionError("gradcheck: a loss needs labels y, got none.")
    draws = generator(rng)
    subject = repr(module) if loss is None else f"{module!r} with {loss!r}"

    real = Subject(module.astype(np.float64), loss, y, None)
    x = np.array(x)
    g = real.g = draws.normal(size=np.shape(real.forward(x)))
    analytic = real.analytic(x)

    if method == "complex":
        twin = Subject(module.astype(np.complex128), loss, y, g)
        arrays, value = twin.arrays(x.astype(np.complex128)), twin.value
    else:
        arrays, value = real.arrays(x), real.value
    probe = arrays["x"]

    def evaluate() -> complex:
        return value(probe)

    checks = []
    for name, gradient in analytic.items():
        entries = drawn_entries(arrays[name], max_entries, draws)
        numeric = np.array(numeric_entries(evaluate, arrays[name], method, entries))
        checks.append(_compare(name, gradient, numeric, entries))
    return GradCheckReport(subject, method, tuple(checks))


class Subject:
    """A module as a scalar function, f(x, params) = Σ g ⊙ out; every forward starts from the same buffers.

    y, options   labels of a loss, and further keyword arguments of its forward
    """

    def __init__(
        self, module: Module, loss: LossModule | None, y: Array | None, g: Array | None, **options: Any
    ) -> None:
        self.module, self.loss, self.y, self.g, self.options = module, loss, y, g, options
        self.buffers = [(array, array.copy()) for _, leaf in module.leaves() for array in leaf.buffers.values()]

    def forward(self, x: Array) -> Array:
        """The output whose weighted sum is f: the module's, or that of the loss."""
        self.rewind()
        if isinstance(self.module, LossModule):
            return self.module.forward(x, self.y, **self.options)
        out = self.module.forward(x)
        return out if self.loss is None else self.loss.forward(out, self.y)

    def rewind(self) -> None:
        """Restore the module's initial buffers."""
        for array, start in self.buffers:
            array[...] = start

    def value(self, x: Array) -> complex:
        """f(x, params)."""
        return complex(np.sum(self.forward(x) * self.g))

    def analytic(self, x: Array) -> dict[str, Array]:
        """The module's gradients, by the names of ``arrays``; an input layer has none for x."""
        self.forward(x)
        return self.gradients()

    def gradients(self) -> dict[str, Array]:
        """The gradients of the last forward."""
        dout = self.g if self.loss is None else self.loss.backward(self.g)
        if dout is None:
            raise OptionError("gradcheck: the derivative of the output must be given.")
        dx = self.module.backward(dout)
        found = {} if dx is None else {"x": dx}
        for prefix, leaf in self.module.leaves():
            found |= {f"{prefix}.{name}".lstrip("."): grad.copy() for name, grad in leaf.grads.items()}
        return found

    def arrays(self, x: Array) -> dict[str, Array]:
        """x and the parameters themselves, to be perturbed one entry at a time."""
        found = {"x": x}
        for prefix, leaf in self.module.leaves():
            found |= {f"{prefix}.{name}".lstrip("."): array for name, array in leaf.params.items()}
        return found


def _compare(name: str, gradient: Array, numeric: Array, entries: list[Entry]) -> GradCheck:
    analytic = np.array([gradient[entry] for entry in entries])
    distance = np.abs(numeric - analytic)
    total = float(np.linalg.norm(numeric) + np.linalg.norm(analytic))
    quotient = float(np.linalg.norm(numeric - analytic)) / total if total != 0 else 0.0
    # NaN counts as the largest.
    at = int(np.argmax(np.where(np.isnan(distance), np.inf, distance)))
    return GradCheck(name, quotient, entries[at], float(analytic[at]), float(numeric[at]), len(entries))
