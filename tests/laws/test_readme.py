"""README, CONTRIBUTING and docs are true: programs, commands, names, paths, links and results are the repository's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import mlp_numpy
from mlp_numpy import modules
from mlp_numpy.explain import FORMULAS
from mlp_numpy.recipes import Results, catalog, find_recipe, rows
from mlp_numpy.recipes.report import ReportRow
from mlp_numpy.recipes.results import mean_and_std

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}
OTHER_PATHS = {"data/", "runs/", "runs/pets", "runs/reproduce/results", "modules.py", "mlp_numpy.py", "mlp_handout.py"}
OTHER_PATHS |= {"result.json", "dataset.json", "progress.json", "build/site"}
"""What a command makes, and the files of the courses."""
REFERENCE, RESULTS = (PAGES[ROOT / "docs" / f"{name}.md"] for name in ("reference", "results"))


def test_its_program_runs_and_learns(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in program.splitlines() if line and not line.startswith(("import", "from"))]) <= 12
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    value, share = (float(word) for word in done.stdout.splitlines()[-1].split())
    assert value < 0.2
    assert share > 0.95
    assert "Verdict: fine." in done.stdout


def test_there_is_one_command_to_train_and_one_to_test() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2
    assert [("train.py" in command, "pytest" in command) for command in commands] == [(True, False), (False, True)]


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_the_reference_names_what_exists() -> None:
    documented = re.findall(r"`(\w+Module)\(", REFERENCE)
    assert len(documented) >= 25
    for name in documented:
        assert hasattr(modules, name), name
    formulas = re.findall(r"^\| `(\w+)` \| `\w+Module", REFERENCE, re.MULTILINE)
    assert len(formulas) >= 25
    assert set(formulas) <= set(FORMULAS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page: Path) -> None:
    text = PAGES[page]
    for name in re.findall(r"`(\w+Module)\(", text):
        assert hasattr(mlp_numpy, name) or hasattr(modules, name), name
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert "://" in link or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"], ids=lambda page: page.name)
def test_every_path_in_backticks_exists(page: Path) -> None:
    found = paths_in(page.read_text(encoding="utf-8"))
    for path in found - OTHER_PATHS:
        # from the root of the repository or of the package; a bare name, anywhere in the package
        near = (ROOT / path).exists() or (ROOT / "mlp_numpy" / path).exists()
        assert near or ("/" not in path and any((ROOT / "mlp_numpy").rglob(path))), path


def paths_in(text: str) -> set[str]:
    """The words in backticks that have a slash between names or the ending of a file, without placeholders."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    words = [word for piece in re.findall(r"`([^`]+)`", outside) for word in piece.split()]
    is_path = re.compile(
        r"\.?[a-z][\w.-]*(/[\w.-]+)*(/|/[\w.-]+|\.(py|md|cfg|toml|json|yaml|png|csv|npz))", re.IGNORECASE
    )
    return {word for word in words if is_path.fullmatch(word) and not re.search(r"NAME|FILE|SPACE|X/", word)}


def test_a_page_is_read_for_its_paths() -> None:
    text = "`tests/a.py`, `python tests/b.py --x`, `.ci/run`, `c.json`\n```sh\n`no/d.py`\n```\n`a - b`, `r/NAME`, `e/`"
    assert paths_in(text) == {"tests/a.py", "tests/b.py", ".ci/run", "c.json", "e/"}


def test_the_readme_can_be_read_without_the_repository() -> None:
    assert "![" not in README
    assert "<img" not in README


def test_a_claim_has_its_number_on_the_page_that_it_links() -> None:
    claims = re.findall(r"^- \*\*.*?\]\((docs/\w+\.md)\)", README, re.DOTALL | re.MULTILINE)
    assert claims == ["docs/verification.md", "docs/benchmarks.md", "docs/reliability.md"]
    for claim in re.findall(r"^- \*\*.*?\.md\)", README, re.DOTALL | re.MULTILINE):
        page = PAGES[ROOT / claim[claim.rindex("(") + 1 : -1]]
        numbers = re.findall(r"\d[\d.,e-]*\d", claim)
        assert numbers
        for number in numbers:
            assert number in page, number


def test_its_results_are_rows_of_the_page() -> None:
    (table,) = re.findall(r"\| experiment \| reported .*\n\|---.*\n((?:\|.*\n)+)", README)
    assert len(table.splitlines()) == 3
    for line in table.splitlines():
        assert line in RESULTS, line
    for figure in ("**4.8 s**", "**310 MB**"):
        assert figure in README
        assert figure in RESULTS


def test_its_formula_is_in_the_code() -> None:
    lines = re.findall(r"^\| \w+ = .* \| (`.*) \|$", README, re.MULTILINE)
    assert len(lines) == 4
    code = (ROOT / "mlp_numpy" / "modules" / "linear.py").read_text(encoding="utf-8")
    for line in lines:
        for piece in re.findall(r"`([^`]+)`", line):
            assert piece in code, piece
    for equation in re.findall(r"^\| (\w+ = .*?) \| `", README, re.MULTILINE):
        assert equation in (modules.Linear.__doc__ or ""), equation


def test_its_links_to_headings_lead_somewhere() -> None:
    for page, text in PAGES.items():
        for link, heading in re.findall(r"\]\(([^)#]*)#([^)]+)\)", text):
            target = PAGES[(page.parent / link).resolve() if link else page]
            headings = re.findall(r"^#+ (.+)$", target, re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}, heading


def test_its_results_are_those_of_the_files() -> None:
    kept = Results(ROOT / "plots" / "results")
    (table,) = re.findall(r"\| experiment \| reported \| at the.*\n\|---.*\n((?:\|.*\n)+)", RESULTS)
    for line in table.splitlines():
        _, _, reported, repeated, better, names, _ = line.split("|")
        found = rows(find_recipe(re.findall(r"`([\w-]+)`", names)), kept)
        sources, ours = ([row for row in found if row.recipe.better == is_better] for is_better in (False, True))
        told, here = re.findall(r"\d\.\d+", reported), re.findall(r"\d\.\d+", repeated)
        for number in told:
            assert any(number in (row.recipe.reported or "") for row in sources), line
        for position, number in enumerate(here):
            # where there are as many, each is of the recipe that its neighbor is of
            beside = told[position] if len(told) == len(here) else ""
            assert any(number in known(row) and beside in (row.recipe.reported or "") for row in sources), line
        for number in re.findall(r"\d\.\d+", better):
            assert any(number in known(row) for row in ours), line


def known(row: ReportRow) -> set[str]:
    """The accuracies of a recipe as the page writes them: what the source measured, and that on the test set."""
    values = [[result.value(measured) for result in row.found] for measured in (row.recipe.measured, "winner")]
    return {f"{mean_and_std(of)[0]:.3f}" for of in values if of}


def test_its_table_of_mnist_is_that_of_the_files() -> None:
    (table,) = re.findall(r"\| activation, learning rate .*\n\|---.*\n((?:\|.*\n)+)", RESULTS)
    recipes = find_recipe(["vannucci-mnist", "vannucci-mnist-better"])
    made = {row.recipe.name: row for row in rows(recipes, Results(ROOT / "plots" / "results"))}
    names = [f"vannucci-mnist-{row}" for row in ("relu-1e-4", "sigmoid-1e-4", "relu-1e-3", "sigmoid-1e-3", "better")]
    for line, name in zip(table.splitlines(), names, strict=True):
        _, _, reported, ours, _ = line.split("|")
        row = made[name]
        assert row.found, f"there is no result of {name}"
        assert reported.strip() == (row.recipe.reported or "")
        values = [r.value("last" if r.test is None else "winner") for r in row.found]
        assert ours.strip(" *") == f"{mean_and_std(values)[0]:.3f}"


def test_what_it_says_of_pytorch_is_in_the_files() -> None:
    text = (
        r"over the (\d+) trainings with the same initial distribution of the weights, the mean accuracy difference"
        r" \(ours − PyTorch\) is ([\d.]+), range (\S+) to ([\d.]+)\. "
    )
    (said,) = re.findall(text, " ".join(RESULTS.split()))
    kept = Results(ROOT / "plots" / "results")
    theirs = Results(kept.folder / "pytorch")
    # The net of figure 1 starts from weights of standard deviation 1e-4, PyTorch's does not.
    both = [
        (row, *rows([row.recipe], theirs)) for row in rows(catalog(), kept) if row.recipe.name != "earle-mlp-source"
    ]
    found = [_mean(ours) - _mean(beside) for ours, beside in both if ours.found and beside.found]
    assert int(said[0]) == len(found)
    assert [f"{value:.3f}" for value in (abs(sum(found) / len(found)), min(found), max(found))] == list(said[1:])


def _mean(row: ReportRow) -> float:
    return mean_and_std([result.value(row.recipe.measured) for result in row.found])[0]
