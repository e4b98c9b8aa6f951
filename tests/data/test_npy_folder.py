"""Folders of arrays: batches, statistics and parts are those of memory, in bounded memory; mistakes are named."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.batches import Batches, chunks
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.mapped import MappedSplit
from mlp_numpy.data.npy_file import NpyFile
from mlp_numpy.data.npy_folder import load
from mlp_numpy.data.order import BlockShuffle
from mlp_numpy.data.own_data import OwnData
from mlp_numpy.data.preprocessing import PREPROCESSINGS
from mlp_numpy.data.sealed import SealedSplit
from mlp_numpy.data.splitting import WAYS, hold_out
from mlp_numpy.data.statistics import examples_per_class, fit_preprocessing, fit_scaling
from mlp_numpy.errors import DataError, DataNotFoundError, LabelError, OptionError

DRAWS = np.random.default_rng(0)
IMAGES = DRAWS.integers(0, 256, (90, 1, 3, 4), np.uint8)
LABELS = (np.arange(90) % 3).astype(np.uint8)
ROWS, NUMBERS = DRAWS.normal(size=(90, 5)), DRAWS.normal(size=(90, 2)).astype(np.float32)


def folder(path: Path, **arrays: Any) -> Path:
    path.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(path / f"{name}.npy", array)
    return path


def split(path: Path, x: Any = IMAGES, y: Any = LABELS, **options: Any) -> MappedSplit:
    folder(path, x=x, y=y)
    return MappedSplit([NpyFile(path / "x.npy"), NpyFile(path / "y.npy")], **options)


def same(mapped: Split, plain: Split) -> None:
    for found, wanted in zip(mapped.arrays(), plain.arrays(), strict=True):
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype


def test_both_parts_and_weights(tmp_path: Path) -> None:
    w = np.linspace(0, 2, 90, dtype=np.float32)
    parts = {"x_train": IMAGES[:60], "y_train": LABELS[:60], "x_test": IMAGES[60:], "y_test": LABELS[60:]}
    dataset = load(folder(tmp_path / "set", **parts, w_train=w[:60]))
    assert (dataset.name, dataset.image_shape, dataset.class_names) == ("set", (1, 3, 4), ("0", "1", "2"))
    flat = IMAGES.reshape(90, 12)
    same(dataset.train, Split(flat[:60], LABELS[:60], w[:60]))
    same(dataset.test, Split(flat[60:], LABELS[60:]))
    assert examples_per_class(dataset.train, 3).tolist() == [20, 20, 20]
    assert SealedSplit(dataset.test).n_classes == 3


def test_a_test_part_is_drawn_by_blocks(tmp_path: Path) -> None:
    dataset = load(folder(tmp_path, x=ROWS, y=NUMBERS), OwnData(test_fraction=0.3))
    assert (dataset.task, dataset.class_names, len(dataset.test), len(dataset.columns)) == (
        *("regression", ("y0", "y1"), 27, 5),
    )
    together = np.concatenate([dataset.train.inputs, dataset.test.inputs])
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(ROWS, axis=0))
    scaling = fit_scaling(dataset.train)
    np.testing.assert_allclose(scaling.mean, dataset.train.targets.mean(axis=0, dtype=float), rtol=1e-12)
    np.testing.assert_array_equal(dataset.test.rescaled(scaling).targets, scaling.scale(dataset.test.targets))
    # of 50,000 rows, blocks of five
    many = folder(tmp_path / "many", x=np.zeros((50_000, 1), np.uint8), y=(np.arange(50_000) % 2).astype(np.int16))
    assert load(many).test.runs.nbytes < 40_000  # type: ignore[attr-defined]


@pytest.mark.parametrize("shuffle", [True, False, BlockShuffle(7, 3)], ids=["full", "stored", "blocks"])
@pytest.mark.parametrize("kind", PREPROCESSINGS)
def test_batches_and_statistics_are_those_of_memory(tmp_path: Path, kind: str, shuffle: Any) -> None:
    plain = Split(IMAGES.reshape(90, 12), LABELS)
    mapped = split(tmp_path)
    fitted = fit_preprocessing(kind, mapped, (1, 3, 4))
    wanted = fit_preprocessing(kind, plain, (1, 3, 4))
    for name, array in wanted.state().items():
        np.testing.assert_allclose(fitted.state()[name], array, rtol=1e-7)
        assert kind == "standardize" or fitted.state()[name].tobytes() == array.tobytes()
    how: dict[str, Any] = {"seed": 4, "shuffle": shuffle}
    pair = Batches(mapped, 8, wanted, prefetch=True, **how), Batches(plain, 8, wanted, **how)
    for step in range(25):
        for found, right in zip(*(batches.at(step) for batches in pair), strict=True):
            np.testing.assert_array_equal(found, right)
    for (x, y), (x_wanted, y_wanted) in zip(chunks(mapped, 40, wanted), chunks(plain, 40, wanted), strict=True):
        np.testing.assert_array_equal(x, x_wanted)
        np.testing.assert_array_equal(y, y_wanted)


@pytest.mark.parametrize("how", WAYS)
def test_examples_are_held_out_without_copies(tmp_path: Path, how: str) -> None:
    train, held_out = hold_out(split(tmp_path), 15, how, seed=2)
    assert isinstance(train, MappedSplit) and isinstance(held_out, MappedSplit)
    assert train.shares_inputs(held_out)
    rows = [part.runs.of(np.arange(len(part))) for part in (train, held_out)]
    assert (len(rows[1]), sorted(np.concatenate(rows))) == (15, list(range(90)))
    assert all((np.diff(part) > 0).all() for part in rows)
    if how == "stratified":
        assert examples_per_class(held_out, 3).tolist() == [5, 5, 5]
    if how in ("first", "last"):
        same(train, hold_out(Split(IMAGES.reshape(90, 12), LABELS), 15, how)[0])
    same(held_out, Split(IMAGES.reshape(90, 12)[rows[1]], LABELS[rows[1]]))
    again = hold_out(split(tmp_path), 15, how, seed=2)[1]
    assert (again.digest(), train.digest() == held_out.digest()) == (held_out.digest(), False)


def test_rows_copies_and_pickles(tmp_path: Path) -> None:
    mapped, plain = split(tmp_path), Split(IMAGES.reshape(90, 12), LABELS)
    for rows in (slice(3, 9), slice(None, None, 7), np.array([5, -1, 5, 2]), LABELS == 1):
        same(mapped.rows(rows), plain.rows(rows))
        same(mapped.rows(slice(80)).rows(np.array([0, 9])), plain.rows(np.array([0, 9])))
    for other in (copy.deepcopy(mapped), pickle.loads(pickle.dumps(mapped.rows(slice(4, 50))))):
        same(other, plain if len(other) == 90 else plain.rows(slice(4, 50)))
    for wrong in (slice(5, 5), np.array([], int)):
        with pytest.raises(DataError, match="at least one example"):
            mapped.rows(wrong)
    with pytest.raises(OptionError, match=r"Split\.rows: rows must be a slice"):
        mapped.rows(np.array([90]))


@pytest.mark.parametrize(("bad", "dtype"), [(np.nan, np.float32), (-np.inf, np.float64), (1e39, np.float64)])
def test_a_value_that_is_not_finite_is_named_when_it_is_read(bad: float, dtype: type, tmp_path: Path) -> None:
    x = ROWS.astype(dtype)
    x[41, 3] = bad
    train = split(tmp_path, x, LABELS)
    words = "x.npy must hold numbers that are finite in float32, got NaN, an infinity or a larger one in row 41"
    raw = fit_preprocessing("raw", train, (5, 1, 1))
    whole = Batches(train.rows(slice(30, 90)), 20, raw, shuffle=False, prefetch=True)
    with pytest.raises(DataError, match=words):
        whole.at(0)
    whole.at(1)
    with pytest.raises(DataError, match=words):
        list(chunks(train, 30, raw))
    with pytest.raises(DataError, match=words if bad == 1e39 else "in row 41"):
        fit_preprocessing("standardize", train, (5, 1, 1))


@pytest.mark.parametrize(
    ("arrays", "error", "words"),
    [
        ({}, DataNotFoundError, "must hold x.npy and y.npy, or x_train.npy, .* got none of them. Hint: .* pack"),
        ({"x": ROWS}, DataNotFoundError, "must hold y.npy besides x.npy, found none"),
        ({"x_train": ROWS, "y_train": LABELS}, DataNotFoundError, "must hold x_test.npy besides x_train.npy"),
        ({"x": ROWS, "y": LABELS, "x_test": ROWS}, DataNotFoundError, "got x.npy, x_test.npy, y.npy"),
        ({"x": ROWS, "y": LABELS[:80]}, DataError, "y.npy must have a row for each of the 90 rows of x.npy, got 80"),
        ({"x": IMAGES.reshape(90, 4, 3, 1), "y": LABELS}, DataError, r"must be \(N, C, H, W\).* Hint: x.transpose"),
        ({"x": ROWS, "y": np.where(np.arange(90) == 11, -1, LABELS.astype(int))}, LabelError, "got -1 in row 11"),
        ({"x": ROWS, "y": np.where(np.arange(90) == 7, 10**6, 0)}, LabelError, "got 1000000 in row 7. Hint: --task r"),
        ({"x": ROWS, "y": np.zeros(90, int)}, DataError, "y.npy must have two or more classes, got 1"),
        ({"x": ROWS, "y": np.eye(90)[:, :0]}, DataError, "that is not empty"),
        ({"x": ROWS, "y": np.where(np.arange(90) == 60, np.inf, 1.0)}, LabelError, "y.npy: .* got inf in row 60"),
        ({"x": ROWS, "y": LABELS, "w": np.where(np.arange(90) == 4, -1.0, 1)}, OptionError, "w.npy: .* at row 4"),
        ({"x": ROWS, "y": LABELS, "w": np.zeros(90)}, OptionError, "the weights of .*w.npy must not all be 0"),
        ({"x_train": ROWS, "y_train": LABELS, "x_test": ROWS[:, :4], "y_test": LABELS}, DataError,
         r"x_test.npy must have rows of \(5,\), as x_train.npy has, got \(4,\)"),
        ({"x_train": ROWS, "y_train": LABELS, "x_test": ROWS, "y_test": LABELS + 1}, DataError, "got none of 3"),
    ],
)  # fmt: skip
def test_mistakes_at_the_door(arrays: Any, error: type[Exception], words: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=words):
        load(folder(tmp_path / "set", **arrays))


def test_descriptions_that_do_not_fit(tmp_path: Path) -> None:
    path = folder(tmp_path, x=ROWS, y=LABELS)
    good = '{"format": 1, "task": "classification", "image_shape": [5, 1, 1], "outputs": ["a","b","c"], "columns": []}'
    (path / "dataset.json").write_text(good)
    assert load(path).class_names == ("a", "b", "c")
    for old, new, words in (
        ("1,", "2,", "format 2, where this version reads 1"),
        ("[5, 1, 1]", "[6, 1, 1]", "x.npy must have 6 numbers a row, by dataset.json, got 5"),
        (',"c"', "", "must hold labels from 0 to 1, got 2 in row"),
        ('"outputs"', '"names"', "must describe the arrays, got KeyError"),
        (
            '"columns": []',
            '"columns": [{"name": "x", "kind": "number", "categories": []}]',
            "must be 5 numbers a row, got 1",
        ),
    ):
        (path / "dataset.json").write_text(good.replace(old, new, 1))
        with pytest.raises(DataError if "labels" not in words else LabelError, match=words):
            load(path)
    np.save(path / "y.npy", LABELS.astype(float))
    (path / "dataset.json").write_text(good.replace("classification", "regression"))
    with pytest.raises(DataError, match="dataset.json must name the 1 targets of y.npy, got 3 names"):
        load(path)
    with pytest.raises(DataNotFoundError, match="there must be a folder"):
        load(tmp_path / "nothing")
    with pytest.raises(OptionError, match="files must be two or three NpyFiles"):
        MappedSplit(None)  # type: ignore[arg-type]


def test_memory_is_that_of_a_few_batches(tmp_path: Path) -> None:
    n = 100_000  # 102 MB, which take no room on the disk
    path = folder(tmp_path, y=(np.arange(n) % 10).astype(np.uint8), x=np.zeros((1, 1024), np.uint8))
    np.lib.format.open_memmap(path / "x.npy", "w+", np.uint8, (n, 1024)).flush()
    assert (path / "x.npy").stat().st_blocks * 512 < 10_000_000
    tracemalloc.start()
    try:
        dataset = load(path)
        train, held_out = hold_out(dataset.train, 5000, "random")
        fitted = fit_preprocessing("standardize", train, dataset.image_shape)
        batches = Batches(train, 100, fitted, shuffle=BlockShuffle(1000, 4), prefetch=True)
        for step in range(0, 700, 20):
            batches.at(step)
        sum(len(y) for _, y in chunks(held_out, 500, fitted))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 25_000_000
    assert train.mapped_bytes > 70_000_000 > 200 * train.nbytes
