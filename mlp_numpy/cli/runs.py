"""The commands about runs: ``train``, ``doctor`` and ``replay``."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from mlp_numpy.cli.console import FAILED, PROGRAM, on_terminal
from mlp_numpy.cli.follow import follow_to_its_end
from mlp_numpy.cli.seeds import parse_seeds, train_seeds
from mlp_numpy.config import Config, as_options
from mlp_numpy.errors import OptionError
from mlp_numpy.experiment import Finding, Run, examine, examine_run, finished, replay
from mlp_numpy.texts import summary, table


def train(options: Sequence[str]) -> int:
    """Train a network and leave a run folder and a picture of its curves.

    Options may also come from a file, one "name: value" a line: --config FILE.yaml. Those on the command line
    override it. --resume RUN goes on with a run that was stopped or killed, as if it had never stopped.
    --seeds 0,1,2 makes a run with each of these seeds, NAME-seed-0 and so on, and tells their mean; the same command
    with --go-on besides goes on where it was stopped.
    """
    folder, options = _resumed(options)
    if folder is not None:
        done = finished(folder)
        if done is not None:
            print(f"{summary(done)}\nrun     {folder}\nnothing is left to do")
            return 0
        return follow_to_its_end(Run.resumed(folder, progress=on_terminal()))
    seeds, go_on, options = parse_seeds(options)
    settings = settings_of(options, "train", inspect.cleandoc(train.__doc__ or ""))
    if seeds is not None:
        return train_seeds(settings, seeds, go_on=go_on)
    return follow_to_its_end(Run(settings, progress=on_terminal()))


def doctor(options: Sequence[str]) -> int:
    """Tell what is healthy in a run and what is not: doctor RUN; or, before training, the options of train.

    Nothing is written. The exit status is 1 if something is wrong.
    """
    if len(options) == 1 and not options[0].startswith("-"):
        findings = examine_run(Path(options[0]), progress=on_terminal())
    else:
        settings = settings_of(options, "doctor", inspect.cleandoc(doctor.__doc__ or ""))
        findings = examine(settings, progress=on_terminal())
    print(table([("", "measured", "verdict", "what to do"), *map(_cells, findings)]))
    return FAILED if any(finding.verdict == "wrong" for finding in findings) else 0


def _cells(finding: Finding) -> tuple[str, ...]:
    return finding.name, finding.measured, finding.verdict, finding.advice


def settings_of(options: Sequence[str], command: str, description: str) -> Config:
    """The settings that the options of a command mean, a ``--config`` file among them."""
    return tyro.cli(Config, prog=PROGRAM + command, description=description, args=with_config_file(options))


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


def replay_step(run: Annotated[Path, tyro.conf.Positional]) -> int:
    """Run the step at which a run stopped again, and see it fail at the same place.

    Args:
        run: folder of a run that diverged, or the capsule it left
    """
    found = replay(run)
    (then, now), (loss_then, loss_now) = found.places, found.losses
    print(f"step {found.step}: {found.problem}")
    for when, loss, place in (("then", loss_then, then), ("now", loss_now, now)):
        print(f"{when + ':':<5} loss {loss:.9g}, {f'first in {place}' if place else 'all numbers are finite'}")
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
