"""Parallel map: one process per job, one BLAS thread each."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from typing import Any, TypeVar

import threadpoolctl

from mlp_numpy.checks import whole_number
from mlp_numpy.errors import ExtraMissingError, OptionError, WorkerLostError

T = TypeVar("T")
_NONE: Any = object()


def parallel_map(function: Callable[..., T], calls: Iterable[tuple[Any, ...]], jobs: int) -> Iterator[T]:
    """Yield the result of ``function`` for each of ``calls``, in the order of completion.

    Results do not depend on the number of jobs: each call has one core, and with one job they run in this process, one
    after the other. ``function`` and its arguments must be picklable.

    Raises OptionError for fewer than one job, and for more than one in a fork of a process that used workers itself;
    ExtraMissingError for more than one without joblib, WorkerLostError if a worker is killed, and the exceptions of
    ``function``.
    """
    jobs = whole_number("parallel_map", "jobs", jobs)
    if jobs == 1:
        yield from (_on_one_core(function, *call) for call in calls)
        return
    try:
        # an optional extra: workers that stay alive between calls
        import joblib
    except Exception as error:  # a damaged installation fails with other errors than ImportError
        raise ExtraMissingError(
            f"jobs: joblib must be installed for more than one, got {type(error).__name__}: {error}. "
            "Hint: pip install 'mlp_numpy[search]', or --jobs 1."
        ) from error
    if _is_fork():
        raise OptionError(
            "parallel_map: jobs must be 1 in a fork of a process that used joblib: the processes that joblib would ask "
            f"wait for the other one, got {jobs}. Hint: start a new process (multiprocessing's spawn), or jobs=1."
        )
    options: dict[str, Any] = {"return_as": "generator_unordered", "batch_size": 1, "pre_dispatch": "n_jobs"}
    under_way = joblib.Parallel(n_jobs=jobs, **options)(joblib.delayed(_on_one_core)(function, *call) for call in calls)
    try:
        while (result := next(under_way, _NONE)) is not _NONE:
            yield result
    except GeneratorExit:
        with warnings.catch_warnings():  # cancelling tasks is intended
            warnings.simplefilter("ignore")
            under_way.close()
        raise
    except BrokenExecutor as error:  # loky's subclasses cannot be imported without joblib
        raise WorkerLostError(
            "jobs: a process that did a part of the work was killed, by somebody, or by the system because memory ran "
            "out. Nothing that was finished is lost. Hint: the same command goes on from there; fewer --jobs take less "
            "memory."
        ) from error


def exit_with_parent(parent: int) -> None:
    """Exit this process if ``parent``, the process waiting for it, is gone; long calls check this regularly."""
    if parent not in (os.getpid(), os.getppid()):
        os._exit(1)


def _is_fork() -> bool:
    """True if joblib's workers, if any, belong to the process that this one was forked from.

    joblib has no public API for this; if its internals change, False is returned.
    """
    kept = getattr(sys.modules.get("joblib.externals.loky.reusable_executor"), "_executor", None)
    processes = getattr(kept, "_processes", None) or {}
    return any(getattr(process, "_parent_pid", os.getpid()) != os.getpid() for process in list(processes.values()))


def _on_one_core(function: Callable[..., T], *call: Any) -> T:
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        return function(*call)
