"""Checks an installation of the package: run by the Python of a fresh environment, outside the checkout.

    python .ci/installed.py

The library is imported from site-packages, its command explains a formula and trains on a table, and everything that
the installation brought takes less than 250 MB, PyTorch not among it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import mlp_numpy

MOST_MEGABYTES = 250
SITE_PACKAGES = Path(sysconfig.get_paths()["purelib"]).resolve()


def main() -> int:
    """Run the checks, print what was measured, and return the exit status."""
    assert SITE_PACKAGES in Path(mlp_numpy.__file__).resolve().parents, mlp_numpy.__file__
    metadata = importlib.metadata.metadata("mlp_numpy")
    assert metadata["License-Expression"] == "MIT", metadata["License-Expression"]
    assert metadata["Version"] == mlp_numpy.__version__
    assert importlib.util.find_spec("torch") is None
    command = Path(sys.executable).with_name("mlp-numpy")
    with tempfile.TemporaryDirectory() as folder:
        explained = subprocess.run(
            [command, "explain", "Linear"], capture_output=True, text=True, check=True, cwd=folder
        )
        assert "dW = doutᵀ x" in explained.stdout, explained.stdout
        rows = ["x,y", *(f"{x},{2 * x + 1}" for x in range(100))]
        Path(folder, "lines.csv").write_text("\n".join(rows), encoding="utf-8")
        options = ["--target", "y", "--task", "regression", "--batch", "20", "--steps", "50", "--lr", "0.05"]
        train = [command, "train", "--dataset", "table:lines.csv", *options, "--name", "lines"]
        subprocess.run(train, capture_output=True, check=True, cwd=folder)
        assert Path(folder, "runs", "lines", "model.npz").is_file()
    # what the environment had before the installation does not count
    tools = ("pip", "setuptools", "_distutils_hack", "pkg_resources")
    files = [path for path in SITE_PACKAGES.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files if not path.relative_to(SITE_PACKAGES).parts[0].startswith(tools))
    print(f"mlp_numpy {mlp_numpy.__version__}: installed, {size / 1e6:.0f} MB with all dependencies")
    assert size < MOST_MEGABYTES * 1e6, size
    return 0


if __name__ == "__main__":
    sys.exit(main())
