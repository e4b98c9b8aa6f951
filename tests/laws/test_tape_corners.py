"""Corners of the tape: the ends of the range, several axes, what is no array, copies, and doors of fused formulas."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import numpy as np
import pytest

from mlp_numpy import SGD, FlatParameters, autodiff, modules
from mlp_numpy.autodiff import TensorNode, celoss, concatenate, where
from mlp_numpy.errors import DTypeError, MlpNumpyError, OptionError, OutOfRangeError, ShapeError
from mlp_numpy.modules.windows import Windows

KINDS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.mark.parametrize(
    ("dout", "a", "b", "right"),
    [(1, 1e-23, 1e-23, -1e23), (1, 1e30, 1e25, -1e-20), (1e30, 1e-30, 1e-10, -1e20), (1e-30, 1e-30, 1e-20, -1e-20)],
)
def test_the_gradient_of_a_quotient_stays_in_range(dout: float, a: float, b: float, right: float) -> None:
    x, y = TensorNode(np.array(a, np.float32), needs_grad=False), TensorNode(np.array(b, np.float32))
    (x / y).backward(np.float32(dout))
    np.testing.assert_allclose(y.grad, right, rtol=1e-5)
    assert y.grad.dtype == np.float32


def test_the_gradient_of_a_power_stays_in_range() -> None:
    x = TensorNode(np.array([1e-30], np.float32))
    (x**-1.0).backward(np.array([1e-30], np.float32))
    np.testing.assert_allclose(x.grad, -1e30, rtol=1e-5)


@KINDS
def test_means_and_quotients_of_rows_at_the_end_of_the_range(dtype: type) -> None:
    big = np.finfo(dtype).max / 1.5
    x = TensorNode(np.full((2, 4), big, dtype))
    mean = x.mean()
    np.testing.assert_allclose(mean.value, big, rtol=1e-6)
    out = autodiff.Normalize.do_forward(x)
    np.testing.assert_allclose(out.value, 0.25, rtol=1e-6)
    out.backward(np.ones((2, 4), dtype))
    np.testing.assert_allclose(x.grad, 0)


def test_a_probability_of_zero_beside_the_class_does_not_count() -> None:
    p = TensorNode([[1.0, 0.0], [0.5, 0.5]])
    loss = celoss(p, np.array([0, 1]))
    loss.backward()
    np.testing.assert_allclose(loss.value, np.log(2))
    np.testing.assert_array_equal(p.grad, [[-1, 0], [0, -2]])


def test_branches_that_are_not_chosen_do_not_count() -> None:
    a, b = TensorNode([1.0, np.inf]), TensorNode([np.nan, 2.0])
    out = where(np.array([True, False]), a, b)
    out.backward(np.array([np.inf, np.inf]))
    np.testing.assert_array_equal(a.grad, [np.inf, 0])
    np.testing.assert_array_equal(b.grad, [0, np.inf])
    x = TensorNode([-1.0, np.inf])
    x.relu().backward(np.array([np.inf, 1.0]))
    np.testing.assert_array_equal(x.grad, [0, 1])


AXES: list[Any] = [None, 0, -1, (0, 2), [0, 2], (2, 0), (-1, 1), [1], (0, 1, 2), np.int64(1), ()]


@pytest.mark.parametrize(("axis", "keepdims"), list(itertools.product(AXES, [False, True])), ids=str)
@pytest.mark.parametrize("method", ["sum", "mean", "max"])
def test_reductions_take_one_axis_or_several(method: str, axis: Any, keepdims: bool) -> None:
    value = np.random.default_rng(0).normal(size=(2, 3, 4))
    x = TensorNode(value)
    out = getattr(x, method)(axis=axis, keepdims=keepdims)
    axes = tuple(axis) if isinstance(axis, list) else axis
    np.testing.assert_allclose(out.value, getattr(value, method)(axis=axes, keepdims=keepdims))
    dout = np.random.default_rng(1).normal(size=out.shape)
    out.backward(dout)
    step = 1e-7
    for place in np.ndindex(value.shape):
        moved = value.copy()
        moved[place] += step
        change = getattr(moved, method)(axis=axes, keepdims=keepdims) - out.value
        np.testing.assert_allclose(x.grad[place], (dout * change).sum() / step, atol=1e-5)


@pytest.mark.parametrize("axis", [3, (0, 0), (0, 3), "a", 1.5, [None]])
@pytest.mark.parametrize("method", ["sum", "mean", "max"])
def test_axes_that_are_not_there_are_refused(method: str, axis: Any) -> None:
    with pytest.raises(MlpNumpyError):
        getattr(TensorNode(np.ones((2, 3, 4))), method)(axis=axis)


def test_the_first_nan_is_the_maximum() -> None:
    x = TensorNode([[1.0, np.nan, np.nan], [-np.inf, -np.inf, -np.inf]])
    x.max(axis=1).backward(np.array([2.0, 3.0]))
    np.testing.assert_array_equal(x.grad, [[0, 2, 0], [3, 0, 0]])


JUNK: list[Any] = [None, "a", object(), [[1], [1, 2]], np.array(["a"]), np.ma.masked_equal([1.0, 2.0], 2.0)]


@pytest.mark.parametrize("value", JUNK, ids=lambda value: type(value).__name__)
def test_what_is_no_array_of_numbers_is_refused(value: Any) -> None:
    x = TensorNode(np.ones(2))
    x.sum().backward()
    for attempt in (
        lambda: TensorNode(value),
        lambda: setattr(x, "value", value),
        lambda: setattr(x, "grad", value),
        lambda: (x * 1).backward(value if value is not None else object()),
        lambda: x + value,
        lambda: x.reshape(value),
        lambda: x.transpose(value, 0, 0),
        lambda: x.squeeze(value),
        lambda: x.unsqueeze(value),
        lambda: x.unsqueeze(True),
        lambda: x.size(value if value is not None else "b"),
        lambda: autodiff.Expand.do_forward(x, dim=value, repeats=2),
        lambda: autodiff.Select.do_forward(x, indices=value),
        lambda: concatenate([x, x], axis=value if value is not None else "b"),
        lambda: autodiff.Add.do_forward(value, value),
    ):
        with pytest.raises(MlpNumpyError):
            attempt()


def test_other_misuse_is_refused_by_name() -> None:
    x = TensorNode(np.ones((2, 3)))
    with pytest.raises(OutOfRangeError, match="dim must be a dimension of"):
        x.size(2)
    with pytest.raises(ShapeError, match="must hold one number"):
        x.item()
    with pytest.raises(DTypeError, match="a node is not an array"):
        np.asarray(x)
    with pytest.raises(DTypeError, match="numbers that float64 can hold"):
        (x * 1).backward(np.ones((2, 3), complex))
    assert x.reshape(np.int64(6)).shape == (6,)
    assert TensorNode(np.ones(2, np.float16)).dtype == np.float32


WINDOWS = Windows((3, 3), (1, 1), (0, 0))


@pytest.mark.parametrize(
    ("op", "shapes", "constants"),
    [
        (modules.Linear, [(2, 3), (4, 5), (4,)], {}),
        (modules.Linear, [(3,), (4, 3), (4,)], {}),
        (modules.Linear, [(2, 0, 3), (4, 3), (4,)], {}),
        (modules.Linear, [(2, 3), (4, 5)], {}),
        (modules.Linear, [(2, 3), (4, 3), (1,)], {}),
        (modules.Conv2d, [(2, 3, 8, 8), (4, 2, 3, 3), (4,)], {"over": WINDOWS}),
        (modules.Conv2d, [(2, 3, 8, 8), (4, 3, 5, 5), (4,)], {"over": WINDOWS}),
        (modules.Conv2d, [(2, 3, 8, 8), (4, 3, 3, 3), (1,)], {"over": WINDOWS}),
        (modules.Conv2d, [(2, 3, 2, 2), (4, 3, 3, 3), (4,)], {"over": WINDOWS}),
        (modules.Conv2d, [(2, 27), (4, 3, 3, 3), (4,)], {"over": WINDOWS}),
        (modules.GroupedConv2d, [(2, 4, 8, 8), (4, 4, 3, 3), (4,)], {"over": WINDOWS, "groups": 2}),
        (modules.GroupedConv2d, [(2, 4, 8, 8), (3, 2, 3, 3), (3,)], {"over": WINDOWS, "groups": 2}),
        (modules.GroupedConv2d, [(2, 4, 8, 8), (4, 2, 3, 3), (3,)], {"over": WINDOWS, "groups": 2}),
        (modules.DepthwiseConv2d, [(2, 4, 8, 8), (4, 2, 3, 3)], {"over": WINDOWS}),
        (modules.DepthwiseConv2d, [(2, 4, 8, 8), (6, 1, 3, 3)], {"over": WINDOWS}),
        (modules.MaxPool2d, [(2, 3, 2)], {"over": WINDOWS}),
        (modules.MaxPool2d, [(2, 3, 1, 4)], {"over": Windows((2, 1), (1, 1), (1, 0), (2, 1))}),
        (modules.AdaptiveAvgPool2d, [(2, 3, 2)], {"size": (1, 1)}),
        (modules.AvgPool2d, [(2, 3, 2, 2)], {"over": WINDOWS}),
        (modules.SoftMax, [(3,)], {}),
        (modules.LogSoftMax, [(3,)], {}),
        (modules.BatchNormalize, [(2, 3), (1,), (3,)], {"eps": 1e-5}),
        (modules.LayerNormalize, [(2, 3), (3,), (1,)], {"eps": 1e-5}),
        (modules.LayerNormalize, [(2, 0)], {"eps": 1e-5}),
        (modules.GroupNormalize, [(2, 3), (3,), (3,)], {"groups": 2, "eps": 1e-5}),
        (modules.GroupNormalize, [(2, 4), (4,)], {"groups": 2, "eps": 1e-5}),
        (modules.RMSNormalize, [(2, 3), (2,)], {"eps": 1e-5}),
        (modules.PReLU, [(2, 3), (2,)], {}),
        (modules.PReLU, [(5, 1), (3,)], {}),
    ],
)
def test_fused_formulas_refuse_what_does_not_fit(op: Any, shapes: list[tuple[int, ...]], constants: Any) -> None:
    nodes = [TensorNode(np.ones(shape)) for shape in shapes]
    with pytest.raises(ShapeError, match=rf"^{op.__name__}.do_forward: "):
        op.do_forward(*nodes, **constants)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_of_networks_train_on(twin: Any) -> None:
    class Net(autodiff.Module):
        def __init__(self) -> None:
            self.layers = [autodiff.Linear(3, 4, rng=0), autodiff.Linear(4, 1, rng=1)]

        def forward(self, x: TensorNode) -> TensorNode:
            return self.layers[1](self.layers[0](x).sigmoid())

    globals()["Net"] = Net
    Net.__qualname__ = "Net"
    net = Net()
    optimizer = SGD(FlatParameters(net), lr=0.1, momentum=0.9)
    x = TensorNode(np.random.default_rng(0).normal(size=(5, 3)), needs_grad=False)

    def step(net: Net, optimizer: SGD) -> None:
        net.zero_grad()
        (net(x) ** 2).sum().backward()
        optimizer.step()

    step(net, optimizer)
    other_optimizer, other = twin((optimizer, net))
    for _ in range(2):
        step(net, optimizer)
        step(other, other_optimizer)
    for mine, theirs in zip(net.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(mine.value, theirs.value)
        assert not np.shares_memory(mine.value, theirs.value)
        assert np.shares_memory(theirs.value, other_optimizer.parameters.values)
        assert mine.value.strides == theirs.value.strides


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copied_node_has_no_history(twin: Any) -> None:
    node = TensorNode(np.ones(2))
    for _ in range(20_000):
        node = node + 1
    found = twin(node)
    assert found.source is None
    assert found.is_leaf
    np.testing.assert_array_equal(found.value, node.value)


@pytest.mark.parametrize("wanted", [(True, False), (False, True), (True, True)])
def test_a_gradient_is_computed_for_those_inputs_that_want_one(wanted: tuple[bool, bool]) -> None:
    x, slope = np.array([[1.0, -2.0]]), np.array([0.5])
    inputs = [TensorNode(array) if want else array for array, want in zip((x, slope), wanted, strict=True)]
    modules.PReLU.do_forward(*inputs).backward(np.array([[3.0, 5.0]]))
    expected = [[[3.0, 2.5]], [-10.0]]
    for node, want, gradient in zip(inputs, wanted, expected, strict=True):
        if want:
            np.testing.assert_array_equal(node.grad, gradient)


@pytest.mark.parametrize(
    ("matrix", "vectors"), [((2, 3), (4, 3, 5)), ((2, 3, 1), (4, 3)), ((2, 3), (4, 2)), ((3,), (4, 3))]
)
def test_a_batch_product_takes_a_matrix_and_rows(matrix: tuple[int, ...], vectors: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"BatchMM.do_forward: shapes must be \(K, D\) and \(N, D\)"):
        autodiff.BatchMM.do_forward(TensorNode(np.ones(matrix)), TensorNode(np.ones(vectors)))


@pytest.mark.parametrize("dim", [-3, 2])
def test_expand_has_no_dimension_beyond_the_last(dim: int) -> None:
    with pytest.raises((ShapeError, OptionError), match="Expand.do_forward: dim"):
        autodiff.Expand.do_forward(TensorNode(np.ones((1, 1))), dim=dim, repeats=2)


def test_a_parameter_that_is_held_twice_and_a_circle_of_holders_are_found_once() -> None:
    class Net(autodiff.Module):
        def forward(self, x: Any) -> Any:
            return x

    net, weight = Net(), TensorNode(np.ones(2))
    net.parts = [weight, {"again": weight}]
    net.parts.append(net.parts)
    net.itself = net
    assert [name for name, _ in net.named_parameters()] == ["parts.0"]
