"""A file of recipes."""

from __future__ import annotations

import pytest

from mlp_numpy.config import Tree
from mlp_numpy.errors import DataError
from mlp_numpy.recipes.recipe import recipes_of

TREE: Tree = {"source": "S", "place": "table 1", "subject": "nets", "kind": "run", "title": "a net", "seconds": "9"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "walk"}, "kind must be one of run, nodes, search, elsewhere, got 'walk'"),
        ({"figure": "big"}, "figure must be one of"),
        ({"author": "x"}, "has also {'author'}"),
        ({"settings": {"rate": "1"}}, "unknown setting rate"),
        ({"kind": "nodes", "settings": {"rate": "1"}}, "must be those of a tape network, got 'rate'"),
        ({"kind": "nodes", "settings": {"activation": "tanh"}}, "activation must be one of relu, sigmoid"),
        ({"kind": "search", "settings": {}}, "either 'grid:' or 'random:'"),
    ],
)
def test_a_file_that_holds_no_recipes_is_refused(change: Tree, problem: str) -> None:
    assert recipes_of("fine", TREE)[0].name == "fine"
    with pytest.raises(DataError, match=problem):
        recipes_of("off", TREE | change)
