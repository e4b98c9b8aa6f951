"""The audit of a user's module, named ``package.module:Class`` or ``package.module:Class(4, 3, slope=0.1)``."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from mlp_numpy.arrays import Array
from mlp_numpy.checking.checks import CheckResult, check_sample
from mlp_numpy.checking.report import Line
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Mode
from mlp_numpy.errors import OptionError, did_you_mean
from mlp_numpy.gradcheck import Subject
from mlp_numpy.modules import LossModule, Module

_ROWS: Final = 4
_ATTEMPTS: Final = 5
_HINT: Final = "Hint: audit 'package.module:Class(4, 3)'."


def audit_own(text: str, shape: tuple[int, ...] | None = None, n_cases: int = 20, seed: int = 0) -> list[Line]:
    """Audit the module named by ``text`` on ``n_cases`` batches of ``shape``, by default of a shape that it accepts.

    A module whose output differs in evaluation mode for any of these batches gets a second line, for that mode.

    The complex step is used if the forward accepts complex numbers. If it disagrees with central differences by more
    than their error, the forward is not complex differentiable (it uses ``abs``, or casts), and central differences
    decide alone. If only central differences disagree, a kink may lie within their step: up to five batches are drawn,
    since a real error shows on every batch.

    Raises OptionError for a path, class or arguments that make no module, or an input that it does not accept.
    """
    make = _maker(text)
    module = make()
    if not isinstance(module, Module):
        raise OptionError(f"audit {text}: it must make a mlp_numpy.Module, got {type(module).__name__}. {_HINT}")
    if n_cases < 1 or seed < 0:
        raise OptionError(f"audit: cases must be ≥ 1 and seed ≥ 0, got {n_cases} and {seed}.")
    shape = _shape_that_fits(module, text) if shape is None else shape

    def drawn(case: int, rng: np.random.Generator) -> Sample:
        sample = _sample(make(), shape, rng, case) or _sample(make(), shape, rng, case, fill=False)
        if sample is None:
            raise OptionError(f"audit {text}: it must take an input {shape}, but {_refusal(make(), shape, rng)}.")
        return sample

    if not any(_differs_in_evaluation(drawn(case, _rng(seed, case))) for case in range(n_cases)):
        return [_line(f"{text} on {shape}", "train", drawn, n_cases, seed)]
    modes: tuple[Mode, ...] = ("train", "eval")
    return [_line(f"{text} on {shape}, {mode}", mode, drawn, n_cases, seed) for mode in modes]


def _rng(seed: int, case: int, attempt: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, case, attempt])


def _line(title: str, mode: Mode, drawn: Callable[[int, np.random.Generator], Sample], n_cases: int, seed: int) -> Line:
    line = Line(title)
    with np.errstate(all="ignore"), threadpool_limits(1):  # threads as in the audit of the library
        for case in range(n_cases):
            for attempt in range(_ATTEMPTS):
                rng = _rng(seed, case, attempt)
                sample = drawn(case, rng)
                sample.module.train(mode == "train")
                result = _settled(check_sample(sample, rng, known=False))
                if result.failures != ["central"] or attempt == _ATTEMPTS - 1:
                    line.add(case, sample, result)
                    break
    return line


def _differs_in_evaluation(sample: Sample) -> bool:
    """True if the output differs in evaluation mode, or evaluation fails."""
    subject = Subject(sample.module, None, sample.y, None)
    with np.errstate(all="ignore"):
        in_training = np.array(subject.forward(sample.x))
        sample.module.eval()
        try:
            in_evaluation = subject.forward(sample.x)
        except Exception:  # a foreign module can raise anything
            return True
    return not np.array_equal(in_training, in_evaluation, equal_nan=True)


def _maker(text: str) -> Any:
    """A function that makes a fresh module of the named class."""
    path, colon, call = text.partition(":")
    name, arguments, keywords = _call(text, call) if colon else ("", [], {})
    if not name:
        raise OptionError(f"audit: a module must be named as package.module:Class, got {text!r}. {_HINT}")
    try:
        found = importlib.import_module(path)
    except Exception as error:  # importing a foreign module can raise anything
        raise OptionError(
            f"audit {text}: {path} must be a module that Python can import, got {type(error).__name__}: {error}. "
            "Hint: run the command in the folder that holds it."
        ) from error
    if not hasattr(found, name):
        near = did_you_mean(name, [key for key in vars(found) if not key.startswith("_")])
        raise OptionError(f"audit {text}: {path} must have a class {name}, found none.{near}")
    kind = getattr(found, name)
    if not callable(kind) or (isinstance(kind, type) and not issubclass(kind, Module)):
        raise OptionError(f"audit {text}: {name} must be a mlp_numpy.Module or make one, got {kind!r}.")

    def make() -> Any:
        try:
            return kind(*arguments, **keywords)
        except Exception as error:  # as above
            raise OptionError(
                f"audit {text}: {name} must accept its arguments, got {type(error).__name__}: {error}. {_HINT}"
            ) from error

    return make


def _call(text: str, call: str) -> tuple[str, list[Any], dict[str, Any]]:
    """The name and arguments of ``Class`` or ``Class(4, slope=0.1)``; arguments are literals, no code is executed."""
    try:
        tree = ast.parse(call, mode="eval").body
        if isinstance(tree, ast.Name):
            return tree.id, [], {}
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
            keywords = {word.arg: ast.literal_eval(word.value) for word in tree.keywords if word.arg is not None}
            return tree.func.id, [ast.literal_eval(word) for word in tree.args], keywords
    except (SyntaxError, ValueError) as error:
        raise OptionError(f"audit {text}: {call!r} must be a class, or its call with plain values. {_HINT}") from error
    raise OptionError(f"audit {text}: {call!r} must be a class, or its call with plain values. {_HINT}")


def _shape_that_fits(module: Module, text: str) -> tuple[int, ...]:
    for shape in _shapes(module):
        if _sample(module, shape, np.random.default_rng(0), 2) is not None:
            return shape
    first = next(_shapes(module))
    raise OptionError(
        f"audit {text}: some input must fit {module!r}, found none; of {first}: "
        f"{_refusal(module, first, np.random.default_rng(0))}. Hint: --input 4,3 names a shape."
    )


def _shapes(module: Module) -> Iterator[tuple[int, ...]]:
    """Candidate batch shapes, flat and as images, with sizes from the module's parameters and settings."""
    numbers = [value for value in vars(module).values() if isinstance(value, int) and not isinstance(value, bool)]
    sizes = [size for _, learned in module.named_parameters() for size in reversed(learned.value.shape)] + numbers
    widths = list(dict.fromkeys(size for size in [*sizes, 3] if 1 <= size <= 4096))
    for axes in ((), (6, 6), (5,)):
        for width in widths:
            yield (_ROWS, width, *axes)
    yield (_ROWS,)


def _sample(
    module: Module, shape: tuple[int, ...], rng: np.random.Generator, case: int, *, fill: bool = True
) -> Sample | None:
    """A batch of this shape that the module's forward accepts, with labels for a loss; None if there is none.

    fill   draw new random parameters; not every module accepts arbitrary ones
    """
    draws = Sampler(rng, case - case % 3)  # never tied cases: the kinks of a foreign module are unknown
    if fill:
        draws.filled(module)
    scores = draws.numbers(*shape)
    if not isinstance(module, LossModule):
        return Sample(module, scores) if _takes(module, scores, None) else None
    classes = shape[-1] if len(shape) > 1 else 1
    probabilities = 1 / (1 + np.exp(-scores / 4))
    probabilities /= probabilities.sum(axis=-1, keepdims=True) if classes > 1 else 1
    for x in (probabilities, scores, -abs(scores)):
        for y in (rng.integers(classes, size=shape[0]), rng.uniform(0.1, 0.9, shape), np.sign(rng.normal(size=shape))):
            if _takes(module, x, y):
                return Sample(module, x, y)
    return None


def _takes(module: Module, x: Array, y: Array | None) -> bool:
    with np.errstate(all="ignore"):
        try:
            out = module.forward(x, y) if isinstance(module, LossModule) else module.forward(x)
        except Exception:  # as above
            return False
        return bool(np.isfinite(out).all())


def _refusal(module: Module, shape: tuple[int, ...], rng: np.random.Generator) -> str:
    """The module's own error message for an input of this shape."""
    if isinstance(module, LossModule):
        return f"{module!r} took no labels for it"
    try:
        module.forward(rng.normal(size=shape))
    except Exception as error:  # as above
        return f"got {type(error).__name__}: {error}".rstrip(".")
    return "its output is not finite"


def _settled(result: CheckResult) -> CheckResult:
    """The result without the complex step, if the forward is not complex differentiable."""
    errors, broken = dict(result.errors), result.broken
    at_complex, at_central = errors.get("complex"), errors.get("central")
    if at_central is not None and at_central.error <= 1e-6:
        if at_complex is not None and at_complex.error > 1e-5:
            del errors["complex"]
        broken = tuple(law for law in broken if not law.startswith("complex must not fail"))
    return CheckResult(errors, broken)
