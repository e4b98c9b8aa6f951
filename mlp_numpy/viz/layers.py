"""Layered layout of a graph: nodes in rows, so that every arrow points down and few cross.

rows        a node is one row above the highest of its users
order       row by row each node moves towards the mean position of its neighbors, in a few passes down and up, as far
            as the widths in its row allow (the barycenter method)
bends       an arrow across rows has a position in each, so that it bends around their nodes
Reference   Sugiyama, Tagawa, Toda 1981: Methods for Visual Understanding of Hierarchical System Structures
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

Box: TypeAlias = tuple[float, int]
"""x, and the row, counted from the bottom."""

_SWEEPS = 20


@dataclass(frozen=True)
class Layout:
    """places: of every node; routes: of every arrow (from, to), all its positions, both ends included."""

    places: dict[Hashable, Box]
    routes: dict[tuple[Hashable, Hashable], list[Box]]


@dataclass
class _Rows:
    rows: list[list[Hashable]]
    above: dict[Hashable, list[Hashable]] = field(default_factory=lambda: defaultdict(list))
    below: dict[Hashable, list[Hashable]] = field(default_factory=lambda: defaultdict(list))
    chains: dict[tuple[Hashable, Hashable], list[Hashable]] = field(default_factory=dict)


def layout(users: dict[Hashable, list[Hashable]], widths: dict[Hashable, float], gap: float) -> Layout:
    """Place the nodes of a graph without cycles.

    users    of every node the targets of its arrows; the dict is in topological order
    widths   of every node, in the unit of x; ``gap`` is the distance between neighbors
    """
    found = _rows(users)
    x = {node: float(place) for row in found.rows for place, node in enumerate(row)}
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbors = found.above if down else found.below
        for row in reversed(found.rows) if down else found.rows:
            wanted = {node: _mean([x[other] for other in neighbors[node]], x[node]) for node in row}
            row.sort(key=wanted.__getitem__)
            _spread(row, wanted, x, widths, gap)
    places: dict[Hashable, Box] = {node: (x[node], row) for row, nodes in enumerate(found.rows) for node in nodes}
    routes = {ends: [places[node] for node in chain] for ends, chain in found.chains.items()}
    return Layout({node: places[node] for node in users}, routes)


def _rows(users: dict[Hashable, list[Hashable]]) -> _Rows:
    """The nodes in their rows from the bottom up, with a bend in each row that an arrow crosses."""
    row_of: dict[Hashable, int] = {}
    for node in reversed(users):
        row_of[node] = 1 + max((row_of[user] for user in users[node]), default=-1)
    found = _Rows([[] for _ in range(1 + max(row_of.values()))])
    for node, its_users in users.items():
        found.rows[row_of[node]].append(node)
        for user in dict.fromkeys(its_users):
            bends = [(node, user, row) for row in range(row_of[node] - 1, row_of[user], -1)]
            for bend in bends:
                found.rows[bend[2]].append(bend)
            found.chains[node, user] = [node, *bends, user]
            for upper, lower in pairwise(found.chains[node, user]):
                found.below[upper].append(lower)
                found.above[lower].append(upper)
    return found


def _spread(
    row: list[Hashable],
    wanted: dict[Hashable, float],
    x: dict[Hashable, float],
    widths: dict[Hashable, float],
    gap: float,
) -> None:
    """Move the nodes of a row to their desired positions, spread symmetrically where they would overlap."""
    edge = -float("inf")
    for node in row:
        half = widths.get(node, 0.0) / 2
        x[node] = max(wanted[node], edge + gap + half)
        edge = x[node] + half
    shift = _mean([x[node] - wanted[node] for node in row], 0.0)
    for node in row:
        x[node] -= shift


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
