"""Random graphs of formulas, their gradients held against the complex step of the same graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp_numpy.autodiff import TensorNode, concatenate, no_grad, where
from mlp_numpy.autodiff.ops import Expand, Normalize, RowMax, RowSum, Select

SHAPES = [(), (1,), (3,), (2, 3), (2, 1), (1, 3), (1, 1)]
Node = TensorNode

# Each keeps numbers within a few units, so that no graph of twenty runs away to where nothing can be compared.
UNARY: list[Callable[[Node], Node]] = [
    lambda a: a.tanh(),
    lambda a: a.sigmoid() * 2.0 - 1.0,
    lambda a: (a * a + 1.0).log(),
    lambda a: (1 + a**2).sqrt(),
    lambda a: (-a * a).exp(),
    lambda a: a.relu(),
    lambda a: 2 - a / 3,
    lambda a: 1.5 / (2.0 + a.tanh()),
    lambda a: (a.tanh() + 1.5) ** 0.7,
    lambda a: a.sum() * 0.2,
    lambda a: a.mean(keepdims=True),
    lambda a: a.max(),
    lambda a: a.T,
    lambda a: a.reshape(-1),
    lambda a: where(a.value.real > 0, a, a * 0.1),
]
MATRIX: list[Callable[[Node], Node]] = [
    lambda a: a @ a.T * 0.2,
    lambda a: RowSum.do_forward(a) * 0.5,
    lambda a: RowMax.do_forward(a),
    lambda a: Normalize.do_forward(a.tanh() + 2.0),
    lambda a: Select.do_forward(a, indices=np.zeros(len(a.value), int)),
    lambda a: Expand.do_forward(a.mean(axis=0, keepdims=True), dim=0, repeats=2),
    lambda a: concatenate([a, a * 2.0], axis=1).tanh(),
    lambda a: a[:, ::-1],
    lambda a: a[[0, 0]],
    lambda a: a.unsqueeze(1).squeeze(1),
]
BINARY: list[Callable[[Node, Node], Node]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: (a * b).tanh(),
    lambda a, b: a / (b.tanh() + 2.0),
    lambda a, b: (a.tanh() + 2.0) ** b.tanh(),
]


@st.composite
def programs(draw: st.DrawFn) -> tuple[list[tuple[int, ...]], list[tuple[int, int, int]], int]:
    """Shapes of the leaves, steps (which function, which nodes), and the seed of the leaves' values."""
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4))
    number = st.integers(0, 1000)
    steps = draw(st.lists(st.tuples(number, number, number), min_size=1, max_size=20))
    return shapes, steps, draw(st.integers(0, 2**32 - 1))


def run(leaves: list[Node], steps: list[tuple[int, int, int]]) -> Node:
    nodes = list(leaves)
    for which, first, second in steps:
        a, b = nodes[first % len(nodes)], nodes[second % len(nodes)]
        functions: list[Callable[[Node, Node], Node]] = [lambda a, b, f=f: f(a) for f in UNARY]
        if a.ndim == 2:
            functions += [lambda a, b, f=f: f(a) for f in MATRIX]
        if _fit(a.shape, b.shape):
            functions += BINARY * 3
        nodes.append(functions[which % len(functions)](a, b))
    return sum((node.sum() for node in nodes[-3:]), start=nodes[-1].mean())


def _fit(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False)) and max((*a, *b), default=1) < 20


@settings(max_examples=150, deadline=None)
@given(programs())
def test_gradients_of_any_graph_are_its_complex_step(
    program: tuple[list[tuple[int, ...]], list[tuple[int, int, int]], int],
) -> None:
    shapes, steps, seed = program
    rng = np.random.default_rng(seed)
    values = [np.asarray(rng.normal(size=shape)) for shape in shapes]
    leaves = [TensorNode(value) for value in values]
    loss = run(leaves, steps)
    loss.backward()
    with no_grad():
        for position, value in enumerate(values):
            for entry in np.ndindex(*value.shape):
                moved = [other.astype(complex) for other in values]
                moved[position][entry] += 1e-30j
                derivative = run([TensorNode(array) for array in moved], steps).value.imag / 1e-30
                found = leaves[position].grad[entry]
                assert abs(found - derivative) <= 1e-11 + 1e-11 * max(abs(found), abs(derivative))
