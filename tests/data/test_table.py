"""Tables as data sets: the task, the classes, the arrays of an npz file, and each thing that is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.own_data import OwnData
from mlp_numpy.data.table import load, read_rows
from mlp_numpy.errors import DataError, MlpNumpyError, OptionError


def csv(path: Path, head: str, rows: list[str]) -> Path:
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(MlpNumpyError) as caught:
        load(path, OwnData(**options))
    return f"{type(caught.value).__name__}: {caught.value}"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": ("y", "y")}, "OptionError: table.load: target must name columns once, and not be ignored or"),
        ({"target": ("y",), "ignore": ("y",)}, "or categorical, got y."),
        ({"target": ("y",), "categorical": ("y",)}, "or categorical, got y."),
        (
            {"target": ("y", "a"), "task": "classification"},
            "several targets must be numbers of a regression, got y, a.",
        ),
        ({"target": ("c",), "task": "regression"}, "column 'c' must be a number, got 'u'."),
        ({"target": ("y",), "ignore": ("nowhere",)}, "unknown column 'nowhere'"),
    ],
)
def test_options_that_do_not_fit_the_table(tmp_path: Path, options: Any, words: str) -> None:
    path = csv(tmp_path / "t.csv", "a,c,y", [f"{i}.5,{'uv'[i % 2]},{i % 2}" for i in range(20)])
    assert words in refusal(path, **options)


def test_numbers_as_classes_are_in_numeric_order_and_named_as_integers(tmp_path: Path) -> None:
    rows = [f"{i}.5,{(2, 10, -1)[i % 3]}" for i in range(30)]
    dataset, _ = load(csv(tmp_path / "t.csv", "a,y", rows), OwnData(target=("y",)))
    assert dataset.class_names == ("-1", "2", "10")
    for x, label in zip(dataset.train.inputs[:, 0], dataset.train.labels, strict=True):
        assert label == (1, 2, 0)[int(x) % 3]
    halves = [f"{i},{i % 2 / 2}" for i in range(30)]
    dataset, _ = load(csv(tmp_path / "u.csv", "a,y", halves), OwnData(target=("y",), task="classification"))
    assert dataset.class_names == ("0", "0.5")
    assert load(tmp_path / "u.csv", OwnData(target=("y",)))[0].task == "regression"


def test_a_class_has_two_examples_on_average(tmp_path: Path) -> None:
    for n, n_classes in ((8, 4), (9, 4), (3, 2)):
        rows = [f"{i},{i % n_classes}" for i in range(n)]
        dataset, _ = load(csv(tmp_path / "t.csv", "a,y", rows), OwnData(target=("y",), test_fraction=0.5))
        assert len(dataset.class_names) == n_classes
    found = refusal(csv(tmp_path / "t.csv", "a,y", [f"{i},{i % 5}" for i in range(9)]), target=("y",))
    assert (
        "target 'y' must have at most 1,000 classes with two examples each on average, got 5 in 9 rows. Hint" in found
    )
    numbers = np.arange(2004)
    for n_classes in (1000, 1001):
        path = npz(tmp_path / "a.npz", X=numbers[:, None] * 1.0, y=numbers % n_classes)
        if n_classes == 1000:
            assert len(load(path)[0].class_names) == n_classes
        else:
            assert "got 1,001 in 2,004 rows" in refusal(path)


def test_a_test_file_has_the_classes_of_the_training_part(tmp_path: Path) -> None:
    path = csv(tmp_path / "t.csv", "a,y,c", [f"{i},{i % 2},{'uv'[i % 2]}" for i in range(20)])
    other = csv(tmp_path / "o.csv", "a,y,c", ["1,0,u", "2,1,v", "3,7,v", "4,1,w"])
    words = f"{other}, line 4: target 'y' must be a class of the training part, got '7'."
    assert words in refusal(path, target=("y",), ignore=("c",), test_file=str(other))
    words = f"{other}, line 5: target 'c' must be a class of the training part, got 'w'."
    assert words in refusal(path, target=("c",), test_file=str(other))
    csv(tmp_path / "o.csv", "a,y,c", ["1,0,u", "2,1,w", "3,1,w"])
    dataset, warning = load(path, OwnData(target=("y",), test_file=str(other)))
    assert warning == "2 values of the test part are in categories without training examples."
    assert dataset.test.inputs.tolist() == [[1, 1, 0], [2, 0, 0], [3, 0, 0]]


X = np.arange(40.0).reshape(20, 2)
Y = np.arange(20) % 2


@pytest.mark.parametrize("option", ["target", "categorical", "ignore", "test_file"])
def test_arrays_come_without_the_options_of_columns(tmp_path: Path, option: str) -> None:
    value: Any = "t.csv" if option == "test_file" else ("y",)
    found = refusal(npz(tmp_path / "a.npz", X=X, y=Y), **{option: value})
    assert "must come without target, categorical, ignore and test_file: y is the target." in found


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"X": X, "y": np.stack([Y, Y], axis=1)}, "must have one target a row of X, got (20, 2)."),
        ({"x_train": X, "y_train": Y, "x_test": X[:3], "y_test": Y[:2]}, "one target a row of x_test, got (2,)."),
        ({"x_train": X, "y_train": Y, "x_test": X[:2], "y_test": Y[:2] + 1}, "must have test classes of the training"),
        ({"X": X[:0], "y": Y[:0]}, "must have an array X of numbers, (N, D), got float64 (0, 2)."),
        ({"X": X.astype("U3"), "y": Y}, "must have an array X of numbers, (N, D), got <U3 (20, 2)."),
        ({"X": X, "y": Y * 1j}, "target 'y' must hold numbers or strings, got complex128."),
        ({"X": X, "y": Y * 0}, "a.npz, y must have two or more classes, got 1."),
        ({"x_train": X, "y_train": Y}, "got ['x_train', 'y_train']."),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else ",".join(value),
)
def test_arrays_that_are_no_data_set(tmp_path: Path, arrays: Any, words: str) -> None:
    assert words in refusal(npz(tmp_path / "a.npz", **arrays))


def test_arrays_are_whole_and_aligned(tmp_path: Path) -> None:
    x = np.arange(60_000.0).reshape(20_000, 3)
    path = npz(tmp_path / "a.npz", x=x, y=np.arange(20_000) % 7)
    dataset, _ = load(path)
    assert dataset.name == "a"
    assert dataset.feature_names == ("x0", "x1", "x2")
    assert dataset.image_shape == (3, 1, 1)
    assert (len(dataset.train), len(dataset.test)) == (16_000, 4_000)
    for part in (dataset.train, dataset.test):
        np.testing.assert_array_equal(part.labels, part.inputs[:, 0] // 3 % 7)
    both = np.concatenate([dataset.train.inputs[:, 0], dataset.test.inputs[:, 0]])
    np.testing.assert_array_equal(np.sort(both), x[:, 0])
    for row in (0, 9_999, 10_000, 19_999):
        bad = x.copy()
        bad[row, 2] = np.inf
        words = f"{path}, X: row {row + 1}, column 2 must be finite, got NaN or ∞."
        assert words in refusal(npz(path, X=bad, y=np.arange(20_000) % 7))


def test_the_task_of_arrays(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", X=X, y=Y * 2.0)
    assert load(path)[0].task == "regression"
    dataset, _ = load(path, OwnData(task="classification"))
    assert (dataset.task, dataset.class_names) == ("classification", ("0", "2"))
    np.testing.assert_array_equal(dataset.train.labels, dataset.train.inputs[:, 0] // 2 % 2)
    path = npz(path, X=X, y=Y * 2)
    assert load(path)[0].task == "classification"
    dataset, _ = load(path, OwnData(task="regression"))
    assert (dataset.task, dataset.class_names) == ("regression", ("y0",))
    np.testing.assert_array_equal(dataset.train.targets[:, 0], dataset.train.inputs[:, 0] % 4)


def test_new_rows_of_arrays(tmp_path: Path) -> None:
    dataset, _ = load(npz(tmp_path / "a.npz", X=X, y=Y))
    new = npz(tmp_path / "new.npz", X=X[:3] + 1)
    rows = read_rows(new, dataset.columns)
    assert rows.left_out == ()
    np.testing.assert_array_equal(rows.inputs, X[:3] + 1)
    with pytest.raises(DataError, match=r"must have X of the model's 2 numbers, got \(3, 1\)"):
        read_rows(npz(new, X=X[:3, :1]), dataset.columns)
    with pytest.raises(DataError, match=r"must have an array X of numbers, \(N, D\), got none"):
        read_rows(npz(new, x=X), dataset.columns)
    named, _ = load(
        csv(tmp_path / "t.csv", "a,c,y", [f"{i},{'uv'[i % 2]},{i % 2}" for i in range(20)]), OwnData(target=("y",))
    )
    with pytest.raises(DataError, match="must have X of the model's 2 numbers"):
        read_rows(npz(new, X=X), named.columns)


def test_the_dtype_of_the_inputs(tmp_path: Path) -> None:
    path = csv(tmp_path / "t.csv", "a,y", [f"{i / 10},{i / 10}" for i in range(20)])
    for dtype in ("float32", "float64"):
        dataset, _ = load(path, OwnData(target=("y",), dtype=dtype))
        assert dataset.train.inputs.dtype == dtype
        assert dataset.train.targets.dtype == np.float64  # targets keep their digits
        np.testing.assert_array_equal(dataset.train.inputs, dataset.train.targets.astype(dtype))


def test_a_table_needs_a_target() -> None:
    with pytest.raises(OptionError, match="must come with its target column, got none"):
        load("t.csv", OwnData())


@pytest.mark.parametrize("classes", [(1, 2**53, 2**53 + 1), (1, -(2**60))])
def test_classes_that_float64_would_join_are_refused(classes: tuple[int, ...], tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,y\n" + "\n".join(f"{row},{classes[row % len(classes)]}" for row in range(60)))
    with pytest.raises(DataError, match=r"t\.csv, line 3: target 'y' must be below 2⁵³ to be a class, got "):
        load(file, OwnData(target=("y",)))
