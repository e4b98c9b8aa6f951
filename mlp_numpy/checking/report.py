"""The audit: every line of every spec over many cases, and the resulting table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from mlp_numpy.checking.checks import BOUNDS, Check, CheckResult, Measured, check_sample
from mlp_numpy.checking.sampler import Sample
from mlp_numpy.checking.specs.spec import Mode, Spec
from mlp_numpy.checking.specs.table import SPECS
from mlp_numpy.errors import OptionError


@dataclass
class Line:
    """The findings of one line of the table.

    worst     the largest error of each check and its case: (measured, case)
    broken    the violated invariants, each with its first case
    """

    title: str
    n_cases: int = 0
    worst: dict[Check, tuple[Measured, str]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def add(self, case: int, sample: Sample, result: CheckResult) -> None:
        """Add the findings of one case."""
        self.n_cases += 1
        where = f"case {case}: {sample}"
        for check, measured in result.errors.items():
            if check not in self.worst or measured.error > self.worst[check][0].error:
                self.worst[check] = (measured, where)
        for law in result.broken:
            self.broken.setdefault(law, where)

    @property
    def failures(self) -> list[str]:
        """All failures, as sentences."""
        found = [
            f"{self.title}: {check} error {measured.error:.1e} > {BOUNDS[check]:.0e}, {measured}, {where}"
            for check, (measured, where) in self.worst.items()
            if not measured.error <= BOUNDS[check]
        ]
        return [*found, *(f"{self.title}: {law}, {where}" for law, where in self.broken.items())]

    def cell(self, check: Check) -> str:
        """The worst error of a check, ten characters wide."""
        return f"{self.worst[check][0].error:>10.1e}" if check in self.worst else f"{'–':>10}"

    def as_json(self) -> dict[str, Any]:
        """The line in JSON types."""
        worst = {
            check: {"error": measured.error, "entry": str(measured), "case": where}
            for check, (measured, where) in self.worst.items()
        }
        return {"title": self.title, "cases": self.n_cases, "worst": worst, "failures": self.failures}


@dataclass
class AuditReport:
    """All lines. ``str()`` is the table."""

    seed: int
    lines: list[Line] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """The failures of all lines."""
        return [failure for line in self.lines for failure in line.failures]

    def as_json(self) -> dict[str, Any]:
        """The report in JSON types."""
        lines = [line.as_json() for line in self.lines]
        return {"seed": self.seed, "bounds": dict(BOUNDS), "lines": lines, "failures": self.failures}

    def __str__(self) -> str:
        width = max(len("must stay below"), *(len(line.title) for line in self.lines))
        checks = [check for check in BOUNDS if any(check in line.worst for line in self.lines)]
        head = f"{'worst error of':<{width}}  cases  " + "".join(f"{check:>10}" for check in checks) + "  laws"
        bounds = f"{'must stay below':<{width}}  {'':5}  " + "".join(f"{BOUNDS[check]:>10.0e}" for check in checks)
        rows = [
            f"{line.title:<{width}}  {line.n_cases:>5}  "
            + "".join(line.cell(check) for check in checks)
            + ("  hold" if not line.broken else "  BROKEN")
            for line in self.lines
        ]
        n = sum(line.n_cases for line in self.lines)
        verdict = "all within their bounds" if not self.failures else f"{len(self.failures)} failures"
        return "\n".join([head, bounds, *rows, "", *self.failures, f"{n:,} cases, seed {self.seed}: {verdict}."])


def audit(n_cases: int, seed: int = 0, torch: Any = None, specs: Sequence[Spec] = SPECS) -> AuditReport:
    """Audit ``n_cases`` samples of every line of ``specs``; also against PyTorch if its package is given.

    Raises OptionError for less than one case or a negative seed.
    """
    report = AuditReport(seed)
    for line in audit_lines(n_cases, seed, torch, specs):
        report.lines.append(line)
    return report


def audit_lines(n_cases: int, seed: int = 0, torch: Any = None, specs: Sequence[Spec] = SPECS) -> Iterator[Line]:
    """The lines of ``audit``, one by one as they complete."""
    if n_cases < 1 or seed < 0:
        raise OptionError(f"audit: cases must be ≥ 1 and seed ≥ 0, got {n_cases} and {seed}.")
    for spec in specs:
        for variant, mode in spec.lines():
            yield _line(spec, variant, mode, n_cases, seed, torch)


def _line(spec: Spec, variant: str, mode: Mode, n_cases: int, seed: int, torch: Any) -> Line:
    line = Line(spec.title(variant, mode))
    # The arrays are small, and the thread pools of NumPy and PyTorch would wait for each other.
    with threadpool_limits(1):
        for case in range(n_cases):
            sample = spec.sample(seed, case, variant, mode)
            line.add(case, sample, check_sample(sample, np.random.default_rng([seed, case]), torch))
    return line
