"""Every program on a page of the documentation runs, and prints what stands below it."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs_blocks import DOCS, PAGES, blocks_of, run_page

NAMES = [str(page.relative_to(DOCS)) for page in PAGES]


def test_the_pages_have_programs() -> None:
    assert {"start.md", "own_layers.md", "tape.md", "training.md", "exchange.md"} <= set(NAMES)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert len(blocks_of(page)) == text.count("```python"), page


def test_output_is_compared(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for said, fails in (("3", False), ("4", True)):
        page.write_text(
            f"```python\nx = 1\n```\n\n```python\nprint(x + 2)\n```\n\n```\n{said}\n```\n", encoding="utf-8"
        )
        if fails:
            with pytest.raises(AssertionError):
                run_page(page)
        else:
            run_page(page)


# test_docs_tape.py and test_docs_learn.py run theirs
OTHERS = [page for page in PAGES if page.name != "tape.md" and page.parent.name != "learn"]


# a fit of a few epochs, on a page that is no lesson in patience
@pytest.mark.filterwarnings("ignore:.*has not converged within max_iter:UserWarning")
@pytest.mark.slow
@pytest.mark.parametrize("page", OTHERS, ids=[str(page.relative_to(DOCS)) for page in OTHERS])
def test_the_programs_of_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(page, without="torch")
