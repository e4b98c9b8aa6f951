"""The training loop: what it does, what it records, and how it stops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny import SHAPE, tiny

from mlp_numpy import MLP, SGD, CrossEntropyModule, FlatParameters, HingeModule, SoftMaxCrossEntropyModule, kaiming
from mlp_numpy.arrays import Array
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import NonFiniteError, OptionError, ShapeError
from mlp_numpy.optim import Adam, Average, L2Penalty, Plateau, parse_schedule
from mlp_numpy.training import (
    EvaluationRecord,
    StepRecord,
    Trainer,
    Update,
    accuracy,
    confusion_matrix,
    evaluate,
    first_nonfinite,
)

DATA = tiny()


def trainer(lr: float = 0.05, train: Split = DATA.train, **options: object) -> Trainer:
    preprocessing = Preprocessing.fit("standardize", DATA.train.images, SHAPE)
    model = MLP(48, [16], 4, init=kaiming(), rng=0, dtype=np.float32, input_layer=True)
    return Trainer(
        model.logits,
        SoftMaxCrossEntropyModule(),
        SGD(FlatParameters(model), lr),
        Batches(train, 20, preprocessing),
        DATA.test,
        **options,
    )


def test_it_learns_and_records_every_step_and_evaluation() -> None:
    records = list(trainer(eval_every=30).run(100))
    steps = [record for record in records if isinstance(record, StepRecord)]
    evaluations = [record for record in records if isinstance(record, EvaluationRecord)]
    assert [record.step for record in steps] == list(range(1, 101))
    assert [record.step for record in evaluations] == [0, 30, 60, 90, 100]
    assert evaluations[0].accuracy < 0.6
    assert evaluations[-1].accuracy > 0.95
    assert np.mean([record.loss for record in steps[-20:]]) < 0.3 * steps[0].loss


def test_a_step_is_forward_backward_update_and_nothing_else() -> None:
    one = trainer()
    model, flat = one.model, one.optimizer.parameters
    before = flat.values.copy()
    record = one.advance()
    x, y = (part.copy() for part in one.batches.at(0))
    after = flat.values.copy()
    flat.values[:] = before
    loss = SoftMaxCrossEntropyModule()
    scores = model.forward(x)
    assert record == StepRecord(1, float(loss.forward(scores, y)), accuracy(scores, y), 0.05)
    model.backward(loss.backward())
    np.testing.assert_allclose(after, before - np.float32(0.05) * flat.grads, rtol=1e-6, atol=1e-9)


def test_stopping_early_and_going_on_is_the_same_run() -> None:
    whole, parts = trainer(), trainer()
    list(whole.run(40))
    for record in parts.run(40):
        if record.step == 13:
            break
    assert parts.step == 13
    list(parts.run(40))
    np.testing.assert_array_equal(whole.optimizer.parameters.values, parts.optimizer.parameters.values)


def test_evaluation_weighs_chunks_by_their_size() -> None:
    one = trainer()
    list(one.run(5))
    preprocessing = one.batches.preprocessing
    found = [evaluate(one.model, one.loss, DATA.test, preprocessing, chunk=n) for n in (1, 7, 100, 1000)]
    for outcome in found[1:]:
        assert outcome.loss == pytest.approx(found[0].loss, rel=1e-5)
        assert outcome.accuracy == found[0].accuracy
        np.testing.assert_array_equal(outcome.predicted, found[0].predicted)


def test_nan_in_the_data_stops_the_run_before_the_update() -> None:
    spoiled = DATA.train.images.astype(np.float32)
    one = trainer(train=Split(spoiled, DATA.train.labels))
    order = np.random.default_rng([0, 0]).permutation(300)
    spoiled[order[4 * 20 + 3], 5] = np.nan
    seen = []
    with pytest.raises(NonFiniteError, match=r"at step 5, first in the data at \[3, 5\], nan.*after step 4"):
        for record in one.run(100):
            seen.append(record)
            kept = one.optimizer.parameters.values.copy()
    assert seen[-1].step == 4
    np.testing.assert_array_equal(one.optimizer.parameters.values, kept)


def test_a_rate_that_is_too_high_stops_with_the_last_good_weights() -> None:
    one = trainer(lr=1e30, eval_every=2)
    good = one.optimizer.parameters.values.copy()
    with pytest.raises(NonFiniteError, match=r"first in the output of layer 2 LinearModule\(16, 4\).*smaller learning"):
        list(one.run(100))
    assert np.isfinite(one.optimizer.parameters.values).all()
    np.testing.assert_array_equal(one.optimizer.parameters.values, good)


def test_a_nan_that_arises_on_the_way_back_stops_before_the_update() -> None:
    class Spoiled(SoftMaxCrossEntropyModule):
        """A loss whose backward goes wrong while its value looks well."""

        def backward(self, dout: Array | None = None, y: Array | None = None) -> Array:
            dx = super().backward(dout, y)
            dx[0, 0] = np.nan
            return dx

    one = trainer()
    one.loss = Spoiled()
    before = one.optimizer.parameters.values.copy()
    with pytest.raises(NonFiniteError, match=r"gradients .*, first in the gradient that the loss returns at \[0, 0\]"):
        one.advance()
    np.testing.assert_array_equal(one.optimizer.parameters.values, before)


def test_an_infinite_first_loss_stops_before_the_update() -> None:
    one = trainer()
    one.loss = HingeModule(margin=3e38)  # three margins are no float32, their gradients are ±1
    before = one.optimizer.parameters.values.copy()
    with pytest.raises(NonFiniteError, match="the loss must be finite, .* at step 1, first in the loss"):
        one.advance()
    np.testing.assert_array_equal(one.optimizer.parameters.values, before)


def test_a_gradient_that_cannot_be_clipped_leaves_the_model_as_it_was() -> None:
    one = full_trainer()
    last = one.model[len(one.model) - 1]
    before = one.model.state()
    backward = last.backward

    def overflowing(dout: Array) -> Array | None:
        dx = backward(dout)
        last.grads["weight"][0, 0] = np.inf
        return dx

    last.backward, one.update.clip_value = overflowing, None
    with pytest.raises(NonFiniteError, match="clip_norm: the gradient must be finite"):
        one.advance()
    assert {name: array.tobytes() for name, array in one.model.state().items()} == {
        name: array.tobytes() for name, array in before.items()
    }


def test_settings_are_checked() -> None:
    with pytest.raises(OptionError, match="eval_every must be an integer ≥ 1"):
        trainer(eval_every=0)
    with pytest.raises(OptionError, match="eval_chunk must be an integer ≥ 1"):
        trainer(eval_chunk=0)


def test_accuracy_and_confusion() -> None:
    scores = np.array([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5], [0.0, 1.0]])
    labels = np.array([1, 1, 0, 1])
    assert accuracy(scores, labels) == 0.75
    counts = confusion_matrix(labels, scores.argmax(axis=1), 3)
    np.testing.assert_array_equal(counts, [[1, 0, 0], [1, 2, 0], [0, 0, 0]])


def test_records_are_plain_values() -> None:
    assert replace(StepRecord(1, 0.5, 0.25), step=2) == StepRecord(2, 0.5, 0.25)


def test_an_evaluation_that_breaks_off_leaves_the_mode_as_it_was() -> None:
    one = trainer()
    one.loss = SoftMaxCrossEntropyModule(class_weight=[1, 1])
    with pytest.raises(ShapeError, match="one per class weight"):
        one.evaluate()
    assert one.model.training


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_an_evaluation_is_a_mean_whatever_the_reduction(reduction: str) -> None:
    one = trainer()
    preprocessing = one.batches.preprocessing
    expected = evaluate(one.model, SoftMaxCrossEntropyModule(), DATA.test, preprocessing, chunk=1000).loss
    found = evaluate(one.model, SoftMaxCrossEntropyModule(reduction), DATA.test, preprocessing, chunk=7).loss
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_loss_of_many_numbers_cannot_be_trained_on() -> None:
    one = trainer()
    with pytest.raises(OptionError, match="must be one number, but its reduction is 'none'"):
        Trainer(one.model, SoftMaxCrossEntropyModule("none"), one.optimizer, one.batches, DATA.test)


def test_nan_in_the_held_out_data_is_named() -> None:
    one = trainer()
    images = DATA.test.images.astype(np.float32)
    images[3, 4] = np.nan
    one.held_out = _unchecked(images)
    before = one.optimizer.parameters.values.copy()
    with pytest.raises(NonFiniteError, match="first in the data held out"):
        list(one.run(5))
    np.testing.assert_array_equal(one.optimizer.parameters.values, before)


def _unchecked(images: Array) -> Split:
    """A split whose images were spoiled after it was made."""
    split = Split(np.zeros_like(images), DATA.test.labels)
    split.images[:] = images
    return split


def test_a_loss_that_does_not_take_what_the_model_gives_is_refused_at_once() -> None:
    one = trainer()
    model = MLP(48, [16], 4, dtype=np.float32)
    with pytest.raises(OptionError, match=r"must be given scores, but MLP.* gives probabilities"):
        Trainer(model, SoftMaxCrossEntropyModule(), SGD(FlatParameters(model), 0.1), one.batches, DATA.test)
    with pytest.raises(OptionError, match=r"must be given probabilities, but Network.* gives scores"):
        evaluate(model.logits, CrossEntropyModule(), DATA.test, one.batches.preprocessing)


def test_evaluation_is_the_weighted_mean_that_the_loss_gives_for_all_at_once() -> None:
    one = trainer()
    preprocessing, y = one.batches.preprocessing, DATA.test.labels
    loss = SoftMaxCrossEntropyModule(class_weight=[1, 5, 0, 0.5])
    found = evaluate(one.model, loss, DATA.test, preprocessing, chunk=7)
    x = preprocessing.apply(DATA.test.images, np.dtype(np.float32))
    assert found.loss == pytest.approx(float(loss.forward(one.model.forward(x), y)), rel=1e-5)


def full_trainer(lr: float = 0.01, **options: object) -> Trainer:
    """One with everything around it that has a state."""
    preprocessing = Preprocessing.fit("standardize", DATA.train.images, SHAPE)
    model = MLP(48, [16, 8], 4, batch_norm=True, dropout=0.3, init=kaiming(), rng=0, dtype=np.float32)
    parameters = FlatParameters(model)
    update = Update(
        Adam(parameters, lr),
        schedule=parse_schedule("plateau:0.5:1", 60),
        penalty=L2Penalty(parameters, 1e-3),
        clip_norm=1.0,
        clip_value=0.5,
        average=Average(parameters, 0.9),
    )
    batches = Batches(DATA.train, 10, preprocessing)
    return Trainer(model.logits, SoftMaxCrossEntropyModule(), update, batches, DATA.test, accumulate=2, **options)


@pytest.mark.parametrize("broken_off", [1, 10, 11, 29])
@pytest.mark.slow
def test_what_loads_the_state_goes_on_bit_by_bit(broken_off: int) -> None:
    options = {"eval_every": 5, "select": True, "patience": 50, "watch_every": 7}
    whole, first, second = (full_trainer(**options) for _ in range(3))
    records = list(whole.run(30))
    begun = []
    for record in first.run(30):
        begun.append(record)
        if isinstance(record, StepRecord) and record.step == broken_off:
            break
    second.load_state(first.state())
    assert begun + list(second.run(30)) == records
    one, other = whole.state(), second.state()
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in other.items()
    }
    assert any(record.layer_stats for record in records if isinstance(record, StepRecord))


def test_watching_changes_nothing() -> None:
    one, other = full_trainer(watch_every=1), full_trainer()
    watched, plain = list(one.run(6)), list(other.run(6))
    assert [replace(record, layer_stats=None) for record in watched if isinstance(record, StepRecord)] == [
        record for record in plain if isinstance(record, StepRecord)
    ]
    assert {name: array.tobytes() for name, array in one.state().items()} == {
        name: array.tobytes() for name, array in other.state().items()
    }


def test_after_divergence_the_average_is_good_again_too() -> None:
    one = full_trainer(eval_every=5)
    list(one.run(5))
    good = one.update.average.values.copy()
    one.update.schedule, one.optimizer.lr = None, 1e38
    with pytest.raises(NonFiniteError, match="The weights are those after step 5"):
        list(one.run(40))
    np.testing.assert_array_equal(one.update.average.values, good)
    with one.chosen() as step:
        assert step == 5
        np.testing.assert_array_equal(one.parameters.values, good)


def test_a_failure_among_several_batches_leaves_the_model_of_before_the_step() -> None:
    one = full_trainer()
    list(one.run(3))
    before = one.model.state()
    second_batch = one.batches.at
    one.batches.at = lambda number: (second_batch(number)[0] * (np.nan if number == 7 else 1), second_batch(number)[1])
    with pytest.raises(NonFiniteError, match="at step 4, first in the data"):
        one.advance()
    assert {name: array.tobytes() for name, array in one.model.state().items()} == {
        name: array.tobytes() for name, array in before.items()
    }
    one.batches.at = second_batch
    other = full_trainer()
    list(other.run(4))
    list(one.run(4))
    np.testing.assert_array_equal(one.parameters.values, other.parameters.values)


def test_the_best_of_a_diverged_training_is_chosen() -> None:
    one = trainer(lr=0.05, eval_every=5, select=True)
    list(one.run(10))
    best, step = one.best_model.best.state()["values"], one.best_model.best.step
    one.optimizer.lr = 1e30
    with pytest.raises(NonFiniteError):
        list(one.run(40))
    one.choose()
    np.testing.assert_array_equal(one.parameters.values, best)
    assert 0 < step <= 10


def test_patience_needs_select() -> None:
    with pytest.raises(OptionError, match="patience must come with select"):
        trainer(patience=3)


@pytest.mark.parametrize("average", [False, True])
def test_a_run_that_saves_its_best_on_the_way_goes_on_as_one_that_does_not(average: bool) -> None:
    def made() -> Trainer:
        one = trainer(lr=3.0, eval_every=2, select=True)
        if average:
            one.update.average = Average(one.parameters, 0.5)
        return one

    saving, plain = made(), made()
    saved = set()
    for record in saving.run(24):
        if isinstance(record, EvaluationRecord):
            with saving.chosen() as step:
                saved.add(step)
    list(plain.run(24))
    np.testing.assert_array_equal(saving.parameters.values, plain.parameters.values)
    assert max(saved) < 24  # what was saved was not always what went on
    with saving.chosen() as step:
        assert step == saving.best_model.best.step
        np.testing.assert_array_equal(saving.parameters.values, saving.best_model.best.state()["values"])


def test_a_plateau_lowers_the_rate_of_an_update() -> None:
    one = trainer(lr=0.4)
    update = Update(one.optimizer, schedule=Plateau(0.5, 0))
    assert [update.lr_at(9, losses) for losses in ([], [1.0], [1.0, 2], [1.0, 2, 3])] == [0.4, 0.4, 0.2, 0.1]
    update.apply(0, [1.0, 2.0])
    assert one.optimizer.lr == 0.2
    assert [update.lr_at(9, losses) for losses in ([2.0, 1.0], (1.0, 2.0), [1.0])] == [0.4, 0.2, 0.4]
    assert Update(one.optimizer).lr_at(9, [1.0, 2.0]) == 0.2


def test_a_plateau_hears_of_each_evaluation_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    after = Plateau.after

    def counted(schedule: Plateau, losses: list[float]) -> float:
        heard.append(len(losses))
        return after(schedule, losses)

    monkeypatch.setattr(Plateau, "after", counted)
    update = Update(trainer(lr=0.4).optimizer, schedule=Plateau(0.5, 0))
    for step in range(20):
        update.apply(step, [1.0, np.nan, 2.0][: 1 + step // 8])
    assert heard == [1, 2, 3]


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("what", ["weight gradient of layer", "returns"])
def test_a_nan_born_in_the_gradient_of_any_layer_is_named(layer: int, what: str) -> None:
    one = trainer()
    module = one.model[layer]
    backward = module.backward

    def spoiled(dout: Array) -> Array | None:
        dx = backward(dout)
        if what == "returns":
            return np.full((20, 48), np.nan) if dx is None else dx * np.nan
        module.grads["weight"][1, 2] = np.nan
        return dx

    module.backward = spoiled
    x, y = one.batches.at(0)
    place = first_nonfinite(one.model, one.loss, x, y)
    assert place is not None
    assert f"layer {layer} LinearModule" in place
    assert what in place
    assert place.endswith("at [1, 2], nan" if what != "returns" else "at [0, 0], nan")
    module.backward = backward
    assert first_nonfinite(one.model, one.loss, x, y) is None


def test_the_bound_of_a_loss_is_that_of_a_first_loss_of_1_where_it_was_below() -> None:
    for first, bound in ((0.5, 10), (0, 10), (1, 10), (3, 30)):
        guard = trainer(max_growth=10).guard
        guard.before_step(1)
        guard.before_batch(SoftMaxCrossEntropyModule(), *trainer().batches.at(0))
        guard.check_loss(first)
        guard.check_loss(bound)
        assert guard.bound == bound
        with pytest.raises(NonFiniteError, match=rf"must not exceed {bound} \(the first one was {first}\), got"):
            guard.check_loss(bound * 1.01)
        for bad in (np.nan, np.inf):
            with pytest.raises(NonFiniteError):
                guard.check_loss(bad)
    guard = trainer(max_growth=np.inf).guard
    guard.check_loss(1e300)
    guard.before_batch(SoftMaxCrossEntropyModule(), *trainer().batches.at(0))
    with pytest.raises(NonFiniteError):
        guard.check_loss(np.inf)


def test_an_exploded_loss_is_told_from_a_nan() -> None:
    one = trainer(max_growth=1.5)
    list(one.run(3))
    first = one.state()["first_loss"]
    images = np.array(one.batches.at(3)[0]) * 100
    one.batches.at = lambda step: (images, DATA.train.labels[:20])
    bound = f"{1.5 * max(1, first):g}"
    with pytest.raises(NonFiniteError, match=rf"must not exceed {bound} \(the first one was {first:g}\)"):
        one.advance()
    assert one.failure is not None
    assert one.failure.place is None
    assert one.failure.step == 4
    np.testing.assert_array_equal(one.failure.x, images)


def test_accumulation_after_a_failure_starts_anew() -> None:
    one = full_trainer()
    at = one.batches.at
    one.batches.at = lambda number: (at(number)[0] * (np.nan if number == 1 else 1), at(number)[1])
    with pytest.raises(NonFiniteError):
        one.advance()
    one.batches.at = at
    other = full_trainer()
    list(one.run(1)), list(other.run(1))
    np.testing.assert_array_equal(one.parameters.values, other.parameters.values)
