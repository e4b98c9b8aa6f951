"""The command ``search``: hyperparameter search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tyro
from tqdm import tqdm

from mlp_numpy.atomic_io import write_text
from mlp_numpy.cli.console import FAILED, on_terminal, printed_warnings
from mlp_numpy.cli.formatting import metric_text, metrics_text, run_summary
from mlp_numpy.errors import OptionError
from mlp_numpy.experiment.folder import usable
from mlp_numpy.search import (
    DaskPool,
    Search,
    TrialResult,
    WorkerWarning,
    draw_search,
    read_space,
    table_text,
    tables,
)


def search(
    space: Annotated[Path, tyro.conf.Positional],
    name: str = "",
    jobs: int = 1,
    dask: str = "",
    winner: bool = True,
    data_dir: str = "data",
    runs_dir: Path = Path("runs"),
    download: bool = True,
) -> int:
    """Search a grid or random samples of settings by a validation metric; evaluate the winner on the test set.

    If it is stopped or killed, the same command resumes, also within the winner's training.

    Args:
        space: YAML file with the settings of every trial, and the varied ones under "grid:" or "random:"
        name: name of the search's folder; by default that of the file
        jobs: parallel trials, one process and one core each
        dask: trials on the workers of the Dask scheduler at tcp://HOST:PORT, or on N processes here: local:N
        winner: retrain the winner, save its model and evaluate it on the test set
        data_dir: folder of the data sets
        runs_dir: folder that gets the search's folder
        download: allow downloads of data sets
    """
    found = read_space(space)
    name = name or space.stem
    if not name.isprintable() or set(name) & set("/\\") or name in (".", ".."):
        raise OptionError(f"search: name must be a plain name without folders, got {name!r}.")
    folder = runs_dir / name
    pool = DaskPool(dask) if dask else None
    under_way = Search(found, folder, jobs=jobs, pool=pool, data_dir=data_dir, download=download)
    part = under_way.configs[0].held_out
    varied = ", ".join(found.axes)
    print(f"search  {len(under_way.points)} trials of {varied}, {under_way.pool}, in {folder}", flush=True)
    outcomes: list[TrialResult] = []
    bar_options: dict[str, Any] = {"unit": "trial", "disable": not on_terminal(), "dynamic_ncols": True}
    with printed_warnings(WorkerWarning), tqdm(total=len(under_way.points), **bar_options) as bar:
        for outcome in under_way.run():
            outcomes.append(outcome)
            bar.update()
            top = max(outcomes, key=lambda each: each.score)
            bar.set_postfix_str(f"best {part} {top.monitor} {metric_text(top.monitor, top.value)}")
            if bar.disable:
                print(_line(outcome, part), flush=True)
    # In the order of the search, not of completion: ties go to the first trial, in the figures too.
    outcomes = [under_way.outcome(number) for number in range(len(under_way.points))]
    made = [table_text(table) for table in tables(found, outcomes)]
    if made:
        print("\n" + "\n\n".join(made) + "\n")
    with usable("search", folder, "must take tables and figures"):
        if made:
            write_text(folder / "tables.md", "\n\n".join(made) + "\n")
        pictures = draw_search(folder, f"{name}: best {part} {outcomes[0].monitor}", found, outcomes)
    for picture in pictures:
        print(f"figure  {picture}")
    best = under_way.winner
    if best is None:
        print("winner  none: all trials diverged or were lost")
        return FAILED
    print(f"winner  trial {best}: {_line(under_way.outcome(best), part)}", flush=True)
    if part == "test":
        print(f"note: chosen on the test set, so its {outcomes[0].monitor} is biased; use held_out: validation")
    if winner:
        history = under_way.train_winner()
        info = history.info
        if info.test is not None:
            print(f"test    {metrics_text(info.test)}, openings: {under_way.openings}")
        print(f"run     {folder / info.name}")
        # As with train, a stop request that arrived after the end has interrupted nothing.
        if under_way.stopped_by is not None and info.status == "interrupted":
            print(run_summary(history), flush=True)
            return 128 + under_way.stopped_by
    return 0


def _line(outcome: TrialResult, part: str) -> str:
    settings = " ".join(f"{name} {value}" for name, value in outcome.point.items())
    reached = outcome.status
    if outcome.best is not None:
        name = "" if outcome.monitor == "accuracy" else f"{outcome.monitor} "
        reached = f"{part} {name}{metric_text(outcome.monitor, outcome.value)} at {outcome.best.step}"
    return f"{settings}   {reached}   {outcome.seconds:.1f} s"
