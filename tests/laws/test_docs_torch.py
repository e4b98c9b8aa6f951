"""The pages of the documentation with programs for PyTorch: these run too."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs_blocks import DOCS, PAGES, blocks_of, needs, run_page

pytest.importorskip("torch")
WITH_TORCH = [page for page in PAGES if any(needs(program, "torch") for program, _ in blocks_of(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_TORCH, ids=[str(page.relative_to(DOCS)) for page in WITH_TORCH])
def test_the_programs_of_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(page)
