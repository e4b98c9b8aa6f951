"""Archives are read without being unpacked, up to their limits and no further."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from mlp_numpy.data import tar_archive
from mlp_numpy.data.tar_archive import files_in
from mlp_numpy.errors import DataError


def packed(path: Path, files: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.type = len(content), kind
            tar.addfile(info, io.BytesIO(content))
    return path


def read(path: Path, *names: str, largest: int = 20_000) -> dict[str, bytes]:
    return dict(files_in("W", path, "d", names, largest))


def refusal(path: Path, *names: str, largest: int = 1000) -> str:
    with pytest.raises(DataError) as caught:
        read(path, *names, largest=largest)
    begin = f"W: {path} must be a whole .tar.gz archive, got "
    end = ". Hint: delete it so that it is downloaded again."
    text = str(caught.value)
    assert text.startswith(begin)
    assert text.endswith(end)
    return text.removeprefix(begin).removesuffix(end)


def test_the_files_asked_for_in_the_order_of_the_archive(tmp_path: Path) -> None:
    files = {"d/b": b"2" * 700, "e/a": b"other", "a": b"none", "d/x": b"no", "./d/a": b"1", "d/d/a": b"deeper"}
    path = packed(tmp_path / "a.tar.gz", files)
    found = read(path, "a", "b")
    assert list(found.items()) == [("b", b"2" * 700), ("a", b"1")]
    assert read(path, "c") == {}
    for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE):
        assert read(packed(path, {"d/a": b""}, kind), "a") == {}


def test_long_files_come_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_archive, "_PIECE", 10_240)  # what tarfile reads at once
    content = bytes(range(256)) * 60 + b"end"
    path = packed(tmp_path / "a.tar.gz", {"d/a": content})
    assert read(path, "a") == {"a": content}


def test_a_file_is_as_large_as_its_kind_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "a.tar.gz", {"d/a": b"x" * 900})
    assert read(path, "a", "b", "c", largest=900) == {"a": b"x" * 900}
    assert refusal(path, *"abcdefgh", largest=899).endswith("a has 900 bytes, more than 899")
    monkeypatch.setattr(tar_archive, "_ROOM", 0)
    most = 2 * path.stat().st_size
    assert most < 900
    assert refusal(path, *"abcdefgh").endswith(f"a has 900 bytes, more than {most:,}")


def test_no_more_is_unpacked_than_all_files_may_hold(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tar.gz", {"d/other": bytes(100_000), "d/a": b"1"})
    assert refusal(path, "a", largest=10_000).endswith("more than 10,000 bytes in it")
    assert read(path, "a", largest=110_000) == {"a": b"1"}


def test_so_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "a.tar.gz", {f"d/{i}": b"" for i in range(4)})
    monkeypatch.setattr(tar_archive, "_MOST_MEMBERS", 4)
    assert read(path, "3", largest=10_000) == {"3": b""}
    monkeypatch.setattr(tar_archive, "_MOST_MEMBERS", 3)
    assert refusal(path, "3", largest=10_000).endswith("more than 3 files in it")


def test_an_archive_that_ends_early(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tar.gz", {"d/a": bytes(range(256)) * 40})
    whole = path.read_bytes()
    for length in (5, len(whole) // 2):
        path.write_bytes(whole[:length])
        assert refusal(path, "a", largest=20_000)
