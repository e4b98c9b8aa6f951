"""Parity: nets trained here and in PyTorch stay together, and what is not PyTorch's formula is seen."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from PIL import Image

from mlp_numpy.checking.parity import PARITY_NETS, Parity, ParityNet, parity_table, train_side_by_side
from mlp_numpy.cli import main
from mlp_numpy.errors import ExtraMissingError, NonFiniteError, OptionError

without_torch = importlib.util.find_spec("torch") is None
needs_torch = pytest.mark.skipif(without_torch, reason="PyTorch is not installed: pip install -e '.[parity]'")


def trained(net: ParityNet, steps: int = 30) -> Parity:
    torch = pytest.importorskip("torch")
    return [latest for _, latest in train_side_by_side(torch, net, steps, batch=8)][-1]


@needs_torch
@pytest.mark.parametrize("net", PARITY_NETS, ids=lambda net: net.name)
def test_both_sides_stay_together(net: ParityNet) -> None:
    parity = trained(net)
    assert parity.holds
    assert len(parity.loss_differences) == len(parity.weight_differences) == 30
    assert max(parity.weight_differences) > 0, "weights that are equal to the last bit are one and the same array"


@needs_torch
def test_a_wrong_formula_is_seen_at_the_first_step() -> None:
    def spoiled(rng):
        net = PARITY_NETS[0].make(rng)
        right = net[0].op
        wrong = staticmethod(lambda context, dout: tuple(1.001 * g for g in right.backward(context, dout)))
        net[0].op = type("Wrong", (right,), {"backward": wrong})
        return net

    parity = trained(ParityNet("spoiled", spoiled, (192,)), steps=2)
    assert not parity.holds
    assert parity.weight_differences[0] > 1e-9
    assert "EXCEEDED" in parity_table([parity])


@needs_torch
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["parity", "--steps", "5", "--batch", "4"]
    assert main([*words, "--json", str(tmp_path / "p.json"), "--picture", str(tmp_path / "p.png")]) == 0
    out = capsys.readouterr().out
    assert all(net.name in out for net in PARITY_NETS)
    found = json.loads((tmp_path / "p.json").read_text())
    assert [len(net["weight differences"]) for net in found["nets"]] == [5] * len(PARITY_NETS)
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.format == "PNG"


@needs_torch
def test_a_loss_that_runs_away_is_an_error() -> None:
    net = ParityNet("too fast", PARITY_NETS[0].make, (192,), lr=1e308)
    with pytest.raises(NonFiniteError, match="the loss of too fast must stay finite"), pytest.warns(RuntimeWarning):
        trained(net)


@pytest.mark.usefixtures("without_torch")
def test_without_pytorch_the_error_names_the_extra(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parity"]) == 1
    err = capsys.readouterr().err
    assert "PyTorch must be installed" in err
    assert "pip install -e '.[parity]'" in err
    assert issubclass(ExtraMissingError, ImportError)


def test_nan_does_not_hold() -> None:
    assert Parity("net", 1e-12, [0.0, 0.0], [0.0, 1e-13]).holds
    assert not Parity("net", 1e-12, [0.0, 0.0], [0.0, float("nan")]).holds


def test_wrong_uses_are_refused() -> None:
    with pytest.raises(OptionError, match="steps and batch must be ≥ 1"):
        next(train_side_by_side(None, PARITY_NETS[0], steps=0))
