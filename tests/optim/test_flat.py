"""One vector for all parameters."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import MLP, BatchNorm, Conv2dModule, FlatParameters, LinearModule, ReLUModule, Sequential
from mlp_numpy.errors import DTypeError, OptionError
from mlp_numpy.optim import n_parameters


def test_every_array_is_a_slice_of_the_vectors() -> None:
    model = MLP(4, [3], 2, rng=0)
    state = model.state()
    flat = FlatParameters(model)
    assert len(flat) == n_parameters(model) == 4 * 3 + 3 + 3 * 2 + 2
    assert list(flat.slices) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    for name, part in flat.slices.items():
        np.testing.assert_array_equal(flat.values[part].reshape(state[name].shape, order="F"), state[name])
    assert flat.name_of(0) == "0.weight"
    assert flat.name_of(len(flat) - 1) == "2.bias"


def test_a_single_layer_has_undotted_names() -> None:
    assert list(FlatParameters(LinearModule(2, 2)).slices) == ["weight", "bias"]


def test_weights_are_the_arrays_of_two_or_more_dimensions() -> None:
    flat = FlatParameters(Sequential(LinearModule(4, 3), BatchNorm(3), Conv2dModule(3, 2, 3)))
    assert flat.shapes["2.weight"] == (2, 3, 3, 3)
    assert flat.parts("weights") == [flat.slices["0.weight"], flat.slices["2.weight"]]
    assert flat.parts("all") == [slice(0, len(flat))]
    with pytest.raises(OptionError, match="there must be arrays of two or more dimensions, got {'gamma': \\(3,\\)"):
        FlatParameters(BatchNorm(3)).parts("weights")
    with pytest.raises(OptionError, match="parts: unknown over 'some'"):
        flat.parts("some")


def test_what_cannot_be_flattened_is_refused() -> None:
    with pytest.raises(OptionError, match="must have parameters"):
        FlatParameters(Sequential(ReLUModule()))
    with pytest.raises(DTypeError, match="must have one dtype, got \\['float32', 'float64'\\]"):
        FlatParameters(Sequential(LinearModule(2, 2), LinearModule(2, 2, dtype=np.float32)))
