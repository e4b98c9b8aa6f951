"""Checks of one module with one batch: its gradients against independent references, and its contract.

    error    ‖a − b‖ / max(‖a‖, ‖b‖, ‖dout‖), the maximum over all arrays

The scale includes dout because a gradient that is exactly 0 is computed as rounding error of the size of the terms that
cancel.

    check         a against b                                                                     must stay below
    complex       the backward against the complex step through the forward, by numeric.py                 1e-12
    central       the backward against central differences, not on kinks                                   1e-6
    composed      output and backward against those of elementary formulas on the tape                     1e-12
    PyTorch       output and backward against PyTorch's                                                    1e-12
    float32       output and backward in float32 against those in float64                                  1e-4
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking.contract import broken_invariants
from mlp_numpy.checking.numeric import numeric_slopes, random_directions, slopes
from mlp_numpy.checking.sampler import Sample
from mlp_numpy.checking.specs.table import has_torch, in_torch, reference_forward
from mlp_numpy.gradcheck import Subject
from mlp_numpy.numeric_diff import Method

Check: TypeAlias = Literal["complex", "central", "composed", "PyTorch", "float32"]

BOUNDS: Final[dict[Check, float]] = {
    "complex": 1e-12,
    "central": 1e-6,
    "composed": 1e-12,
    "PyTorch": 1e-12,
    "float32": 1e-4,
}


@dataclass(frozen=True)
class Measured:
    """The error of one check in its worst array, with both values of that array's worst entry."""

    error: float
    name: str
    entry: tuple[int, ...]
    ours: complex
    theirs: complex

    def __str__(self) -> str:
        return f"{self.name}{list(self.entry)}: {self.ours:.9g}, must be {self.theirs:.9g}"


@dataclass(frozen=True)
class CheckResult:
    """All findings on one sample.

    errors   the error of each check that applied
    broken   the violated invariants, as sentences
    """

    errors: dict[Check, Measured] = field(default_factory=dict)
    broken: tuple[str, ...] = ()

    @property
    def failures(self) -> list[str]:
        """The checks that exceeded their bounds, and "laws" if an invariant is violated."""
        failed: list[str] = [check for check, measured in self.errors.items() if not measured.error <= BOUNDS[check]]
        return [*failed, *(["laws"] if self.broken else [])]


def check_sample(
    sample: Sample, rng: np.random.Generator, torch: Any = None, *, known: bool = True, until_failure: bool = False
) -> CheckResult:
    """Compare a sample's backward with all available references; ``rng`` draws dout and the directions.

    torch           the package, or None to skip PyTorch
    known           True if the module has a spec, and with it a composition
    until_failure   stop at the first check that fails

    An exception raised by the module is reported as a violated invariant, not as an error of the audit.
    """
    errors: dict[Check, Measured] = {}
    try:
        subject, exact = _analytic(sample, rng)
    except Exception as error:  # a foreign module can raise anything
        return CheckResult({}, (_raised("forward and backward", error),))
    gradients = {name: array for name, array in exact.items() if name != "out"}
    along = random_directions(sample, gradients, rng)
    ways: dict[Check, Callable[[], Measured]] = {
        "complex": lambda: _against_numeric(sample, subject, exact, along, "complex"),
        "central": lambda: _against_numeric(sample, subject, exact, along, "central"),
        "composed": lambda: _against_composition(sample, subject, exact),
        "PyTorch": lambda: _against_pytorch(torch, sample, subject, exact),
        "float32": lambda: _against_float32(sample, subject, exact),
    }
    if sample.kinked:
        del ways["central"]
    if not known:
        del ways["composed"]
    if not known or torch is None or not has_torch(sample.module):
        del ways["PyTorch"]
    broken = []
    for check, way in ways.items():
        try:
            errors[check] = way()
        except Exception as error:  # as above
            broken.append(_raised(check, error))
        if until_failure and (broken or not errors[check].error <= BOUNDS[check]):
            return CheckResult(errors, tuple(broken))
    try:
        broken += broken_invariants(sample, subject)
    except Exception as error:  # as above
        broken.append(_raised("laws", error))
    return CheckResult(errors, tuple(broken))


def _analytic(sample: Sample, rng: np.random.Generator) -> tuple[Subject, dict[str, Array]]:
    """The sample as a scalar function with a random dout, and its output and analytic gradients by name.

    Another batch of the same shape goes through the module first, so that stale state shows.
    """
    y = None if sample.y is None else np.ascontiguousarray(sample.y[::-1])
    subject = Subject(sample.module.astype(np.float64), None, y, None, **sample.options)
    other = np.ascontiguousarray(sample.x[::-1]) / 2
    subject.g = np.asarray(rng.normal(size=np.shape(subject.forward(other))))
    subject.analytic(other)
    subject.y = sample.y
    return subject, _results(subject, sample.x)


def _results(subject: Subject, x: Array) -> dict[str, Array]:
    """Output and gradients of one forward and one backward, copied."""
    out = np.array(subject.forward(x))
    return {"out": out} | {f"d{name}": np.array(gradient) for name, gradient in subject.analytic(x).items()}


def _against_numeric(
    sample: Sample, subject: Subject, exact: Mapping[str, Array], along: Mapping[str, Array], method: Method
) -> Measured:
    return _furthest(slopes(exact, along), numeric_slopes(sample, subject.g, along, method), subject.g)


def _against_composition(sample: Sample, subject: Subject, exact: Mapping[str, Array]) -> Measured:
    # The module that has run, not the sample's own: it holds the random draws of its forward.
    x = TensorNode(sample.x)
    params = {name: TensorNode(array.value) for name, array in sample.module.named_parameters()}
    out = reference_forward(subject.module, params, x, sample.y, **sample.options)
    out.backward(subject.g)
    found = {"out": out.value, "dx": x.grad} | {f"d{name}": node.grad for name, node in params.items()}
    return _furthest(exact, found, subject.g)


def _against_pytorch(torch: Any, sample: Sample, subject: Subject, exact: Mapping[str, Array]) -> Measured:
    def tensor(value: Array) -> Any:
        return torch.tensor(value, requires_grad=True)

    x, y = tensor(sample.x), None if sample.y is None else torch.tensor(sample.y)
    params = {name: tensor(np.array(array.value)) for name, array in sample.module.named_parameters()}
    options = {name: torch.tensor(v) if isinstance(v, np.ndarray) else v for name, v in sample.options.items()}
    out = in_torch(torch, subject.module, params, x, y, **options)
    out.backward(torch.tensor(subject.g))
    found = {"out": out.detach().numpy(), "dx": x.grad.numpy()}
    return _furthest(exact, found | {f"d{name}": t.grad.numpy() for name, t in params.items()}, subject.g)


def _against_float32(sample: Sample, subject: Subject, exact: Mapping[str, Array]) -> Measured:
    single = sample.module.astype(np.float32)
    g = None if subject.g is None else subject.g.astype(np.float32)
    found = _results(Subject(single, None, sample.y, g, **sample.options), sample.x.astype(np.float32))
    return _furthest(exact, found, subject.g)


def _furthest(ours: Mapping[str, Array], theirs: Mapping[str, Array], dout: Array | None) -> Measured:
    """The largest error over the arrays in both mappings; NaN counts as an infinite error."""
    return max(
        (compare(name, ours[name], theirs[name], dout) for name in ours if name in theirs),
        key=lambda measured: measured.error,
    )


def compare(name: str, a: Array, b: Array, dout: Array | None) -> Measured:
    """The error of ``a`` against ``b``, by the formula above."""
    if a.shape != b.shape:
        return Measured(np.inf, f"{name} of shape {a.shape} instead of {b.shape}", (), np.nan, np.nan)
    scale = max(float(np.linalg.norm(array)) for array in (a, b, np.zeros(1) if dout is None else dout))
    distance = np.nan_to_num(np.abs(a - b), nan=np.inf)
    error = float(np.linalg.norm(distance)) / scale if distance.any() else 0.0
    at = tuple(int(i) for i in np.unravel_index(np.argmax(distance), a.shape))
    return Measured(np.inf if np.isnan(error) else error, name, at, a[at].item(), b[at].item())


def _raised(during: str, error: Exception) -> str:
    return f"{during} must not fail, got {type(error).__name__}: {error}"
