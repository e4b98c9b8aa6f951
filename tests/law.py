"""Many laws held to one row of a table in one test: what breaks is named law by law."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Row = TypeVar("Row")


def hold(laws: Iterable[Callable[[Row], None]], row: Row) -> None:
    """Call every law with the row; then raise all that failed, each with its law's name, as one group."""
    broken: list[Exception] = []
    for law in laws:
        try:
            law(row)
        except Exception as error:
            error.add_note(f"broken: {law.__name__}({row})")
            broken.append(error)
    if broken:
        raise ExceptionGroup(f"{row} breaks {len(broken)} laws", broken)
