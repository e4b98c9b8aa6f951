"""What tests of pictures ask of a saved one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image


def pixels(path: Path) -> np.ndarray:
    """The pixels (H, W, 3) of a PNG that is of a page's size and not all one color."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert 200 <= picture.width <= 1600
        assert 100 <= picture.height <= 1600
        found = np.asarray(picture.convert("RGB"))
    assert found.min() < 128 < found.max()
    return found


def texts(figure: Figure) -> list[str]:
    """All that is written in a figure, but for the marks of its axes."""
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [axes.get_title(), *(text.get_text() for text in axes.texts)]
    return [text for text in found if text]
