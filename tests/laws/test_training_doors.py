"""The doors of training: whatever is no such part or setting is refused by name before anything begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tiny import SHAPE, tiny

from mlp_numpy import (
    MLP,
    SGD,
    CrossEntropyModule,
    FlatParameters,
    LinearModule,
    ReLUModule,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
)
from mlp_numpy.config import Config
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import DTypeError, MlpNumpyError, OptionError
from mlp_numpy.gradcheck import gradcheck
from mlp_numpy.modules import check_loss_matches
from mlp_numpy.optim import Adagrad, Average, L2Penalty, RMSprop
from mlp_numpy.optim.schedules import OneCycle
from mlp_numpy.training import Trainer, Update, accuracy, confusion_matrix, evaluate
from mlp_numpy.training.best_model import BestModel

DATA = tiny()
JUNK = [None, "a", True, np.nan, np.float32(1.5), np.int64(-1), [1], np.array([1, 2]), {}, 2**70, 1j, int]
PARTS = ("model", "loss", "update", "batches", "held_out")
COUNTS = ("eval_every", "eval_chunk", "accumulate", "patience", "watch_every")


def options(**changed: Any) -> dict[str, Any]:
    model = MLP(48, [16], 4, rng=0, dtype=np.float32)
    found: dict[str, Any] = {
        "model": model.logits,
        "loss": SoftMaxCrossEntropyModule(),
        "update": SGD(FlatParameters(model), 0.1),
        "batches": Batches(DATA.train, 20, Preprocessing.fit("standardize", DATA.train.images, SHAPE)),
        "held_out": DATA.test,
        "select": True,
    }
    return found | changed


@pytest.mark.parametrize("junk", JUNK, ids=repr)
@pytest.mark.parametrize("name", [*PARTS, *COUNTS, "select", "max_growth"])
@pytest.mark.slow
def test_a_trainer_refuses_what_is_none_of_its_parts(name: str, junk: Any) -> None:
    fits = name in ("patience", "watch_every") and junk is None
    fits |= name == "select" and junk is True
    fits |= name == "max_growth" and isinstance(junk, np.float32 | int) and not isinstance(junk, bool)
    if fits:
        Trainer(**options(**{name: junk}))
        return
    with pytest.raises(OptionError, match=name):
        Trainer(**options(**{name: junk}))


def test_numpy_scalars_and_no_bound_are_settings() -> None:
    one = Trainer(**options(eval_every=np.int64(3), accumulate=np.uint8(2), max_growth=np.inf, patience=np.int32(2)))
    assert [type(one.eval_every), type(one.accumulate)] == [int, int]
    assert len(list(one.run(3))) == 5


def test_an_update_that_moves_nothing_of_the_model_is_refused() -> None:
    other = MLP(48, [16], 4, rng=0, dtype=np.float32)
    with pytest.raises(OptionError, match="must hold the FlatParameters of the model, got those of another"):
        Trainer(**options(update=SGD(FlatParameters(other), 0.1)))
    first = options()
    FlatParameters(first["model"])  # takes the arrays over
    with pytest.raises(OptionError, match="a model's last FlatParameters are the ones that move it"):
        Trainer(**first)
    with pytest.raises(OptionError, match="the model must have parameters"):
        Trainer(**options(model=ReLUModule()))


@pytest.mark.parametrize("junk", JUNK, ids=repr)
@pytest.mark.parametrize("name", ["optimizer", "schedule", "penalty", "average", "clip_norm", "clip_value"])
def test_an_update_refuses_what_is_none_of_its_parts(name: str, junk: Any) -> None:
    parts: dict[str, Any] = {"optimizer": SGD(FlatParameters(MLP(2, [], 2)), 0.1)}
    fits = name != "optimizer" and junk is None
    fits |= name.startswith("clip") and isinstance(junk, np.float32 | int) and not isinstance(junk, bool)
    if fits:
        Update(**(parts | {name: junk}))
        return
    with pytest.raises(OptionError, match=f"Update: {name} must be"):
        Update(**(parts | {name: junk}))


def test_parts_of_another_model_are_refused() -> None:
    one, other = (FlatParameters(MLP(2, [], 2)) for _ in range(2))
    for part in ({"penalty": L2Penalty(other, 0.1)}, {"average": Average(other)}):
        with pytest.raises(OptionError, match="must be made for the optimizer's parameters, got others"):
            Update(SGD(one, 0.1), **part)


def test_momenta_of_an_optimizer_without_momentum_are_refused() -> None:
    parameters = FlatParameters(MLP(2, [], 2))
    for optimizer in (SGD(parameters, 0.1), Adagrad(parameters), RMSprop(parameters)):
        with pytest.raises(OptionError, match=r"Update: OneCycle\(.*\) must cycle an optimizer's momentum or beta1"):
            Update(optimizer, schedule=OneCycle(10, momenta=(0.8, 0.9)))
    with pytest.raises(OptionError, match="must cycle the momentum of an optimizer that has one, got sgd. Hint"):
        Config(schedule="one-cycle:momenta=0.85,0.95")
    for options in ({"momentum": 0.9}, {"optimizer": "adam"}, {"optimizer": "muon"}):
        Config(schedule="one-cycle:momenta=0.85,0.95", **options)


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_an_evaluation_refuses_what_is_none_of_its_parts(junk: Any) -> None:
    parts = options()
    preprocessing = parts["batches"].preprocessing
    given = [parts["model"], parts["loss"], DATA.test, preprocessing]
    for place, name in enumerate(("model", "loss", "split", "preprocessing")):
        with pytest.raises(OptionError, match=f"{name} must be a "):
            evaluate(*given[:place], junk, *given[place + 1 :])
    with pytest.raises(OptionError, match="evaluate: chunk must be an integer ≥ 1"):
        evaluate(*given, chunk=junk)
    with pytest.raises(OptionError, match="model must be a Module"):
        check_loss_matches(junk, parts["loss"])
    with pytest.raises(OptionError, match="snapshot must be a Snapshot"):
        BestModel(junk)


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_a_gradient_check_refuses_what_is_none_of_its_parts(junk: Any) -> None:
    x, y = np.ones((2, 3)), np.array([0, 1])
    layer = LinearModule(3, 2, rng=0)
    calls: list[tuple[str, Callable[[], Any]]] = [
        ("module", lambda: gradcheck(junk, x)),
        ("x", lambda: gradcheck(layer, junk)),
        ("method", lambda: gradcheck(layer, x, method=junk)),
    ]
    if junk is not None:
        calls += [
            ("loss", lambda: gradcheck(layer, x, y, loss=junk)),
            ("max_entries", lambda: gradcheck(layer, x, max_entries=junk)),
            ("labels", lambda: gradcheck(layer, x, junk, loss=SoftMaxCrossEntropyModule())),
        ]
    for name, call in calls:
        with pytest.raises(MlpNumpyError, match=f"{name}|y must be an array"):
            call()


def test_a_loss_is_not_put_behind_a_loss() -> None:
    with pytest.raises(OptionError, match="a loss must not be put behind a loss"):
        gradcheck(CrossEntropyModule(), np.full((1, 2), 0.5), np.array([0]), loss=CrossEntropyModule())
    assert gradcheck(SoftMaxModule(), np.ones((1, 2)), method="central", max_entries=np.int64(1)).verdict == "fine"


RAGGED: list[Any] = [[1], [2, 3]]


@pytest.mark.parametrize("wrong", [*JUNK, RAGGED, [["a", "b"]], np.ma.masked_array([[1.0, 2]], [[0, 1]])], ids=repr)
def test_metrics_refuse_what_they_cannot_count(wrong: Any) -> None:
    with pytest.raises(MlpNumpyError, match="accuracy: scores"):
        accuracy(wrong, np.array([0]))
    with pytest.raises(MlpNumpyError, match="accuracy: labels"):
        accuracy(np.eye(3), wrong)
    if not (isinstance(wrong, list | np.ndarray) and np.ndim(wrong if wrong is not RAGGED else 0) == 1):
        with pytest.raises(MlpNumpyError, match="confusion_matrix: labels"):
            confusion_matrix(wrong, [0], 3)
        with pytest.raises(MlpNumpyError, match="confusion_matrix: predicted"):
            confusion_matrix([0], wrong, 3)
    if not isinstance(wrong, int) or isinstance(wrong, bool) or wrong > 2**63:
        with pytest.raises(OptionError, match="confusion_matrix: "):
            confusion_matrix([0], [0], wrong)


def test_masked_labels_are_not_counted_as_if_they_were_whole() -> None:
    masked = np.ma.masked_array([0, 1, 2], [False, True, False])
    for call in (lambda: accuracy(np.eye(3), masked), lambda: confusion_matrix(masked, [0, 1, 2], 3)):
        with pytest.raises(DTypeError, match="labels must be a plain array, got a masked one"):
            call()
    with pytest.raises(DTypeError, match="scores must be real numbers, got complex128"):
        accuracy(np.eye(2) + 0j, [0, 1])
    with pytest.raises(OptionError, match=r"an array of \(4294967296, 4294967296\) must have at most"):
        confusion_matrix([0], [0], 2**32)
