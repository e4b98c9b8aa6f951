"""A network of one's own: from a builder that is named as ``package.module:function``."""

from __future__ import annotations

import copy
import importlib
import inspect
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Seed, generator
from mlp_numpy.checks import float_dtype, shown, sizes, whole_number
from mlp_numpy.errors import BuilderError, OptionError, did_you_mean
from mlp_numpy.models.network import Classifier
from mlp_numpy.modules import Module, Sequential

_PLACE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def is_own(model: str) -> bool:
    """True if ``model`` names a builder, as ``package.module:function``."""
    return _PLACE.fullmatch(model) is not None


class OwnNet(Classifier):
    """The network of a builder of one's own, with a softmax at the end.

        x (N, C·H·W) → build((C, H, W), n_classes) → scores (N, n_classes) → SoftMax → probabilities (N, n_classes)

    builder       "package.module:function"; the current directory is added to ``sys.path``, as ``python -m`` does
    image_shape   (C, H, W) of the images, which are passed as vectors: the builder's module takes rows (N, C·H·W), and
                  may begin with ``UnflattenModule(*image_shape)``
    rng           seed or generator, which the builder gets as keyword ``rng`` if it takes that
    dtype         dtype that the parameters are converted to
    softmax       False for a regression, as in MLP

    Raises OptionError for invalid arguments, BuilderError if the builder cannot be imported or called, or returns
    something else than a Module that gives n_classes scores for every row.
    """

    def __init__(
        self,
        builder: str,
        image_shape: tuple[int, int, int],
        n_classes: int,
        *,
        rng: Seed = None,
        dtype: Any = np.float64,
        softmax: bool = True,
    ) -> None:
        if not isinstance(builder, str) or not is_own(builder):
            raise OptionError(f"OwnNet: builder must be a text such as 'package.module:build', got {shown(builder)}.")
        shape = sizes("OwnNet", "image_shape", image_shape)
        if len(shape) != 3:
            raise OptionError(f"OwnNet: image_shape must be (C, H, W), got {shown(image_shape)}.")
        n_classes, dtype = whole_number("OwnNet", "n_classes", n_classes), float_dtype("OwnNet", dtype)
        build, source = imported(builder), generator(rng)
        try:
            takes = inspect.signature(build).parameters
            net = build(shape, n_classes, **({"rng": source} if "rng" in takes else {}))
        except Exception as error:  # code of others raises anything
            raise _refused(builder, f"must build a network for {shape} and {n_classes} outputs", error) from error
        self.image_shape, self.n_classes, self.builder = shape, n_classes, builder
        super().__init__(math.prod(shape), *_checked(builder, net, shape, n_classes, dtype), softmax=softmax)

    def arguments(self) -> dict[str, Any]:
        return {
            "builder": self.builder,
            "image_shape": list(self.image_shape),
            "n_classes": self.n_classes,
        } | self._head()

    @property
    def title(self) -> str:
        """The builder's name."""
        return self.builder

    def _repr_args(self) -> str:
        return f"{self.builder!r}, {self.image_shape}, {self.n_classes}{self._head_args()}"


def imported(builder: str) -> Callable[..., Any]:
    """The function that ``package.module:function`` names.

    Raises BuilderError if there is no such module or attribute, the module cannot be imported, or the attribute is not
    callable.
    """
    place, name = builder.split(":")
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    # a module that was written after the last import of its folder
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(place)
    except Exception as error:  # code of others raises anything
        missing = isinstance(error, ModuleNotFoundError) and f"{place}.".startswith(f"{error.name}.")
        hint = f" Hint: start from the folder that holds {place.split('.')[0]}, or put that on PYTHONPATH."
        raise _refused(builder, "must be importable", error, hint if missing else "") from error
    if not hasattr(module, name):
        raise BuilderError(
            f"model {builder}: {place} must have {name}, found no such attribute.{did_you_mean(name, vars(module))}"
        )
    function: Callable[..., Any] = getattr(module, name)
    if not callable(function):
        raise BuilderError(
            f"model {builder}: must be callable, as build(input_shape, n_outputs), got {shown(function)}."
        )
    return function


def _checked(builder: str, net: Any, shape: tuple[int, ...], n_classes: int, dtype: np.dtype[Any]) -> list[Module]:
    """The modules of a builder's result in ``dtype``, after a forward of two rows through a copy."""
    if not isinstance(net, Module):
        raise BuilderError(f"model {builder}: must return a Module, got {shown(net)}.")
    if net.output_kind in ("probabilities", "log-probabilities"):
        raise BuilderError(
            f"model {builder}: must give scores, but {net!r} gives {net.output_kind}. Hint: leave out its last layer."
        )
    if any(array.value.dtype != dtype for _, array in net.named_parameters()):
        net = net.astype(dtype)
    if not any(True for _ in net.named_parameters()):
        raise BuilderError(f"model {builder}: must have a parameter to train, got {net!r}.")
    rows = (2, math.prod(shape))
    try:
        with np.errstate(all="ignore"):
            found = np.shape(copy.deepcopy(net).eval().forward(np.zeros(rows, dtype)))
    except Exception as error:  # code of others raises anything
        hint = f" Hint: images are rows (N, {rows[1]}); UnflattenModule{shape} makes images of them."
        raise _refused(builder, f"must take rows {rows}", error, hint) from error
    if found != (2, n_classes):
        raise BuilderError(
            f"model {builder}: must give {n_classes} scores a row, (2, {n_classes}) for two rows, got {found}."
        )
    return list(net) if type(net) is Sequential else [net]


def _refused(builder: str, wanted: str, error: Exception, hint: str = "") -> BuilderError:
    told = f"{type(error).__name__}: {error}".rstrip(".")
    return BuilderError(f"model {builder}: {wanted}, got {told}.{hint}")
