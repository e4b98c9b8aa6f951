"""What tests of every room start from. pytest finds the helper modules by ``pythonpath`` in setup.cfg."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest
from data_helpers import TinyCifar, write_folder
from hypothesis import settings
from threadpoolctl import threadpool_limits

# The same examples on every machine, however slow it is.
settings.register_profile("deterministic", deadline=None, derandomize=True)
settings.load_profile("deterministic")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """The arrays of the tests are small: threads would wait for one another, here and in processes that tests start."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def cifar_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a CIFAR-10 of 200 + 30 random images in its official layout."""
    folder = tmp_path_factory.mktemp("data")
    write_folder(folder / "cifar-10-batches-py", TinyCifar(rows=40, test_rows=30).python_files())
    return folder


@pytest.fixture(scope="session", autouse=True)
def default_signals() -> None:
    """Whoever starts the suite may have SIGINT ignored, as ``cmd &`` in a script does, or SIGHUP, as ``nohup`` does."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of runs are empty files: drawing one takes longer than a tiny training does."""

    def empty(path: Path, *_: object, **__: object) -> None:
        path.touch()

    monkeypatch.setattr("mlp_numpy.experiment.artifacts.save_curves", empty)
    monkeypatch.setattr("mlp_numpy.experiment.artifacts.save_layer_stats", empty)


class _NoTorch(MetaPathFinder):
    """Finds that there is no PyTorch."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name=name)


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch cannot be imported, and has not been: other libraries look whether it has."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_NoTorch(), *sys.meta_path])
