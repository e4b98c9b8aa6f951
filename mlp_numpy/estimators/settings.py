"""The parameters of an estimator: checks, and the parts of a training that they name."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from mlp_numpy.checks import (
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    Bounds,
    choice,
    flag,
    float_dtype,
    is_whole,
    number,
    shown,
    sizes,
    whole_number,
)
from mlp_numpy.errors import OptionError
from mlp_numpy.estimators.network import HIDDEN_ACTIVATIONS
from mlp_numpy.estimators.rates import AdaptiveRate, InverseScaling, Later
from mlp_numpy.optim import OPTIMIZERS, FlatParameters, Optimizer, Plateau, Schedule, optimizer_options, parse_schedule

SOLVERS: Final = ("lbfgs", *OPTIMIZERS)
_NUMBERS: Final[dict[str, Bounds]] = {
    "alpha": NOT_NEGATIVE,
    "learning_rate_init": POSITIVE,
    "power_t": NOT_NEGATIVE,
    "tol": NOT_NEGATIVE,
    "momentum": FRACTION,
    "validation_fraction": Bounds("a number in (0, 1)", 0, 1),
    "beta_1": FRACTION,
    "beta_2": FRACTION,
    "epsilon": POSITIVE,
    "dropout": FRACTION,
}
_FLAGS: Final = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping", "batch_norm")


def check_settings(estimator: Any) -> None:
    """Check the parameters of an estimator, which scikit-learn wants done by ``fit`` and not by the constructor.

    Raises OptionError or DTypeError naming the parameter.
    """
    who = type(estimator).__name__
    hidden_sizes(who, estimator.hidden_layer_sizes)
    choice(who, "activation", estimator.activation, HIDDEN_ACTIVATIONS)
    choice(who, "solver", estimator.solver, SOLVERS)
    for name, bounds in _NUMBERS.items():
        number(who, name, getattr(estimator, name), bounds)
    for name in _FLAGS:
        flag(who, name, getattr(estimator, name))
    for name in ("max_iter", "max_fun"):
        whole_number(who, name, getattr(estimator, name))
    if estimator.batch_size != "auto":
        whole_number(who, "batch_size", estimator.batch_size)
    if estimator.n_iter_no_change != math.inf:
        whole_number(who, "n_iter_no_change", estimator.n_iter_no_change)
    if not isinstance(estimator.verbose, bool | np.bool_) and not is_whole(estimator.verbose, 0):
        raise OptionError(f"{who}: verbose must be True, False or an integer ≥ 0, got {shown(estimator.verbose)}.")
    if not isinstance(estimator.learning_rate, str):
        raise OptionError(f"{who}: learning_rate must be a string, got {shown(estimator.learning_rate)}.")
    for name, bounds in (("clip_norm", POSITIVE), ("ema", FRACTION)):
        if getattr(estimator, name) is not None:
            number(who, name, getattr(estimator, name), bounds)
    if estimator.dtype is not None and float_dtype(who, estimator.dtype).kind != "f":
        raise OptionError(f"{who}: dtype must be real, got {shown(estimator.dtype)}.")
    if estimator.module is not None and not callable(estimator.module):
        raise OptionError(
            f"{who}: module must be a Module or a function that builds one, got {shown(estimator.module)}."
        )
    callbacks = estimator.callbacks
    if callbacks is not None and not (isinstance(callbacks, list | tuple) and all(map(callable, callbacks))):
        raise OptionError(f"{who}: callbacks must be a list of functions of a record, got {shown(callbacks)}.")
    _check_lbfgs(who, estimator)


def _check_lbfgs(who: str, estimator: Any) -> None:
    if estimator.solver != "lbfgs":
        return
    # What scikit-learn ignores with this solver is ignored; what it does not know is refused.
    unused = ("dropout", "batch_norm", "clip_norm", "ema", "callbacks")
    given = [name for name in unused if getattr(estimator, name)]
    if given:
        raise OptionError(f"{who}: solver 'lbfgs' must come without {', '.join(unused)}, got {', '.join(given)}.")


def hidden_sizes(who: str, given: Any) -> tuple[int, ...]:
    """The sizes of the hidden layers, from a list or from one integer. Raises OptionError unless they are ≥ 1."""
    listed = [given] if is_whole(given) else given
    return sizes(who, "hidden_layer_sizes", listed if isinstance(listed, np.ndarray | list) else _listed(listed))


def _listed(given: Any) -> Any:
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else given


def batch_size_of(estimator: Any, n: int) -> int:
    """Examples per batch of ``n``; warns if there are fewer than the batch_size."""
    if estimator.batch_size == "auto":
        return min(200, n)
    if estimator.batch_size > n:
        warnings.warn(
            f"{type(estimator).__name__}: batch_size must be at most the number of training examples, "
            f"got {estimator.batch_size} for {n}; a batch is all of them.",
            stacklevel=2,
        )
    return min(int(estimator.batch_size), n)


def optimizer_of(estimator: Any, parameters: FlatParameters) -> Optimizer:
    """The optimizer that ``solver`` names.

    momentum and nesterovs_momentum are for sgd; beta_1, beta_2 and epsilon for the solvers that have both moments. A
    decoupled weight decay (adamw) is ``alpha``, which then is no part of the loss.
    """
    solver, taken = OPTIMIZERS[estimator.solver], optimizer_options(estimator.solver)
    options: dict[str, Any] = {}
    if estimator.solver == "sgd" and estimator.momentum:
        options = {"momentum": estimator.momentum, "nesterov": estimator.nesterovs_momentum}
    if {"beta1", "beta2"} <= taken:
        options = {"beta1": estimator.beta_1, "beta2": estimator.beta_2, "eps": estimator.epsilon}
    if solver.decoupled_weight_decay:
        options |= {"weight_decay": estimator.alpha} | ({"decay": "weights"} if estimator.alpha else {})
    return solver(parameters, estimator.learning_rate_init, **options)


def schedule_of(
    estimator: Any, *, examples: int, steps: int, seen: int, made: int, adaptive: AdaptiveRate, held_out: bool
) -> Schedule | Plateau | None:
    """The schedule that ``learning_rate`` names.

    examples   examples per epoch
    steps      updates per epoch
    seen       examples seen before
    made       updates made before by the same optimizer
    held_out   there are examples held out, which a plateau needs

    Raises OptionError for an unknown or an unsuitable schedule.
    """
    if estimator.learning_rate == "constant":
        return None
    if estimator.learning_rate == "adaptive":
        return adaptive
    if estimator.learning_rate == "invscaling":
        return InverseScaling(estimator.power_t, examples, steps, seen)
    schedule = parse_schedule(estimator.learning_rate, steps * estimator.max_iter)
    if not isinstance(schedule, Plateau):
        return Later(schedule, made) if made else schedule
    if not held_out:
        raise OptionError(
            f"{type(estimator).__name__}: learning_rate {estimator.learning_rate!r} must come with examples held out, "
            "got none. Hint: early_stopping=True, or fit(…, validation_data=(X, y))."
        )
    return schedule


def module_dtype(estimator: Any, given: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype to compute in: ``dtype``, or that of the inputs."""
    return given if estimator.dtype is None else float_dtype(type(estimator).__name__, estimator.dtype)
