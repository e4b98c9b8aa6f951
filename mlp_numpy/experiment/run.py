"""One experiment from its settings to its files: ``run(config)`` loads, builds, trains, saves and draws."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from mlp_numpy.arrays import stream
from mlp_numpy.config import Config, write_config
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.environment import describe
from mlp_numpy.errors import CallOrderError, NonFiniteError, RunFolderError
from mlp_numpy.experiment.folder import check_free, reserve
from mlp_numpy.experiment.signals import held_signals
from mlp_numpy.files import write_json
from mlp_numpy.models import MLP
from mlp_numpy.modules import Initializer, SoftMaxCrossEntropyModule, glorot, kaiming, normal
from mlp_numpy.optim import SGD, Adam, FlatParameters
from mlp_numpy.training import EvaluationRecord, History, Optimizer, Record, TrainedModel, Trainer, save_model
from mlp_numpy.viz import save_curves

_OPTIMIZERS: Final[dict[str, Callable[[FlatParameters, float], Optimizer]]] = {"sgd": SGD, "adam": Adam}
_SAVE_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Result:
    """What a run left: its folder and picture, its history, the trained model, and how it ended.

    status   "finished", "interrupted" (Ctrl-C or an early break) or "stopped: …" with the reason
    """

    folder: Path
    picture: Path
    history: History
    trained: TrainedModel
    status: str


class Run:
    """One experiment under way.

        with Run(config) as run:
            for record in run.records():
                ...
        run.result

    Constructing it loads the data, builds the network and checks every setting; nothing is written yet. ``records``
    reserves the folder, trains, and saves what was reached on every way out: at the end, at Ctrl-C or SIGTERM, when
    the caller breaks (at the latest where the ``with`` ends), and before a NonFiniteError is raised. A longer run is
    also saved on the way, every few seconds, so that even a power cut costs little.

    Raises OptionError for settings that contradict the data, and what ``load_dataset`` raises.
    """

    def __init__(self, config: Config, *, progress: bool = False) -> None:
        check_free(config)
        self.config = config
        loaded = load_dataset(config.dataset, config.data_dir, download=config.download, progress=progress)
        self.dataset = loaded.dataset
        self.warning = loaded.warning
        self.preprocessing = Preprocessing.fit(
            config.preprocessing, self.dataset.train.images, self.dataset.image_shape, config.dtype
        )
        self.model = MLP(
            self.dataset.n_features,
            config.hidden,
            self.dataset.n_classes,
            config.neg_slope,
            init=initializer(config),
            rng=stream(config.seed, "weights"),
            dtype=config.dtype,
            input_layer=True,
        )
        self.parameters = FlatParameters(self.model)
        self.trainer = Trainer(
            self.model.logits,
            SoftMaxCrossEntropyModule(),
            _OPTIMIZERS[config.optimizer](self.parameters, config.lr),
            Batches(self.dataset.train, config.batch, self.preprocessing, seed=config.seed, dtype=config.dtype),
            self.dataset.test,
            eval_every=config.eval_every,
        )
        self.history = History(
            about={
                "dataset": self.dataset.name,
                "dataset_option": _unambiguous(config.dataset, self.dataset.name),
                "source": self.dataset.source,
                "model": repr(self.model),
                "parameters": len(self.parameters),
                "loss": repr(self.trainer.loss),
                "optimizer": repr(self.trainer.optimizer),
                "config": asdict(config),
            }
        )
        self.folder = Path(config.runs_dir)
        self.picture = Path(config.plots_dir)
        self.result: Result | None = None
        self.stopped_by: int | None = None
        self._records: Generator[Record] | None = None
        self._replaces = False

    def records(self) -> Iterator[Record]:
        """Train, yielding every step and evaluation; see the class for what is saved when.

        Raises RunFolderError if the run's folder exists or cannot be made, NonFiniteError if training diverged,
        CallOrderError at a second call: a run runs once.
        """
        if self._records is not None:
            raise CallOrderError("Run.records: a run runs once. Hint: make another Run of the same Config.")
        self._records = self._run()
        return self._records

    def close(self) -> None:
        """End the run if it is still under way, and save what was reached; ``with Run(config) as run`` does so."""
        if self._records is not None:
            self._records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> Generator[Record]:
        self.folder, self.picture, self._replaces = reserve(self.config, self.dataset.name)
        self.history.about["name"] = self.folder.name
        began = time.perf_counter()
        status = "interrupted"
        with held_signals(self._stop):
            try:
                saved = began
                for record in self.trainer.run(self.config.steps):
                    self.history.add(record)
                    if isinstance(record, EvaluationRecord) and time.perf_counter() - saved > _SAVE_SECONDS:
                        self._save("running", began)
                        saved = time.perf_counter()
                    yield record
                    if self.stopped_by is not None:
                        break
                else:
                    status = "finished"
            except NonFiniteError as error:
                status = f"stopped: {error}"
                raise
            except Exception as error:
                status = f"failed: {error!r}"
                raise
            finally:
                self._save(status, began)

    def _stop(self, number: int) -> None:
        self.stopped_by = number

    def _save(self, status: str, began: float) -> None:
        """Write every file of the run; one that fails does not keep the others from being tried."""
        if status == "interrupted" and self.history.last_evaluated != self.trainer.step:
            try:
                self.history.add(self.trainer.evaluate())
            except NonFiniteError as error:
                status = f"stopped: {error}"
        self.history.about |= {"status": status, "seconds": round(time.perf_counter() - began, 3)}
        about = {key: self.history.about[key] for key in ("name", "dataset", "dataset_option", "source", "status")}
        about |= {"class_names": list(self.dataset.class_names), "image_shape": list(self.dataset.image_shape)}
        trained = TrainedModel(self.model, self.preprocessing, about | {"step": self.trainer.weights_step})
        title = f"{self.model.sizes_text} on {self.dataset.name}"
        writers: dict[Path, Callable[[Path], None]] = {
            self.folder / "model.npz": lambda path: save_model(path, trained),
            self.folder / "history.json": self.history.write,
            self.folder / "history.csv": self.history.write_csv,
            self.folder / "config.yaml": lambda path: write_config(path, self.config),
            self.folder / "versions.json": lambda path: write_json(path, describe()),
            self.picture: lambda path: save_curves(path, self.history, title),
        }
        if self._replaces:
            # Whatever fails below, an old file must not stand among the new ones as if it were of this run.
            for path in writers:
                path.unlink(missing_ok=True)
            self._replaces = False
        if status == "running":
            del writers[self.picture]
        failed: dict[Path, Exception] = {}
        for path, write in writers.items():
            try:
                write(path)
            except Exception as error:
                failed[path] = error
        self.result = Result(self.folder, self.picture, self.history, trained, status)
        if failed:
            reasons = "; ".join(f"{path}: {getattr(error, 'strerror', error)}" for path, error in failed.items())
            raise RunFolderError(
                f"run: every result must be saved, but {len(failed)} of {len(writers)} files were not: {reasons}. "
                "No half file is left under these names. Hint: make room or check permissions, and run again."
            ) from next(iter(failed.values()))

def run(config: Config) -> Result:
    """Do the experiment that ``config`` describes and return what it left; see ``Run``."""
    with Run(config) as experiment:
        for _ in experiment.records():
            pass
    if experiment.result is None:
        raise RunFolderError("run: a run must end with a result, got none.")
    return experiment.result


def initializer(config: Config) -> Initializer:
    """How the weights of a run start."""
    if config.init == "normal":
        return normal(config.init_std)
    return kaiming(config.neg_slope) if config.init == "kaiming" else glorot()


def _unambiguous(option: str, name: str) -> str:
    """The ``dataset`` setting that names what was found, where ``auto`` left it open."""
    if option != "auto":
        return option
    return "cifar10" if name == "CIFAR-10" else "shapes"
