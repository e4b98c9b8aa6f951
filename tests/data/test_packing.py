"""``pack``: the arrays are those that the images and the table give, and nothing half done is left."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlp_numpy.data import image_folder
from mlp_numpy.data.npy_folder import load
from mlp_numpy.data.own_data import OwnData
from mlp_numpy.data.packing import pack
from mlp_numpy.data.table import load as load_table
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError

HEAD = ["age", "city", "size", "label"]
LINES = [[20 + i % 30, ("Bern", "Basel", "Zug")[i % 3], i / 4, ("yes", "no")[i % 2]] for i in range(120)]


def table(path: Path, rows: list[list[Any]] = LINES) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEAD, *rows])
    return path


def sorted_rows(*arrays: Any) -> list[Any]:
    return sorted(np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1).tolist())


def test_images(tmp_path: Path) -> None:
    for name, shade in (("a", 10), ("b", 200)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (4, 3), (shade, number, 7)).save(tmp_path / "set" / name / f"{number}.png")
    counted: list[int] = []
    packed = pack(tmp_path / "set", tmp_path / "out", progress=counted.append)
    assert (packed.train, packed.test, sum(counted)) == (16, 4, 20)
    plain, mapped = image_folder.load(tmp_path / "set"), load(tmp_path / "out")
    assert (mapped.image_shape, mapped.class_names) == (plain.image_shape, plain.class_names) == ((3, 3, 4), ("a", "b"))
    for part in ("train", "test"):
        found, wanted = getattr(mapped, part), getattr(plain, part)
        assert sorted_rows(found.inputs, found.labels) == sorted_rows(wanted.inputs, wanted.labels)
    assert mapped.train.labels.tolist() != sorted(mapped.train.labels.tolist())  # mixed


@pytest.mark.parametrize("options", [{"target": ("label",)}, {"target": ("size",)}, {"target": ("age", "size")}])
def test_a_table_with_a_test_file_is_that_of_memory(tmp_path: Path, options: Any) -> None:
    given = OwnData(test_file=str(table(tmp_path / "test.csv", LINES[90:])), **options)
    path = table(tmp_path / "t.csv", LINES[:90])
    packed = pack(path, tmp_path / "out", given)
    plain, mapped = load_table(path, given)[0], load(tmp_path / "out")
    assert (packed.train, packed.test) == (90, 30)
    assert (mapped.columns, mapped.class_names, mapped.task) == (plain.columns, plain.class_names, plain.task)
    for part in ("train", "test"):
        found, wanted = getattr(mapped, part), getattr(plain, part)
        np.testing.assert_array_equal(found.inputs, wanted.inputs)
        np.testing.assert_array_equal(found.targets, wanted.targets)


def test_drawn_rows_and_pieces(tmp_path: Path) -> None:
    lines = [[*row[:2], at, row[3]] for at, row in enumerate(LINES * 600)]  # two pieces of a megabyte
    packed = pack(table(tmp_path / "t.csv", lines), tmp_path / "out", OwnData(target=("label",)))
    assert packed.train + packed.test == len(lines) == 72_000
    assert 0.19 < packed.test / 72_000 < 0.21
    mapped = load(tmp_path / "out")
    both = np.concatenate([mapped.train.inputs, mapped.test.inputs])
    at = both[:, -1].astype(int)
    assert sorted(at) == list(range(72_000))
    np.testing.assert_array_equal(both[:, 0], 20 + at % 120 % 30)
    labels = np.concatenate([mapped.train.labels, mapped.test.labels])
    np.testing.assert_array_equal(labels, 1 - at % 120 % 2)


def test_parquet(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = dict(zip(HEAD, zip(*LINES, strict=True), strict=True))
    parquet.write_table(arrow.table({name: list(values) for name, values in columns.items()}), tmp_path / "t.parquet")
    for name in ("t.parquet", "t.csv"):
        table(tmp_path / "t.csv")
        pack(tmp_path / name, tmp_path / f"{name}.out", OwnData(target=("label",)))
    for file in ("x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy", "dataset.json"):
        found, wanted = (tmp_path / f"{name}.out" / file for name in ("t.parquet", "t.csv"))
        assert found.read_bytes() == wanted.read_bytes()


def test_mistakes_leave_nothing(tmp_path: Path) -> None:
    bad = [*LINES[:50], [30, "Bern", "", "yes"], *LINES[50:]]
    path, given = table(tmp_path / "t.csv", bad), OwnData(target=("label",))
    for source, options, error, words in (
        (path, given, DataError, "line 52: column 'size' must have a value"),
        (path, None, OptionError, "must come with its target column"),
        (tmp_path / "no.csv", given, DataNotFoundError, "there must be a folder or a table"),
        (table(tmp_path / "one.csv", LINES[:1]), given, DataError, "must have two or more classes"),
    ):
        with pytest.raises(error, match=words):
            pack(source, tmp_path / "out", options)
        with pytest.raises(error, match=words):
            pack(source, tmp_path / "new" / "folders" / "out", options)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").touch()
    with pytest.raises(DataError, match="must be a new or empty folder"):
        pack(path, tmp_path / "full", given)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["full", "one.csv", "t.csv"]


def test_the_source_is_no_place_for_the_arrays(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.new("RGB", (2, 2)).save(tmp_path / "set" / name / "0.png")
    for out in (tmp_path / "set" / "a" / "out", tmp_path / "set" / "out", tmp_path / "x" / ".." / "set" / "out"):
        with pytest.raises(DataError, match="out must be outside of .*set, which is read. Hint: another place"):
            pack(tmp_path / "set", out)
    assert [each.name for each in (tmp_path / "set" / "a").iterdir()] == ["0.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_to_an_empty_folder_is_that_folder(tmp_path: Path) -> None:
    (tmp_path / "large-disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "large-disk")
    pack(table(tmp_path / "t.csv"), tmp_path / "out", OwnData(target=("label",)))
    assert (tmp_path / "out").is_symlink()
    assert len(load(tmp_path / "large-disk").train) > 80


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    table(tmp_path / "t.csv", LINES * 20)
    # files of at most 20,000 bytes, as on a disk that is full then
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "from mlp_numpy.cli import main; raise SystemExit(main(['pack', 't.csv', 'out', '--target', 'label']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "out must be a folder that can be written, got: File too large. Nothing of it is left." in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["t.csv"]
