"""Generic mutants: each gradient of a formula, altered by each of a dozen operators.

Every operator stands for a typical mistake, which its entry in the table below explains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checking.mutants.mutant import Mutant


def _last_entry_off(gradient: Array, dout: Array) -> Array:
    last = gradient.flat[-1]
    gradient.flat[-1] = last * (1 + 1e-6) if last else 1e-6
    return gradient


def _transposed(gradient: Array, dout: Array) -> Array:
    square = gradient.ndim > 1 and gradient.shape[-1] == gradient.shape[-2]
    return gradient.swapaxes(-1, -2) if square else gradient


def _mean_over_rows(gradient: Array, dout: Array) -> Array:
    return np.broadcast_to(gradient.mean(axis=0, keepdims=True), gradient.shape)


def _mask_from_the_wrong_side(gradient: Array, dout: Array) -> Array:
    return np.where(gradient == 0, dout, 0) if gradient.shape == dout.shape else gradient


def _dout_in_its_place(gradient: Array, dout: Array) -> Array:
    return dout.copy() if gradient.shape == dout.shape else gradient


class Operator(NamedTuple):
    """An alteration of one gradient, (gradient, dout) → gradient, and the typical mistake that has this effect."""

    alter: Callable[[Array, Array], Array]
    why: str


def _batch_size(gradient: Array, dout: Array) -> int:
    """N: the rows of dout or, where that is the number after a loss, of the gradient."""
    return max(1, len(dout) if np.ndim(dout) else len(gradient))


_OPERATORS: Final[dict[str, Operator]] = {
    "doubled": Operator(lambda gradient, dout: 2 * gradient, "A factor is counted twice."),
    "halved": Operator(lambda gradient, dout: gradient / 2, "The 2 of the derivative of a square is missing."),
    "negated": Operator(lambda gradient, dout: -gradient, "The sign is wrong."),
    "zeroed": Operator(lambda gradient, dout: np.zeros_like(gradient), "A term is missing, here the only one."),
    "divided by N again": Operator(
        lambda gradient, dout: gradient / _batch_size(gradient, dout),
        "The 1/N of a mean enters once, in the backward of the loss; every other backward sums.",
    ),
    "times N": Operator(
        lambda gradient, dout: gradient * _batch_size(gradient, dout), "The 1/N of the mean is forgotten."
    ),
    "transposed where square": Operator(
        _transposed, "W and Wᵀ fit each other's place if both sizes are equal; only one of them is right."
    ),
    "rows reversed": Operator(lambda gradient, dout: gradient[::-1], "Each row meets the data of another example."),
    "rows shifted by one": Operator(
        lambda gradient, dout: np.roll(gradient, 1, axis=0), "Each row meets the data of its neighbour."
    ),
    "mean over the rows": Operator(_mean_over_rows, "A mean over the rows is taken, of what each row has for itself."),
    "mask from the wrong side": Operator(_mask_from_the_wrong_side, "The mask is inverted."),
    "dout in its place": Operator(_dout_in_its_place, "The slope is forgotten: dout passes unchanged."),
    "last entry off": Operator(_last_entry_off, "The last entry is off by a millionth: a wrong boundary."),
    "rounded to float32": Operator(
        lambda gradient, dout: gradient.astype(np.float32).astype(gradient.dtype), "A product is computed in float32."
    ),
}


class _Altered:
    """A backward of ``op`` altered by ``alter``, given the correct gradients and dout. ``has_effect`` records if that
    ever made a difference: a mutant without effect is equivalent to the formula."""

    def __init__(self, op: type[Op], alter: Callable[[list[Array | None], Array], list[Array | None]]) -> None:
        self._op, self._alter = op, alter
        self.has_effect = False

    def __call__(self, context: Context, dout: Array) -> Any:
        given = self._op.backward(context, dout)
        several = isinstance(given, tuple)
        right = [None if each is None else np.array(each) for each in (given if several else (given,))]
        before = dout.copy()
        wrong = self._alter([None if each is None else each.copy() for each in right], dout)
        pairs = zip(wrong, right, strict=True)
        changed = any(a is not None and b is not None and not np.array_equal(a, b, equal_nan=True) for a, b in pairs)
        self.has_effect |= changed or not np.array_equal(before, dout, equal_nan=True)
        return tuple(wrong) if several else wrong[0]


def _one_gradient(position: int, alter: Callable[[Array, Array], Array]) -> Any:
    def altered(gradients: list[Array | None], dout: Array) -> list[Array | None]:
        right = gradients[position] if position < len(gradients) else None  # none of a bias that is not there
        if right is not None and right.ndim:
            gradients[position] = np.ascontiguousarray(alter(right, dout), right.dtype)
        return gradients

    return altered


def _dout_overwritten(gradients: list[Array | None], dout: Array) -> list[Array | None]:
    dout *= 0.5
    return gradients


def _first_kept() -> Any:
    first: dict[Any, list[Array | None]] = {}

    def altered(gradients: list[Array | None], dout: Array) -> list[Array | None]:
        key = tuple(None if each is None else (each.shape, each.dtype) for each in gradients)
        return first.setdefault(key, gradients)

    return altered


class _Taken:
    """A backward of ``op`` in which dout is 1. ``has_effect`` as in ``_Altered``."""

    def __init__(self, op: type[Op]) -> None:
        self._op = op
        self.has_effect = False

    def __call__(self, context: Context, dout: Array) -> Any:
        self.has_effect |= not bool(np.all(dout == 1))
        return self._op.backward(context, np.ones_like(dout))


def generic_mutants(op: type[Op], n_gradients: int) -> Iterator[Mutant]:
    """The mutants of a formula whose backward returns ``n_gradients`` gradients, by every operator above."""
    for position in range(n_gradients):
        for name, (alter, why) in _OPERATORS.items():
            altered = _Altered(op, _one_gradient(position, alter))
            yield Mutant(op, f"gradient {position} {name}", altered, why=why)
    yield Mutant(op, "dout taken for 1", _Taken(op), why="The chain rule is missing: the slope must be times dout.")
    yield Mutant(op, "dout overwritten", _Altered(op, _dout_overwritten), why="dout belongs to the caller.")
    yield Mutant(
        op, "first backward kept", _Altered(op, _first_kept()), why="The gradients are those of the first batch."
    )
