"""Hyperparameter search: grid and random search with a journal, selection by validation, one test evaluation."""

from mlp_numpy.search.dask_check import WorkerWarning
from mlp_numpy.search.dask_pool import DaskPool
from mlp_numpy.search.data_source import DataSource
from mlp_numpy.search.journal import Journal
from mlp_numpy.search.parallel import Pool, ProcessPool, exit_with_parent, pool_of
from mlp_numpy.search.report import Table, draw_search, table_text, tables
from mlp_numpy.search.search import Search
from mlp_numpy.search.space import Range, Space, read_space, scikit_learn, space_of
from mlp_numpy.search.trial import TrialResult

__all__ = [
    "DaskPool",
    "DataSource",
    "Journal",
    "Pool",
    "ProcessPool",
    "Range",
    "Search",
    "Space",
    "Table",
    "TrialResult",
    "WorkerWarning",
    "draw_search",
    "exit_with_parent",
    "pool_of",
    "read_space",
    "scikit_learn",
    "space_of",
    "table_text",
    "tables",
]
