"""The documentation site: it is built without a warning, and every link within it leads somewhere."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("furo")
ROOT = Path(__file__).parents[2]


class Page(HTMLParser):
    """The anchors of a page, and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.references: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" and value:
                self.anchors.add(value)
            if name in ("href", "src") and value:
                self.references.append(value)


def broken(folder: Path) -> list[str]:
    """The references in the pages of a folder that lead nowhere within it; those to other hosts are left out."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for reference in page.references:
            parts = urlsplit(reference)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if (
                not target.is_file()
                or parts.fragment
                and target in pages
                and unquote(parts.fragment) not in pages[target].anchors
            ):
                found.append(f"{path.relative_to(folder)}: {reference}")
    return found


@pytest.mark.slow
def test_it_is_built_without_a_warning_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    site = (tmp_path / "site").resolve()
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-d", str(tmp_path / "trees")]
    done = subprocess.run([*command, str(ROOT / "docs"), str(site)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert broken(site) == []
    for page in ("index", "start", "reference/layers", "reference/options", "changelog", "all_results", "search"):
        assert (site / f"{page}.html").is_file()
    text = (site / "reference" / "layers.html").read_text(encoding="utf-8")
    assert 'id="ref-linearmodule"' in text
    assert "dx = dout W" in text


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html#x">1</a><a href="b.html#y">2</a><img src="c.png">', encoding="utf-8"
    )
    (tmp_path / "b.html").write_text('<h1 id="x"></h1><a href="https://example.org/">3</a>', encoding="utf-8")
    assert broken(tmp_path) == ["a.html: b.html#y", "a.html: c.png"]
