"""Every public constructor with a call that works: what the tests of doors and of random calls start from."""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import mlp_numpy
from mlp_numpy import (
    SGD,
    FlatParameters,
    LinearModule,
    ReLUModule,
    Sequential,
    SoftMaxCrossEntropyModule,
    TanhModule,
    autodiff,
)
from mlp_numpy.autodiff import TensorNode
from mlp_numpy.config import Config
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.optim.schedules import Constant

ROOMS = (
    "mlp_numpy",
    "mlp_numpy.modules",
    "mlp_numpy.optim",
    "mlp_numpy.optim.schedules",
    "mlp_numpy.models",
    "mlp_numpy.training",
    "mlp_numpy.autodiff",
    "mlp_numpy.config",
    "mlp_numpy.interpret",
    "mlp_numpy.gradcheck",
    "mlp_numpy.data.augmentation",
    "mlp_numpy.data.batches",
    "mlp_numpy.data.dataset",
    "mlp_numpy.data.own_data",
    "mlp_numpy.data.targets",
    "mlp_numpy.data.preprocessing",
    "mlp_numpy.data.sealed",
    "mlp_numpy.data.splitting",
    "mlp_numpy.data.synthetic.ellipse",
)
RECORDS = {
    "Checkpoint", "Context", "Evaluation", "Transforms", "EvaluationRecord", "Failure", "GradCheck", "GradCheckReport",
    "MaximizedImage", "Minimum", "Node", "OpNode", "RunInfo", "StepRecord", "Subject", "Summary", "SummaryRow",
    "TrainedModel", "History", "MappedSplit", "Runs", "Ahead",
}  # fmt: skip
"""Classes that the library makes and people read: their constructors check nothing."""
ABSTRACT = {
    "Classifier",
    "Communicator",
    "Initializer",
    "LossModule",
    "Module",
    "Network",
    "Op",
    "Optimizer",
    "Schedule",
}


def _needs_nothing(name: str) -> bool:
    thing = getattr(mlp_numpy, name)
    if isinstance(thing, type) and issubclass(thing, Exception) or name in ABSTRACT:
        return False
    parameters = inspect.signature(thing).parameters.values()
    return all(
        each.default is not each.empty or each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters
    )


def net() -> Sequential:
    return Sequential(LinearModule(3, 4, rng=0), ReLUModule(), LinearModule(4, 2, rng=1))


def flat() -> FlatParameters:
    return FlatParameters(net())


def split() -> Split:
    return Split(np.random.default_rng(0).normal(size=(8, 3)), np.arange(8) % 2)


def preprocessing() -> Preprocessing:
    return Preprocessing.fit("raw", np.ones((4, 3)), (1, 1, 3))


def batches() -> Batches:
    return Batches(split(), 4, preprocessing(), seed=0, dtype=float)


def trainer_parts() -> dict[str, Any]:
    model = net()
    return {
        "model": model,
        "loss": SoftMaxCrossEntropyModule(),
        "update": SGD(FlatParameters(model), 0.1),
        "batches": batches(),
        "held_out": split(),
    }


def gradcheck_parts() -> dict[str, Any]:
    return {"module": net(), "x": np.random.default_rng(0).normal(size=(2, 3))}


BASE: dict[str, Callable[[], dict[str, Any]]] = {
    "MLP": lambda: {"n_inputs": 3, "n_hidden": [4], "n_classes": 2},
    "ResidualMLP": lambda: {"n_inputs": 3, "n_classes": 2, "n_hidden": 4},
    "OwnNet": lambda: {"builder": "tiny:small_net", "image_shape": (1, 2, 2), "n_classes": 2},
    "TwoLayerNet": lambda: {"n_inputs": 3, "n_hidden": 4, "n_outputs": 2, "f": ReLUModule(), "g": TanhModule()},
    "ConvNet": lambda: {"image_shape": (1, 8, 8), "n_classes": 2, "n_first": 1},
    "SmallConvNet": lambda: {"image_shape": (1, 16, 16), "n_classes": 2},
    "WhitenedConvNet": lambda: {"image_shape": (1, 9, 9), "n_classes": 2, "n_first": 1},
    "LinearModule": lambda: {"in_features": 3, "out_features": 2},
    "Conv2dModule": lambda: {"in_channels": 1, "out_channels": 2, "kernel_size": 3},
    "MaxPool2dModule": lambda: {"kernel": 2},
    "AvgPool2dModule": lambda: {"kernel": 2},
    "AdaptiveAvgPool2dModule": lambda: {"output_size": 2},
    "BatchNorm": lambda: {"n_features": 3},
    "LayerNorm": lambda: {"n_features": 3},
    "GroupNorm": lambda: {"n_groups": 1, "n_features": 3},
    "RMSNorm": lambda: {"n_features": 3},
    "LeakyReLUModule": lambda: {"neg_slope": 0.1},
    "UnflattenModule": lambda: {"channels": 1, "height": 2, "width": 2},
    "TapeModule": lambda: {"network": autodiff.Linear(3, 2, rng=0)},
    "Sharded": lambda: {"module": net()},
    "Workers": lambda: {"size": 2},
    "NamedArrays": lambda: {"owner": "a", "arrays": {"b": np.ones(2)}},
    "FlatParameters": lambda: {"model": net()},
    "SGD": lambda: {"parameters": flat(), "lr": 0.1},
    **{name: lambda: {"parameters": flat()} for name in (
        "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Average", "Lookahead", "Muon", "NAdam", "RAdam", "RMSprop")},
    "Accumulator": lambda: {"parameters": flat()},
    "ParameterGroup": lambda: {"names": ("0.bias",)},
    "L2Penalty": lambda: {"parameters": flat(), "strength": 0.1},
    "clip_norm": lambda: {"parameters": flat(), "bound": 1.0},
    "clip_value": lambda: {"parameters": flat(), "bound": 1.0},
    "minimize": lambda: {"parameters": flat(), "objective": lambda: 0.0},
    "n_parameters": lambda: {"model": net()},
    "parse_schedule": lambda: {"text": "cosine", "steps": 10},
    "Cosine": lambda: {"steps": 10},
    "Exponential": lambda: {"factor": 0.5},
    "InverseSquareRoot": lambda: {"scale": 10},
    "MultiStep": lambda: {"milestones": (2, 5), "factor": 0.5},
    "OneCycle": lambda: {"steps": 10},
    "Polynomial": lambda: {"steps": 10},
    "WarmRestarts": lambda: {"first": 10},
    "Plateau": lambda: {"factor": 0.5, "patience": 2},
    "StepDecay": lambda: {"every": 2, "factor": 0.5},
    "WarmUp": lambda: {"steps": 3, "then": Constant()},
    "build": lambda: {"description": {"builder": "MLP", "dtype": "float64",
                                      "arguments": {"n_inputs": 3, "n_hidden": [], "n_classes": 2}}},
    "Trainer": trainer_parts,
    "Update": lambda: {"optimizer": SGD(flat(), 0.1)},
    "accuracy": lambda: {"scores": np.eye(3), "labels": np.arange(3)},
    "Metric": lambda: {"name": "a", "function": lambda out, targets, weights: 0.0},
    **dict.fromkeys(("log_loss",), lambda: {"scores": np.eye(3), "labels": np.arange(3)}),
    **dict.fromkeys(("mae", "r2", "rmse"), lambda: {"outputs": np.eye(3), "targets": np.ones((3, 3))}),
    "confusion_matrix": lambda: {"labels": np.arange(3), "predicted": np.arange(3), "n_classes": 3},
    "gradcheck": gradcheck_parts,
    "TensorNode": lambda: {"value": np.ones(2)},
    "Linear": lambda: {"input_size": 3, "output_size": 2},
    "Config": dict,
    "PixelLogits": lambda: {"model": net(), "preprocessing": preprocessing()},
    "Augmentation": lambda: {"image_shape": (1, 8, 8)},
    "Batches": lambda: {"split": split(), "size": 4, "preprocessing": preprocessing()},
    "BlockShuffle": lambda: {"size": 2},
    "RunningMoments": dict,
    "Split": lambda: {"inputs": np.ones((2, 3)), "targets": np.arange(2)},
    "Column": lambda: {"name": "a", "kind": "category", "categories": ("x", "y")},
    "OwnData": dict,
    "TargetScaling": lambda: {"mean": (1.0,), "std": (2.0,)},
    "Dataset": lambda: {"name": "a", "train": split(), "test": split(), "image_shape": (1, 1, 3),
                        "class_names": ("a", "b")},
    "Preprocessing": lambda: {"kind": "raw", "shift": None, "scale": None},
    "SealedSplit": lambda: {"split": split()},
    "generate": lambda: {"n_train": 3, "n_test": 2},
    "Constant": dict,
    "Joined": dict,
    **{name: dict for name in mlp_numpy.__all__ if callable(getattr(mlp_numpy, name)) and _needs_nothing(name)},
}  # fmt: skip
"""The arguments of a call that works, by the name of the class or function."""
JUNK: list[Any] = [
    None, "a", b"x", True, np.nan, np.inf, -np.inf, -1, 0, 1.5, np.float32(0.1), np.int64(2), np.bool_(True), 2**63,
    10**400, [], [1, [2]], {}, object(), (0, 0), np.array([1.0, 2.0]), 1j, lambda: None, Path("a"), ReLUModule,
]  # fmt: skip
NOT_CHECKED = {
    "Sequential": "takes modules alone, one behind the other",
    "Residual": "takes modules alone, one behind the other",
    "check_loss_matches": "a question about two parts",
}


def public() -> dict[str, Any]:
    """Every public class, but records and abstract ones, and every function of the table, by name."""
    found: dict[str, Any] = {}
    for room in ROOMS:
        module = importlib.import_module(room)
        names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
        for name in names:
            thing = getattr(module, name)
            if not getattr(thing, "__module__", "").startswith("mlp_numpy"):
                continue
            is_op = inspect.isclass(thing) and issubclass(thing, autodiff.Op)
            is_error = inspect.isclass(thing) and issubclass(thing, Exception)
            is_class = inspect.isclass(thing) and not (is_op or is_error) and name not in RECORDS | ABSTRACT
            is_function = isinstance(thing, types.FunctionType) and name in BASE
            if is_class or is_function:
                found[name] = thing
    return found


def calls() -> list[tuple[str, str]]:
    """Every public name with every argument that it takes."""
    return [
        (name, parameter.name)
        for name, thing in sorted(public().items())
        if name not in NOT_CHECKED
        for parameter in inspect.signature(thing).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def config() -> Config:
    return Config()


def node() -> TensorNode:
    return TensorNode(np.ones((2, 3)))


def data_set() -> Dataset:
    return Dataset("a", split(), split(), (1, 1, 3), ("a", "b"))
