"""The command ``learn``: exercises in a learner's folder, their verdicts, and milestones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import tyro

from mlp_numpy.atomic_io import write_json
from mlp_numpy.cli.console import FAILED, MISUSED, PROGRAM, complain
from mlp_numpy.errors import MlpNumpyError
from mlp_numpy.learn import (
    EXERCISES,
    MILESTONES,
    FileVerdict,
    LearnerProgress,
    MilestoneResult,
    check_file,
    check_milestone,
    exercise_file,
    exercise_of,
    start,
)

_FORMAT: Final = 1
_JsonFile = Annotated[Path | None, tyro.conf.arg(name="json")]
_Words = Annotated[tuple[str, ...], tyro.conf.Positional]


def learn(options: Sequence[str]) -> int:
    """Write backwards yourself: exercises with a verdict that names your mistake, and milestones.

    Exit status: 0 right, 1 wrong, 2 it cannot be run.
    """
    commands: dict[str, Callable[..., int]] = {
        "start": start_command,
        "check": check_command,
        "status": status_command,
        "milestone": milestone_command,
    }
    try:
        return int(
            tyro.extras.subcommand_cli_from_dict(
                commands, prog=f"{PROGRAM}learn", args=list(options), description=learn.__doc__
            )
        )
    except (MlpNumpyError, OSError) as error:
        complain(str(error))
        return MISUSED


def start_command(folder: Annotated[Path, tyro.conf.Positional] = Path("learn")) -> int:
    """Write the exercises into a folder; files that exist are left as they are.

    Args:
        folder: the folder, made if there is none
    """
    made = start(folder)
    print(f"{folder}: {len(made)} files written, {len(EXERCISES)} exercises and {len(MILESTONES)} milestones.")
    print(f"Begin with {folder / next(iter(EXERCISES))}.py, then in that folder: {PROGRAM}learn check")
    return 0


def check_command(
    files: _Words = (),
    folder: Path = Path(),
    exercise: str = "",
    seconds: float = 10.0,
    seed: int = 0,
    json_file: _JsonFile = None,
) -> int:
    """Check exercises; without a name the first one that is not right yet.

    Args:
        files: names of exercises, such as linear_dx, or files; "all" for every exercise
        folder: the learner's folder
        exercise: the exercise that a file of another name answers
        seconds: time that a file has
        seed: seed of the random arguments
        json_file: JSON file for the verdicts, or - for standard output instead of the text
    """
    progress = LearnerProgress(folder) if not files else None
    words = list(files) or [(progress.next_exercise if progress else None) or "all"]
    words = [name for word in words for name in (EXERCISES if word == "all" else (word,))]
    verdicts = []
    for word in words:
        file = exercise_file(folder, word)
        verdict = check_file(exercise_of(exercise or file.stem), file, seconds=seconds, seed=seed)
        verdicts.append(verdict)
        _remember(file.parent, verdict)
        if json_file != Path("-"):
            print(verdict)
    _write(json_file, {"verdicts": [verdict.as_json() for verdict in verdicts]})
    statuses = {verdict.status for verdict in verdicts}
    return MISUSED if "not run" in statuses else FAILED if "wrong" in statuses else 0


def status_command(folder: Annotated[Path, tyro.conf.Positional] = Path(), json_file: _JsonFile = None) -> int:
    """Show the exercises and milestones, and which of them are done.

    Args:
        folder: the learner's folder
        json_file: JSON file for the progress, or - for standard output instead of the text
    """
    progress = LearnerProgress(folder)
    if json_file != Path("-"):
        for number, (name, exercise) in enumerate(EXERCISES.items(), 1):
            entry = progress.exercises[name]
            mark = "right" if entry["right"] else f"{entry['attempts']} tries" if entry["attempts"] else ""
            print(f"{number:>2}  {name:<22} {exercise.title:<42} {mark}".rstrip())
        for name, milestone in MILESTONES.items():
            found = progress.milestones.get(name, {})
            print(f"    {name:<22} {milestone.title:<42} {'reached' if found.get('reached') else ''}".rstrip())
    _write(json_file, {"exercises": progress.exercises, "milestones": progress.milestones})
    return 0


def milestone_command(
    name: Annotated[str, tyro.conf.Positional], folder: Path = Path(), json_file: _JsonFile = None
) -> int:
    """Train a network of your own layers, and see whether it reaches the figure.

    Args:
        name: xor, digits, dead_relu or cifar10
        folder: the learner's folder
        json_file: JSON file for the outcome, or - for standard output instead of the text
    """
    result = check_milestone(name, folder)
    _remember(folder, result)
    if json_file != Path("-"):
        print(result)
    _write(json_file, {"milestones": [result.as_json()]})
    return {"reached": 0, "not reached": FAILED, "not run": MISUSED}[result.status]


def _remember(folder: Path, result: FileVerdict | MilestoneResult) -> None:
    """Keep the outcome in the progress of a learner's folder; a file elsewhere has none."""
    try:
        progress = LearnerProgress(folder)
    except FileNotFoundError:
        return
    try:
        if isinstance(result, FileVerdict):
            progress.add_attempt(result.exercise, result.status == "right", [each.name for each in result.mistakes])
        else:
            progress.add_milestone(result.name, result.status == "reached", result.figure)
    except OSError as error:
        # the verdict stands without it
        complain(f"the progress could not be kept: {error}")


def _write(json_file: Path | None, content: dict[str, Any]) -> None:
    if json_file == Path("-"):
        print(json.dumps({"format": _FORMAT} | content, indent=1, ensure_ascii=False, allow_nan=False))
    elif json_file is not None:
        write_json(json_file, {"format": _FORMAT} | content)
