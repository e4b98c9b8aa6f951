"""``python -m mlp_numpy``: the command line."""

import sys

from mlp_numpy.cli import main

sys.exit(main())
