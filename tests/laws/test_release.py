"""What a release states in several places is the same in all of them."""

from __future__ import annotations

import ast
import configparser
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
VERSION = SETUP["metadata"]["version"]


def test_the_version_is_one() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (released,) = re.findall(rf"^## {re.escape(VERSION)}, (\S+)$", changes, re.MULTILINE)
    assert (cited["version"], str(cited["date-released"])) == (VERSION, released)
    assert cited["title"] == SETUP["metadata"]["name"]
    assert cited["license"] == SETUP["metadata"]["license_expression"] == "MIT"


def test_the_pythons_are_those_that_the_tests_run_on() -> None:
    named = re.findall(r"Python :: (3\.\d+)$", SETUP["metadata"]["classifiers"], re.MULTILINE)
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    (tests,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "tests")
    (decorator,) = tests.decorator_list
    assert isinstance(decorator, ast.Call)
    assert ast.literal_eval(decorator.keywords[0].value) == named
    assert SETUP["options"]["python_requires"] == f">={named[0]}"


def test_a_licence_is_no_classifier_too() -> None:
    """Metadata with a licence expression must not have a classifier for the licence (PEP 639)."""
    assert "License ::" not in SETUP["metadata"]["classifiers"]
    assert (ROOT / SETUP["metadata"]["license_files"]).is_file()


def test_every_dependency_has_a_reason() -> None:
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    (docs,) = re.findall(r"^docs =\n((?:    .*\n)+)", text, re.MULTILINE)
    lines = docs.splitlines()
    assert [line.strip()[0] == "#" for line in lines] == [True, False] * (len(lines) // 2)
