"""A training that a page watches: step by step, with its boundary, its weights and its gradients' numeric checks."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.browser.formulas import Json, array_json, as_json, equation_lines
from mlp_numpy.checks import POSITIVE, choice, number, shown, sizes, whole_number
from mlp_numpy.data import Batches, Dataset, Preprocessing
from mlp_numpy.data.synthetic import digits, plane
from mlp_numpy.errors import NonFiniteError, OptionError, UnknownNameError
from mlp_numpy.gradcheck import gradcheck
from mlp_numpy.modules import (
    BatchNorm,
    ELUModule,
    GELUModule,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    Module,
    ReLUModule,
    Sequential,
    SigmoidModule,
    SiLUModule,
    SoftMaxCrossEntropyModule,
    TanhModule,
    glorot,
    kaiming,
)
from mlp_numpy.optim import FlatParameters, Optimizer
from mlp_numpy.optim.registry import OPTIMIZERS

DATASETS: Final[dict[str, Callable[[int], Dataset]]] = {
    "clouds": lambda seed: plane.generate(seed=seed, pattern="clouds"),
    "spirals": lambda seed: plane.generate(seed=seed, pattern="spirals"),
    "digits": lambda seed: digits.generate(seed=seed),
}
ACTIVATIONS: Final[dict[str, Callable[[], Module]]] = {
    "tanh": TanhModule,
    "relu": ReLUModule,
    "leaky_relu": lambda: LeakyReLUModule(0.02),
    "sigmoid": SigmoidModule,
    "elu": ELUModule,
    "gelu": GELUModule,
    "silu": SiLUModule,
}
NORMS: Final[dict[str, Callable[[int], list[Module]]]] = {
    "none": lambda width: [],
    "batch": lambda width: [BatchNorm(width)],
    "layer": lambda width: [LayerNorm(width)],
}

_MOST_LAYERS, _MOST_UNITS, _MOST_STEPS = 6, 256, 1000
_GRID, _MARGIN = 40, 1.08
_TRACED_ROWS, _CHECKED_ENTRIES = 3, 8
_ROUNDING: Final = 1e-14
"""The error of a gradient that is exactly 0, or nearly: the rounding of the terms that cancel, which are below 1."""


@dataclasses.dataclass(frozen=True)
class LiveSettings:
    """The settings of a training in the page.

    data, activation, norm, optimizer   names from the tables of this module and of the optimizers
    hidden                              sizes of at most 6 hidden layers, at most 256 each
    lr, batch, seed                     learning rate, examples of a step, seed of data, weights and order

    Raises OptionError for other values.
    """

    data: str = "spirals"
    hidden: tuple[int, ...] = (16, 16)
    activation: str = "tanh"
    norm: str = "none"
    optimizer: str = "adam"
    lr: float = 0.01
    batch: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        who = "LiveSettings"
        known: dict[str, Mapping[str, Any]] = {
            "data": DATASETS,
            "activation": ACTIVATIONS,
            "norm": NORMS,
            "optimizer": OPTIMIZERS,
        }
        for name, table in known.items():
            choice(who, name, getattr(self, name), table)
        hidden = sizes(who, "hidden", self.hidden)
        if len(hidden) > _MOST_LAYERS or any(size > _MOST_UNITS for size in hidden):
            raise OptionError(
                f"{who}: hidden must be at most {_MOST_LAYERS} layers of at most {_MOST_UNITS}, got {shown(hidden)}."
            )
        object.__setattr__(self, "hidden", hidden)
        object.__setattr__(self, "lr", number(who, "lr", self.lr, POSITIVE))
        whole_number(who, "batch", self.batch, most=256)
        whole_number(who, "seed", self.seed, least=0)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> LiveSettings:
        """The settings from a message; raises UnknownNameError for a setting that does not exist."""
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise UnknownNameError(f"LiveSettings: there is no {unknown[0]!r}; there are {', '.join(known)}.")
        return cls(**given)


class LiveTraining:
    """A classifier in training: [Linear → norm → activation] per hidden layer → Linear, with softmax-cross-entropy.

    All in float64, in the caller's thread, so that a complex step agrees with each gradient to about 1e-16.
    """

    def __init__(self, settings: LiveSettings) -> None:
        self.settings = settings
        self.dataset = DATASETS[settings.data](settings.seed)
        raw = Preprocessing("raw", None, None)
        self._batches = Batches(self.dataset.train, settings.batch, raw, seed=settings.seed, dtype=np.float64)
        self.model = _network(settings, self.dataset)
        self.loss = SoftMaxCrossEntropyModule()
        make: Any = OPTIMIZERS[settings.optimizer]
        self.optimizer: Optimizer = make(FlatParameters(self.model), settings.lr)
        self.step = 0

    @np.errstate(all="ignore")
    def advance(self, n: int) -> list[float]:
        """Make ``n`` steps; returns the loss of each.

        Raises OptionError for a number outside 1 … 1000, NonFiniteError for a loss that is not finite; the step is not
        made then.
        """
        losses = []
        for _ in range(whole_number("LiveTraining.advance", "n", n, most=_MOST_STEPS)):
            x, y = self._batches.at(self.step)
            loss = float(self.loss.forward(self.model.forward(x), y))
            if not np.isfinite(loss):
                raise NonFiniteError(
                    f"LiveTraining.advance: the loss must be finite, got {loss} at step {self.step + 1}. "
                    "Hint: a lower learning rate."
                )
            self.model.backward(self.loss.backward())
            self.optimizer.step()
            self.step += 1
            losses.append(loss)
        return losses

    def overview(self) -> Json:
        """The network, and the points or some of the images that it learns from."""
        train, layers = self.dataset.train, [{"name": name, "text": repr(layer)} for name, layer in _named(self.model)]
        shown_rows = slice(0, 300 if self.planar else 40)
        return {
            "settings": dataclasses.asdict(self.settings),
            "layers": layers,
            "n_parameters": sum(parameter.value.size for _, parameter in self.model.named_parameters()),
            "classes": list(self.dataset.class_names),
            "inputs": as_json(train.inputs[shown_rows]),
            "labels": train.labels[shown_rows].tolist(),
        }

    @property
    def planar(self) -> bool:
        """True if the inputs are points of the plane."""
        return self.dataset.image_shape == (2, 1, 1)

    @np.errstate(all="ignore")
    def view(self) -> Json:
        """Loss and accuracy on the test split, the weights, and the decision boundary or some predictions."""
        test = self.dataset.test
        scores = self._scores(test.inputs)
        view: Json = {
            "step": self.step,
            "loss": as_json(SoftMaxCrossEntropyModule().forward(scores, test.labels)),
            "accuracy": float(np.mean(scores.argmax(axis=1) == test.labels)),
            "weights": [
                array_json(name, parameter.value)
                for name, parameter in self.model.named_parameters()
                if parameter.value.ndim == 2
            ],
        }
        if self.planar:
            extent = _MARGIN * float(np.abs(self.dataset.train.inputs).max())
            axis = (np.arange(_GRID) + 0.5) * 2 * extent / _GRID - extent
            columns, rows = np.meshgrid(axis, axis[::-1])
            scores = self._scores(np.column_stack((columns.ravel(), rows.ravel())))
            view["grid"] = {"size": _GRID, "extent": extent, "classes": scores.argmax(axis=1).tolist()}
        else:
            view["images"] = {"inputs": as_json(test.inputs[:20]), "labels": test.labels[:20].tolist()}
            view["images"]["predicted"] = scores[:20].argmax(axis=1).tolist()
        return view

    @np.errstate(all="ignore")
    def checks(self) -> list[Json]:
        """Every gradient of the present step beside its complex step, in some entries; the training is not touched."""
        x, y = self._batches.at(self.step)
        loss = SoftMaxCrossEntropyModule()
        report = gradcheck(self.model, x.copy(), y, loss=loss, max_entries=_CHECKED_ENTRIES, rng=self.step)
        layers = dict(_named(self.model))
        norms = {name: float(np.linalg.norm(found.grad)) for name, found in self.model.named_parameters()}
        return [
            {
                "name": check.name,
                "layer": repr(layers[check.name.split(".")[0]]) if "." in check.name else "the input",
                "norm": as_json(norms[check.name]) if check.name in norms else None,
                "entry": list(check.worst),
                "analytic": as_json(check.analytic),
                "numeric": as_json(check.numeric),
                "difference": as_json(abs(check.analytic - check.numeric)),
                "verdict": "fine" if abs(check.analytic - check.numeric) <= _ROUNDING else check.verdict,
                "n_checked": check.n_checked,
            }
            for check in report.checks
        ]

    @np.errstate(all="ignore")
    def trace(self) -> list[Json]:
        """The stages of the next step on three of its examples: forward, backward and update, with all their arrays.

        A copy makes them; the training is not touched.
        """
        model, optimizer = copy.deepcopy((self.model, self.optimizer))
        loss = SoftMaxCrossEntropyModule()
        batch, labels = self._batches.at(self.step)
        x, y = batch[:_TRACED_ROWS].copy(), labels[:_TRACED_ROWS]
        stages = []
        for name, layer in _named(model):
            params = [array_json(key, value) for key, value in layer.params.items()]
            out = layer.forward(x)
            stages.append(_stage("Forward", name, layer, [array_json("x", x), *params, array_json("out", out)]))
            x = out
        value = loss.forward(x, y)
        scores = [array_json("x", x), array_json("y", y), array_json("out", value)]
        stages.append(_stage("Forward", "loss", loss, scores))
        dout = loss.backward()
        arrays = [array_json("dout", np.ones(())), array_json("dx", dout)]
        stages.append(_stage("Backward", "loss", loss, arrays))
        for name, layer in reversed(_named(model)):
            dx = layer.backward(dout)
            grads = [array_json(f"d{key}", value) for key, value in layer.grads.items()]
            given = [] if dx is None else [array_json("dx", dx)]
            stages.append(_stage("Backward", name, layer, [array_json("dout", dout), *grads, *given]))
            dout = dx if dx is not None else dout
        name, first = next(iter(model.named_parameters()))
        before = array_json(f"{name} before", first.value)
        grad = array_json("g", first.grad)
        optimizer.step()
        arrays = [before, grad, array_json(f"{name} after", first.value)]
        lines = equation_lines(type(optimizer))
        update = [{"part": "Update" if line["text"].startswith("    ") else "", "text": line["text"]} for line in lines]
        stages.append({"pass": "Update", "at": "", "layer": repr(optimizer), "equation": update, "arrays": arrays})
        return stages

    def _scores(self, x: Array) -> Array:
        self.model.eval()
        scores = self.model.forward(x)
        self.model.train()
        return scores


def _network(settings: LiveSettings, dataset: Dataset) -> Sequential:
    """The classifier of the settings, with the initialization that its activation needs."""
    draws = np.random.default_rng([settings.seed, 1])
    widths = (dataset.train.inputs.shape[1], *settings.hidden)
    init = kaiming() if settings.activation in ("relu", "leaky_relu", "elu", "gelu", "silu") else glorot()
    modules: list[Module] = []
    for n_in, n_out in zip(widths, widths[1:], strict=False):
        # a batch norm takes the mean away again that a bias would add
        bias = settings.norm != "batch"
        modules += [LinearModule(n_in, n_out, bias=bias, init=init, rng=draws), *NORMS[settings.norm](n_out)]
        modules.append(ACTIVATIONS[settings.activation]())
    return Sequential(*modules, LinearModule(widths[-1], dataset.n_classes, init=glorot(), rng=draws))


def _named(model: Module) -> list[tuple[str, Module]]:
    return list(model.leaves())


def _stage(direction: str, at: str, module: Module, arrays: list[Json]) -> Json:
    return {
        "pass": direction,
        "at": at,
        "layer": repr(module),
        "equation": equation_lines(module.op),
        "arrays": arrays,
    }
