"""The command ``reproduce``, which repeats the experiments of the sources."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro
from tqdm import tqdm

from mlp_numpy.cli.console import on_terminal, printed_warnings
from mlp_numpy.errors import OptionError, RunFolderError
from mlp_numpy.experiment.folder import usable
from mlp_numpy.recipes import (
    Recipe,
    Results,
    Workspace,
    catalog,
    draw_figures,
    find_recipe,
    missing,
    reproduce,
    rows,
    shortened,
    trained,
    write_report,
)
from mlp_numpy.search import DaskPool, WorkerWarning, pool_of

_QUICK = "quick"
_COMMITTED, _REPORT = Path("plots/results"), Path("RESULTS.md")
"""Committed results, from another machine, shown next to your own, and the report on them."""


def reproduce_recipes(
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    everything: Annotated[bool, tyro.conf.arg(name="all"), tyro.conf.FlagCreatePairsOff] = False,
    listed: Annotated[bool, tyro.conf.arg(name="list"), tyro.conf.FlagCreatePairsOff] = False,
    report: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    quick: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    results: Path | None = None,
    report_file: Path | None = None,
    data_dir: str = "data",
    runs_dir: Path = Path("runs/reproduce"),
    jobs: int = 1,
    dask: str = "",
    download: bool = True,
) -> int:
    """Repeat experiments of the sources, and compare the reported, the committed and your own results.

    If it is stopped or killed, the same command resumes; finished seeds are not repeated. A name is a recipe, or an
    experiment with all its recipes. The figure of each experiment is drawn at the end, next to the results. The
    committed results in plots/results, from another machine, are printed alongside; --report alone is about them.

    Args:
        names: recipes or experiments to run
        everything: run all recipes, the shortest first
        listed: list finished and missing results, and run nothing
        report: write the report and draw its figures from existing results; without names, from the committed ones
        quick: run each recipe with tiny settings on generated images, to test that everything works
        results: folder with a file for each finished seed; by default below --runs-dir
        report_file: report file; by default RESULTS.md, next to the results if they are your own
        data_dir: folder of the data sets
        runs_dir: folder of the unfinished runs
        jobs: parallel trainings, one process and one core each
        dask: trainings on the workers of the Dask scheduler at tcp://HOST:PORT, or on N processes here: local:N
        download: allow downloads of data sets
    """
    pool = pool_of("reproduce", jobs, DaskPool(dask) if dask else None)
    if names and everything:
        raise OptionError(f"reproduce: names and --all exclude each other, got {' '.join(names)} with --all.")
    if quick and (results is not None or report_file is not None):
        raise OptionError("reproduce: --quick must come without --results and --report-file; both are in --runs-dir.")
    if report_file is not None and not report:
        raise OptionError("reproduce: --report-file must come with --report, it has no effect without it.")
    asked = find_recipe(names) if names else find_recipe([recipe.experiment for recipe in catalog()])
    if quick:
        asked, runs_dir = [shortened(recipe) for recipe in asked], runs_dir / _QUICK
    if results is None:
        results = _COMMITTED if report and not (names or everything or quick) else runs_dir / "results"
    if report_file is None:
        report_file = _REPORT if results == _COMMITTED else results / _REPORT.name
    kept, committed = Results(results), None if quick or results == _COMMITTED else Results(_COMMITTED)
    if names or everything:
        if quick and not listed:
            _clear(runs_dir)
        if not listed:
            _carry_out(asked, kept, Workspace(data_dir, runs_dir, pool, download), committed)
    elif not (listed or report):
        raise OptionError("reproduce: expected recipes to run, got none. Hint: --list shows them, --all runs all.")
    _show(asked, kept, committed)
    whole = [shortened(recipe) for recipe in catalog()] if quick else catalog()
    if report and not any(kept.of(recipe) for recipe in whole):
        raise OptionError(f"reproduce: --report must have results to report, found none in {results}.")
    if report:
        with usable("reproduce", results, "must take figures"):
            figures = draw_figures(whole, kept)
        write_report(report_file, whole, kept, figures)
        print(f"report  {report_file}, {len(figures)} figures")
    elif not listed:
        experiments = {each.experiment for recipe in asked for each in (recipe, trained(recipe))}
        with usable("reproduce", results, "must take figures"):
            drawn = draw_figures([recipe for recipe in whole if recipe.experiment in experiments], kept)
        for path in drawn:
            print(f"figure  {path}")
    return 0


def _clear(folder: Path) -> None:
    """Empty the folder, so that --quick runs everything each time."""
    mark = folder / ".reproduce"
    with usable("reproduce", folder):
        if folder.exists() and any(folder.iterdir()) and not mark.exists():
            problem = f"reproduce: --quick clears {folder}, which holds other files. Hint: another --runs-dir."
            raise RunFolderError(problem)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        mark.touch()


def _carry_out(asked: Sequence[Recipe], kept: Results, place: Workspace, committed: Results | None) -> None:
    todo = missing(asked, kept)
    minutes = sum(recipe.seconds for recipe, _ in todo) / 60
    expected = f"about {minutes:.0f} minutes of one core"
    print(f"reproduce {len(todo)} trainings, {place.pool}, {expected}", flush=True)
    bar_options: dict[str, Any] = {"unit": "training", "disable": not on_terminal(), "dynamic_ncols": True}
    with printed_warnings(WorkerWarning), tqdm(total=len(todo), **bar_options) as bar:
        done = 0
        for step in reproduce(asked, kept, place):
            bar.n = done + step.share
            bar.set_description(f"{step.recipe.name} seed {step.seed}", refresh=False)
            bar.update(0)
            if step.lost:
                bar.clear()
                print(f"{step.recipe.name} seed {step.seed}: lost: {step.lost}", flush=True)
            if step.result is not None:
                done += 1
                bar.clear()
                value, beside = step.result.value(step.recipe.measured), ""
                if committed is not None and (found := committed.read(step.recipe, step.seed)) is not None:
                    beside = f" (committed: {found.value(step.recipe.measured):.4f})"
                told = f"{value:.4f}{beside}, {step.result.seconds:.0f} s"
                print(f"{step.recipe.name} seed {step.seed}: {told}", flush=True)


def _show(asked: Sequence[Recipe], kept: Results, committed: Results | None) -> None:
    """Print a table of each recipe's results: reported by its source, committed, and run here."""
    made = rows(asked, kept)
    beside = [row.ours for row in rows(asked, committed)] if committed is not None else [""] * len(made)
    width, wide = max(len(row.recipe.name) for row in made), max(map(len, [*beside, "committed"]))
    column = f"  {'committed':<{wide}}" if any(beside) else ""
    print(f"{'recipe':<{width}}  seeds  {'reported':<24}{column}  {'here':<34}  seconds")
    for row, known in zip(made, beside, strict=True):
        reported = (row.recipe.reported or "–")[:24]
        here = row.recipe.command if row.recipe.kind == "elsewhere" else row.ours or "not run"
        column = f"  {known or '–':<{wide}}" if any(beside) else ""
        print(f"{row.recipe.name:<{width}}  {row.state:>5}  {reported:<24}{column}  {here:<34}  {row.seconds}")
