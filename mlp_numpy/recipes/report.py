"""The report on all recipes: tables, figures, and what is otherwise than in the sources; every number from a result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mlp_numpy.atomic_io import write_text
from mlp_numpy.data.json_files import understood
from mlp_numpy.data.reading import as_path
from mlp_numpy.experiment.folder import usable
from mlp_numpy.recipes.catalog import trained
from mlp_numpy.recipes.figures import outcomes_of
from mlp_numpy.recipes.recipe import Recipe
from mlp_numpy.recipes.results import RecipeResult, Results, mean_and_std
from mlp_numpy.search import table_text, tables

COMMAND: Final = "python -m mlp_numpy reproduce"
NOTE: Final = "note.txt"
"""A file beside the results whose text stands at the top of the report: on what data and machine they were made."""
PYTORCH: Final = "pytorch"
"""A folder beside the results: what PyTorch came to in the same trainings, as benchmarks/accuracies.py keeps it."""

_HEAD: Final = f"""# Results

The experiments of the sources, done again. Written by `{COMMAND} --report` from the files in
`{{folder}}`; no number in its tables is typed by hand. `{COMMAND} NAME` trains what is missing here of a
recipe, and `{COMMAND} --list` tells what is there. A dash in the table of a search stands for a training that
diverged.

Rows with "ours" before their setting are no repetitions but the same task done better. Accuracies are mean ± standard
deviation over the seeds, without those that diverged, which are counted beside; "best" is the best of
those that were evaluated, as some sources report it, "last" the one at the end. Where the weights of the best
validation accuracy are kept, the test set was opened once in a training, for them. "PyTorch here" is PyTorch in the
same training on the same images, with its own start: `python benchmarks/accuracies.py NAME --results plots/results`.
"""


@dataclass(frozen=True)
class ReportRow:
    """What is to be said of a recipe: its results, and mean, standard deviation and seconds as text.

    pytorch   what PyTorch came to in the same training, "" where that is not known
    """

    recipe: Recipe
    found: list[RecipeResult]
    ours: str
    seconds: str
    pytorch: str = ""

    @property
    def state(self) -> str:
        """How many of its seeds are done."""
        return "–" if self.recipe.kind == "elsewhere" else f"{len(self.found)}/{len(self.recipe.seeds)}"


def rows(recipes: Sequence[Recipe], results: Results) -> list[ReportRow]:
    """What is there of each recipe."""
    beside = Results(results.folder / PYTORCH)
    made = [_row(recipe, results.of(recipe)) for recipe in recipes]
    return [replace(row, pytorch=_row(row.recipe, beside.of(row.recipe)).ours) for row in made]


def write_report(
    path: str | os.PathLike[str], recipes: Sequence[Recipe], results: Results, figures: Sequence[Path]
) -> None:
    """Write the report as Markdown. Raises RunFolderError if its folder does not take it."""
    path = as_path("write_report", path)
    note = results.folder / NOTE
    parts = [_HEAD.format(folder=_from(path, results.folder))]
    if note.is_file():
        with understood("write_report", f"{note} must be text"):
            parts.append(note.read_text(encoding="utf-8"))
    made = rows(recipes, results)
    # Sources of which nothing is trained come last.
    ordered = sorted(recipes, key=lambda recipe: recipe.source not in {each.source for each in recipes if each.seconds})
    for source in dict.fromkeys(recipe.source for recipe in ordered):
        parts.append(f"## {source}\n")
        of_source = [row for row in made if row.recipe.source == source]
        for experiment in dict.fromkeys(row.recipe.experiment for row in of_source):
            parts.append(_section([row for row in of_source if row.recipe.experiment == experiment], figures, path))
    with usable("write_report", path.parent, "must take the report"):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, "\n".join(parts))


def _section(of: Sequence[ReportRow], figures: Sequence[Path], path: Path) -> str:
    first = of[0].recipe
    place = first.place[:1].upper() + first.place[1:]
    lines = [f"### {first.subject}", "", f"{place}. Recipe `{first.experiment}`.", ""]
    compared = any(row.pytorch for row in of)
    lines.append(f"| setting | reported | here |{' PyTorch here |' if compared else ''} seeds | seconds a seed |")
    lines.append("|---" * (6 if compared else 5) + "|")
    for row in of:
        recipe = row.recipe
        title = f"ours: {recipe.title}" if recipe.better else recipe.title
        title += f" (read off `{recipe.within}`)" if recipe.within else ""
        here = row.ours or f"not run: `{recipe.command or f'{COMMAND} {recipe.name}'}`"
        if recipe.kind == "elsewhere":
            here = f"`{recipe.command}`"
        beside = f" {row.pytorch or '–'} |" if compared else ""
        lines.append(f"| {title} | {recipe.reported or '–'} | {here} |{beside} {row.state} | {row.seconds} |")
    for row in of:
        if row.recipe.kind == "search" and row.found:
            lines += ["", *_searched(row)]
    lines += ["", *_differences(of)]
    names = {row.recipe.name for row in of} | {first.experiment}
    for figure in figures:
        if figure.stem.removesuffix("-loss") in names or figure.parent.name in names:
            lines += [f"![{first.subject}]({_from(path, figure)})", ""]
    return "\n".join(lines)


def _searched(row: ReportRow) -> list[str]:
    """The tables of a grid as they came out here, and as reported."""
    result = row.found[0]
    made = tables(row.recipe.space(result.seed), outcomes_of(result))
    lines = [f"{row.recipe.title}, best {result.part} accuracy here:\n\n{table_text(table)}\n" for table in made]
    if row.recipe.table and made:
        lines.append("Reported:\n")
        lines += [f"| {made[0].row_name} \\ {made[0].column_name} | {' | '.join(made[0].columns)} |"]
        lines.append("|---" * (len(made[0].columns) + 1) + "|")
        pairs = zip(made[0].rows, row.recipe.table, strict=False)
        lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in pairs]
        lines.append("")
    return lines


def _differences(of: Sequence[ReportRow]) -> list[str]:
    """What is otherwise than in the source, said once."""
    texts: dict[str, list[str]] = {}
    for row in of:
        if row.recipe.differs:
            texts.setdefault(row.recipe.differs, []).append(row.recipe.title)
    if len(texts) == 1:
        return [next(iter(texts)), ""]
    return [line for text, titles in texts.items() for line in (f"*{', '.join(titles)}:* {text}", "")]


def _row(recipe: Recipe, found: list[RecipeResult]) -> ReportRow:
    if not found:
        expected = trained(recipe).seconds
        return ReportRow(recipe, found, "", f"about {expected}" if expected else "–")
    whole = [result for result in found if not result.diverged]
    texts = []
    if whole and recipe.measured == "winner":
        texts = [f"{_mean_text(whole, 'winner')} (test)"]
    elif whole and all(result.test is not None for result in whole):
        # The test set saw the weights of the best validation accuracy.
        texts = [f"{_mean_text(whole, 'best')} (best, validation)", f"{_mean_text(whole, 'winner')} (test)"]
    elif whole:
        texts = [f"{_mean_text(whole, recipe.measured)} ({recipe.measured}, {found[0].part})"]
    if len(whole) < len(found):
        texts.append(f"{len(found) - len(whole)} diverged")
    trials = [trial for result in found for trial in result.trials]
    lost = sum(trial["accuracy"] is None for trial in trials)
    if lost:
        texts.append(f"{lost} of {len(trials)} trials diverged")
    early = sum(result.about["status"] == "stopped early" for result in found)
    if early:
        texts.append(f"{early} stopped early")
    seconds, _ = mean_and_std([result.seconds for result in found])
    return ReportRow(recipe, found, ", ".join(texts), f"{seconds:.0f}")


def _mean_text(found: Sequence[RecipeResult], measured: str) -> str:
    mean, std = mean_and_std([result.value(measured) for result in found])
    return f"{mean:.4f}" + (f" ± {std:.4f}" if len(found) > 1 else "")


def _from(report: Path, figure: Path) -> str:
    """The path of a figure as seen from the report."""
    return Path(os.path.relpath(figure.resolve(), report.resolve().parent)).as_posix()
