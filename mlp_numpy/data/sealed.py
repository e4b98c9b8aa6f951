"""A test set behind a seal: it can be looked at, but not without a reason that the report of the run will tell."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from mlp_numpy.checks import shown
from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import OptionError, SealedError


class SealedSplit:
    """A split whose examples come out by ``open`` alone, which counts.

        sealed = SealedSplit(dataset.test)
        test = sealed.open("final evaluation")
        sealed.openings                             # ("final evaluation",)

    A test set says how a network does on what it has never met only as long as no choice was made by it; each opening
    is a chance to make one. ``len`` and ``n_classes`` tell what may be known before.

    openings   reasons of earlier openings, first one first, for a run that goes on

    Raises OptionError if what is to be sealed is no Split, or an opening has no reason.
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
        """The examples, and one more opening on the record. Raises OptionError without a reason."""
        self._openings.append(_checked("SealedSplit.open", reason))
        return self._split

    @property
    def openings(self) -> tuple[str, ...]:
        """Why it was opened, first opening first."""
        return tuple(self._openings)

    @property
    def n_classes(self) -> int:
        """The number of different labels in it."""
        return len(np.unique(self._split.labels))

    def __len__(self) -> int:
        return len(self._split)

    # A type checker sees for itself what is not there.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            raise SealedError(
                f"SealedSplit: {name} must not be asked of a sealed split, "
                f"which tells its len, its n_classes and its openings. Hint: .open('the reason').{name}."
            )

    def __repr__(self) -> str:
        return f"SealedSplit({len(self)} examples, openings={self._openings})"


def check_split(who: str, split: Any) -> None:
    """Raises OptionError for what is no Split, and what a sealed one raises when it is looked at."""
    if isinstance(split, SealedSplit):
        attrgetter("images")(split)
    if not isinstance(split, Split):
        raise OptionError(f"{who}: there must be a Split, got {shown(split)}.")


def _checked(who: str, reason: object) -> str:
    if not isinstance(reason, str) or not reason.strip():
        raise OptionError(f"{who}: there must be a reason in words, got {shown(reason)}.")
    return reason
