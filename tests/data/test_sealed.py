"""The sealed test set: one door, and a record of everyone who went through it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.batches import Batches, chunks
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sealed import SealedSplit
from mlp_numpy.errors import OptionError, SealedError

SPLIT = Split(np.zeros((6, 4), np.uint8), np.array([0, 1, 2, 2, 1, 0]))
RAW = Preprocessing("raw", None, None)


def test_what_may_be_known_without_opening() -> None:
    sealed = SealedSplit(SPLIT)
    assert (len(sealed), sealed.n_classes, sealed.openings) == (6, 3, ())
    assert repr(sealed) == "SealedSplit(6 examples, openings=[])"
    assert not hasattr(sealed, "images")


def test_openings_are_remembered_in_their_order() -> None:
    sealed = SealedSplit(SPLIT)
    assert sealed.open("final evaluation") is SPLIT
    assert sealed.open("figures") is SPLIT
    assert sealed.openings == ("final evaluation", "figures")


def test_a_run_that_goes_on_goes_on_counting() -> None:
    before = ["final evaluation"]
    sealed = SealedSplit(SPLIT, before)
    sealed.open("once more")
    assert sealed.openings == ("final evaluation", "once more")
    assert before == ["final evaluation"]


@pytest.mark.parametrize(
    "use",
    [
        lambda sealed: sealed.images,
        lambda sealed: Batches(sealed, 2, RAW),
        lambda sealed: next(chunks(sealed, 2, RAW)),
    ],
)
def test_nobody_looks_inside_by_accident(use: Callable[[Any], Any]) -> None:
    sealed = SealedSplit(SPLIT)
    with pytest.raises(
        SealedError, match=r"SealedSplit: images must not be accessed .* Hint: .open\('the reason'\).images"
    ):
        use(sealed)
    with pytest.raises(AttributeError, match="labels must not be accessed"):
        _ = sealed.labels
    assert sealed.openings == ()


def test_copies_are_sealed_too() -> None:
    sealed = SealedSplit(SPLIT, ["first"])
    for other in (copy.deepcopy(sealed), pickle.loads(pickle.dumps(sealed))):
        assert other.openings == ("first",)
        with pytest.raises(SealedError):
            _ = other.images


@pytest.mark.parametrize("reason", ["", "  ", None, 3])
def test_a_reason_is_needed(reason: Any) -> None:
    sealed = SealedSplit(SPLIT)
    with pytest.raises(OptionError, match="SealedSplit.open: there must be a reason, as a string, got "):
        sealed.open(reason)
    assert sealed.openings == ()
    with pytest.raises(OptionError, match="SealedSplit: there must be a reason, as a string"):
        SealedSplit(SPLIT, ["first", reason])


def test_what_cannot_be_sealed() -> None:
    with pytest.raises(OptionError, match="there must be a Split to seal, got ndarray"):
        SealedSplit(SPLIT.images)
    with pytest.raises(OptionError, match="openings must be a list of reasons, got 'first'"):
        SealedSplit(SPLIT, "first")
