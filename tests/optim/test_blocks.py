"""Blocks: a step works in the scratch vectors of the optimizer, and allocates nothing that grows with the network."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from optim_table import TABLE, Variant

from mlp_numpy import FlatParameters, LinearModule, Muon
from mlp_numpy.optim.averaging import Average
from mlp_numpy.optim.blocks import BLOCK_BYTES
from mlp_numpy.optim.clipping import clip_norm, clip_value
from mlp_numpy.optim.penalty import L2Penalty

N = 400
CASES = [variant for variant in TABLE if variant.kind is not Muon]  # its products of matrices are arrays of their own


def allocated(call: Callable[[], object]) -> int:
    """The most bytes that a call holds at once; what is imported or cached with the first call is not its own."""
    call()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def long_vectors() -> FlatParameters:
    parameters = FlatParameters(LinearModule(N, N, rng=0))
    assert parameters.values.nbytes > 2 * BLOCK_BYTES
    parameters.grads[...] = np.random.default_rng(1).normal(size=len(parameters))
    return parameters


@pytest.mark.parametrize("variant", CASES, ids=str)
def test_a_step_allocates_no_block(variant: Variant) -> None:
    assert allocated(variant.make(long_vectors()).step) < N * 8


def test_nor_does_what_is_done_around_a_step() -> None:
    parameters = long_vectors()
    for call in (
        lambda: clip_norm(parameters, 1e-3),
        lambda: clip_value(parameters, 1e-3),
        L2Penalty(parameters, 0.1).add,
        Average(parameters).update,
    ):
        assert allocated(call) < N * 8, call
