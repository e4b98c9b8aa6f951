"""One experiment from its settings to its files: ``run(config)`` loads, builds, trains, saves and draws."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from mlp_numpy.arrays import stream
from mlp_numpy.config import Config, read_config, write_config
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.environment import describe
from mlp_numpy.errors import DataNotFoundError, NonFiniteError, RunFolderError
from mlp_numpy.files import write_json
from mlp_numpy.models import MLP
from mlp_numpy.modules import Initializer, SoftMaxCrossEntropyModule, glorot, kaiming, normal
from mlp_numpy.optim import SGD, FlatParameters
from mlp_numpy.training import History, Record, TrainedModel, Trainer, load_model, save_model
from mlp_numpy.viz import save_curves

_OPTIMIZERS: Final = {"sgd": SGD}


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

        run = Run(config)
        for record in run.records():
            ...
        run.result

    Constructing it loads the data, builds the network and checks every setting; nothing is written yet. ``records``
    reserves the folder, trains, and saves what was reached on every way out: at the end, at Ctrl-C, when the caller
    breaks, and before a NonFiniteError is raised.

    Raises OptionError for settings that contradict the data, and what ``load_dataset`` raises.
    """

    def __init__(self, config: Config, *, progress: bool = False) -> None:
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
        self._stop = threading.Event()

    def records(self) -> Iterator[Record]:
        """Train, yielding every step and evaluation; see the class for what is saved when.

        Raises RunFolderError if the run's folder exists or cannot be made, NonFiniteError if training diverged.
        """
        self._reserve()
        began = time.perf_counter()
        status = "interrupted"
        try:
            with self._stopped_by_interrupt():
                for record in self.trainer.run(self.config.steps):
                    self.history.add(record)
                    yield record
                    if self._stop.is_set():
                        break
                else:
                    status = "finished"
        except NonFiniteError as error:
            status = f"stopped: {error}"
            raise
        finally:
            evaluated = self.history.evaluations[-1].step if self.history.evaluations else None
            if status == "interrupted" and evaluated != self.trainer.step:
                self.history.add(self.trainer.evaluate())
            self.history.about |= {"status": status, "seconds": round(time.perf_counter() - began, 3)}
            self._save(status)

    def _reserve(self) -> None:
        """Take a folder for this run; an earlier run is never overwritten unless that was asked for."""
        runs, plots, name = Path(self.config.runs_dir), Path(self.config.plots_dir), self.config.name
        try:
            runs.mkdir(parents=True, exist_ok=True)
            plots.mkdir(parents=True, exist_ok=True)
            if name:
                taken = _is_taken(runs / name) or (plots / f"{name}.png").exists()
                if taken and not self.config.overwrite:
                    raise RunFolderError(
                        f"run: there must be no earlier run named {name!r}, found one in {runs / name} or "
                        f"{plots / name}.png. Hint: another --name, or --overwrite to replace it."
                    )
                (runs / name).mkdir(exist_ok=True)
            else:
                name = _next_free(f"run-{_slug(self.dataset.name)}", runs, plots)
        except RunFolderError:
            raise
        except OSError as error:
            problem = f"run: {runs} and {plots} must be folders that can be written, got: {error}."
            raise RunFolderError(problem) from error
        self.folder, self.picture = runs / name, plots / f"{name}.png"
        self.history.about["name"] = name

    def _save(self, status: str) -> None:
        """Write every file of the run; one that fails does not keep the others from being tried."""
        about = {key: self.history.about[key] for key in ("name", "dataset", "dataset_option", "source", "status")}
        about |= {"class_names": list(self.dataset.class_names), "image_shape": list(self.dataset.image_shape)}
        trained = TrainedModel(self.model, self.preprocessing, about | {"step": self.trainer.step})
        title = f"{self.model.sizes_text} on {self.dataset.name}"
        writers: dict[Path, Callable[[Path], None]] = {
            self.folder / "model.npz": lambda path: save_model(path, trained),
            self.folder / "history.json": self.history.write,
            self.folder / "history.csv": self.history.write_csv,
            self.folder / "config.yaml": lambda path: write_config(path, self.config),
            self.folder / "versions.json": lambda path: write_json(path, describe()),
            self.picture: lambda path: save_curves(path, self.history, title),
        }
        failed = {}
        for path, write in writers.items():
            try:
                write(path)
            except OSError as error:
                failed[path] = error
        self.result = Result(self.folder, self.picture, self.history, trained, status)
        if failed:
            reasons = "; ".join(f"{path}: {error.strerror or error}" for path, error in failed.items())
            raise RunFolderError(
                f"run: every result must be saved, but {len(failed)} of {len(writers)} files were not: {reasons}. "
                "No half file is left under these names. Hint: make room or check permissions, and run again."
            ) from next(iter(failed.values()))

    @contextlib.contextmanager
    def _stopped_by_interrupt(self) -> Iterator[None]:
        """Let the first Ctrl-C end the run after the step under way; a second one interrupts as it always does."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def request(number: int, frame: FrameType | None) -> None:
            signal.signal(signal.SIGINT, before)
            self._stop.set()

        signal.signal(signal.SIGINT, request)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def run(config: Config) -> Result:
    """Do the experiment that ``config`` describes and return what it left; see ``Run``."""
    experiment = Run(config)
    for _ in experiment.records():
        pass
    if experiment.result is None:
        raise RunFolderError("run: a run must end with a result, got none.")
    return experiment.result


def load_run(folder: Path) -> tuple[Config, TrainedModel]:
    """The settings and the trained model of a run's folder.

    Raises DataNotFoundError if it is no such folder, DataError if a file in it is damaged.
    """
    settings = folder / "config.yaml"
    if not settings.is_file():
        raise DataNotFoundError(
            f"load_run: {folder} must be the folder of a run, with config.yaml and model.npz in it, found "
            f"{'a folder without them' if folder.is_dir() else 'no such folder'}. Hint: runs are kept below runs/."
        )
    return read_config(settings), load_model(folder / "model.npz")


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


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-").replace("cifar-", "cifar")


def _is_taken(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def _next_free(stem: str, runs: Path, plots: Path) -> str:
    number = 1
    while True:
        name = f"{stem}-{number:03}"
        if not (plots / f"{name}.png").exists():
            with contextlib.suppress(FileExistsError):
                # Making the folder is what takes the name, so that two runs cannot both have it.
                (runs / name).mkdir()
                return name
        number += 1
