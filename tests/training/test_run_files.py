"""The files of a run: history and model, written whole, read back, and distrusted."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from tiny import SHAPE, tiny

from mlp_numpy import MLP, kaiming
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import DataError, DataNotFoundError
from mlp_numpy.training import EvaluationRecord, History, StepRecord, TrainedModel, load_model, save_model

DATA = tiny(20, 5)


def trained(kind: str = "standardize", dtype: str = "float32") -> TrainedModel:
    model = MLP(48, [3], 4, 0.1, init=kaiming(), rng=0, dtype=dtype)
    return TrainedModel(model, Preprocessing.fit(kind, DATA.train.images, SHAPE), {"dataset": "tiny", "µ": [1]})


def history() -> History:
    found = History({"status": "finished"})
    for record in (
        EvaluationRecord(0, 2.5, 0.1),
        StepRecord(1, 2.25, 0.2),
        StepRecord(2, float("inf"), 0.3),
        EvaluationRecord(2, 1.5, 0.4),
    ):
        found.add(record)
    return found


def test_history_round_trip(tmp_path: Path) -> None:
    history().write(tmp_path / "history.json")
    again = History.read(tmp_path / "history.json")
    assert again.about == {"status": "finished"}
    assert again.evaluations == history().evaluations
    assert again.steps[0] == StepRecord(1, 2.25, 0.2)
    assert math.isnan(again.steps[1].loss)  # JSON knows no infinity
    assert again.steps[1].accuracy == 0.3
    assert again.best == EvaluationRecord(2, 1.5, 0.4)


def test_history_as_a_table(tmp_path: Path) -> None:
    history().write_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["part"] + row["step"] for row in rows] == ["train1", "train2", "test0", "test2"]
    assert float(rows[3]["accuracy"]) == 0.4


TEXT_AS_LOSS = '{"about": {}, "train": {"step": [1], "loss": ["low"], "accuracy": [0]}, "test": {}}'


@pytest.mark.parametrize(
    "content", ["", "[]", '{"about": {}}', '{"about": {}, "train": {"step": [1]}, "test": {}}', TEXT_AS_LOSS]
)
def test_a_history_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "history.json"
    path.write_text(content)
    with pytest.raises(DataError, match="must be a history that a run wrote"):
        History.read(path)


@pytest.mark.parametrize("kind", ["mean-image", "standardize", "unit"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_comes_back_as_it_was_saved(tmp_path: Path, kind: str, dtype: str) -> None:
    saved = trained(kind, dtype)
    save_model(tmp_path / "model.npz", saved)
    again = load_model(tmp_path / "model.npz")
    x, y = saved.preprocessing.apply(DATA.test.images), again.preprocessing.apply(DATA.test.images)
    np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(saved.model.forward(x), again.model.forward(y))
    assert repr(again.model) == repr(saved.model)
    assert again.about["µ"] == [1]
    assert not again.model.training


def test_no_truncation_and_no_flipped_bit_goes_unnoticed(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save_model(path, trained())
    content = path.read_bytes()
    kept = trained()
    x = kept.preprocessing.apply(DATA.test.images)
    expected = kept.model.forward(x)
    rng = np.random.default_rng(0)
    harmless = 0
    for position in rng.choice(len(content), size=300, replace=False):
        flipped = bytearray(content)
        flipped[position] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        try:
            again = load_model(path)
        except DataError:
            continue
        # a bit of the archive's own book-keeping that says nothing: then the content must be the same
        harmless += 1
        np.testing.assert_array_equal(again.model.forward(again.preprocessing.apply(DATA.test.images)), expected)
    assert harmless < 60
    for length in rng.choice(len(content), size=100, replace=False):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match="whole and undamaged"):
            load_model(path)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="found none"):
        load_model(tmp_path / "model.npz")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(DataError, match="must be a model file that a run saved"):
        load_model(tmp_path / "other.npz")
    np.save(tmp_path / "pickled.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="must be a model file that a run saved"):
        load_model(tmp_path / "pickled.npy")
