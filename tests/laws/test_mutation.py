"""The tool that looks for gaps in the tests: what it changes, and what it leaves out of its count."""

from __future__ import annotations

from pathlib import Path

import mutation
import pytest


@pytest.mark.parametrize("known", mutation.EQUIVALENTS, ids=lambda known: f"{known.path}: {known.new}")
def test_a_known_equivalent_is_a_mutant_of_its_line(known: mutation.Equivalent) -> None:
    found = [mutant for mutant in mutation.mutants_of(mutation.ROOT / known.path) if mutant.proof() == known.proof]
    assert known.new in {mutant.new for mutant in found}


def test_a_mutant_changes_one_expression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "ROOT", tmp_path)
    (tmp_path / "a.py").write_text(
        "def f(x: int = 3) -> int:\n    if x < 2 and x:\n        raise ValueError\n    return x + 1\n"
    )
    sources = {mutant.source().decode() for mutant in mutation.mutants_of(tmp_path / "a.py")}
    for old, new in (
        ("x < 2 and", "(x <= 2) and"),
        ("= 3", "= (4)"),
        ("raise ValueError", "pass"),
        ("x + 1", "(x - 1)"),
    ):
        assert any(new in source and old not in source for source in sources), new
    assert len(sources) == 9


def test_the_tests_of_a_file_come_first() -> None:
    assert mutation.tests_of("mlp_numpy/optim/schedules/parse.py") == "tests/optim/schedules/test_parse.py::"


def test_failed_tests_are_known_by_their_node_ids(tmp_path: Path) -> None:
    cases = (
        '<testcase classname="tests.laws.test_a" name="b[1-x.y]"><failure/></testcase>',
        '<testcase classname="tests.test_a" name="c"/>',
    )
    (tmp_path / "results.xml").write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    assert mutation.failed_tests(tmp_path / "results.xml") == {"tests/laws/test_a.py::b[1-x.y]"}
