"""Joining: what is computed of a batch in parts is what the whole batch gives, for every loss and all that weighs.

(Batch norm is the documented exception: its formula looks at several examples at a time.)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from spec_cases import EVERY_LOSS_CASE, LOSSES, Line

from mlp_numpy import (
    MLP,
    SGD,
    BCEWithLogitsModule,
    CrossEntropyModule,
    FlatParameters,
    HingeModule,
    L1Module,
    LinearModule,
    LossModule,
    Module,
    MSEModule,
    Sequential,
    SoftMaxCrossEntropyModule,
    kaiming,
)
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Op
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules import Joined
from mlp_numpy.optim import Accumulator, Average
from mlp_numpy.training import StepRecord, Trainer, Update, accuracy, evaluate

SPLITS = ([8], [4, 4], [1] * 8, [5, 3], [1, 6, 1])
REDUCED = [line for line in LOSSES if line.variant != "none"]


class Scaled(Op):
    """out = w x, one learned number: its gradient is a sum over the rows."""

    @staticmethod
    def forward(context: Any, x: Array, w: Array) -> Array:
        context["x"], context["w"] = x, w
        return w * x

    @staticmethod
    def backward(context: Any, dout: Array) -> Any:
        return dout * context["w"], np.array([(dout * context["x"]).sum()])


class ScaledModule(Module):
    op = Scaled

    def __init__(self) -> None:
        super().__init__(w=np.ones(1))


def parts(sizes: list[int]) -> Iterator[slice]:
    ends = np.cumsum([0, *sizes]).tolist()
    return (slice(start, end) for start, end in pairwise(ends))


def weightings(rng: np.random.Generator) -> list[Array | None]:
    return [None, rng.uniform(0, 3, 8), np.array([0, 0, 0, 0, 0, 2, 1, 3.0]), np.full(8, 1e39), np.zeros(8)]


def rows_of(weight: Array | None, rows: slice) -> Array | None:
    return None if weight is None else weight[rows]


@pytest.mark.parametrize("sizes", SPLITS, ids=str)
@EVERY_LOSS_CASE
@pytest.mark.parametrize("line", REDUCED, ids=str)
@pytest.mark.slow
def test_the_gradient_and_loss_of_parts_joined_are_those_of_the_whole(line: Line, case: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(4)
    loss, x, y = line.loss(case, 8)
    net = ScaledModule()
    flat = FlatParameters(net)

    def step(rows: slice, weight: Array | None) -> float:
        value = float(loss.forward(net.forward(x[rows]), y[rows], rows_of(weight, rows)))
        net.backward(loss.backward())
        return value

    for weight in weightings(rng):
        whole = step(slice(0, 8), weight)
        gradient, total = flat.grads.copy(), loss.total_weight
        accumulator, joined, value = Accumulator(flat, loss.reduction), Joined(loss.reduction), 0.0
        for rows in parts(sizes):
            part = step(rows, weight)
            accumulator.add(loss.total_weight)
            value = joined.join(value, part, loss.total_weight)
        assert accumulator.total_weight == pytest.approx(total, rel=1e-13)
        accumulator.finish()
        assert value == pytest.approx(whole, rel=1e-13, abs=1e-14)
        np.testing.assert_allclose(flat.grads, gradient, rtol=1e-12, atol=1e-13 * max(1, abs(gradient[0])))


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 4)), np.arange(24) // 9
RAW = Preprocessing.fit("raw", X, (1, 2, 2))
OPTIONS: list[dict[str, Any]] = [
    {},
    {"class_weight": [0.1, 1, 10]},
    {"class_weight": [0, 1, 2]},
    {"ignore_index": 0},
    {"ignore_index": 1, "class_weight": [3, 1, 0.5]},
]
MAKERS = [SoftMaxCrossEntropyModule, HingeModule]
CLASS_LOSSES = [
    *(make(reduction, **options) for make in MAKERS for reduction in ("mean", "sum") for options in OPTIONS),
    *(SoftMaxCrossEntropyModule(label_smoothing=0.2, **options) for options in OPTIONS),
]


class Ragged(Batches):
    """Batches in the stored order whose last one of an epoch is what is left over."""

    def at(self, step: int) -> tuple[Array, Array]:
        per_epoch = -(-len(self.split) // self.size)
        start = step % per_epoch * self.size
        rows = slice(start, min(start + self.size, len(self.split)))
        return np.array(self.split.images[rows]), self.split.labels[rows]


def trained(loss: LossModule, size: int, accumulate: int, steps: int = 3) -> tuple[Array, list[StepRecord]]:
    net = Sequential(LinearModule(4, 3, init=kaiming(), rng=0))
    parameters, split = FlatParameters(net), Split(X, Y)
    batches = Ragged(split, size, RAW, dtype=np.float64)
    lr = 0.5 if loss.reduction == "mean" else 0.02
    records = Trainer(net, loss, SGD(parameters, lr), batches, split, accumulate=accumulate).run(steps)
    return parameters.values, [record for record in records if isinstance(record, StepRecord)]


@pytest.mark.parametrize("loss", CLASS_LOSSES, ids=repr)
def test_a_step_of_several_batches_is_the_step_of_one(loss: LossModule) -> None:
    whole, whole_records = trained(loss, 24, 1)
    # 10 + 10 + 4 rows is ragged; of pieces of 3 some hold labels of one class alone, all of them ignored or of weight 0
    for size, accumulate in ((12, 2), (10, 3), (3, 8), (1, 24), (23, 2)):
        values, records = trained(loss, size, accumulate)
        np.testing.assert_allclose(values, whole, rtol=1e-12, atol=1e-13)
        for record, expected in zip(records, whole_records, strict=True):
            assert record.loss == pytest.approx(expected.loss, rel=1e-12)
            assert record.accuracy == pytest.approx(expected.accuracy, rel=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_an_evaluation_in_chunks_is_that_of_the_whole(options: dict[str, Any], reduction: str) -> None:
    net, split = Sequential(LinearModule(4, 3, init=kaiming(), rng=0)), Split(X, Y)
    scores = net.forward(X)
    for make in MAKERS:
        expected = float(make(**options).forward(scores, Y))
        loss = make(reduction, **options)
        for chunk in (1, 5, 9, 23, 24, 1000, np.int64(7)):
            found = evaluate(net, loss, split, RAW, chunk=chunk)
            assert found.loss == pytest.approx(expected, rel=1e-13)
            assert found.accuracy == accuracy(scores, Y)
        assert loss.reduction == reduction


def test_an_evaluation_in_which_nothing_counts_has_the_loss_0() -> None:
    net, split = Sequential(LinearModule(4, 3, rng=0)), Split(X, np.zeros(24, int))
    for chunk in (5, 24):
        assert evaluate(net, SoftMaxCrossEntropyModule(ignore_index=0), split, RAW, chunk=chunk).loss == 0


def test_an_evaluation_that_breaks_off_gives_the_reduction_back() -> None:
    net, loss = Sequential(LinearModule(4, 3, rng=0)), HingeModule("sum", class_weight=[1, 2])
    with pytest.raises(ShapeError, match="one per class weight"):
        evaluate(net, loss, Split(X, Y), RAW)
    assert loss.reduction == "sum"


def test_the_mean_of_an_evaluation_leaves_the_range_only_with_its_result() -> None:
    net = Sequential(LinearModule(4, 3, dtype=np.float32))
    net[0].params["bias"] = [0, 0, 2e38]
    for chunk in (1, 24):
        found = evaluate(net, SoftMaxCrossEntropyModule("sum"), Split(X, Y % 2), RAW, chunk=chunk)
        assert found.loss == pytest.approx(2e38, rel=1e-6)


def test_the_rule_of_joining_by_hand() -> None:
    mean = Joined()
    assert mean.add(3) == (0, 1)
    assert mean.add(1) == (0.75, 0.25)
    assert mean.add(0) == (1, 0.25)  # of a part that weighs nothing r is no mean but the sum
    assert mean.weight == 4
    other = Joined()
    assert other.join(0.0, 0.0, 0) == 0
    assert other.join(0.0, 8.0, 0) == 8
    assert other.join(8.0, 5.0, 2) == 9
    assert Joined().join(np.nan, 5.0, 2) == 5
    total = Joined("sum")
    assert [total.add(weight) for weight in (0, 3, 5)] == [(1, 1)] * 3
    assert total.join(2.0, 3.0, 7) == 5


def test_pieces_that_weigh_nothing_leave_the_gradient_0_or_as_it_is() -> None:
    flat = FlatParameters(MLP(2, [], 2, rng=0))
    accumulator = Accumulator(flat)
    flat.grads[...] = 0
    accumulator.add(0)
    accumulator.finish()
    np.testing.assert_array_equal(flat.grads, 0)
    flat.grads[...] = 7
    accumulator.add(0.25)
    flat.grads[...] = 0
    accumulator.add(0)
    accumulator.finish()
    np.testing.assert_array_equal(flat.grads, 7)


def test_weights_of_any_size_join_gradients() -> None:
    flat = FlatParameters(MLP(2, [], 2, rng=0, dtype=np.float32))
    for size in (1e-300, 1, 1e39, 1e300):
        accumulator = Accumulator(flat)
        for value, share in ((1e38, 1), (3e38, 3)):
            flat.grads[...] = value
            accumulator.add(size * share)
        accumulator.finish()
        np.testing.assert_allclose(flat.grads, 2.5e38, rtol=1e-6)


def test_what_was_cleared_does_not_count() -> None:
    flat = FlatParameters(MLP(2, [], 2, rng=0))
    accumulator = Accumulator(flat, "sum")
    flat.grads[...] = 5
    accumulator.add(1)
    accumulator.clear()
    for _ in range(2):
        flat.grads[...] = 2
        accumulator.add(1)
    accumulator.finish()
    np.testing.assert_array_equal(flat.grads, 4)


@pytest.mark.parametrize("loss", [MSEModule(), L1Module("sum"), BCEWithLogitsModule()], ids=repr)
def test_numbers_are_joined_by_how_many_there_are(loss: LossModule) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(7, 3)), rng.uniform(size=(7, 3))
    joined, value = Joined(loss.reduction), 0.0
    for rows in parts([2, 4, 1]):
        part = float(loss.forward(x[rows], y[rows]))
        assert loss.total_weight == 3 * (rows.stop - rows.start)
        value = joined.join(value, part, loss.total_weight)
    assert value == pytest.approx(float(loss.forward(x, y)), rel=1e-14)


def test_the_average_and_the_probabilities_go_with_it_too() -> None:
    """The whole of a training step, with probabilities for scores and an average of the weights."""
    found = []
    for size, accumulate in ((24, 1), (8, 3)):
        net = MLP(4, [5], 3, rng=0, init=kaiming())
        parameters, split = FlatParameters(net), Split(X, Y)
        update = Update(SGD(parameters, 0.1), average=Average(parameters, 0.5), clip_norm=0.1)
        batches = Batches(split, size, RAW, shuffle=False, dtype=np.float64)
        loss = CrossEntropyModule(class_weight=[1, 0, 5])
        list(Trainer(net, loss, update, batches, split, accumulate=accumulate).run(4))
        found.append((parameters.values, update.average.values))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
