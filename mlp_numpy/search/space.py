"""Search spaces: common settings, and varied ones as a grid or as random draws."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from mlp_numpy.config import Config, Tree, parse_setting, parse_settings, read_tree
from mlp_numpy.errors import DataError, ExtraMissingError, OptionError
from mlp_numpy.experiment.ranks import refuse_ranks

Point: TypeAlias = dict[str, Any]
"""The hyperparameters varied in one trial."""

ELSEWHERE: Final = {
    *("data_dir", "runs_dir", "plots_dir", "name", "overwrite", "download", "checkpoint_every", "threads"),
    *("log", "tensorboard"),
}
"""Settings of folders and checkpoints, which do not affect the results of a search."""

_DRAWN: Final = {"log": "log 1e-5 1e-1", "uniform": "uniform 0 0.99"}
# Settings of the evaluation data, which must be common to all trials to be comparable.
_MEASURED_ON: Final = {"dataset", "held_out", "validation", "split"}


@dataclass(frozen=True)
class Range:
    """A uniform or log-uniform distribution from ``low`` to ``high``.

    Draws are rounded to three digits, and to integers if the setting is one. Raises OptionError for an empty range, a
    logarithmic one that is not positive, or one too wide to draw from.
    """

    low: float
    high: float
    log: bool
    whole: bool = False

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf or (self.log and self.low <= 0):
            lowest = "0 < low" if self.log else "low"
            raise OptionError(f"Range: there must be numbers {lowest} < high, got {self.low} and {self.high}.")
        if self.high - self.low == math.inf:
            raise OptionError(f"Range: high - low must be a finite number, got {self.low} and {self.high}.")

    def rvs(self, random_state: Any) -> float | int:
        """One draw, under the method name of scikit-learn's sampler; ``random_state`` is its generator."""
        if self.log:
            drawn = math.exp(random_state.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = random_state.uniform(self.low, self.high)
        return round(drawn) if self.whole else float(f"{drawn:.3g}")


@dataclass(frozen=True)
class Space:
    """The trials of a search.

    base     settings common to all trials; the default of ``held_out`` is "validation" here
    axes     setting → its values, or a Range
    trials   number of random draws, at most all combinations of lists; None for a grid, which has all combinations
    draws    seed of the random draws, below 2³²

    Increasing ``trials`` of a random search keeps its first trials, as long as some axis is a Range.

    Raises OptionError for invalid axes, and the exceptions of the trials' Config.
    """

    base: Point
    axes: dict[str, Sequence[Any] | Range]
    trials: int | None = None
    draws: int = 0

    def __post_init__(self) -> None:
        for name, values in self.axes.items():
            if name in self.base:
                raise OptionError(f"Space: {name} must be the same in all trials or varied, got both.")
            if name in ELSEWHERE | _MEASURED_ON:
                why = "it changes what is measured" if name in _MEASURED_ON else "it changes no result"
                raise OptionError(f"Space: {name} must be the same in all trials, since {why}, got more.")
            if isinstance(values, Range):
                if self.trials is None:
                    raise OptionError(f"Space: {name} must list its values in a grid, got a range. Hint: random.")
            elif not values:
                raise OptionError(f"Space: {name} must have values, got none.")
        if not self.axes:
            raise OptionError("Space: there must be settings to vary, got none. Hint: grid: {lr: [0.1, 0.01]}.")
        if self.trials is not None and self.trials < 1:
            raise OptionError(f"Space: trials must be ≥ 1, got {self.trials}.")
        if not 0 <= self.draws < 2**32:
            raise OptionError(f"Space: draws must be an integer from 0 to 2³² - 1, got {self.draws}.")

    def points(self) -> list[Point]:
        """The varied settings of all trials, in order.

        Raises ExtraMissingError without scikit-learn, which enumerates and samples them.
        """
        model_selection, listed, trials = scikit_learn(), self._listed(), self.trials
        if trials is None:
            grid = model_selection.ParameterGrid({name: list(values) for name, values in listed.items()})
            return [{name: point[name] for name in self.axes} for point in grid]
        if len(listed) == len(self.axes):
            trials = min(trials, math.prod(map(len, listed.values())))
        sampler = model_selection.ParameterSampler(self.axes, trials, random_state=self.draws)
        return [{name: point[name] for name in self.axes} for point in sampler]

    def config(self, point: Point, **others: Any) -> Config:
        """The settings of a trial, overridden by ``others``."""
        config = Config(**{"held_out": "validation"} | self.base | point | others)
        refuse_ranks("search", config)
        return config

    def _listed(self) -> dict[str, Sequence[Any]]:
        return {name: values for name, values in self.axes.items() if not isinstance(values, Range)}


def key_of(point: Mapping[str, Any]) -> str:
    """The key of a trial, also in files: its varied settings, sorted by name."""
    return json.dumps(point, sort_keys=True)


def read_space(path: Path) -> Space:
    """Read a search from a YAML file: settings as in a --config file, and the axes.

        optimizer: adam                         optimizer: sgd
        steps: 2500                             random:
        grid:                                     lr: log 1e-5 1e-1
          lr: [1e-2, 1e-3]                        momentum: uniform 0 0.99
          weight_decay: [1e-4, 1e-5]              hidden: [[512, 128, 32], [100]]
                                                trials: 40
                                                draws: 0

    Raises DataNotFoundError if the file does not exist, DataError if it is invalid.
    """
    return space_of(f"search: {path}", read_tree("search", path))


def space_of(who: str, tree: Tree) -> Space:
    """Build the search from the nested strings of ``read_space``."""
    base = {name: text for name, text in tree.items() if name not in _OWN}
    ways = [name for name in ("grid", "random") if name in tree]
    if len(ways) != 1 or not isinstance(tree[ways[0]], dict):
        raise DataError(f"{who} must have either 'grid:' or 'random:' with settings below it, got {ways}.")
    axes = {name: _axis(who, name, text, drawn=ways == ["random"]) for name, text in tree[ways[0]].items()}
    counts = {}
    for name in ("trials", "draws"):
        if name in tree:
            if ways == ["grid"] or not str(tree[name]).isdecimal():
                raise DataError(f"{who}: {name} must be an integer, of a random search, got {tree[name]!r}.")
            counts[name] = int(tree[name])
    if ways == ["random"] and "trials" not in counts:
        raise DataError(f"{who} must say how many trials a random search has, as in 'trials: 40'.")
    return Space(parse_settings(who, base), axes, **counts)


def _axis(who: str, name: str, text: Any, *, drawn: bool) -> Sequence[Any] | Range:
    if isinstance(text, list):
        return [parse_setting(who, name, value) for value in text]
    words = str(text).split()
    try:
        kind, low, high = words
        whole = _IS_WHOLE[name]
        return Range(float(low), float(high), {"log": True, "uniform": False}[kind], whole)
    except (ValueError, KeyError) as error:
        if isinstance(error, OptionError):
            raise
        wanted = " or ".join(["a list of values", *(repr(example) for example in _DRAWN.values() if drawn)])
        raise DataError(f"{who}: {name} must be {wanted}, got {text!r}.") from error


_IS_WHOLE: Final = {
    field.name: str(field.type) == "int" for field in fields(Config) if str(field.type) in ("int", "float")
}
_OWN: Final = {"grid", "random", "trials", "draws"}


class _ScikitLearn(NamedTuple):
    ParameterGrid: Any
    ParameterSampler: Any


def scikit_learn() -> _ScikitLearn:
    """Import scikit-learn's grid and sampler. Raises ExtraMissingError if it is not installed."""
    try:
        # an optional extra that takes a second to import
        from sklearn import model_selection
    except Exception as error:  # a damaged installation fails with other errors than ImportError
        raise ExtraMissingError(
            f"search: scikit-learn must be installed, got {type(error).__name__}: {error}. "
            "Hint: pip install 'mlp_numpy[search]'."
        ) from error
    return _ScikitLearn(model_selection.ParameterGrid, model_selection.ParameterSampler)
