"""A training that a page watches: what it shows is the training's, and showing changes nothing."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from mlp_numpy.browser import LiveSettings, LiveTraining
from mlp_numpy.browser.settings import LIVE_ACTIVATIONS, LIVE_DATA, LIVE_NORMS
from mlp_numpy.errors import NonFiniteError, OptionError
from mlp_numpy.optim.registry import OPTIMIZERS


@pytest.mark.parametrize("data", LIVE_DATA)
def test_it_learns(data: str) -> None:
    n_threads = threading.active_count()
    training = LiveTraining(LiveSettings(data=data, hidden=(32,) if data == "digits" else (16, 16)))
    losses = training.advance(400)
    assert np.mean(losses[-20:]) < 0.1 * losses[0]
    assert training.view()["accuracy"] > 0.93
    assert threading.active_count() <= n_threads


def test_it_is_the_same_for_the_same_settings_and_for_any_division_in_steps() -> None:
    settings = LiveSettings(data="clouds", norm="batch", activation="gelu")
    one, other = LiveTraining(settings), LiveTraining(settings)
    found = [*other.advance(3), *other.advance(7)]
    other.view(), other.checks(), other.trace()
    assert one.advance(20) == found + other.advance(10)


@pytest.mark.parametrize("norm", LIVE_NORMS)
@pytest.mark.parametrize("activation", LIVE_ACTIVATIONS)
def test_its_gradients_agree_with_the_complex_step(activation: str, norm: str) -> None:
    training = LiveTraining(LiveSettings(data="clouds", hidden=(5,), activation=activation, norm=norm))
    training.advance(2)
    checks = training.checks()
    named = [name for name, _ in training.model.named_parameters()]
    assert [check["name"] for check in checks] == ["x", *named]
    for check in checks:
        assert check["verdict"] == "fine"
        assert check["difference"] <= 1e-14 + 1e-10 * abs(check["numeric"])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_makes_the_step_that_the_trace_shows(optimizer: str) -> None:
    training = LiveTraining(LiveSettings(data="clouds", hidden=(), optimizer=optimizer, batch=3, lr=0.05))
    stages = training.trace()
    before = training.model[0].params["weight"].copy()
    training.advance(1)
    shown = {array["name"]: np.array(array["values"]) for array in stages[-1]["arrays"]}
    np.testing.assert_array_equal(shown["0.weight before"], before)
    np.testing.assert_allclose(shown["0.weight after"], training.model[0].params["weight"], rtol=1e-12)
    assert any(line["part"] == "Update" for line in stages[-1]["equation"])


def test_the_stages_hand_their_arrays_on() -> None:
    training = LiveTraining(LiveSettings(data="clouds", hidden=(4,), norm="layer"))
    stages = training.trace()
    assert [stage["pass"] for stage in stages] == ["Forward"] * 5 + ["Backward"] * 5 + ["Update"]
    arrays = [{array["name"]: array["values"] for array in stage["arrays"]} for stage in stages]
    for one, following in zip(arrays[:4], arrays[1:5], strict=True):
        assert one["out"] == following["x"]
    for one, following in zip(arrays[5:9], arrays[6:10], strict=True):
        assert one["dx"] == following["dout"]
    assert all(any(line["part"] == stage["pass"] for line in stage["equation"]) for stage in stages)


def test_the_boundary_is_the_networks() -> None:
    training = LiveTraining(LiveSettings(data="clouds", hidden=(6,)))
    training.advance(60)
    grid = training.view()["grid"]
    size, extent = grid["size"], grid["extent"]
    # the cell of each training point holds, as a rule, the class that the network gives to the point
    points = training.dataset.train.inputs
    assert np.abs(points).max() < extent
    columns, rows = (
        ((sign * points[:, axis] + extent) / (2 * extent) * size).astype(int) for axis, sign in ((0, 1), (1, -1))
    )
    found = np.array(grid["classes"]).reshape(size, size)[rows, columns]
    assert np.mean(found == training.model.forward(points).argmax(axis=1)) > 0.97


def test_a_loss_that_is_not_finite_ends_it() -> None:
    training = LiveTraining(LiveSettings(data="clouds", activation="relu", optimizer="sgd", lr=1e200))
    with pytest.raises(NonFiniteError, match="Hint: a lower learning rate"):
        training.advance(50)
    view = training.view()
    assert view["loss"] is None
    assert view["weights"][0]["values"][0][0] is None or np.isfinite(view["weights"][0]["values"][0][0])


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"data": "moons"}, "unknown data 'moons'"),
        ({"hidden": [0]}, "hidden\\[0\\] must be"),
        ({"hidden": [2] * 7}, "at most 6 layers"),
        ({"hidden": [257]}, "of at most 256"),
        ({"lr": 0}, "lr must be"),
        ({"batch": 257}, "batch must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_settings_out_of_bounds_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(OptionError, match=text):
        LiveSettings.of(settings)


@pytest.mark.parametrize("n", [0, 1001, 1.5])
def test_so_many_steps_are_refused(n: Any) -> None:
    with pytest.raises(OptionError, match="n must be an integer from 1 to 1000"):
        LiveTraining(LiveSettings(data="clouds")).advance(n)
