"""Weights from PyTorch and for PyTorch, bit for bit.

One leaf module here is one module there: the names of its arrays differ ("gamma" is "weight"), their shapes and values
do not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import instance, numbers, shown
from mlp_numpy.errors import DTypeError, OptionError, ShapeError, UnknownNameError
from mlp_numpy.exchange.safetensors_file import read_tensors
from mlp_numpy.modules import Dropout, Module

_COUNTER: Final = "num_batches_tracked"
"""PyTorch's count of a batch norm's batches, which a BatchNorm has here only if its momentum is None."""
_NAMES: Final = {
    "gamma": "weight",
    "beta": "bias",
    "slope": "weight",
    "running_variance": "running_var",
    "n_batches": _COUNTER,
}
"""The names of arrays that differ, ours to PyTorch's; the others are the same."""


def load_pytorch(
    model: Module,
    source: Any,
    *,
    names: Mapping[str, str] | None = None,
) -> None:
    """Copy the weights of a PyTorch network into ``model``, an existing network of the same layers.

    source   a torch.nn.Module, its state_dict, a mapping from names to arrays, or the path of a safetensors file
    names    PyTorch's module name for each of ours that has arrays, as in {"0": "fc1", "3": "fc2"}

    By default layers are matched by name if all names are the same, else by order: that of the state dict, or of the
    names with numbers counted ("2" before "10") for a file, whose order is not that of the layers. PyTorch's
    "num_batches_tracked" is ignored unless a BatchNorm counts its batches too; Dropout's buffers are kept.

    Values are converted to the model's dtype; for the same dtype they are equal bit for bit. Nothing is written in case
    of an error: UnknownNameError for layers or arrays that are missing or left over, ShapeError and DTypeError naming
    both sides, OptionError for an invalid argument, and for a file the errors of ``load_model``.
    """
    who = "load_pytorch"
    instance(who, "model", model, Module)
    theirs = _by_layer(_arrays(source))
    ours = dict(_layers_with_arrays(model))
    pairs = _paired(list(ours), list(theirs), names)
    state = model.state()
    for name, their_name in pairs.items():
        arrays = {_NAMES.get(key, key): key for key in _array_names(ours[name])}
        given = {key: array for key, array in theirs[their_name].items() if key in arrays or key != _COUNTER}
        if set(arrays) != set(given):
            raise UnknownNameError(
                f"{who}: layer {name!r}, {ours[name]!r}, must get {sorted(arrays)}, got {sorted(given)} of "
                f"{their_name!r}."
            )
        for their_key, key in arrays.items():
            whole = f"{name}.{key}".lstrip(".")
            if given[their_key].shape != state[whole].shape:
                raise ShapeError(
                    f"{who}: {whole} must be {state[whole].shape}, got {given[their_key].shape} of "
                    f"{their_name}.{their_key}. Hint: names= matches layers by name."
                )
            state[whole] = given[their_key]
    model.load_state(state)


def pytorch_state(model: Module) -> dict[str, Array]:
    """The arrays of a model, copied, under the names that ``to_pytorch(model).state_dict()`` has.

    ``load_state_dict`` takes them as tensors: ``{name: torch.from_numpy(array) for name, array in state.items()}``.
    """
    instance("pytorch_state", "model", model, Module)
    arrays, found = model.state(), {}
    for name, layer in _layers_with_arrays(model):
        for key in _array_names(layer):
            found[f"{name}.{_NAMES.get(key, key)}".lstrip(".")] = arrays[f"{name}.{key}".lstrip(".")]
        if "running_mean" in layer.buffers and "n_batches" not in layer.buffers:
            found[f"{name}.{_COUNTER}".lstrip(".")] = np.array(0)
    return found


def _arrays(source: Any) -> dict[str, Array]:
    """The arrays of a source by name."""
    if isinstance(source, str | os.PathLike):
        arrays, _ = read_tensors("load_pytorch", source, "safetensors file")
        source = dict(sorted(arrays.items(), key=lambda item: _natural(item[0])))
    if callable(getattr(source, "state_dict", None)):
        source = source.state_dict()
    if not isinstance(source, Mapping) or not all(isinstance(name, str) for name in source):
        raise OptionError(
            "load_pytorch: source must be a torch.nn.Module, a mapping from names to arrays or a path, got "
            f"{shown(source)}."
        )
    found = {}
    for name, tensor in source.items():
        try:
            array = tensor.detach().cpu().numpy() if callable(getattr(tensor, "detach", None)) else tensor
        except Exception as error:  # such as bfloat16, which NumPy does not have
            raise DTypeError(
                f"load_pytorch: {name} must hold numbers that NumPy has, got {type(error).__name__}: {error}. "
                "Hint: tensor.float()."
            ) from error
        found[name] = numbers("load_pytorch", name, array)
    return found


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """A sort key in which numbers count: "2.weight" before "10.weight"."""
    return [(part.isdigit(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)]


def _by_layer(arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    layers: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        layer, _, key = name.rpartition(".")
        layers.setdefault(layer, {})[key] = array
    return layers


def _layers_with_arrays(model: Module) -> list[tuple[str, Module]]:
    return [(name, layer) for name, layer in model.leaves() if _array_names(layer)]


def _array_names(layer: Module) -> list[str]:
    """The names of the arrays that PyTorch has too: all but the seed and the counter of Dropout."""
    return [*layer.params, *(name for name in layer.buffers if not isinstance(layer, Dropout))]


def _paired(ours: list[str], theirs: list[str], names: Mapping[str, str] | None) -> dict[str, str]:
    """PyTorch's layer for each of ours."""
    if names is None:
        if len(ours) != len(theirs):
            raise UnknownNameError(
                f"load_pytorch: there must be {len(ours)} layers with arrays, {ours}, got {len(theirs)}, {theirs}."
            )
        return dict(zip(ours, ours if set(ours) == set(theirs) else theirs, strict=True))
    if not isinstance(names, Mapping) or set(names) != set(ours) or sorted(names.values()) != sorted(theirs):
        raise UnknownNameError(f"load_pytorch: names must map {ours} to {theirs}, each once, got {shown(names)}.")
    return dict(names)
