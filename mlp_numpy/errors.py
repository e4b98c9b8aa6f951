"""What can go wrong, as exceptions: one small family, each member also the built-in kind that one expects.

A message reads ``Who.method: what must hold, what was found. Hint: what to do.``
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MlpNumpyError(Exception):
    """The base of every error that this library raises on purpose."""


class ShapeError(MlpNumpyError, ValueError):
    """An array came to a door with a shape that does not fit."""


class OutOfRangeError(MlpNumpyError, IndexError):
    """An index names a place that an array does not have."""


class UnknownNameError(MlpNumpyError, KeyError):
    """A name under which nothing is kept, or a set of names that is not the one wanted."""

    def __str__(self) -> str:
        # KeyError itself shows its argument in quotes, which is right for a key and not for a sentence.
        return str(self.args[0]) if self.args else ""


class DTypeError(MlpNumpyError, TypeError):
    """An array came to a door with a kind of number that does not fit."""


class LabelError(MlpNumpyError, ValueError):
    """Labels that name no class: negative, too large, not whole, or of the wrong form."""


class DomainError(MlpNumpyError, ValueError):
    """Predictions that a loss is not defined for: probabilities outside [0, 1], their logarithms above 0."""


class OptionError(MlpNumpyError, ValueError):
    """A setting that cannot be meant: a size of zero, a negative learning rate, an unknown name."""


class CallOrderError(MlpNumpyError, RuntimeError):
    """``backward`` was called before the ``forward`` that it differentiates."""


class GraphError(MlpNumpyError, RuntimeError):
    """There is nothing to differentiate: a graph was cleared, never recorded, or no leaf of it needs a gradient."""


class NonFiniteError(MlpNumpyError, ArithmeticError):
    """A NaN or an infinity appeared where only numbers make sense."""


class DataError(MlpNumpyError, ValueError):
    """A data file is truncated, damaged, foreign, or not what its name says."""


class DataNotFoundError(MlpNumpyError, FileNotFoundError):
    """A data set is neither on disk nor to be had."""


class SealedError(MlpNumpyError, AttributeError):
    """A test set was looked at without being opened."""


class DownloadError(DataNotFoundError, ConnectionError):
    """No mirror delivered the file that was asked for."""


class ExtraMissingError(MlpNumpyError, ImportError):
    """An optional dependency is absent or broken; the message names the extra that installs it."""


class RunFolderError(MlpNumpyError, OSError):
    """A run's folder exists already, is missing, or cannot be written."""


class WorkerLostError(MlpNumpyError, RuntimeError):
    """A process that did a part of the work is gone: killed by somebody, or by the system when memory ran out."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> OptionError:
    """The error for a name that is not in a table, with the nearest name that is.

    >>> str(unknown_name("optimizer", "sdg", ["sgd"]))
    "unknown optimizer 'sdg'. Did you mean 'sgd'? Known: sgd."
    """
    names = sorted(known)
    return OptionError(f"unknown {kind} {name!r}.{did_you_mean(name, names)} Known: {', '.join(names)}.")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with the known name nearest to a mistyped one, or nothing where none is near.

    Capital and small letters are alike; the name is given as it is known.
    """
    spellings = {each.casefold(): each for each in known}
    nearest = difflib.get_close_matches(name.casefold(), spellings, n=1, cutoff=0.5)
    return f" Did you mean {spellings[nearest[0]]!r}?" if nearest else ""


def unreadable(who: str, path: object, error: OSError) -> DataError:
    """The error for a file that is there and cannot be read: to delete or to make it again would not help."""
    return DataError(
        f"{who}: {path} must be readable, got: {error.strerror or error}. Hint: check its owner and permissions."
    )
