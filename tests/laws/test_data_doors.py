"""Every door of the data rooms and whatever may come to it: taken, or refused with an error of the library's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_numpy.config.files import read_config, read_settings
from mlp_numpy.config.trees import read_tree
from mlp_numpy.data import cifar10, cifar100, idx, images, mnist, sources, torchvision_source
from mlp_numpy.data.augmentation import Augmentation
from mlp_numpy.data.batches import Batches, chunks
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.preprocessing import PREPROCESSINGS, Preprocessing
from mlp_numpy.data.sealed import SealedSplit
from mlp_numpy.data.splitting import hold_out, quotas
from mlp_numpy.data.subset import only_classes
from mlp_numpy.data.synthetic import shapes
from mlp_numpy.errors import DTypeError, LabelError, MlpNumpyError, OptionError
from mlp_numpy.exchange.archive import read_archive
from mlp_numpy.exchange.safetensors_file import read_safetensors
from mlp_numpy.training import load_model, save_model

SPLIT = Split(np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1]))
RAW = Preprocessing.fit("raw", SPLIT.images, (1, 1, 2))
MEAN = Preprocessing.fit("mean-image", SPLIT.images, (1, 1, 2))
DATASET = Dataset("d", SPLIT, SPLIT, (1, 1, 2), ("a", "b"))
MOVED = Augmentation((1, 2, 2), shift=1)

JUNK: tuple[Any, ...] = (
    *(None, "a", "", "\0", "\ud800", b"x", True, float("nan"), float("inf"), -1, 0, 3.0, 2**70, object(), {}),
    *(set(), len),
    *(np.float32(1), np.int64(2), np.bool_(True), np.datetime64("2020"), np.void(3), np.array(3), np.array(["a"])),
    *([], [[1], [2, 3]], (1, 2), (3, 2, 1), [1, 1, 2], range(4)),
    *(np.ma.masked_array([[1.0, 2.0]] * 4, [[0, 1]] * 4), np.array([None, 1], object), np.empty((0, 2))),
    np.empty((4, 0)),
    *(np.ones((4, 2), kind) for kind in (np.float16, ">f4", complex, bool, np.uint8, np.longdouble)),
    *(np.ones(4, ">i2"), np.full(4, 2**64 - 1, np.uint64), np.array([[np.nan, 1.0]] * 4), np.zeros((4, 2), "M8[s]")),
    *(np.arange(8.0).reshape(4, 2)[:, ::-1], np.zeros(4, int), np.zeros((4, 2, 2))),
)


def _batches(split: Any, size: Any, how: Any, seed: Any, shuffle: Any, dtype: Any, augmentation: Any) -> Any:
    return Batches(split, size, how, seed=seed, shuffle=shuffle, dtype=dtype, augmentation=augmentation).at(0)


def _load(name: Any, data_dir: Any, download: Any, progress: Any, seed: Any) -> Any:
    return sources.load_dataset(name, data_dir, download=download, progress=progress, seed=seed)


DOORS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "Split": (Split, [SPLIT.images, SPLIT.labels]),
    "Dataset": (Dataset, ["d", SPLIT, SPLIT, (1, 1, 2), ("a", "b")]),
    "Batches": (_batches, [SPLIT, 2, RAW, 0, True, np.float32, None]),
    "Batches.at": (Batches(SPLIT, 2, RAW).at, [0]),
    "chunks": (lambda *arguments: list(chunks(*arguments)), [SPLIT, 2, RAW, np.float32]),
    **{f"fit {kind}": (Preprocessing.fit, [kind, SPLIT.images, (1, 1, 2), np.float32]) for kind in PREPROCESSINGS},
    "Preprocessing": (Preprocessing, ["standardize", np.ones(2), np.ones(2)]),
    "Preprocessing.apply": (MEAN.apply, [SPLIT.images, np.float32]),
    "raw.apply": (RAW.apply, [SPLIT.images, np.float32]),
    "Augmentation": (Augmentation, [(1, 3, 3), True, 1, 0]),
    "Augmentation.draw": (MOVED.draw, [3, 0, 0]),
    "Augmentation.apply": (MOVED.apply, [np.ones((2, 4)), 0, 0]),
    "hold_out": (lambda split, n, how, seed: hold_out(split, n, how, seed=seed), [SPLIT, 1, "first", 0]),
    "quotas": (quotas, [np.array([2, 2]), 1]),
    "SealedSplit": (SealedSplit, [SPLIT, []]),
    "SealedSplit.open": (lambda reason: SealedSplit(SPLIT).open(reason), ["a reason"]),
    "only_classes": (only_classes, [DATASET, ["a", "b"]]),
    "shapes.generate": (shapes.generate, [2, 2, 0]),
    "load_dataset": (_load, ["few-shapes", "/none", False, False, 0]),
    "torchvision": (torchvision_source.load, ["NoSuchClass", "/none"]),
    "read_image": (images.read_image, ["/none", (3, 2, 2)]),
    "save_model": (save_model, ["/none/x.npz", None]),
}
READERS: dict[str, Callable[..., Any]] = {
    "read_idx": lambda path: idx.read_idx(path, 1),
    "cifar10.load": cifar10.load,
    "cifar10.find": cifar10.find,
    "cifar100.load": cifar100.load,
    "mnist.load": mnist.load,
    "mnist.find": mnist.find,
    "load_model": load_model,
    "read_archive": lambda path: read_archive("who", path, "file"),
    "read_safetensors": lambda path: read_safetensors("who", path, "file"),
    "read_config": read_config,
    "read_settings": read_settings,
    "read_tree": lambda path: read_tree("who", path),
    "read_image": lambda path: images.read_image(path, (3, 2, 2)),
}


@pytest.mark.parametrize("door", DOORS)
def test_only_the_librarys_own_errors_come_out(door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    use, fitting = DOORS[door]
    raw = []
    for place in range(len(fitting)):
        for junk in JUNK:
            try:
                use(*fitting[:place], junk, *fitting[place + 1 :])
            except MlpNumpyError:
                pass
            except Exception as error:
                raw.append(f"argument {place}, {type(junk).__name__} {junk!r:.60}: {error!r:.120}")
    assert raw == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reader", READERS)
def test_a_path_is_text_or_a_path(reader: str, tmp_path: Path) -> None:
    for junk in (None, b"x", 3, True, "", "a\0b", "\ud800", [], object(), np.array("a")):
        with pytest.raises(OptionError, match="there must be a path, text or pathlib.Path, got"):
            READERS[reader](junk)
    for path in (tmp_path / "none", str(tmp_path / "none"), tmp_path, "/dev/zero", tmp_path / ("a" * 300)):
        try:
            READERS[reader](path)
        except MlpNumpyError:
            continue
        assert reader.endswith("find")


@pytest.mark.parametrize("reader", [name for name in READERS if "cifar" not in name and "mnist" not in name])
def test_what_may_have_no_end_is_not_read(reader: str) -> None:
    with pytest.raises(MlpNumpyError, match="/dev/zero must be a regular file, got a device, a pipe or a socket"):
        READERS[reader]("/dev/zero")


def test_arrays_of_other_kinds_are_taken_as_data() -> None:
    plain = np.array([[1.5, 2.0], [3.0, 4.25]])
    for kind in (np.float16, ">f2", ">f4", "<f4", ">f8", np.float64):
        split = Split(plain.astype(kind), np.array([0, 1], ">i4"))
        assert split.images.dtype == (np.float64 if np.dtype(kind).itemsize == 8 else np.float32)
        assert split.images.dtype.isnative
        assert split.labels.dtype == np.int64
        np.testing.assert_array_equal(split.images, plain)
        x, _ = Batches(split, 2, RAW, shuffle=False).at(0)
        np.testing.assert_array_equal(x, plain)
    assert Split(SPLIT.images, SPLIT.labels).images is SPLIT.images


def test_what_is_no_data_is_refused() -> None:
    labels = np.array([0, 1])
    with pytest.raises(DTypeError, match="images must not be masked"):
        Split(np.ma.masked_array([[1.0], [99.0]], [[0], [1]]), labels)
    with pytest.raises(LabelError, match="labels must be at most"):
        Split(np.ones((2, 1)), np.array([0, 2**64 - 1], np.uint64))
    with pytest.raises(DTypeError, match="float16"):
        Batches(SPLIT, 2, RAW, dtype=np.float16)
    with pytest.raises(OptionError, match="there must be a Preprocessing"):
        chunks(SPLIT, 2, None)
