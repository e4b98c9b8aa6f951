"""The question to every worker of a cluster, before the first call: which library, which BLAS, which data."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from mlp_numpy.errors import WorkerMismatchError
from mlp_numpy.search.dask_worker import Digests, report_data, report_machine
from mlp_numpy.search.data_source import DataSource, reload_sources
from mlp_numpy.system_info import machine_fingerprint


class WorkerWarning(UserWarning):
    """A worker computes with another BLAS, NumPy or processor, which may change the last bits of its results."""


def check_workers(client: Any, data: Sequence[DataSource]) -> tuple[str, Digests]:
    """Ask all workers for their library and their data.

    Returns the version here, and the digests. Raises WorkerMismatchError, naming the workers that differ.
    """
    own = machine_fingerprint()
    refused, warned = list[str](), defaultdict[str, list[str]](list)
    for address, found in _asked(client, report_machine):
        if isinstance(found, Exception):
            refused.append(f"{address} cannot run it: {type(found).__name__}: {found}")
        elif found["mlp_numpy"] != own["mlp_numpy"]:
            refused.append(f"{address} has {found['mlp_numpy']}, here it is {own['mlp_numpy']}")
        elif found != own:
            differs = [f"{name} {found[name]}, here {own[name]}" for name in own if found[name] != own[name]]
            warned["; ".join(differs)].append(address)
    _refuse(refused, "mlp_numpy in the same version", "the same environment on every machine")
    for text, addresses in warned.items():
        problem = f"dask: {', '.join(addresses)} compute with {text}: the last bits of results may differ."
        warnings.warn(WorkerWarning(problem), stacklevel=3)
    reload_sources()
    digests = tuple((source, source.digest()) for source in data)
    for address, reports in _asked(client, report_data, list(data)) if data else ():
        if isinstance(reports, Exception):
            reports = [f"{type(reports).__name__}: {reports}"] * len(data)
        for (source, here), found in zip(digests, reports, strict=True):
            if found != here:
                refused.append(f"{source.name} in {source.data_dir} at {address} is {found}, here {here}")
    _refuse(refused, "the same data", "a relative --data-dir is below the folder that a worker was started in")
    return own["mlp_numpy"], digests


def _asked(client: Any, function: Callable[..., Any], *args: Any) -> list[tuple[str, Any]]:
    """What each worker answers, or the exception that it raised; without those that are gone."""
    answers = client.run(function, *args, on_error="return")
    return [(address, answer) for address, answer in sorted(answers.items()) if not isinstance(answer, OSError)]


def _refuse(refused: Sequence[str], what: str, hint: str) -> None:
    if refused:
        raise WorkerMismatchError(f"dask: every worker must have {what}: {'; '.join(refused)}. Hint: {hint}.")
