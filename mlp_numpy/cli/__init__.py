"""The command line: ``train``, ``evaluate``, ``predict``, ``audit`` and others. The only package that prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

import tyro

from mlp_numpy.cli.console import DIVERGED, FAILED, MISUSED, PROGRAM, complain
from mlp_numpy.cli.learn import learn
from mlp_numpy.cli.models import evaluate_run, export, predict
from mlp_numpy.cli.packs import pack_command
from mlp_numpy.cli.proofs import audit_command, check_gradients, crash, explain_command, parity
from mlp_numpy.cli.recipes import reproduce_recipes
from mlp_numpy.cli.report import report_run
from mlp_numpy.cli.runs import doctor, log_command, replay_step, train
from mlp_numpy.cli.searches import search
from mlp_numpy.errors import MlpNumpyError, NonFiniteError, did_you_mean
from mlp_numpy.experiment.signals import Stopped

_INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Run the command named by ``words``, or by the program's arguments.

    Returns the exit status: 0 for success, 1 for an error, 2 for an unknown command, 3 for a training that diverged,
    128 + signal number for a training stopped by a signal (130: Ctrl-C). An unknown option exits with 2.
    """
    name, *options = (sys.argv[1:] if words is None else words) or [""]
    try:
        status = _status_of(name, options)
        if sys.stdout is not None:
            # Flush here, where a closed pipe is handled, and not at exit.
            sys.stdout.flush()
        return status
    except NonFiniteError as error:
        complain(str(error))
        return DIVERGED
    except MlpNumpyError as error:
        complain(str(error))
        return FAILED
    except Stopped as request:
        complain("interrupted, and saved")
        return 128 + request.number
    except KeyboardInterrupt:
        complain("interrupted")
        return _INTERRUPTED
    except BrokenPipeError:
        _discard_output()  # its reader has closed the pipe, as `| head` does
        return FAILED
    except (OSError, MemoryError) as error:
        if isinstance(error, OSError) and _output_fails():
            _discard_output()
            hint = "Hint: a training goes on with --resume."
            complain(f"standard output must take what is printed, got: {error.strerror}. {hint}")
        else:
            complain(f"{type(error).__name__}: {error}")
        return FAILED


def _output_fails() -> bool:
    """True if standard output does not take an empty line; what it refused before, Python has dropped."""
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def _discard_output() -> None:
    """Send what Python buffers, and all that is printed from now on, nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _status_of(name: str, options: Sequence[str]) -> int:
    """Run a command and return its exit status."""
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if not name:
        print(_usage(), file=sys.stderr)
        return MISUSED
    if name not in _FUNCTIONS:
        complain(f"there is no command {name!r}.{did_you_mean(name, _FUNCTIONS)} Known: {', '.join(_FUNCTIONS)}.")
        return MISUSED
    if name in _OWN_OPTIONS:
        return _OWN_OPTIONS[name](options)
    return int(tyro.cli(_FUNCTIONS[name], prog=PROGRAM + name, args=options))


def _usage() -> str:
    lines = [f"  {name:<10} {(command.__doc__ or '').splitlines()[0]}" for name, command in _FUNCTIONS.items()]
    return "\n".join(
        [
            f"usage: {PROGRAM}COMMAND [OPTION ...]",
            "",
            *lines,
            "",
            f"{PROGRAM}COMMAND --help lists the options of a command; `python train.py` is the command train.",
        ]
    )


# two take all settings of a run, also from a file; the third has commands of its own
_OWN_OPTIONS: Final[dict[str, Callable[[Sequence[str]], int]]] = {"train": train, "doctor": doctor, "learn": learn}
_FUNCTIONS: Final[dict[str, Callable[..., int]]] = {
    "train": train,
    "evaluate": evaluate_run,
    "predict": predict,
    "export": export,
    "pack": pack_command,
    "doctor": doctor,
    "report": report_run,
    "log": log_command,
    "replay": replay_step,
    "search": search,
    "reproduce": reproduce_recipes,
    "gradcheck": check_gradients,
    "audit": audit_command,
    "parity": parity,
    "crash-test": crash,
    "explain": explain_command,
    "learn": learn,
}
