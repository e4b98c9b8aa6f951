"""The L2 penalty in the loss."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import MLP, SGD, FlatParameters
from mlp_numpy.errors import OptionError
from mlp_numpy.optim import DecayScope, L2Penalty


def flat_mlp() -> FlatParameters:
    flat = FlatParameters(MLP(5, [4], 3, rng=0))
    flat.values[:] = np.random.default_rng(1).normal(size=len(flat))
    flat.grads[:] = np.random.default_rng(2).normal(size=len(flat))
    return flat


@pytest.mark.parametrize("over", ["weights", "all"])
def test_the_gradient_is_that_of_the_value(over: DecayScope) -> None:
    flat = flat_mlp()
    penalty, grads = L2Penalty(flat, 0.3, over=over), flat.grads.copy()
    assert penalty.add() == penalty.value()
    added = flat.grads - grads
    for position in range(len(flat)):
        middle = flat.values[position]
        flat.values[position] = middle + 1e-3
        above = penalty.value()
        flat.values[position] = middle - 1e-3
        assert (above - penalty.value()) / 2e-3 == pytest.approx(added[position], abs=1e-10)
        flat.values[position] = middle


def test_by_hand() -> None:
    flat = FlatParameters(MLP(1, [], 2))
    flat.values[:] = [1, 2, 10, 20]
    flat.grads[:] = 1
    assert L2Penalty(flat, 0.5).add() == 0.25 * (1 + 4)
    np.testing.assert_array_equal(flat.grads, [1.5, 2, 1, 1])
    assert L2Penalty(flat, 0.5, over="all").value() == 0.25 * 505


@pytest.mark.parametrize("over", ["weights", "all"])
def test_with_sgd_it_is_weight_decay(over: DecayScope) -> None:
    penalized, decayed = flat_mlp(), flat_mlp()
    L2Penalty(penalized, 0.3, over=over).add()
    SGD(penalized, 0.1).step()
    SGD(decayed, 0.1, weight_decay=0.3, decay=over).step()
    np.testing.assert_allclose(penalized.values, decayed.values, rtol=1e-14, atol=1e-15)


def test_repr_and_settings() -> None:
    flat = flat_mlp()
    assert repr(L2Penalty(flat, 0.1)) == "L2Penalty(0.1)"
    assert repr(L2Penalty(flat, 0.1, over="all")) == "L2Penalty(0.1, over='all')"
    with pytest.raises(OptionError, match="L2Penalty: strength must be a number > 0, got 0"):
        L2Penalty(flat, 0)
    with pytest.raises(OptionError, match="parts: unknown over 'wieghts'. Did you mean 'weights'"):
        L2Penalty(flat, 0.1, over="wieghts")
