"""What nodes promise: arithmetic, accumulation, constants, errors; and a test for each fault of the teaching engine."""

from __future__ import annotations

import copy
import gc
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Add, Context, Id, Linear, Op, OpNode, Select, TensorNode, no_grad
from mlp_numpy.errors import DTypeError, GraphError, MlpNumpyError, OutOfRangeError, ShapeError
from mlp_numpy.modules import Linear as LinearFormula

A, B = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


def test_a_graph_can_be_asked_where_it_came_from() -> None:
    a, b = TensorNode(A, name="a"), TensorNode(B)
    c = a + b
    np.testing.assert_array_equal(c.value, A + B)
    assert isinstance(c.source, OpNode)
    assert c.source.op is Add
    assert c.source.inputs == (a, b)
    assert c.source.outputs == [c]
    assert a.source is None
    assert a.name == "a"
    np.testing.assert_array_equal(a.grad, np.zeros((2, 2)))
    assert c.size() == (2, 2)
    assert c.size(0) == 2
    assert repr(a) == "TensorNode('a', (2, 2) float64)"
    assert repr(c) == "TensorNode((2, 2) float64, from Add)"


@pytest.mark.parametrize("function", BINARY)
@pytest.mark.parametrize("other", [3, 2.5, np.float64(2.5), np.array([1.0, 2.0]), np.array([[1, 2], [3, 4]])], ids=repr)
def test_numbers_and_arrays_on_both_sides_are_constants(function: Callable[..., Any], other: Any) -> None:
    for left in (False, True):
        x, constant = TensorNode(A), TensorNode(other, needs_grad=False)
        out = function(other, x) if left else function(x, other)
        assert isinstance(out, TensorNode)
        np.testing.assert_array_equal(out.value, function(other, A) if left else function(A, other))
        out.backward(B)
        same = TensorNode(A)
        (function(constant, same) if left else function(same, constant)).backward(B)
        np.testing.assert_array_equal(x.grad, same.grad)


def test_numbers_take_the_type_of_the_node_beside_them() -> None:
    x = TensorNode(A.astype(np.float32))
    assert (2 - x / 3.0).dtype == np.float32
    assert (x * 1j).dtype == np.complex64
    assert (TensorNode(np.array([1, 2]), needs_grad=False) * 2.5).value.tolist() == [2.5, 5.0]


def test_matrix_products_with_arrays_on_both_sides() -> None:
    x = TensorNode(A)
    np.testing.assert_array_equal((B @ x).value, B @ A)
    np.testing.assert_array_equal((x @ B).value, A @ B)
    np.testing.assert_array_equal(x.matmul(TensorNode(B)).value, A @ B)


def test_methods_are_numpys() -> None:
    x = TensorNode(np.abs(A))
    for name in ("sum", "mean", "max"):
        np.testing.assert_array_equal(getattr(x, name)(axis=0).value, getattr(A, name)(axis=0))
    for name in ("exp", "log", "sqrt", "tanh"):
        np.testing.assert_array_equal(getattr(x, name)().value, getattr(np, name)(A))
    assert x.reshape(4, 1).shape == x.reshape((4, 1)).shape == (4, 1)
    assert x.transpose().shape == x.T.shape == x.transpose(1, 0).shape == (2, 2)
    assert x.unsqueeze(0).squeeze(0).ndim == 2
    assert x[0, 1].item() == 2.0
    assert [row.value.tolist() for row in x] == A.tolist()
    assert (-x).relu().value.sum() == 0
    assert x.sum().item() == 10.0
    np.testing.assert_allclose(x.sigmoid().value, 1 / (1 + np.exp(-A)))


# ------------------------------------------------------------------------------------------------ the faults not copied


def test_an_unused_consumer_changes_nothing() -> None:
    x = TensorNode(A)
    y = x * x
    unused = y + 1.0  # in the teaching engine x.grad stayed 0 from here on
    (y * 3.0).sum().backward()
    np.testing.assert_array_equal(x.grad, 6 * A)
    assert not unused.grad.any()


def test_a_batch_of_one_can_be_selected_from() -> None:
    x = TensorNode([[1.0, 2.0, 3.0]])
    out = Select.do_forward(x, indices=np.array([2]))
    assert out.shape == (1,)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, [[0, 0, 1]])


def test_broadcasting_sums_over_the_places_a_number_went_to() -> None:
    x = TensorNode(np.array([1.0, 2.0, 3.0]).reshape(3, 1))
    (x + np.zeros((3, 16))).sum().backward()
    np.testing.assert_array_equal(x.grad, [[16], [16], [16]])


def test_diamonds_cost_no_more_than_their_size() -> None:
    x = TensorNode(1.0)
    y = x
    for _ in range(200):  # 2²⁰⁰ ways from top to bottom
        y = Id.do_forward(y) * 0.5 + Id.do_forward(y) * 0.5
    y.backward()
    assert x.grad == 1.0
    y.zero_grad()
    assert x.grad == 0.0
    y.clear()


def test_a_node_is_visited_after_all_its_users() -> None:
    a = TensorNode([1.0])
    b = Id.do_forward(a)
    d = Id.do_forward(b) + Id.do_forward(b)
    e = Id.do_forward(d)
    f = e + a
    h = Id.do_forward(f) + Id.do_forward(f)
    h.backward()
    assert [node.grad.item() for node in (f, e, d, b, a)] == [2, 2, 2, 4, 6]


# --------------------------------------------------------------------------------------------------------- accumulation


def test_gradients_accumulate_until_zero_grad() -> None:
    x = TensorNode(A)
    for _ in range(3):
        loss = (x * x).sum()
        loss.backward()
    np.testing.assert_array_equal(x.grad, 6 * A)
    held = x.grad
    loss.zero_grad()
    np.testing.assert_array_equal(held, np.zeros((2, 2)))
    loss.backward()
    assert x.grad is held
    np.testing.assert_array_equal(held, 2 * A)


def test_a_second_backward_starts_afresh_above_the_leaves() -> None:
    x = TensorNode(2.0)
    y = x * x
    z = y * 3.0
    z.backward()
    z.backward()
    assert x.grad == 2 * 12.0
    assert y.grad == 2 * 3.0


def test_what_was_written_into_a_gradient_is_added_to() -> None:
    x = TensorNode(A)
    x.grad += 100.0
    x.sum().backward()
    np.testing.assert_array_equal(x.grad, np.full((2, 2), 101.0))
    x.grad = B
    x.sum().backward()
    np.testing.assert_array_equal(x.grad, B + 1)
    with pytest.raises(ShapeError, match=r"grad: must be \(2, 2\)"):
        x.grad = np.ones(3)


def test_no_two_nodes_share_a_gradient_that_can_be_written_to() -> None:
    a, b = TensorNode(A), TensorNode(B)
    c, d = a * 1.0, b * 1.0
    e = c + d
    e.sum().backward()
    c.grad[...] = 7.0
    a.grad[...] = 8.0
    for node in (b, d, e):
        np.testing.assert_array_equal(node.grad, np.ones((2, 2)))


def test_a_leaf_that_is_two_inputs_gets_both_gradients() -> None:
    x = TensorNode(A)
    (x @ x).backward(B)
    np.testing.assert_array_equal(x.grad, B @ A.T + A.T @ B)
    y = TensorNode(A)
    ((y @ B) + (B @ y)).backward(np.ones((2, 2)))
    np.testing.assert_array_equal(y.grad, np.ones((2, 2)) @ B.T + B.T @ np.ones((2, 2)))


def test_gradients_have_the_type_and_order_of_their_value() -> None:
    x = TensorNode(np.asfortranarray(A, dtype=np.float32))
    (x * np.float64(2.0)).sum().backward()
    assert x.grad.dtype == np.float32
    assert x.grad.flags.f_contiguous


def test_gradients_afresh_overwrite_and_reach_what_is_not_there() -> None:
    x, other, kept = TensorNode(A), TensorNode(B), TensorNode(2.0)
    for node in (x, other, kept):
        node.grad += 9.0
    held = x.grad
    y = x * kept
    y.backward(np.ones((2, 2)), afresh=[x, other])
    assert x.grad is held
    np.testing.assert_array_equal(x.grad, np.full((2, 2), 2.0))
    np.testing.assert_array_equal(other.grad, np.zeros((2, 2)))
    assert kept.grad == 9.0 + A.sum()
    with pytest.raises(GraphError, match="afresh must list leaves"):
        y.backward(np.ones((2, 2)), afresh=[y])


def test_inner_gradients_may_be_left_out() -> None:
    x = TensorNode(A)
    y = x * 2.0
    y.sum().backward(inner=False)
    np.testing.assert_array_equal(x.grad, np.full((2, 2), 2.0))
    assert not y.grad.any()


def test_a_given_gradient_is_not_kept() -> None:
    x = TensorNode(A)
    y = x * 2.0
    g = np.ones((2, 2))
    y.backward(g)
    g[...] = 9.0
    np.testing.assert_array_equal(y.grad, np.ones((2, 2)))


# ------------------------------------------------------------------------------------------------------------ constants


def test_constants_have_no_gradient_and_cost_no_work() -> None:
    seen: list[Context] = []

    class Spy(Op):
        @staticmethod
        def forward(context: Context, a: Array, b: Array) -> Array:
            seen.append(context)
            return a * b

        @staticmethod
        def backward(context: Context, dout: Array) -> tuple[Array | None, Array | None]:
            return (dout if context.wants(0) else None), (dout if context.wants(1) else None)

    data, w = TensorNode(A, needs_grad=False), TensorNode(B)
    Spy.do_forward(data, w).sum().backward()
    assert seen[0].needs == (False, True)
    with pytest.raises(GraphError, match="it is a constant"):
        _ = data.grad
    assert (data * 2.0).source is None


def test_no_grad_records_nothing_and_ends() -> None:
    x = TensorNode(A)
    with no_grad():
        y = x * x
    assert y.source is None
    assert not y.needs_grad
    with pytest.raises(GraphError, match="under no_grad"):
        y.sum().backward()
    assert (x * x).source is not None


def test_no_grad_ends_with_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert (TensorNode(A) * 2.0).source is not None


def test_detach_cuts_the_history_and_shares_the_value() -> None:
    x = TensorNode(A)
    y = x * x
    cut = y.detach()
    assert cut.value is y.value
    (cut * x).sum().backward()
    np.testing.assert_array_equal(x.grad, A * A)


def test_whole_numbers_become_floating_where_a_gradient_is_needed() -> None:
    assert TensorNode([1, 2]).dtype == np.float64
    assert TensorNode(np.array([1, 2], np.uint8), needs_grad=False).dtype == np.uint8


# ---------------------------------------------------------------------------------------------------- values and copies


def test_parameters_can_be_updated_in_place() -> None:
    x = TensorNode(A.copy())
    held = x.value
    x.value -= 1.0
    assert x.value is held
    x.value = B
    assert x.value is B


def test_a_moved_node_stays_in_its_place() -> None:
    x = TensorNode(np.asfortranarray(A))
    x.grad[...] = 5.0
    values, grads = np.empty(4), np.empty(4)
    x.move(values, grads)
    np.testing.assert_array_equal(values, [1, 3, 2, 4])
    np.testing.assert_array_equal(grads, np.full(4, 5.0))
    x.value = B
    np.testing.assert_array_equal(values, [5, 7, 6, 8])
    x.zero_grad()
    (x @ x).sum().backward()
    np.testing.assert_array_equal(grads, x.grad.ravel(order="F"))
    with pytest.raises(ShapeError, match="must be"):
        x.value = np.ones(3)
    with pytest.raises(GraphError, match="move parameters"):
        (x * 2.0).move(values, grads)


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((2, 2)), np.ma.zeros(4), [0.0] * 4])
def test_a_node_moves_into_vectors_of_its_length_alone(wrong: Any) -> None:
    node, vector = TensorNode(A.copy()), np.zeros(4)
    for values, grads in ((wrong, vector), (vector, wrong)):
        with pytest.raises(ShapeError, match="move: vectors must have 4 numbers, got"):
            node.move(values, grads)
    np.testing.assert_array_equal(vector, 0)


def test_a_copy_has_arrays_of_its_own_and_no_history() -> None:
    layer = Linear(3, 2, rng=0)
    loss = (layer(TensorNode(np.ones((1, 3)))) ** 2).sum()
    loss.backward()
    twin = copy.deepcopy(layer)
    assert twin.w.value.flags.f_contiguous
    np.testing.assert_array_equal(twin.w.grad, layer.w.grad)
    assert not np.shares_memory(twin.w.value, layer.w.value)
    assert not np.shares_memory(twin.w.grad, layer.w.grad)
    assert copy.deepcopy(loss).source is None


# --------------------------------------------------------------------------------------------------------------- errors


def test_backward_from_many_numbers_needs_their_gradient() -> None:
    y = TensorNode(A) * 2.0
    with pytest.raises(ShapeError, match=r"a node of shape \(2, 2\) must be given its gradient, got none. Hint"):
        y.backward()
    with pytest.raises(ShapeError, match=r"grad must be \(2, 2\), as the value is, got \(3,\)"):
        y.backward(np.ones(3))


def test_a_cleared_graph_says_so() -> None:
    x = TensorNode(A)
    y = x * x
    loss = y.sum()
    other = (y * 2.0).sum()
    held = y.source
    loss.clear()
    assert loss.source is None
    assert y.source is None
    assert held.inputs == ()
    assert not held.context
    with pytest.raises(GraphError, match="was cleared"):
        loss.backward()
    with pytest.raises(GraphError, match="was cleared"):
        other.backward()
    assert not x.grad.any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: x + np.ones(3), r"Add.do_forward: its inputs must fit the formula, got \(2, 2\) and \(3,\): "),
        (lambda x: x @ np.ones((3, 2)), r"MatrixMultiply.do_forward: shapes must be .* got \(2, 2\) and \(3, 2\)"),
        (lambda x: x @ np.ones(2), r"Hint: a vector is a matrix"),
        (lambda x: x.reshape(3), r"Reshape.do_forward: .* got \(2, 2\)"),
        (lambda x: x.squeeze(0), r"Squeeze.do_forward"),
        (lambda x: Select.do_forward(x, indices=np.array([0])), r"Select.do_forward: x must be \(N, C\)"),
        (lambda x: Linear(3, 2)(x), r"Linear\(3 → 2\).forward: x must be \(N, 3\), got \(2, 2\). Hint"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(make: Callable[[TensorNode], Any], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        make(TensorNode(A))


def test_places_that_do_not_exist_are_refused_by_name() -> None:
    x = TensorNode(A)
    with pytest.raises(OutOfRangeError, match=r"Index.do_forward: .* got \(2, 2\): index 5 is out of bounds"):
        x[5]
    with pytest.raises(OutOfRangeError, match="Select.do_forward: .* index 7 is out of bounds"):
        Select.do_forward(x, indices=np.array([0, 7]))


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(DTypeError, match="must hold numbers"):
        TensorNode(["a"])
    with pytest.raises(TypeError, match="at least one input must be a TensorNode"):
        Add.do_forward(A, B)
    with pytest.raises(TypeError, match="Hint: node.value"):
        np.asarray(TensorNode(A))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda dout: (dout, dout), "must return 1 gradients, one an input, got 2"),
        (lambda dout: None, "must be an array"),
        (lambda dout: dout[0], r"the gradient of input 0 must be \(2, 2\), as the input is, got \(2,\)"),
    ],
)
def test_a_wrong_backward_is_named(returned: Callable[[Array], Any], message: str) -> None:
    class Wrong(Op):
        @staticmethod
        def forward(context: Context, x: Array) -> Array:
            return x * 2

        @staticmethod
        def backward(context: Context, dout: Array) -> Any:
            return returned(dout)

    x = TensorNode(A)
    with pytest.raises(MlpNumpyError, match=f"Wrong.backward: .*{message}"):
        Wrong.do_forward(x).sum().backward()
    np.testing.assert_array_equal(x.grad, np.zeros((2, 2)))


def test_a_failed_backward_leaves_zeros_not_leftovers() -> None:
    class Failing(Op):
        @staticmethod
        def forward(context: Context, x: Array) -> Array:
            return x * 2

        @staticmethod
        def backward(context: Context, dout: Array) -> Array:
            target = context.target(0)
            if target is not None:
                target.fill(99.0)
            raise ArithmeticError("no derivative today")

    x = TensorNode(A)
    with pytest.raises(ArithmeticError, match="today"):
        Failing.do_forward(x).sum().backward()
    np.testing.assert_array_equal(x.grad, np.zeros((2, 2)))


def test_a_formula_may_have_several_outputs() -> None:
    class Halves(Op):
        @staticmethod
        def forward(context: Context, x: Array) -> tuple[Array, Array]:
            return x[: len(x) // 2], x[len(x) // 2 :]

        @staticmethod
        def backward(context: Context, dtop: Array, dbottom: Array) -> Array:
            return np.concatenate([dtop, dbottom])

    x = TensorNode(A)
    top, bottom = Halves.do_forward(x)
    (top.sum() + 3.0 * bottom.sum()).backward()
    np.testing.assert_array_equal(x.grad, [[1, 1], [3, 3]])
    x.zero_grad()
    del bottom
    gc.collect()
    top.sum().backward()
    np.testing.assert_array_equal(x.grad, [[1, 1], [0, 0]])


def test_a_fused_formula_writes_into_the_gradient_that_is_there() -> None:
    x, w, b = TensorNode(A, needs_grad=False), TensorNode(np.asfortranarray(B)), TensorNode(np.zeros(2))
    w.grad.fill(0)
    w.zero_grad()
    held = w.grad
    w.zero_grad()
    LinearFormula.do_forward(x, w, b).sum().backward()
    assert w.grad is held
    np.testing.assert_array_equal(held, np.ones((2, 2)).T @ A)


def test_a_value_of_another_shape_begins_with_a_gradient_of_zeros_and_one_of_the_same_keeps_it() -> None:
    node = TensorNode(np.array([1.0, 2.0]))
    (node * 3).sum().backward()
    node.value = np.array([5.0, 6.0])
    np.testing.assert_array_equal(node.grad, [3, 3])
    node.value = np.zeros((2, 2))
    np.testing.assert_array_equal(node.grad, np.zeros((2, 2)))
    (node * 3).sum().backward()
    np.testing.assert_array_equal(node.grad, np.full((2, 2), 3))
