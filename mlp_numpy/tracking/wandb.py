"""Runs of Weights & Biases in offline mode, in the subfolder ``wandb`` of the run's folder; no account, no network."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from mlp_numpy.atomic_io import write_text
from mlp_numpy.config import Config
from mlp_numpy.tracking.tracker import metrics, part_of
from mlp_numpy.training import Record, RunInfo

OFFLINE: Final = "wandb"
"""Subfolder of the run's folder."""

_ID: Final = "run-id.txt"
_PROJECT: Final = "mlp_numpy"
_LONGEST_TAG: Final = 64


class WeightsAndBiases:
    """A Tracker for Weights & Biases: settings as config, data set and model as tags, every metric by step, status and
    final evaluation in the summary, and the files of the run.

    The offline record of a killed process is replaced by a whole one under the same run id, since an offline run cannot
    be continued.
    """

    def __init__(self) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read at import
        # an optional extra
        import wandb

        self._library: Any = wandb
        self._info, self._held_out = RunInfo(), ""
        self._run: Any = None

    def start(self, info: RunInfo, config: Config, step: int, folder: Path) -> None:
        """Begin an offline run in place of an earlier one."""
        self._info, self._held_out = info, config.held_out
        here = folder / OFFLINE
        here.mkdir(exist_ok=True)
        for old in here.glob("offline-run-*"):
            shutil.rmtree(old)
        if not (here / _ID).exists():
            write_text(here / _ID, uuid.uuid4().hex[:8])
        settings = self._library.Settings(
            console="off", silent=True, disable_git=True, save_code=False, x_disable_stats=True, x_disable_meta=True
        )
        self._run = self._library.init(
            mode="offline",
            dir=str(folder.absolute()),
            project=_PROJECT,
            id=(here / _ID).read_text(encoding="utf-8").strip(),
            name=info.name,
            config=asdict(config) | {"parameters": info.parameters, "network": info.model},
            tags=[name[:_LONGEST_TAG] for name in (info.dataset, config.model) if name],
            reinit="create_new",  # a run of the caller's own stays as it is
            settings=settings,
        )
        self._run.summary["status"] = "running"

    def record(self, record: Record) -> None:
        """Log a record at its step."""
        self._run.log(metrics(record, part_of(record, self._held_out)), step=record.step)

    def finish(self, status: str, files: Sequence[Path]) -> None:
        """Write status and final evaluation into the summary, add the files, and end the offline run."""
        found = {} if self._info.test is None else metrics(self._info.test, "test")
        self._run.summary.update({"status": status, "seconds": self._info.seconds} | found)
        for path in files:
            # a copy: of a file elsewhere, wandb makes a link that breaks when the folder is moved
            copied = shutil.copy(path, self._run.dir)
            self._run.save(str(copied), base_path=self._run.dir, policy="now")
        self._run.finish(exit_code=0 if status in ("finished", "stopped early", "interrupted") else 1)
