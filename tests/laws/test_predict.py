"""``load_model(path).predict(images)``: labels and probabilities of stored pixels, without the training stack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import SHAPE, tiny

from mlp_numpy import MLP, load_model
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import DTypeError, ShapeError
from mlp_numpy.exchange import TrainedModel, save_model

DATA = tiny(300, 40)


def trained(dtype: Any = np.float32) -> TrainedModel:
    about = {"name": "a", "dataset": "tiny", "dataset_option": "shapes", "image_shape": list(SHAPE), "step": 7}
    about |= {"class_names": list(DATA.class_names)}
    model = MLP(48, [8], 4, batch_norm=True, dropout=0.5, rng=0, dtype=dtype)
    return TrainedModel(model, Preprocessing.fit("standardize", DATA.train.images, SHAPE), about)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_and_images_have_the_same_probabilities(dtype: Any) -> None:
    model, rows = trained(dtype), DATA.train.images
    probabilities = model.predict_proba(rows)
    expected = model.model.astype(dtype).eval().forward(model.preprocessing.apply(rows, dtype))
    np.testing.assert_allclose(probabilities, expected, rtol=1e-6)
    assert probabilities.dtype == dtype
    assert probabilities.shape == (300, 4)  # more than one chunk
    for images in (rows.reshape(-1, *SHAPE), rows.astype(np.float64)):
        np.testing.assert_array_equal(model.predict_proba(images), probabilities)
    labels = model.predict(rows)
    np.testing.assert_array_equal(labels, probabilities.argmax(axis=1))
    assert labels.dtype.kind == "i"
    assert [model.class_names[label] for label in labels[:3]] == [f"class {label}" for label in labels[:3]]


def test_the_mode_and_the_weights_stay() -> None:
    model = trained()
    before = model.model.state()
    model.predict(DATA.test.images)
    assert model.model.training
    assert model.model[0].training
    assert all(np.array_equal(array, before[name]) for name, array in model.model.state().items())


@pytest.mark.parametrize(
    ("images", "error", "meant"),
    [
        (np.zeros((2, 47)), ShapeError, r"images must be \(N, 48\) or \(N, 3, 4, 4\), N ≥ 1, got \(2, 47\)"),
        (np.zeros(SHAPE), ShapeError, r"Hint: images\[np.newaxis\]"),
        (np.zeros((0, 48)), ShapeError, "N ≥ 1"),
        (np.zeros(()), ShapeError, r"got \(\)"),
        (np.zeros((1, 48), complex), DTypeError, "real numbers"),
        (np.full((1, 48), "a"), DTypeError, "real numbers"),
    ],
)
def test_other_images_are_refused(images: Any, error: type[Exception], meant: str) -> None:
    with pytest.raises(error, match=meant):
        trained().predict(images)


def test_prediction_needs_no_training_stack(tmp_path: Path) -> None:
    save_model(tmp_path / "m.npz", trained())
    np.save(tmp_path / "x.npy", DATA.test.images)
    heavy = (
        "mlp_numpy.training",
        "mlp_numpy.experiment",
        "matplotlib",
        "tyro",
        "tqdm",
        "pooch",
        "PIL",
        "onnx",
        "torch",
    )
    script = (
        "import sys, numpy as np, mlp_numpy\n"
        f"labels = mlp_numpy.load_model({str(tmp_path / 'm.npz')!r}).predict(np.load({str(tmp_path / 'x.npy')!r}))\n"
        "print(labels.tolist())\n"
        f"print([name for name in {heavy} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    labels, imported = done.stdout.splitlines()
    assert imported == "[]"
    assert labels == str(load_model(tmp_path / "m.npz").predict(DATA.test.images).tolist())
