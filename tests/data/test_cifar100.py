"""CIFAR-100 from disk: both versions, fine and coarse labels; what is taken for the other data set is named."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from data_helpers import TinyCifar, archive_bytes, python2_pickle, sha256, write_folder

from mlp_numpy.data import cifar10, cifar100, download
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.errors import DataError, DataNotFoundError

FINE, COARSE = tuple(f"fine{k}" for k in range(100)), tuple(f"coarse{k}" for k in range(20))
PY, BIN = "cifar-100-python", "cifar-100-binary"


class TinyCifar100:
    """150 + 30 random images, the label of the n-th n mod 100, five classes a group."""

    n_train = 150

    def __init__(self) -> None:
        self.images = np.random.default_rng(1).integers(256, size=(180, 3072), dtype=np.uint8)
        self.fine = np.arange(180) % 100
        self.coarse = self.fine // 5

    def _parts(self) -> tuple[tuple[str, slice], ...]:
        return ("train", slice(self.n_train)), ("test", slice(self.n_train, None))

    def python_files(self, protocol: int | None = None) -> dict[str, bytes]:
        files = {}
        for name, rows in self._parts():
            values = {b"data": self.images[rows], b"fine_labels": self.fine[rows].tolist()}
            values |= {b"coarse_labels": self.coarse[rows].tolist(), b"filenames": [b"a.png"] * len(self.fine[rows])}
            files[name] = python2_pickle(values) if protocol is None else pickle.dumps(values, protocol)
        names = {b"fine_label_names": [k.encode() for k in FINE], b"coarse_label_names": [k.encode() for k in COARSE]}
        return files | {"meta": python2_pickle(names)}

    def binary_files(self) -> dict[str, bytes]:
        labels = np.stack([self.coarse, self.fine], axis=1).astype(np.uint8)
        records = np.concatenate([labels, self.images], axis=1)
        files = {f"{name}.bin": records[rows].tobytes() for name, rows in self._parts()}
        names = {"fine_label_names.txt": FINE, "coarse_label_names.txt": COARSE}
        return files | {name: "\n".join(lines).encode() for name, lines in names.items()}


@pytest.fixture(scope="module")
def hundred() -> TinyCifar100:
    return TinyCifar100()


def check(data_dir: Path, hundred: TinyCifar100) -> None:
    for name, labels, names, title in (
        ("cifar100", hundred.fine, FINE, "CIFAR-100"),
        ("cifar100-coarse", hundred.coarse, COARSE, "CIFAR-100 coarse"),
    ):
        dataset = load_dataset(name, data_dir, download=False).dataset
        assert (dataset.name, dataset.class_names, dataset.image_shape) == (title, names, (3, 32, 32))
        np.testing.assert_array_equal(dataset.train.images, hundred.images[: hundred.n_train])
        np.testing.assert_array_equal(dataset.test.images, hundred.images[hundred.n_train :])
        np.testing.assert_array_equal(dataset.train.labels, labels[: hundred.n_train])
        np.testing.assert_array_equal(dataset.test.labels, labels[hundred.n_train :])


@pytest.mark.parametrize("protocol", [None, 2, 4])
def test_python_folder(tmp_path: Path, hundred: TinyCifar100, protocol: int | None) -> None:
    folder = write_folder(tmp_path / PY, hundred.python_files(protocol))
    check(tmp_path, hundred)
    assert cifar100.find(tmp_path) == folder
    assert cifar10.find(tmp_path) is None


def test_binary_folder(tmp_path: Path, hundred: TinyCifar100) -> None:
    write_folder(tmp_path / BIN, hundred.binary_files())
    check(tmp_path, hundred)


@pytest.mark.parametrize(("name", "place"), [("cifar-100-python.tar.gz", PY), ("cifar-100-binary.tar.gz", BIN)])
def test_archives(
    tmp_path: Path, hundred: TinyCifar100, monkeypatch: pytest.MonkeyPatch, name: str, place: str
) -> None:
    content = archive_bytes(place, hundred.python_files() if place == PY else hundred.binary_files())
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"cifar100.load: .*{name} is damaged or foreign"):
        cifar100.load(tmp_path)
    monkeypatch.setitem(cifar100.SHA256, name, sha256(content))
    check(tmp_path, hundred)


def test_downloaded(tmp_path: Path, hundred: TinyCifar100, serve, monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive_bytes(PY, hundred.python_files())
    monkeypatch.setitem(cifar100.SHA256, cifar100.PYTHON_ARCHIVE, sha256(content))
    monkeypatch.setattr(download, "CIFAR100_MIRRORS", (serve(content).url("good"),))
    assert load_dataset("cifar100", tmp_path).dataset.n_classes == 100
    assert [path.name for path in tmp_path.iterdir()] == [cifar100.PYTHON_ARCHIVE]


def test_a_few_of_its_classes(tmp_path: Path, hundred: TinyCifar100) -> None:
    write_folder(tmp_path / PY, hundred.python_files())
    dataset = load_dataset("cifar100:fine60,fine70", tmp_path).dataset
    assert (dataset.name, len(dataset.train), len(dataset.test)) == ("CIFAR-100 fine60/fine70", 2, 2)


def test_nothing_there(tmp_path: Path, tiny: TinyCifar, hundred: TinyCifar100) -> None:
    with pytest.raises(DataNotFoundError, match=r"must hold CIFAR-100 when downloading is switched off, found none"):
        load_dataset("cifar100", tmp_path, download=False)
    write_folder(tmp_path / PY, hundred.python_files())
    with pytest.raises(DataNotFoundError, match=r"must hold CIFAR-10 when .* found cifar-100-python\. "):
        load_dataset("cifar10", tmp_path, download=False)
    assert "found cifar-100-python" in (load_dataset_warning(tmp_path) or "")


def load_dataset_warning(data_dir: Path) -> str | None:
    patch = pytest.MonkeyPatch()
    with patch.context() as here:
        here.setattr("mlp_numpy.data.synthetic.shapes.N_TRAIN", 2)
        here.setattr("mlp_numpy.data.synthetic.shapes.N_TEST", 2)
        return load_dataset("auto", data_dir, download=False).warning


@pytest.mark.parametrize("name", ["train", "meta"])
def test_a_python_file_of_the_other_data_set_is_named(
    tmp_path: Path, tiny: TinyCifar, hundred: TinyCifar100, name: str
) -> None:
    ours, others = hundred.python_files(), tiny.python_files()
    twin = {"train": "data_batch_1", "meta": "batches.meta"}[name]
    write_folder(tmp_path / "a" / "cifar-10-batches-py", others | {twin: ours[name]})
    with pytest.raises(DataError, match=rf"{twin} must hold CIFAR-10, got CIFAR-100. Hint: --dataset cifar100"):
        cifar10.load(tmp_path / "a")
    write_folder(tmp_path / "b" / PY, ours | {name: others[twin]})
    for coarse in (False, True):
        with pytest.raises(DataError, match=rf"cifar100.load: .*{name} must hold CIFAR-100.*, got CIFAR-10. .*cifar10"):
            cifar100.load(tmp_path / "b", coarse=coarse)


def test_a_binary_file_of_the_other_data_set_is_named(tmp_path: Path, tiny: TinyCifar, hundred: TinyCifar100) -> None:
    ours, others = hundred.binary_files(), tiny.binary_files()
    for number, (name, content) in enumerate(
        [("data_batch_1.bin", ours["train.bin"]), ("batches.meta.txt", ours["fine_label_names.txt"])]
    ):
        write_folder(tmp_path / str(number) / "cifar-10-batches-bin", others | {name: content})
        with pytest.raises(DataError, match=f"{name} must hold CIFAR-10, got CIFAR-100"):
            cifar10.load(tmp_path / str(number))
    write_folder(tmp_path / "b" / BIN, ours | {"test.bin": others["data_batch_1.bin"]})
    with pytest.raises(DataError, match="test.bin must hold CIFAR-100, got CIFAR-10"):
        cifar100.load(tmp_path / "b")


def test_the_other_data_sets_folder_or_archive_under_this_ones_name(
    tmp_path: Path, tiny: TinyCifar, hundred: TinyCifar100, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "a" / "cifar-10-batches-py", hundred.python_files())
    with pytest.raises(DataError, match="must hold CIFAR-10, got CIFAR-100"):
        cifar10.load(tmp_path / "a")
    write_folder(tmp_path / "b" / BIN, tiny.binary_files())
    with pytest.raises(DataError, match="must hold CIFAR-100, got CIFAR-10"):
        cifar100.load(tmp_path / "b")
    content = archive_bytes(PY, hundred.python_files())
    monkeypatch.setitem(cifar100.SHA256, cifar100.PYTHON_ARCHIVE, sha256(content))
    (tmp_path / cifar10.PYTHON_ARCHIVE).write_bytes(content)
    with pytest.raises(DataError, match=r"the archive of this name, got cifar-100-python.tar.gz\. Hint: name it so"):
        cifar10.load(tmp_path)


def test_labels_beyond_the_classes(tmp_path: Path, hundred: TinyCifar100) -> None:
    labels = {b"data": hundred.images[:2], b"fine_labels": [0, 100], b"coarse_labels": [20, 0]}
    write_folder(tmp_path / PY, hundred.python_files() | {"test": python2_pickle(labels)})
    with pytest.raises(DataError, match=r"test must hold labels in \[0, 100\), got 100 at row 1"):
        cifar100.load(tmp_path)
    with pytest.raises(DataError, match=r"test must hold labels in \[0, 20\), got 20 at row 0"):
        cifar100.load(tmp_path, coarse=True)
