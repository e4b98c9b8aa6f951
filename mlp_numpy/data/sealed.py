"""A sealed test set: every access states a reason, which is recorded and counted in the report of the run."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from mlp_numpy.checks import shown
from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import OptionError, SealedError


class SealedSplit:
    """A split whose examples are accessible only through ``open``, which records every access.

        sealed = SealedSplit(dataset.test)
        test = sealed.open("final evaluation")
        sealed.openings                             # ("final evaluation",)

    A test set gives an unbiased estimate only as long as no choice was based on it, so every opening is recorded.
    ``len`` and ``n_classes`` are available without opening it.

    openings   reasons of earlier openings, in order, for a resumed run

    Raises OptionError if ``split`` is not a Split, or an opening has no reason.
    """

    def __init__(self, split: Split, openings: Sequence[str] = ()) -> None:
        if not isinstance(split, Split):
            raise OptionError(f"SealedSplit: there must be a Split to seal, got {type(split).__name__}.")
        if not isinstance(openings, list | tuple):
            found = shown(openings)
            raise OptionError(f"SealedSplit: openings must be a list of reasons, got {found}. Hint: [reason].")
        self._split = split
        self._openings = [_checked("SealedSplit", reason) for reason in openings]

    def open(self, reason: str) -> Split:
        """Record an opening and return the examples. Raises OptionError without a reason."""
        self._openings.append(_checked("SealedSplit.open", reason))
        return self._split

    @property
    def openings(self) -> tuple[str, ...]:
        """The reasons of all openings, in order."""
        return tuple(self._openings)

    @property
    def n_classes(self) -> int:
        """The number of different labels in it."""
        return len(functools.reduce(np.union1d, self._split.target_blocks(), np.empty(0, np.int64)))

    def __len__(self) -> int:
        return len(self._split)

    # A type checker reports missing attributes itself.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            raise SealedError(
                f"SealedSplit: {name} must not be accessed on a sealed split, "
                f"which has only len, n_classes and openings. Hint: .open('the reason').{name}."
            )

    def __repr__(self) -> str:
        return f"SealedSplit({len(self)} examples, openings={self._openings})"


def check_split(who: str, split: Any) -> None:
    """Raise OptionError for anything but a Split, and for a sealed one the error of an access without ``open``."""
    if isinstance(split, SealedSplit):
        attrgetter("images")(split)
    if not isinstance(split, Split):
        raise OptionError(f"{who}: there must be a Split, got {shown(split)}.")


def _checked(who: str, reason: object) -> str:
    if not isinstance(reason, str) or not reason.strip():
        raise OptionError(f"{who}: there must be a reason, as a string, got {shown(reason)}.")
    return reason
