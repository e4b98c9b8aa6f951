"""Classes on axis 1 of more than two axes: as for each position by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlp_numpy import (
    CrossEntropyModule,
    LogSoftMaxModule,
    LossModule,
    NLLModule,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
)
from mlp_numpy.arrays import Array
from mlp_numpy.errors import DomainError, LabelError, OptionError, ShapeError

ENTROPIES = [CrossEntropyModule, SoftMaxCrossEntropyModule, NLLModule]
SHAPE = (3, 4, 2, 5)


def predictions(make: Callable[..., LossModule]) -> Array:
    x = np.random.default_rng(0).normal(size=SHAPE)
    p = SoftMaxModule().forward(x)
    return {"CrossEntropyModule": p, "NLLModule": np.log(p)}.get(make.__name__, x)


def labels(kind: str) -> Array:
    rng = np.random.default_rng(1)
    y = rng.integers(4, size=(3, 2, 5))
    return (
        y if kind == "integers" else np.moveaxis(np.eye(4)[y], -1, 1) if kind == "one-hot" else rng.uniform(size=SHAPE)
    )


@pytest.mark.parametrize("options", [{}, {"class_weight": [1, 2, 0.5, 3]}, {"label_smoothing": 0.1}], ids=str)
@pytest.mark.parametrize("weights", [None, (3,), (3, 2, 5)])
@pytest.mark.parametrize("kind", ["integers", "one-hot", "soft"])
@pytest.mark.parametrize("make", ENTROPIES)
def test_every_position_is_a_row(make: Any, kind: str, weights: Any, options: dict[str, Any]) -> None:
    x, y = predictions(make), labels(kind)
    weight = None if weights is None else np.random.default_rng(2).integers(3, size=weights)
    rows, flat = (
        np.moveaxis(x, 1, -1).reshape(-1, 4),
        np.moveaxis(y, 1, -1).reshape(-1, 4) if y.ndim == 4 else y.ravel(),
    )
    each = (
        None if weight is None else np.broadcast_to(weight.reshape(weight.shape + (1,) * (3 - weight.ndim)), (3, 2, 5))
    )
    for reduction in ("mean", "sum", "none"):
        whole, single = make(reduction, **options), make(reduction, **options)
        out = whole.forward(x, y, weight)
        expected = single.forward(rows, flat, None if each is None else each.ravel())
        np.testing.assert_allclose(np.ravel(out), np.ravel(expected), rtol=1e-13)
        assert np.shape(out) == (() if reduction != "none" else (3, 2, 5))
        assert whole.total_weight == pytest.approx(single.total_weight)
        g = np.random.default_rng(3).normal(size=np.shape(out))
        dx = whole.backward(g)
        np.testing.assert_allclose(
            np.moveaxis(dx, 1, -1).reshape(-1, 4), single.backward(g.reshape(np.shape(expected))), rtol=1e-13
        )


@pytest.mark.parametrize("make", ENTROPIES)
def test_ignored_positions(make: Any) -> None:
    x, y = predictions(make), labels("integers")
    y[0, 1], y[2] = -1, -1
    loss = make("none", ignore_index=-1)
    out = loss.forward(x, y)
    assert ((out == 0) == (y == -1)).all()
    assert loss.total_weight == (y >= 0).sum()
    assert not np.moveaxis(loss.backward(), 1, -1)[y == -1].any()


def test_parts_make_the_whole() -> None:
    x, y, loss = predictions(NLLModule), labels("integers"), NLLModule(class_weight=[1, 2, 0.5, 3])
    whole = loss.forward(x, y)
    parts = [(loss.forward(x[n : n + 1], y[n : n + 1]), loss.total_weight) for n in range(3)]
    assert sum(r * w for r, w in parts) / sum(w for _, w in parts) == pytest.approx(whole, rel=1e-13)


def test_wrong_labels_are_named_by_their_place() -> None:
    x, y = predictions(NLLModule), labels("integers")
    y[1, 0, 3] = 4
    with pytest.raises(LabelError, match=r"NLLModule.forward: labels must lie in \[0, 4\), got 4 at \[1, 0, 3\]"):
        NLLModule().forward(x, y)
    with pytest.raises(
        LabelError, match=r"labels must be \(3, 2, 5\) or \(3, 4, 2, 5\), one per example of x, got \(3,\)"
    ):
        NLLModule().forward(x, y[:, 0, 0])
    soft = labels("soft")
    soft[1, 2, 0, 3] = -1
    with pytest.raises(LabelError, match=r"finite and ≥ 0, none above 1, got .* at \[1, 0, 3\]"):
        NLLModule().forward(x, soft)
    x[2, 1, 1, 4] = 1
    y[1, 0, 3] = 3
    with pytest.raises(DomainError, match=r"got 1.0 at \[2, 1, 1, 4\]"):
        NLLModule().forward(x, y)
    NLLModule().forward(x, y, (np.arange(30) != 29).reshape(3, 2, 5).astype(float))


@pytest.mark.parametrize("make", [SoftMaxModule, LogSoftMaxModule])
def test_softmax_along_an_axis(make: Any) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    for axis in (1, 2, -1, -2):
        out = make(axis).forward(x)
        p = out if make is SoftMaxModule else np.exp(out)
        np.testing.assert_allclose(p, np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True), rtol=1e-13)
    np.testing.assert_array_equal(make().forward(x[:, :, 0]), make(-1).forward(x[:, :, 0]))
    assert repr(make(-1)) == f"{make.__name__}(axis=-1)"
    for axis in (0, True, 1.0, None, "1"):
        with pytest.raises(OptionError, match="axis must be an integer, not 0"):
            make(axis)
    for axis, shape in ((2, (3, 4)), (-2, (3, 4)), (-3, (3, 4)), (1, (3,)), (-1, (3, 0))):
        with pytest.raises(ShapeError, match="x must"):
            make(axis).forward(np.zeros(shape))
