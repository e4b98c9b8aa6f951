"""Calls side by side, a process with one core each."""

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
    """What ``function`` gives for each of ``calls``, in the order in which they end.

    The same numbers come however many run side by side: each has one core, and with one job they run here, one after
    the other. ``function`` and its arguments must be such as can be sent to another process.

    Raises OptionError for fewer than one job, and for more than one in a fork of a process that worked side by side
    itself; ExtraMissingError for more than one without joblib, WorkerLostError if a process is killed, and what
    ``function`` raises.
    """
    jobs = whole_number("parallel_map", "jobs", jobs)
    if jobs == 1:
        yield from (_on_one_core(function, *call) for call in calls)
        return
    try:
        # an extra: processes that stay alive from call to call
        import joblib
    except Exception as error:  # a damaged installation fails with other errors than ImportError
        raise ExtraMissingError(
            f"jobs: joblib must be installed for more than one, got {type(error).__name__}: {error}. "
            "Hint: pip install 'mlp_numpy[search]', or --jobs 1."
        ) from error
    if _is_fork():
        raise OptionError(
            "parallel_map: jobs must be 1 in a fork of a process that used joblib: the processes that joblib would ask "
            f"wait for the other one, got {jobs}. Hint: start this process anew (multiprocessing's spawn), or jobs=1."
        )
    options: dict[str, Any] = {"return_as": "generator_unordered", "batch_size": 1, "pre_dispatch": "n_jobs"}
    under_way = joblib.Parallel(n_jobs=jobs, **options)(joblib.delayed(_on_one_core)(function, *call) for call in calls)
    try:
        while (result := next(under_way, _NONE)) is not _NONE:
            yield result
    except GeneratorExit:
        with warnings.catch_warnings():  # that tasks are cancelled is what is meant
            warnings.simplefilter("ignore")
            under_way.close()
        raise
    except BrokenExecutor as error:  # loky's own kinds of it are not to be imported without joblib
        raise WorkerLostError(
            "jobs: a process that did a part of the work was killed, by somebody, or by the system because memory ran "
            "out. Nothing that was finished is lost. Hint: the same command goes on from there; fewer --jobs take less "
            "memory."
        ) from error


def exit_with_parent(parent: int) -> None:
    """End this process at once if the one that waits for it, ``parent``, is gone; a long call asks now and then."""
    if parent not in (os.getpid(), os.getppid()):
        os._exit(1)


def _is_fork() -> bool:
    """Whether joblib's processes here, if there are any, are those of the process that this one was forked from.

    joblib has no public word for it; where it keeps them otherwise than it does now, nothing is found.
    """
    kept = getattr(sys.modules.get("joblib.externals.loky.reusable_executor"), "_executor", None)
    processes = getattr(kept, "_processes", None) or {}
    return any(getattr(process, "_parent_pid", os.getpid()) != os.getpid() for process in list(processes.values()))


def _on_one_core(function: Callable[..., T], *call: Any) -> T:
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        return function(*call)
