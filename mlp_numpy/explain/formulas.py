"""All formulas of the library by name: those of the layers and losses, and the elementary ones of the tape."""

from __future__ import annotations

from typing import Final

from mlp_numpy import modules
from mlp_numpy.autodiff import Op, ops


def _formulas_of(room: object, names: list[str]) -> dict[str, type[Op]]:
    public = {name: getattr(room, name) for name in names}
    return {name: value for name, value in public.items() if isinstance(value, type) and issubclass(value, Op)}


FORMULAS: Final = dict(sorted((_formulas_of(ops, ops.__all__) | _formulas_of(modules, modules.__all__)).items()))
"""The class of each formula by its name."""
