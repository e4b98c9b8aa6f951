"""Hold-out split of the training examples, for model selection without the test set."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array, stream
from mlp_numpy.checks import LARGEST, OPEN_FRACTION, is_whole, number, shown, whole_number
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.sealed import check_split
from mlp_numpy.errors import DataError, OptionError, unknown_name

WAYS: Final = ("first", "last", "random", "stratified")
"""The ways to choose the held-out examples."""


def hold_out(split: Split, n: int, how: str = "stratified", *, seed: int = 0) -> tuple[Split, Split]:
    """Split into (remaining training examples, ``n`` held-out examples), both in stored order.

    first, last   the n examples at that end; both parts are views, nothing is copied
    random        n examples drawn from all
    stratified    drawn class by class, so that the class proportions are preserved; see ``quotas``

    Random draws use the stream "validation" of ``seed``: the same arguments give the same parts, which are copies.

    Raises
    ------
    OptionError
        if n is not an integer in [1, N), ``how`` is unknown, or stratified without classes, or the seed is negative
    DataError
        if a class would have no training examples left
    """
    check_split("hold_out", split)
    if not isinstance(how, str):
        raise OptionError(f"hold_out: how must be one of {', '.join(WAYS)}, got {shown(how)}.")
    if how not in WAYS:
        raise unknown_name("way to hold out", how, WAYS)
    if how == "stratified" and split.task != "classification":
        raise OptionError(f"hold_out: how must be first, last or random for a {split.task}, got 'stratified'.")
    if not is_whole(n, 1) or n >= len(split):
        raise OptionError(
            f"hold_out: n must be an integer in [1, {len(split)}), as some of the {len(split)} examples must be "
            f"left to train on, got {shown(n)}. Hint: a smaller n; on the command line --validation."
        )
    draws = stream(seed, "validation")
    if how in ("first", "last"):
        border = n if how == "first" else len(split) - n
        parts = split.rows(slice(border)), split.rows(slice(border, None))
        train, held_out = parts[::-1] if how == "first" else parts
    else:
        held = np.zeros(len(split), bool)
        held[draws.permutation(len(split))[:n] if how == "random" else stratified(split.targets, n, draws)] = True
        train, held_out = split.rows(~held), split.rows(held)
    if split.task != "classification":
        return train, held_out
    lost = np.setdiff1d(held_out.targets, train.targets)
    if lost.size:
        hint = "a smaller n" if how == "stratified" else "a smaller n, or how='stratified'"
        raise DataError(
            f"hold_out: examples of every class must be left to train on, got none of class {lost[0]} "
            f"with n={n}, how={how!r}. Hint: {hint}."
        )
    return train, held_out


def quotas(counts: Array, n: int) -> Array:
    """Apportion ``n`` seats to classes of ``counts`` examples: integers whose sum is n.

        qₖ = ⌊n cₖ / N⌋, and one more for the classes with the largest remainders n cₖ mod N until the sum is n;
        among equal remainders the lower class comes first

    Shapes      counts (C,) ≥ 0 with N = Σ counts ≥ n, out (C,)
    Reference   the largest-remainder method of Hamilton; computed in integers, so that ties are exact

    Raises OptionError for invalid counts or seats.
    """
    if not isinstance(counts, np.ndarray) or counts.ndim != 1 or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise OptionError(f"quotas: counts must be an array (C,) of integers ≥ 0, got {shown(counts)}.")
    if counts.size and counts.max() > LARGEST // counts.size:
        raise OptionError(f"quotas: counts must be ones whose sum is at most {LARGEST}, got {shown(counts)}.")
    n = whole_number("quotas", "n", n, 0, int(counts.sum()))
    if not counts.any():
        raise OptionError("quotas: there must be examples to choose from, got none.")
    seats, remainders = np.divmod(counts.astype(np.int64) * n, int(counts.sum()))
    largest = np.argsort(-remainders, kind="stable")
    seats[largest[: n - seats.sum()]] += 1
    return seats


def draw_test_rows(who: str, n: int, fraction: float, seed: int, labels: Array | None = None) -> Array:
    """The rows of the test split of ``n`` examples, as (n,) bool: ⌊n · fraction + ½⌋ of them, at least one, drawn by
    the stream "test" of ``seed``; stratified by ``labels`` (n,) if there are any. A class that would have no training
    example keeps its examples.

    Raises OptionError for an invalid fraction or seed, DataError if either part would be empty.
    """
    fraction, draws = number(who, "test_fraction", fraction, OPEN_FRACTION), stream(seed, "test")
    chosen = np.zeros(n, bool)
    if n > 1:
        n_test = min(max(int(n * fraction + 0.5), 1), n - 1)
        chosen[draws.permutation(n)[:n_test] if labels is None else stratified(labels, n_test, draws)] = True
        if labels is not None:
            chosen &= np.isin(labels, labels[~chosen])
    if not chosen.any():
        raise DataError(
            f"{who}: there must be enough examples for a training and a test part, got {n}. "
            "Hint: more examples, or a test part of its own."
        )
    return chosen


def stratified(labels: Array, n: int, draws: np.random.Generator) -> Array:
    """The indices of ``n`` examples of ``labels`` (N,), drawn class by class; see ``quotas``."""
    classes, counts = np.unique(labels, return_counts=True)
    return np.concatenate(
        [
            draws.permutation(np.flatnonzero(labels == k))[:seats]
            for k, seats in zip(classes, quotas(counts, n), strict=True)
        ]
    )
