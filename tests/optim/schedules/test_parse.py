"""Schedules as text: what each one means, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from mlp_numpy.errors import OptionError
from mlp_numpy.optim import Plateau, Schedule, parse_schedule
from mlp_numpy.optim.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseSquareRoot,
    MultiStep,
    OneCycle,
    Polynomial,
    StepDecay,
    WarmRestarts,
    WarmUp,
)


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("constant", Constant()),
        ("step:500:0.1", StepDecay(500, 0.1)),
        ("exponential:0.999", Exponential(0.999)),
        ("cosine", Cosine(1500)),
        ("cosine:0.01", Cosine(1500, 0.01)),
        ("warmup:200", WarmUp(200, Constant())),
        ("warmup:200:0.1+constant", WarmUp(200, Constant(), 0.1)),
        ("warmup:200+cosine", WarmUp(200, Cosine(1300))),
        (" warmup:200 + step:500:.1 ", WarmUp(200, StepDecay(500, 0.1))),
        ("one-cycle", OneCycle(1500)),
        ("one-cycle:0.4", OneCycle(1500, rise=0.4)),
        ("multi-step:500,900:0.1", MultiStep((500, 900), 0.1)),
        ("restarts:100", WarmRestarts(100)),
        ("restarts:100:2:0.01", WarmRestarts(100, 2, 0.01)),
        ("restarts:100:floor=0.01", WarmRestarts(100, floor=0.01)),
        ("polynomial", Polynomial(1500)),
        ("polynomial:0.9:0.1", Polynomial(1500, 0.9, 0.1)),
        ("warmup:200+polynomial:2", WarmUp(200, Polynomial(1300, 2.0))),
        ("warmup:200+inverse-sqrt:200", WarmUp(200, InverseSquareRoot(200))),
        ("one-cycle:0.4:momenta=0.85,0.95", OneCycle(1500, rise=0.4, momenta=(0.85, 0.95))),
        ("one-cycle:peak=10:start=0.1:final=0.01", OneCycle(1500, 10.0, 0.1, 0.01)),
        (
            "plateau:0.5:3:threshold=1:threshold_mode=abs:cooldown=2:floor=0.01:eps=1e-8",
            Plateau(0.5, 3, 1.0, "abs", cooldown=2, floor=0.01, eps=1e-8),
        ),
        ("plateau:0.5:3", Plateau(0.5, 3)),
        ("plateau:0.5:3:0.01", Plateau(0.5, 3, 0.01)),
    ],
)
def test_what_a_text_means(text: str, schedule: Schedule | Plateau) -> None:
    assert parse_schedule(text, 1500) == schedule


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cosin", "unknown schedule 'cosin'. Did you mean 'cosine'\\? Known: constant, cosine, "),
        ("onecycle:0.3", "Did you mean 'one-cycle'"),
        ("", "unknown schedule ''"),
        ("warmup:200+cosinus", "unknown schedule 'cosinus'. Did you mean 'cosine'"),
        ("constant:1", "'constant:1': must be written constant, got 1 settings"),
        ("step:500", "must be written step:EVERY:FACTOR, got 1 settings"),
        ("exponential", "must be written exponential:FACTOR, got 0 settings"),
        ("cosine:0.1:0.2", r"must be written cosine\[:FLOOR\], got 2 settings"),
        ("one-cycle:0.1:0.2", r"must be written one-cycle\[:RISE\], got 2 settings"),
        ("plateau:0.5", r"must be written plateau:FACTOR:PATIENCE\[:THRESHOLD\], got 1 settings"),
        ("plateau:0.5:3:mode=max", "plateau.*: unknown setting 'mode'. Known: cooldown, eps, "),
        ("plateau:0.5:3:0.1:threshold=0.1", "every setting must be given once, got one of them twice"),
        ("cosine:steps=3", "unknown setting 'steps'"),
        ("restarts", r"must be written restarts:FIRST\[:GROWTH\]\[:FLOOR\], got 0 settings"),
        ("multi-step:5,:0.1", "there must be an integer, got ''"),
        ("one-cycle:momenta=0.9", r"OneCycle: momenta must be a pair of numbers \(low, high\), got \(0.9,\)"),
        ("warmup", r"must be written warmup:STEPS\[:START\]\[\+SCHEDULE\], got 0 settings"),
        ("step:x:0.1", "'step:x:0.1': there must be an integer, got 'x'"),
        ("step:1.5:0.1", "there must be an integer, got '1.5'"),
        ("cosine:", "there must be a number, got ''"),
        ("cosine:nan", r"Cosine: floor must be a number in \[0, 1\), got nan"),
        ("step:5:1", r"StepDecay: factor must be a number in \(0, 1\), got 1.0"),
        ("cosine+constant", "only a warm-up may be followed by '\\+', got cosine"),
        ("warmup:200+", "unknown schedule ''"),
        ("warmup:200+warmup:200", r"must begin with the factor 1, got WarmUp\(steps=200, .* begins with 0.01"),
        ("warmup:200+one-cycle", "must begin with the factor 1, got OneCycle"),
        ("warmup:200+plateau:0.5:3", "after a warm-up there must be a function of the step, got a plateau"),
    ],
)
def test_what_cannot_be_meant(text: str, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        parse_schedule(text, 1500)


@pytest.mark.parametrize(
    ("text", "steps", "words"),
    [
        ("step:1500:0.1", 1501, None),
        ("step:1500:0.1", 1500, r"StepDecay\(every=1500, factor=0.1\): must change .* within 1500 updates, got none"),
        ("warmup:200+step:1300:0.1", 1501, None),
        ("warmup:200+step:1300:0.1", 1500, "must change the learning rate within 1300 updates, got none. Hint: "),
        ("warmup:1499", 1500, None),
        ("warmup:1500", 1500, "the warm-up must be shorter than the run, got 1500 of 1500 updates"),
        ("cosine", 2, None),
        ("cosine", 1, "must change the learning rate within 1 updates, got none"),
        ("warmup:200+cosine", 201, "must change the learning rate within 1 updates, got none"),
        ("constant", 1, None),
        ("one-cycle", 4, None),
        ("one-cycle", 3, "more than one update in the rise"),
        ("restarts:100", 101, None),
        ("restarts:1", 1500, r"WarmRestarts\(.*\): must change the learning rate within 1500 updates, got none"),
        ("multi-step:5:0.1", 6, None),
        ("multi-step:5:0.1", 5, "must change the learning rate within 5 updates, got none"),
        ("plateau:0.5:3", 5, None),
        ("plateau:0.5:3", 4, r"Plateau\(.*\): must change the learning rate within 4 updates, got none. Hint: a sm"),
        ("exponential:0.5", 1000, None),
        ("exponential:0.5", 1500, "the factor must stay above 0 for 1500 updates, got 0 at the last"),
        ("warmup:9+exponential:0.5", 1500, "the factor must stay above 0 for 1491 updates, got 0 at the last"),
    ],
)
def test_what_would_have_no_effect(text: str, steps: int, words: str | None) -> None:
    if words is None:
        schedule = parse_schedule(text, steps)
        assert isinstance(schedule, Plateau) or schedule.at(steps - 1) > 0
        return
    with pytest.raises(OptionError, match=words):
        parse_schedule(text, steps)


@pytest.mark.parametrize(("text", "steps"), [(None, 10), (3, 10), ("cosine", 0), ("cosine", 1.5), ("cosine", True)])
def test_what_is_no_text_or_no_run(text: Any, steps: Any) -> None:
    with pytest.raises(OptionError, match="parse_schedule: (text|steps) must be"):
        parse_schedule(text, steps)
