"""One experiment with several seeds: sequential runs and a summary of their results."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.atomic_io import write_json
from mlp_numpy.checks import instance, shown, whole_number
from mlp_numpy.config import Config, read_config
from mlp_numpy.errors import DataNotFoundError, NonFiniteError, OptionError, RunFolderError
from mlp_numpy.experiment.folder import check_free, history_of, usable
from mlp_numpy.experiment.ranks import refuse_ranks
from mlp_numpy.experiment.run import Run
from mlp_numpy.training import History, best_of
from mlp_numpy.viz import save_mean_std

_DONE: Final = ("finished", "stopped early")
_ENDED: Final = (*_DONE, "stopped:")


@dataclass(frozen=True)
class MeanStd:
    """A metric of several complete runs, one value per seed, with mean and standard deviation.

    std   sample standard deviation (n − 1); None for one seed
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Σ v / n."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float | None:
        """√(Σ (v − mean)² / (n − 1))."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None


@dataclass(frozen=True)
class SeedSummary:
    """Summary of runs with several seeds.

    part      the split evaluated while training, test or validation
    status    seed → status of its run
    metric    the metric that is monitored
    figures   "last" and "best" value of it on ``part``, and that on "test" after selection by validation, over the
              complete runs; empty if there are none
    picture   file of the mean curve ± standard deviation, or None if no run is complete
    file      the summary as JSON
    """

    part: str
    metric: str
    status: Mapping[int, str]
    figures: Mapping[str, MeanStd]
    picture: Path | None
    file: Path


def seed_configs(config: Config, seeds: Sequence[int], *, go_on: bool = False) -> list[Config]:
    """The settings of each seed's run, named NAME-seed-0 …, or seeds-001-seed-0 … without a name.

    go_on   the runs may exist, with the same settings: unfinished ones resume

    Raises OptionError for no seeds, duplicate seeds or ``go_on`` without a name, RunFolderError if a name is taken.
    """
    instance("seed_configs", "config", config, Config)
    refuse_ranks("seed_configs", config)
    if not isinstance(seeds, list | tuple | range) or not seeds:
        raise OptionError(f"seed_configs: seeds must be one or more different numbers, got {shown(seeds)}.")
    seeds = [whole_number("seed_configs", "seed", seed, 0) for seed in seeds]
    if len(set(seeds)) < len(seeds):
        raise OptionError(f"seed_configs: seeds must be one or more different numbers, got {seeds}.")
    if go_on and not config.name:
        raise OptionError("seed_configs: go_on must come with the name of the runs to resume, got none.")
    named = replace(config, name=config.name or _free_name(config))
    found = [replace(named, name=f"{named.name}-seed-{seed}", seed=seed) for seed in seeds]
    if go_on:
        for each in found:
            _check_same(each)
        return found
    for each in found:
        check_free(each)
    for path in _paths(named):
        with usable("seed_configs", path, "must be a file that can be written"):
            if path.exists() and not config.overwrite:
                raise RunFolderError(f"seed_configs: {path} already exists. Hint: choose another --name.")
    return found


def open_run(config: Config, *, go_on: bool = False, progress: bool = False) -> Run | History:
    """The run of one of ``seed_configs``, new or resumed; or its history if it has already ended."""
    instance("open_run", "config", config, Config)
    folder = Path(config.runs_dir, config.name)
    with usable("open_run", folder):
        there = folder.exists()
    if not go_on or not there:
        return Run(config, progress=progress)
    with contextlib.suppress(DataNotFoundError):
        history = history_of(folder)
        if history.info.status.startswith(_ENDED):
            return history
    return Run.resumed(folder, progress=progress, data_dir=config.data_dir, download=config.download)


def run_seeds(config: Config, seeds: Sequence[int], *, go_on: bool = False) -> Iterator[History]:
    """Run the experiment with each seed in turn, yielding the histories; saves their ``SeedSummary`` at the end.

    A diverged run yields its history too, and does not stop the others. Raises what ``seed_configs`` and ``Run`` raise.
    """
    configs = seed_configs(config, seeds, go_on=go_on)
    for each in configs:
        found = open_run(each, go_on=go_on)
        if isinstance(found, History):
            yield found
            continue
        # its history records how it ended
        with found as experiment, contextlib.suppress(NonFiniteError):
            for _ in experiment.records():
                pass
        yield experiment.history
    summarize_seeds(configs)


def summarize_seeds(configs: Sequence[Config]) -> SeedSummary:
    """Save the summary of the runs of ``seed_configs``: plots/NAME-seeds.png and runs/NAME-seeds.json.

    Raises DataNotFoundError if a run has no history yet, RunFolderError if the files cannot be written.
    """
    if not isinstance(configs, list | tuple) or not configs:
        raise OptionError(f"together: configs must be those that seed_configs gave, got {shown(configs)}.")
    for each in configs:
        instance("together", "each of configs", each, Config)
    histories = {each.seed: history_of(Path(each.runs_dir, each.name)) for each in configs}
    name = configs[0].name.removesuffix(f"-seed-{configs[0].seed}")
    file, picture = _paths(replace(configs[0], name=name))
    status = {seed: history.info.status for seed, history in histories.items()}
    ended = [history for seed, history in histories.items() if status[seed] in _DONE]
    part = configs[0].held_out
    metric = ended[0].metric if ended else "accuracy"
    figures = _figures(ended, metric)
    with usable("together", f"{file} and {picture}", "must be written"):
        if ended:
            title = f"{name} on {ended[0].info.dataset}"
            save_mean_std(picture, {metric: _common(ended, metric)}, title, y_name=f"{part} {metric}")
        write_json(file, _content(name, part, metric, status, figures))
    return SeedSummary(part, metric, status, figures, picture if ended else None, file)


def _figures(ended: Sequence[History], metric: str) -> dict[str, MeanStd]:
    if not ended:
        return {}
    best = [best_of(history.evaluations, metric) for history in ended]
    figures = {
        "last": MeanStd(tuple(history.evaluations[-1].value(metric) for history in ended)),
        "best": MeanStd(tuple(math.nan if record is None else record.value(metric) for record in best)),
    }
    tests = [history.info.test for history in ended if history.info.test is not None]
    if len(tests) == len(ended):
        figures["test"] = MeanStd(tuple(test.value(metric) for test in tests))
    return figures


def _common(ended: Sequence[History], metric: str) -> tuple[list[int], Array]:
    """The steps at which all runs were evaluated, and their metric there (seeds, steps)."""
    curves = [{record.step: record.value(metric) for record in history.evaluations} for history in ended]
    steps = sorted(set.intersection(*(set(curve) for curve in curves)))
    return steps, np.array([[curve[step] for step in steps] for curve in curves])


def _content(
    name: str, part: str, metric: str, status: Mapping[int, str], figures: Mapping[str, MeanStd]
) -> dict[str, Any]:
    return {
        "name": name,
        "part": part,
        "runs": [{"seed": seed, "name": f"{name}-seed-{seed}", "status": how} for seed, how in status.items()],
        metric: {
            figure: {"values": list(spread.values), "mean": spread.mean, "std": spread.std}
            for figure, spread in figures.items()
        },
    }


def _check_same(config: Config) -> None:
    """Raise RunFolderError if a run of that name exists with other settings."""
    folder = Path(config.runs_dir, config.name)
    with usable("seed_configs", folder):
        if not folder.exists():
            return
    found = read_config(folder / "config.yaml")
    if replace(found, overwrite=config.overwrite, download=config.download) != config:
        raise RunFolderError(
            f"seed_configs: the run in {folder} has other settings, so it cannot be resumed with these. "
            "Hint: repeat the original command, or choose another --name."
        )


def _paths(config: Config) -> tuple[Path, Path]:
    return Path(config.runs_dir, f"{config.name}-seeds.json"), Path(config.plots_dir, f"{config.name}-seeds.png")


def _free_name(config: Config) -> str:
    number = 1
    while any(any(Path(folder).glob(f"seeds-{number:03}-*")) for folder in (config.runs_dir, config.plots_dir)):
        number += 1
    return f"seeds-{number:03}"
