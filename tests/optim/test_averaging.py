"""The running average of the weights."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from mlp_numpy import MLP, BatchNorm, Dropout, FlatParameters, Sequential
from mlp_numpy.errors import CallOrderError, DTypeError, OptionError, ShapeError
from mlp_numpy.optim import Average


def averaged(dtype: type = np.float64, steps: int = 3) -> tuple[Average, list[np.ndarray]]:
    """An average after some steps, and the weights of each, the start among them."""
    flat = FlatParameters(MLP(5, [4], 3, rng=0, dtype=dtype))
    average, seen = Average(flat, 0.9), [flat.values.copy()]
    for seed in range(steps):
        flat.values[:] = np.random.default_rng(seed).normal(size=len(flat))
        average.update()
        seen.append(flat.values.copy())
    return average, seen


def test_it_is_its_equation() -> None:
    average, seen = averaged()
    expected = seen[0]
    for weights in seen[1:]:
        expected = 0.9 * expected + 0.1 * weights
    np.testing.assert_allclose(average.values, expected, rtol=1e-13, atol=1e-15)
    assert averaged(np.float32)[0].values.dtype == np.float32


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = averaged()
    monkeypatch.setattr("mlp_numpy.optim.blocks.BLOCK_BYTES", 7 * 8)
    np.testing.assert_array_equal(averaged()[0].values, whole.values)


def test_it_is_put_in_place_and_taken_out_bit_for_bit() -> None:
    average, seen = averaged()
    flat = average.parameters
    flat.values[0] = np.nan
    before, address = flat.values.tobytes(), flat.values.ctypes.data
    with average.in_place():
        np.testing.assert_array_equal(flat.values, average.values)
        flat.values[1] = 100
    assert flat.values.tobytes() == before
    assert flat.values.ctypes.data == address
    assert average.values.max() < 100
    with pytest.raises(ZeroDivisionError), average.in_place():
        raise ZeroDivisionError
    assert flat.values.tobytes() == before


def test_inside_nothing_is_averaged() -> None:
    average, _ = averaged()
    with average.in_place():
        with pytest.raises(CallOrderError, match=r"Average\(beta=0.9\).update: must be called outside in_place"):
            average.update()
        with pytest.raises(CallOrderError, match="in_place: must be called outside in_place"), average.in_place():
            pass
        np.testing.assert_array_equal(average.parameters.values, average.values)
    average.update()


def test_a_saved_average_goes_on_bit_for_bit() -> None:
    whole, _ = averaged()
    resumed = Average(whole.parameters, 0.9)
    resumed.load_state(whole.state())
    whole.update()
    resumed.update()
    np.testing.assert_array_equal(resumed.values, whole.values)
    assert not np.shares_memory(whole.state()["values"], whole.values)


def test_a_foreign_state_is_refused() -> None:
    average, _ = averaged()
    values = average.values
    for wrong, kind in (
        ({}, KeyError),
        ({"values": values[1:]}, ShapeError),
        ({"values": values + 1j}, DTypeError),
    ):
        with pytest.raises(kind, match="load_state"):
            average.load_state(wrong)


def test_running_statistics_are_averaged_with_a_model() -> None:
    layer = Sequential(BatchNorm(2), Dropout(0.5, rng=0))
    flat = FlatParameters(layer)
    average, rng = Average(flat, 0.5, layer), np.random.default_rng(0)
    expected = {name: array.copy() for name, array in layer.named_buffers() if "running" in name}
    assert average.buffers.keys() == expected.keys() == {"0.running_mean", "0.running_variance"}
    for _ in range(3):
        layer.forward(rng.normal(3, size=(8, 2)))
        average.update()
        for name, array in layer.named_buffers():
            if name in expected:
                expected[name] = 0.5 * expected[name] + 0.5 * array
    before = {name: array.copy() for name, array in layer.named_buffers()}
    with average.in_place():
        for name, array in layer.named_buffers():
            np.testing.assert_allclose(array, expected.get(name, array), rtol=1e-14)
    for name, array in layer.named_buffers():
        np.testing.assert_array_equal(array, before[name])
    resumed = Average(flat, 0.5, layer)
    resumed.load_state(average.state())
    np.testing.assert_equal(resumed.state(), average.state())
    with pytest.raises(KeyError, match="load_state"):
        Average(flat, 0.5).load_state(average.state())
    assert repr(average) == "Average(beta=0.5, with buffers)"


def test_averages_of_copies_belong_to_the_copies() -> None:
    model = Sequential(BatchNorm(2))
    average = Average(FlatParameters(model), 0.5, model)
    for twin, twins in (copy.deepcopy((model, average)), pickle.loads(pickle.dumps((model, average)))):
        twins.buffers["0.running_mean"][...] = 7
        with twins.in_place():
            assert (twin[0].buffers["running_mean"] == 7).all()
            assert not model[0].buffers["running_mean"].any()


def test_running_statistics_are_not_averaged_without_one() -> None:
    layer = BatchNorm(2)
    average = Average(FlatParameters(layer), 0.5)
    layer.forward(np.random.default_rng(0).normal(3, size=(8, 2)))
    average.update()
    before = {name: array.copy() for name, array in layer.buffers.items()}
    with average.in_place():
        for name, array in layer.buffers.items():
            np.testing.assert_array_equal(array, before[name])


def test_settings_are_checked() -> None:
    model = MLP(2, [], 2)
    with pytest.raises(OptionError, match=r"Average: beta must be a number in \[0, 1\), got 1"):
        Average(FlatParameters(model), 1)
    with pytest.raises(OptionError, match="Average: model must be a Module, got 3"):
        Average(FlatParameters(model), 0.9, 3)
    with pytest.raises(OptionError, match="Average: parameters must be FlatParameters, got MLP"):
        Average(model)
