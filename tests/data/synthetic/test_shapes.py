"""The generated data set: the same for the same seed, balanced, recognisable, and kept whole or not at all."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.synthetic import shapes
from mlp_numpy.data.synthetic.sdf import OUTLINES
from mlp_numpy.errors import OptionError


def same(a: Dataset, b: Dataset) -> bool:
    pairs = ((a.train, b.train), (a.test, b.test))
    return all(np.array_equal(x.images, y.images) and np.array_equal(x.labels, y.labels) for x, y in pairs)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The full sizes, made small."""
    monkeypatch.setattr(shapes, "N_TRAIN", 12)
    monkeypatch.setattr(shapes, "N_TEST", 7)


def test_the_form_is_that_of_cifar10() -> None:
    assert (shapes.N_TRAIN, shapes.N_TEST) == (50_000, 10_000)
    dataset = shapes.generate(20, 11, seed=5)
    assert dataset.name == "shapes"
    assert dataset.image_shape == (3, 32, 32)
    assert dataset.n_classes == 10
    assert dataset.class_names[:3] == ("disk", "ring", "square")
    assert dataset.source == "generated, seed 5"
    for split, n in ((dataset.train, 20), (dataset.test, 11)):
        assert split.images.shape == (n, 3072)
        assert split.images.dtype == np.uint8
        assert split.images.flags.c_contiguous
        assert split.labels.shape == (n,)
        assert split.labels.dtype == np.int64


def test_the_same_seed_draws_the_same_pictures_in_every_version() -> None:
    """Another digest means that VERSION must rise: kept files would hold other pictures than a new drawing."""
    dataset = shapes.generate(20, 11, seed=5)
    digest = hashlib.sha256()
    for split in (dataset.train, dataset.test):
        digest.update(split.images.tobytes() + split.labels.tobytes())
    assert shapes.VERSION == 1
    assert digest.hexdigest() == "e1e0e823887ca51db5cca846a57f3ebaee6ecb78c2b07d07fe397f2b8dc2cd60"


@pytest.mark.usefixtures("small")
def test_what_a_killed_drawing_left_is_cleared(tmp_path: Path) -> None:
    litter = [tmp_path / f".shapes-v1-seed0.npy.{k}.part" for k in ("abc", "x_1")]
    other = tmp_path / ".another.part"
    for path in (*litter, other):
        path.write_bytes(b"half")
    shapes.load(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".another.part", "shapes-v1-seed0.npy"]


@pytest.mark.parametrize("n_bytes", [0, 1, 1000])
def test_a_whole_file_ends_with_its_digest(n_bytes: int) -> None:
    content = bytes(n_bytes)
    digest = hashlib.sha256(content).digest()
    assert shapes._is_whole(io.BytesIO(content + digest))
    assert not shapes._is_whole(io.BytesIO(b"1" + content + digest))


@pytest.mark.usefixtures("small")
def test_a_kept_file_of_other_content_with_a_right_digest_is_drawn_again(tmp_path: Path) -> None:
    drawn = shapes.load(tmp_path)
    path = tmp_path / "shapes-v1-seed0.npy"
    whole = path.read_bytes()
    buffer = io.BytesIO()
    for array in (np.zeros((2, 3)), np.zeros(2), np.zeros((2, 3)), np.zeros(2)):
        np.save(buffer, array)
    for content in (b"", b"junk", buffer.getvalue(), whole[:-40]):
        path.write_bytes(content + hashlib.sha256(content).digest())
        assert same(shapes.load(tmp_path), drawn)
        assert path.read_bytes() == whole


def test_a_seed_is_one_drawing() -> None:
    first = shapes.generate(40, 10, seed=1)
    assert same(first, shapes.generate(40, 10, seed=1))
    assert not same(first, shapes.generate(40, 10, seed=2))
    assert not np.array_equal(first.train.images[:10], first.test.images)


def test_the_test_part_does_not_depend_on_the_training_part() -> None:
    assert np.array_equal(shapes.generate(3, 10).test.images, shapes.generate(30, 10).test.images)


def test_a_drawing_of_several_chunks_begins_like_a_shorter_one() -> None:
    long, short = shapes.generate(501, 1).train, shapes.generate(500, 1).train
    np.testing.assert_array_equal(long.images[:500], short.images)
    np.testing.assert_array_equal(long.labels[:500], short.labels)
    assert not np.array_equal(long.images[500], short.images[0])  # a chunk has random numbers of its own


def test_all_classes_come_about_as_often_and_no_image_twice() -> None:
    split = shapes.generate(1500, 1).train
    counts = np.bincount(split.labels, minlength=10)
    assert counts.min() > 105
    assert counts.max() < 195
    assert len(np.unique(split.images, axis=0)) == 1500


def test_the_figure_is_lighter_in_some_images_and_darker_in_others() -> None:
    """Half of each image is background for sure: its corners. A class shows in the middle, in both signs."""
    split = shapes.generate(600, 1).train
    pictures = split.images.reshape(-1, 3, 32, 32).astype(np.float64).mean(axis=1)
    squares = pictures[split.labels == 2]
    contrast = squares[:, 12:20, 12:20].mean(axis=(1, 2)) - squares[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=1)
    assert 0.5 < np.mean(contrast > 0) < 0.85


@pytest.mark.parametrize("outline", OUTLINES)
def test_an_outline_is_a_distance_to_an_edge_around_the_middle(outline: shapes.Outline) -> None:
    """Negative somewhere, positive well beyond the radius, and nowhere steeper than a distance can be."""
    axis = np.linspace(-1.5, 1.5, 301, dtype=np.float32)
    u, v = (grid[None] for grid in np.meshgrid(axis, axis))
    distance = outline(u, v)
    assert distance.shape == u.shape
    assert distance.dtype == np.float32
    inside = distance[0] < 0
    area = inside.mean() * 9
    assert 0.6 < area < 2.2
    assert not inside[np.hypot(u, v)[0] > 1.2].any()
    step = axis[1] - axis[0]
    for axis_number in (1, 2):
        assert np.abs(np.diff(distance, axis=axis_number)).max() < 1.001 * step


def test_outlines_differ_from_one_another() -> None:
    axis = np.linspace(-1, 1, 64, dtype=np.float32)
    u, v = np.meshgrid(axis, axis)
    filled = [outline(u[None], v[None]) < 0 for outline in OUTLINES]
    for i, first in enumerate(filled):
        for second in filled[:i]:
            overlap = (first & second).sum() / (first | second).sum()
            assert overlap < 0.85


@pytest.mark.parametrize("sizes", [{"n_train": 0}, {"n_test": -1}, {"seed": -1}])
def test_impossible_sizes(sizes: dict[str, int]) -> None:
    name, value = next(iter(sizes.items()))
    with pytest.raises(OptionError, match=rf"shapes.generate: {name} must be at least \d, got {value}"):
        shapes.generate(**({"n_train": 2, "n_test": 2} | sizes))


@pytest.mark.usefixtures("small")
def test_drawn_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir = tmp_path / "new" / "data"
    drawn = shapes.load(data_dir, seed=4)
    path = data_dir / "shapes-v1-seed4.npy"
    assert list(data_dir.iterdir()) == [path]
    assert drawn.source == f"generated, seed 4, kept in {path}"
    assert same(drawn, shapes.generate(12, 7, seed=4))

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("drawn again")

    monkeypatch.setattr(shapes, "generate", refuse)
    kept = shapes.load(data_dir, seed=4)
    assert same(kept, drawn)
    assert kept.source == drawn.source
    assert kept.class_names == drawn.class_names
    with pytest.raises(RuntimeError, match="drawn again"):
        shapes.load(data_dir, seed=5)


@pytest.mark.usefixtures("small")
def test_a_damaged_kept_file_is_drawn_again(tmp_path: Path) -> None:
    drawn = shapes.load(tmp_path)
    path = tmp_path / "shapes-v1-seed0.npy"
    whole = path.read_bytes()
    damages = [whole[:length] for length in (0, 10, 31, 32, 33, len(whole) // 2, len(whole) - 1)]
    damages += [whole + b"\0", b"\0" * len(whole), b"another file of some length"]
    for position in range(0, len(whole), len(whole) // 15):
        flipped = bytearray(whole)
        flipped[position] ^= 16
        damages.append(bytes(flipped))
    for damage in damages:
        path.write_bytes(damage)
        assert same(shapes.load(tmp_path), drawn)
        assert path.read_bytes() == whole


@pytest.mark.usefixtures("small")
def test_a_folder_that_cannot_be_written_is_said_in_the_source(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file")
    dataset = shapes.load(tmp_path / "data")
    assert same(dataset, shapes.generate(12, 7))
    assert re.fullmatch(r"generated, seed 0 \(not kept in .*: .*(Not a directory|File exists)\)", dataset.source)


@pytest.mark.usefixtures("small")
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shapes.os, "fsync", fail)
    dataset = shapes.load(tmp_path)
    assert "not kept in" in dataset.source
    assert "No space left on device" in dataset.source
    assert list(tmp_path.iterdir()) == []


def test_load_takes_the_full_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def draw(n: int, stream: tuple[int, int]) -> Split:
        asked.append((n, stream))
        return Split(np.zeros((1, 3072), dtype=np.uint8), np.zeros(1, dtype=np.int64))

    monkeypatch.setattr(shapes, "_draw_split", draw)
    shapes.load(tmp_path, seed=3)
    assert asked == [(50_000, (3, 0)), (10_000, (3, 1))]
