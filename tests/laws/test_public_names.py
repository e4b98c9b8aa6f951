"""The public names of the package and of its data: complete, sorted, importable, and light until they are asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mlp_numpy
from mlp_numpy import data

PACKAGES = [mlp_numpy, data]
LAZY = {mlp_numpy: ("Config", "Trainer", "run"), data: ("Loaded", "load_dataset", "read_image")}
# they need the extra ``sklearn``, which ``import *`` should not
LEFT_OUT = {"MLPClassifier", "MLPRegressor"}
HEAVY = ("sklearn", "matplotlib", "torch", "pooch", "tqdm", "scipy", "PIL", "requests")
packages = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)


def isort_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order of ruff's RUF022 for names without numbers side by side."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name


@packages
def test_every_public_name_is_there_and_shown(package: ModuleType) -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    assert len(set(package.__all__)) == len(package.__all__)


@packages
def test_public_names_are_sorted(package: ModuleType) -> None:
    assert package.__all__ == sorted(package.__all__, key=isort_order)


@packages
def test_what_a_package_imports_is_public(package: ModuleType) -> None:
    """Every class or function that the file imports from the library is in ``__all__``."""
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("mlp_numpy"):
            assert {alias.name for alias in node.names} <= set(package.__all__) | LEFT_OUT


@packages
@pytest.mark.slow
def test_lazy_names_are_shown_before_they_are_asked_for(package: ModuleType) -> None:
    name = package.__name__
    script = (
        f"import sys, {name} as package\n"
        f"print([heavy for heavy in {HEAVY} if heavy in sys.modules], set({LAZY[package]}) <= set(dir(package)))\n"
        f"print([hasattr(package, name) for name in {LAZY[package]}])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[] True", str([True] * len(LAZY[package]))]


@packages
def test_an_unknown_name_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
        _ = package.nothing


def test_gradcheck_is_the_submodule_however_it_is_imported() -> None:
    script = (
        "import mlp_numpy; first = mlp_numpy.gradcheck\n"
        "from mlp_numpy import gradcheck as second\n"
        "from mlp_numpy.gradcheck import gradcheck\n"
        "print(first is second is mlp_numpy.gradcheck, first.gradcheck is gradcheck)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
