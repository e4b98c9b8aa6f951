"""Exceptions of the library, each also a subclass of a matching built-in exception.

A message reads ``Who.method: what must hold, what was found. Hint: what to do.``
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

_LONG: Final = re.compile(r"(\S{150})\S{4,}(\S{147})")


class MlpNumpyError(Exception):
    """The base class of all exceptions of this library.

    A word of more than 300 characters, such as a path, is shortened in the middle.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(_LONG.sub(r"\1...\2", arg) if isinstance(arg, str) else arg for arg in args))


class ShapeError(MlpNumpyError, ValueError):
    """An argument has an invalid shape."""


class OutOfRangeError(MlpNumpyError, IndexError):
    """An index is out of range."""


class UnknownNameError(MlpNumpyError, KeyError):
    """An unknown name, or an unexpected set of names."""

    def __str__(self) -> str:
        # KeyError shows its argument in quotes, which is wrong for a sentence.
        return str(self.args[0]) if self.args else ""


class DTypeError(MlpNumpyError, TypeError):
    """An argument has an invalid dtype."""


class LabelError(MlpNumpyError, ValueError):
    """Invalid labels: negative, too large, not integers, or of the wrong shape."""


class DomainError(MlpNumpyError, ValueError):
    """Predictions outside the domain of a loss: probabilities outside [0, 1], log-probabilities above 0."""


class OptionError(MlpNumpyError, ValueError):
    """An invalid setting: a size of zero, a negative learning rate, an unknown name."""


class BuilderError(OptionError):
    """A builder of one's own network, ``--model package.module:function``, that cannot be imported or used."""


class CallOrderError(MlpNumpyError, RuntimeError):
    """``backward`` was called before the ``forward`` that it differentiates."""


class GraphError(MlpNumpyError, RuntimeError):
    """There is nothing to differentiate: a graph was cleared, never recorded, or no leaf of it needs a gradient."""


class NonFiniteError(MlpNumpyError, ArithmeticError):
    """A NaN or an infinity where finite values are required."""


class DataError(MlpNumpyError, ValueError):
    """A data file is truncated, damaged, of another format, or not what its name says."""


class DataNotFoundError(MlpNumpyError, FileNotFoundError):
    """A data set is neither on disk nor downloadable."""


class SealedError(MlpNumpyError, AttributeError):
    """A test set was accessed without being opened."""


class DownloadError(DataNotFoundError, ConnectionError):
    """No mirror delivered the file."""


class ExtraMissingError(MlpNumpyError, ImportError):
    """An optional dependency is absent or broken; the message names the extra that installs it."""


class RunFolderError(MlpNumpyError, OSError):
    """A run's folder exists already, is missing, or cannot be written."""


class TrackingError(MlpNumpyError, RuntimeError):
    """A tracker failed to take a run that has ended."""


class WorkerLostError(MlpNumpyError, RuntimeError):
    """A worker process is gone: killed, for example by the system when memory ran out, or cut off from the others."""


class WorkerMismatchError(MlpNumpyError, RuntimeError):
    """A worker has another version of the library, or other data, than the process that gives it work."""


class ClusterError(MlpNumpyError, ConnectionError):
    """The scheduler of a cluster cannot be reached, or has no workers."""


class RanksDifferError(MlpNumpyError, RuntimeError):
    """The processes of one training have other data, settings or weights."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> OptionError:
    """The error for an unknown name, with the closest known name.

    >>> str(unknown_name("optimizer", "sdg", ["sgd"]))
    "unknown optimizer 'sdg'. Did you mean 'sgd'? Known: sgd."
    """
    names = sorted(known)
    return OptionError(f"unknown {kind} {name!r}.{did_you_mean(name, names)} Known: {', '.join(names)}.")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with the known name closest to a mistyped one, or an empty string if none is close.

    The comparison ignores case.
    """
    spellings = {each.casefold(): each for each in known}
    nearest = difflib.get_close_matches(name.casefold(), spellings, n=1, cutoff=0.5)
    return f" Did you mean {spellings[nearest[0]]!r}?" if nearest else ""


def unreadable(who: str, path: object, error: OSError) -> DataError:
    """The error for an existing file that cannot be read, for which deleting or recreating it would not help."""
    return DataError(
        f"{who}: {path} must be readable, got: {error.strerror or error}. Hint: check its owner and permissions."
    )
