"""Pictures made of images: the right ones, in the right order, with the right names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from viz_helpers import pixels, texts

from mlp_numpy.errors import DataError, ShapeError
from mlp_numpy.viz import (
    class_images,
    first_layer,
    misclassified,
    most_confident_mistakes,
    save_class_images,
    save_first_layer,
    save_misclassified,
    save_saliency,
)
from mlp_numpy.viz.first_layer import centered
from mlp_numpy.viz.images import mosaic, page, pictures, show

SHAPE = (3, 4, 5)
D = 60
RNG = np.random.default_rng(0)


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


def test_class_images(tmp_path: Path, drawn: list[Figure]) -> None:
    images = RNG.uniform(0, 255, (3, D))
    path = tmp_path / "classes.png"
    save_class_images(path, images, SHAPE, ["cat", "dog", "ship"], np.array([1.25, 20.0, -3.0]), "title", "how")
    assert texts(drawn[0]) == ["title", "how", "cat   1.2", "dog   20.0", "ship   -3.0"]
    for axes, image in zip(drawn[0].axes, images, strict=True):
        shown = np.asarray(axes.images[0].get_array())
        np.testing.assert_array_equal(shown, np.rint(image).reshape(SHAPE).transpose(1, 2, 0))
    pixels(path)
    with pytest.raises(ShapeError, match="logits must be as many as the images, 3, got 2"):
        save_class_images(path, images, SHAPE, ["a", "b", "c"], np.zeros(2), "title")


def test_saliency(tmp_path: Path, drawn: list[Figure]) -> None:
    images, maps = RNG.uniform(0, 255, (4, D)), RNG.uniform(0, 1, (4, 4, 5))
    save_saliency(tmp_path / "saliency.png", images, maps, list("abcd"))
    above, below = drawn[0].axes[:4], drawn[0].axes[4:]
    assert [axes.get_title() for axes in above] == list("abcd")
    for top, bottom, each in zip(above, below, maps, strict=True):
        assert top.get_position().x0 == bottom.get_position().x0
        assert top.get_position().y0 > bottom.get_position().y1
        np.testing.assert_array_equal(bottom.images[0].get_array(), each)
        assert bottom.images[0].get_clim() == (0, np.percentile(each, 99))
    pixels(tmp_path / "saliency.png")
    with pytest.raises(ShapeError, match="maps must be as many as the images, 4, got 3"):
        save_saliency(tmp_path / "saliency.png", images, maps[:3], list("abcd"))


def test_weights_are_centered_unit_by_unit() -> None:
    weights = np.array([[0.0, 2.0, -1.0], [0.0, 0.0, 0.0], [-30.0, 0.0, 15.0]])
    np.testing.assert_array_equal(centered(weights), [[0.5, 1, 0.25], [0.5, 0.5, 0.5], [0, 0.5, 0.75]])


def test_first_layer_is_sorted_by_norm(tmp_path: Path, drawn: list[Figure]) -> None:
    weights = np.zeros((30, 12))
    weights[np.arange(30), 0] = np.arange(1, 31)  # all look the same: their first pixel white
    weights[4] = -8.5  # but for the 2nd largest
    save_first_layer(tmp_path / "first.png", weights, (3, 2, 2), most=25)
    sheet = np.asarray(drawn[0].axes[0].images[0].get_array())
    assert sheet.shape == (2 * 3 - 1, 20 * 3 - 1, 3)
    np.testing.assert_array_equal(sheet[0, 0], [1, 0.5, 0.5])
    np.testing.assert_array_equal(sheet[:2, 3:5], 0)
    assert any("the 25 largest of 30 units by falling norm, 30 to 7," in text for text in texts(drawn[0]))
    page_height, sheet_width = drawn[0].get_size_inches()[1], drawn[0].axes[0].get_position().width * 11
    assert drawn[0].axes[0].get_position().height * page_height / sheet_width == pytest.approx(5 / 59)


PROBABILITIES = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.05, 0.95], [0.4, 0.3, 0.3], [0.6, 0.3, 0.1]])
TRUTH = np.array([0, 2, 1, 1, 0])


def test_the_surest_mistakes_come_first(tmp_path: Path, drawn: list[Figure]) -> None:
    np.testing.assert_array_equal(most_confident_mistakes(TRUTH, PROBABILITIES, 9), [2, 1, 3])
    images = RNG.uniform(0, 255, (5, D))
    save_misclassified(tmp_path / "mistakes.png", images, SHAPE, TRUTH, PROBABILITIES, ["cat", "dog", "ship"], most=2)
    found = texts(drawn[0])
    assert found[1].startswith("the surest 2 of 3 in 5;")
    assert found[2:] == ["ship 0.95", "dog 0.05", "dog 0.70", "ship 0.10"]
    shown = np.asarray(drawn[0].axes[0].images[0].get_array())
    np.testing.assert_array_equal(shown, np.rint(images[2]).reshape(SHAPE).transpose(1, 2, 0))
    pixels(tmp_path / "mistakes.png")


def test_no_mistakes_and_others_that_cannot_be_shown(tmp_path: Path) -> None:
    path, images = tmp_path / "none.png", np.zeros((5, D))
    with pytest.raises(DataError, match="there must be a mistake"):
        save_misclassified(path, images, SHAPE, PROBABILITIES.argmax(axis=1), PROBABILITIES, ["cat", "dog", "ship"])
    with pytest.raises(ShapeError, match="must be as many, got 4, 5 and 5"):
        save_misclassified(path, images[:4], SHAPE, TRUTH, PROBABILITIES, ["cat", "dog", "ship"])
    assert not path.exists()
