"""The whitened convolutional network: its layers, what stays as it is, and its training step for step in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy import SGD, FlatParameters, Lookahead, WhitenedConvNet
from mlp_numpy.config import Config
from mlp_numpy.errors import OptionError
from mlp_numpy.experiment.build import parameter_groups
from mlp_numpy.modules import build_loss
from mlp_numpy.optim import parse_schedule
from mlp_numpy.training import Update


def test_its_layers() -> None:
    net = WhitenedConvNet(rng=0)
    rows = [row for row in net.summary().rows if row.layer.startswith("Conv")]
    assert [row.out_shape for row in rows] == [
        (24, 31, 31), (64, 31, 31), (64, 15, 15), (256, 15, 15), (256, 7, 7), (256, 7, 7), (256, 3, 3),
    ]  # fmt: skip
    trained = sum(array.value.size for name, array in net.named_parameters() if name not in net.frozen)
    assert trained == 1_972_792 - 24 * 12 - 2 * (64 + 256 + 256)
    assert repr(WhitenedConvNet((1, 9, 9), 2, n_first=3)) == "WhitenedConvNet((1, 9, 9), 2, n_first=3)"
    with pytest.raises(OptionError, match="at least 9 × 9"):
        WhitenedConvNet((3, 8, 32))


def test_a_convolution_of_as_many_channels_is_the_identity_at_first() -> None:
    weight = WhitenedConvNet(rng=0)[14].params["weight"]
    expected = np.zeros((256, 256, 3, 3))
    expected[np.arange(256), np.arange(256), 1, 1] = 1
    np.testing.assert_array_equal(weight, expected)


def config(steps: int) -> Config:
    rates: dict[str, Any] = {"lr": 1.5, "momentum": 0.85, "nesterov": True, "weight_decay": 0.00133}
    factors = {"norm_lr_factor": 64.0, "head_lr_factor": 1 / 81}
    return Config(model="whitened-conv-net", optimizer="sgd", steps=steps, **rates, **factors)


def test_ten_steps_are_those_of_the_published_recipe_in_pytorch() -> None:
    """There the scores are divided by 9, γ and the whitening are no parameters, and the groups are PyTorch's."""
    torch = pytest.importorskip("torch")
    nn, steps, settings = torch.nn, 10, config(10)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(steps, 12, 3 * 17 * 17)), rng.integers(0, 10, (steps, 12))
    ours = WhitenedConvNet((3, 17, 17), rng=0, n_first=4, input_layer=True)
    ours.fit_inputs(x[0])
    theirs = _in_pytorch(nn, ours)
    flat = FlatParameters(ours, parameter_groups(settings, ours))
    update = Update(
        SGD(flat, 1.5, momentum=0.85, nesterov=True, weight_decay=0.00133),
        schedule=parse_schedule("warmup:2:0.2+polynomial:1:0.07", steps),
        lookahead=Lookahead(flat, 0.95**5, 5, power=3, steps=steps, model=ours),
    )
    norms = [layer.bias for layer in theirs if isinstance(layer, nn.BatchNorm2d)]
    others = [p for layer in theirs if not isinstance(layer, nn.BatchNorm2d) for p in layer.parameters()]
    groups = [
        {"params": norms, "lr": 96.0, "weight_decay": 0.00133 / 64},
        {"params": others[1:], "lr": 1.5, "weight_decay": 0.00133},
    ]
    optimizer = torch.optim.SGD(groups, lr=1.5, momentum=0.85, nesterov=True)
    base = [group["lr"] for group in optimizer.param_groups]
    slow = {name: array.clone() for name, array in theirs.state_dict().items()}
    loss, scores = build_loss("auto", "classification", {"label_smoothing": 0.2}), ours.scores
    for step in range(steps):
        found = float(loss.forward(scores.forward(x[step]), y[step]))
        scores.backward(loss.backward())
        update.apply(step, [])
        out = theirs(torch.tensor(x[step]).reshape(-1, 3, 17, 17)) / 9
        expected = nn.functional.cross_entropy(out, torch.tensor(y[step]), label_smoothing=0.2)
        factor = 0.2 + 0.8 * step / 2 if step < 2 else 1 - 0.93 * (step - 2) / (steps - 2)
        for group, lr in zip(optimizer.param_groups, base, strict=True):
            group["lr"] = lr * factor
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
        if (step + 1) % 5 == 0:
            for name, array in theirs.state_dict().items():
                if array.dtype == torch.float64:
                    slow[name].lerp_(array, 1 - 0.95**5 * ((step + 1) / steps) ** 3)
                    array.copy_(slow[name])
        assert found == pytest.approx(expected.item(), rel=1e-12)
    for own, other in zip(_learned(ours), [layer for layer in theirs if list(layer.parameters())], strict=True):
        scale = 9 if isinstance(other, nn.Linear) else 1
        for name, array in own.params.items():
            tensor = other.weight if name in ("weight", "gamma") else other.bias
            np.testing.assert_allclose(scale * array, tensor.detach().numpy(), rtol=1e-9, atol=1e-11)
        for name, buffer in own.buffers.items():
            tensor = other.running_mean if name == "running_mean" else other.running_var
            np.testing.assert_allclose(buffer, tensor.numpy(), rtol=1e-9, atol=1e-11)


def _learned(net: WhitenedConvNet) -> list[Any]:
    return [layer for _, layer in net.leaves() if layer.params]


def _in_pytorch(nn: Any, ours: WhitenedConvNet) -> Any:
    """The network in PyTorch, with the weights of ``ours``, but for a Linear nine times as large."""
    torch = pytest.importorskip("torch")
    modules, channels = [nn.Conv2d(3, 24, 2), nn.GELU()], 24
    for n in (4, 16, 16):
        first = [nn.Conv2d(channels, n, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(n, momentum=0.4)]
        second = [nn.Conv2d(n, n, 3, padding=1, bias=False), nn.BatchNorm2d(n, momentum=0.4)]
        modules += [*first, nn.GELU(), *second, nn.GELU()]
        channels = n
    net = nn.Sequential(*modules, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(channels, 10, bias=False)).double()
    for own, other in zip(_learned(ours), [layer for layer in net if list(layer.parameters())], strict=True):
        scale = 9 if isinstance(other, nn.Linear) else 1
        for name, array in own.params.items():
            tensor = other.weight if name in ("weight", "gamma") else other.bias
            tensor.data.copy_(torch.tensor(scale * np.array(array)))
    return net
