"""A trained model in one file: weights, preprocessing and what is needed to build the network again.

The format is NumPy's npz without pickle: the arrays under ``weights/…`` and ``preprocessing/…``, a JSON text under
``about``, and under ``digest`` the SHA-256 of all of these. npz alone lets 1 in 500 damaged bits pass.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.preprocessing import KINDS, STATISTICS, Preprocessing
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError, unknown_name, unreadable
from mlp_numpy.files import written_whole
from mlp_numpy.models import MLP

FORMAT: Final = 1
"""The version of the format, kept under ``about``; must rise whenever an older reader would misread a file."""


@dataclass(frozen=True)
class TrainedModel:
    """A model with the preprocessing it was trained on, and ``about``, what is known of it.

    ``about`` has at least these, and whatever else JSON can hold:

    name             of the run
    dataset          the data set's true name
    dataset_option   the name that loads it
    image_shape      (C, H, W), with as many numbers as the model has inputs
    class_names      one a class of the model
    step             updates made

    Raises OptionError if one of them is missing or something else, or if the preprocessing is for other images.
    """

    model: MLP
    preprocessing: Preprocessing
    about: dict[str, Any]

    def __post_init__(self) -> None:
        n_inputs, n_classes = self.model.sizes[0], self.model.sizes[-1]
        for key, fits, wanted in (
            ("name", _is_text, "text"),
            ("dataset", _is_text, "text"),
            ("dataset_option", _is_text, "text"),
            ("step", lambda value: _is_whole(value, 0), "a whole number ≥ 0"),
            (
                "image_shape",
                lambda value: _is_list(value, 3, lambda size: _is_whole(size, 1)) and math.prod(value) == n_inputs,
                f"three whole numbers whose product is {n_inputs}",
            ),
            ("class_names", lambda value: _is_list(value, n_classes, _is_text), f"{n_classes} names"),
        ):
            if key not in self.about:
                raise OptionError(f"TrainedModel: about must have {key}, {wanted}, got {', '.join(self.about)}.")
            if not fits(self.about[key]):
                raise OptionError(f"TrainedModel: {key} must be {wanted}, got {self.about[key]!r}.")
        kind, statistics = self.preprocessing.kind, self.preprocessing.state()
        if kind not in KINDS:
            raise unknown_name("preprocessing", str(kind), KINDS)
        shapes = dict.fromkeys(STATISTICS[kind], (n_inputs,))
        found = {name: np.shape(array) for name, array in statistics.items()}
        if found != shapes:
            raise OptionError(f"TrainedModel: statistics for {kind} must be {shapes}, got {found}.")


def save_model(path: Path, trained: TrainedModel) -> None:
    """Write a model file, whole or not at all. Raises OSError if the disk does not take it."""
    model = trained.model
    about = trained.about | {
        "format": FORMAT,
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

    Raises DataNotFoundError if there is none, DataError if it is unreadable, truncated, damaged, of another version, or
    something else.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"load_model: there must be a model file at {path}, found none.") from error
    except OSError as error:
        raise unreadable("load_model", path, error) from error
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays: dict[str, Array] = {name: file[name] for name in file.files}
        if str(arrays.pop("digest")) != _digest(arrays):
            raise ValueError("the digest inside does not fit the content")
        about = json.loads(str(arrays.pop("about")))
        version = about.get("format")
    except Exception as error:  # what a damaged archive raises has no end
        raise DataError(
            f"load_model: {path} must be a model file that a run saved, whole and undamaged, got: {error}. "
            "Hint: train it again."
        ) from error
    if version != FORMAT:
        raise DataError(
            f"load_model: {path} must be a model file of format {FORMAT}, got {version}. "
            "Hint: load it with the version of mlp_numpy that saved it, or train it again."
        )
    try:
        return _assemble(about, arrays)
    except Exception as error:  # whoever writes another file with a digest can write anything
        raise DataError(
            f"load_model: {path} must describe a model that fits its arrays, got {type(error).__name__}: {error}"
        ) from error


def _assemble(about: dict[str, Any], arrays: Mapping[str, Array]) -> TrainedModel:
    sizes, neg_slope, dtype = (about["model"][key] for key in ("sizes", "neg_slope", "dtype"))
    model = MLP(sizes[0], sizes[1:-1], sizes[-1], neg_slope, dtype=dtype, rng=0)
    model.load_state(_below("weights/", arrays))
    statistics = _below("preprocessing/", arrays)
    preprocessing = Preprocessing(about["preprocessing"], statistics.get("shift"), statistics.get("scale"))
    return TrainedModel(model.eval(), preprocessing, about)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_list(value: Any, n: int, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list | tuple) and len(value) == n and all(map(fits, value))


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
