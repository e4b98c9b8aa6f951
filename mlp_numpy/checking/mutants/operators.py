"""Generic mutants: each gradient of a formula, altered by each of a dozen operators.

operator                              typical mistake
doubled, negated, zeroed              a missing factor ½, sign or term
divided by N again                    the 1/N of a mean applied twice
times N                               the 1/N of a mean forgotten
transposed where square               W for Wᵀ
rows reversed, rows shifted by one    the labels or the cache of another example
mean over the rows                    a mean for a sum, statistics over the wrong axis
mask from the wrong side              an inverted mask
dout in its place                     the slope forgotten
last entry off                        a wrong boundary; one entry, by a millionth
rounded to float32                    a product in the wrong dtype
dout overwritten                      correct gradients, but a modified input
first backward kept                   gradients of the first batch, from a stale cache
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

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


_OPERATORS: Final[dict[str, Callable[[Array, Array], Array]]] = {
    "doubled": lambda gradient, dout: 2 * gradient,
    "negated": lambda gradient, dout: -gradient,
    "zeroed": lambda gradient, dout: np.zeros_like(gradient),
    "divided by N again": lambda gradient, dout: gradient / max(1, len(gradient)),
    "times N": lambda gradient, dout: gradient * len(gradient),
    "transposed where square": _transposed,
    "rows reversed": lambda gradient, dout: gradient[::-1],
    "rows shifted by one": lambda gradient, dout: np.roll(gradient, 1, axis=0),
    "mean over the rows": _mean_over_rows,
    "mask from the wrong side": _mask_from_the_wrong_side,
    "dout in its place": _dout_in_its_place,
    "last entry off": _last_entry_off,
    "rounded to float32": lambda gradient, dout: gradient.astype(np.float32).astype(gradient.dtype),
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


def generic_mutants(op: type[Op], n_gradients: int) -> Iterator[Mutant]:
    """The mutants of a formula whose backward returns ``n_gradients`` gradients, by every operator above."""
    for position in range(n_gradients):
        for name, alter in _OPERATORS.items():
            yield Mutant(op, f"gradient {position} {name}", _Altered(op, _one_gradient(position, alter)))
    yield Mutant(op, "dout overwritten", _Altered(op, _dout_overwritten))
    yield Mutant(op, "first backward kept", _Altered(op, _first_kept()))
