"""``python -m mlp_numpy``: the command line."""

import sys

try:
    from mlp_numpy.cli import main

    sys.exit(main())
except KeyboardInterrupt:  # Ctrl-C while the libraries are still being loaded
    sys.exit(130)
