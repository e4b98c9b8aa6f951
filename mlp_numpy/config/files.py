"""Reads and validates YAML settings, one ``name: value`` a line; no object is ever constructed from the file."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

import yaml

from mlp_numpy.atomic_io import write_text
from mlp_numpy.checks import shown
from mlp_numpy.config.options import parse_value
from mlp_numpy.config.settings import Config, present_name
from mlp_numpy.data.reading import as_path, check_regular, said
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError, did_you_mean, unreadable


def read_config(path: Any) -> Config:
    """Read the settings that a run wrote into its folder.

    Settings added since the file was written take their defaults, which leave old runs unchanged; renamed settings are
    accepted under both names.

    Raises DataNotFoundError if the file is missing, DataError if it is unreadable or not the settings of a run.
    """
    who = f"read_config: {path}"
    settings = _read_lines("read_config", path)
    for problem, names in (
        ("missing settings", _FIRST - settings.keys()),
        ("unknown settings", settings.keys() - _FIELDS.keys()),
    ):
        if names:
            raise DataError(f"{who}: {problem}: {', '.join(sorted(names)[:20])}.")
    try:
        return Config(**{name: parse_setting(who, name, text) for name, text in settings.items()})
    except OptionError as error:
        raise DataError(f"{who} must hold the settings of a run, got: {error}") from error


def write_config(path: Path, config: Config) -> None:
    """Write the settings as YAML, as read by ``--config`` and ``read_config``."""
    content = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}
    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def read_settings(path: Any) -> dict[str, Any]:
    """Read a settings file for ``--config``, each value in the type of its option.

    Raises DataNotFoundError if the file is missing, DataError if it is unreadable or not a list of settings.
    """
    who = f"--config: {path}"
    return {name: parse_setting(who, name, text) for name, text in _read_lines("--config", path).items()}


def parse_yaml(who: str, path: Any) -> yaml.MappingNode:
    """Parse the names and values of a YAML file into nodes, without constructing objects.

    Anchors and aliases, by which a few lines can expand to billions of values, are refused, and so are files longer or
    more deeply nested than settings.

    Raises DataNotFoundError if the file is missing, DataError if it is unreadable or something else, OptionError if
    ``path`` is not a path.
    """
    path = as_path(who, path)
    check_regular(who, path, _LONGEST)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"{who}: {path} is missing.") from error
    except OSError as error:
        raise unreadable(who, path, error) from error
    except ValueError as error:
        raise DataError(f"{who}: {path} must be a YAML file, got: {error}.") from error
    try:
        node = yaml.compose(text, Loader=_Plain)
    except Exception as error:  # PyYAML passes on Python's errors for invalid character escapes
        found = " ".join(str(error).split()) if isinstance(error, yaml.YAMLError) else said(error)
        raise DataError(f"{who}: {path} must be a YAML file, got: {found}.") from error
    if not isinstance(node, yaml.MappingNode):
        found = {type(None): "nothing", yaml.SequenceNode: "a list"}.get(type(node), "other text")
        raise DataError(f"{who}: {path} must hold lines such as 'lr: 0.002', got {found}.")
    return node


class _Plain(yaml.SafeLoader):
    """A loader that limits nesting and refuses anchors and aliases."""

    def __init__(self, stream: bytes | str) -> None:
        super().__init__(stream)
        self._depth, self._anchor = 0, None
        self._open: list[str] = []

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        loader: Any = self  # PyYAML's parser has no types
        event = loader.peek_event()
        if isinstance(event, yaml.AliasEvent):
            endless = "values within values must end, found some without an end"
            raise _refused(endless if event.anchor in self._open else _NO_ANCHORS, event)
        if self._depth >= _DEEPEST:
            raise _refused(f"more than {_DEEPEST} levels of values within values", event)
        self._depth += 1
        self._open.append(event.anchor)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._open.pop()
        self._depth -= 1
        if event.anchor is not None:
            self._anchor = event
        if isinstance(node, yaml.ScalarNode) and any("\ud800" <= letter <= "\udfff" for letter in node.value):
            raise _refused("half a character, which no text can hold", event)
        if self._anchor is not None and not self._depth:
            raise _refused(_NO_ANCHORS, self._anchor)
        return node


def _refused(problem: str, event: Any) -> yaml.YAMLError:
    return yaml.composer.ComposerError(None, None, problem, event.start_mark)


def is_plain(node: yaml.Node) -> bool:
    """True if a node is a plain value: a string, number, date or boolean."""
    return isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN_TAGS


def _read_lines(who: str, path: Any) -> dict[str, str | list[str]]:
    """The lines of a YAML file, name → value as a string or list of strings. Names have underscores."""
    content = parse_yaml(who, path)
    settings: dict[str, str | list[str]] = {}
    for key, value in content.value:
        place = f"{who}: {path}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode) or key.tag != _YAML + "str":
            raise DataError(f"{place}: expected the name of a setting, got {found_in(key)}.")
        name = present_name(key.value.replace("-", "_"))
        if name in settings:
            raise DataError(f"{place}: {key.value} must come once, got it again.")
        parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for part in parts:
            if not is_plain(part):
                hint = " Hint: leave the line out for the default." if part.tag == _YAML + "null" else ""
                wanted = "a plain value or a list of them"
                raise DataError(f"{place}: {key.value} must have {wanted}, got {found_in(part)}.{hint}")
        texts = [part.value for part in parts]
        settings[name] = texts if isinstance(value, yaml.SequenceNode) else texts[0]
    return settings


def found_in(node: yaml.Node) -> str:
    """Description of a node for error messages."""
    if isinstance(node, yaml.ScalarNode):
        return "none" if node.tag == _YAML + "null" else shown(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "names and values"


def parse_setting(who: str, name: str, text: str | list[str]) -> Any:
    """The value of the setting ``name`` from text. Raises DataError if it is unknown or invalid."""
    name = present_name(name)
    if name not in _FIELDS:
        raise DataError(f"{who}: unknown setting {name}.{did_you_mean(name, _FIELDS)}")
    try:
        return parse_value(who, _FIELDS[name], text)
    except OptionError as error:
        raise DataError(str(error)) from error


_FIELDS: Final = {field.name: field for field in fields(Config)}
# The settings of the first version.
_FIRST: Final = {"lr", "batch", "steps", "hidden", "neg_slope", "init", "init_std", "seed", "dataset", "dtype"}
_NO_ANCHORS: Final = "anchors and aliases are not for settings: each value is written out"
_LONGEST: Final = 100_000
_DEEPEST: Final = 30
_YAML: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = {_YAML + kind for kind in ("str", "int", "float", "bool", "timestamp")}
