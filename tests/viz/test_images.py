"""Rows of pixels as pictures, and pictures on a page."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlp_numpy.errors import ShapeError
from mlp_numpy.viz.images import mosaic, page, pictures, show

SHAPE = (3, 4, 5)
D = 60


def test_rows_of_numbers_become_pictures() -> None:
    row = np.arange(D)[np.newaxis]
    assert pictures(row, SHAPE).shape == (1, 4, 5, 3)
    np.testing.assert_array_equal(pictures(row, SHAPE)[0, 2, 3], [13, 33, 53])
    assert pictures(row, (1, 6, 10)).shape == (1, 6, 10)
    for images, shape, message in (
        (row, (2, 5, 6), r"image_shape must be \(1, H, W\) or"),
        (row, (3, 4, 4), r"images must be \(n, 48\)"),
        (row[:0], SHAPE, "n ≥ 1"),
    ):
        with pytest.raises(ShapeError, match=message):
            pictures(images, shape)


def test_a_picture_is_shown_in_whole_gray_levels() -> None:
    axes = Figure().subplots()
    show(axes, np.array([[-3.0, 300.0], [99.6, 0.2]]), "name")
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0, 255], [100, 0]])
    assert axes.get_title() == "name"


def test_a_mosaic_has_a_white_line_between_its_pictures() -> None:
    sheet = mosaic(np.zeros((3, 2, 2)), 2)
    assert sheet.shape == (5, 5)
    assert (sheet[2] == 1).all()
    assert (sheet[:, 2] == 1).all()
    assert (sheet[3:, 3:] == 1).all()
    assert sheet.sum() == 25 - 3 * 4


def test_a_page_has_square_places_that_do_not_meet() -> None:
    figure, places = page(7, 3, tile=1.0, caption=0.2, head=0.5)
    width, height = figure.get_size_inches()
    boxes = [axes.get_position() for axes in places]
    assert len(boxes) == 7
    for box in boxes:
        assert box.width * width == pytest.approx(1)
        assert box.height * height == pytest.approx(1)
    assert max(box.y1 for box in boxes) * height == pytest.approx(height - 0.5 - 0.2)
    assert not any(a is not b and a.overlaps(b) for a in boxes for b in boxes)
