"""What several tests of the data room start from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from data_helpers import Mirrors, TinyCifar


@pytest.fixture
def tiny() -> TinyCifar:
    return TinyCifar()


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], Mirrors]]:
    """Starts servers of a content, and stops them after the test."""
    started: list[Mirrors] = []

    def start(content: bytes) -> Mirrors:
        started.append(Mirrors(content))
        return started[-1]

    yield start
    for mirrors in started:
        mirrors.close()
