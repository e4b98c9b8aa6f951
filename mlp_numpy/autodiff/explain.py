"""A graph as text: nodes, formulas, inputs and gradients."""

from __future__ import annotations

from mlp_numpy import checks
from mlp_numpy.autodiff.node import Node
from mlp_numpy.errors import OptionError


def explain(node: Node, *, max_lines: int = 100) -> str:
    """The graph below ``node`` as a tree: one line per node, with shape, formula and gradient.

    A node with several uses is shown once, with a number that its other uses refer to. A large graph is truncated to
    ``max_lines`` lines.

        () float64 = 30, from Sum                 grad 1
        └─ (2, 2) float64, from Multiply          grad norm 2
           ├─ #1 x (2, 2) float64, leaf           grad norm 10.95
           └─ #1 again

    Raises OptionError for anything but a node, and if ``max_lines`` is below 1.
    """
    if not isinstance(node, Node):
        raise OptionError(f"explain: node must be a node of a graph, got {checks.shown(node)}.")
    if max_lines < 1:
        raise OptionError(f"explain: max_lines must be ≥ 1, got {max_lines}.")
    numbers = _shared(node)
    shown: set[Node] = set()
    lines: list[tuple[str, str]] = []
    # Stack of nodes to show, next one last, with the prefixes of the node and of its inputs.
    stack = [(node, "", "")]
    while stack and len(lines) < max_lines:
        current, before, below = stack.pop()
        number = f"#{numbers[current]} " if current in numbers else ""
        if current in shown:
            lines.append((f"{before}{number}again", ""))
            continue
        shown.add(current)
        lines.append((f"{before}{number}{describe_node(current)}", gradient_of(current)))
        inputs = [] if current.source is None else current.source.inputs
        for position in range(len(inputs) - 1, -1, -1):
            last = position == len(inputs) - 1
            branch, rest = ("└─ ", "   ") if last else ("├─ ", "│  ")
            stack.append((inputs[position], below + branch, below + rest))
    width = max(len(left) for left, _ in lines) + 3
    text = [f"{left:<{width}}{right}".rstrip() for left, right in lines]
    return "\n".join([*text, *(["…"] if stack else [])])


def describe_node(node: Node) -> str:
    """A summary of a node: name, shape, dtype, the value if it is a scalar, and the formula."""
    name = "" if node.name is None else f"{node.name} "
    single = f" = {node.value.item():.4g}" if node.value.size == 1 else ""
    if node.source is not None:
        origin = f"from {node.source.op.__name__}"
    else:
        origin = "leaf" if node.is_leaf and node.needs_grad else "constant"
    return f"{name}{node.size()} {node.value.dtype}{single}, {origin}"


def gradient_of(node: Node) -> str:
    """A summary of a node's gradient: its value if it is a scalar, its norm otherwise; empty before ``backward``."""
    norm = node.grad_norm()
    if norm is None:
        return ""
    return f"grad {node.grad.item():.4g}" if node.value.size == 1 else f"grad norm {norm:.4g}"


def _shared(root: Node) -> dict[Node, int]:
    """Numbers of the nodes below ``root`` with several uses, in the order of the tree."""
    uses: dict[Node, int] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        uses[node] = uses.get(node, 0) + 1
        if uses[node] == 1 and node.source is not None:
            stack += reversed(node.source.inputs)
    return {node: number for number, node in enumerate((node for node in uses if uses[node] > 1), start=1)}
