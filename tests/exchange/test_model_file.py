"""The files of a run: history and model, written whole, read back, and distrusted."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import SHAPE, tiny

from mlp_numpy import MLP, kaiming
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError
from mlp_numpy.exchange.archive import _Signed, read_archive, write_archive
from mlp_numpy.models import ConvNet, ResidualMLP, SmallConvNet, WhitenedConvNet, build, describe_model
from mlp_numpy.training import EvaluationRecord, History, RunInfo, StepRecord, TrainedModel, load_model, save_model

DATA = tiny(20, 5)


ABOUT = {
    "name": "a",
    "dataset": "tiny",
    "dataset_option": "torchvision:Tiny",
    "image_shape": list(SHAPE),
    "class_names": list(DATA.class_names),
    "step": 7,
    "µ": [1],
}


def trained(kind: str = "standardize", dtype: str = "float32") -> TrainedModel:
    model = MLP(48, [3], 4, 0.1, init=kaiming(), rng=0, dtype=dtype)
    return TrainedModel(model, Preprocessing.fit(kind, DATA.train.images, SHAPE), dict(ABOUT))


def history() -> History:
    found = History(RunInfo(status="finished"))
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
    assert again.info == RunInfo(status="finished")
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


@pytest.mark.parametrize("kind", ["mean-image", "standardize", "unit", "symmetric", "raw"])
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
    rng = np.random.default_rng(0)
    for position in rng.choice(len(content), size=200, replace=False):
        flipped = bytearray(content)
        flipped[position] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        with pytest.raises(DataError, match="whole and undamaged"):
            load_model(path)
    for length in rng.choice(len(content), size=100, replace=False):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match="whole and undamaged"):
            load_model(path)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="is missing"):
        load_model(tmp_path / "model.npz")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(DataError, match="must be a model file that a run saved"):
        load_model(tmp_path / "other.npz")
    np.save(tmp_path / "pickled.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="must be a model file that a run saved"):
        load_model(tmp_path / "pickled.npy")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": None}, "name must be text, got None"),
        ({"dataset": 3}, "dataset must be text, got 3"),
        ({"dataset_option": []}, r"dataset_option must be text, got \[\]"),
        ({"step": -1}, "step must be an integer ≥ 0, got -1"),
        ({"step": 2.5}, "step must be an integer ≥ 0, got 2.5"),
        ({"step": True}, "step must be an integer ≥ 0, got True"),
        ({"image_shape": [3, 16]}, r"image_shape must be three integers whose product is 48, got \[3, 16\]"),
        ({"image_shape": [3, 4, 5]}, "image_shape must be three integers whose product is 48"),
        ({"image_shape": [-3, -4, 4]}, "image_shape must be three integers whose product is 48"),
        ({"image_shape": "344"}, "image_shape must be three integers whose product is 48"),
        ({"class_names": ["a", "b"]}, r"class_names must be 4 names, got \['a', 'b'\]"),
        ({"class_names": [1, 2, 3, 4]}, "class_names must be 4 names"),
    ],
)
def test_what_is_known_of_a_model_is_checked_before_it_is_saved(change: dict[str, Any], words: str) -> None:
    one = trained()
    with pytest.raises(OptionError, match=f"TrainedModel: {words}"):
        TrainedModel(one.model, one.preprocessing, ABOUT | change)
    (key,) = change
    without = {name: value for name, value in ABOUT.items() if name != key}
    with pytest.raises(OptionError, match=f"TrainedModel: about must have {key}, .* got "):
        TrainedModel(one.model, one.preprocessing, without)


@pytest.mark.parametrize(
    ("preprocessing", "words"),
    [
        (Preprocessing("mean", None, None), "unknown preprocessing 'mean'. Did you mean 'mean-image'"),
        (Preprocessing("mean-image", None, None), r"statistics for mean-image must be {'shift': \(48,\)}, got {}"),
        (Preprocessing("mean-image", np.zeros(47), None), r"got {'shift': \(47,\)}"),
        (Preprocessing("standardize", np.zeros(48), None), r"'scale': \(48,\)}, got {'shift': \(48,\)}"),
        (Preprocessing("raw", np.zeros(48), None), r"statistics for raw must be {}, got {'shift': \(48,\)}"),
    ],
)
def test_a_preprocessing_for_other_images_is_refused(preprocessing: Preprocessing, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        TrainedModel(trained().model, preprocessing, ABOUT)


def forged(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """A model file whose digest fits, but whose content somebody has changed."""
    save_model(path, trained())
    arrays, about = read_archive("forged", path, "model file")
    change(about, arrays)
    write_archive(path, arrays, about)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda about, _: about.update(format=1), "of format 2, got 1. Hint: load it with the version"),
        (lambda about, _: about.pop("format"), "of format 2, got None"),
        (lambda about, _: about.pop("class_names"), "about must have class_names, 4 names"),
        (lambda about, _: about.update(image_shape=[48]), "image_shape must be three integers"),
        (lambda about, _: about.update(preprocessing="other"), "unknown preprocessing 'other'"),
        (lambda about, _: about.update(preprocessing=[]), "unknown preprocessing"),
        (lambda about, _: about.pop("model"), "got KeyError: 'model'"),
        (lambda about, _: about["model"]["arguments"].update(n_classes=5), r"must be \(5, 3\)"),
        (lambda about, _: about["model"]["arguments"].update(n_hidden="48"), "must be a list of integers"),
        (lambda about, _: about["model"].update(dtype="none"), "describe a model .* got DTypeError"),
        (lambda _, arrays: arrays.pop("preprocessing/scale"), "statistics for standardize must be"),
        (lambda _, arrays: arrays.update({"preprocessing/shift": np.zeros(3)}), r"got {'shift': \(3,\)"),
        (lambda _, arrays: arrays.pop("weights/0.bias"), "must have the names"),
    ],
)
@pytest.mark.slow
def test_a_file_of_another_version_or_making_is_refused(tmp_path: Path, change: Any, words: str) -> None:
    path = tmp_path / "model.npz"
    forged(path, lambda about, arrays: None)
    assert load_model(path).about["step"] == 7
    forged(path, change)
    with pytest.raises(DataError, match=f"load_model: .*model.npz must .*{words}"):
        load_model(path)


def test_a_model_that_may_not_be_read_need_not_be_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="must be readable, got: Is a directory. Hint: check its owner"):
        load_model(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match="must be readable, got: Permission denied. Hint: check its owner") as caught:
        load_model(tmp_path / "model.npz")
    assert "train it again" not in str(caught.value)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_an_archive_is_signed_whatever_the_pieces_are_that_it_is_written_in(size: int) -> None:
    content = np.random.default_rng(0).bytes(997) + b"\0\0"
    file = io.BytesIO()
    signed = _Signed(file)
    for start in range(0, len(content), size):
        piece = content[start : start + size]
        assert signed.write(piece) == len(piece)
        assert signed.write(b"") == 0
    signed.sign()
    body = content[:-2] + b"\x40\0"
    assert file.getvalue() == body + hashlib.sha256(body).hexdigest().encode()


def test_an_archive_about_something_else_is_refused(tmp_path: Path) -> None:
    for about in ("[]", "1", '"a"', "null"):
        content = io.BytesIO()
        signed = _Signed(content)
        np.savez(signed, about=np.array(about))
        signed.sign()
        (tmp_path / "a.npz").write_bytes(content.getvalue())
        with pytest.raises(DataError, match="about is not an object"):
            read_archive("load", tmp_path / "a.npz", "model file")


def test_a_path_may_be_text(tmp_path: Path) -> None:
    for name in ("a.npz", "a.safetensors"):
        save_model(str(tmp_path / name), trained())
        assert load_model(str(tmp_path / name)).about["step"] == 7


@pytest.mark.parametrize("model", [
    MLP(48, [5], 4, rng=0, batch_norm=True, dropout=0.1), MLP(48, [], 4, rng=0), ResidualMLP(48, 4, 6, 2, rng=0),
    ConvNet((3, 16, 16), 4, n_first=2, rng=0, extra_norm=True), SmallConvNet((3, 16, 16), 4, rng=0),
    WhitenedConvNet((3, 10, 9), 4, n_first=2, rng=0),
])  # fmt: skip
def test_a_description_is_held_against_the_weights_before_anything_is_made(model: Any) -> None:
    """Every builder: what a state holds is enough, and one number, or one weight, less is not."""
    weights = [layer.value for name, layer in model.named_parameters() if name.endswith("weight")]
    n_numbers, n_arrays = sum(weight.size for weight in weights), len(weights)
    description = describe_model(model)
    build(description, most_numbers=n_numbers, most_arrays=n_arrays).load_state(model.state())
    for most in ({"most_numbers": n_numbers - 1}, {"most_arrays": n_arrays - 1}):
        with pytest.raises(OptionError, match="build: the network must have at most"):
            build(description, **most)


@pytest.mark.parametrize("statistic", [np.full(48, np.nan), *(np.zeros(48, kind) for kind in ("U1", int, complex))])
def test_statistics_that_are_no_numbers_are_refused(tmp_path: Path, statistic: np.ndarray) -> None:
    forged(tmp_path / "m.npz", lambda _, arrays: arrays.update({"preprocessing/shift": statistic}))
    with pytest.raises(DataError, match="describe a model that fits its arrays, got"):
        load_model(tmp_path / "m.npz")


def test_half_a_character_is_no_name(tmp_path: Path) -> None:
    forged(tmp_path / "m.npz", lambda about, _: about.update(name="a"))
    about = trained().about | {"name": "\ud800"}
    with pytest.raises(OptionError, match="name must be text"):
        TrainedModel(trained().model, trained().preprocessing, about)


def test_only_what_the_library_writes_is_unpacked(tmp_path: Path) -> None:
    """Right digests around a compressed entry, entries on top of one another, and two of one name."""
    save_model(tmp_path / "m.npz", trained())
    with zipfile.ZipFile(tmp_path / "m.npz") as file:
        members = [(name, file.read(name)) for name in file.namelist()]

    def packed(*entries: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", how) as new:
            for name, content in entries:
                new.writestr(name, content)
        return buffer.getvalue()

    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = packed(*members, members[0])
    # every entry of the list of contents says that it lies where the first and longest one does
    longest = max(members, key=lambda member: len(member[1]))
    alone = packed(longest)
    entry, end = alone[alone.index(b"PK\1\2") : alone.index(b"PK\5\6")], alone[alone.index(b"PK\5\6") :]
    others = [entry.replace(longest[0].encode(), f"{k:0{len(longest[0])}}".encode()) for k in range(5)]
    rows = b"".join([entry, *others])
    counts = struct.pack("<HHI", 6, 6, len(rows))
    heap = alone[: alone.index(b"PK\1\2")] + rows + end[:8] + counts + end[16:]
    for content, words in (
        (packed(*members, how=zipfile.ZIP_DEFLATED), "compressed arrays"),
        (twice, "two arrays of one name"),
        (heap, "arrays longer than the file"),
    ):
        body = content[:-2] + b"\x40\0"
        (tmp_path / "a.npz").write_bytes(body + hashlib.sha256(body).hexdigest().encode())
        with pytest.raises(DataError, match=words):
            load_model(tmp_path / "a.npz")


def regressor(**about: Any) -> TrainedModel:
    model = MLP(48, [3], 4, init=kaiming(), rng=0, dtype="float32", softmax=False)
    known: dict[str, Any] = {"task": "regression", "loss": "mae", "own_data": {"target": ["a"]}}
    known["target_scaling"] = {"mean": [0.0, 1, 2, 3], "std": [1.0, 2, 3, 4]}
    known["columns"] = [{"name": f"x{at}", "kind": "number", "categories": []} for at in range(48)]
    return TrainedModel(model, Preprocessing("raw", None, None), ABOUT | known | about)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_regression_of_a_table_is_read_back(tmp_path: Path, suffix: str) -> None:
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    one, x = regressor(), DATA.train.images[:2001]
    save_model(tmp_path / f"m.{suffix}", one)
    again = load_model(tmp_path / f"m.{suffix}")
    assert (again.task, again.loss, again.scaling, again.columns, again.own_data) == (
        *(one.task, one.loss, one.scaling, one.columns, one.own_data),
    )
    assert "softmax=False" in repr(again.model)
    np.testing.assert_array_equal(again.predict(x), one.predict(x))
    with pytest.raises(OptionError, match="predict_proba: the task must be a classification"):
        one.predict_proba(x)
    np.testing.assert_allclose(one.predict(x), one.model.forward(x.astype(np.float32)) * [1.0, 2, 3, 4] + [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"task": "guessing"}, "unknown task 'guessing'"),
        ({"loss": "hinge"}, "loss must be one for a regression"),
        ({"loss": "none"}, "unknown loss 'none'"),
        ({"columns": []}, None),
        ({"columns": [{"name": "x", "kind": "number", "categories": []}]}, "columns must encode 48 inputs"),
        ({"columns": [{"name": "x"}]}, "expected name, kind and categories"),
        ({"columns": 3}, "columns must be a list"),
        ({"target_scaling": {"mean": [0.0], "std": [1.0]}}, "target_scaling must be of 4 outputs"),
        ({"target_scaling": {"mean": [0.0] * 4, "std": [0.0] * 4}}, "std must be a number > 0"),
        ({"target_scaling": 1}, "target_scaling must have mean and std"),
        ({"own_data": {"target": 1}}, "target must be a list of column names"),
        ({"own_data": []}, "settings must be some of"),
    ],
)
def test_what_describes_a_table_is_checked(about: dict[str, Any], words: str | None) -> None:
    if words is None:
        assert regressor(**about).columns == ()
        return
    with pytest.raises(OptionError, match=words):
        regressor(**about)
