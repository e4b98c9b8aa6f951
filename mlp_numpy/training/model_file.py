"""A trained model in one file: weights, preprocessing and what is needed to build the network again.

The format is NumPy's npz without pickle: the arrays under ``weights/…`` and ``preprocessing/…``, a JSON text under
``about``, and under ``digest`` the SHA-256 of all of these. npz alone lets 1 in 500 damaged bits pass.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import DataError, DataNotFoundError
from mlp_numpy.files import written_whole
from mlp_numpy.models import MLP


@dataclass(frozen=True)
class TrainedModel:
    """A model with the preprocessing it was trained on, and ``about``: data set, image shape, class names …"""

    model: MLP
    preprocessing: Preprocessing
    about: dict[str, Any]


def save_model(path: Path, trained: TrainedModel) -> None:
    """Write a model file, whole or not at all. Raises OSError if the disk does not take it."""
    model = trained.model
    about = trained.about | {
        "model": {"sizes": list(model.sizes), "neg_slope": model.neg_slope, "dtype": str(_dtype(model))},
        "preprocessing": trained.preprocessing.kind,
    }
    arrays = {
        **{f"weights/{name}": array for name, array in model.state().items()},
        **{f"preprocessing/{name}": array for name, array in trained.preprocessing.state().items()},
        "about": np.array(json.dumps(about, ensure_ascii=False)),
    }
    content: dict[str, Any] = {**arrays, "digest": np.array(_digest(arrays))}
    with written_whole(path) as file:
        np.savez(file, **content)


def load_model(path: Path) -> TrainedModel:
    """Read a model file.

    Raises DataNotFoundError if there is none, DataError if it is truncated, damaged or something else.
    """
    if not path.is_file():
        raise DataNotFoundError(f"load_model: there must be a model file at {path}, found none.")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays: dict[str, Array] = {name: file[name] for name in file.files}
        digest = str(arrays.pop("digest"))
        if digest != _digest(arrays):
            raise ValueError("the digest inside does not fit the content")
        about = json.loads(str(arrays.pop("about")))
        sizes, neg_slope, dtype = (about["model"][key] for key in ("sizes", "neg_slope", "dtype"))
        model = MLP(sizes[0], sizes[1:-1], sizes[-1], neg_slope, dtype=dtype, rng=0)
        model.load_state(_below("weights/", arrays))
        statistics = _below("preprocessing/", arrays)
        preprocessing = Preprocessing(about["preprocessing"], statistics.get("shift"), statistics.get("scale"))
    except Exception as error:  # what a damaged archive raises has no end
        raise DataError(
            f"load_model: {path} must be a model file that a run saved, whole and undamaged, got: {error}. "
            "Hint: train it again."
        ) from error
    return TrainedModel(model.eval(), preprocessing, about)


def _below(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _dtype(model: MLP) -> np.dtype[Any]:
    return next(array.dtype for _, leaf in model.leaves() for array in leaf.params.values())


def _digest(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
