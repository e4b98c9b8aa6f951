"""What tests of every room start from. pytest finds the helper modules by ``pythonpath`` in setup.cfg."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_helpers import TinyCifar, write_folder


@pytest.fixture(scope="session")
def cifar_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a CIFAR-10 of 200 + 30 random images in its official layout."""
    folder = tmp_path_factory.mktemp("data")
    write_folder(folder / "cifar-10-batches-py", TinyCifar(rows=40, test_rows=30).python_files())
    return folder
