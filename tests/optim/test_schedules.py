"""Schedules: PyTorch's own numbers, and what holds for all of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlp_numpy.optim.schedules
from mlp_numpy.errors import OptionError
from mlp_numpy.optim.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseSquareRoot,
    MultiStep,
    OneCycle,
    Plateau,
    Polynomial,
    Schedule,
    StepDecay,
    WarmRestarts,
    WarmUp,
)

# Made by torch.optim.lr_scheduler (2.13) on an SGD with lr=1: step → learning rate before the update of that number.
GOLDEN: list[tuple[Schedule, dict[int, float]]] = [
    (Constant(), {0: 1.0, 1000: 1.0}),
    (StepDecay(3, 0.1), {0: 1.0, 2: 1.0, 3: 0.1, 6: 0.01, 9: 0.001}),
    (Exponential(0.9), {0: 1.0, 1: 0.9, 9: 0.38742048900000015}),
    (MultiStep((3, 5), 0.1), {0: 1.0, 2: 1.0, 3: 0.1, 4: 0.1, 5: 0.01, 100: 0.01}),
    (Polynomial(10, 2.0), {0: 1.0, 1: 0.81, 5: 0.25, 9: 0.01, 10: 0.0, 11: 0.0}),
    (WarmRestarts(2, 3), {0: 1.0, 1: 0.5, 2: 1.0, 5: 0.5, 8: 1.0, 17: 0.5, 26: 1.0}),
    (Cosine(10, 0.1), {0: 1.0, 1: 0.9779754323328191, 5: 0.55, 9: 0.12202456766718092, 10: 0.1}),
    (
        WarmUp(4, Cosine(10)),
        {0: 0.01, 1: 0.2575, 3: 0.7525, 4: 1.0, 5: 0.9755282581475768, 9: 0.5, 13: 0.024471741852423234},
    ),
    (
        OneCycle(20),
        {0: 0.04, 1: 0.1316718427000253, 5: 1.0, 6: 0.9874640062350873, 12: 0.500002, 19: 4e-06},
    ),
]
# torch.optim.lr_scheduler.ReduceLROnPlateau(factor=0.5, patience=1), lr=1, after each of these losses
LOSSES = [2.0, 1.0, 1.0, 0.99995, 0.9, 0.95, 0.91, 0.9, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9]
AFTER = [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625]


@pytest.mark.parametrize(("schedule", "factors"), GOLDEN, ids=lambda value: type(value).__name__)
def test_factors_are_pytorchs(schedule: Schedule, factors: dict[int, float]) -> None:
    for step, factor in factors.items():
        assert schedule.at(step) == pytest.approx(factor, rel=1e-12)


def test_a_plateau_is_pytorchs() -> None:
    assert [Plateau(0.5, 1).after(LOSSES[:n]) for n in range(1, 15)] == AFTER
    assert Plateau(0.5, 1).after([]) == 1.0


def test_a_plateau_takes_no_nan_for_an_improvement() -> None:
    assert Plateau(0.1, 0).after([1.0, math.nan]) == 0.1
    assert Plateau(0.1, 0).after([math.nan, math.inf, 3.0, 2.0]) == pytest.approx(0.01)


def test_a_plateau_of_the_best_accuracy_rests_and_has_a_floor() -> None:
    assert Plateau(0.5, 0, mode="max").after([0.5, 0.6, 0.6]) == 0.5
    assert Plateau(0.5, 0, cooldown=2).after([1.0] * 4) == 0.5
    assert Plateau(0.5, 0, cooldown=2).after([1.0] * 5) == 0.25
    assert Plateau(0.5, 0, floor=0.3).after([1.0] * 9) == 0.3
    assert Plateau(0.5, 0, eps=0.2).after([1.0] * 9) == 0.25
    assert Plateau(0.5, 0, 2.0, "abs").after([9.0, 6.9, 5.0]) == 0.5


def test_the_transformers_schedule() -> None:
    schedule = WarmUp(400, InverseSquareRoot(400))
    assert schedule.at(400) == 1.0
    assert schedule.at(1600) == 0.5
    assert InverseSquareRoot(3).at(9) == 0.5


def test_momentum_falls_while_the_learning_rate_rises() -> None:
    cycle = OneCycle(20, momenta=(0.8, 0.9))
    assert [cycle.momentum_at(step) for step in (0, 5, 19, 100)] == pytest.approx([0.9, 0.8, 0.9, 0.9])
    assert [cycle.at(step) for step in range(20)] == [OneCycle(20).at(step) for step in range(20)]
    with pytest.raises(OptionError, match="OneCycle.momentum_at: momenta must be given, got None"):
        OneCycle(20).momentum_at(3)


def test_after_its_end_a_schedule_stays_where_it_is() -> None:
    assert Cosine(10, 0.25).at(1000) == 0.25
    assert OneCycle(20).at(1000) == OneCycle(20).at(19)


def test_one_cycle_scales_with_its_peak() -> None:
    for step in range(25):
        assert OneCycle(25, peak=3.0).at(step) == pytest.approx(3 * OneCycle(25).at(step), rel=1e-12)
    assert OneCycle(10, rise=0.5, start=0.1).at(4) == 1.0


@given(st.integers(4, 3000), st.integers(1, 500), st.floats(0.0, 0.9), st.floats(0.01, 0.5))
def test_smooth_schedules_are_above_0_and_make_no_jump(n: int, rise: int, floor: float, start: float) -> None:
    # the steepest slopes: π/2 (1 − floor) / n for half a cosine, (1 − start) / rise for the straight line
    falling = math.pi / 2 / n
    for schedule, steps, steepest in (
        (Cosine(n, floor), n, falling),
        (WarmUp(rise, Cosine(n, floor), start), rise + n, max(1 / rise, falling)),
        (OneCycle(n, start=start, rise=0.3), n, math.pi / 2 / max(0.3 * n - 1, 1e-9)),
    ):
        seen = np.array([schedule.at(step) for step in range(steps)])
        assert (seen > 0).all()
        assert (seen <= 1).all()
        assert np.abs(np.diff(seen)).max() <= steepest + 1e-12


@given(st.floats(0.1, 0.9), st.integers(0, 3), st.lists(st.floats(0, 10), max_size=30), st.floats(0, 10))
def test_a_plateau_never_rises_and_a_record_never_lowers_it(
    factor: float, patience: int, losses: list[float], loss: float
) -> None:
    plateau = Plateau(factor, patience)
    before = plateau.after(losses)
    assert before * factor == pytest.approx(plateau.after([*losses, loss])) or before == plateau.after([*losses, loss])
    assert plateau.after([*losses, -1.0]) == before


@pytest.mark.parametrize("schedule", [*(schedule for schedule, _ in GOLDEN), Plateau(0.5, 3)], ids=repr)
def test_repr_is_the_constructor_call(schedule: Schedule | Plateau) -> None:
    assert eval(repr(schedule), dict(vars(mlp_numpy.optim.schedules))) == schedule


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        (StepDecay, (0, 0.1), "StepDecay: every must be an integer ≥ 1, got 0"),
        (StepDecay, (1.5, 0.1), "StepDecay: every must be an integer ≥ 1, got 1.5"),
        (StepDecay, (True, 0.1), "StepDecay: every must be an integer ≥ 1, got True"),
        (StepDecay, (5, 1.0), r"StepDecay: factor must be a number in \(0, 1\), got 1.0"),
        (Exponential, (0.0,), r"Exponential: factor must be a number in \(0, 1\), got 0.0"),
        (Exponential, (math.nan,), r"Exponential: factor must be a number in \(0, 1\), got nan"),
        (Exponential, ("0.5",), r"Exponential: factor must be a number in \(0, 1\), got '0.5'"),
        (Cosine, (0,), "Cosine: steps must be an integer ≥ 1, got 0"),
        (Cosine, (10, 1), r"Cosine: floor must be a number in \[0, 1\), got 1"),
        (WarmUp, (0, Constant()), "WarmUp: steps must be an integer ≥ 1, got 0"),
        (WarmUp, (5, Constant(), 1.0), r"WarmUp: start must be a number in \(0, 1\), got 1.0"),
        (WarmUp, (5, Plateau(0.5, 3)), r"WarmUp: then must be a schedule, with at\(step\), got Plateau"),
        (WarmUp, (5, OneCycle(10)), r"begin with the factor 1, got OneCycle\(.*\), which begins with 0.04. Hint: "),
        (OneCycle, (3,), "OneCycle: there must be more than one update in the rise, got 0.3 of 3"),
        (OneCycle, (10, math.inf), "OneCycle: peak must be a number > 0, got inf"),
        (OneCycle, (10, 1, 0.0), r"OneCycle: start must be a number in \(0, 1\), got 0.0"),
        (OneCycle, (10, 1, 0.1, 1.0), r"OneCycle: final must be a number in \(0, 1\), got 1.0"),
        (OneCycle, (10, 1, 0.1, 0.1, 1.0), r"OneCycle: rise must be a number in \(0, 1\), got 1.0"),
        (OneCycle, (10, 1, 0.1, 0.1, 0.3, 0.9), r"OneCycle: momenta must be a pair of numbers \(low, high\), got 0.9"),
        (OneCycle, (10, 1, 0.1, 0.1, 0.3, (0.9, 0.9)), "OneCycle: momenta must be .* with low < high"),
        (OneCycle, (10, 1, 0.1, 0.1, 0.3, (0.9, 1)), r"OneCycle: momenta\[1\] must be a number in \[0, 1\), got 1"),
        (MultiStep, ((), 0.1), r"MultiStep: milestones must be increasing numbers of updates, got \(\)"),
        (MultiStep, ((3, 3), 0.1), "MultiStep: milestones must be increasing"),
        (MultiStep, (3, 0.1), "MultiStep: milestones must be a list of integers, got 3"),
        (MultiStep, ((3,), 1), r"MultiStep: factor must be a number in \(0, 1\), got 1"),
        (WarmRestarts, (0,), "WarmRestarts: first must be an integer ≥ 1, got 0"),
        (WarmRestarts, (3, 1.5), "WarmRestarts: growth must be an integer ≥ 1, got 1.5"),
        (Polynomial, (3, 0), "Polynomial: power must be a number > 0, got 0"),
        (InverseSquareRoot, (0,), "InverseSquareRoot: scale must be an integer ≥ 1, got 0"),
        (Plateau, (0.5, 3, 1.0, "ratio"), "Plateau: unknown threshold_mode 'ratio'"),
        (Plateau, (0.5, 3, 0.1, "rel", "most"), "Plateau: unknown mode 'most'"),
        (Plateau, (0.5, 3, -1, "abs"), "Plateau: threshold must be a number ≥ 0, got -1"),
        (Plateau, (0.5, 3, 0, "rel", "min", -1), "Plateau: cooldown must be an integer ≥ 0, got -1"),
        (Plateau, (0.5, 3, 0, "rel", "min", 0, 1), r"Plateau: floor must be a number in \[0, 1\), got 1"),
        (Plateau, (0.5, 3, 0, "rel", "min", 0, 0, math.nan), "Plateau: eps must be a number ≥ 0, got nan"),
        (Plateau, (1.0, 3), r"Plateau: factor must be a number in \(0, 1\), got 1.0"),
        (Plateau, (0.5, -1), "Plateau: patience must be an integer ≥ 0, got -1"),
        (Plateau, (0.5, 3, 1.0), r"Plateau: threshold must be a number in \[0, 1\), got 1.0"),
    ],
)
def test_settings_are_checked(kind: type, settings: tuple[Any, ...], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        kind(*settings)
