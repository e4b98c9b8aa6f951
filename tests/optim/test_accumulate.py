"""The gradient of a batch in pieces."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import MLP, FlatParameters, SoftMaxCrossEntropyModule
from mlp_numpy.errors import CallOrderError, OptionError
from mlp_numpy.optim import Accumulator


@pytest.mark.parametrize("sizes", [[12], [4, 4, 4], [1, 7, 4], [1] * 12])
def test_pieces_have_the_gradient_of_the_whole_batch(sizes: list[int]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 5)), rng.integers(0, 3, 12)
    model, loss = MLP(5, [6, 4], 3, rng=0), SoftMaxCrossEntropyModule()
    flat = FlatParameters(model)
    accumulator = Accumulator(flat)

    def backward(rows: slice) -> None:
        loss.forward(model.logits.forward(x[rows]), y[rows])
        model.logits.backward(loss.backward())

    backward(slice(0, 12))
    whole = flat.grads.copy()
    for _ in range(2):
        start = 0
        for size in sizes:
            backward(slice(start, start + size))
            accumulator.add(size)
            start += size
        accumulator.finish()
        np.testing.assert_allclose(flat.grads, whole, rtol=1e-12, atol=1e-15)


def test_calls_are_checked() -> None:
    flat = FlatParameters(MLP(2, [], 2, dtype=np.float32))
    accumulator = Accumulator(flat)
    with pytest.raises(CallOrderError, match="gradients must have been added, got none"):
        accumulator.finish()
    for wrong in (-1, np.nan, np.inf, True, None, "3", 1j):
        with pytest.raises(OptionError, match="total_weight must be a number ≥ 0"):
            accumulator.add(wrong)
    for reduction in ("none", None, True, "average"):
        with pytest.raises(OptionError, match="reduction"):
            Accumulator(flat, reduction)
    accumulator.add(np.float32(3))
    assert repr(accumulator) == "Accumulator(6 gradients of the total weight 3)"
    accumulator.finish()
    assert flat.grads.dtype == np.float32
    with pytest.raises(CallOrderError, match="finish"):
        accumulator.finish()
