"""Searches for settings: grids and random draws, each trial on record, a winner by validation, the test set once."""

from mlp_numpy.search.journal import Journal
from mlp_numpy.search.parallel import leave_with, side_by_side
from mlp_numpy.search.report import Table, draw_search, table_text, tables
from mlp_numpy.search.search import Search
from mlp_numpy.search.space import Range, Space, read_space, scikit_learn, space_of
from mlp_numpy.search.trial import Outcome

__all__ = [
    "Journal",
    "Outcome",
    "Range",
    "Search",
    "Space",
    "Table",
    "draw_search",
    "leave_with",
    "read_space",
    "scikit_learn",
    "side_by_side",
    "space_of",
    "table_text",
    "tables",
]
