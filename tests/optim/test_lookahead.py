"""Lookahead: its equation, when it acts, and that it goes on where it was."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import MLP, BatchNorm, FlatParameters, Lookahead
from mlp_numpy.errors import OptionError, ShapeError


def walked(lookahead: Lookahead, steps: range) -> list[np.ndarray]:
    """The weights after each step of a random walk under ``lookahead``."""
    seen = []
    for step in steps:
        lookahead.parameters.values[:] += np.random.default_rng(step).normal(size=len(lookahead.parameters))
        lookahead.update(step)
        seen.append(lookahead.parameters.values.copy())
    return seen


@pytest.mark.parametrize("power", [0.0, 3.0])
def test_it_is_its_equation(power: float) -> None:
    flat = FlatParameters(MLP(3, [2], 2, rng=0))
    w, slow = flat.values.copy(), flat.values.copy()
    seen = walked(Lookahead(flat, 0.6, 3, power=power, steps=9), range(1, 13))
    for step, found in enumerate(seen, 1):
        w = w + np.random.default_rng(step).normal(size=w.size)
        if step % 3 == 0:
            beta = 0.6 * min(step / 9, 1) ** power
            slow = beta * slow + (1 - beta) * w
            w = slow
        np.testing.assert_allclose(found, w, rtol=1e-13, atol=1e-13)


def test_it_pulls_running_statistics_back_as_well() -> None:
    norm = BatchNorm(2)
    lookahead = Lookahead(FlatParameters(norm), 0.25, 1, model=norm)
    norm.buffers["running_mean"][...] = np.array([4.0, 8.0])
    lookahead.update(1)
    np.testing.assert_allclose(norm.buffers["running_mean"], [3.0, 6.0])
    assert set(lookahead.state()) == {"values", "buffers/running_mean", "buffers/running_variance"}


def test_a_restored_one_continues() -> None:
    first, second = (Lookahead(FlatParameters(MLP(3, [2], 2, rng=0)), 0.6, 3) for _ in range(2))
    walked(first, range(1, 5))
    second.load_state(first.state())
    second.parameters.values[:] = first.parameters.values
    np.testing.assert_array_equal(walked(second, range(5, 10))[-1], walked(first, range(5, 10))[-1])
    with pytest.raises(ShapeError):
        first.load_state({"values": np.zeros(3)})


def test_float32_stays_float32_and_invalid_settings_are_named() -> None:
    flat = FlatParameters(MLP(3, [2], 2, rng=0, dtype=np.float32))
    assert Lookahead(flat).values.dtype == np.float32
    for options in ({"beta": 1.0}, {"every": 0}, {"power": -1.0}, {"steps": 0}, {"model": 3}):
        with pytest.raises(OptionError, match=next(iter(options))):
            Lookahead(flat, **options)  # type: ignore[arg-type]
