"""Parser of schedules on the command line: ``step:500:0.1``, ``warmup:200+cosine``."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final, NamedTuple

from mlp_numpy.checks import shown, whole_number
from mlp_numpy.errors import OptionError, unknown_name
from mlp_numpy.optim.schedules.decay import (
    Constant,
    Cosine,
    Exponential,
    InverseSquareRoot,
    MultiStep,
    Polynomial,
    StepDecay,
    WarmRestarts,
)
from mlp_numpy.optim.schedules.plateau import Plateau
from mlp_numpy.optim.schedules.schedule import Schedule
from mlp_numpy.optim.schedules.warmup import OneCycle, WarmUp


class Form(NamedTuple):
    """A schedule as text.

    kind     its class; its fields may also be written NAME=VALUE, after the settings of the syntax
    syntax   for error messages; parts in brackets are optional
    order    the fields that the words of the syntax are, in order
    least    how many of them must be there
    apart    fields that are not written: those that the run gives, and those without a meaning in a run
    """

    kind: Any
    syntax: str
    order: tuple[str, ...] = ()
    least: int = 0
    apart: tuple[str, ...] = ()


FORMS: Final = {
    "constant": Form(Constant, "constant"),
    "step": Form(StepDecay, "step:EVERY:FACTOR", ("every", "factor"), 2),
    "multi-step": Form(MultiStep, "multi-step:STEP,STEP,…:FACTOR", ("milestones", "factor"), 2),
    "exponential": Form(Exponential, "exponential:FACTOR", ("factor",), 1),
    "cosine": Form(Cosine, "cosine[:FLOOR]", ("floor",), apart=("steps",)),
    "restarts": Form(WarmRestarts, "restarts:FIRST[:GROWTH][:FLOOR]", ("first", "growth", "floor"), 1),
    "polynomial": Form(Polynomial, "polynomial[:POWER][:FLOOR]", ("power", "floor"), apart=("steps",)),
    "inverse-sqrt": Form(InverseSquareRoot, "inverse-sqrt:SCALE", ("scale",), 1),
    "warmup": Form(WarmUp, "warmup:STEPS[:START][+SCHEDULE]", ("steps", "start"), 1, ("then",)),
    "one-cycle": Form(OneCycle, "one-cycle[:RISE]", ("rise",), apart=("steps",)),
    "plateau": Form(Plateau, "plateau:FACTOR:PATIENCE[:THRESHOLD]", ("factor", "patience", "threshold"), 2, ("mode",)),
}
"""The schedules by name."""
LONGEST: Final = 500
"""Maximum length of a schedule's text, which bounds the depth of nested warm-ups."""


def parse_schedule(text: str, steps: int) -> Schedule | Plateau:
    """Parse a schedule for a run of ``steps`` updates.

    constant                              constant learning rate
    step:EVERY:FACTOR                     step:500:0.1, times 0.1 after every 500 updates
    multi-step:STEP,STEP,…:FACTOR         multi-step:500,900:0.1, times 0.1 after 500 and after 900 updates
    exponential:FACTOR                    exponential:0.999, times 0.999 at each update
    cosine[:FLOOR]                        to 0, or to the factor FLOOR, at the end of the run
    restarts:FIRST[:GROWTH][:FLOOR]       restarts:100:2, a cosine in 100 updates, again in 200, again in 400 …
    polynomial[:POWER][:FLOOR]            polynomial:0.9, to 0 at the end of the run; 1 is a straight line
    inverse-sqrt:SCALE                    warmup:200+inverse-sqrt:200, with 1/√step after the warm-up
    warmup:STEPS[:START][+SCHEDULE]       warmup:200+cosine, linear increase in the first 200 updates, then the other
                                          schedule
    one-cycle[:RISE]                      up in the first fraction RISE of the run, by default 0.3, then down
    plateau:FACTOR:PATIENCE[:THRESHOLD]   plateau:0.5:3, halved after more than 3 evaluations without a better loss

    The other settings of a schedule follow by name: plateau:0.5:3:cooldown=2:floor=0.01, or
    one-cycle:0.3:momenta=0.85,0.95. A plateau's ``mode`` is not among them, since a run gives it losses.

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
    name, *words = [word.strip() for word in head.split(":")]
    if name not in FORMS:
        raise unknown_name("schedule", name, FORMS)
    if plus and name != "warmup":
        raise OptionError(f"schedule {text!r}: only a warm-up may be followed by '+', got {name}.")
    form = FORMS[name]
    settings = _settings(text, form, words)
    if name == "warmup":
        settings["then"] = _after(text, steps, settings["steps"], rest if plus else "constant")
    elif "steps" in form.apart:
        settings["steps"] = steps
    made: Schedule | Plateau = form.kind(**settings)
    return made


def _settings(text: str, form: Form, words: list[str]) -> dict[str, Any]:
    """The arguments of the form's class, from the words between the colons."""
    types = {field.name: str(field.type) for field in fields(form.kind) if field.name not in form.apart}
    plain = [word for word in words if "=" not in word]
    if not form.least <= len(plain) <= len(form.order):
        raise OptionError(f"schedule {text!r}: must be written {form.syntax}, got {len(plain)} settings.")
    pairs = [*zip(form.order, plain, strict=False)]
    for word in words:
        if "=" in word:
            name, _, value = word.partition("=")
            if name not in types:
                raise OptionError(f"schedule {text!r}: {unknown_name('setting', name, types)}")
            pairs.append((name, value))
    settings = {name: _value(text, types[name], word) for name, word in pairs}
    if len(settings) < len(pairs):
        raise OptionError(f"schedule {text!r}: every setting must be given once, got one of them twice.")
    return settings


def _value(text: str, kind: str, word: str) -> Any:
    """A word as a value of a field's type."""
    if kind.startswith("tuple"):
        return tuple(_value(text, kind[len("tuple[") :].split(",")[0], each.strip()) for each in word.split(","))
    if kind not in ("int", "float"):
        return word
    try:
        return int(word) if kind == "int" else float(word)
    except ValueError as error:
        what = "an integer" if kind == "int" else "a number"
        raise OptionError(f"schedule {text!r}: there must be {what}, got {word!r}.") from error


def _after(text: str, steps: int, rise: int, rest: str) -> Schedule:
    """The schedule that follows a warm-up of ``rise`` updates."""
    if rise >= steps:
        raise OptionError(
            f"schedule {text!r}: the warm-up must be shorter than the run, got {rise} of {steps} updates."
        )
    then = _parsed(rest.strip(), steps - rise)
    if isinstance(then, Plateau):
        raise OptionError(f"schedule {text!r}: after a warm-up there must be a function of the step, got a plateau.")
    return then


def _check_effect(schedule: Schedule | Plateau, steps: int) -> None:
    """Raise OptionError for a schedule without effect in ``steps`` updates, or with a factor of 0."""
    if isinstance(schedule, Plateau):
        if schedule.patience + 2 > steps:  # the best loss and the bad ones after it, all before the last update
            raise _without_effect(schedule, steps, "a smaller patience or a longer run")
        return
    if isinstance(schedule, WarmUp):
        _check_effect(schedule.then, steps - schedule.steps)
    elif not isinstance(schedule, Constant) and _is_constant(schedule, steps):
        raise _without_effect(schedule, steps, "an earlier change, a longer run, or constant")
    elif schedule.at(steps - 1) == 0:
        raise OptionError(
            f"{schedule!r}: the factor must stay above 0 for {steps} updates, got 0 at the last. Hint: one nearer to 1."
        )


def _is_constant(schedule: Schedule, steps: int) -> bool:
    """True for equal factors at both ends of the run, and after its first update, where restarts have begun to fall."""
    return schedule.at(0) == schedule.at(steps - 1) == schedule.at(min(1, steps - 1))


def _without_effect(schedule: Schedule | Plateau, steps: int, hint: str) -> OptionError:
    return OptionError(f"{schedule!r}: must change the learning rate within {steps} updates, got none. Hint: {hint}.")
