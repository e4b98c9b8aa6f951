"""What all commands share: exit statuses, whether someone looks on, and how to be heard."""

from __future__ import annotations

import sys
from typing import Final

FAILED: Final = 1
MISUSED: Final = 2
DIVERGED: Final = 3
PROGRAM: Final = "python -m mlp_numpy "


def on_terminal() -> bool:
    # Without a standard error at all, as under some services, Python has none to ask.
    return sys.stderr is not None and sys.stderr.isatty()


def banner(text: str) -> None:
    line = "!" * 100
    print(f"{line}\n{text}\n{line}", file=sys.stderr, flush=True)


def complain(text: str) -> None:
    print(f"error: {text}", file=sys.stderr, flush=True)
