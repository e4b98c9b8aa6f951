"""A session of a page: answers its messages, one after the other."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import mlp_numpy
from mlp_numpy.browser.exercises import FormulaExercise, exercise_names, judge
from mlp_numpy.browser.formulas import Json, error_json, formula_page, op_titles
from mlp_numpy.browser.live import LiveTraining
from mlp_numpy.browser.settings import LIVE_ACTIVATIONS, LIVE_DATA, LIVE_NORMS, LiveSettings
from mlp_numpy.errors import CallOrderError, MlpNumpyError, OptionError, unknown_name
from mlp_numpy.optim.registry import OPTIMIZERS


class Session:
    """The state behind a page: one training at a time.

    A message is a JSON object with a key "do", one of the names below, and its arguments; an answer is a JSON object
    with the key "result", or "error" with the kind and the text of the library's error.

    about                                   versions, and the names to choose from
    train_start(settings)                   a new training; its network and data
    train_step(n)                           the loss of each of n steps
    train_view(), train_checks()            its state on the test split; its gradients beside the complex step
    train_trace()                           the stages of the next step
    layers(), layer(name, arrays)           the formulas; one with its numbers
    exercises(), exercise(name)             the formulas to derive; the task of one
    judge(name, code)                       the verdict on an answer, which is run
    """

    def __init__(self) -> None:
        self.training: LiveTraining | None = None
        self._handlers: dict[str, Callable[..., Any]] = {
            "about": self._about,
            "train_start": self._train_start,
            "train_step": lambda n=1: {"losses": self._running().advance(n), "step": self._running().step},
            "train_view": lambda: self._running().view(),
            "train_checks": lambda: self._running().checks(),
            "train_trace": lambda: self._running().trace(),
            "layers": op_titles,
            "layer": lambda name, arrays=None: formula_page(name, arrays),
            "exercises": exercise_names,
            "exercise": lambda name: dataclasses.asdict(FormulaExercise.of(name)),
            "judge": judge,
        }

    def answer(self, message: str) -> str:
        """The answer to a message, both JSON; an error of the library is an answer too."""
        try:
            return json.dumps({"result": self._handled(message)}, allow_nan=False)
        except MlpNumpyError as error:
            return json.dumps({"error": error_json(error)})

    def _handled(self, message: str) -> Any:
        try:
            fields = json.loads(message)
        except ValueError as error:
            raise OptionError(f"Session.answer: a message must be JSON, got: {error}.") from error
        if not isinstance(fields, dict) or not isinstance(fields.get("do"), str):
            raise OptionError('Session.answer: a message must be an object with a key "do", got another one.')
        name = fields.pop("do")
        if name not in self._handlers:
            raise unknown_name("message", name, self._handlers)
        try:
            return self._handlers[name](**fields)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                raise OptionError(f"Session.answer: wrong arguments of {name}: {error}.") from error
            raise

    def _about(self) -> Json:
        return {
            "versions": {
                "mlp_numpy": mlp_numpy.__version__,
                "numpy": np.__version__,
                "python": sys.version.split()[0],
                "platform": sys.platform,
            },
            "data": list(LIVE_DATA),
            "activation": list(LIVE_ACTIVATIONS),
            "norm": list(LIVE_NORMS),
            "optimizer": list(OPTIMIZERS),
        }

    def _train_start(self, settings: dict[str, Any] | None = None) -> Json:
        self.training = LiveTraining(LiveSettings.of(settings or {}))
        return self.training.overview()

    def _running(self) -> LiveTraining:
        if self.training is None:
            raise CallOrderError("Session: a training must have been started, found none. Hint: train_start first.")
        return self.training
