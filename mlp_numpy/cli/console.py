"""Shared by all commands: exit statuses, terminal detection, banners and error messages."""

from __future__ import annotations

import sys
from typing import Final

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
