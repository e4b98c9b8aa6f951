"""Every schedule against PyTorch's scheduler of that kind, where it is installed, update by update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlp_numpy.optim.schedules import Cosine, Exponential, OneCycle, Plateau, Schedule, StepDecay, WarmUp

torch = pytest.importorskip("torch")
LR = 0.3


def optimizer() -> Any:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)


PAIRS: list[tuple[Schedule, Callable[[Any, Any], Any]]] = [
    (StepDecay(7, 0.3), lambda kinds, sgd: kinds.StepLR(sgd, 7, 0.3)),
    (Exponential(0.98), lambda kinds, sgd: kinds.ExponentialLR(sgd, 0.98)),
    (Cosine(50), lambda kinds, sgd: kinds.CosineAnnealingLR(sgd, 50)),
    (Cosine(50, 0.05), lambda kinds, sgd: kinds.CosineAnnealingLR(sgd, 50, eta_min=0.05 * LR)),
    (
        WarmUp(12, Cosine(38, 0.1), 0.2),
        lambda kinds, sgd: kinds.SequentialLR(
            sgd,
            [
                kinds.LinearLR(sgd, start_factor=0.2, total_iters=12),
                kinds.CosineAnnealingLR(sgd, 38, eta_min=0.1 * LR),
            ],
            milestones=[12],
        ),
    ),
    (OneCycle(50), lambda kinds, sgd: kinds.OneCycleLR(sgd, LR, total_steps=50, cycle_momentum=False)),
    (
        OneCycle(50, 2.0, 0.1, 0.01, 0.43),
        lambda kinds, sgd: kinds.OneCycleLR(
            sgd, 2 * LR, total_steps=50, pct_start=0.43, div_factor=10, final_div_factor=100, cycle_momentum=False
        ),
    ),
]


@pytest.mark.parametrize(("schedule", "make"), PAIRS, ids=lambda value: repr(value) if hasattr(value, "at") else "")
def test_learning_rates_are_pytorchs(schedule: Schedule, make: Callable[[Any, Any], Any]) -> None:
    sgd = optimizer()
    scheduler = make(torch.optim.lr_scheduler, sgd)
    for step in range(50):
        assert LR * schedule.at(step) == pytest.approx(sgd.param_groups[0]["lr"], rel=1e-11, abs=1e-15)
        sgd.step()
        if step < 49:
            scheduler.step()


@pytest.mark.parametrize("patience", [0, 1, 4])
@pytest.mark.parametrize("threshold", [0.0, 1e-4, 0.1])
def test_plateaus_are_pytorchs(patience: int, threshold: float) -> None:
    rng = np.random.default_rng(patience)
    losses = (np.exp(-np.arange(60) / 20) + 0.2 * rng.random(60)).tolist()
    sgd = optimizer()
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(sgd, factor=0.7, patience=patience, threshold=threshold)
    plateau, seen = Plateau(0.7, patience, threshold), set()
    for n, loss in enumerate(losses, start=1):
        scheduler.step(loss)
        seen.add(plateau.after(losses[:n]))
        assert LR * plateau.after(losses[:n]) == pytest.approx(sgd.param_groups[0]["lr"], rel=1e-12, abs=1e-7)
    assert len(seen) > 2
