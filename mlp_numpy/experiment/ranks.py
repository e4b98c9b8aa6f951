"""The ranks of a run: processes that train the same network in step, of which the first one keeps the files."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from mlp_numpy.config import Config
from mlp_numpy.data.digest import data_fingerprint
from mlp_numpy.data.sources import Loaded
from mlp_numpy.errors import NonFiniteError, OptionError, RanksDifferError
from mlp_numpy.experiment.artifacts import Artifacts
from mlp_numpy.experiment.build import Components
from mlp_numpy.experiment.folder import RunPaths
from mlp_numpy.experiment.lock import locked
from mlp_numpy.parallel import ALONE, Communicator, mpi_ranks, processes_started
from mlp_numpy.system_info import machine_fingerprint
from mlp_numpy.training import Failure, History, Record, StepRecord, TrainedModel, Trainer

TOGETHER: Final = (NonFiniteError, RanksDifferError)
"""The errors that all ranks raise at the same point, so that none waits for another."""
_CHECK_EVERY: Final = 100
"""Steps between two comparisons of the weights; a digest takes as long as 1 to 5 % of a step."""
_OF_A_HOST: Final = {"data_dir", "threads"}
"""Settings that may differ from rank to rank."""
_HINTS: Final = {
    "version": "one version of mlp_numpy for all ranks",
    "settings": "the same options for all ranks",
    "data": "the same files for all ranks; each reads its own --data-dir",
    "weights": "one kind of processor and one version of NumPy for all ranks, then continue with --resume",
}


def ranks_of(config: Config) -> Communicator:
    """The processes that share the training of ``config``; raises what ``mpi_ranks`` raises."""
    return mpi_ranks(tree=config.allreduce == "tree") if config.distributed == "mpi" else ALONE


def refuse_ranks(who: str, config: Config) -> None:
    """Raise OptionError for settings of a training in several processes: each would begin trainings of its own."""
    if config.distributed != "none":
        raise OptionError(
            f"{who}: distributed must be none, got {config.distributed}. Hint: mpirun is for single runs of train."
        )


class Ranks:
    """The ranks of one run, as it sees them. In one process everything here is as if there were no ranks."""

    def __init__(self, communicator: Communicator) -> None:
        self.communicator = communicator
        self.size = communicator.size
        self.leads = communicator.rank == 0

    def load(self, load: Callable[[bool], Loaded]) -> Loaded:
        """The result of ``load(True)`` for the first rank, which may write files, and then of ``load(False)`` for the
        others."""
        if self.leads:
            loaded = load(True)
        self.wait()
        return loaded if self.leads else load(False)

    def check_same_training(self, config: Config, parts: Components, step: int) -> str | None:
        """Raise RanksDifferError, in all ranks, unless all train the same; a warning if their machines differ, or if
        there are other processes that share nothing with this one."""
        if self.size == 1:
            started = processes_started()
            if started == 1 or config.distributed != "none":
                return None
            return (
                f"mpirun has started {started} processes, and each of them trains a run of its own. Hint: "
                "--distributed mpi shares the batches of one run among them."
            )
        machine = machine_fingerprint()
        settings = {name: value for name, value in asdict(config).items() if name not in _OF_A_HOST}
        self._check_same("version", machine["mlp_numpy"])
        self._check_same("settings", (settings, step))
        self._check_same("data", data_fingerprint(parts.train, parts.held_out))
        self._check_weights(parts.trainer)
        others = self._others(machine)
        return others and (
            f"NumPy or its BLAS is another one in {others} than in rank 0, {machine}. The weights may drift apart, "
            "which ends the run."
        )

    def check_after(self, record: Record, trainer: Trainer) -> None:
        """Every 100 steps, raise RanksDifferError in all ranks if their weights differ."""
        if self.size > 1 and isinstance(record, StepRecord) and record.step % _CHECK_EVERY == 0:
            self._check_weights(trainer)

    def _check_weights(self, trainer: Trainer) -> None:
        digest = zlib.crc32(trainer.parameters.values.data)
        for _, buffer in trainer.model.named_buffers():
            digest = zlib.crc32(np.ascontiguousarray(buffer).data, digest)
        self._check_same("weights", digest, f" after step {trainer.step}")

    def place(self, reserve: Callable[[], RunPaths]) -> RunPaths:
        """The folder that the first rank reserves."""
        place: RunPaths = self.communicator.shared(reserve() if self.leads else None)
        return place

    def locked(self, folder: Path) -> contextlib.AbstractContextManager[None]:
        """The lock of the folder, which the first rank holds."""
        return locked(folder) if self.leads else contextlib.nullcontext()

    def artifacts(self, config: Config, parts: Components, history: History, place: RunPaths) -> Artifacts:
        """What writes the files, in the first rank."""
        return (Artifacts if self.leads else Unwritten)(config, parts, history, place)

    def stop(self, signal: int | None) -> int | None:
        """The signal that has told any of the ranks to stop."""
        if self.size == 1:
            return signal
        return int(self.communicator.joined(np.array([signal or 0]), self.size).max()) or None

    def wait(self) -> None:
        """Wait until the first rank has come here."""
        self.communicator.shared(None)

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """Context of a training that no rank leaves before the first one has saved its files, unless it fails alone."""
        try:
            yield
        except TOGETHER:
            self.wait()
            raise
        self.wait()

    def _check_same(self, name: str, fact: object, when: str = "") -> None:
        others = self._others(fact)
        if others:
            raise RanksDifferError(
                f"Run: the {name} must be the same in all ranks{when}, got others in {others} than in rank 0. "
                f"Hint: {_HINTS[name]}."
            )

    def _others(self, fact: object) -> str | None:
        """The ranks with another ``fact`` than the first one, if any."""
        digests = self.communicator.joined(np.array([zlib.crc32(repr(fact).encode())]), self.size)
        others = [str(rank) for rank in range(self.size) if digests[rank] != digests[0]]
        return f"rank {', '.join(others)}" if others else None


class Unwritten(Artifacts):
    """The files of a run that another rank writes."""

    def __init__(self, config: Config, parts: Components, history: History, place: RunPaths) -> None:
        self.config, self.parts, self.history, self.place = config, parts, history, place

    def begin(self, checkpoint: Path | None = None) -> None:
        """Nothing."""

    def checkpoint(self) -> None:
        """Nothing."""

    def finish(self, failure: Failure | None, *, checkpoint: bool) -> None:
        """Nothing."""

    def save(self, step: int, *, running: bool) -> TrainedModel:
        """The current model, that of ``step``."""
        return self._trained(step)

    def write_history(self) -> None:
        """Nothing."""

    def raise_if_failed(self) -> None:
        """Nothing."""
