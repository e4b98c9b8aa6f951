"""The settings of a run, their validation, and their files."""

from mlp_numpy.config.files import parse_setting, read_config, read_settings, write_config
from mlp_numpy.config.settings import Config, present_names
from mlp_numpy.config.trees import Tree, parse_settings, read_tree

__all__ = [
    "Config",
    "Tree",
    "parse_setting",
    "parse_settings",
    "present_names",
    "read_config",
    "read_settings",
    "read_tree",
    "write_config",
]
