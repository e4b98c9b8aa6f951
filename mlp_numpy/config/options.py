"""Options: the metadata of one setting of a run (help, group, check, choices), on its field."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from mlp_numpy.checks import Bounds, choice, flag, is_whole, number, shown, whole_number
from mlp_numpy.config.needs import Need
from mlp_numpy.data.order import parse_shuffle
from mlp_numpy.errors import OptionError, did_you_mean
from mlp_numpy.models import MODELS
from mlp_numpy.models.own_net import is_own

WHO: Final = "Config"
Validator = Callable[[str, str, Any], Any]
"""(who, name, value) → the value in a plain Python type; raises OptionError, naming both, if it is invalid."""


@dataclass(frozen=True)
class Option:
    """One setting of a run.

    help      description, one line of ``--help``
    group     heading under which ``--help`` lists it
    check     check of its type, range or choices
    choices   the allowed names, if it has a fixed set
    need      other settings without which it has no effect
    old       its name in version 0.1, still accepted
    """

    help: str
    group: str
    check: Validator
    choices: tuple[str, ...] = ()
    need: Need | None = None
    old: str = ""


def option(
    default: Any,
    group: str,
    help: str,
    check: Validator,
    *,
    choices: Sequence[str] = (),
    need: Need | None = None,
    old: str = "",
) -> Any:
    """A field of ``Config`` with its Option in the metadata."""
    known = Option(help, group, check, tuple(choices), need, old)
    return dataclasses.field(default=default, metadata={"option": known})


def option_of(field: dataclasses.Field[Any]) -> Option:
    """The Option of a field."""
    found: Option = field.metadata["option"]
    return found


def parse_value(who: str, field: dataclasses.Field[Any], words: str | Sequence[str]) -> Any:
    """The value of a field from text, of the command line or of YAML: converted to its type, and checked.

    Raises OptionError, naming ``who`` and the field, for text of another type or a value that is invalid.
    """
    kind = str(field.type)
    convert, wanted = _CONVERSIONS[kind]
    try:
        if isinstance(words, str) == kind.startswith("tuple"):
            raise TypeError
        value = convert(words)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise OptionError(f"{who}: {field.name} must be {wanted}, got {shown(words)}.") from error
    return option_of(field).check(who, field.name, value)


def check_needs(of: Mapping[str, Any], options: Sequence[dataclasses.Field[Any]]) -> None:
    """Raise OptionError for the first non-default setting that has no effect together with the others."""
    for field in options:
        name, need = field.name, option_of(field).need
        if need is not None and of[name] != field.default and not need.met(of):
            raise OptionError(f"{WHO}: {name} must come with {need.words}, alone {name} {of[name]} has no effect.")


def within(bounds: Bounds) -> Validator:
    """A number within ``bounds``."""
    return functools.partial(number, bounds=bounds)


def at_least(least: int) -> Validator:
    """An integer ≥ ``least`` that an array index can hold."""
    return functools.partial(whole_number, least=least)


def any_size(who: str, name: str, value: Any) -> int:
    """An integer ≥ 0 of any size."""
    if not is_whole(value, 0):
        raise OptionError(f"{who}: {name} must be an integer ≥ 0, got {shown(value)}.")
    return int(value)


def one_of(names: Sequence[str]) -> dict[str, Any]:
    """Validator and choices of an option with a fixed set of names."""
    return {"check": functools.partial(choice, known=names), "choices": names}


def model_name(who: str, name: str, value: Any) -> str:
    """The name of a network in the table, or a builder of one's own as package.module:function."""
    plain = text(who, name, value)
    if plain not in MODELS and not is_own(plain):
        raise OptionError(
            f"{who}: {name} must be one of {', '.join(MODELS)}, or package.module:function, got {shown(value)}."
            f"{did_you_mean(plain[:80], MODELS)}"
        )
    return plain


def text(who: str, name: str, value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise OptionError(f"{who}: {name} must be text, got {shown(value)}.")
    return value


def names(who: str, name: str, value: Any) -> tuple[str, ...]:
    """A tuple of strings."""
    if not isinstance(value, tuple) or not all(isinstance(each, str) and each.isprintable() and each for each in value):
        hint = f" Hint: {name}=('age',), with a comma, for one name."
        raise OptionError(f"{who}: {name} must be a tuple of names, got {shown(value)}.{hint}")
    return value


def height_and_width(who: str, name: str, value: Any) -> tuple[int, ...]:
    """A tuple of a side, or of a height and a width; empty for none."""
    found = layer_sizes(who, name, value)
    if len(found) > 2:
        raise OptionError(f"{who}: {name} must be a side, or a height and a width, got {shown(value)}.")
    return found


def plain_name(who: str, name: str, value: Any) -> str:
    """A string that names a file or folder within another folder."""
    plain = text(who, name, value)
    if plain in (".", "..") or not plain.isprintable() or set(plain) & set("/\\"):
        raise OptionError(f"{who}: {name} must be a plain name without folders, got {shown(value)}.")
    return plain


def shuffle_name(who: str, name: str, value: Any) -> str:
    """The name of an order of examples; see ``parse_shuffle``."""
    parse_shuffle(who, value)
    return text(who, name, value)


def folder(who: str, name: str, value: Any) -> str:
    """A string that names a folder."""
    plain = text(who, name, value)
    if "\0" in plain or any("\ud800" <= letter <= "\udfff" for letter in plain):
        hint = "" if "\0" in plain else " Hint: the files of a run, in UTF-8, must be able to hold it."
        raise OptionError(f"{who}: {name} must be the name of a folder, got {shown(value)}.{hint}")
    return plain


def layer_sizes(who: str, name: str, value: Any) -> tuple[int, ...]:
    """A tuple of integers ≥ 1."""
    if not isinstance(value, tuple):
        hint = f" Hint: {name}=(100,), with a comma, for one layer of 100."
        raise OptionError(f"{who}: {name} must be a tuple of integers, got {shown(value)}.{hint}")
    return tuple(whole_number(who, f"{name}[{i}]", size) for i, size in enumerate(value))


def some_of(names: Sequence[str]) -> Validator:
    """A tuple of different names from a fixed set."""

    def check(who: str, name: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, tuple):
            hint = f" Hint: {name}=({names[0]!r},), with a comma, for one."
            raise OptionError(f"{who}: {name} must be a tuple of names, got {shown(value)}.{hint}")
        if len(set(map(repr, value))) < len(value):
            raise OptionError(f"{who}: {name} must list each name once, got {shown(value)}.")
        return tuple(choice(who, f"{name}[{i}]", each, names) for i, each in enumerate(value))

    return check


switch: Validator = flag


_TRUTH: Final[dict[str, bool]] = yaml.SafeLoader.bool_values
_CONVERSIONS: Final[dict[str, tuple[Callable[[Any], Any], str]]] = {
    "float": (float, "a number"),
    "int": (int, "an integer"),
    "str": (str, "text"),
    "bool": (lambda word: _TRUTH[word.lower()], "true or false"),
    "tuple[int, ...]": (lambda words: tuple(map(int, words)), "a list of integers such as [600, 500]"),
    "tuple[str, ...]": (tuple, "a list of names"),
}
