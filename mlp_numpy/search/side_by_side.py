"""Calls side by side, a process with one core each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import threadpoolctl

from mlp_numpy.errors import ExtraMissingError

T = TypeVar("T")


def side_by_side(function: Callable[..., T], calls: Iterable[tuple[Any, ...]], jobs: int) -> Iterator[T]:
    """What ``function`` gives for each of ``calls``, in the order in which they end.

    The same numbers come however many run side by side: each has one core, and with one job they run here, one after
    the other. ``function`` and its arguments must be such as can be sent to another process.

    Raises ExtraMissingError for more than one job without joblib, and what ``function`` raises.
    """
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
    options: dict[str, Any] = {"return_as": "generator_unordered", "batch_size": 1, "pre_dispatch": "n_jobs"}
    yield from joblib.Parallel(n_jobs=jobs, **options)(joblib.delayed(_on_one_core)(function, *call) for call in calls)


def leave_with(parent: int) -> None:
    """End this process at once if the one that waits for it, ``parent``, is gone; a long call asks now and then."""
    if parent not in (os.getpid(), os.getppid()):
        os._exit(1)


def _on_one_core(function: Callable[..., T], *call: Any) -> T:
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        return function(*call)
