"""The verdict on a learner's file, in plain words and in JSON types."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from mlp_numpy.arrays import Array
from mlp_numpy.checking.checks import BOUNDS, Measured, compare
from mlp_numpy.checks import Bounds, number
from mlp_numpy.errors import DataNotFoundError
from mlp_numpy.learn.diagnosis import Mistake, known_mistakes
from mlp_numpy.learn.exercise import Exercise, Question
from mlp_numpy.learn.process import Answer, CodeFailure, FileRun, run_file

Status: TypeAlias = Literal["right", "wrong", "not run"]
SECONDS: Final = 10.0
"""The time that a learner's file has by default."""
_TIME: Final = Bounds("a number of seconds in (0, 3600]", 0, 3600, high_included=True)
_HINTS: Final = {
    "NameError": " Is a name mistyped, or defined further below?",
    "MemoryError": " An array is larger than the memory that an exercise may take.",
    "RecursionError": " A function calls itself without an end.",
    "EOFError": " An exercise has no keyboard: leave out input().",
    "SystemExit": " Leave out exit(): the file is imported, not run.",
}


@dataclass(frozen=True)
class FileVerdict:
    """The verdict on one file.

    status     "right", "wrong", or "not run" if no question could be answered
    problems   what is wrong, in plain words, the first and worst before the others
    mistakes   the known mistakes that wrong gradients equal
    worst      the largest error of each gradient in float64, with its worst entry
    line       the line of the file that a problem comes from, if one does
    printed    the beginning of what the file printed
    """

    exercise: str
    status: Status
    problems: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    worst: tuple[Measured, ...] = ()
    line: int | None = None
    printed: str = ""

    def as_json(self) -> dict[str, Any]:
        """The verdict in JSON types."""
        worst = {
            each.name: {
                "error": _finite(each.error),
                "index": list(each.entry),
                "yours": _finite(each.ours.real),
                "right": each.theirs.real,
            }
            for each in self.worst
        }
        return {
            "exercise": self.exercise,
            "status": self.status,
            "problems": list(self.problems),
            "mistakes": [vars(mistake) for mistake in self.mistakes],
            "gradients": worst,
            "bound": BOUNDS["complex"],
            "line": self.line,
            "printed": self.printed,
        }

    def __str__(self) -> str:
        if self.status == "right":
            error = max(each.error for each in self.worst)
            found = f"largest error {error:.1e}, must stay below {BOUNDS['complex']:.0e}"
            lines = [f"{self.exercise}: right. It agrees with the complex step: {found}."]
        else:
            lines = [f"{self.exercise}: {'wrong' if self.status == 'wrong' else 'could not be run'}."]
        lines += [f"  {problem}" for problem in self.problems]
        lines += [f"  {text}" for text in _in_words(self.mistakes)]
        if self.printed:
            lines += ["  It printed:", *(f"    {line}" for line in self.printed.splitlines()[:10])]
        return "\n".join(lines)


def _finite(value: float) -> float | None:
    """JSON has neither NaN nor infinity."""
    return value if math.isfinite(value) else None


def _in_words(mistakes: Sequence[Mistake]) -> list[str]:
    """The mistakes as sentences, one for all gradients that share one."""
    sharing: dict[tuple[str, str], list[str]] = {}
    for mistake in mistakes:
        sharing.setdefault((mistake.name, mistake.why), []).append(mistake.gradient)
    return [
        f"Your {' and '.join(names)} {'is' if len(names) == 1 else 'are'} right but for one known mistake: {name}."
        + (f" {why}" if why else "")
        for (name, why), names in sharing.items()
    ]


def check_file(exercise: Exercise, file: Path, *, seconds: float = SECONDS, seed: int = 0) -> FileVerdict:
    """Run a learner's file in a process of its own, and judge what comes back.

    seconds   the time that its code has

    Raises DataNotFoundError if there is no such file, OptionError for seconds not in (0, 3600].
    """
    number("learn.check", "seconds", seconds, _TIME)
    if not file.is_file():
        raise DataNotFoundError(f"learn: there must be a file {file}, found none. Hint: learn start makes it.")
    with threadpool_limits(1):  # as in the audit: the arrays are small
        questions = list(exercise.questions(seed))
        asked = [_typed({**each.arguments, "dout": each.dout}, each.single) for each in questions]
        return _verdict(exercise, questions, run_file(file, asked, len(exercise.wanted), seconds))


def _typed(given: Mapping[str, Any], single: bool) -> dict[str, Any]:
    """The arguments, with arrays in float32 if ``single``."""
    return {
        name: value.astype(np.float32) if single and isinstance(value, np.ndarray) else value
        for name, value in given.items()
    }


def _verdict(exercise: Exercise, questions: Sequence[Question], outcome: FileRun) -> FileVerdict:
    if outcome.failure is not None:
        told = failure_in_words(outcome.failure)
        return FileVerdict(exercise.name, "not run", (told,), line=outcome.failure.line, printed=outcome.printed)
    asked = list(zip(questions, outcome.answers, strict=True))
    problems: dict[str, str] = {}
    for question, answer in asked:
        if not (question.single and problems):
            for kind, text in _problems(exercise, question, answer):
                problems.setdefault(kind, text)
    failures = [answer.failure for _, answer in asked if answer.failure is not None]
    failed = len(failures) == len(asked)
    exact = [(question, _gradients(exercise, answer)) for question, answer in asked if not question.single]
    return FileVerdict(
        exercise.name,
        "not run" if failed else "wrong" if problems else "right",
        tuple(problems.values()),
        tuple(known_mistakes(exercise, *map(list, zip(*exact, strict=True)))) if problems and not failed else (),
        tuple(_worst(exercise, exact)),
        next((line for line in (*(each.line for each in failures), *_written(asked)) if line is not None), None),
        outcome.printed,
    )


def _written(asked: Sequence[tuple[Question, Answer]]) -> list[int | None]:
    return [answer.written_at for _, answer in asked]


def failure_in_words(failure: CodeFailure, where: str = "") -> str:
    """A failure as a sentence, with the line, and its text in quotes; ``where`` as in "in the example"."""
    at = ", ".join(([f"line {failure.line}"] if failure.line is not None else []) + ([where] if where else []))
    place = f"{at}: " if at else ""
    code = f" `{failure.text}`" if failure.text else ""
    if failure.kind == "NotImplementedError":
        return f"{place}not written yet."
    if failure.kind == "time limit":
        return f"{place}{failure.message}. Is there a loop that does not end?{code}"
    message = failure.message if failure.kind in ("no function", "end of the process") else failure.kind
    if message == failure.kind and failure.message:
        message = f"{failure.kind}: {failure.message}"
    return f"{place}{message.rstrip('.')}.{_HINTS.get(failure.kind, '')}{code}"


def _problems(exercise: Exercise, question: Question, answer: Answer) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with one answer: a kind, and a sentence."""
    where, n = question.title, len(exercise.wanted)
    if answer.failure is not None:
        yield "failure", failure_in_words(answer.failure, where)
        return
    if answer.out is None or not _equal(answer.out, question):
        yield "forward", f"forward is not the one of the exercise any more, {where}; take it from a fresh copy."
    if len(answer.kinds) != n:
        wanted = " and ".join(exercise.gradient_names)
        yield (
            "kind",
            f"backward must return {n} gradient{'s' if n > 1 else ''}, {wanted}, got {len(answer.kinds)}, {where}.",
        )
        return
    for name, kind, gradient in zip(exercise.gradient_names, answer.kinds, answer.gradients, strict=True):
        if gradient is None:
            hint = " Is a return missing?" if kind == "None" else ""
            yield f"kind of {name}", f"{name} must be an array of numbers, got {kind}, {where}.{hint}"
        else:
            yield from _problems_of(name, gradient, question)
    if answer.changed:
        names = " and ".join(answer.changed)
        place = "" if answer.written_at is None else f"line {answer.written_at}: "
        yield "changed", f"{place}{names} must not be modified, but was: work on a copy."
    elif not answer.steady:
        yield "steady", f"a second backward gives something else than the first, {where}; keep no state between calls."


def _problems_of(name: str, gradient: Array, question: Question) -> Iterator[tuple[str, str]]:
    """What is wrong with one gradient."""
    right, where = question.gradients[name], question.title
    if gradient.shape != right.shape:
        yield f"shape of {name}", f"{name} must be {right.shape}, as {name[1:]} is, got {gradient.shape}, {where}."
        return
    found = compare(name, gradient.astype(np.float64), right, question.dout)
    bound = BOUNDS["float32" if question.single else "complex"]
    if not found.error <= bound:
        error = f"relative error {found.error:.1e}, must stay below {bound:.0e}"
        index = list(found.entry) if found.entry else ""
        yield (
            f"value of {name}",
            f"{name}{index} is {found.ours.real:.6g}, must be {found.theirs.real:.6g}, {where}; {error}.",
        )
    elif question.single and gradient.dtype != np.float32:
        hint = "np.zeros_like(x) has the dtype of x"
        yield f"dtype of {name}", f"{name} must be float32 where x is, got {gradient.dtype}. Hint: {hint}."


def _equal(out: Array, question: Question) -> bool:
    if out.shape != question.out.shape:
        return False
    bound = BOUNDS["float32" if question.single else "complex"]
    return compare("out", out.astype(np.float64), question.out, None).error <= bound


def _gradients(exercise: Exercise, answer: Answer) -> dict[str, Array]:
    """The gradients of an answer by name, those that are arrays."""
    if len(answer.gradients) != len(exercise.wanted):
        return {}
    named = zip(exercise.gradient_names, answer.gradients, strict=True)
    return {name: gradient.astype(np.float64) for name, gradient in named if gradient is not None}


def _worst(exercise: Exercise, exact: Sequence[tuple[Question, Mapping[str, Array]]]) -> Iterator[Measured]:
    """The largest error of each gradient; none of one that never came in its shape."""
    for name in exercise.gradient_names:
        found = [
            compare(name, given[name], question.gradients[name], question.dout)
            for question, given in exact
            if name in given and given[name].shape == question.gradients[name].shape
        ]
        if found:
            yield max(found, key=lambda each: each.error)
