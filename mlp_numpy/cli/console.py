"""Shared by all commands: exit statuses, terminal detection, banners and error messages."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from typing import Any, Final

from tqdm import tqdm

FAILED: Final = 1
MISUSED: Final = 2
DIVERGED: Final = 3
PROGRAM: Final = "python -m mlp_numpy "


def on_terminal() -> bool:
    """True if standard error is a terminal."""
    # Some services start programs without a standard error; sys.stderr is None then.
    return sys.stderr is not None and sys.stderr.isatty()


def banner(text: str) -> None:
    """Print a warning between two lines of exclamation marks on standard error."""
    line = "!" * 100
    print(f"{line}\n{text}\n{line}", file=sys.stderr, flush=True)


def complain(text: str) -> None:
    """Print an error message on standard error."""
    print(f"error: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def printed_warnings(kind: type[Warning]) -> Iterator[None]:
    """Context that prints a warning of this kind on a line of its own, above a progress bar."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", kind)
        shown = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, kind):
                tqdm.write(f"warning: {message}", file=sys.stderr)
            else:
                shown(message, category, *where, **more)

        warnings.showwarning = show
        yield
