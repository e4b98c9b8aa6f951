"""Every schedule against PyTorch's scheduler of that kind, where it is installed, update by update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mlp_numpy
from mlp_numpy import FlatParameters, LinearModule
from mlp_numpy.optim.schedules import (
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
from mlp_numpy.training.update import Update

torch = pytest.importorskip("torch")
LR = 0.3
MOMENTUM: dict[str, dict[str, float]] = {"SGD": {"momentum": 0.9}, "RMSprop": {"momentum": 0.9}}


def optimizer() -> Any:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)


PAIRS: list[tuple[Schedule, Callable[[Any, Any], Any]]] = [
    (StepDecay(7, 0.3), lambda kinds, sgd: kinds.StepLR(sgd, 7, 0.3)),
    (MultiStep((5, 6, 30), 0.3), lambda kinds, sgd: kinds.MultiStepLR(sgd, [5, 6, 30], 0.3)),
    (Polynomial(50, 0.9), lambda kinds, sgd: kinds.PolynomialLR(sgd, 50, 0.9)),
    (Polynomial(30), lambda kinds, sgd: kinds.PolynomialLR(sgd, 30)),
    (WarmRestarts(7), lambda kinds, sgd: kinds.CosineAnnealingWarmRestarts(sgd, 7)),
    (
        WarmRestarts(5, 2, 0.1),
        lambda kinds, sgd: kinds.CosineAnnealingWarmRestarts(sgd, 5, 2, eta_min=0.1 * LR),
    ),
    (
        WarmUp(12, InverseSquareRoot(12), 0.2),
        lambda kinds, sgd: kinds.LambdaLR(sgd, lambda n: 0.2 + 0.8 * n / 12 if n < 12 else (12 / n) ** 0.5),
    ),
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


@pytest.mark.parametrize("kind", ["SGD", "RMSprop", "Adam", "NAdam"])
def test_cycled_momenta_are_pytorchs(kind: str) -> None:
    theirs = getattr(torch.optim, kind)([torch.nn.Parameter(torch.zeros(1))], lr=LR, **MOMENTUM.get(kind, {}))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(theirs, LR, total_steps=50, base_momentum=0.8, max_momentum=0.9)
    flat = FlatParameters(LinearModule(1, 1))
    update = Update(
        getattr(mlp_numpy, kind)(flat, LR, **MOMENTUM.get(kind, {})), schedule=OneCycle(50, momenta=(0.8, 0.9))
    )
    name = "momentum" if kind in MOMENTUM else "beta1"
    for step in range(50):
        update.apply(step, [])
        group = theirs.param_groups[0]
        assert getattr(update.optimizer, name) == pytest.approx(group.get("momentum", group.get("betas", [0])[0]))
        assert update.optimizer.lr == pytest.approx(group["lr"])
        theirs.step()
        if step < 49:
            scheduler.step()


PLATEAUS: list[dict[str, Any]] = [
    {"threshold_mode": "abs"},
    {"mode": "max"},
    {"mode": "max", "threshold_mode": "abs"},
    {"cooldown": 3},
    {"cooldown": 1, "floor": 0.3},
    {"eps": 0.1},
]


@pytest.mark.parametrize("options", PLATEAUS, ids=str)
@pytest.mark.parametrize("threshold", [0.0, 0.02, 0.1])
def test_options_of_plateaus_are_pytorchs(options: dict[str, Any], threshold: float) -> None:
    rng = np.random.default_rng(3)
    values = (np.exp(-np.arange(80) / 20) + 0.2 * rng.random(80)).tolist()
    if options.get("mode") == "max":
        values = [1 - value for value in values]
    theirs = {name: value for name, value in options.items() if name not in ("floor", "eps")}
    theirs |= {"min_lr": options.get("floor", 0.0) * LR, "eps": options.get("eps", 0.0) * LR}
    sgd = optimizer()
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(sgd, factor=0.7, patience=1, threshold=threshold, **theirs)
    plateau, seen = Plateau(0.7, 1, threshold, **options), set()
    for n, value in enumerate(values, start=1):
        scheduler.step(value)
        seen.add(plateau.after(values[:n]))
        assert LR * plateau.after(values[:n]) == pytest.approx(sgd.param_groups[0]["lr"], rel=1e-12)
    assert len(seen) > 2


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
