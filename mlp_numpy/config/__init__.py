"""The settings of a run, what they may be, and the files they are kept in."""

from mlp_numpy.config.files import as_options, parse_setting, read_config, write_config
from mlp_numpy.config.settings import Config
from mlp_numpy.config.trees import Tree, parse_settings, read_tree

__all__ = [
    "Config",
    "Tree",
    "as_options",
    "parse_setting",
    "parse_settings",
    "read_config",
    "read_tree",
    "write_config",
]
