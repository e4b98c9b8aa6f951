"""Bounds: every number of a public constructor or function at both sides of each end of its interval."""

from __future__ import annotations

import inspect
import warnings
from typing import Any, NamedTuple

import pytest
from doors_table import BASE, calls, public

from mlp_numpy.errors import MlpNumpyError, OptionError


class Edges(NamedTuple):
    """The outermost numbers of an interval, and those next to them that lie outside."""

    inside: tuple[float, ...]
    outside: tuple[float, ...]


LAST = 1 - 2**-53
EDGES = {
    "> 0": Edges((1e-300,), (0,)),
    "≥ 0": Edges((0,), (-1e-300,)),
    "[0, 1)": Edges((0, LAST), (-1e-300, 1)),
    "(0, 1)": Edges((1e-300, LAST), (0, 1)),
    "[0, 1]": Edges((0, 1), (-1e-300, 1 + 2**-52)),
    "integer ≥ 0": Edges((0,), (-1,)),
    "integer ≥ 1": Edges((1,), (0,)),
}
INTERVALS = {
    "> 0": """
        Adadelta.lr Adadelta.eps Adagrad.lr Adagrad.eps Adam.lr Adam.eps AdamW.lr AdamW.eps
        Adamax.lr Adamax.eps Config.lr Config.divergence_factor Config.norm_lr_factor
        Config.head_lr_factor HuberModule.delta L2Penalty.strength Muon.lr Muon.adamw_lr_factor
        Muon.eps NAdam.lr NAdam.eps OneCycle.peak PoissonNLLModule.eps Polynomial.power RAdam.lr
        RAdam.eps RMSprop.lr RMSprop.eps SGD.lr SoftplusModule.beta Trainer.max_growth
        Update.clip_norm Update.clip_value clip_norm.bound clip_value.bound minimize.tolerance
    """,
    "[0, 1)": """
        Adadelta.rho Adam.beta1 Adam.beta2 AdamW.beta1 AdamW.beta2 Adamax.beta1 Adamax.beta2
        Average.beta Config.dropout Config.lookahead Config.momentum Config.dampening Config.beta1
        Config.beta2 Config.ema Config.label_smoothing Cosine.floor Dropout.p Lookahead.beta
        MLP.dropout Muon.momentum Muon.beta1 Muon.beta2 NAdam.beta1 NAdam.beta2 Plateau.threshold
        Plateau.floor Polynomial.floor RAdam.beta1 RAdam.beta2 RMSprop.alpha RMSprop.momentum
        SGD.momentum SGD.dampening WarmRestarts.floor
    """,
    "≥ 0": """
        Adadelta.weight_decay Adagrad.lr_decay Adagrad.initial_accumulator_value
        Adagrad.weight_decay Adam.weight_decay AdamW.weight_decay Adamax.weight_decay
        BCEModule.pos_weight BCEWithLogitsModule.pos_weight BatchNorm.eps Config.init_std
        Config.clip_norm Config.clip_value Config.weight_decay Config.l2 Config.lookahead_power
        Lookahead.power ParameterGroup.lr_factor
        ParameterGroup.decay_factor Config.min_delta GroupNorm.eps LayerNorm.eps Muon.weight_decay
        NAdam.momentum_decay NAdam.weight_decay Plateau.eps RAdam.weight_decay RMSNorm.eps
        RMSprop.weight_decay SGD.weight_decay SmoothL1Module.beta Trainer.min_delta glorot.gain
        normal.std orthogonal.gain
    """,
    "integer ≥ 1": """
        AdaptiveAvgPool2dModule.output_size AvgPool2dModule.kernel BatchNorm.n_features Batches.size
        BlockShuffle.size BlockShuffle.window
        Config.width Config.batch Config.lookahead_every Lookahead.every Sharded.shards Workers.size
        WhitenedConvNet.n_first Config.steps Config.accumulate Config.validation Config.eval_every
        Config.checkpoint_every Conv2dModule.in_channels Conv2dModule.out_channels
        Conv2dModule.kernel_size Conv2dModule.stride Conv2dModule.dilation ConvNet.n_classes
        ConvNet.n_first Cosine.steps GroupNorm.n_features InverseSquareRoot.scale
        LayerNorm.n_features Linear.input_size Linear.output_size LinearModule.in_features
        LinearModule.out_features MLP.n_inputs MLP.n_classes MaxPool2dModule.kernel
        MaxPool2dModule.dilation Muon.ns_steps OwnNet.n_classes PReLUModule.n_features
        Polynomial.steps RMSNorm.n_features ResidualMLP.n_inputs ResidualMLP.n_classes
        ResidualMLP.n_hidden ResidualMLP.n_blocks SmallConvNet.n_classes StepDecay.every
        Trainer.eval_every Trainer.eval_chunk Trainer.accumulate Trainer.watch_every
        TwoLayerNet.n_inputs TwoLayerNet.n_hidden TwoLayerNet.n_outputs UnflattenModule.channels
        UnflattenModule.height UnflattenModule.width WarmRestarts.first WarmRestarts.growth
        WarmUp.steps generate.n_train generate.n_test gradcheck.max_entries minimize.max_iterations
        minimize.max_calls
    """,
    "integer ≥ 0": """
        Augmentation.shift Augmentation.cutout Batches.seed Config.shift Config.cutout
        Config.patience Config.layer_stats_every Config.seed Config.shards Config.threads
        Conv2dModule.padding Plateau.patience Plateau.cooldown generate.seed
    """,
    "[0, 1]": """
        BatchNorm.momentum CrossEntropyModule.label_smoothing NLLModule.label_smoothing
        SoftMaxCrossEntropyModule.label_smoothing
    """,
    "(0, 1)": """
        Config.test_fraction Exponential.factor MultiStep.factor OneCycle.start OneCycle.final
        OwnData.test_fraction Plateau.factor StepDecay.factor WarmUp.start
    """,
}
"""The interval of every argument that is a number; but those without bounds or that depend on others."""
NAMED = [(kind, *name.split(".")) for kind, names in INTERVALS.items() for name in names.split()]


def error_of(name: str, argument: str, value: float) -> str | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a number near the edge computes is not asked
        try:
            public()[name](**BASE[name]() | {argument: value})
        except MlpNumpyError as error:
            return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize(("kind", "name", "argument"), NAMED, ids=lambda part: part)
def test_the_ends_of_an_interval(kind: str, name: str, argument: str) -> None:
    for value in EDGES[kind].inside:
        error = error_of(name, argument, value)
        # an option that takes effect only with another is within its bounds all the same
        assert error is None or "must come with" in error or "has no effect" in error, value
    for value in EDGES[kind].outside:
        error = error_of(name, argument, value)
        assert error, value
        assert error.startswith(OptionError.__name__), value
        assert f"{argument} must be" in error or f"{argument}=3" in error, value  # the second: a hint of two sizes


def test_every_number_has_its_interval() -> None:
    unbounded = {
        "neg_slope", "alpha", "scale", "min_val", "max_val", "margin", "ignore_index", "axis",  # any number
        "n_groups", "n_classes", "groups", "padding", "rise", "steps",  # depend on other arguments
        "rng",  # also a generator
    }  # fmt: skip
    named = {(name, argument) for _, name, argument in NAMED}
    missing = []
    for name, argument in calls():
        parameter = inspect.signature(public()[name]).parameters[argument]
        default: Any = BASE.get(name, dict)().get(argument, parameter.default)
        is_number = isinstance(default, int | float) and not isinstance(default, bool)
        if is_number and argument not in unbounded and name in BASE and (name, argument) not in named:
            missing.append(f"{name}.{argument}")
    assert not missing, "INTERVALS must have the intervals of these"
