"""A module is in the library when all of it is there: its spec, its sums in loops, its line in the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlp_numpy
from mlp_numpy import models, modules
from mlp_numpy.autodiff import Op
from mlp_numpy.checking import SPECS, in_torch, reference_forward
from mlp_numpy.checking.specs.spec import Spec
from mlp_numpy.explain import EXAMPLES
from mlp_numpy.models import Classifier, Network, OwnNet
from mlp_numpy.modules import LossModule, Module, Sharded, TapeModule

ROOT = Path(mlp_numpy.__file__).parent.parent
BASES = {Module, LossModule, Network, Classifier}
WITHOUT_SPEC = {
    TapeModule: "it runs whatever network it is given, and has no formula of its own",
    OwnNet: "the same",
    Sharded: "the same; tests/modules/test_sharded.py runs every line in shards",
}


def exported(kind: type) -> dict[str, type[Any]]:
    """The public classes of that kind by name."""
    named = {name: getattr(room, name) for room in (mlp_numpy, modules, models) for name in room.__all__}
    return {name: value for name, value in named.items() if isinstance(value, type) and issubclass(value, kind)}


def reference() -> str:
    return (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def rows() -> list[str]:
    """The lines of its tables."""
    return [line for line in reference().splitlines() if line.startswith("|")]


MODULES = {name: kind for name, kind in exported(Module).items() if kind not in BASES and kind not in WITHOUT_SPEC}
FORMULAS = [name for name in exported(Op) if name in modules.__all__]


def test_every_module_has_its_spec() -> None:
    assert set(MODULES.values()) == {spec.module for spec in SPECS}
    assert len({spec.name for spec in SPECS}) == len(SPECS)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_spec_is_complete(spec: Spec) -> None:
    for variant, mode in spec.lines():
        sample = spec.sample(0, 5, variant, mode, n_rows=4)
        assert type(sample.module) is spec.module
        assert len(sample.x) == 4
        assert (sample.y is not None) == issubclass(spec.module, LossModule)
        own = not sample.module.children()
        assert (spec.reference is not None, spec.torch is not None) == (own, own)


@pytest.mark.parametrize("name", FORMULAS)
def test_every_formula_has_its_loops(name: str) -> None:
    assert name in EXAMPLES


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_its_line_in_the_reference(name: str) -> None:
    containers = issubclass(MODULES[name], Network) or name == "Sequential"
    assert f"`{name}`" in reference() if containers else any(f"| `{name}(" in line for line in rows())


@pytest.mark.parametrize("name", FORMULAS)
def test_every_formula_has_its_line_in_the_reference(name: str) -> None:
    assert any(f"`{name}`" in line for line in rows())


def test_what_has_no_spec_is_named() -> None:
    class Unknown(Module):
        pass

    for ask in (lambda: reference_forward(Unknown(), {}, None), lambda: in_torch(None, Unknown(), {}, np.ones(1))):
        with pytest.raises(mlp_numpy.errors.OptionError, match="Unknown must have a spec in checking.specs"):
            ask()
