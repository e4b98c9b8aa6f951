"""The commands about runs: ``train``, ``doctor``, ``log`` and ``replay``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import tyro

from mlp_numpy.cli.console import FAILED, on_terminal
from mlp_numpy.cli.distributed import one_voice
from mlp_numpy.cli.follow import follow
from mlp_numpy.cli.formatting import run_summary, table
from mlp_numpy.cli.options import config_of, given, parse, settings_command
from mlp_numpy.cli.seeds import parse_seeds, train_seeds
from mlp_numpy.data.reading import as_path
from mlp_numpy.diagnose import Finding, examine, examine_run, replay
from mlp_numpy.errors import DataNotFoundError, OptionError
from mlp_numpy.experiment import Run, finished, log_run
from mlp_numpy.experiment.folder import ended
from mlp_numpy.experiment.ranks import ranks_of
from mlp_numpy.experiment.resume import read_resumed
from mlp_numpy.tracking import make_tracker

_DATA_OPTIONS: Final = {"--data-dir", "--download", "--no-download"}
_Train: Final = settings_command(
    "Train",
    [
        (
            "resume",
            Annotated[
                str | None,
                tyro.conf.arg(
                    help="folder of a stopped or killed run: resume it with its own settings; "
                    "only --threads and --distributed may be given as well, and --data-dir and --download if its data "
                    "set has moved",
                    metavar="RUN",
                ),
            ],
            None,
        ),
        (
            "seeds",
            Annotated[
                str | None,
                tyro.conf.arg(
                    help="train once with each of these seeds, such as 0,1,2, as runs NAME-seed-0 …, "
                    "and report their mean ± standard deviation",
                    metavar="SEEDS",
                ),
            ],
            None,
        ),
        (
            "continue_",
            Annotated[
                bool,
                tyro.conf.FlagCreatePairsOff,
                tyro.conf.arg(
                    name="continue",
                    aliases=["--go-on"],
                    help="with --seeds: resume stopped runs and skip finished ones",
                ),
            ],
            False,
        ),
    ],
)
_Doctor: Final = settings_command(
    "Doctor",
    [
        (
            "folder",
            Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(help="folder of a run", metavar="[RUN]")],
            None,
        )
    ],
)


def train(words: Sequence[str]) -> int:
    """Train a network, and save a run folder and a figure of its curves.

    An option that would have no effect with the others is an error.
    """
    command = parse(_Train, words, "train", inspect.cleandoc(train.__doc__ or ""))
    if command.resume is not None:
        return _resume(command, given(words))
    seeds = parse_seeds(command.seeds, command.continue_, given(words))
    settings = config_of(command)
    if seeds is not None:
        return train_seeds(settings, seeds, resume=command.continue_)
    ranks = ranks_of(settings)
    with one_voice(ranks):
        return follow(Run(settings, progress=on_terminal(), ranks=ranks))


def doctor(words: Sequence[str]) -> int:
    """Diagnose a run, or, without RUN, the training that the same options of train would start.

    Nothing is written or downloaded. With RUN, --data-dir gives the folder of its data set, if that has moved. The exit
    status is 1 if there is an error.
    """
    command = parse(_Doctor, words, "doctor", inspect.cleandoc(doctor.__doc__ or ""))
    if command.folder is not None:
        others = given(words) - {"--data-dir"}
        if others:
            raise OptionError(f"doctor: a run must come alone or with --data-dir, got {_listed(others)} with it.")
        data_dir = command.data.data_dir if "--data-dir" in given(words) else None
        findings = examine_run(command.folder, progress=on_terminal(), data_dir=data_dir)
    else:
        findings = examine(config_of(command), progress=on_terminal())
    print(table([("", "measured", "status", "what to do"), *map(_cells, findings)]))
    return FAILED if any(finding.status == "error" for finding in findings) else 0


def _cells(finding: Finding) -> tuple[str, ...]:
    return finding.name, finding.measured, finding.status, finding.advice


def _listed(options: set[str]) -> str:
    return " ".join(sorted(options))


def _resume(command: Any, options: set[str]) -> int:
    """Resume a run, if anything is left to do."""
    others = options - {"--resume", "--threads", "--distributed"} - _DATA_OPTIONS
    if others:
        raise OptionError(
            f"--resume: a run resumes with its own settings, got {_listed(others)} with it. "
            "Hint: other settings are another run."
        )
    folder = command.resume
    data_dir = command.data.data_dir if "--data-dir" in options else None
    threads = command.run.threads if "--threads" in options else None
    download = command.data.download if options & (_DATA_OPTIONS - {"--data-dir"}) else None
    done = finished(folder)
    if done is not None:
        print(f"{run_summary(done)}\nrun     {folder}\nalready complete, nothing to do")
        return 0
    whole = ended(as_path("train", folder))
    distributed = command.run.distributed if "--distributed" in options else None
    how: dict[str, Any] = {"data_dir": data_dir, "download": download, "threads": threads, "distributed": distributed}
    resumed = read_resumed(folder, **how)
    if whole is not None and resumed.checkpoint is None:
        raise DataNotFoundError(
            f"--resume: {folder} must have a model, or a checkpoint to restore it from, found neither, "
            "although the run is complete. Hint: train it again, with --overwrite."
        )
    ranks = ranks_of(resumed.config)
    with one_voice(ranks):
        if whole is not None:
            print(f"some files of the run are missing: rewriting them from the checkpoint in {folder}", flush=True)
        return follow(Run(resumed.config, progress=on_terminal(), resumed=resumed, ranks=ranks))


def log_command(run: Annotated[Path, tyro.conf.Positional], to: str) -> int:
    """Report a run that has ended to an experiment tracker.

    A run that the tracker has already is not added twice.

    Args:
        run: folder of a run
        to: tensorboard, mlflow or wandb; needs the extra of that name
    """
    history = log_run(run, make_tracker("log", to))
    print(f"{to} has {run}: {len(history.steps)} steps, {len(history.evaluations)} evaluations")
    return 0


def replay_step(run: Annotated[Path, tyro.conf.Positional]) -> int:
    """Replay the step at which a run diverged, and check that it fails at the same place.

    Args:
        run: folder of a run that diverged, or the failure dump it left
    """
    found = replay(run)
    (then, now), (loss_then, loss_now) = found.places, found.losses
    print(f"step {found.step}: {found.problem}")
    for when, loss, place in (("then", loss_then, then), ("now", loss_now, now)):
        print(f"{when + ':':<5} loss {loss:.9g}, {f'first in {place}' if place else 'all values are finite'}")
    print("the same, to the last bit of the loss" if found.same else "not the same")
    return 0 if found.same else FAILED
