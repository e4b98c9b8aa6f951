"""MNIST from IDX files, compressed or not, in either place; and what is wrong with others."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from data_helpers import sha256

from mlp_numpy.data import download, mnist
from mlp_numpy.data.idx import read_idx
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.errors import DataError, DataNotFoundError, DownloadError

RNG = np.random.default_rng(3)
ARRAYS = {
    "train-images-idx3-ubyte.gz": RNG.integers(256, size=(7, 28, 28), dtype=np.uint8),
    "train-labels-idx1-ubyte.gz": RNG.integers(10, size=7, dtype=np.uint8),
    "t10k-images-idx3-ubyte.gz": RNG.integers(256, size=(4, 28, 28), dtype=np.uint8),
    "t10k-labels-idx1-ubyte.gz": RNG.integers(10, size=4, dtype=np.uint8),
}


def idx_bytes(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    return head + array.tobytes()


def write(folder: Path, compressed: bool, arrays: dict[str, np.ndarray] = ARRAYS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        content = idx_bytes(array)
        (folder / (name if compressed else name[:-3])).write_bytes(gzip.compress(content) if compressed else content)
    return folder


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("place", ["MNIST/raw", "."])
def test_it_is_read_as_it_lies(tmp_path: Path, place: str, compressed: bool) -> None:
    write(tmp_path / place, compressed)
    dataset = load_dataset("mnist", tmp_path, download=False).dataset
    assert (dataset.name, dataset.image_shape, dataset.n_classes) == ("MNIST", (1, 28, 28), 10)
    np.testing.assert_array_equal(dataset.train.images, ARRAYS["train-images-idx3-ubyte.gz"].reshape(7, 784))
    np.testing.assert_array_equal(dataset.test.labels, ARRAYS["t10k-labels-idx1-ubyte.gz"])


def test_missing_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, True)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataNotFoundError, match="missing: t10k-labels-idx1-ubyte.gz"):
        load_dataset("mnist", tmp_path, download=False)


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    for compressed in (True, False):
        write(tmp_path, compressed)
        path = tmp_path / ("train-labels-idx1-ubyte" + (".gz" if compressed else ""))
        content = path.read_bytes()
        for length in range(len(content)):
            path.write_bytes(content[:length])
            with pytest.raises(DataError, match="read_idx: .* must hold"):
                read_idx(path, 1)
        if not compressed:
            path.write_bytes(content[:-2])
            with pytest.raises(DataError, match=r"7 bytes for its shape \(7,\), got 5\."):
                read_idx(path, 1)
            path.write_bytes(content + b"\0")
            with pytest.raises(DataError, match=r"7 bytes for its shape \(7,\), got more\."):
                read_idx(path, 1)


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("train-images-idx3-ubyte.gz", np.zeros((7, 28, 27), np.uint8), r"images of \(28, 28\), got \(28, 27\)"),
        ("train-labels-idx1-ubyte.gz", np.zeros(6, np.uint8), "a label for each of 7 images, got 6"),
        ("t10k-labels-idx1-ubyte.gz", np.array([0, 1, 10, 2], np.uint8), r"labels in \[0, 10\), got 10 at row 2"),
        ("t10k-labels-idx1-ubyte.gz", np.zeros((4, 1), np.uint8), "unsigned bytes under 1 axes"),
        ("train-labels-idx1-ubyte.gz", np.array([0, 1, 2, 3, 4, 5, 255], np.uint8), "got 255 at row 6"),
        ("t10k-images-idx3-ubyte.gz", np.zeros((0, 28, 28), np.uint8), "a label for each of 0 images, got 4"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, name: str, array: np.ndarray, words: str) -> None:
    write(tmp_path, True, ARRAYS | {name: array})
    with pytest.raises(DataError, match=words):
        mnist.load(tmp_path)


def test_no_images_at_all_are_refused(tmp_path: Path) -> None:
    none = {"train-images-idx3-ubyte.gz": ARRAYS["train-images-idx3-ubyte.gz"][:0]}
    none["train-labels-idx1-ubyte.gz"] = ARRAYS["train-labels-idx1-ubyte.gz"][:0]
    write(tmp_path, True, ARRAYS | none)
    with pytest.raises(DataError, match="train-images-idx3-ubyte.gz must hold at least one image, got none"):
        mnist.load(tmp_path)


@pytest.mark.parametrize("method", ["stat", "read_bytes"])
def test_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """They are not called damaged, and nobody is told to delete them."""
    write(tmp_path / mnist.FOLDER, True)
    real = getattr(Path, method)

    def refuse(self: Path, *args: object, **options: object) -> object:
        if self.name.startswith("train-labels"):
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **options)

    monkeypatch.setattr(Path, method, refuse)
    with pytest.raises(DataError, match="train-labels.* must be readable, got: Permission denied") as caught:
        load_dataset("mnist", tmp_path, download=False)
    assert "delete" not in str(caught.value)


def test_what_is_missing_is_downloaded_into_torchvisions_layout(
    tmp_path: Path, serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "t10k-labels-idx1-ubyte.gz"
    write(tmp_path / mnist.FOLDER, True)
    content = (tmp_path / mnist.FOLDER / name).read_bytes()
    (tmp_path / mnist.FOLDER / name).unlink()
    monkeypatch.setitem(mnist.SHA256, name, sha256(content))
    monkeypatch.setattr(download, "MNIST_MIRRORS", [serve(content).url("whole") + "?"])
    assert len(load_dataset("mnist", tmp_path).dataset.test) == 4
    assert (tmp_path / mnist.FOLDER / name).read_bytes() == content
    (tmp_path / mnist.FOLDER / name).unlink()
    monkeypatch.setattr(download, "MNIST_MIRRORS", ["http://127.0.0.1:9/"])
    with pytest.raises(DownloadError, match=name):
        load_dataset("mnist", tmp_path)
