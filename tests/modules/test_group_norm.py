"""Group normalization on the tape: the shapes that its formula refuses by itself, without the module's check."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy.autodiff import TensorNode
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.group_norm import GroupNormalize


@pytest.mark.parametrize("shape", [(4,), (0, 4), (2, 4, 0), (2, 3)])
def test_inputs_that_have_no_groups(shape: tuple[int, ...]) -> None:
    words = r"GroupNormalize\.do_forward: x must be \(N, C, …\) with C a multiple of 2, γ and β \(C,\), got"
    with pytest.raises(ShapeError, match=words):
        GroupNormalize.do_forward(TensorNode(np.ones(shape)), groups=2, eps=0.1)


@pytest.mark.parametrize(("gamma", "beta"), [((4,), (3,)), ((3,), (3,)), ((4, 1), (4, 1)), ((1,), (1,))])
def test_scales_of_another_shape(gamma: tuple[int, ...], beta: tuple[int, ...]) -> None:
    x = TensorNode(np.ones((2, 4, 3)))
    with pytest.raises(ShapeError, match="γ and β"):
        GroupNormalize.do_forward(x, np.ones(gamma), np.ones(beta), groups=2, eps=0.1)
    with pytest.raises(ShapeError, match="γ and β"):
        GroupNormalize.do_forward(x, np.ones(4), groups=2, eps=0.1)
    assert GroupNormalize.do_forward(x, np.ones(4), np.ones(4), groups=2, eps=0.1).value.shape == (2, 4, 3)
