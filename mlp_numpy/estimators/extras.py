"""scikit-learn's callbacks, which it has from version 1.9 on."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


class _NoCallbacks:
    """Stands in for scikit-learn's class in versions without callbacks."""


def _as_it_is(method: Any) -> Any:
    """The method as it is, in versions without callbacks."""
    return method


try:
    _callback: Any = importlib.import_module("sklearn.callback")
except ImportError:
    _callback = None

CallbackSupportMixin: Any = getattr(_callback, "CallbackSupportMixin", _NoCallbacks)
with_callbacks: Any = getattr(_callback, "with_callbacks", _as_it_is)

__all__ = ["CallbackSupportMixin", "Tasks", "with_callbacks"]


class Tasks:
    """The tasks that scikit-learn's callbacks are told of: the fit, and each of up to ``most`` epochs of it.

    fitted   makes the attributes of an estimator that is fitted so far
    active   False: nobody is told
    data     X, y and metadata of the fit
    """

    def __init__(
        self, estimator: Any, most: int, fitted: Callable[[], dict[str, Any]], *, active: bool, **data: Any
    ) -> None:
        self._end_options = {"estimator": estimator, "reconstruction_attributes": fitted, **data}
        self._begin_options = {"estimator": estimator, **data}
        begin = getattr(estimator, "_init_callback_context", None) if active else None
        self._root = None if begin is None else begin(max_subtasks=most)
        self._epoch: Any = None
        if self._root is not None:
            self._root.call_on_fit_task_begin(**self._begin_options)

    def begin_epoch(self) -> None:
        """Announce an epoch."""
        if self._root is not None:
            self._epoch = self._root.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._begin_options)

    def end_epoch(self) -> bool:
        """Announce the end of the epoch; returns True if a callback wants no other."""
        return self._epoch is not None and bool(self._epoch.call_on_fit_task_end(**self._end_options))

    def end(self) -> None:
        """Announce the end of the fit."""
        if self._root is not None:
            self._root.call_on_fit_task_end(**self._end_options)
