"""``.npy`` files: whole ones are mapped, and what is no array of numbers is refused by name."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.npy_file import NpyFile, NpyWriter
from mlp_numpy.errors import DataError, DataNotFoundError

X = np.arange(24, dtype=np.float32).reshape(6, 2, 2)


def saved(path: Path, array: Any, **options: Any) -> Path:
    np.save(path, array, **options)
    return path


def test_an_array_is_mapped_and_a_pickle_holds_the_path_alone(tmp_path: Path) -> None:
    found = NpyFile(saved(tmp_path / "x.npy", X))
    np.testing.assert_array_equal(found.array, X)
    assert not found.array.flags.writeable
    text = pickle.dumps(NpyFile(saved(tmp_path / "long.npy", np.zeros(100_000))))
    assert len(text) < 1000
    assert len(pickle.loads(text)) == 100_000
    found.will_need(slice(1, 3))


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("touched"),)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([Harmful()]), "must hold numbers, got Python objects, which are never unpickled"),
        (np.zeros((0, 3)), r"must hold an array \(N, …\) that is not empty, got shape \(0, 3\)"),
        (np.float64(3), r".*got shape \(\)"),
        (np.asfortranarray(np.ones((3, 2))), "must be in C order, row after row, got Fortran order. Hint: np.save"),
        (np.array(["a"]), "must hold real numbers of at most 64 bits, got <U1"),
        (np.ones(2, complex), "must hold real numbers of at most 64 bits, got complex128"),
    ],
    ids=["objects", "empty", "scalar", "fortran", "text", "complex"],
)
def test_what_is_no_array_of_numbers(array: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=f"NpyFile: .*x.npy {words}"):
        NpyFile(path)
    assert not Path("touched").exists()


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npy", X)
    content = path.read_bytes()
    for cut in (len(content) - 1, 130):
        path.write_bytes(content[:cut])
        with pytest.raises(DataError, match=rf"x.npy must have 224 bytes .* got {cut}: it is truncated. Hint: copy"):
            NpyFile(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(DataError, match="got 225: it is longer than that"):
        NpyFile(path)
    for text in (b"", b"\x93NUMPY", b"no array at all", content[:60], content[:6] + b"\x09" + content[7:]):
        path.write_bytes(text)
        with pytest.raises(DataError, match="x.npy must be an .npy file, got "):
            NpyFile(path)
    for shape in ((-4, -6), (-24, -1), (True, 24)):  # of as many values as there are
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
        path.write_bytes(header.getvalue() + bytes(96))
        with pytest.raises(DataError, match="x.npy must hold an array .* not empty, got shape"):
            NpyFile(path)
    with pytest.raises(DataNotFoundError, match="there must be a file .*y.npy, found none"):
        NpyFile(tmp_path / "y.npy")
    with pytest.raises(DataError, match="must be readable"):
        NpyFile(tmp_path)


def test_a_file_written_row_by_row_is_that_of_numpy(tmp_path: Path) -> None:
    writer = NpyWriter(tmp_path / "a.npy", (2, 2), np.float32)
    writer.add(X[:2])
    writer.add(X[2:].astype(np.float64))
    writer.finish()
    writer.close()
    assert (tmp_path / "a.npy").read_bytes() == saved(tmp_path / "b.npy", X).read_bytes()


def test_the_digest_sees_dtype_shape_and_content(tmp_path: Path) -> None:
    arrays = [X, X.reshape(6, 4), X.view(np.int32), np.where(X == 23, 22, X), X[:5]]
    digests = {NpyFile(saved(tmp_path / f"{at}.npy", array)).digest(0) for at, array in enumerate(arrays)}
    assert len(digests) == len(arrays)


def test_the_digest_of_a_large_file_sees_its_ends_and_samples(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npy", np.zeros(20 << 20, np.uint8))
    before = NpyFile(path).digest(0)
    for place in (128, -1, 10_000_000):
        with path.open("r+b") as file:
            file.seek(place, 2 if place < 0 else 0)
            was = file.read(1)
            file.seek(-1, 1)
            file.write(b"\1")
        changed = NpyFile(path).digest(0)
        assert changed != before or place == 10_000_000
        with path.open("r+b") as file:
            file.seek(place, 2 if place < 0 else 0)
            file.write(was)
    assert NpyFile(path).digest(0) == before
