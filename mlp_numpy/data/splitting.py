"""Hold-out split of the training examples, for model selection without the test set."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array, stream
from mlp_numpy.checks import LARGEST, OPEN_FRACTION, is_whole, number, shown, whole_number
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.mapped import MappedSplit
from mlp_numpy.data.runs import Runs
from mlp_numpy.data.sealed import check_split
from mlp_numpy.errors import DataError, OptionError, unknown_name

WAYS: Final = ("first", "last", "random", "stratified")
"""The ways to choose the held-out examples."""

_MOST_BLOCKS: Final = 10_000
"""Blocks from which a test part is drawn."""


def hold_out(split: Split, n: int, how: str = "stratified", *, seed: int = 0) -> tuple[Split, Split]:
    """Split into (remaining training examples, ``n`` held-out examples), both in stored order.

    first, last   the n examples at that end; both parts are views, nothing is copied
    random        n examples drawn from all
    stratified    drawn class by class, so that the class proportions are preserved; see ``quotas``

    Random draws use the stream "validation" of ``seed``: the same arguments give the same parts, which are copies. Of
    a MappedSplit other examples are drawn, without an array as long as the data, and both parts are rows of its files.

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
        if isinstance(split, MappedSplit):
            held = _drawn(split, n, how, draws)
        else:
            held = draws.permutation(len(split))[:n] if how == "random" else stratified(split.targets, n, draws)
        held.sort()
        train, held_out = split.without(held), split.rows(held)
    if split.task != "classification":
        return train, held_out
    lost = np.setdiff1d(distinct_targets(held_out), distinct_targets(train))
    if lost.size:
        hint = "a smaller n" if how == "stratified" else "a smaller n, or how='stratified'"
        raise DataError(
            f"hold_out: examples of every class must be left to train on, got none of class {lost[0]} "
            f"with n={n}, how={how!r}. Hint: {hint}."
        )
    return train, held_out


def distinct_targets(split: Split) -> Array:
    """The different targets of a split, in ascending order."""
    return functools.reduce(np.union1d, split.target_blocks(), np.empty(0, np.int64))


def _drawn(split: Split, n: int, how: str, draws: np.random.Generator) -> Array:
    """The positions of ``n`` examples, in memory of the order of ``n``: the labels are read in two passes."""
    if how == "random":
        return draws.choice(len(split), n, replace=False, shuffle=False)
    counts = np.zeros(int(distinct_targets(split)[-1]) + 1, np.int64)
    for labels in split.target_blocks():
        counts += np.bincount(labels, minlength=len(counts))
    seats = quotas(counts, n).tolist()
    # of each class, which of its examples in stored order: the 5th, the 12th …
    chosen = [
        np.sort(draws.choice(count, k, replace=False, shuffle=False)) for count, k in zip(counts, seats, strict=True)
    ]
    seen, before, found = np.zeros(len(counts), np.int64), 0, []
    for labels in split.target_blocks():
        for label in np.unique(labels):
            of_label = np.flatnonzero(labels == label)
            first, last = np.searchsorted(chosen[label], [seen[label], seen[label] + len(of_label)])
            found.append(before + of_label[chosen[label][first:last] - seen[label]])
            seen[label] += len(of_label)
        before += len(labels)
    return np.concatenate(found)


def draw_test_blocks(who: str, n: int, fraction: float, seed: int) -> tuple[Runs, Runs]:
    """The rows of the training and the test split of ``n`` examples: ⌊blocks · fraction + ½⌋ of the blocks of
    ⌈n / 10,000⌉ consecutive rows, at least one, are the test split, drawn by the stream "test" of ``seed``.

    Raises OptionError for an invalid fraction or seed, DataError if either part would be empty.
    """
    fraction, draws = number(who, "test_fraction", fraction, OPEN_FRACTION), stream(seed, "test")
    size = -(-n // _MOST_BLOCKS)
    n_blocks = -(-n // size)
    if n_blocks < 2:
        raise _too_few(who, n)
    n_test = min(max(int(n_blocks * fraction + 0.5), 1), n_blocks - 1)
    chosen = np.sort(draws.permutation(n_blocks)[:n_test])
    starts = chosen * size
    test = Runs(starts, np.minimum(starts + size, n) - starts)
    return Runs.span(0, n).without(test.of(np.arange(len(test)))), test


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
        raise _too_few(who, n)
    return chosen


def _too_few(who: str, n: int) -> DataError:
    return DataError(
        f"{who}: there must be enough examples for a training and a test part, got {n}. "
        "Hint: more examples, or a test part of its own."
    )


def stratified(labels: Array, n: int, draws: np.random.Generator) -> Array:
    """The indices of ``n`` examples of ``labels`` (N,), drawn class by class; see ``quotas``."""
    classes, counts = np.unique(labels, return_counts=True)
    return np.concatenate(
        [
            draws.permutation(np.flatnonzero(labels == k))[:seats]
            for k, seats in zip(classes, quotas(counts, n), strict=True)
        ]
    )
