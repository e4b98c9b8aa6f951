"""The public contract of the layers: a program written against the course's names must run unchanged."""

from __future__ import annotations

import numpy as np
import pytest

import mlp_numpy
from mlp_numpy import MLP, CrossEntropyModule, LeakyReLUModule, LinearModule, SoftMaxModule, kaiming
from mlp_numpy.arrays import one_hot
from mlp_numpy.errors import DTypeError, LabelError, OptionError, ShapeError


def test_linear_as_the_course_uses_it() -> None:
    layer = LinearModule(4, 3)
    assert set(layer.params) == set(layer.grads) == {"weight", "bias"}
    assert layer.params["weight"].shape == (3, 4)
    assert layer.params["bias"].shape == (3,)
    assert not layer.grads["weight"].any()
    assert not layer.params["bias"].any()
    x, dout = np.ones((2, 4)), np.ones((2, 3))
    layer.forward(x)
    layer.backward(dout)
    # the course's own update, straight on the arrays
    layer.params["weight"] -= 0.1 * layer.grads["weight"]
    layer.params["bias"] = layer.params["bias"] - 0.1 * layer.grads["bias"]
    np.testing.assert_allclose(layer.params["bias"], -0.2)
    np.testing.assert_allclose(layer.forward(x), x @ layer.params["weight"].T + layer.params["bias"])


def test_linear_without_bias_and_over_several_axes() -> None:
    layer = LinearModule(4, 3, rng=0, bias=False, init=kaiming())
    assert list(layer.params) == list(layer.grads) == ["weight"]
    assert repr(layer) == "LinearModule(4, 3, bias=False)"
    x, dout = np.random.default_rng(1).normal(size=(2, 5, 4)), np.random.default_rng(2).normal(size=(2, 5, 3))
    out = layer.forward(x)
    assert out.shape == (2, 5, 3)
    np.testing.assert_allclose(out, x @ layer.params["weight"].T, rtol=1e-12)
    dx, dweight = layer.backward(dout), layer.grads["weight"].copy()
    np.testing.assert_allclose(layer.forward(x.reshape(10, 4)), out.reshape(10, 3), rtol=1e-12)
    np.testing.assert_allclose(layer.backward(dout.reshape(10, 3)), dx.reshape(10, 4), rtol=1e-12)
    np.testing.assert_allclose(layer.grads["weight"], dweight, rtol=1e-12)
    for shape in ((4,), (2, 0, 4), (2, 5, 3)):
        with pytest.raises(ShapeError, match=r"x must be \(N, …, 4\), got"):
            layer.forward(np.ones(shape))


def test_a_network_takes_rows_and_images_alone() -> None:
    net = MLP(4, [3], 2, rng=0)
    for each, name in ((net, "MLP"), (net.logits, "Network")):
        with pytest.raises(ShapeError, match=rf"{name}.forward: x must be \(N, 4\), got \(2, 5, 4\)"):
            each.forward(np.ones((2, 5, 4)))


def test_parameters_are_read_live_and_may_be_assigned_as_a_whole() -> None:
    layer = LinearModule(2, 1)
    layer.params = {"weight": np.array([[1.0, 2.0]]), "bias": np.array([3.0])}
    assert layer.forward(np.array([[1.0, 1.0]])) == 6.0
    layer.params["weight"][0, 1] = 5.0
    assert layer.forward(np.array([[1.0, 1.0]])) == 9.0


def test_weights_start_as_the_assignment_says() -> None:
    weight = LinearModule(1000, 100, rng=0).params["weight"]
    assert weight.mean() == pytest.approx(0, abs=2e-6)
    assert weight.std() == pytest.approx(1e-4, rel=0.02)


@pytest.mark.parametrize("slope", [0, 0.02, 1, -0.5, 2.5])
def test_leaky_relu_takes_any_slope_and_has_it_at_zero(slope: float) -> None:
    module = LeakyReLUModule(slope)
    x = np.array([[-2.0, -1.0, 0.0, 1.0, 2.0]])
    np.testing.assert_allclose(module.forward(x), np.maximum(0, x) + slope * np.minimum(0, x))
    np.testing.assert_allclose(module.backward(np.ones_like(x)), [[slope, slope, slope, 1, 1]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_slope_is_exact(dtype: type) -> None:
    for slope in np.linspace(0, 1, 101):
        module = LeakyReLUModule(slope)
        module.forward(np.array([[-1.0, 1.0]], dtype))
        np.testing.assert_array_equal(module.backward(np.ones((1, 2), dtype)), np.array([[slope, 1]], dtype))


def test_softmax_survives_large_scores_and_leaves_them_alone() -> None:
    x = np.array([[1e4, 0.0, -1e4], [1e300, 1e300, -1e300]])
    before = x.copy()
    p = SoftMaxModule().forward(x)
    np.testing.assert_allclose(p, [[1, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_array_equal(x, before)


def test_cross_entropy_as_the_course_uses_it() -> None:
    p, y = np.array([[0.2, 0.8], [0.5, 0.5]]), np.array([[0, 1], [1, 0]])
    loss = CrossEntropyModule().forward(p, y)
    assert np.ndim(loss) == 0
    assert loss == pytest.approx(-(np.log(0.8) + np.log(0.5)) / 2)
    # a fresh instance knows nothing of that forward
    np.testing.assert_allclose(CrossEntropyModule().backward(p, y), [[0, -1 / 0.8 / 2], [-1 / 0.5 / 2, 0]])
    np.testing.assert_allclose(CrossEntropyModule().backward(p, y.argmax(axis=1)), [[0, -0.625], [-1, 0]])


def test_cross_entropy_is_not_cut_off_above_one() -> None:
    loss = CrossEntropyModule()
    assert loss.forward(np.array([[1 + 1e-6, 0.0]]), np.array([0])) == pytest.approx(-1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_probability_of_zero_gives_finite_numbers(dtype: type) -> None:
    loss = CrossEntropyModule()
    assert np.isfinite(loss.forward(np.array([[0, 1]], dtype), np.array([0])))
    assert np.isfinite(loss.backward()).all()


def test_fused_loss_is_finite_for_scores_far_apart() -> None:
    loss = mlp_numpy.SoftMaxCrossEntropyModule()
    assert loss.forward(np.array([[0.0, 1e300]]), np.array([0])) == 1e300
    np.testing.assert_array_equal(loss.backward(), [[-1, 1]])


def test_input_layer_skips_the_gradient_to_the_data_only() -> None:
    rng = np.random.default_rng(0)
    x, dout = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    plain, reader = LinearModule(4, 3, rng=1), LinearModule(4, 3, rng=1, input_layer=True)
    np.testing.assert_array_equal(plain.forward(x), reader.forward(x))
    assert plain.backward(dout) is not None
    assert reader.backward(dout) is None
    np.testing.assert_array_equal(plain.grads["weight"], reader.grads["weight"])


def test_clear_cache_releases_the_batch() -> None:
    layer = LinearModule(2, 2)
    layer.forward(np.ones((1, 2)))
    layer.clear_cache()
    with pytest.raises(mlp_numpy.MlpNumpyError, match="a forward must come first"):
        layer.backward(np.ones((1, 2)))


P = np.full((3, 4), 0.25)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.array([0, -1, 2]), r"must lie in \[0, 4\), got -1 at row 1"),
        (np.array([0, 1, 4]), r"must lie in \[0, 4\), got 4 at row 2"),
        (np.array([0.0, 1.0, 2.0]), "must be integers in .*, got float64"),
        (np.array([0, 1]), r"must be \(3,\) or \(3, 4\), one per example of x, got \(2,\)"),
        (np.zeros((3, 1), int), r"must be \(3, 4\), as the predictions are, got \(3, 1\)"),
        (one_hot(np.array([0, 1]), 4), r"must be \(3, 4\), as the predictions are, got \(2, 4\)"),
        (np.array(["a", "b", "c"]), "must be integers"),
        (np.array(1), r"got \(\)"),
        (None, "must be given, got none"),
    ],
)
@pytest.mark.parametrize("loss", [CrossEntropyModule(), mlp_numpy.SoftMaxCrossEntropyModule()], ids=repr)
def test_labels_that_do_not_fit_are_refused(loss: mlp_numpy.LossModule, labels: object, words: str) -> None:
    with pytest.raises(LabelError, match=words):
        loss.forward(P, labels)


def test_other_wrong_uses_are_refused() -> None:
    with pytest.raises(OptionError, match="unknown reduction 'men'. Did you mean 'mean'"):
        CrossEntropyModule("men")
    with pytest.raises(ShapeError, match="predictions need their labels"):
        loss = CrossEntropyModule()
        loss.forward(P, np.array([0, 1, 2]))
        loss.backward(P)
    with pytest.raises(ShapeError, match=r"\(3072 → 100\).forward: x must be \(N, …, 3072\), got \(200, 784\)"):
        LinearModule(3072, 100).forward(np.zeros((200, 784)))
    with pytest.raises(DTypeError, match="must hold numbers"):
        LinearModule(1, 1).forward(np.array([["a"]]))
    with pytest.raises(ShapeError, match=r"weight must be \(1, 1\), got \(2, 1\)"):
        LinearModule(1, 1).params["weight"] = np.ones((2, 1))
    with pytest.raises(DTypeError, match="float64 can hold, got complex128"):
        LinearModule(1, 1).params["weight"] = np.ones((1, 1), complex)
    with pytest.raises(KeyError, match="no array is named 'wieght'"):
        LinearModule(1, 1).params["wieght"] = np.ones((1, 1))
    with pytest.raises(OptionError, match="cannot be deleted"):
        del LinearModule(1, 1).params["weight"]
    with pytest.raises(KeyError, match="must have the names"):
        LinearModule(1, 1).params = {"weight": [[1.0]]}


@pytest.mark.parametrize(("n_in", "n_out"), [(0, 1), (1, 0), (-1, 2), (2.5, 1), (True, 1)])
def test_sizes_must_be_whole_and_positive(n_in: int, n_out: int) -> None:
    with pytest.raises(OptionError, match="must be an integer ≥ 1"):
        LinearModule(n_in, n_out)


@pytest.mark.parametrize("slope", [np.nan, np.inf, "0.1", None, 1j])
def test_slopes_must_be_finite_numbers(slope: object) -> None:
    with pytest.raises(OptionError, match="neg_slope must be a finite number"):
        LeakyReLUModule(slope)


def test_parameters_cannot_be_cut_loose_from_a_flat_vector() -> None:
    layer = LinearModule(3, 2, rng=0)
    flat = mlp_numpy.FlatParameters(layer)
    layer.params["weight"] = np.ones((2, 3))
    layer.params["bias"] += 2
    np.testing.assert_array_equal(flat.values, [1, 1, 1, 1, 1, 1, 2, 2])


def test_state_of_another_size_writes_nothing() -> None:
    small, large = LinearModule(2, 2, rng=0), LinearModule(2, 3, rng=0)
    before = small.state()
    with pytest.raises(ShapeError, match=r"weight must be \(2, 2\), got \(3, 2\)"):
        small.load_state(large.state())
    with pytest.raises(KeyError, match="must have the names"):
        small.load_state({"weight": before["weight"]})
    np.testing.assert_array_equal(small.params["weight"], before["weight"])


def test_train_and_eval_reach_every_child() -> None:
    model = mlp_numpy.MLP(2, [2], 2)
    assert model.eval() is model
    assert not any(leaf.training for _, leaf in model.leaves())
    model.train()
    assert all(leaf.training for _, leaf in model.leaves())


@pytest.mark.parametrize("loss", [CrossEntropyModule(), mlp_numpy.SoftMaxCrossEntropyModule("sum")], ids=repr)
def test_float32_stays_float32_with_every_kind_of_label(loss: mlp_numpy.LossModule) -> None:
    p = np.full((3, 4), 0.25, np.float32)
    for labels in (np.array([0, 1, 2]), one_hot(np.array([0, 1, 2]), 4), one_hot(np.array([0, 1, 2]), 4, np.float32)):
        assert np.asarray(loss.forward(p, labels)).dtype == np.float32
        assert loss.backward().dtype == np.float32
        assert loss.backward(np.float64(2.0)).dtype == np.float32


@pytest.mark.parametrize("labels", [np.full((3, 4), np.nan), np.array([[2.0, -1, 0, 0]] * 3)])
def test_rows_of_labels_must_be_probabilities(labels: np.ndarray) -> None:
    with pytest.raises(LabelError, match="rows of labels must be probabilities, finite and ≥ 0"):
        CrossEntropyModule().forward(P, labels)


@pytest.mark.parametrize(("slope", "dtype"), [(1e8, np.float32), (1e20, np.float64), (-3e7, np.float32)])
def test_slopes_of_any_size_are_exact(slope: float, dtype: type) -> None:
    module = LeakyReLUModule(slope)
    np.testing.assert_array_equal(module.forward(np.array([[2, -1]], dtype)), np.array([[2, -slope]], dtype))


def test_whole_numbers_are_taken_as_floats() -> None:
    for module in (LeakyReLUModule(0.5), mlp_numpy.ReLUModule(), SoftMaxModule(), LinearModule(2, 2)):
        for x in ([[1, -2]], np.array([[True, False]]), np.array([[1, 200]], np.uint8)):
            whole = module.forward(x)
            np.testing.assert_array_equal(whole, module.forward(np.asarray(x, float)))


def test_what_softmax_returns_may_be_edited() -> None:
    module = SoftMaxModule()
    x = np.array([[1.0, 2.0, 0.5]])
    expected = module.forward(x).copy()
    p = module.forward(x)
    p -= 1
    dout = np.array([[1.0, 0, 0]])
    np.testing.assert_allclose(module.backward(dout), expected * (dout - expected[0, 0]))


def test_a_failed_assignment_of_all_parameters_writes_none() -> None:
    layer = LinearModule(2, 1)
    before = layer.params["weight"].copy()
    with pytest.raises(ShapeError, match="bias must be"):
        layer.params = {"weight": np.ones((1, 2)), "bias": np.ones(2)}
    np.testing.assert_array_equal(layer.params["weight"], before)
    assert type(layer.params.copy()) is dict
    assert layer.params.copy()["weight"] is layer.params["weight"]
