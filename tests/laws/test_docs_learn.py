"""The chapters are true: each notebook is that of its page, and its programs run in order and print what it shows."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"
LEARN = DOCS / "learn"


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_notebooks", DOCS / "make_notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE = _script()
NAMES = [path.stem for path in MAKE.CHAPTERS]


def test_there_are_nine_chapters_and_the_seven_derivations() -> None:
    assert [int(name[:2]) for name in NAMES] == list(range(1, 11))
    index = (LEARN / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\w+)\.md\)", index) == NAMES
    assert {path.stem for path in LEARN.glob("*.ipynb")} == set(NAMES)
    seven = (LEARN / "10_wrong_derivations.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d)", seven, re.MULTILINE) == list("1234567")


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_that_of_its_page(name: str) -> None:
    page = (LEARN / f"{name}.md").read_text(encoding="utf-8")
    made = MAKE.notebook_text(page)
    assert (LEARN / f"{name}.ipynb").read_text(encoding="utf-8") == made, "python docs/make_notebooks.py"
    # nothing of the page is lost
    n_programs = sum(cell["cell_type"] == "code" for cell in json.loads(made)["cells"])
    assert n_programs == page.count("```python") > 0
    texts = ["".join(cell["source"]) for cell in json.loads(made)["cells"]]
    assert all(re.sub(r"\]\((\d\d_\w+)\.ipynb\)", r"](\1.md)", text) in page for text in texts)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_prints_what_it_shows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for cell in json.loads((LEARN / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        program, said = "".join(cell["source"]), io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(program, names)
        assert said.getvalue() == "".join(line for out in cell["outputs"] for line in out["text"]), program


@pytest.mark.parametrize("name", ["index", *NAMES])
def test_its_pictures_and_chapters_exist(name: str) -> None:
    page = (LEARN / f"{name}.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(((?:\.\./\.\./plots/|\d\d_)[\w.]+)\)", page)
    assert targets
    assert all((LEARN / target).is_file() for target in targets)
    assert all(re.findall(r"!\[([^\]]*)\]", page))  # every picture is described
