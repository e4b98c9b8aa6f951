"""Exercises: the forward of a formula is given, its ``backward`` is the reader's, and the audit judges it."""

from __future__ import annotations

import functools
import inspect
import sys
import textwrap
import traceback
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.browser.formulas import Json, as_json, equation_lines
from mlp_numpy.checking.checks import BOUNDS, Check, check_sample
from mlp_numpy.checking.mutants import Mutant
from mlp_numpy.checking.mutants.mutant import Backward
from mlp_numpy.checking.sampler import Sample
from mlp_numpy.checking.specs.spec import Mode, Spec
from mlp_numpy.checking.specs.table import SPECS
from mlp_numpy.checks import shown
from mlp_numpy.errors import OptionError, unknown_name
from mlp_numpy.explain import EXAMPLES
from mlp_numpy.modules import LossModule

_N_CASES, _MOST_CASES = 3, 90
"""How many samples of the audit an answer meets, and among how many they are looked for."""
_JUDGES: Final[tuple[Check, ...]] = ("complex", "central")
_FILE: Final = "your backward"


@dataclass(frozen=True)
class FormulaExercise:
    """The task of one formula.

    equation   the lines of its docstring, with those of the solution in the part "Backward"
    forward    the source of its forward
    kept       what the forward keeps for the backward: name and shape of each, in the example
    start      the text of the editor: a ``backward`` that returns nothing yet
    """

    name: str
    equation: list[Json]
    forward: str
    kept: dict[str, str]
    start: str

    @classmethod
    def of(cls, name: str) -> FormulaExercise:
        """The exercise of the formula ``name``; raises OptionError for an unknown one."""
        op = _op(name)
        arrays = EXAMPLES[name].arrays
        kept = {key: _described(value) for key, value in _example_context(name).items()}
        results = ", ".join(f"d{key}" for key in arrays)
        read = "\n".join(f'    {key} = context["{key}"]' for key in kept if key.isidentifier())
        hint = f"    # ∂L/∂out is given: dout; wanted: {results}"
        start = f"def backward(context, dout):\n{read}\n{hint}\n    return {', '.join('None' for _ in arrays)}\n"
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(op.forward)))
        return cls(name, equation_lines(op), source, kept, start.replace("\n\n", "\n"))


def exercise_names() -> list[str]:
    """The formulas that have an exercise: those of the examples that the audit knows."""
    return [name for name, example in EXAMPLES.items() if example.op in _line_of_op()]


def judge(name: str, code: str) -> Json:
    """The verdict of the audit on ``code``, which defines ``backward(context, dout)`` for the formula ``name``.

    The code is run as it is: in a page inside the browser's sandbox, elsewhere with the rights of the caller.

    "passed", "checks" with the error of each array of numbers compared, and the reasons in words. Raises OptionError
    for an unknown formula or a code that is not a string.
    """
    op = _op(name)
    if not isinstance(code, str):
        raise OptionError(f"judge: code must be a string, got {shown(code)}.")
    try:
        backward = _compiled(op, code)
    except Exception as error:  # the reader's code can raise anything
        return _verdict([], [_where(error, code)])
    rows: list[Json] = []
    reasons: list[str] = []
    spec, variant, mode = _line_of_op()[op]
    with np.errstate(all="ignore"):
        for case in _cases(name):
            sample = spec.sample(0, case, variant, mode)
            failure = _wrong_form(op, backward, spec.sample(0, case, variant, mode), code)
            if failure:
                return _verdict(rows, [failure])
            Mutant(op, "answer", backward).apply(sample.module)
            result = check_sample(sample, np.random.default_rng(case))
            title = f"x {sample.x.shape}"
            reasons += [f"{title}: {law}" for law in result.broken]
            for check in _JUDGES:
                measured = result.errors.get(check)
                if measured is not None:
                    passed = bool(measured.error <= BOUNDS[check])
                    rows.append({"title": title, "check": check, "error": as_json(measured.error), "passed": passed})
                    reasons += [] if passed else [f"{title}, {check} step: {measured}"]
    return _verdict(rows, list(dict.fromkeys(reasons)))


def _op(name: str) -> type[Op]:
    known = {each: EXAMPLES[each].op for each in exercise_names()}
    if not isinstance(name, str) or name not in known:
        raise unknown_name("exercise", name if isinstance(name, str) else shown(name), known)
    return known[name]


@functools.cache
def _line_of_op() -> dict[type[Op], tuple[Spec, str, Mode]]:
    """The first line of the audit's table that runs each formula: its plain case."""
    found: dict[type[Op], tuple[Spec, str, Mode]] = {}
    ops = [example.op for example in EXAMPLES.values()]
    for spec in SPECS:
        for variant, mode in spec.lines():
            module = spec.sample(0, 2, variant, mode).module
            for op in ops:
                if op not in found and not module.children() and Mutant(op, "", op.backward).fits(module):
                    found[op] = spec, variant, mode
    return found


def _cases(name: str) -> list[int]:
    """Cases of the audit like the example that the reader sees: as many axes, all that its forward keeps, and no ties,
    where the numeric check cannot tell two slopes apart."""
    example, (spec, variant, mode) = EXAMPLES[name], _line_of_op()[EXAMPLES[name].op]
    kept, axes = set(_example_context(name)), np.ndim(example.arrays["x"])
    found = []
    for case in (case for case in range(2, _MOST_CASES) if case % 3 != 1):
        sample = spec.sample(0, case, variant, mode)
        if not sample.options and sample.x.ndim == axes and kept <= set(_asked(example.op, sample)[0]):
            found.append(case)
        if len(found) == _N_CASES:
            break
    return found


def _example_context(name: str) -> Context:
    """What the forward of the formula keeps in its example."""
    example, context = EXAMPLES[name], Context()
    example.op.forward(context, *(np.array(each, np.float64) for each in example.arrays.values()), **example.constants)
    return context


def _compiled(op: type[Op], code: str) -> Backward:
    """The function ``backward`` of ``code``, which sees NumPy and the names of the formula's own file."""
    names: dict[str, Any] = dict(vars(sys.modules[op.__module__])) | {"np": np, "__name__": _FILE}
    names.pop("backward", None)
    exec(compile(code, _FILE, "exec"), names)
    backward = names.get("backward")
    if not callable(backward):
        raise OptionError("judge: the code must define backward(context, dout), found none.")
    answer: Backward = backward
    return answer


def _asked(op: type[Op], sample: Sample) -> tuple[Context, Array]:
    """The context and dout that the sample's module gives to the backward of its formula."""
    asked: list[tuple[Context, Array]] = []

    def recorded(context: Context, dout: Array) -> Any:
        asked.append((context, dout.copy()))
        return op.backward(context, dout)

    module = sample.module
    Mutant(op, "recorded", recorded).apply(module)
    if isinstance(module, LossModule):
        module.forward(sample.x, sample.y, **sample.options)
        module.backward()
    else:
        module.backward(np.ones_like(module.forward(sample.x)))
    return asked[0]


def _wrong_form(op: type[Op], backward: Backward, sample: Sample, code: str) -> str:
    """What is wrong with the form of an answer: an exception, or not one array per input; "" if it can be judged."""
    context, dout = _asked(op, sample)
    given = [op.backward(context, dout.copy())]
    try:
        given.insert(0, backward(context, dout))
    except Exception as error:  # as above
        return _where(error, code)
    answer, right = (each if isinstance(each, tuple) else (each,) for each in given)
    if len(answer) != len(right):
        return f"backward must return one gradient per array of the forward, {len(right)}, got {len(answer)}."
    for position, (mine, theirs) in enumerate(zip(answer, right, strict=True)):
        if theirs is not None and (not isinstance(mine, np.ndarray) or mine.shape != theirs.shape):
            got = f"an array of {mine.shape}" if isinstance(mine, np.ndarray) else shown(mine)
            return f"Gradient {position + 1} must be an array of {theirs.shape}, as its input is, got {got}."
    return ""


def _where(error: Exception, code: str) -> str:
    """An exception with the line of the reader's code that raised it."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"Line {error.lineno}: {type(error).__name__}: {error.msg}"
    at = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _FILE]
    line = f"Line {at[-1]}, {code.splitlines()[at[-1] - 1].strip()!r}: " if at and at[-1] else ""
    return f"{line}{type(error).__name__}: {error}"


def _verdict(rows: list[Json], reasons: list[str]) -> Json:
    return {"passed": bool(rows) and not reasons, "checks": rows, "reasons": reasons}


def _described(value: Any) -> str:
    return f"array of {value.shape}" if isinstance(value, np.ndarray) else shown(value)
