"""What the summary of a model counts."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import BatchNorm, Conv2dModule, LinearModule, ReLUModule, ResidualMLP, Sequential
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.models import summary


def test_what_a_summary_counts() -> None:
    net = Sequential(LinearModule(4, 3), ReLUModule(), BatchNorm(3))
    found = summary(net, (4,), batch=10)
    assert found.n_parameters == 4 * 3 + 3 + 6
    assert found.parameter_bytes == 2 * 8 * found.n_parameters
    # the input of the Linear, a mask of the ReLU, the centered rows of the batch norm; its few statistics beside them
    per_sample = summary(net, (4,), batch=11).kept_bytes - found.kept_bytes
    assert 8 * (4 + 3) <= per_sample <= 8 * (4 + 3 + 3)
    assert net[0]._context is None
    assert "21 parameters" in str(found)
    with pytest.raises(OptionError, match="batch must be"):
        summary(net, (4,), batch=0)
    with pytest.raises(ShapeError):
        summary(net, (5,))


def test_a_summary_leaves_the_model_as_it_was() -> None:
    net = Sequential(Conv2dModule(1, 2, 2, rng=0), BatchNorm(2))
    before = net.state()
    summary(net, (1, 3, 3))
    for name, array in net.state().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("n_blocks", [0, 1.5, True])
def test_residual_blocks_are_counted(n_blocks: int) -> None:
    with pytest.raises(OptionError, match="n_blocks must be"):
        ResidualMLP(4, 3, n_blocks=n_blocks)
