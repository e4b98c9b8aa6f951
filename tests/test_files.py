"""Files that are whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlp_numpy.files import write_json, write_text, written_whole


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
