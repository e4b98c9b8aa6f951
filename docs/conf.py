"""The settings of the documentation site: ``sphinx-build -W docs build/site``."""

import configparser
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

project = "mlp_numpy"
author = "the mlp_numpy authors"
project_copyright = "2026, the mlp_numpy authors"
metadata = configparser.ConfigParser()
metadata.read(HERE.parent / "setup.cfg", encoding="utf-8")
release = version = metadata["metadata"]["version"]

extensions = ["myst_parser", "site_extension.pages"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["browser", "site_extension", "_build"]
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
nitpicky = True
language = "en"

html_theme = "furo"
html_title = f"mlp_numpy {release}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "native"
