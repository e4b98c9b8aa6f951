"""Nested settings, of searches and recipes; values stay strings until the schema converts them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from mlp_numpy.config.files import found_in, is_plain, parse_setting, parse_yaml
from mlp_numpy.config.settings import present_names
from mlp_numpy.errors import DataError

Tree: TypeAlias = dict[str, Any]
"""name → a string, a list of values, or a nested tree."""


def read_tree(who: str, path: Path) -> Tree:
    """Read a YAML file with every plain value as the string written there: 1e-3 stays "1e-3", and 007 stays "007".

    Names have underscores. Raises DataNotFoundError if the file is missing, DataError if it is unreadable, holds
    something else, or contains a name twice.
    """
    return _mapping(f"{who}: {path}", parse_yaml(who, path))


def parse_settings(who: str, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a run from strings. Raises DataError for an unknown name or an invalid value."""
    return present_names({name: parse_setting(who, name, text) for name, text in texts.items()})


def _mapping(who: str, node: yaml.MappingNode) -> Tree:
    tree: Tree = {}
    for key, value in node.value:
        place = f"{who}, line {key.start_mark.line + 1}"
        if not is_plain(key):
            raise DataError(f"{place}: expected a name, got {found_in(key)}.")
        name = key.value.replace("-", "_")
        if name in tree:
            raise DataError(f"{place}: {key.value} must come once, got it again.")
        tree[name] = _value(who, value)
    return tree


def _value(who: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(who, node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(who, part) for part in node.value]
    if not is_plain(node):
        wanted = "a plain value, or values or settings below the name"
        raise DataError(f"{who}, line {node.start_mark.line + 1}: expected {wanted}, got {found_in(node)}.")
    return node.value
