"""The page about the tape is true: its programs run in order, and print what stands below them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_blocks import DOCS, blocks_of, run_page

ROOT = Path(__file__).parents[2]
PAGE = DOCS / "tape.md"


@pytest.mark.slow
def test_its_programs_print_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(blocks_of(PAGE)) >= 7
    run_page(PAGE)
    assert (tmp_path / "graph.png").stat().st_size > 5000


def test_its_pictures_exist() -> None:
    pictures = re.findall(r"\]\(\.\./(plots/\w+\.png)\)", PAGE.read_text(encoding="utf-8"))
    assert pictures
    assert all((ROOT / picture).exists() for picture in pictures)
