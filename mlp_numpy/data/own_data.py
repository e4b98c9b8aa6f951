"""The settings by which a folder of images, a table or arrays of the user's become a data set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from mlp_numpy.checks import OPEN_FRACTION, choice, number, shown, sizes
from mlp_numpy.errors import OptionError

FOLDER: Final = "folder:"
TABLE: Final = "table:"
NPY: Final = "npy:"
TABLE_TASKS: Final = ("auto", "classification", "regression")

SEED: Final = 0
"""Seed of the drawn test part: runs with other seeds are tested on the same examples."""


@dataclass(frozen=True)
class OwnData:
    """How a folder of images, a table or arrays become a data set; the names are those of ``train``'s options.

    image_size      (height, width) or (side,) of the images; empty: their own
    target          the target columns of a table; several are a regression
    task            "classification", "regression", or "auto": by the target
    categorical     columns of numbers that are categories
    ignore          columns that are left out
    test_file       a second table with the test part; empty: a fraction of the rows is drawn
    test_fraction   that fraction, and the one of images and of arrays without a test part
    dtype           of the inputs of a table, "float32" or "float64"

    Raises OptionError for invalid values.
    """

    image_size: tuple[int, ...] = ()
    target: tuple[str, ...] = ()
    task: str = "auto"
    categorical: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    test_file: str = ""
    test_fraction: float = 0.2
    dtype: str = "float32"

    def __post_init__(self) -> None:
        size = sizes("OwnData", "image_size", self.image_size)
        if len(size) > 2 or math.prod(size) > 100_000_000:
            raise OptionError(f"OwnData: image_size must be a side, or a height and a width, got {shown(size)}.")
        object.__setattr__(self, "image_size", size)
        for name in ("target", "categorical", "ignore"):
            value: Any = getattr(self, name)
            if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
                raise OptionError(f"OwnData: {name} must be a list of column names, got {shown(value)}.")
            object.__setattr__(self, name, tuple(value))
        choice("OwnData", "task", self.task, TABLE_TASKS)
        choice("OwnData", "dtype", self.dtype, ("float32", "float64"))
        if not isinstance(self.test_file, str):
            raise OptionError(f"OwnData: test_file must be a path as text, got {shown(self.test_file)}.")
        number("OwnData", "test_fraction", self.test_fraction, OPEN_FRACTION)

    def as_json(self) -> dict[str, Any]:
        """The settings without those that have their defaults; ``test_file`` as an absolute path."""
        content = asdict(self) | {"test_file": str(Path(self.test_file).absolute()) if self.test_file else ""}
        default = asdict(OwnData())
        return {name: value for name, value in content.items() if value != default[name]}

    @classmethod
    def from_json(cls, content: Any) -> OwnData:
        """The settings in a parsed JSON object; raises OptionError for anything else."""
        known = {each.name for each in fields(cls)}
        if not isinstance(content, Mapping) or not set(content) <= known:
            raise OptionError(f"OwnData: settings must be some of {', '.join(sorted(known))}, got {shown(content)}.")
        return cls(**content)


def is_own_data(name: str) -> bool:
    """True for ``folder:PATH``, ``table:FILE`` and ``npy:FOLDER``."""
    return name.startswith((FOLDER, TABLE, NPY))


def absolute(name: str) -> str:
    """The name of a data set, with an absolute path if it has one."""
    for prefix in (FOLDER, TABLE, NPY):
        if name.startswith(prefix):
            return prefix + str(Path(name.removeprefix(prefix)).absolute())
    return name
