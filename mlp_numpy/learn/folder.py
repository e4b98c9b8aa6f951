"""A learner's folder: the files of the exercises, and the progress."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Final

from mlp_numpy.atomic_io import write_json, write_text
from mlp_numpy.data.json_files import read_json, understood
from mlp_numpy.errors import DataNotFoundError, OptionError
from mlp_numpy.learn.lessons import EXERCISES, exercise_of

PROGRESS: Final = "progress.json"
OWN_NET: Final = "own_net.py"
DEAD_RELU: Final = "dead_relu.py"
_FORMAT: Final = 1


def start(folder: Path) -> list[str]:
    """Write the files that are missing in ``folder``, and never over one that exists; returns their names.

    Raises OptionError if ``folder`` is a file, DataError for a damaged progress file.
    """
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"learn start: {folder} must be a folder, got a file.")
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"{name}.py": exercise.template for name, exercise in EXERCISES.items()}
    for name in (OWN_NET, DEAD_RELU):
        file = resources.files("mlp_numpy.learn") / f"{Path(name).stem}.txt"
        texts[name] = file.read_text(encoding="utf-8")
    missing = [name for name in texts if not (folder / name).exists()]
    for name in missing:
        write_text(folder / name, texts[name])
    if (folder / PROGRESS).exists():
        LearnerProgress(folder)
    else:
        write_json(folder / PROGRESS, {"format": _FORMAT, "exercises": {}, "milestones": {}})
    return missing


def exercise_file(folder: Path, word: str) -> Path:
    """The file that ``word`` names: an exercise in ``folder``, or a path.

    Raises OptionError for an unknown exercise.
    """
    if word.endswith(".py") or len(Path(word).parts) > 1:
        return Path(word)
    return folder / f"{exercise_of(word).name}.py"


class LearnerProgress:
    """The progress in a learner's folder.

    exercises    by name the number of "attempts", whether it was "right" at the last one, and the "mistakes" so far
    milestones   by name whether it is "reached", and its "figure"

    Raises DataNotFoundError if the folder was not started, DataError if the file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / PROGRESS
        if not self._path.exists():
            raise DataNotFoundError(
                f"learn: {folder} must be a folder of exercises, found no {PROGRESS}. "
                f"Hint: learn start {folder} makes one."
            )
        wanted = "the progress that learn start wrote"
        content = read_json("learn", self._path, wanted)
        with understood("learn", f"{self._path} must be {wanted}"):
            if content["format"] != _FORMAT:
                raise OptionError(f"format {_FORMAT} is known, found {content['format']!r}")
            self.exercises = {name: _entry(content["exercises"].get(name, {})) for name in EXERCISES}
            self.milestones: dict[str, dict[str, Any]] = {
                str(name): {"reached": bool(entry["reached"]), "figure": str(entry["figure"])}
                for name, entry in content["milestones"].items()
            }

    def add_attempt(self, name: str, right: bool, mistakes: list[str]) -> None:
        """Count an attempt at an exercise, and remember its outcome."""
        entry = self.exercises[name]
        entry["attempts"] += 1
        entry["right"] = right
        entry["mistakes"] = [*dict.fromkeys([*entry["mistakes"], *mistakes])]
        self._save()

    def add_milestone(self, name: str, reached: bool, figure: str) -> None:
        """Remember the outcome of a milestone; what was reached once stays reached."""
        if reached or not self.milestones.get(name, {}).get("reached"):
            self.milestones[name] = {"reached": reached, "figure": figure}
        self._save()

    @property
    def next_exercise(self) -> str | None:
        """The first exercise that is not right yet."""
        return next((name for name, entry in self.exercises.items() if not entry["right"]), None)

    def _save(self) -> None:
        tried = {name: entry for name, entry in self.exercises.items() if entry["attempts"]}
        write_json(self._path, {"format": _FORMAT, "exercises": tried, "milestones": self.milestones})


def _entry(content: dict[str, Any]) -> dict[str, Any]:
    return {
        "attempts": int(content.get("attempts", 0)),
        "right": bool(content.get("right", False)),
        "mistakes": [str(name) for name in content.get("mistakes", [])],
    }
