"""The generated reference: it has everything that is public, and the tables in the pages are what they are made of."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from site_extension import reference
from site_extension.docstrings import sections, to_markdown
from site_extension.tables import with_tables

from mlp_numpy import errors, models, modules, optim
from mlp_numpy.autodiff import Op
from mlp_numpy.config import Config
from mlp_numpy.modules import Module
from mlp_numpy.optim.schedules.parse import FORMS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert with_tables(text) == text, "cd docs && python -m site_extension.tables"


def test_every_public_thing_has_an_entry() -> None:
    text = "\n".join(make() for make in reference.PAGES.values())
    bases = {"Module", "LossModule", "Network", "Classifier", "OwnNet"}
    kinds = {name: getattr(room, name) for room in (modules, models) for name in room.__all__}
    classes = {name for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Module | Op)} - bases
    classes |= {kind.__name__ for kind in optim.OPTIMIZERS.values()} | {form.kind.__name__ for form in FORMS.values()}
    classes |= {"FlatParameters", "ParameterGroup", "Lookahead", "Average", "Accumulator"}
    classes |= {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert len(classes) > 120
    for name in classes:
        assert text.count(f"\n(ref-{name})=\n") + text.startswith(f"(ref-{name})=\n") == 1, name
    for field in dataclasses.fields(Config):
        assert f"{{#option-{field.name}}}" in text, field.name
    for name in modules.INITIALIZERS:
        assert f"\n### {name}\n" in text, name


def test_every_command_has_its_help() -> None:
    text = reference.commands()
    for name in ("train", "evaluate", "predict", "export", "doctor", "search", "audit", "parity", "crash-test"):
        assert f"\n## {name}\n" in f"\n{text}"
    assert "usage: python -m mlp_numpy predict" in text


def test_a_docstring_becomes_markdown() -> None:
    text = """Doubles ``x``; see Other and a_b.

    out = 2 x

n, m   how often,
       and how
k      never

Forward     out = 2 x
            again"""
    links = {"Other": "ref-Other"}.get
    assert to_markdown(text, links).split("\n\n") == [
        "Doubles ``x``; see [`Other`](#ref-Other) and a\\_b.",
        "```{code-block} text\n:class: equations",
        "out = 2 x\n```",
        "`n`, `m`\n: how often, and how",
        "`k`\n: never",
        "```{code-block} text\n:class: equations",
        "Forward     out = 2 x\n            again\n```",
    ]
    assert sections("Forward     a\n            b\nKinks       none") == {"Forward": "a\nb", "Kinks": "none"}
