"""Figures on their way to their files."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from mlp_numpy.viz import class_images, first_layer, misclassified


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved, in their order; each is still written to its file."""
    figures: list[Figure] = []
    for module in (class_images, first_layer, misclassified):
        write = module.save

        def kept(path: Path, figure: Figure, write=write) -> None:
            figures.append(figure)
            write(path, figure)

        monkeypatch.setattr(module, "save", kept)
    return figures
