"""The files of a run: each is written atomically, and a failure does not prevent the others."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from mlp_numpy.arrays import Array
from mlp_numpy.atomic_io import remove_parts, write_json
from mlp_numpy.config import Config, write_config
from mlp_numpy.data.digest import data_fingerprint
from mlp_numpy.data.own_data import is_own_data
from mlp_numpy.errors import DataError, RunFolderError
from mlp_numpy.exchange.archive import with_prefix, write_archive
from mlp_numpy.experiment.build import Components
from mlp_numpy.experiment.folder import RunPaths, usable
from mlp_numpy.experiment.openings import HISTORY, counting, openings
from mlp_numpy.models import describe_model as describe_model
from mlp_numpy.system_info import describe_system, machine_fingerprint
from mlp_numpy.tracking import remove_logs
from mlp_numpy.training import Failure, History, TrainedModel, save_checkpoint, save_model
from mlp_numpy.training.checkpoint import NAME, PREVIOUS
from mlp_numpy.viz import save_curves, save_layer_stats
from mlp_numpy.viz.layer_stats import DEAD_FRACTION

CAPSULE: Final = "capsule.npz"
CAPSULE_FORMAT: Final = 1
WATCH: Final = "watch.png"

_FILES: Final = ("config.yaml", "history.json", "history.csv", "model.npz", "versions.json")
_INTACT: Final = "The last good checkpoint is intact, if there was one."
_ROOM: Final = "make room or check permissions, then continue with --resume."
_NAMES: Final = (*_FILES, NAME, PREVIOUS, CAPSULE, WATCH)


def result_files(place: RunPaths) -> list[Path]:
    """The readable files of a run's results: settings, history, model, figures, and the failure dump."""
    names = (*_FILES, CAPSULE, WATCH)
    return [path for path in (*(place.folder / name for name in names), place.picture) if os.access(path, os.R_OK)]


class Artifacts:
    """Writes the files of a run of ``config`` to ``place``."""

    def __init__(self, config: Config, parts: Components, history: History, place: RunPaths) -> None:
        self.config, self.parts, self.history, self.place = config, parts, history, place
        self._about = {"data": data_fingerprint(parts.train, parts.held_out), "machine": machine_fingerprint()}
        self._failed: dict[Path, Exception] = {}
        self._tried = 0

    def begin(self, checkpoint: Path | None = None) -> None:
        """Remove files of an earlier run, and write the settings and the first checkpoint.

        checkpoint   the one that the run resumes from, if it does

        Raises RunFolderError if the folder cannot be written.
        """
        folder = self.place.folder
        with usable("run", folder):
            remove_parts(folder)
            remove_parts(self.place.picture.parent, self.place.picture.suffix)
            if self.place.replaces:
                for path in (*(folder / name for name in _NAMES), self.place.picture):
                    path.unlink(missing_ok=True)
                remove_logs(folder)
            self.place.picture.parent.mkdir(parents=True, exist_ok=True)
            (folder / CAPSULE).unlink(missing_ok=True)
            if checkpoint == folder / PREVIOUS:
                # The last one is damaged; the next save would rename it over the only good one.
                (folder / NAME).unlink(missing_ok=True)
            if not (folder / "config.yaml").exists():
                write_config(folder / "config.yaml", self.config)
        if not (folder / NAME).exists():
            self.checkpoint()

    def checkpoint(self) -> None:
        """Write a checkpoint. Raises RunFolderError if it cannot be written; the last good one stays intact."""
        try:
            self._checkpoint()
        except OSError as error:
            self._failed[self.place.folder / NAME] = error
            self._tried += 1
            raise RunFolderError(
                f"run: the checkpoint could not be saved in {self.place.folder}: {error.strerror or error}. "
                f"{_INTACT} Hint: {_ROOM}"
            ) from error

    def finish(self, failure: Failure | None, *, checkpoint: bool) -> None:
        """Write the files of a run's end: a checkpoint, and after a failure the failure dump for ``replay``."""
        folder = self.place.folder
        writers: dict[Path, Callable[[], None]] = {}
        if checkpoint:
            writers[folder / NAME] = self._checkpoint
        if failure is not None:
            writers[folder / CAPSULE] = lambda: self._capsule(folder / CAPSULE, failure)
        self._try(writers)

    def save(self, step: int, *, running: bool) -> TrainedModel:
        """Write the current model (that of ``step``), the history and, unless ``running``, the figures."""
        folder, history, parts = self.place.folder, self.history, self.parts
        trained = self._trained(step)
        writers: dict[Path, Callable[[], None]] = {
            folder / "model.npz": lambda: save_model(folder / "model.npz", trained),
            folder / "history.csv": lambda: history.write_csv(folder / "history.csv"),
            folder / "versions.json": lambda: write_json(folder / "versions.json", describe_system()),
        }
        if not running:
            title = f"{parts.model.title} on {parts.dataset.name}"
            writers[self.place.picture] = lambda: save_curves(self.place.picture, history, title)
            stats = history.layer_stats()
            if stats:
                writers[folder / WATCH] = lambda: save_layer_stats(
                    folder / WATCH, layer_measures(stats), title, steps=stats["step"]
                )
        self._try(writers)
        # The history comes last: it lists the files that failed, and its final status marks the run as complete.
        self.write_history()
        return trained

    def write_history(self) -> None:
        """Write the history, with the names of the files that could not be written."""
        folder, history = self.place.folder, self.history
        history.info.not_saved = [path.name for path in self._failed]
        with counting(folder):
            with contextlib.suppress(DataError):  # then it cannot be written either
                history.info.test_openings = openings(folder, known=history.info.test_openings or [])
            self._try({folder / HISTORY: lambda: history.write(folder / HISTORY)})

    def raise_if_failed(self) -> None:
        """Raise RunFolderError if a file could not be written."""
        if not self._failed:
            return
        first, folder = next(iter(self._failed.values())), self.place.folder
        if not folder.is_dir():
            raise RunFolderError(
                f"run: {folder} was deleted while its run was training, so its results are lost. Hint: train again."
            ) from first
        reasons = "; ".join(
            f"{path}: {getattr(error, 'strerror', None) or error}" for path, error in self._failed.items()
        )
        raise RunFolderError(
            f"run: {len(self._failed)} of {self._tried} files could not be saved: {reasons}. "
            f"No partial file is left under these names. {_INTACT} Hint: {_ROOM}"
        ) from first

    def _try(self, writers: dict[Path, Callable[[], None]]) -> None:
        self._tried += len(writers.keys() - self._failed.keys())
        for path, write in writers.items():
            try:
                write()
            except Exception as error:
                self._failed[path] = error

    def _trained(self, step: int) -> TrainedModel:
        parts, info = self.parts, self.history.info
        about = {key: getattr(info, key) for key in ("name", "dataset", "dataset_option", "source", "status")}
        about |= {"class_names": list(parts.dataset.class_names), "image_shape": list(parts.dataset.image_shape)}
        about |= described_task(parts, self.config)
        return TrainedModel(parts.model, parts.preprocessing, about | {"step": step})

    def _checkpoint(self) -> None:
        save_checkpoint(self.place.folder, self.parts.trainer.state(), self.history, self._about)

    def _capsule(self, path: Path, failure: Failure) -> None:
        about: dict[str, Any] = {
            "format": CAPSULE_FORMAT,
            "step": failure.step,
            "problem": failure.problem,
            "place": failure.place,
            "loss": repr(failure.loss),
            "model": describe_model(self.parts.model),
            "config": asdict(self.config),
            "task": self.parts.dataset.task,
        }
        write_archive(path, with_prefix("state/", failure.state) | _batch_of(failure), about)


def described_task(parts: Components, config: Config) -> dict[str, Any]:
    """The entries of a model file by which new examples are encoded; none for a data set of this library."""
    dataset, found = parts.dataset, dict[str, Any]()
    if dataset.task != "classification":
        found["task"] = dataset.task
    if config.loss != "auto":
        found["loss"] = config.loss
    if dataset.columns:
        found["columns"] = [column.as_json() for column in dataset.columns]
    if parts.scaling is not None:
        found["target_scaling"] = {"mean": list(parts.scaling.mean), "std": list(parts.scaling.std)}
    if config.views != "none":
        found["views"] = config.views
    if is_own_data(config.dataset):
        found["own_data"] = config.own_data.as_json()
    return found


def _batch_of(failure: Failure) -> dict[str, Array]:
    weight = {} if failure.weight is None else {"weight": failure.weight}
    return {"x": failure.x, "y": failure.y} | weight


def layer_measures(stats: dict[str, Any]) -> dict[str, dict[str, list[float]]]:
    """Layer statistics grouped by measure, with a column for each layer that has it."""
    layers = {name: columns for name, columns in stats.items() if name != "step"}
    found: dict[str, dict[str, list[float]]] = {"gradient norm": {}, "update / weight": {}, DEAD_FRACTION: {}}
    for name, columns in layers.items():
        if "gradient" in columns:
            found["gradient norm"][name] = columns["gradient"]
            pairs = zip(columns["update"], columns["weight"], strict=True)
            found["update / weight"][name] = [update / (weight or 1.0) for update, weight in pairs]
        if "dead" in columns:
            found[DEAD_FRACTION][name] = columns["dead"]
    return {measure: columns for measure, columns in found.items() if columns}
