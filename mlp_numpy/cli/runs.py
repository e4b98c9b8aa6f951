"""The commands about runs: ``train``, ``doctor`` and ``replay``."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from mlp_numpy.cli.console import FAILED, MISUSED, PROGRAM, complain, on_terminal
from mlp_numpy.cli.follow import follow_to_its_end
from mlp_numpy.cli.formatting import run_summary, table
from mlp_numpy.cli.seeds import parse_seeds, train_seeds
from mlp_numpy.config import Config, as_options
from mlp_numpy.data.reading import as_path
from mlp_numpy.diagnose import Finding, examine, examine_run, replay
from mlp_numpy.errors import DataNotFoundError, OptionError
from mlp_numpy.experiment import Run, finished
from mlp_numpy.experiment.folder import ended
from mlp_numpy.experiment.resume import read_resumed


def train(options: Sequence[str]) -> int:
    """Train a network and leave a run folder and a picture of its curves.

    Options may also come from a file, one "name: value" a line: --config FILE.yaml. Those on the command line
    override it. --resume RUN goes on with a run that was stopped or killed, as if it had never stopped; --data-dir says
    where its data set is now, and --download that it may be fetched anew.
    --seeds 0,1,2 makes a run with each of these seeds, NAME-seed-0 and so on, and tells their mean; the same command
    with --go-on besides goes on where it was stopped.
    """
    folder, data, options = _resumed(options)
    if folder is not None:
        return _go_on(folder, data)
    seeds, go_on, options = parse_seeds(options)
    settings = settings_of(options, "train", inspect.cleandoc(train.__doc__ or ""))
    if seeds is not None:
        return train_seeds(settings, seeds, go_on=go_on)
    return follow_to_its_end(Run(settings, progress=on_terminal()))


def doctor(options: Sequence[str]) -> int:
    """Tell what is healthy in a run and what is not: doctor RUN; or, before training, the options of train.

    Nothing is written, and nothing downloaded. With RUN, --data-dir says where its data set is now. The exit status is
    1 if something is wrong.
    """
    if options and not options[0].startswith("-"):
        data, others = _where(options[1:])
        if others or data.download is not None:
            raise OptionError(f"doctor: a run must come alone or with --data-dir, got {' '.join(options[1:])} with it.")
        findings = examine_run(options[0], progress=on_terminal(), data_dir=data.data_dir)
    else:
        settings = settings_of(options, "doctor", inspect.cleandoc(doctor.__doc__ or ""))
        findings = examine(settings, progress=on_terminal())
    print(table([("", "measured", "verdict", "what to do"), *map(_cells, findings)]))
    return FAILED if any(finding.verdict == "wrong" for finding in findings) else 0


def _cells(finding: Finding) -> tuple[str, ...]:
    return finding.name, finding.measured, finding.verdict, finding.advice


def settings_of(options: Sequence[str], command: str, description: str) -> Config:
    """The settings that the options of a command mean, a ``--config`` file among them.

    Settings that contradict each other end the program as a mistyped option does. Raises OptionError for such a file.
    """
    args = with_config_file(options)
    try:
        return tyro.cli(Config, prog=PROGRAM + command, description=description, args=args)
    except OptionError as error:  # tyro reports it itself since version 1.0.16
        complain(str(error))
        raise SystemExit(MISUSED) from error


def _go_on(folder: str, data: argparse.Namespace) -> int:
    """Go on with a run, if anything is left to do."""
    done = finished(folder)
    if done is not None:
        print(f"{run_summary(done)}\nrun     {folder}\nnothing is left to do")
        return 0
    whole = ended(as_path("train", folder))
    how: dict[str, Any] = {"data_dir": data.data_dir, "download": data.download, "progress": on_terminal()}
    resumed = read_resumed(folder, data_dir=data.data_dir, download=data.download)
    if whole is not None and resumed.checkpoint is None:
        raise DataNotFoundError(
            f"--resume: {folder} must have its model or a checkpoint from which it can be restored, found neither, "
            "though the run came to its end. Hint: train it again, with --overwrite."
        )
    if whole is not None:
        print(f"what the run left is not whole: it is written anew from the checkpoint in {folder}", flush=True)
    return follow_to_its_end(Run.resumed(folder, **how))


def _where(options: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Where data are, and whether they may be fetched, for a run that has all other settings; and the other options."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--data-dir")
    finder.add_argument("--download", action=argparse.BooleanOptionalAction)
    try:
        return finder.parse_known_args(options)
    except argparse.ArgumentError as error:
        raise OptionError("--data-dir: must be followed by the folder of a data set, got none.") from error


def _resumed(options: Sequence[str]) -> tuple[str | None, argparse.Namespace, Sequence[str]]:
    """The folder behind ``--resume``, if it is there, where its data are, and the other options, then none."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--resume")
    try:
        found, others = finder.parse_known_args(options)
    except argparse.ArgumentError as error:
        raise OptionError("--resume: must be followed by the folder of a run, got none.") from error
    if found.resume is None:
        return None, argparse.Namespace(), others
    data, others = _where(others)
    if others:
        raise OptionError(
            f"--resume: a run goes on with its own settings, got {' '.join(others)} besides. "
            "Hint: other settings are another run."
        )
    return found.resume, data, others


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
