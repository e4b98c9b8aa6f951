"""The commands with tables and images of the user's, as a user types them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlp_numpy.cli import main
from mlp_numpy.experiment import load_trained
from mlp_numpy.training import History

FAST = ["--steps", "60", "--eval-every", "30", "--batch", "40", "--lr", "0.05", "--no-download"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a table whose price depends on size and town, and a folder of images."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    size, town = rng.uniform(30, 200, 300), rng.integers(0, 3, 300)
    price = 5000 * size + 100_000 * (town == 2) + 0.5
    with Path("houses.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["size", "town", "price", "dear"])
        for row in zip(size, town, price, strict=True):
            table.writerow([f"{row[0]:.3f}", "abc"[row[1]], row[2], "yes" if row[2] > 550_000 else "no"])
    for kind, color in (("dark", 40), ("light", 200)):
        Path("pictures", kind).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(rng.integers(color - 40, color + 40, (8, 8, 3), np.uint8)).save(
                Path("pictures", kind, f"{number}.png")
            )
    return tmp_path


def train(*words: str) -> int:
    return main(["train", *FAST, *words])


REGRESSION = ("--dataset", "table:houses.csv", "--target", "price", "--ignore", "dear")
CLASSES = ("--dataset", "table:houses.csv", "--target", "dear", "--ignore", "price")


def test_a_regression(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(*REGRESSION, "--name", "r", "--steps", "300") == 0
    out = capsys.readouterr().out
    assert "240 + 60 rows (test)" in out
    assert "regression of price, standardized, from 2 columns (1 numbers, 1 categories): 4 inputs" in out
    assert "softmax=False" in out
    history = History.read("runs/r/history.json")
    assert (history.monitor, history.task) == ("r2", "regression")
    best = history.best
    assert best is not None and best.value("r2") > 0.97
    assert 1000 < best.value("mae") < 60_000  # of the price itself, not of standardized prices
    assert "accuracy" not in json.loads(Path("runs/r/history.json").read_text(encoding="utf-8"))["test"]
    assert main(["evaluate", "runs/r"]) == 0
    out = capsys.readouterr().out
    assert f"test r2 {history.evaluations[-1].value('r2'):.4f} mae" in out
    assert "true class" not in out
    assert main(["doctor", "runs/r"]) == 0
    assert "better than the mean" in capsys.readouterr().out
    Path("new.csv").write_text("town,size,rooms\nc,100,3\na,50,2\n", encoding="utf-8")
    assert main(["predict", "runs/r", "new.csv", "--out", "p.csv"]) == 0
    assert "columns that the model does not use: rooms" in capsys.readouterr().err
    with Path("p.csv").open(encoding="utf-8") as file:
        (first, second) = list(csv.DictReader(file))
    assert float(first["price"]) == pytest.approx(600_000, rel=0.1)
    assert float(second["price"]) == pytest.approx(250_000, rel=0.2)
    assert main(["predict", "runs/r", "new.csv", "--out", "p.csv"]) == 1
    assert "already exists" in capsys.readouterr().err


def test_several_targets_and_other_losses(here: Path) -> None:
    words = ("--dataset", "table:houses.csv", "--target", "price", "size", "--ignore", "dear", "--loss", "huber")
    assert train(*words, "--name", "r") == 0
    trained = load_trained("runs/r")
    assert (trained.task, trained.loss, trained.about["class_names"]) == ("regression", "huber", ["price", "size"])
    assert trained.predict(np.array([[1, 0, 0], [0, 0, 1]], np.float32)).shape == (2, 2)
    assert main(["evaluate", "runs/r"]) == 0


def test_a_classification_selected_by_another_metric(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--held-out", "validation", "--validation", "40", "--split", "stratified", "--monitor", "log_loss")
    assert train(*CLASSES, *words, "--patience", "9", "--min-delta", "0.001", "--name", "c") == 0
    out = capsys.readouterr().out
    assert "classification of dear into 2 classes (no, yes)" in out
    assert "validation log_loss: last 0." in out
    assert main(["evaluate", "runs/c"]) == 0
    assert "predicted class" in capsys.readouterr().out
    Path("new.csv").write_text("size,town\n190,c\n31,a\n", encoding="utf-8")
    assert main(["predict", "runs/c", "new.csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["prediction"] for row in rows] == ["yes", "no"]
    assert float(rows[0]["p(yes)"]) + float(rows[0]["p(no)"]) == pytest.approx(1, abs=1e-5)
    assert main(["export", "runs/c", "c.npz"]) == 0
    assert main(["evaluate", "c.npz"]) == 0
    assert main(["train", "--resume", "runs/c"]) == 0
    assert "already complete" in capsys.readouterr().out


def test_images(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        train("--dataset", "folder:pictures", "--batch", "16", "--name", "i", "--init", "kaiming", "--lr", "1e-4") == 0
    )
    assert "32 + 8 images (test)" in capsys.readouterr().out
    assert main(["evaluate", "runs/i"]) == 0
    assert "test accuracy 1.0000" in capsys.readouterr().out
    assert main(["predict", "runs/i", "pictures/dark", "--out", "p.csv", "--top", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "20 predictions in p.csv"
    assert all("dark" in line.split()[-2] for line in lines[1:])


def test_seeds_and_a_search_of_a_regression(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(*REGRESSION, "--name", "s", "--seeds", "0,1") == 0
    assert "r2" in json.loads(Path("runs/s-seeds.json").read_text(encoding="utf-8"))
    capsys.readouterr()
    Path("space.yaml").write_text(
        "dataset: table:houses.csv\ntarget: [price]\nignore: [dear]\nheld_out: validation\nvalidation: 40\n"
        "split: random\nsteps: 60\neval_every: 30\nbatch: 40\nmonitor: mae\ngrid:\n  lr: [0.05, 0.0001]\n",
        encoding="utf-8",
    )
    assert main(["search", "space.yaml", "--no-download"]) == 0
    out = capsys.readouterr().out
    assert "winner  trial 0: lr 0.05   validation mae" in out
    assert "test    r2 0." in out


def test_an_exported_regression_predicts_in_original_units(here: Path) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    assert train(*REGRESSION, "--name", "r") == 0
    assert main(["export", "runs/r", "r.onnx"]) == 0
    session, x = runtime.InferenceSession("r.onnx"), np.array([[100, 0, 0, 1], [50, 1, 0, 0]], np.float32)
    (found,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(found, load_trained("runs/r").predict(x), rtol=1e-5)
    properties = session.get_modelmeta().custom_metadata_map
    assert json.loads(properties["feature_names"]) == ["size", "town=a", "town=b", "town=c"]


def test_events_of_a_regression(here: Path) -> None:
    pytest.importorskip("tensorboardX")
    assert train(*REGRESSION, "--name", "t", "--tensorboard") == 0
    content = b"".join(path.read_bytes() for path in Path("runs/t/tensorboard").iterdir())
    assert b"r2/test" in content
    assert b"accuracy" not in content


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*CLASSES, "--model", "conv-net"), "model conv-net must come with a dataset of images"),
        ((*CLASSES, "--flip"), "flip must come with a dataset of images"),
        ((*CLASSES, "--shift", "1"), "shift must come with a dataset of images"),
        ((*CLASSES, "--cutout", "1"), "cutout must come with a dataset of images"),
        ((*CLASSES, "--loss", "mse"), "loss must be one for a classification: cross-entropy, hinge, got mse"),
        ((*REGRESSION, "--loss", "hinge"), "loss must be one for a regression: mse, mae, huber, got hinge"),
        ((*REGRESSION, "--label-smoothing", "0.1"), "label_smoothing must come with loss cross-entropy"),
        (
            (*REGRESSION, "--held-out", "validation", "--validation", "40", "--monitor", "accuracy"),
            "one for a regression",
        ),
        ((*REGRESSION, "--init-std", "0.1"), "init_std must come with init normal"),
        (("--dataset", "table:houses.csv"), "must come with its target column"),
        (("--dataset", "table:houses.csv", "--target", "prize"), "unknown column 'prize'. Did you mean 'price'?"),
        (("--dataset", "mnist", "--target", "price"), "target must come with dataset table:FILE"),
        (("--dataset", "folder:none"), "there must be a folder"),
        (("--dataset", "folder:pictures", "--target", "x"), "target must come with dataset table:FILE"),
        (("--dataset", "folder:pictures", "--image-size", "1", "2", "3"), "image_size must be a side"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    try:
        status: Any = train(*words)
    except SystemExit as ended:
        status = ended.code
    assert status != 0
    assert message in capsys.readouterr().err
    assert not Path("runs").exists()


def test_bad_rows_are_refused_by_predict_and_nothing_is_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(*CLASSES, "--name", "c") == 0
    for text, message in (
        ("size\n1\n", "must have the column 'town'"),
        ("size,town\n1,d\n", "line 2: column 'town' must hold a category of the training data, got 'd'"),
        ("size,town\nNaN,a\n", "line 2: column 'size' must have a value"),
        ("size,town\n", "must have rows"),
    ):
        Path("new.csv").write_text(text, encoding="utf-8")
        assert main(["predict", "runs/c", "new.csv", "--out", "p.csv"]) == 1
        assert message in capsys.readouterr().err
        assert not Path("p.csv").exists()
    assert main(["predict", "runs/c", "new.csv", "new.csv"]) == 1
    assert "predicts one table" in capsys.readouterr().err


def test_a_table_that_has_changed_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(*CLASSES, "--name", "c") == 0
    text = Path("houses.csv").read_text(encoding="utf-8")
    Path("houses.csv").write_text(text.replace(",a,", ",aa,"), encoding="utf-8")
    capsys.readouterr()
    assert main(["evaluate", "runs/c"]) == 1
    assert "must have the columns and the task that runs/c was trained on" in capsys.readouterr().err
