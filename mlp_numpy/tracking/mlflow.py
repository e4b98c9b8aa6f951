"""Runs in a local MLflow store, ``mlflow-store`` in the folder of all runs; no server, no account, no network."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from mlp_numpy.atomic_io import write_text
from mlp_numpy.config import Config
from mlp_numpy.tracking.tracker import metrics, part_of
from mlp_numpy.training import EvaluationRecord, Record, RunInfo

STORE: Final = "mlflow-store"
"""Folder beside the runs: a SQLite database, and the artifacts."""
RUN_ID: Final = "mlflow-run-id.txt"
"""File in a run's folder with the MLflow id of the run."""

_EXPERIMENT: Final = "mlp_numpy"
_BATCH: Final = 1000
"""Metrics that MLflow takes at once."""
_OTHERS: Final = r"[^\w./ :-]"
"""Characters that MLflow does not take in the name of a metric."""
_ENDS: Final = {"finished": "FINISHED", "stopped early": "FINISHED", "interrupted": "KILLED"}


class MLflow:
    """A Tracker for MLflow: settings as parameters; data set, model and status as tags; every metric by step; the files
    of the run as artifacts.

    A resumed run continues its MLflow run, found by the id in its folder. MLflow cannot delete single values, so steps
    that it already has are skipped. Values are written at every evaluation, a transaction each: one a step would take
    36 ms.
    """

    def __init__(self) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read at import
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        for needed in ("alembic", "sqlalchemy"):  # by the store
            import_module(needed)
        # an optional extra
        import mlflow
        import mlflow.entities

        self._library: Any = mlflow
        self._client: Any = None
        self._info, self._held_out, self._id = RunInfo(), "", ""
        self._logged: dict[str, int] = {}
        self._waiting: list[Any] = []

    def start(self, info: RunInfo, config: Config, step: int, folder: Path) -> None:
        """Create the MLflow run of ``folder``, or continue it."""
        self._info, self._held_out, self._waiting = info, config.held_out, []
        store = folder.absolute().parent / STORE
        store.mkdir(exist_ok=True)
        uri = f"sqlite:///{(store / 'mlflow.db').as_posix()}"
        self._client = self._library.MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._id = self._known(folder / RUN_ID)
        if not self._id:
            self._id = self._client.create_run(self._experiment(store), run_name=info.name).info.run_id
            entry = self._library.entities.Param
            settings = [entry(name, str(value)) for name, value in asdict(config).items()]
            self._client.log_batch(self._id, params=settings)
            write_text(folder / RUN_ID, self._id)
        self._logged = {part: self._last(f"loss/{part}") for part in {"train", config.held_out, "test"}}
        self._client.update_run(self._id, status="RUNNING")
        tags = {name: getattr(info, name) for name in ("dataset", "model", "loss", "optimizer", "parameters", "source")}
        self._tag(tags | {"status": "running", "folder": folder.absolute()})

    def record(self, record: Record) -> None:
        """Hold a record back until the next evaluation, then write all of them."""
        self._hold(record, part_of(record, self._held_out))
        if isinstance(record, EvaluationRecord):
            self._flush()

    def finish(self, status: str, files: Sequence[Path]) -> None:
        """Write what is held back, the final evaluation of the test set if there is one, the status and the files."""
        if self._info.test is not None:
            self._hold(self._info.test, "test")
        self._flush()
        self._tag({"status": status, "seconds": self._info.seconds})
        for path in files:
            self._client.log_artifact(self._id, str(path))
        self._client.set_terminated(self._id, _ENDS.get(status, "FAILED"))

    def _known(self, path: Path) -> str:
        """The id in ``path`` if it is that of a run in the store; else empty, as when the folder was moved."""
        if not path.exists():
            return ""
        found = path.read_text(encoding="utf-8").strip()
        try:
            self._client.get_run(found)
        except self._library.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return ""
        return found

    def _experiment(self, store: Path) -> Any:
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        if found is not None:
            return found.experiment_id
        # without a location, artifacts would go below the current directory
        return self._client.create_experiment(_EXPERIMENT, artifact_location=(store / "artifacts").as_uri())

    def _last(self, name: str) -> int:
        return max((each.step for each in self._client.get_metric_history(self._id, name)), default=-1)

    def _hold(self, record: Record, part: str) -> None:
        if record.step <= self._logged[part]:
            return
        entry, now = self._library.entities.Metric, int(time.time() * 1000)
        found = {re.sub(_OTHERS, "_", name): value for name, value in metrics(record, part).items()}
        values = [entry(name, value, now, record.step) for name, value in found.items()]
        # the values of a record stay in one transaction
        if len(self._waiting) + len(values) > _BATCH:
            self._flush()
        self._waiting += values

    def _flush(self) -> None:
        if self._waiting:
            self._client.log_batch(self._id, metrics=self._waiting)
            self._waiting = []

    def _tag(self, tags: dict[str, Any]) -> None:
        entry = self._library.entities.RunTag
        self._client.log_batch(self._id, tags=[entry(name, str(value)) for name, value in tags.items()])
