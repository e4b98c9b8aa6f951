"""Command-line options for the fields of Config, in groups, with defaults from settings files."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from mlp_numpy.cli.console import MISUSED, PROGRAM, complain
from mlp_numpy.config import Config, read_settings
from mlp_numpy.config.options import WHO, option_of, parse_value
from mlp_numpy.errors import OptionError

_TYPES: Final = typing.get_type_hints(Config)


def _groups() -> dict[str, type]:
    """One dataclass per group of options, with the fields of Config that belong to it."""
    fields: dict[str, list[Any]] = {}
    for field in dataclasses.fields(Config):
        known = option_of(field)
        words = known.help
        if known.choices and not any(name in words for name in known.choices):
            words = f"{words}: {', '.join(known.choices)}"
        if known.need is not None:
            words = f"{words}; needs {known.need.words}"
        aliases = [f"--{known.old.replace('_', '-')}"] if known.old else None
        kind = typing.cast(Any, Annotated)[
            (_TYPES[field.name], tyro.conf.arg(help=words, help_behavior_hint=None, aliases=aliases), *_parser(field))
        ]
        fields.setdefault(known.group, []).append((field.name, kind, dataclasses.field(default=field.default)))
    return {group: dataclasses.make_dataclass(_attribute(group), columns) for group, columns in fields.items()}


class _Misused(Exception):
    """An invalid value, which ends the program; tyro answers a ValueError in its own form."""


def _parser(field: dataclasses.Field[Any]) -> list[PrimitiveConstructorSpec[Any]]:
    """tyro's way to the values of a field: that of settings files. A switch has no value."""
    kind = str(field.type)
    if kind == "bool":
        return []
    several, one = kind.startswith("tuple"), kind.removeprefix("tuple[").partition(",")[0].upper()

    def read(words: list[str]) -> Any:
        try:
            return parse_value(WHO, field, words if several else words[0])
        except OptionError as error:
            raise _Misused(str(error)) from error

    return [
        PrimitiveConstructorSpec(
            nargs="*" if several else 1,
            metavar=f"[{one} [{one} ...]]" if several else one,
            instance_from_str=read,
            is_instance=lambda value: True,
            str_from_instance=lambda value: [str(part) for part in value] if several else [str(value)],
        )
    ]


def _attribute(group: str) -> str:
    return group.replace(" ", "_")


_GROUPS: Final = _groups()


def settings_command(name: str, own: Sequence[tuple[str, Any, Any]]) -> type:
    """A dataclass for a command with all options of Config and its ``own`` ones: (name, type, default)."""
    columns = [(option, kind, dataclasses.field(default=default)) for option, kind, default in own]
    config: Any = Annotated[
        tuple[Path, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(help="YAML file of settings, one 'name: value' per line; command-line options override it"),
    ]
    columns.append(("config", config, dataclasses.field(default=())))
    groups = [(_attribute(g), kind, dataclasses.field(default_factory=kind)) for g, kind in _GROUPS.items()]
    return dataclasses.make_dataclass(name, [*columns, *groups])


def parse(command: type, words: Sequence[str], name: str, description: str) -> Any:
    """Parse ``words`` into ``command``; settings from ``--config`` files replace the defaults.

    Raises DataNotFoundError or DataError for an invalid settings file; an invalid option exits.
    """
    for field in dataclasses.fields(Config):
        old = f"--{option_of(field).old.replace('_', '-')}"
        if option_of(field).old and any(word == old or word.startswith(f"{old}=") for word in words):
            print(f"note: {old} is now called --{field.name.replace('_', '-')}", file=sys.stderr, flush=True)
    how: dict[str, Any] = {"prog": f"{PROGRAM}{name}", "description": description, "args": list(words)}
    how["config"] = (tyro.conf.OmitArgPrefixes,)
    found = _parsed(command, **how)
    if not found.config:
        return found
    settings: dict[str, Any] = {}
    for path in found.config:
        settings |= read_settings(path)
    defaults = command(
        **{
            _attribute(group): kind(
                **{f.name: settings[f.name] for f in dataclasses.fields(kind) if f.name in settings}
            )
            for group, kind in _GROUPS.items()
        }
    )
    return _parsed(command, default=defaults, **how)


def _parsed(command: type, **how: Any) -> Any:
    try:
        return tyro.cli(command, **how)
    except _Misused as error:
        complain(str(error))
        raise SystemExit(MISUSED) from error


def config_of(command: Any) -> Config:
    """The settings that a parsed command holds; an invalid one, or some that contradict each other, end the program."""
    groups = (vars(getattr(command, _attribute(group))) for group in _GROUPS)
    try:
        return Config(**{name: value for group in groups for name, value in group.items()})
    except OptionError as error:
        complain(str(error))
        raise SystemExit(MISUSED) from error


def given(words: Sequence[str]) -> set[str]:
    """The option names among ``words``, in the form --name."""
    return {word.partition("=")[0].replace("_", "-") for word in words if word.startswith("--")}
