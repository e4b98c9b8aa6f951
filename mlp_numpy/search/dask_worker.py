"""What a Dask worker is asked: its version, its BLAS, the digests of its data, and calls, each with one BLAS thread.

It ends with nobody: who asks is another process, maybe on another machine.
"""

from __future__ import annotations

import asyncio
import functools
import pickle
import platform
from collections.abc import Sequence
from typing import Any

from mlp_numpy.errors import WorkerMismatchError
from mlp_numpy.search.data_source import DataSource, reload_sources
from mlp_numpy.search.parallel import on_one_core
from mlp_numpy.system_info import machine_fingerprint

Digests = tuple[tuple[DataSource, str], ...]
"""Each data source with the digest that it must have."""


async def report_machine() -> dict[str, Any]:
    """Versions and BLAS of this process."""
    return await asyncio.to_thread(machine_fingerprint)


async def report_data(sources: Sequence[DataSource]) -> list[str]:
    """The digest of each source, of its files as they are now; for one that cannot be loaded, why.

    In a thread: the worker answers its scheduler meanwhile.
    """
    return await asyncio.to_thread(_read_digests, sources)


def _read_digests(sources: Sequence[DataSource]) -> list[str]:
    reload_sources()
    return [_digest_or_error(source) for source in sources]


def run_call(version: str, content: bytes) -> Any:
    """The result of a pickled call ``(digests, function, arguments)``.

    Each process checks version and data before its first call: it may have come after the report of the others.
    Raises WorkerMismatchError if they are not those of the process that asks, and the exceptions of the call.
    """
    _check_version(version)
    digests, function, call = pickle.loads(content)
    _check_data(digests)
    return on_one_core(function, *call)


@functools.cache
def _check_version(version: str) -> None:
    found = machine_fingerprint()["mlp_numpy"]
    if found != version:
        raise WorkerMismatchError(f"dask: {_here()} must have mlp_numpy {version}, found {found}.")


@functools.cache
def _check_data(digests: Digests) -> None:
    for source, wanted in digests:
        found = _digest_or_error(source)
        if found != wanted:
            raise WorkerMismatchError(f"dask: {_here()} must have the data {source.name} of the others, found {found}.")


def _digest_or_error(source: DataSource) -> str:
    try:
        return source.digest()
    except Exception as error:  # whatever it is, the process that asks is told
        return f"{type(error).__name__}: {error}"


def _here() -> str:
    return f"a worker on {platform.node()}"
