"""The audit audited: every planted fault must be seen, and nothing in what is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from mlp_numpy.checking.checks import judge
from mlp_numpy.checking.faults import FAULTS, Fault
from mlp_numpy.checking.report import audit_lines
from mlp_numpy.checking.specs.spec import Spec
from mlp_numpy.checking.specs.table import SPECS
from mlp_numpy.errors import OptionError


@dataclass(frozen=True)
class Caught:
    """What became of one fault.

    n_cases, n_caught   how many cases it was planted in, and in how many it was seen
    by                  what saw it: checks, or the laws
    """

    fault: Fault
    n_cases: int
    n_caught: int
    by: tuple[str, ...]

    @property
    def title(self) -> str:
        """The fault in words."""
        return f"{self.fault.op.__name__}: {self.fault.name}"

    def as_json(self) -> dict[str, Any]:
        """The finding as numbers and words that JSON knows."""
        return {"fault": self.title, "cases": self.n_cases, "caught": self.n_caught, "by": list(self.by)}


@dataclass
class SelfTest:
    """What became of all faults, and the false alarms. ``str()`` is a table."""

    caught: list[Caught] = field(default_factory=list)
    n_true: int = 0
    n_seeds: int = 0
    false_alarms: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """The faults that nothing saw, and the alarms about what is right."""
        missed = [f"not caught: {found.title}" for found in self.caught if not found.n_caught]
        return [*missed, *(f"false alarm: {alarm}" for alarm in self.false_alarms)]

    def as_json(self) -> dict[str, Any]:
        """The findings as numbers and words that JSON knows."""
        faults = [found.as_json() for found in self.caught]
        return {"faults": faults, "true cases": self.n_true, "seeds": self.n_seeds, "failures": self.failures}

    def __str__(self) -> str:
        width = max(len(found.title) for found in self.caught)
        rows = [
            f"{found.title:<{width}}  {found.n_caught:>6} of {found.n_cases:<4}  {', '.join(found.by) or 'NOTHING'}"
            for found in self.caught
        ]
        n = sum(1 for found in self.caught if found.n_caught)
        verdict = (
            f"{n} of {len(self.caught)} faults caught; {len(self.false_alarms)} false alarms in {self.n_true:,} cases "
            f"of the true library, {self.n_seeds} seeds."
        )
        return "\n".join([f"{'planted fault':<{width}}  {'caught in':<14}  by", *rows, "", *self.failures, verdict])


def self_test(
    n_cases: int = 12,
    n_seeds: int = 20,
    seed: int = 0,
    faults: Sequence[Fault] = FAULTS,
    rows: Sequence[Spec] = SPECS,
    *,
    count: bool = True,
) -> SelfTest:
    """Plant each fault in ``n_cases`` samples of every line that its formula has, and judge them; then judge as many
    samples of what is right, below each of ``n_seeds`` seeds from ``seed`` up.

    count   judge a fault in all its samples, also after the first that showed it, and so learn how many do

    Raises OptionError for less than one case or seed, or a formula that has no row.
    """
    if n_cases < 1 or n_seeds < 1:
        raise OptionError(f"audit.self_test: cases and seeds must be ≥ 1, got {n_cases} and {n_seeds}.")
    found = SelfTest(n_seeds=n_seeds)
    with threadpool_limits(1):  # as in the audit
        for fault in faults:
            found.caught.append(_caught(fault, n_cases, seed, rows, count))
    for below in range(seed, seed + n_seeds):
        for line in audit_lines(n_cases, below, rows=rows):
            found.n_true += line.n_cases
            found.false_alarms += line.failures
    return found


def _caught(fault: Fault, n_cases: int, seed: int, rows: Sequence[Spec], count: bool) -> Caught:
    judgements = []
    for failures in (failures for row in rows for failures in _judged(fault, row, n_cases, seed)):
        judgements.append(failures)
        if failures and not count:
            break
    if not judgements:
        raise OptionError(f"audit.self_test: {fault.op.__name__} must have a row in checking.specs, found none.")
    by = {check: None for failures in judgements for check in failures}
    return Caught(fault, len(judgements), sum(1 for failures in judgements if failures), tuple(by))


def _judged(fault: Fault, row: Spec, n_cases: int, seed: int) -> Iterator[list[str]]:
    if row.composition is None and row.module is not fault.op:
        return  # made of other modules, it has no formula that could be this one
    for variant, mode in row.lines():
        for case in range(n_cases):
            sample = row.sample(seed, case, variant, mode)
            if not fault.fits(sample.module):
                break
            fault.plant(sample.module)
            # what is wrong may well divide by zero
            with np.errstate(all="ignore"):
                yield judge(sample, np.random.default_rng([seed, case])).failures
