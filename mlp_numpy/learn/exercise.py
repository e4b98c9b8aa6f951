"""An exercise: a forward whose backward a learner writes, and the questions that the answer is tried on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checking.numeric import numeric_slopes
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.gradcheck import Subject
from mlp_numpy.modules import Module

Arguments: TypeAlias = dict[str, Any]
"""The arguments of a learner's forward by name, in order: the input, further arrays, numbers that are constants."""

_CASES: Final = (1, 4, 5, 7, 8, 3, 2)
"""Cases of the sampler, see there: with ties and zeros (1, 4, 7), all sizes equal (2, 7), a batch of one (3, 8)."""


@dataclass(frozen=True)
class Question:
    """One call of forward and backward: its arguments, and what must come back.

    title       the question in a message, such as "in the example"
    sample      the library's module of these arguments, with the input and the labels
    gradients   the wanted gradients by name, as "dx": by the complex step through the library's forward
    single      asked in float32
    """

    title: str
    arguments: Arguments
    dout: Array
    sample: Sample
    out: Array
    gradients: dict[str, Array]
    single: bool = False


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    name      also that of its file
    title     one line for the list
    wanted    the arguments whose gradients backward returns, in order, with their names in the library's module: "x"
              for the input, the dotted name of a parameter otherwise
    example   arguments with small numbers
    dout      the gradient of the output in the example
    draw      (sampler) → random arguments
    module    (arguments) → the library's module of them; it needs neither the input nor labels, which are called y
    """

    name: str
    title: str
    wanted: dict[str, str]
    example: Arguments
    dout: Any
    draw: Callable[[Sampler], Arguments]
    module: Callable[[Arguments], Module]

    @property
    def gradient_names(self) -> tuple[str, ...]:
        """The names of the wanted gradients, such as "dx", in the order in which backward returns them."""
        return tuple(f"d{name}" for name in self.wanted)

    @property
    def template(self) -> str:
        """The text of the file that a learner gets, with the example worked out."""
        file = resources.files("mlp_numpy.learn") / "exercises" / f"{self.name}.py"
        return file.read_text(encoding="utf-8").replace("{example}", self._worked_example())

    def questions(self, seed: int = 0) -> Iterator[Question]:
        """The example, random arguments, and the last of these in float32."""
        example = {name: _value(value) for name, value in self.example.items()}
        yield self._question("in the example", example, np.array(self.dout, np.float64))
        for case in _CASES:
            rng = np.random.default_rng([seed, case, *self.name.encode()])
            arguments = self.draw(Sampler(rng, case))
            shapes = ", ".join(f"{name} {value.shape}" for name, value in arguments.items() if np.ndim(value))
            question = self._question(f"for {shapes}", arguments, rng)
            yield question
        yield dataclasses.replace(question, title=f"in float32, {question.title}", single=True)

    def _question(self, title: str, arguments: Arguments, dout: Array | np.random.Generator) -> Question:
        x, *_ = arguments.values()
        sample = Sample(self.module(arguments), x, arguments.get("y"))
        with np.errstate(all="ignore"):
            out = np.array(Subject(sample.module, None, sample.y, None).forward(x.copy()))
            g = dout if isinstance(dout, np.ndarray) else _normal(dout, out.shape)
            found = numeric_slopes(sample, g, {}, "complex")
        wanted = {f"d{name}": found[f"d{inner}"] for name, inner in self.wanted.items()}
        return Question(title, arguments, g, sample, out, wanted)

    def _worked_example(self) -> str:
        first = next(self.questions())
        shown = {**first.arguments, "out": first.out, "dout": first.dout, **first.gradients}
        width = max(len(name) for name in shown)
        lines = [f"{name:<{width}}  {_shown(np.asarray(value).tolist())}" for name, value in shown.items()]
        return "\n".join(f"{'' if i else 'Example':<12}{line}" for i, line in enumerate(lines))


def _value(value: Any) -> Any:
    return np.array(value, np.float64) if isinstance(value, list) else value


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Normal numbers that float32 holds exactly."""
    return np.asarray(rng.normal(size=shape)).astype(np.float32).astype(np.float64)


def _shown(value: Any) -> str:
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, list) else f"{value:.5g}"
