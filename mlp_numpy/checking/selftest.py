"""Self-test of the audit: it must catch every mutant, and raise no alarm about correct formulas."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from mlp_numpy.autodiff import Op
from mlp_numpy.checking.checks import check_sample
from mlp_numpy.checking.mutants import MISTAKES, Mutant, generic_mutants
from mlp_numpy.checking.report import audit_lines
from mlp_numpy.checking.specs.spec import Mode, Spec
from mlp_numpy.checking.specs.table import SPECS
from mlp_numpy.errors import OptionError
from mlp_numpy.modules import Module

_Line: TypeAlias = tuple[Spec, str, Mode]


@dataclass(frozen=True)
class Outcome:
    """The result for one mutant.

    n_cases     number of samples tried until one exposed it
    by          the checks that failed there; empty if none did
    no_effect   True if its values never differed from the correct formula's
    """

    mutant: Mutant
    n_cases: int
    by: tuple[str, ...]
    no_effect: bool

    @property
    def title(self) -> str:
        """Formula and name of the mutant."""
        return f"{self.mutant.op.__name__}: {self.mutant.name}"

    @property
    def status(self) -> str:
        """The outcome: caught, equivalent or missed."""
        return "caught" if self.by else "equivalent" if self.no_effect else "missed"

    def as_json(self) -> dict[str, Any]:
        """The outcome in JSON types."""
        return {"mutant": self.title, "status": self.status, "cases": self.n_cases, "by": list(self.by)}


@dataclass
class SelfTest:
    """The outcomes of all mutants, and the false alarms. ``str()`` is a table with one line per formula."""

    outcomes: list[Outcome] = field(default_factory=list)
    n_true: int = 0
    n_seeds: int = 0
    false_alarms: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """The missed mutants and the false alarms."""
        missed = [f"not caught: {found.title}" for found in self.outcomes if found.status == "missed"]
        return [*missed, *(f"false alarm: {alarm}" for alarm in self.false_alarms)]

    def as_json(self) -> dict[str, Any]:
        """The findings in JSON types."""
        mutants = [found.as_json() for found in self.outcomes]
        return {"mutants": mutants, "true cases": self.n_true, "seeds": self.n_seeds, "failures": self.failures}

    def __str__(self) -> str:
        found = sorted(self.outcomes, key=lambda outcome: outcome.mutant.op.__name__)
        rows = []
        for name, outcomes in itertools.groupby(found, key=lambda outcome: outcome.mutant.op.__name__):
            of_op = list(outcomes)
            by = {check: None for outcome in of_op for check in outcome.by}
            counts = [sum(one.status == status for one in of_op) for status in ("caught", "equivalent", "missed")]
            rows.append(f"{name:<24}" + "".join(f"{count:>12}" for count in counts) + f"  {', '.join(by)}")
        caught, equivalent = (sum(one.status == status for one in found) for status in ("caught", "equivalent"))
        verdict = (
            f"{caught} of {len(found) - equivalent} mutants caught, {equivalent} more are equivalent to the formula; "
            f"{len(self.false_alarms)} false alarms in {self.n_true:,} cases without mutants, {self.n_seeds} seeds."
        )
        head = f"{'mutants of':<24}{'caught':>12}{'equivalent':>12}{'missed':>12}  by"
        return "\n".join([head, *rows, "", *self.failures, verdict])


def self_test(
    n_cases: int = 12,
    n_seeds: int = 1,
    seed: int = 0,
    mutants: Sequence[Mutant] | None = None,
    specs: Sequence[Spec] = SPECS,
) -> SelfTest:
    """Run the audit on each mutant, with ``n_cases`` samples of every line of its formula, until a check fails; then on
    as many samples of the correct formulas, for each of ``n_seeds`` seeds from ``seed`` up.

    mutants   the mutants to catch; default: ``all_mutants``

    Raises OptionError for less than one case or seed, or a formula without a spec.
    """
    if n_cases < 1 or n_seeds < 1:
        raise OptionError(f"audit.self_test: cases and seeds must be ≥ 1, got {n_cases} and {n_seeds}.")
    found = SelfTest(n_seeds=n_seeds)
    lines = _lines_of(specs)
    with threadpool_limits(1), np.errstate(all="ignore"):  # as in the audit; mutants may divide by zero
        for mutant in all_mutants(specs) if mutants is None else mutants:
            if mutant.op not in lines:
                raise OptionError(f"audit.self_test: {mutant.op.__name__} must have a spec, found none.")
            found.outcomes.append(_outcome(mutant, lines[mutant.op], n_cases, seed))
    for below in range(seed, seed + n_seeds):
        for line in audit_lines(n_cases, below, specs=specs):
            found.n_true += line.n_cases
            found.false_alarms += line.failures
    return found


def all_mutants(specs: Sequence[Spec] = SPECS) -> Iterator[Mutant]:
    """The typical mistakes, and the generic mutants of every formula of ``specs``."""
    yield from MISTAKES
    for op, ((spec, variant, mode), *_) in _lines_of(specs).items():
        if issubclass(op, Op):
            yield from generic_mutants(op, 1 + len(spec.sample(0, 1, variant, mode).module.params))


def _lines_of(specs: Sequence[Spec]) -> dict[type[Op] | type[Module], list[_Line]]:
    """The lines of the audit's table that run each formula, or each module composed of others."""
    lines: dict[type[Op] | type[Module], list[_Line]] = {}
    for spec in specs:
        for variant, mode in spec.lines():
            modules = [spec.sample(0, case, variant, mode).module for case in range(3)]
            used = {type(module) if module.children() else module._active_op() for module in modules}
            for op in used:
                lines.setdefault(op, []).append((spec, variant, mode))
    return lines


def _outcome(mutant: Mutant, lines: Sequence[_Line], n_cases: int, seed: int) -> Outcome:
    n = 0
    # Case 0 has all sizes 1, where many mutants are correct; it comes last.
    for case in (*range(1, n_cases), 0):
        for spec, variant, mode in lines:
            sample = spec.sample(seed, case, variant, mode)
            if not mutant.fits(sample.module):
                continue
            mutant.apply(sample.module)
            n += 1
            failed = check_sample(sample, np.random.default_rng([seed, case]), until_failure=True).failures
            if failed:
                return Outcome(mutant, n, tuple(failed), no_effect=False)
    return Outcome(mutant, n, (), no_effect=not mutant.has_effect)
