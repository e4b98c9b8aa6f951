"""The audit of the audit: every mutant of a formula is caught, and nothing right is called wrong."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

from mlp_numpy import ConvNet, Residual, SmallConvNet, WhitenedConvNet
from mlp_numpy.autodiff import Op
from mlp_numpy.checking import SPECS, SelfTest, self_test
from mlp_numpy.checking.checks import check_sample
from mlp_numpy.checking.mutants import MISTAKES, Mutant
from mlp_numpy.cli import main
from mlp_numpy.errors import OptionError
from mlp_numpy.modules import Linear

# in the large nets nothing is mutated
QUICK = [spec for spec in SPECS if spec.module not in (ConvNet, SmallConvNet, WhitenedConvNet)]


@pytest.fixture(scope="module")
def outcome() -> SelfTest:
    return self_test(10, specs=QUICK)


@pytest.mark.slow
def test_every_mutant_is_caught_and_there_are_no_false_alarms(outcome: SelfTest) -> None:
    assert outcome.failures == []
    assert outcome.n_true == 10 * sum(len(list(spec.lines())) for spec in QUICK)
    caught = [found for found in outcome.outcomes if found.status == "caught"]
    assert len(caught) > 600
    assert f"{len(caught)} of {len(caught)} mutants caught" in str(outcome)


def test_every_formula_has_its_mutants(outcome: SelfTest) -> None:
    used = {
        spec.sample(0, case, variant, mode).module._active_op()
        for spec in SPECS
        if spec.reference is not None
        for variant, mode in spec.lines()
        for case in range(3)
    }
    assert {found.mutant.op for found in outcome.outcomes} == used | {Residual}


def test_what_is_equivalent_is_so_for_a_reason(outcome: SelfTest) -> None:
    allowed = {
        # no gradient of these is a square matrix, or the whole gradient is one number or the same in every row
        *("transposed where square", "mean over the rows", "rows reversed", "rows shifted by one", "times N"),
        *("divided by N again", "dout in its place", "mask from the wrong side"),
        # of a slope that is the same in every batch
        "first backward kept",
    }
    found = {one.mutant.name for one in outcome.outcomes if one.status == "equivalent"}
    assert {re.sub(r"^gradient \d ", "", name) for name in found} <= allowed
    assert all(one.mutant not in MISTAKES for one in outcome.outcomes if one.status == "equivalent")


def test_each_kind_of_check_is_needed(outcome: SelfTest) -> None:
    first = {check for found in outcome.outcomes for check in found.by}
    assert {"complex", "laws", "composed"} <= first


@pytest.mark.parametrize("mutant", MISTAKES, ids=lambda mutant: f"{mutant.op.__name__}: {mutant.name}")
@pytest.mark.slow
def test_a_mistake_is_caught_in_two_ways_at_least(mutant: Mutant) -> None:
    alone = {
        # these break invariants, and give right gradients
        "dx in float64 for a float32 input": {"laws"},
        "the gradient written over the cache": {"laws"},
        # the right derivative of a wrong forward
        "without 1/(1 − p) in the forward": {"composed"},
    }
    failed: set[str] = set()
    for spec in QUICK:
        for (variant, mode), case in itertools.product(spec.lines(), range(1, 12)):
            sample = spec.sample(0, case, variant, mode)
            if not mutant.fits(sample.module):
                continue
            mutant.apply(sample.module)
            with np.errstate(all="ignore"):
                failed |= set(check_sample(sample, np.random.default_rng(case)).failures)
            if len(failed) > 1:
                return
    assert failed == alone[mutant.name]


def test_a_mutant_that_nothing_sees_fails_the_self_test() -> None:
    harmless = Mutant(Linear, "none at all", Linear.backward)
    found = self_test(2, 1, mutants=[harmless], specs=SPECS[:1])
    assert found.failures == ["not caught: Linear: none at all"]
    assert "0 of 1 mutants caught" in str(found)
    with pytest.raises(OptionError, match="Op must have a spec"):
        self_test(2, 1, mutants=[Mutant(Op, "no spec", Linear.backward)])
    with pytest.raises(OptionError, match="cases and seeds must be ≥ 1"):
        self_test(0)


def test_the_self_test_as_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # one case, with every size 1: too few to catch everything, and the command says so
    monkeypatch.setattr("mlp_numpy.checking.selftest.MISTAKES", MISTAKES[:3])
    monkeypatch.setattr("mlp_numpy.checking.selftest.generic_mutants", lambda op, n: ())
    assert main(["audit", "--self-test", "--cases", "1", "--seeds", "1", "--json", str(tmp_path / "s.json")]) == 1
    assert "not caught: " in capsys.readouterr().out
    assert len(json.loads((tmp_path / "s.json").read_text())["mutants"]) == 3
