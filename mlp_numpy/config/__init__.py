"""The settings of a run, what they may be, and the files they are kept in."""

from mlp_numpy.config.files import as_options, read_config, write_config
from mlp_numpy.config.settings import Config

__all__ = ["Config", "as_options", "read_config", "write_config"]
