"""The command about the sources' experiments: ``reproduce``."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from mlp_numpy.cli.console import on_terminal
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

_QUICK = "quick"
_COMMITTED, _REPORT = Path("plots/results"), Path("RESULTS.md")
"""What came with the program: results of another machine, shown beside one's own, and the report on them."""


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
    download: bool = True,
) -> int:
    """Repeat experiments of the sources here, and tell what was reported, what is committed, and what came here.

    Stopped or killed, it goes on next time where it was; what is done here is not done again. A name is that of a
    recipe, or of an experiment with all its recipes. Each experiment has a figure, drawn at the end beside the results.
    The committed results in plots/results, of another machine, are shown beside; the report alone is about them.

    Args:
        names: recipes to carry out
        everything: all recipes, those that are done sooner first
        listed: tell what is there and what is missing, and do nothing
        report: write the report and draw its figures from the results that are there; without names, from the committed
            ones
        quick: the whole way of each recipe in a moment, with tiny settings on drawn figures, to see that it works
        results: folder where each finished seed has its file; by default below --runs-dir
        report_file: file that the report is written to; by default RESULTS.md, beside results of one's own
        data_dir: folder where data sets are found and kept
        runs_dir: folder for what is under way
        jobs: trainings side by side, a process with one core each
        download: whether data may be fetched from the network
    """
    if jobs < 1:
        raise OptionError(f"reproduce: jobs must be ≥ 1, got {jobs}.")
    if names and everything:
        raise OptionError(f"reproduce: there must be either names or --all, got {' '.join(names)} with it.")
    if quick and (results is not None or report_file is not None):
        raise OptionError("reproduce: --quick must come without --results and --report-file, has them in --runs-dir.")
    if report_file is not None and not report:
        raise OptionError("reproduce: --report-file must come with --report, has no effect without it.")
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
            _carry_out(asked, kept, Workspace(data_dir, runs_dir, jobs, download), committed)
    elif not (listed or report):
        raise OptionError("reproduce: there must be recipes to carry out, got none. Hint: --list shows them, or --all.")
    _show(asked, kept, committed)
    whole = [shortened(recipe) for recipe in catalog()] if quick else catalog()
    if report and not any(kept.of(recipe) for recipe in whole):
        raise OptionError(f"reproduce: --report must have results to tell of, found none in {results}.")
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
    """Begin with an empty folder: what shows that everything works must be done each time."""
    mark = folder / ".reproduce"
    with usable("reproduce", folder):
        if folder.exists() and any(folder.iterdir()) and not mark.exists():
            problem = f"reproduce: --quick clears {folder}, found other files there. Hint: another --runs-dir."
            raise RunFolderError(problem)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        mark.touch()


def _carry_out(asked: Sequence[Recipe], kept: Results, place: Workspace, committed: Results | None) -> None:
    todo = missing(asked, kept)
    minutes = sum(recipe.seconds for recipe, _ in todo) / 60 / place.jobs
    print(f"reproduce {len(todo)} trainings, {place.jobs} side by side, about {minutes:.0f} minutes", flush=True)
    with tqdm(total=len(todo), unit="training", disable=not on_terminal(), dynamic_ncols=True) as bar:
        done = 0
        for step in reproduce(asked, kept, place):
            bar.n = done + step.share
            bar.set_description(f"{step.recipe.name} seed {step.seed}", refresh=False)
            bar.update(0)
            if step.result is not None:
                done += 1
                bar.clear()
                value, beside = step.result.value(step.recipe.measured), ""
                if committed is not None and (found := committed.read(step.recipe, step.seed)) is not None:
                    beside = f" (committed: {found.value(step.recipe.measured):.4f})"
                told = f"{value:.4f}{beside}, {step.result.seconds:.0f} s"
                print(f"{step.recipe.name} seed {step.seed}: {told}", flush=True)


def _show(asked: Sequence[Recipe], kept: Results, committed: Results | None) -> None:
    """What is there of each recipe: reported by its source, committed with the program, and done here."""
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
