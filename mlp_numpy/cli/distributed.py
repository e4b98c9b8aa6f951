"""What the ranks of a training show: the first one speaks for all, and one that fails ends all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Final

from mlp_numpy.cli.console import DIVERGED, FAILED
from mlp_numpy.errors import MlpNumpyError, NonFiniteError
from mlp_numpy.experiment.ranks import TOGETHER
from mlp_numpy.parallel import Communicator

_HEAD_START: Final = 0.5
"""Seconds after which a rank other than the first reports its failure: if all fail in the same way, one says so."""


@contextlib.contextmanager
def one_voice(ranks: Communicator) -> Iterator[None]:
    """Context of a command that all ``ranks`` run: only the first one prints.

    An error of one rank ends all of them as its process exits, after it has been printed with the number of the rank.
    """
    if ranks.size == 1:
        yield
        return
    try:
        with contextlib.ExitStack() as quiet:
            if ranks.rank:
                quiet.enter_context(contextlib.redirect_stdout(None))
                quiet.enter_context(contextlib.redirect_stderr(None))
            yield
    except TOGETHER as error:
        if ranks.rank:
            raise SystemExit(DIVERGED if isinstance(error, NonFiniteError) else FAILED) from error
        raise
    except BaseException as error:
        ranks.abort_at_exit(FAILED)
        if ranks.rank:
            time.sleep(_HEAD_START)
        if isinstance(error, MlpNumpyError):
            error.args = (f"rank {ranks.rank}: {error}",)
        raise
