"""Recipe: one row of an experiment, with the settings to reproduce it and the value that its source reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlp_numpy.config import Config, Tree, parse_settings
from mlp_numpy.errors import DataError
from mlp_numpy.recipes.tape_mlp import TapeSettings
from mlp_numpy.search import Space, space_of

RECIPE_KINDS: Final = ("run", "nodes", "search", "elsewhere")
MEASURED: Final = ("last", "best", "winner")
FIGURES: Final = ("none", "curves", "bands", "classes", "trials")
_SHORT: Final = 24


@dataclass(frozen=True)
class Recipe:
    """One row of an experiment.

    name         its name: that of its file, a dash, and that of its row
    experiment   the name of its file, whose rows share a figure
    subject      what the experiment is about
    title        the distinguishing settings of this row
    source       the document, and the person
    place        figure, table or section in the source
    kind         run (settings of a run), nodes (a tape network), search (a grid or random draws), or elsewhere (nothing
                 to train, see ``command``)
    measured     last or best accuracy of the evaluations, or winner: test accuracy of the weights selected by
                 validation
    reported     the source's value, verbatim; None if it gives none
    table        the source's table of a grid, as rows of strings
    better       True for our own settings for the same task
    seeds        one training per seed
    seconds      estimate for one seed on one core
    figure       how the rows of the experiment are drawn together, one of FIGURES
    within       recipe whose run this one shares, fully or as a prefix
    differs      deviations from the source, and their reasons
    command      the command for kind "elsewhere"
    settings     as strings, verbatim from the file
    """

    name: str
    experiment: str
    subject: str
    title: str
    source: str
    place: str
    kind: str
    settings: Tree
    measured: str = "last"
    reported: str | None = None
    table: tuple[tuple[str, ...], ...] = ()
    better: bool = False
    seeds: tuple[int, ...] = (0,)
    seconds: int = 0
    figure: str = "none"
    differs: str = ""
    command: str = ""
    within: str = ""

    @property
    def label(self) -> str:
        """The label in a figure: the title, if that is short."""
        if len(self.title) <= _SHORT:
            return self.title
        row = self.name.removeprefix(f"{self.experiment}-")
        return "ours" if row == "better" or row == self.name and self.better else row

    def config(self, seed: int, **others: Any) -> Config:
        """The settings of a run of this recipe, overridden by ``others``."""
        return Config(**parse_settings(self.name, self.settings) | {"seed": seed} | others)

    def space(self, seed: int) -> Space:
        """The search of this recipe."""
        return space_of(self.name, self.settings | {"seed": str(seed)})

    def nodes(self) -> TapeSettings:
        """The settings of a tape network."""
        return TapeSettings.parsed(self.name, self.settings)

    def check(self) -> None:
        """Raise DataError or OptionError for invalid settings."""
        if self.kind == "run":
            self.config(self.seeds[0])
        elif self.kind == "nodes":
            self.nodes()
        elif self.kind == "search":
            self.space(self.seeds[0]).config({})


def recipes_of(experiment: str, tree: Tree) -> list[Recipe]:
    """Read the recipes of a file, one per row. Raises DataError for an invalid file."""
    who = f"recipe {experiment}"
    shared = {name: value for name, value in tree.items() if name != "rows"}
    found = []
    for row, special in tree.get("rows", {"": {}}).items():
        both = shared | special | {"settings": shared.get("settings", {}) | special.get("settings", {})}
        unknown = both.keys() - {*_TEXTS, *_LISTS, "settings", "seconds", "better"}
        lacking = {"source", "place", "subject", "title", "kind"} - both.keys()
        if unknown or lacking:
            raise DataError(f"{who}: {row or 'it'} must have what a recipe has, lacks {lacking}, has also {unknown}.")
        for name, known in (("kind", RECIPE_KINDS), ("measured", MEASURED), ("figure", FIGURES)):
            if both.get(name, known[0]) not in known:
                raise DataError(f"{who}: {name} must be one of {', '.join(known)}, got {both[name]!r}.")
        recipe = Recipe(
            name=f"{experiment}-{row}".rstrip("-").replace("_", "-"),
            experiment=experiment,
            settings=both["settings"],
            seconds=int(both.get("seconds", "0")),
            better=both.get("better") == "true",
            seeds=tuple(int(seed) for seed in both.get("seeds", ["0"])),
            table=tuple(tuple(line) for line in both.get("table", [])),
            **_texts(both),
        )
        recipe.check()
        found.append(recipe)
    return found


def _texts(both: Mapping[str, Any]) -> dict[str, str]:
    # A string may span several lines of the file.
    return {name: " ".join(str(both[name]).split()) for name in _TEXTS if name in both}


_TEXTS: Final = (
    *("subject", "title", "source", "place", "kind", "measured"),
    *("reported", "figure", "differs", "command", "within"),
)
_LISTS: Final = ("seeds", "table")
