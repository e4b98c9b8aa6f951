"""Data sources: data sets that a process loads once, however many trials it runs on however many threads."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass

from mlp_numpy.config import Config
from mlp_numpy.data.digest import dataset_digest
from mlp_numpy.data.own_data import OwnData
from mlp_numpy.data.sources import Loaded, load_dataset


@dataclass(frozen=True)
class DataSource:
    """The arguments of ``load_dataset``; relative paths are those of the process that loads."""

    name: str
    data_dir: str
    download: bool = True
    own: OwnData | None = None

    @classmethod
    def of(cls, config: Config) -> DataSource:
        """The source of the data of ``config``."""
        return cls(config.dataset, config.data_dir, config.download, config.own_data)

    def load(self) -> Loaded:
        """The data set; a process keeps the one that it loaded last. Raises what ``load_dataset`` raises."""
        with _LOCK:
            return _load(self)

    def digest(self) -> str:
        """The digest of the data set, see ``dataset_digest``."""
        with _LOCK:
            return _digest(self)


def reload_sources() -> None:
    """Have the next ``load`` and ``digest`` read the files again: they may have changed since this process did."""
    with _LOCK:
        _load.cache_clear()
        _digest.cache_clear()


@functools.lru_cache(maxsize=1)
def _load(source: DataSource) -> Loaded:
    return load_dataset(source.name, source.data_dir, download=source.download, own=source.own)


@functools.cache
def _digest(source: DataSource) -> str:
    return dataset_digest(_load(source).dataset)


# reentrant, and around each load: two threads of one process do not load the same data twice
_LOCK = threading.RLock()
