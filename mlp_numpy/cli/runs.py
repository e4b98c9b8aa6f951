"""The commands about runs: ``train`` and ``replay``."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from mlp_numpy.cli.console import FAILED, PROGRAM, banner, on_terminal
from mlp_numpy.config import Config, as_options
from mlp_numpy.errors import NonFiniteError, OptionError
from mlp_numpy.experiment import Run, replay
from mlp_numpy.texts import evaluation_line, summary
from mlp_numpy.training import StepRecord


def train(options: Sequence[str]) -> int:
    """Train an MLP and leave a run folder and a picture of its curves.

    Options may also come from a file, one "name: value" a line: --config FILE.yaml. Those on the command line
    override it. --resume RUN goes on with a run that was stopped or killed, as if it had never stopped.
    """
    folder, options = _resumed(options)
    if folder is None:
        description = inspect.cleandoc(train.__doc__ or "")
        settings = tyro.cli(Config, prog=PROGRAM + "train", description=description, args=with_config_file(options))
        experiment = Run(settings, progress=on_terminal())
    else:
        experiment = Run.resumed(folder, progress=on_terminal())
    with experiment as run:
        try:
            _follow(run)
        except NonFiniteError:
            print(f"run     {run.folder}\npicture {run.picture}", flush=True)
            raise
    if run.result is None:
        return FAILED
    print(f"{summary(run.result.history)}\nrun     {run.folder}\npicture {run.picture}")
    return 128 + run.stopped_by if run.stopped_by is not None else 0


def _resumed(options: Sequence[str]) -> tuple[Path | None, Sequence[str]]:
    """The folder behind ``--resume``, if it is there, and the other options, of which there must be none then."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--resume", type=Path)
    try:
        found, others = finder.parse_known_args(options)
    except argparse.ArgumentError as error:
        raise OptionError("--resume: must be followed by the folder of a run, got none.") from error
    if found.resume is not None and others:
        raise OptionError(
            f"--resume: a run goes on with its own settings, got {' '.join(others)} besides. "
            "Hint: other settings are another run."
        )
    return found.resume, others


def _follow(run: Run) -> None:
    """Tell what is trained on what, and follow it to its end: with a bar where someone looks on, else with lines."""
    if run.warning is not None:
        banner(run.warning)
    settings, how = run.config, run.trainer.optimizer
    sizes = f"{len(run.parts.train):,} + {len(run.trainer.held_out):,} images ({settings.held_out})"
    print(f"data    {run.dataset.name}, {sizes}, from {run.dataset.source}")
    print(f"model   {run.model!r}, {len(run.parameters):,} parameters")
    print(f"train   {how!r}, batch {settings.batch}, {settings.steps} steps, seed {settings.seed}", flush=True)
    done = run.trainer.step
    if done:
        print(f"resumed after step {done}", flush=True)
    with tqdm(total=settings.steps, initial=done, unit="step", disable=not on_terminal(), dynamic_ncols=True) as bar:
        latest: StepRecord | None = None
        for record in run.records():
            if isinstance(record, StepRecord):
                latest = record
                bar.update()
            else:
                bar.set_postfix_str(f"{settings.held_out} accuracy {record.accuracy:.3f}")
                if bar.disable:
                    print(evaluation_line(record, latest, settings.held_out), flush=True)


def replay_step(run: Annotated[Path, tyro.conf.Positional]) -> int:
    """Run the step at which a run stopped again, and see it fail at the same place.

    Args:
        run: folder of a run that diverged, or the capsule it left
    """
    found = replay(run)
    (then, now), (loss_then, loss_now) = found.places, found.losses
    print(f"step {found.step}: {found.problem}")
    print(f"then: loss {loss_then:.9g}, first in {then or 'no place, all numbers are finite'}")
    print(f"now:  loss {loss_now:.9g}, first in {now or 'no place, all numbers are finite'}")
    print("the same, to the last bit of the loss" if found.same else "not the same")
    return 0 if found.same else FAILED


def with_config_file(options: Sequence[str]) -> list[str]:
    """The options of a command line, those of a ``--config`` file put before the others, which so override them."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--config", type=Path, action="append", default=[])
    try:
        found, others = finder.parse_known_args(options)
    except argparse.ArgumentError as error:
        raise OptionError("--config: must be followed by the name of a YAML file, got none.") from error
    return [word for path in found.config for word in as_options(path)] + others
