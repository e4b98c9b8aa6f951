"""The page about the tape is true: its programs run in order, and print what stands below them."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tape.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_its_programs_print_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```(?:\n\n```\n(.*?)```)?", PAGE, re.DOTALL)
    assert len(blocks) >= 7
    for program, expected in blocks:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(program, names)
        assert said.getvalue() == expected, program
    assert (tmp_path / "graph.png").stat().st_size > 5000


def test_its_pictures_exist() -> None:
    pictures = re.findall(r"\]\(\.\./(plots/\w+\.png)\)", PAGE)
    assert pictures
    assert all((ROOT / picture).exists() for picture in pictures)
