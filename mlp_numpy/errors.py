"""The exceptions of the library; each also derives from the matching built-in exception.

Message format: ``Who.method: expected X, got Y. Hint: what to do.``
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MlpNumpyError(Exception):
    """The base class of all errors that this library raises deliberately."""


class ShapeError(MlpNumpyError, ValueError):
    """An array has the wrong shape."""


class OutOfRangeError(MlpNumpyError, IndexError):
    """An index is out of range."""


class UnknownNameError(MlpNumpyError, KeyError):
    """A name is unknown, or a set of names is not the expected one."""

    def __str__(self) -> str:
        # KeyError shows its argument in quotes, which suits a key but not a sentence.
        return str(self.args[0]) if self.args else ""


class DTypeError(MlpNumpyError, TypeError):
    """An array has the wrong dtype."""


class LabelError(MlpNumpyError, ValueError):
    """Labels are invalid: negative, too large, not integers, or of the wrong shape."""


class DomainError(MlpNumpyError, ValueError):
    """Predictions are outside the domain of a loss: probabilities outside [0, 1], or log-probabilities above 0."""


class OptionError(MlpNumpyError, ValueError):
    """A setting is invalid: a size of zero, a negative learning rate, an unknown name."""


class CallOrderError(MlpNumpyError, RuntimeError):
    """``backward`` was called before the ``forward`` that it differentiates."""


class GraphError(MlpNumpyError, RuntimeError):
    """There is nothing to differentiate: the graph was cleared or never recorded, or no leaf needs a gradient."""


class NonFiniteError(MlpNumpyError, ArithmeticError):
    """A NaN or an infinity appeared where finite values are required."""


class DataError(MlpNumpyError, ValueError):
    """A data file is truncated, damaged, or of another type."""


class DataNotFoundError(MlpNumpyError, FileNotFoundError):
    """A file or data set is missing, and not available for download."""


class SealedError(MlpNumpyError, AttributeError):
    """A test set was accessed without being opened."""


class DownloadError(DataNotFoundError, ConnectionError):
    """No mirror delivered the requested file."""


class ExtraMissingError(MlpNumpyError, ImportError):
    """An optional dependency is missing or broken; the message names the extra that installs it."""


class RunFolderError(MlpNumpyError, OSError):
    """A run's folder already exists, is missing or in use, or cannot be written."""


class WorkerLostError(MlpNumpyError, RuntimeError):
    """A worker process is gone: killed by a user, or by the system when memory ran out."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> OptionError:
    """The error for an unknown name, with the nearest known one.

    >>> str(unknown_name("optimizer", "sdg", ["sgd"]))
    "unknown optimizer 'sdg'. Did you mean 'sgd'? Known: sgd."
    """
    names = sorted(known)
    return OptionError(f"unknown {kind} {name!r}.{did_you_mean(name, names)} Known: {', '.join(names)}.")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with the known name nearest to a mistyped one, or an empty string if none is near.

    Matching ignores case; the suggestion keeps the known spelling.
    """
    spellings = {each.casefold(): each for each in known}
    nearest = difflib.get_close_matches(name.casefold(), spellings, n=1, cutoff=0.5)
    return f" Did you mean {spellings[nearest[0]]!r}?" if nearest else ""


def unreadable(who: str, path: object, error: OSError) -> DataError:
    """The error for a file that exists but cannot be read; recreating it would not help."""
    return DataError(
        f"{who}: {path} must be readable, got: {error.strerror or error}. Hint: check its owner and permissions."
    )
