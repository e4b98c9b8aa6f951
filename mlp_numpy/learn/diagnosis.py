"""The known mistake that a wrong answer equals: the audit's mutants, as a catalogue of misconceptions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checking.mutants import ELEMENTARY_MISTAKES, MISTAKES, Mutant, generic_mutants
from mlp_numpy.gradcheck import Subject
from mlp_numpy.learn.exercise import Exercise, Question
from mlp_numpy.modules import Module

_BOUND: Final = 1e-9
"""The relative difference up to which two gradients are the same."""


@dataclass(frozen=True)
class Mistake:
    """A known mistake.

    gradient   the wrong gradient, such as "dx"
    name       in which respect alone it is wrong
    why        one sentence about it; may be empty
    """

    gradient: str
    name: str
    why: str


def known_mistakes(
    exercise: Exercise, questions: Sequence[Question], answers: Sequence[Mapping[str, Array]]
) -> list[Mistake]:
    """The mistakes that the wrong gradients equal, at most one for each.

    questions   those in float64
    answers     the gradients of each question by name, without those that did not come

    What explains several gradients goes before what explains one; typical mistakes go before generic ones.
    """
    asked = list(zip(questions, answers, strict=True))
    wrong = [
        name
        for name in exercise.gradient_names
        if any(name in given and not _same(given[name], question.gradients[name]) for question, given in asked)
    ]
    found: dict[str, Mistake] = {}
    for mistake in (_of_shape(name, asked) for name in wrong):
        if mistake is not None:
            found[mistake.gradient] = mistake
    left = [name for name in wrong if name not in found]
    explained = [
        (mutant, position, _explained(exercise, mutant, position, left, asked))
        for position, mutant in (_catalogue(questions[0].sample.module) if left else ())
    ]
    for mutant, position, names in sorted(explained, key=lambda each: -len(each[2])):
        for name in names:
            inner = exercise.wanted[name.removeprefix("d")]
            title = _title(mutant, questions[0].sample.module, position, inner)
            found.setdefault(name, Mistake(name, title, mutant.why))
    return [found[name] for name in wrong if name in found]


def _catalogue(module: Module) -> Iterator[tuple[int, Mutant]]:
    """The mutants of a module's layers, each with the layer's position; −1 for those of the whole module."""
    if module.children():
        yield from ((-1, mutant) for mutant in MISTAKES if mutant.fits(module))
    layers = [layer for _, layer in module.leaves()]
    known = (*MISTAKES, *ELEMENTARY_MISTAKES)
    for position, layer in enumerate(layers):
        yield from ((position, mutant) for mutant in known if mutant.fits(layer))
    for position, layer in enumerate(layers):
        mutants = generic_mutants(layer._active_op(), 1 + len(layer.params))
        yield from ((position, mutant) for mutant in mutants)


def _title(mutant: Mutant, module: Module, position: int, wanted: str) -> str:
    """The mutant's name, with that of its layer if there are several, and of its gradient if that is another one."""
    layers = list(module.leaves())
    if position < 0:
        return mutant.name
    path, layer = layers[position]
    name, of = mutant.name, ""
    for i, array in enumerate(["x", *layer.params]):
        mark = f"gradient {i} "
        if name.startswith(mark):
            own = f"{path}.{array}".lstrip(".") if i or not position else ""
            name, of = name.removeprefix(mark), "" if own == wanted else f", d{array}"
    return f"in layer {position + 1}, {mutant.op.__name__}{of}: {name}" if len(layers) > 1 else name


def _explained(
    exercise: Exercise,
    mutant: Mutant,
    position: int,
    names: Sequence[str],
    asked: Sequence[tuple[Question, Mapping[str, Array]]],
) -> list[str]:
    """Those of the gradients ``names`` that are the mutant's in all answers, and somewhere not the right ones.

    An answer of another shape is no evidence: a mistake may have the right shape only where sizes are equal.
    """
    equal, differing = list(names), set()
    for question, given in asked:
        if not equal:
            break
        theirs = _of_mutant(question, mutant, position)
        for name in list(equal):
            right = question.gradients[name]
            if name not in given or given[name].shape != right.shape:
                continue
            wrong = theirs.get(exercise.wanted[name.removeprefix("d")])
            if wrong is None or not _same(given[name], wrong):
                equal.remove(name)
            elif not _same(wrong, right):
                differing.add(name)
    return [name for name in equal if name in differing]


def _of_mutant(question: Question, mutant: Mutant, position: int) -> dict[str, Array]:
    """The gradients of a question by a wrong formula, by their names in the module; none where it fails."""
    sample = question.sample
    module = sample.module.astype(np.float64)
    mutant.apply(module if position < 0 else [layer for _, layer in module.leaves()][position])
    try:
        with np.errstate(all="ignore"):
            return Subject(module, None, sample.y, question.dout.copy()).analytic(sample.x.copy())
    except Exception:  # a wrong formula can fail in any way
        return {}


def _of_shape(name: str, asked: Sequence[tuple[Question, Mapping[str, Array]]]) -> Mistake | None:
    """The mistake of a gradient that has more axes than it should, and is right once it is summed over some."""
    found: set[tuple[int, ...] | None] = set()
    for question, given in asked:
        right = question.gradients[name]
        if name in given and given[name].shape != right.shape:
            found.add(_axes_to_sum(given[name], right))
    if len(found) != 1 or None in found:
        return None
    (axes,) = found
    shown = ", ".join(map(str, axes or ()))
    why = "It reaches several outputs, and its gradient is the sum over all of them."
    return Mistake(name, f"not summed over ax{'i' if len(axes or ()) == 1 else 'e'}s {shown}", why)


def _axes_to_sum(given: Array, right: Array) -> tuple[int, ...] | None:
    for axes in itertools.combinations(range(given.ndim), given.ndim - right.ndim) if given.ndim > right.ndim else ():
        if _same(given.sum(axis=axes), right):
            return axes
    return None


def _same(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return False
    with np.errstate(all="ignore"):
        scale = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
        return bool(np.linalg.norm(a - b) <= _BOUND * scale)
