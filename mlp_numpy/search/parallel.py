"""Pools: where the calls of a search run. Here, one process per job, with one BLAS thread each."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextvars import ContextVar
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from mlp_numpy.blas import one_thread
from mlp_numpy.checks import shown, whole_number
from mlp_numpy.errors import ExtraMissingError, OptionError, WorkerLostError
from mlp_numpy.search.data_source import DataSource

T = TypeVar("T")
_NONE: Any = object()
_PARENT: Final[ContextVar[int | None]] = ContextVar("parent", default=None)


@runtime_checkable
class Pool(Protocol):
    """Where the calls of a search run: in this process, in others beside it, or on a cluster.

    ``str`` of it says where, for the user.
    """

    def in_process(self, n_calls: int) -> bool:
        """True if so few calls are better done here, one after the other, than mapped: nothing would be spread."""
        ...

    def map(
        self,
        function: Callable[..., T],
        calls: Iterable[tuple[Any, ...]],
        *,
        data: Sequence[DataSource] = (),
        lost: Callable[..., T],
    ) -> Iterator[T]:
        """Yield the result of ``function`` for each of ``calls``, in the order of completion.

        data   the data sets that the calls load: a pool of several machines refuses those that have others
        lost   ``lost(reason, *call)`` makes the result of a call that a pool has given up
        """
        ...


class ProcessPool:
    """One process and one core for each of ``jobs`` calls at once; with one job, calls run in this process.

    Raises OptionError for fewer than one job.
    """

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = whole_number("ProcessPool", "jobs", jobs)

    def __str__(self) -> str:
        return f"{self.jobs} side by side"

    def __repr__(self) -> str:
        return f"ProcessPool(jobs={self.jobs})"

    def in_process(self, n_calls: int) -> bool:
        """True if so few calls are better done here, one after the other, than mapped: nothing would be spread."""
        return min(self.jobs, n_calls) <= 1

    def map(
        self,
        function: Callable[..., T],
        calls: Iterable[tuple[Any, ...]],
        *,
        data: Sequence[DataSource] = (),
        lost: Callable[..., T] | None = None,
    ) -> Iterator[T]:
        """Yield the result of ``function`` for each of ``calls``, in the order of completion.

        Results do not depend on the number of jobs: each call has one core. ``function`` and its arguments must be
        picklable. All processes read the same ``data``, and none of the calls is given up.

        Raises OptionError for more than one job in a fork of a process that used workers itself; ExtraMissingError for
        more than one without joblib, WorkerLostError if a worker is killed, and the exceptions of ``function``.
        """
        if self.jobs == 1:
            yield from (on_one_core(function, *call) for call in calls)
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
                "ProcessPool.map: jobs must be 1 in a fork of a process that used joblib: the processes that joblib "
                f"would ask wait for the other one, got {self.jobs}. Hint: start a new process (multiprocessing's "
                "spawn), or jobs=1."
            )
        options: dict[str, Any] = {"return_as": "generator_unordered", "batch_size": 1, "pre_dispatch": "n_jobs"}
        options["backend"] = "loky"  # whose workers are children of this process, whatever joblib.parallel_config says
        delayed = (joblib.delayed(_for_parent)(os.getpid(), function, *call) for call in calls)
        under_way = joblib.Parallel(n_jobs=self.jobs, **options)(delayed)
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
                "jobs: a process that did a part of the work was killed, by somebody, or by the system because memory "
                "ran out. Nothing that was finished is lost. Hint: the same command goes on from there; fewer --jobs "
                "take less memory."
            ) from error


def pool_of(who: str, jobs: int, pool: Pool | None) -> Pool:
    """``pool``, or the ProcessPool of ``jobs``. Raises OptionError for both, or for an object that is no pool."""
    processes = ProcessPool(whole_number(who, "jobs", jobs))
    if pool is None:
        return processes
    if not isinstance(pool, Pool):
        raise OptionError(f"{who}: pool must be a ProcessPool or a DaskPool, got {shown(pool)}.")
    if jobs != 1:
        raise OptionError(f"{who}: jobs must be 1 where another pool is given, got {jobs} and {pool}.")
    return pool


def exit_with_parent() -> None:
    """Exit this process if it is a worker of a ProcessPool whose parent is gone; long calls check this regularly.

    Nothing else ends so: elsewhere, as on a cluster, the parent of a process is not the one that waits for it.
    """
    if _PARENT.get() not in (None, os.getpid(), os.getppid()):
        os._exit(1)


def on_one_core(function: Callable[..., T], *call: Any) -> T:
    """The result of a call with one BLAS thread; several of them may run in the threads of one process."""
    with one_thread():
        return function(*call)


def _for_parent(parent: int, function: Callable[..., T], *call: Any) -> T:
    """A call for the process ``parent``, see ``exit_with_parent``."""
    _PARENT.set(parent)
    return on_one_core(function, *call)


def _is_fork() -> bool:
    """True if joblib's workers, if any, belong to the process that this one was forked from.

    joblib has no public API for this; if its internals change, False is returned.
    """
    kept = getattr(sys.modules.get("joblib.externals.loky.reusable_executor"), "_executor", None)
    processes = getattr(kept, "_processes", None) or {}
    return any(getattr(process, "_parent_pid", os.getpid()) != os.getpid() for process in list(processes.values()))
