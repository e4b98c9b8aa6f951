"""A trained model in one file: weights, preprocessing and the description from which the network is rebuilt.

An archive (``archive.py``) of the arrays under ``weights/…`` and ``preprocessing/…``, with the network's description in
the metadata; for a name that ends in ``.safetensors``, the same content in a safetensors file.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.checks import LARGEST, choice, plain_array, shown
from mlp_numpy.data.columns import Column
from mlp_numpy.data.own_data import OwnData
from mlp_numpy.data.preprocessing import PREPROCESSINGS, STATISTICS, Preprocessing
from mlp_numpy.data.reading import as_path, said
from mlp_numpy.data.targets import TASKS, TargetScaling, Task
from mlp_numpy.data.views import Views
from mlp_numpy.errors import BuilderError, DataError, OptionError, ShapeError, unknown_name
from mlp_numpy.exchange.archive import read_archive, strip_prefix, with_prefix, write_archive
from mlp_numpy.exchange.safetensors_file import SUFFIX, read_safetensors, write_safetensors
from mlp_numpy.models import Classifier, build, describe_model
from mlp_numpy.modules import KNOWN_LOSSES, loss_name

FORMAT: Final = 2
"""Format version, stored under ``about``; increase it whenever an older reader would misread a file."""

_CHUNK: Final = 250
"""Images of one forward, which bounds the memory of its caches."""


@dataclass(frozen=True)
class TrainedModel:
    """A model with the preprocessing it was trained on, and its metadata ``about``; ``predict`` classifies images.

    ``about`` has at least these entries; any other JSON values may be added:

    name             name of the run
    dataset          the data set's name
    dataset_option   the ``--dataset`` value that loads it
    image_shape      (C, H, W), with C · H · W = the model's inputs
    class_names      one per class of the model
    step             updates made

    and of these what differs from a classification of images:

    task             "classification", "multilabel" or "regression"
    loss             the name of its loss; see ``KNOWN_LOSSES``
    columns          the columns of a table, as ``Column.as_json`` gives them
    target_scaling   {"mean": […], "std": […]} of the targets, one number per output
    own_data         the settings of ``OwnData``, to load its data set again
    views            the kind of ``Views`` that outputs are averaged over

    Raises OptionError if one of them is missing or invalid, or if the preprocessing is for images of another shape.
    """

    model: Classifier
    preprocessing: Preprocessing
    about: dict[str, Any]

    def __post_init__(self) -> None:
        n_inputs, n_classes = self.model.n_inputs, self.model.n_classes
        for key, fits, wanted in (
            ("name", _is_text, "text"),
            ("dataset", _is_text, "text"),
            ("dataset_option", _is_text, "text"),
            ("step", lambda value: _is_whole(value, 0), "an integer ≥ 0"),
            (
                "image_shape",
                lambda value: _is_list(value, 3, lambda size: _is_whole(size, 1)) and math.prod(value) == n_inputs,
                f"three integers whose product is {n_inputs}",
            ),
            ("class_names", lambda value: _is_list(value, n_classes, _is_text), f"{n_classes} names"),
        ):
            if key not in self.about:
                raise OptionError(f"TrainedModel: about must have {key}, {wanted}, got {shown(list(self.about))}.")
            if not fits(self.about[key]):
                raise OptionError(f"TrainedModel: {key} must be {wanted}, got {shown(self.about[key])}.")
        columns, scaling, _, _ = self.columns, self.scaling, self.own_data, self.views
        loss_name(self.loss, self.task)
        if sum(len(column.features) for column in columns) not in (0, n_inputs):
            raise OptionError(f"TrainedModel: columns must encode {n_inputs} inputs, got {shown(columns)}.")
        if scaling is not None and len(scaling.mean) != n_classes:
            raise OptionError(f"TrainedModel: target_scaling must be of {n_classes} outputs, got {scaling}.")
        kind, statistics = self.preprocessing.kind, self.preprocessing.state()
        if kind not in PREPROCESSINGS:
            raise unknown_name("preprocessing", kind[:80], PREPROCESSINGS)
        shapes = dict.fromkeys(STATISTICS[kind], (n_inputs,))
        found = {name: np.shape(array) for name, array in statistics.items()}
        if found != shapes:
            raise OptionError(f"TrainedModel: statistics for {kind} must be {shapes}, got {shown(found)}.")
        for name, array in statistics.items():
            if array.dtype.kind != "f" or not all_finite(array):
                raise OptionError(f"TrainedModel: {name} must be finite numbers of a real kind, got {shown(array)}.")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class: ``class_names[k]`` is that of label k."""
        return tuple(self.about["class_names"])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images."""
        channels, height, width = self.about["image_shape"]
        return channels, height, width

    def predict(self, images: Array) -> Array:
        """The most probable class of each image or row, (N,) integer labels as in the data set; of a regression, the
        targets (N, K) in original units.

        Arguments and errors are those of ``predict_proba``; the rows of a table are its encoded columns.
        """
        outputs = self._outputs("TrainedModel.predict", images)
        if self.task == "regression":
            return outputs if self.scaling is None else self.scaling.restore(outputs)
        labels: Array = outputs.argmax(axis=1)
        return labels

    def predict_proba(self, images: Array) -> Array:
        """The probability of every class for each image, (N, n_classes), in evaluation mode.

        images   pixels as the data set stores them, before preprocessing, of any real dtype: rows (N, C·H·W) or
                 images (N, C, H, W)

        The model's mode is restored. Raises ShapeError for images of another shape, DTypeError if they are not real,
        OptionError for a regression.
        """
        if self.task == "regression":
            raise OptionError("TrainedModel.predict_proba: the task must be a classification. Hint: predict.")
        return self._outputs("TrainedModel.predict_proba", images)

    def _outputs(self, who: str, images: Array) -> Array:
        shape = self.image_shape
        images, n_inputs = plain_array(who, "images", images), math.prod(shape)
        if images.shape[1:] not in ((n_inputs,), shape) or not len(images):
            raise ShapeError(
                f"{who}: images must be (N, {n_inputs}) or (N, {', '.join(map(str, shape))}), N ≥ 1, got "
                f"{images.shape}. Hint: images[np.newaxis] makes a batch of one image."
            )
        rows, training = images.reshape(len(images), n_inputs), self.model.training
        dtype = next(learned.value.dtype for _, learned in self.model.named_parameters())
        try:
            self.model.eval()
            parts = [
                self._forward(self.preprocessing.apply(rows[start : start + _CHUNK], dtype))
                for start in range(0, len(rows), _CHUNK)
            ]
        finally:
            self.model.clear_cache()
            self.model.train(training)
        return np.concatenate(parts)

    def _forward(self, x: Array) -> Array:
        """The outputs for preprocessed rows; with ``views`` their scores are averaged, before the softmax."""
        if self.views is None:
            return self.model.forward(x)
        scores = self.views.outputs(self.model.scores.forward, x)
        return self.model[-1].forward(scores) if self.model.softmax else scores

    @property
    def views(self) -> Views | None:
        """The views of each image that outputs are averaged over, or None."""
        found = self.about.get("views")
        return None if found is None else Views(self.image_shape, found)

    @property
    def task(self) -> Task:
        """The task."""
        found: Any = choice("TrainedModel", "task", self.about.get("task", "classification"), TASKS)
        task: Task = found
        return task

    @property
    def loss(self) -> str:
        """The name of the loss, or "auto"."""
        return choice("TrainedModel", "loss", self.about.get("loss", "auto"), ("auto", *KNOWN_LOSSES))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the table that it was trained on; empty for images."""
        found = self.about.get("columns", [])
        if not isinstance(found, list):
            raise OptionError(f"TrainedModel: columns must be a list, got {shown(found)}.")
        return tuple(Column.from_json(each) for each in found)

    @property
    def scaling(self) -> TargetScaling | None:
        """The standardization of its targets, or None."""
        found = self.about.get("target_scaling")
        if found is None:
            return None
        if not isinstance(found, dict) or set(found) != {"mean", "std"}:
            raise OptionError(f"TrainedModel: target_scaling must have mean and std, got {shown(found)}.")
        return TargetScaling(**found)

    @property
    def own_data(self) -> OwnData | None:
        """The settings to load its data set again, if it is the user's."""
        found = self.about.get("own_data")
        return None if found is None else OwnData.from_json(found)

    @property
    def table_dtype(self) -> str:
        """The dtype of the numbers of its table."""
        return "float32" if self.own_data is None else self.own_data.dtype


def save_model(path: str | os.PathLike[str], trained: TrainedModel) -> None:
    """Write a model file atomically, in the format given by its suffix.

    Raises OptionError if ``path`` is not a path or ``trained`` not a TrainedModel, OSError if it cannot be written,
    ExtraMissingError for a ``.safetensors`` without the library.
    """
    path = as_path("save_model", path)
    if not isinstance(trained, TrainedModel):
        raise OptionError(f"save_model: expected a TrainedModel, got {shown(trained)}.")
    about = trained.about | {
        "format": FORMAT,
        "model": describe_model(trained.model),
        "preprocessing": trained.preprocessing.kind,
    }
    arrays = with_prefix("weights/", trained.model.state()) | with_prefix(
        "preprocessing/", trained.preprocessing.state()
    )
    if path.suffix == SUFFIX:
        write_safetensors(path, arrays, about)
    else:
        write_archive(path, arrays, about)


def load_model(path: str | os.PathLike[str]) -> TrainedModel:
    """Read a model file.

    Raises DataNotFoundError if it is missing, DataError if it is unreadable, truncated, damaged, of another version
    or type, OptionError if ``path`` is not a path, BuilderError if the network is of a builder of one's own
    that can no longer be imported, ExtraMissingError for a ``.safetensors`` without its library.
    """
    path = as_path("load_model", path)
    read = read_safetensors if path.suffix == SUFFIX else read_archive
    arrays, about = read("load_model", path, "model file")
    version = about.get("format")
    if version != FORMAT:
        raise DataError(
            f"load_model: {path} must be a model file of format {FORMAT}, got {shown(version)}. "
            "Hint: load it with the version of mlp_numpy that saved it, or train it again."
        )
    try:
        return _assemble(about, arrays)
    except BuilderError:  # the file is sound
        raise
    except Exception as error:  # a foreign file with a valid digest can hold anything
        raise DataError(f"load_model: {path} must describe a model that fits its arrays, got {said(error)}") from error


def _assemble(about: dict[str, Any], arrays: Mapping[str, Array]) -> TrainedModel:
    weights = strip_prefix("weights/", arrays)
    n_numbers = sum(array.size for array in weights.values())
    model = build(about["model"], most_numbers=n_numbers, most_arrays=len(weights))
    model.load_state(weights)
    statistics = strip_prefix("preprocessing/", arrays)
    preprocessing = Preprocessing(about["preprocessing"], statistics.get("shift"), statistics.get("scale"))
    return TrainedModel(model.eval(), preprocessing, about)


def _is_text(value: Any) -> bool:
    """True for a string that can be printed: JSON may hold lone surrogates, which cannot be encoded."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST


def _is_list(value: Any, n: int, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list | tuple) and len(value) == n and all(map(fits, value))
