"""The archive: what is written comes back, and what the library never writes is refused with what is wrong in it."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_numpy.errors import DataError, DataNotFoundError, UnknownNameError
from mlp_numpy.exchange import archive
from mlp_numpy.exchange.archive import parsed, read_archive, strip_prefix, with_prefix, write_archive

ARRAYS: dict[str, Any] = {
    "a": np.arange(6.0).reshape(2, 3).T,
    "b/c": np.array(3, np.int8),
    "none": np.empty((0, 2), np.float32),
}
ABOUT = {"name": "é", "sizes": [1, 2], "more": {}}


def signed(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """An archive with a right digest, whatever is in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, content in entries.items():
            made.writestr(name, content)
    content = file.getvalue()[:-2] + struct.pack("<H", 64)
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    return path


def npy(array: Any, version: tuple[int, int] = (1, 0)) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), version)
    return file.getvalue()


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_archive("who", path, "model")
    text = str(caught.value)
    begin = f"who: {path} must be a model that a run saved, whole and undamaged, got: "
    end = ". Hint: give a file that a run saved, or train it again."
    assert text.startswith(begin)
    assert text.endswith(end)
    return text.removeprefix(begin).removesuffix(end)


def test_round_trip(tmp_path: Path) -> None:
    path, kept = tmp_path / "a.npz", tmp_path / "old.npz"
    write_archive(path, ARRAYS, ABOUT)
    first = path.read_bytes()
    arrays, about = read_archive("who", path, "model")
    assert about == ABOUT
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
    write_archive(path, {}, {}, keep=kept)
    assert kept.read_bytes() == first
    assert read_archive("who", path, "model") == ({}, {})
    with np.load(kept) as plain:  # NumPy reads it, too
        np.testing.assert_array_equal(plain["a"], ARRAYS["a"])


def test_every_damaged_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_archive(path, {"a": np.arange(3)}, {})
    content = bytearray(path.read_bytes())
    for at in range(len(content)):
        content[at] ^= 1
        path.write_bytes(content)
        content[at] ^= 1
        assert refusal(path) == "ValueError: the digest inside does not fit the content"
    for cut in (0, 1, 64, len(content) - 1):
        path.write_bytes(content[:cut])
        assert refusal(path)


@pytest.mark.parametrize("content", [b"# A page\n", b"\x08\x08onnx and more", b"\0" * 100])
def test_a_file_of_another_kind_is_named_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    assert refusal(path) == "ValueError: a file of another kind"


TEXT = npy(json.dumps({}))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"about.npy": TEXT, "a.npy": npy(np.array([None]))}, "an array (1,) of 'object' in"),
        ({"about.npy": TEXT, "a.npy": npy(np.arange(3)) + b"0"}, "an array (3,) of 'int64' in 153 bytes"),
        ({"about.npy": TEXT, "a.npy": npy(np.arange(3))[:-1]}, "an array (3,) of 'int64' in 151 bytes"),
        ({"about.npy": TEXT, "a.npy": npy(np.empty(3, "V0"))}, "an array (3,) of '|V0' in"),
        ({"about.npy": npy(np.array(["{}"]))}, "about is no text"),
        ({"about.npy": npy(np.array(1))}, "about is no text"),
        ({"about.npy": npy("[]")}, "about is not an object"),
        ({"about.npy": npy("{")}, "JSONDecodeError"),
        ({"a.npy": npy(1)}, "KeyError: 'about'"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_is_signed_but_wrong(tmp_path: Path, entries: dict[str, bytes], words: str) -> None:
    assert words in refusal(signed(tmp_path / "a.npz", entries))


def test_both_headers_of_numpy(tmp_path: Path) -> None:
    for version in ((1, 0), (2, 0)):
        path = signed(tmp_path / "a.npz", {"about.npy": TEXT, "a.npy": npy(np.arange(3), version)})
        assert read_archive("who", path, "model")[0]["a"].tolist() == [0, 1, 2]


def test_what_the_library_never_writes(tmp_path: Path) -> None:
    path = signed(tmp_path / "a.npz", {"about.npy": TEXT}, zipfile.ZIP_DEFLATED)
    assert refusal(path) == "ValueError: compressed arrays"
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = signed(path, {"about.npy": TEXT})
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as made:
            made.writestr("about.npy", TEXT)
            made.writestr("about.npy", TEXT)
        content = file.getvalue()[:-2] + struct.pack("<H", 64)
        path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    assert refusal(path) == "ValueError: two arrays of one name"


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = signed(tmp_path / "a.npz", {"about.npy": TEXT, "a.npy": npy(1), "b.npy": npy(2)})
    monkeypatch.setattr(archive, "_MOST_ENTRIES", 3)
    read_archive("who", path, "model")
    monkeypatch.setattr(archive, "_MOST_ENTRIES", 2)
    assert refusal(path) == "ValueError: more than 2 arrays in it"
    assert parsed('{"a": [[], []]}') == {"a": [[], []]}
    monkeypatch.setattr(archive, "_MOST_LISTS", 4)
    assert parsed('{"a": [[], []]}') == {"a": [[], []]}
    for text in ('{"a": [[], [], []]}', '{"a": [[], [], {}]}', '{"a": "{{{{"}'):
        with pytest.raises(ValueError, match="more than 4 lists and objects in about"):
            parsed(text)


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.npz"
    with pytest.raises(DataNotFoundError, match=f"who: {path} is missing, expected a model."):
        read_archive("who", path, "model")


def test_prefixes() -> None:
    arrays = {"a/x": np.ones(1), "a/a/x": np.ones(2), "b/a/x": np.ones(3)}
    stripped = strip_prefix("a/", arrays)
    assert {name: array.size for name, array in stripped.items()} == {"x": 1, "a/x": 2}
    assert list(with_prefix("a/", stripped)) == ["a/x", "a/a/x"]
    for bad in (None, [("a", 1)], {1: np.ones(1)}):
        with pytest.raises(UnknownNameError, match="load_state: expected a mapping from names to arrays, got"):
            strip_prefix("a/", bad)
