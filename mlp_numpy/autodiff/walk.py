"""The backward pass: a traversal of the graph in reverse topological order.

It is iterative, so a chain of 100,000 operations does not exceed the recursion limit; every operation is visited once
and every edge twice, so the time is linear in the size of the graph. Operations that do not lead to the root are not
visited.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.node import Node, OpNode
from mlp_numpy.errors import GraphError, ShapeError


def op_nodes_below(root: Node) -> Iterator[OpNode]:
    """Yield every operation below ``root`` once; each may be cleared after it was yielded."""
    if root.source is None:
        return
    found, stack = {root.source}, [root.source]
    while stack:
        opnode = stack.pop()
        for node in opnode.inputs:
            source = node.source
            if source is not None and source not in found:
                found.add(source)
                stack.append(source)
        yield opnode


def propagate(root: Node, start: Array, *, inner: bool) -> None:
    """Add ∂L/∂node to the gradient of every node below ``root``, given ``start`` = ∂L/∂root."""
    source = root.source
    if source is None:
        if not root._leaf:
            raise _cleared(root)
        _add_to_leaf(root, start, None)
        return
    waiting = _count_uses(source)
    # Partial gradients of nodes whose users have not all been visited. A sum is a new array and may be added to in
    # place; a single contribution may be shared, such as the array that Add returns for both inputs.
    arrived: dict[Node, Array] = {root: start}
    sums: set[Node] = set()
    ready = [source]
    while ready:
        opnode = ready.pop()
        inputs = opnode.inputs
        targets = opnode.context.into = _targets(inputs) if opnode.reads_leaf else None
        try:
            gradients = _gradients(opnode, _collect(opnode, arrived, inner))
        except BaseException:
            _blank(targets)
            raise
        finally:
            opnode.context.into = None
        for position, node in enumerate(inputs):
            if not node._needs:
                continue
            gradient = gradients[position]
            below_it = node.source
            if below_it is None:
                _add_to_leaf(node, gradient, None if targets is None else targets[position])
                continue
            before = arrived.get(node)
            if before is None:
                arrived[node] = gradient
            elif node in sums:
                before += gradient
            else:
                # np.add returns a scalar for two arrays of shape (), which cannot be added to in place.
                arrived[node] = np.asarray(before + gradient)
                sums.add(node)
            waiting[below_it] -= 1
            if not waiting[below_it]:
                ready.append(below_it)


def _count_uses(root: OpNode) -> dict[OpNode, int]:
    """The number of uses of each operation's outputs on paths to ``root``."""
    uses = {root: 0}
    stack = [root]
    while stack:
        for node in stack.pop().inputs:
            source = node.source
            if source is None:
                if node._needs and not node._leaf:
                    raise _cleared(node)
            elif source in uses:
                uses[source] += 1
            else:
                uses[source] = 1
                stack.append(source)
    return uses


def _collect(opnode: OpNode, arrived: dict[Node, Array], inner: bool) -> list[Array]:
    """The gradients of an operation's outputs, complete since all their users have been visited."""
    douts = []
    for position, reference in enumerate(opnode._outputs):
        node = reference()
        dout = None if node is None else arrived.pop(node, None)
        if dout is None or node is None:  # an unused output of several
            shape, dtype = opnode._forms[position]
            dout = np.zeros(shape, dtype)
        elif inner:
            node._shared = node._grad is None
            node._grad = dout if node._grad is None else node._grad + dout
        douts.append(dout)
    return douts


def _gradients(opnode: OpNode, douts: list[Array]) -> tuple[Array, ...]:
    """The gradients of an operation's inputs, each with its input's shape and dtype."""
    inputs = opnode.inputs
    found = opnode.op.backward(opnode.context, *douts)
    gradients = found if type(found) is tuple else (found,)
    if len(gradients) != len(inputs):
        raise ShapeError(
            f"{opnode.op.__name__}.backward: must return {len(inputs)} gradients, one an input, got {len(gradients)}."
        )
    for gradient, node in zip(gradients, inputs, strict=True):
        if node._needs:
            value = node._value
            if type(gradient) is not np.ndarray or gradient.shape != value.shape or gradient.dtype != value.dtype:
                # Rare: the common case only costs this test.
                return tuple([_fitted(opnode, position, gradient) for position, gradient in enumerate(gradients)])
    return gradients


def _targets(inputs: tuple[Node, ...]) -> tuple[Array | None, ...]:
    """For each input the output array of its gradient: a leaf's own, if nothing has been added to it."""
    taken: list[Node] = []
    targets: list[Array | None] = []
    for node in inputs:
        if node._leaf and node._needs and node._fresh and node not in taken:
            if node._grad is None:
                node._grad = np.empty_like(node._value)
            # For a leaf that is two inputs, as in x * x, the second gradient is added to the first.
            taken.append(node)
            targets.append(node._grad)
        else:
            targets.append(None)
    return tuple(targets)


def _add_to_leaf(node: Node, gradient: Array, target: Array | None) -> None:
    grad = node._grad
    if grad is None:
        grad = node._grad = np.empty_like(node._value)
    if not node._fresh:
        np.add(grad, gradient, out=grad)
    elif gradient is not target:
        np.copyto(grad, gradient)
    node._fresh = False


def _blank(targets: tuple[Array | None, ...] | None) -> None:
    """Reset the leaves' arrays that a failed backward may have written into to zero."""
    for target in targets or ():
        if target is not None:
            target.fill(0)


def _fitted(opnode: OpNode, position: int, gradient: Any) -> Any:
    """The gradient as an array of the input's dtype, or an error that names the formula."""
    node = opnode.inputs[position]
    if not node._needs:
        return gradient
    who, value = f"{opnode.op.__name__}.backward", node._value
    if gradient is None:
        raise ShapeError(f"{who}: the gradient of input {position} must be an array {value.shape}, got None.")
    array = np.asarray(gradient)
    if array.shape != value.shape:
        raise ShapeError(
            f"{who}: the gradient of input {position} must be {value.shape}, as the input is, got {array.shape}."
        )
    return array.astype(value.dtype, casting="same_kind", copy=False)


def _cleared(node: Node) -> GraphError:
    return GraphError(
        f"{node!r}.backward: the graph below it must still be there, but it was cleared. "
        "Hint: backward before clear, or run the forward again."
    )
