"""The doctor: the health of a training, before it from its settings, after it from its folder."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import instance
from mlp_numpy.config import Config
from mlp_numpy.data.json_files import understood
from mlp_numpy.data.statistics import examples_per_class
from mlp_numpy.diagnose import rules
from mlp_numpy.diagnose.rules import Finding, Measures
from mlp_numpy.errors import DataError, DataNotFoundError, NonFiniteError
from mlp_numpy.experiment.build import Components, build_components, load_data, network, update
from mlp_numpy.experiment.build import loss as loss_of
from mlp_numpy.experiment.folder import DONE, history_of, model_problem
from mlp_numpy.experiment.lock import is_locked
from mlp_numpy.experiment.resume import ResumePoint, read_resumed
from mlp_numpy.modules import SoftMaxCrossEntropy
from mlp_numpy.optim import Adam, FlatParameters
from mlp_numpy.training import Checkpoint, Update, accuracy

_BATCH: Final = 64
_STEPS: Final = 300
_LEARNED: Final = 0.1


def examine(config: Config, *, progress: bool = False) -> list[Finding]:
    """The findings before a training: from its data, its initialization, its first step and one batch.

    Nothing is written or downloaded. Raises OptionError unless ``config`` is a Config, and whatever
    ``build_components`` raises.
    """
    config = instance("examine", "config", config, Config)
    loaded = load_data(config, progress=progress, write=False)
    return list(_before(build_components(replace(config, layer_stats_every=1), loaded=loaded), config))


def examine_run(
    folder: str | os.PathLike[str], *, progress: bool = False, data_dir: str | os.PathLike[str] | None = None
) -> list[Finding]:
    """The findings of ``examine`` for the settings of a run, and those from its history and last checkpoint.

    ``data_dir`` is the folder of its data set, if that has moved. Nothing is written or downloaded. Raises whatever
    ``read_resumed`` and ``build_components`` raise, and DataError for a damaged history or another data set.
    """
    found = read_resumed(folder, data_dir=data_dir, download=False)
    ends = list(_end(found))
    parts = build_components(replace(found.config, layer_stats_every=1), loaded=found.data(progress=progress))
    found.check_data(parts)
    findings = [*_before(parts, found.config), *ends]
    if found.checkpoint is not None and found.checkpoint.history.steps:
        findings += _after(parts, found.config, found.checkpoint)
    return findings


def _end(found: ResumePoint) -> Iterator[Finding]:
    """The end of the run of a folder, and missing or damaged files."""
    folder, status = found.place.folder, ""
    with contextlib.suppress(DataNotFoundError):
        status = history_of(folder).info.status
        problem = model_problem(folder)
        if isinstance(problem, DataError) or (problem is not None and status in DONE):
            yield rules.model_file(str(problem), restorable=found.checkpoint is not None)
    step = None if found.checkpoint is None else found.checkpoint.history.steps[-1:]
    yield rules.ending(status, at_work=is_locked(folder), step=step[0].step if step else None)


def _before(parts: Components, config: Config) -> Iterator[Finding]:
    dataset, task = parts.dataset, parts.dataset.task
    word = "rows" if dataset.columns else "images"
    yield rules.data(dataset.name, len(parts.train), parts.warning, word)
    if task == "classification":
        yield rules.class_sizes(examples_per_class(parts.train, dataset.n_classes), dataset.class_names)
    state = parts.trainer.state()
    x, y = parts.trainer.batches.at(0)
    mean, std = float(x.mean(dtype=np.float64)), float(x.std(dtype=np.float64))
    try:
        record = parts.trainer.advance()
    except NonFiniteError as error:
        yield rules.exploded("at the start", str(error))
    else:
        measures: Measures = record.layer_stats or {}
        if parts.trainer.loss.op is SoftMaxCrossEntropy:
            yield rules.first_loss(record.loss, dataset.n_classes)
        else:
            yield rules.first_loss(record.loss, dataset.n_classes, _chance(parts, y))
        yield rules.input_scale(mean, std, measures)
        yield from _layers("at the start", measures, config.batch)
    parts.trainer.load_state(state)
    yield _one_batch(parts, config)


def _after(parts: Components, config: Config, checkpoint: Checkpoint) -> Iterator[Finding]:
    history, scale = checkpoint.history, _chance(parts, parts.trainer.batches.at(0)[1])
    with understood("examine_run", f"{checkpoint.path} must hold the state of this run"):
        parts.trainer.load_state(checkpoint.state)
    try:
        record = parts.trainer.advance()
    except NonFiniteError as error:
        yield rules.exploded("now", str(error))
    else:
        yield from _layers("now", record.layer_stats or {}, config.batch)
    if history.evaluations:
        if parts.dataset.task == "classification":
            yield rules.above_chance(history, examples_per_class(parts.held_out, parts.dataset.n_classes))
        else:
            yield rules.above_mean(history)
        yield rules.gap(history, scale)
    yield rules.still_falling(history, scale)


def _chance(parts: Components, y: Array) -> float:
    """The loss of outputs of 0 for the targets of a batch: ln C for the cross-entropy, about 1 for the squared error of
    standardized targets."""
    with np.errstate(all="ignore"):
        return float(parts.trainer.loss.forward(np.zeros((len(y), parts.dataset.n_outputs)), y))


def _layers(when: str, measures: Measures, n_rows: int) -> Iterator[Finding]:
    yield rules.dead_units(when, measures, n_rows)
    yield rules.updates(when, measures)
    yield rules.gradients(when, measures)


def _one_batch(parts: Components, config: Config) -> Finding:
    """Overfit a few examples, without regularization."""
    bare = replace(config, dropout=0.0, label_smoothing=0.0, schedule="constant")
    n = min(_BATCH, len(parts.train))
    few = parts.train.rows(slice(n))
    x = parts.preprocessing.apply(few.inputs, config.dtype)
    y = few.targets
    own = _learned(parts, bare, x, y, adam=False)
    adam = None if own[0] < _LEARNED else _learned(parts, bare, x, y, adam=True)
    return rules.one_batch(n, own, adam)


# An overflow is a finding here.
@np.errstate(over="ignore", invalid="ignore")
def _learned(parts: Components, config: Config, x: Array, y: Array, *, adam: bool) -> tuple[float, int]:
    """The final loss (infinity if it exploded), and the number of steps."""
    task = parts.dataset.task
    model, loss = network(config, parts.dataset).logits, loss_of(config, task)
    parameters = FlatParameters(model)
    change = Update(Adam(parameters, 1e-3)) if adam else update(config, parameters, model)
    value = math.inf
    for step in range(_STEPS):
        scores = model.forward(x)
        value = float(loss.forward(scores, y))
        if not value <= config.divergence_factor:
            return math.inf, step
        if value < _LEARNED and (task == "regression" or accuracy(scores, y) == 1):
            return value, step
        model.backward(loss.backward())
        change.apply(step, [])
    return value, _STEPS
