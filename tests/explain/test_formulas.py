"""The registry of formulas: every one of the library is in it, has a derivation, and an example."""

from __future__ import annotations

import re
from pathlib import Path

import mlp_numpy
from mlp_numpy.explain import EXAMPLES, FORMULAS, derivation

FORMULA = re.compile(r"^class (\w+)\((?:\w+, )*(?:Op|Function)\b.*\):", re.MULTILINE)


def test_every_formula_of_the_package_is_listed() -> None:
    """Read from the source, so that a formula that is not exported is found too."""
    found: list[str] = []
    for path in Path(mlp_numpy.__file__).parent.rglob("*.py"):
        found += FORMULA.findall(path.read_text(encoding="utf-8"))
    assert sorted(found) == sorted(["Op", *FORMULAS])


def test_formulas_are_sorted_by_their_names() -> None:
    assert list(FORMULAS) == sorted(FORMULAS)
    assert all(op.__name__ == name for name, op in FORMULAS.items())


def test_every_formula_has_an_example_and_a_derivation() -> None:
    assert EXAMPLES.keys() == FORMULAS.keys()
    for name, example in EXAMPLES.items():
        assert example.name == name
        assert example.op is FORMULAS[name]
        assert derivation(name).name == name
