"""The loaders that programs written for vugrad call."""

from __future__ import annotations

import numpy as np
import pytest

import mlp_numpy.autodiff as vg
from mlp_numpy.data import vugrad_api
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.sources import Loaded
from mlp_numpy.data.synthetic import ellipse
from mlp_numpy.errors import OptionError


def test_load_synth() -> None:
    (x, y), (x_val, y_val), n_classes = vg.load_synth(num_train=30, num_val=10)
    assert (x.shape, y.shape, x_val.shape, y_val.shape, n_classes) == ((30, 2), (30,), (10, 2), (10,), 2)
    np.testing.assert_array_equal(vg.load_synth(num_train=30, num_val=10)[0][0], x)


def test_load_synth_has_both_editions() -> None:
    (x, y), _, _ = vg.load_synth(2000, 10)
    (x_first, y_first), _, _ = vg.load_synth(2000, 10, edition="hyperbola")
    np.testing.assert_array_equal(x, x_first)
    np.testing.assert_array_equal(y, x[:, 0] ** 2 + 0.95 * x[:, 0] * x[:, 1] + 0.4 * x[:, 1] ** 2 > 0.6)
    np.testing.assert_array_equal(y_first, x[:, 0] ** 2 + 1.5 * x[:, 0] * x[:, 1] + 0.2 * x[:, 1] ** 2 > 0.6)
    symmetric = (ellipse.FORMS["hyperbola"] + ellipse.FORMS["hyperbola"].T) / 2
    low, high = np.linalg.eigvalsh(symmetric)
    assert low < 0 < high
    with pytest.raises(OptionError, match="unknown edition 'parabola'"):
        vg.load_synth(edition="parabola")


def test_load_synth_has_the_sizes_of_its_model() -> None:
    (x, _), (x_val, _), _ = vg.load_synth()
    assert (len(x), len(x_val)) == (60_000, 10_000)


def stand_in(n_train: int) -> Loaded:
    rng = np.random.default_rng(0)
    splits = [Split(rng.integers(0, 256, (n, 784), np.uint8), rng.integers(0, 10, n)) for n in (n_train, 7)]
    return Loaded(Dataset("MNIST", *splits, (1, 28, 28), tuple("0123456789")))


def test_load_mnist_holds_out_the_last_5000_or_the_test_set(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = stand_in(5010)
    monkeypatch.setattr(vugrad_api, "load_dataset", lambda name, data_dir: loaded)
    train, test = loaded.dataset.train, loaded.dataset.test
    (x, y), (x_val, y_val), n_classes = vg.load_mnist()
    assert n_classes == 10
    np.testing.assert_array_equal(np.concatenate([x, x_val]), train.images)
    np.testing.assert_array_equal(np.concatenate([y, y_val]), train.labels)
    assert len(x_val) == 5000
    assert x.dtype == np.uint8
    (x, y), (x_test, y_test), _ = vg.load_mnist(final=True, flatten=False)
    assert (x.shape, x_test.shape) == ((5010, 28, 28), (7, 28, 28))
    np.testing.assert_array_equal(x_test.reshape(7, -1), test.images)
    np.testing.assert_array_equal(y_test, test.labels)


def test_load_mnist_with_too_few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vugrad_api, "load_dataset", lambda name, data_dir: stand_in(40))
    with pytest.raises(OptionError, match="more than 5,000 training examples must be there, got 40"):
        vg.load_mnist()


def test_what_is_not_there_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'load_cifar'"):
        _ = vg.load_cifar
