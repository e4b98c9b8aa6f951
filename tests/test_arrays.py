"""Where random numbers come from, and what a whole number is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy.arrays import is_whole, stream
from mlp_numpy.errors import OptionError


def test_streams_differ_by_seed_name_and_step() -> None:
    ways: list[tuple[Any, ...]] = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (0, "a", 1), (1, "a", 0), (0, "b", 0)]
    first = {way: stream(*way).integers(2**63) for way in ways}
    assert len(set(first.values())) == len(ways)
    assert {way: stream(*way).integers(2**63) for way in reversed(ways)} == first


def test_a_seed_or_step_that_is_none() -> None:
    with pytest.raises(OptionError, match=r"stream\('a'\): seed must be a whole number ≥ 0, got -1"):
        stream(-1, "a")
    with pytest.raises(OptionError, match=r"stream\('a'\): step must be a whole number ≥ 0, got 1.5"):
        stream(0, "a", 1.5)


@pytest.mark.parametrize(("value", "whole"), [(3, True), (np.uint8(3), True), (2, False), (True, False), (3.0, False)])
def test_whole_numbers(value: Any, whole: bool) -> None:
    assert is_whole(value, 3) is whole
