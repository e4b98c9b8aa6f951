"""Parser of schedules on the command line: ``step:500:0.1``, ``warmup:200+cosine``."""

from __future__ import annotations

from typing import Final

from mlp_numpy.checks import shown, whole_number
from mlp_numpy.errors import OptionError, unknown_name
from mlp_numpy.optim.schedules.decay import Constant, Cosine, Exponential, StepDecay
from mlp_numpy.optim.schedules.plateau import Plateau
from mlp_numpy.optim.schedules.schedule import Schedule
from mlp_numpy.optim.schedules.warmup import OneCycle, WarmUp

FORMS: Final = {
    "constant": "constant",
    "step": "step:EVERY:FACTOR",
    "exponential": "exponential:FACTOR",
    "cosine": "cosine[:FLOOR]",
    "warmup": "warmup:STEPS[:START][+SCHEDULE]",
    "one-cycle": "one-cycle[:RISE]",
    "plateau": "plateau:FACTOR:PATIENCE[:THRESHOLD]",
}
"""The syntax of each schedule; parts in brackets are optional."""
LONGEST: Final = 500
"""Maximum length of a schedule's text, which bounds the depth of nested warm-ups."""


def parse_schedule(text: str, steps: int) -> Schedule | Plateau:
    """Parse a schedule for a run of ``steps`` updates.

    constant                              constant learning rate
    step:EVERY:FACTOR                     step:500:0.1, times 0.1 after every 500 updates
    exponential:FACTOR                    exponential:0.999, times 0.999 at each update
    cosine[:FLOOR]                        to 0, or to the factor FLOOR, at the end of the run
    warmup:STEPS[:START][+SCHEDULE]       warmup:200+cosine, linear increase in the first 200 updates, then the other
    schedule
    one-cycle[:RISE]                      up in the first fraction RISE of the run, by default 0.3, then down
    plateau:FACTOR:PATIENCE[:THRESHOLD]   plateau:0.5:3, halved after more than 3 evaluations without a better loss

    A schedule without effect in ``steps`` updates is an error, as is one whose factor becomes 0.

    Raises OptionError for any other string, and for invalid settings.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        raise OptionError(
            f"parse_schedule: text must be a schedule of at most {LONGEST} characters such as 'cosine', "
            f"got {shown(text)}."
        )
    steps = whole_number("parse_schedule", "steps", steps)
    schedule = _parsed(text.strip(), steps)
    _check_effect(schedule, steps)
    return schedule


def _parsed(text: str, steps: int) -> Schedule | Plateau:
    head, plus, rest = text.partition("+")
    name, *settings = [word.strip() for word in head.split(":")]
    if name not in FORMS:
        raise unknown_name("schedule", name, FORMS)
    if plus and name != "warmup":
        raise OptionError(f"schedule {text!r}: only a warm-up may be followed by '+', got {name}.")
    match (name, *settings):
        case ["constant"]:
            return Constant()
        case ["step", every, factor]:
            return StepDecay(_whole(text, every), _number(text, factor))
        case ["exponential", factor]:
            return Exponential(_number(text, factor))
        case ["cosine", *floor] if len(floor) < 2:
            return Cosine(steps, *(_number(text, word) for word in floor))
        case ["warmup", length, *start] if len(start) < 2:
            return _warm_up(text, steps, _whole(text, length), rest if plus else "constant", start)
        case ["one-cycle"]:
            return OneCycle(steps)
        case ["one-cycle", rise]:
            return OneCycle(steps, rise=_number(text, rise))
        case ["plateau", factor, patience, *threshold] if len(threshold) < 2:
            return Plateau(_number(text, factor), _whole(text, patience), *(_number(text, word) for word in threshold))
    raise OptionError(f"schedule {text!r}: must be written {FORMS[name]}, got {len(settings)} settings.")


def _warm_up(text: str, steps: int, rise: int, rest: str, start: list[str]) -> WarmUp:
    if rise >= steps:
        raise OptionError(
            f"schedule {text!r}: the warm-up must be shorter than the run, got {rise} of {steps} updates."
        )
    then = _parsed(rest.strip(), steps - rise)
    if isinstance(then, Plateau):
        raise OptionError(f"schedule {text!r}: after a warm-up there must be a function of the step, got a plateau.")
    return WarmUp(rise, then, *(_number(text, word) for word in start))


def _check_effect(schedule: Schedule | Plateau, steps: int) -> None:
    """Raise OptionError for a schedule without effect in ``steps`` updates, or with a factor of 0."""
    if isinstance(schedule, Plateau):
        if schedule.patience + 2 > steps:  # the best loss and the bad ones after it, all before the last update
            raise _without_effect(schedule, steps, "a smaller patience or a longer run")
        return
    if isinstance(schedule, WarmUp):
        _check_effect(schedule.then, steps - schedule.steps)
    elif not isinstance(schedule, Constant) and schedule.at(0) == schedule.at(steps - 1):
        raise _without_effect(schedule, steps, "an earlier change, a longer run, or constant")
    elif schedule.at(steps - 1) == 0:
        raise OptionError(
            f"{schedule!r}: the factor must stay above 0 for {steps} updates, got 0 at the last. Hint: one nearer to 1."
        )


def _without_effect(schedule: Schedule | Plateau, steps: int, hint: str) -> OptionError:
    return OptionError(f"{schedule!r}: must change the learning rate within {steps} updates, got none. Hint: {hint}.")


def _whole(text: str, word: str) -> int:
    try:
        return int(word)
    except ValueError as error:
        raise OptionError(f"schedule {text!r}: there must be an integer, got {word!r}.") from error


def _number(text: str, word: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise OptionError(f"schedule {text!r}: there must be a number, got {word!r}.") from error
