"""Tables and folders of the user's: what is read, and what is refused by name."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlp_numpy.data import image_folder, load_dataset
from mlp_numpy.data.columns import Column
from mlp_numpy.data.csv_file import read_csv
from mlp_numpy.data.own_data import OwnData, absolute
from mlp_numpy.data.raw_table import Wanted
from mlp_numpy.data.table import load, read_rows
from mlp_numpy.data.table_files import read_table
from mlp_numpy.data.targets import TargetScaling
from mlp_numpy.errors import DataError, DataNotFoundError, ExtraMissingError, MlpNumpyError, OptionError

ROWS = [[20 + i % 30, ("Bern", "Basel", "Zug")[i % 3], i / 4, ("yes", "no")[i % 2]] for i in range(60)]


def table(path: Path, rows: list[list[Any]] = ROWS, head: str = "age,city,size,label") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head.split(","), *rows])
    return path


def test_a_classification_with_numbers_and_categories(tmp_path: Path) -> None:
    dataset, warning = load(table(tmp_path / "t.csv"), OwnData(target=("label",)))
    assert warning is None
    assert (dataset.task, dataset.class_names, dataset.name) == ("classification", ("no", "yes"), "t")
    assert dataset.feature_names == ("age", "city=Basel", "city=Bern", "city=Zug", "size")
    assert (len(dataset.train), len(dataset.test)) == (48, 12)
    assert np.bincount(dataset.test.labels).tolist() == [6, 6]  # stratified
    found = {tuple(row) for row in np.c_[dataset.train.inputs, dataset.train.labels].tolist()}
    wanted = {(a, c == "Basel", c == "Bern", c == "Zug", s, label == "yes") for a, c, s, label in ROWS}
    assert len(found) == 48
    assert found < wanted


@pytest.mark.parametrize(
    ("options", "task", "outputs"),
    [
        ({"target": ("size",)}, "regression", ("size",)),
        ({"target": ("age", "size")}, "regression", ("age", "size")),
        ({"target": ("age",)}, "classification", tuple(str(age) for age in range(20, 50))),
        ({"target": ("age",), "task": "regression"}, "regression", ("age",)),
    ],
)
def test_the_task_follows_from_the_target(tmp_path: Path, options: Any, task: str, outputs: Any) -> None:
    dataset, _ = load(table(tmp_path / "t.csv"), OwnData(ignore=("label",), **options))
    assert (dataset.task, dataset.class_names) == (task, outputs)


def test_the_test_part_is_the_same_every_time_and_a_file_of_its_own_is_taken(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv")
    first, again = (load(path, OwnData(target=("size",), test_fraction=0.5))[0].test for _ in range(2))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert len(first) == 30
    other = table(tmp_path / "other.csv", [row[::-1] for row in ROWS[:6]], "label,size,city,age")
    dataset, _ = load(path, OwnData(target=("label",), test_file=str(other)))
    assert (len(dataset.train), len(dataset.test)) == (60, 6)
    np.testing.assert_array_equal(dataset.test.inputs, dataset.train.inputs[:6])
    np.testing.assert_array_equal(dataset.test.labels, dataset.train.labels[:6])


def test_every_form_of_csv_gives_the_same_numbers(tmp_path: Path) -> None:
    text = 'a,b,c\n1,x,"2"\n-3.5e2," y ",4\n'
    forms = {
        "plain.csv": text.encode(),
        "windows.csv": b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        "tabs.tsv": text.replace(",", "\t").encode(),
        "semicolons.csv": text.replace(",", ";").encode(),
        "blank.csv": ("\n" + text.replace("\n", "\n\n")).encode(),
        "zipped.csv.gz": gzip.compress(text.encode()),
        "open.csv": text.rstrip("\n").encode(),
    }
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
        found = read_csv(tmp_path / name, Wanted())
        assert {key: column.tolist() for key, column in found.columns.items()} == {
            "a": [1, -350],
            "b": [0, 1],
            "c": [2, 4],
        }
        assert found.categories == {"b": ["x", "y"]}


def test_a_long_table_and_line_breaks_in_quotes(tmp_path: Path) -> None:
    """More than one piece of the file; a row's line is the last of its own."""
    path = tmp_path / "long.csv"
    lines = [f'{i},"{"n" * 40}{i % 7}\n"\n' for i in range(30_000)]
    path.write_text("number,text\n" + "".join(lines), encoding="utf-8")
    found = read_csv(path, Wanted(dtype=np.float64))
    np.testing.assert_array_equal(found.columns["number"], np.arange(30_000))
    assert len(found.categories["text"]) == 7
    assert found.place(29_999).endswith("line 60001")
    path.write_text(path.read_text(encoding="utf-8").replace("29000,", "nan,"), encoding="utf-8")
    with pytest.raises(DataError, match=r"line 58003: column 'number' must have a value, got 'nan', a missing one"):
        read_csv(path, Wanted())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,y\n1,x\n,y\n", "line 3: column 'a' must have a value, got '', a missing one"),
        ("a,y\n1,x\n2,NA\n", "line 3: column 'y' must have a value, got 'NA'"),
        ("a,y\n1,x\ninf,y\n", "line 3: column 'a' must be a finite number, got 'inf'"),
        ("a,y\n1,x\n2,y\nten,z\n", "line 4: column 'a' must be a number, got 'ten'. Hint: --categorical a"),
        ("a,y\n1_0,x\n2,y\n3,y\n", "line 2: column 'a' must be a number, got '1_0'"),
        ("a,y\n1,x\n2\n", "line 3: a row must have 2 columns, got 1"),
        ("a,y\n1,x\n2,y,z\n", "line 3: a row must have 2 columns, got 3"),
        ("a,a\n1,2\n", "columns must have different names, got 'a' again in column 2"),
        ("a,\n1,2\n", "column 2 must have a name"),
        ("1,2\n3,4\n", "must begin with the names of its columns, got the numbers"),
        ("a,y\n", "must have rows below the names"),
        ("", "must begin with the names of its columns, got nothing"),
        ('a,y\n1,"x\n', "every quote must be closed"),
        ('"a,y\n1,x\n', "line 1: a quote must be closed"),
        ("a,y\n1600000000,x\n1600000001,y\n", "column 'a' must vary by more than 1000 steps of float32"),
        ("a,y\n1,x\n2,x\n", "target 'y' must have two or more classes, got 1"),
        ("a,y\n1,0\n2,1\n3,2\n4,3\n5,4\n", "Hint: --task regression"),
        ("y\nx\nz\n", "must have columns besides the target"),
        ("a,b\n1,2\n", "unknown column 'y'"),
    ],
)
def test_a_bad_table_is_refused_by_line_and_column(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MlpNumpyError) as caught:
        load(path, OwnData(target=("y",)))
    assert words in str(caught.value)


def test_other_bad_files(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [[i, f"id{i}"] for i in range(1500)], "y,id")
    with pytest.raises(DataError, match=r"column 'id' must have at most 1,000 categories.*--ignore id"):
        load(path, OwnData(target=("y",)))
    (tmp_path / "latin.csv").write_bytes(b"a,y\n1,Z\xfcrich\n")
    with pytest.raises(DataError, match="must be text in UTF-8"):
        load(tmp_path / "latin.csv", OwnData(target=("y",)))
    (tmp_path / "broken.csv.gz").write_bytes(gzip.compress(b"a,y\n1,2\n" * 9)[:-9])
    with pytest.raises(DataError, match="must be a whole CSV file"):
        load(tmp_path / "broken.csv.gz", OwnData(target=("y",)))
    with pytest.raises(DataNotFoundError, match="there must be a file"):
        load(tmp_path / "none.csv", OwnData(target=("y",)))
    with pytest.raises(OptionError, match="must come with its target column.*--target NAME"):
        load(path)
    with pytest.raises(OptionError, match=r"a table must be one of \.csv"):
        load(tmp_path / "t.xlsx", OwnData(target=("y",)))
    with pytest.raises(OptionError, match="several targets must be numbers"):
        load(table(tmp_path / "u.csv"), OwnData(target=("label", "size")))


def test_new_rows_are_encoded_by_the_columns_of_the_training_data(tmp_path: Path) -> None:
    dataset, _ = load(table(tmp_path / "t.csv"), OwnData(target=("label",)))
    new = table(tmp_path / "new.csv", [["a", "Zug", 7, 33], ["b", "Bern", 8, 3]], "name,city,size,age")
    rows = read_rows(new, dataset.columns)
    assert rows.inputs.tolist() == [[33, 0, 0, 1, 7], [3, 0, 1, 0, 8]]
    assert rows.left_out == ("name",)
    for head, row, words in (
        ("name,city,size,Age", ["a", "Zug", 7, 33], "must have the column 'age'. Did you mean 'Age'?"),
        ("name,city,size,age", ["a", "Rom", 7, 33], "line 2: column 'city' must hold a category of the training data"),
        ("name,city,size,age", ["a", "Zug", "", 33], "line 2: column 'size' must have a value"),
        ("name,city,size,age", ["a", "Zug", "big", 33], "line 2: column 'size' must be a number, got 'big'"),
    ):
        with pytest.raises(DataError) as caught:
            read_rows(table(tmp_path / "bad.csv", [row], head), dataset.columns)
        assert words in str(caught.value)


def test_a_category_of_the_test_part_alone_is_told(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [[i % 2, "a" if i else "rare"] for i in range(40)], "y,c")
    other = table(tmp_path / "other.csv", [[0, "new"], [1, "a"]], "y,c")
    dataset, warning = load(path, OwnData(target=("y",), test_file=str(other)))
    assert warning == "1 values of the test part are in categories without training examples."
    assert dataset.test.inputs.tolist() == [[0, 0], [1, 0]]


def test_arrays(tmp_path: Path) -> None:
    x, rng = np.arange(40.0).reshape(20, 2), np.random.default_rng(0)
    path = tmp_path / "a.npz"
    for y, task, names in (
        (np.arange(20) % 2 * 5, "classification", ("0", "5")),
        (np.array(["b", "a"] * 10), "classification", ("a", "b")),
        (rng.normal(size=20), "regression", ("y0",)),
        (rng.normal(size=(20, 2)), "regression", ("y0", "y1")),
    ):
        np.savez(path, X=x, y=y)
        dataset, _ = load(path)
        assert (dataset.task, dataset.class_names, len(dataset.test)) == (task, names, 4)
    np.savez(path, x_train=x, y_train=np.arange(20) % 2, x_test=x[:3], y_test=np.array([0, 1, 0]))
    assert len(load(path)[0].test) == 3
    for arrays, words in (
        ({"X": x}, "must hold the arrays X and y"),
        ({"X": x, "y": np.arange(3)}, "one target a row"),
        ({"X": np.array([[None, 1]]), "y": np.array([1])}, "Python objects"),
        ({"X": np.where(x == 7, np.nan, x), "y": np.arange(20) % 2}, "row 4, column 1 must be finite"),
        ({"X": x.ravel(), "y": np.arange(40) % 2}, "must have an array X of numbers"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(DataError, match=words):
            load(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="must be a whole .npz file"):
        load(path)


def test_a_name_in_quotes_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text('"a, in m",b,"c"\n1,2,3\n4,5,6\n')
    found = read_csv(tmp_path / "q.csv", Wanted())
    assert {name: list(column) for name, column in found.columns.items()} == {
        "a, in m": [1, 4],
        "b": [2, 5],
        "c": [3, 6],
    }


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet, feather = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow.feather")
    content = {"a": list(range(10)), "c": ["u", "v"] * 5, "b": [True, False] * 5, "y": [0.5, 1.5] * 5}
    parquet.write_table(pyarrow.table(content), tmp_path / "t.parquet")
    feather.write_feather(pyarrow.table(content), tmp_path / "t.feather", compression="uncompressed")
    head = ",".join(content)
    rows = [
        [str(value).lower() if isinstance(value, bool) else value for value in row]
        for row in zip(*content.values(), strict=True)
    ]
    wanted, _ = load(table(tmp_path / "t.csv", rows, head), OwnData(target=("y",)))
    for name in ("t.parquet", "t.feather"):
        found, _ = load(tmp_path / name, OwnData(target=("y",)))
        assert found.columns == wanted.columns
        np.testing.assert_array_equal(found.train.inputs, wanted.train.inputs)
        np.testing.assert_array_equal(found.test.targets, wanted.test.targets)
        part = read_table(tmp_path / name, Wanted(ignore=("c", "b")))
        assert (list(part.columns), part.left_out) == (["a", "y"], ("c", "b"))
    parquet.write_table(pyarrow.table({**content, "a": [1, None, *range(8)]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="row 2: column 'a' must have a finite value, got None"):
        load(tmp_path / "t.parquet", OwnData(target=("y",)))


def test_parquet_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ExtraMissingError, match=r"mlp_numpy\[table\]"):
        load(tmp_path / "t.parquet", OwnData(target=("y",)))


def pictures(folder: Path, n: int = 5, size: tuple[int, int] = (6, 4), classes: str = "ab", mode: str = "RGB") -> Path:
    for kind in classes:
        (folder / kind).mkdir(parents=True)
        for number in range(n):
            Image.new(mode, size, number * 20 + ord(kind) if mode == "L" else (number, 0, ord(kind))).save(
                folder / kind / f"{number}.png"
            )
    return folder


def test_a_folder_of_images(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pets")
    (folder / ".hidden").write_text("", encoding="utf-8")
    (folder / "a" / "Thumbs.db").write_text("", encoding="utf-8")
    dataset = load_dataset(f"folder:{folder}", tmp_path).dataset
    assert (dataset.image_shape, dataset.class_names) == ((3, 4, 6), ("a", "b"))
    assert (len(dataset.train), np.bincount(dataset.test.labels).tolist()) == (8, [1, 1])
    np.testing.assert_array_equal(dataset.train.inputs[:, -1], np.where(dataset.train.labels, ord("b"), ord("a")))
    small = load_dataset(f"folder:{folder}", tmp_path, own=OwnData(image_size=(2,))).dataset
    assert small.image_shape == (3, 2, 2)
    gray = image_folder.load(pictures(tmp_path / "gray", mode="L"))
    assert gray.image_shape == (1, 4, 6)


def test_train_and_test_folders_and_upright_images(tmp_path: Path) -> None:
    pictures(tmp_path / "train")
    pictures(tmp_path / "test", n=2)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 6), (9, 9, 9)).save(tmp_path / "test" / "a" / "turned.jpg", exif=exif)
    dataset = image_folder.load(tmp_path)
    assert (len(dataset.train), len(dataset.test), dataset.image_shape) == (10, 5, (3, 4, 6))


def test_bad_folders_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="there must be a folder"):
        image_folder.load(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="two or more classes, got none"):
        image_folder.load(tmp_path / "empty")
    with pytest.raises(DataError, match="two or more classes, got one, a"):
        image_folder.load(pictures(tmp_path / "one", classes="a"))
    folder = pictures(tmp_path / "pets")
    (folder / "c").mkdir()
    with pytest.raises(DataError, match="c must hold at least one image, got none"):
        image_folder.load(folder)
    (folder / "c" / "d").mkdir()
    with pytest.raises(DataError, match="got a folder d in it"):
        image_folder.load(folder)
    (folder / "c" / "d").rmdir()
    (folder / "c" / "notes.txt").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"must hold images, got notes\.txt"):
        image_folder.load(folder)
    (folder / "c" / "notes.txt").rename(folder / "c" / "notes.png")
    with pytest.raises(DataError, match=r"c/notes\.png must be an image file"):
        image_folder.load(folder)
    Image.new("RGB", (3, 3)).save(folder / "c" / "notes.png")
    with pytest.raises(DataError, match=r"must have one size, got 4 × 6 .* and 3 × 3 .*--image-size 4 6"):
        image_folder.load(folder)
    (folder / "file.png").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"one folder per class, got the file file\.png"):
        image_folder.load(folder)


def test_own_data_is_checked_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = OwnData(target=("a", "b"), test_file="t.csv", image_size=(3, 4))
    assert OwnData.from_json(own.as_json()) == OwnData(
        target=("a", "b"), test_file=str(tmp_path / "t.csv"), image_size=(3, 4)
    )
    assert OwnData().as_json() == {}
    assert absolute("table:t.csv") == f"table:{tmp_path}/t.csv"
    assert absolute("mnist") == "mnist"
    refused: dict[str, Any] = {
        "task": "other",
        "image_size": (1, 2, 3),
        "target": "a",
        "test_fraction": 1.0,
        "dtype": "f2",
    }
    for name, value in refused.items():
        with pytest.raises(OptionError, match=name):
            OwnData(**{name: value})
    with pytest.raises(OptionError, match="settings must be some of"):
        OwnData.from_json({"other": 1})


def test_columns_are_checked() -> None:
    column = Column("city", "category", ("a", "b"))
    assert Column.from_json(column.as_json()) == column
    refused: list[tuple[Any, ...]] = [
        ("x", "category", ()),
        ("x", "number", ("a",)),
        ("x", "other", ()),
        ("x", "category", ("a", "a")),
        (1, "number", ()),
    ]
    for bad in refused:
        with pytest.raises(OptionError, match="Column"):
            Column(*bad)


def test_target_scaling() -> None:
    targets = np.array([[1.0, 5.0], [3.0, 5.0]])
    scaling = TargetScaling.fit(targets)
    assert (scaling.mean, scaling.std) == ((2.0, 5.0), (1.0, 1.0))
    np.testing.assert_array_equal(scaling.scale(targets), [[-1, 0], [1, 0]])
    np.testing.assert_array_equal(scaling.restore(scaling.scale(targets)), targets)
    for bad in (((1.0,), (0.0,)), ((1.0,), (1.0, 2.0)), ((float("nan"),), (1.0,)), ((), ())):
        with pytest.raises(OptionError, match="TargetScaling"):
            TargetScaling(*bad)
