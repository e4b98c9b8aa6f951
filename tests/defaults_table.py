"""Every default of the public functions, methods and records, and every limit, as a table that is kept in a file.

    python tests/defaults_table.py        writes tests/golden/defaults.json anew, after one was changed or added

A default is part of the interface: whoever leaves an argument out computes something else once it changes. So is a
limit, which decides what files are read.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

import mlp_numpy

KEPT = Path(__file__).with_name("golden") / "defaults.json"
LIMIT = re.compile("MOST|LONGEST|LARGEST|ROOM|FORMAT|VERSION|OPSET|SEED")


def defaults() -> dict[str, dict[str, str]]:
    """The default of every argument that has one, by the name of the function and of the argument."""
    found = {}
    for name, function in sorted(_public()):
        parameters = inspect.signature(function).parameters.values()
        if given := {each.name: _text(each.default) for each in parameters if each.default is not each.empty}:
            found[name] = given
    return found


def limits() -> dict[str, str]:
    """The constants that are limits, or versions of formats, by their names."""
    found = {}
    for module in _modules():
        source = inspect.getsource(module)
        for name, value in vars(module).items():
            if isinstance(value, int | float) and LIMIT.search(name) and re.search(rf"^{name}\b.* = ", source, re.M):
                found[f"{module.__name__}.{name}"] = repr(value)
    return dict(sorted(found.items()))


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(mlp_numpy.__path__, "mlp_numpy."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def _public() -> Iterator[tuple[str, Callable[..., Any]]]:
    for module in _modules():
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__ or not callable(thing):
                continue
            if isinstance(thing, type) and issubclass(thing, Warning):  # Python knows no signature of these
                continue
            yield f"{module.__name__}.{name}", thing
            for method, function in vars(thing).items():
                if not method.startswith("_") and isinstance(function, FunctionType | staticmethod | classmethod):
                    yield f"{module.__name__}.{name}.{method}", getattr(thing, method)


def _text(default: Any) -> str:
    """A plain default as written, a class or a function by its name, … for anything else."""
    if isinstance(default, type | FunctionType):
        return default.__name__
    plain = all(
        each is None or isinstance(each, bool | int | float | str | Path | np.ndarray)
        for each in (default if isinstance(default, tuple) else (default,))
    )
    return " ".join(repr(default).split()) if plain else "…"


if __name__ == "__main__":
    KEPT.write_text(
        json.dumps({"defaults": defaults(), "limits": limits()}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
