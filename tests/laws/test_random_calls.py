"""A few hundred random calls of everything public; ``random_calls.py`` makes as many as one likes."""

from __future__ import annotations

import pytest
from random_calls import failures


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow
def test_only_errors_of_the_library_come_out_of_random_calls(seed: int) -> None:
    assert failures(150, seed) == []
