"""Files that are whole or not there."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mlp_numpy.atomic_io import remove_parts, write_json, write_text, written_whole


def test_a_file_appears_whole_with_ordinary_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "αβγ")
    assert path.read_text(encoding="utf-8") == "αβγ"
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_goes_wrong_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(type(error)), written_whole(path) as file:
        file.write(b"ne")
        raise error
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_list_of_values_stands_on_one_line_of_json(tmp_path: Path) -> None:
    content = {"step": [1, 2, 3], "empty": {}, "rows": [[1, 2], [3.5, None]], "about": {"names": ["ä", "b"], 7: True}}
    write_json(tmp_path / "a.json", content)
    lines = (tmp_path / "a.json").read_text(encoding="utf-8").splitlines()
    assert lines[1:6] == [' "step": [1, 2, 3],', ' "empty": {},', ' "rows": [', "  [1, 2],", "  [3.5, null]"]
    assert json.loads("\n".join(lines)) == content | {"about": {"names": ["ä", "b"], "7": True}}


def test_json_has_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": [1.5, float("nan")], "b": (float("inf"), None)})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"a": [1.5, None], "b": [None, None]}


KILLED = (
    "import os, signal, sys; from pathlib import Path; from mlp_numpy.atomic_io import written_whole\n"
    "with written_whole(Path(sys.argv[1])) as file:\n"
    "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_what_a_killed_writer_left_is_cleared_by_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert len(names(tmp_path)) == 1
    strangers = (".model.npz.part", "model.npz.abcdefgh.part", ".model.npz.abcdefgh", ".other.npz.abcdefgh.part")
    for stranger in strangers:
        (tmp_path / stranger).touch()
    write_text(path, "whole")
    assert names(tmp_path) == sorted(["model.npz", *strangers])
    remove_parts(tmp_path, ".png")
    assert ".other.npz.abcdefgh.part" in names(tmp_path)
    remove_parts(tmp_path)
    assert names(tmp_path) == [".model.npz.abcdefgh", "model.npz", "model.npz.abcdefgh.part"]
    remove_parts(tmp_path / "none")


def test_what_a_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with written_whole(path) as file:
        file.write(b"first")
        remove_parts(tmp_path)
        write_text(path, "second")
        assert len(names(tmp_path)) == 2
    assert path.read_text() == "first"
    assert names(tmp_path) == ["a.txt"]


def test_many_writers_of_one_file_do_not_hinder_one_another(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def write(text: str) -> None:
        try:
            for _ in range(30):
                write_text(tmp_path / "a.txt", text)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(letter * 1000,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert names(tmp_path) == ["a.txt"]
    assert len(set((tmp_path / "a.txt").read_text())) == 1


def test_the_mask_of_the_process_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("all threads would have this mask for an instant"))
    write_text(tmp_path / "a.txt", "a")


def test_a_disk_without_locks_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ".a.txt.abcdefgh.part").touch()
    write_text(tmp_path / "a.txt", "a")
    assert names(tmp_path) == [".a.txt.abcdefgh.part", "a.txt"], "nobody knows whether that is being written"


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
def test_what_is_no_regular_file_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, linked: bool
) -> None:
    # A device would need rights that nobody should test with: it goes the way of a pipe.
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    if kind == "pipe":
        os.mkfifo("there")
    elif kind == "folder":
        Path("there").mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("there")
    path = tmp_path / "there"
    if linked:
        path = tmp_path / "link"
        path.symlink_to("there")
    before = sorted((entry.name, stat.S_IFMT(entry.lstat().st_mode)) for entry in tmp_path.iterdir())
    with pytest.raises(OSError, match="Not a regular file"):
        write_text(path, "new")
    assert sorted((entry.name, stat.S_IFMT(entry.lstat().st_mode)) for entry in tmp_path.iterdir()) == before
