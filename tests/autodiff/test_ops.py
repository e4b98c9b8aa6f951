"""Every elementary formula, checked by numbers: they are what all other formulas are checked against."""

from __future__ import annotations

import numpy as np
import pytest
from op_table import ROWS, Row

from mlp_numpy import autodiff
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op, TensorNode, ops

EVERY_ROW = pytest.mark.parametrize("row", ROWS, ids=str)


def value(row: Row, arrays: list[Array], g: Array) -> complex:
    return complex((row.op.forward(Context(), *arrays, **row.constants) * g).sum())


def numeric(row: Row, g: Array, method: str) -> list[Array]:
    """∂(Σ g ⊙ out) for every number of every input, by moving it alone."""
    found = []
    for position, array in enumerate(row.sample()):
        gradient = np.zeros(array.shape)
        for entry in np.ndindex(*array.shape):
            if method == "complex":
                arrays = [other.astype(complex) for other in row.sample()]
                arrays[position][entry] += 1e-30j
                gradient[entry] = value(row, arrays, g).imag / 1e-30
            else:
                above, below = row.sample(), row.sample()
                above[position][entry] += 1e-6
                below[position][entry] -= 1e-6
                gradient[entry] = (value(row, above, g) - value(row, below, g)).real / 2e-6
        found.append(gradient)
    return found


def weights(row: Row) -> Array:
    out = row.op.forward(Context(), *row.sample(), **row.constants)
    return np.asarray(np.random.default_rng(8).normal(size=np.shape(out)))


@EVERY_ROW
def test_the_forward_is_what_numpy_says(row: Row) -> None:
    out = row.op.forward(Context(), *row.sample(), **row.constants)
    np.testing.assert_allclose(out, row.expected(*row.sample(), **row.constants), rtol=1e-14)


@EVERY_ROW
def test_the_backward_is_the_derivative(row: Row) -> None:
    context, g = Context(), weights(row)
    row.op.forward(context, *row.sample(), **row.constants)
    found = row.op.backward(context, g)
    found = found if isinstance(found, tuple) else (found,)
    for method, tolerance in (("complex", 1e-13), ("central", 1e-7)):
        for array, gradient, right in zip(row.sample(), found, numeric(row, g, method), strict=True):
            assert np.shape(gradient) == array.shape
            np.testing.assert_allclose(gradient, right, rtol=tolerance, atol=tolerance, err_msg=method)


@EVERY_ROW
def test_on_nodes_it_gives_the_same_gradients(row: Row) -> None:
    nodes, g = [TensorNode(array) for array in row.sample()], weights(row)
    row.op.do_forward(*nodes, **row.constants).backward(g)
    for node, right in zip(nodes, numeric(row, g, "complex"), strict=True):
        np.testing.assert_allclose(node.grad, right, rtol=1e-13, atol=1e-13)


@EVERY_ROW
def test_each_input_alone_may_be_a_constant(row: Row) -> None:
    g, right = weights(row), numeric(row, weights(row), "complex")
    for needed in range(len(row.shapes)):
        nodes = [TensorNode(array, needs_grad=i == needed) for i, array in enumerate(row.sample())]
        row.op.do_forward(*nodes, **row.constants).backward(g)
        np.testing.assert_allclose(nodes[needed].grad, right[needed], rtol=1e-13, atol=1e-13)


@EVERY_ROW
def test_float32_stays_float32_and_inputs_stay_as_they_are(row: Row) -> None:
    arrays = [array.astype(np.float32) for array in row.sample()]
    context, g = Context(), weights(row).astype(np.float32)
    out = row.op.forward(context, *arrays, **row.constants)
    assert np.asarray(out).dtype == np.float32
    found = row.op.backward(context, g)
    for gradient in found if isinstance(found, tuple) else (found,):
        assert np.asarray(gradient).dtype == np.float32
    for array, before in zip(arrays, row.sample(), strict=True):
        np.testing.assert_array_equal(array, before.astype(np.float32))
    np.testing.assert_array_equal(g, weights(row).astype(np.float32))


@EVERY_ROW
def test_backward_twice_gives_the_same(row: Row) -> None:
    nodes, g = [TensorNode(array) for array in row.sample()], weights(row)
    out = row.op.do_forward(*nodes, **row.constants)
    out.backward(g)
    first = [node.grad.copy() for node in nodes]
    out.backward(g)
    for node, once in zip(nodes, first, strict=True):
        np.testing.assert_array_equal(node.grad, 2 * once)


def test_the_table_has_every_elementary_formula() -> None:
    formulas = {op for op in vars(ops).values() if isinstance(op, type) and issubclass(op, Op)}
    assert formulas == {row.op for row in ROWS}
    assert all(getattr(autodiff, op.__name__) is op for op in formulas)
    parts = ["Forward", "Backward", "Shapes", "Caches", "Kinks", "Reference"]
    for op in formulas:
        first_words = [line.split()[0] for line in (op.__doc__ or "").splitlines() if line.strip()]
        assert [word for word in first_words if word in parts] == parts, op


@pytest.mark.parametrize("op", [ops.Max, ops.RowMax])
def test_the_first_of_equal_maxima_has_the_gradient(op: type[Op]) -> None:
    x = TensorNode([[1.0, 5.0, 5.0], [2.0, 2.0, 2.0]])
    op.do_forward(x, **({"axis": 1} if op is ops.Max else {})).backward([10.0, 20.0])
    np.testing.assert_array_equal(x.grad, [[0, 10, 0], [20, 0, 0]])


def test_power_at_its_kinks() -> None:
    a, b = TensorNode([0.0, 0.0, -2.0, -2.0]), TensorNode([0.0, 2.0, 2.0, 3.0], needs_grad=False)
    (a**b).backward(np.ones(4))
    np.testing.assert_array_equal(a.grad, [0, 0, -4, 12])
    base, exponent = TensorNode([0.0], needs_grad=False), TensorNode([2.0])
    (base**exponent).backward(np.ones(1))
    np.testing.assert_array_equal(exponent.grad, [0])


def test_sigmoid_does_not_overflow_and_keeps_small_probabilities() -> None:
    x = TensorNode([-1000.0, -40.0, 0.0, 40.0, 1000.0])
    out = x.sigmoid()
    np.testing.assert_allclose(out.value, [0, np.exp(-40.0), 0.5, 1, 1], rtol=1e-15)
    out.backward(np.ones(5))
    np.testing.assert_allclose(x.grad, [0, np.exp(-40.0), 0.25, 0, 0], rtol=1e-15, atol=1e-17)
