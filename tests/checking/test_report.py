"""The audit: it passes the library, sees what is wrong in a false one, and says where."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mlp_numpy.checking import SPECS, audit
from mlp_numpy.checking.checks import BOUNDS, check_sample
from mlp_numpy.cli import main
from mlp_numpy.errors import OptionError


@pytest.mark.slow
def test_the_library_is_within_its_bounds() -> None:
    # other cases than the self-test's
    report = audit(3, seed=1)
    assert report.failures == []
    assert [line.n_cases for line in report.lines] == [3] * len(report.lines)
    for line in report.lines:
        assert set(BOUNDS) - set(line.worst) == {"PyTorch"}, line.title


@pytest.mark.parametrize("row", SPECS, ids=lambda row: row.name)
def test_the_cases_of_a_row_are_what_they_should_be(row) -> None:
    for variant, mode in row.lines():
        samples = [row.sample(0, case, variant, mode) for case in range(12)]
        sizes = [sample.x.size for sample in samples]
        assert sizes[0] == min(sizes), "case 0 has all sizes at their least"
        assert len({sample.x.shape for sample in samples}) > 4
        for case, sample in enumerate(samples):
            again = row.sample(0, case, variant, mode)
            assert str(again) == str(sample)
            np.testing.assert_array_equal(again.x, sample.x)
            np.testing.assert_array_equal(sample.x, sample.x.astype(np.float32))
            assert sample.module.training == (mode == "train")
        assert any(not np.array_equal(row.sample(1, case, variant, mode).x, samples[case].x) for case in range(12))


def test_kinks_and_ties_are_among_the_cases() -> None:
    relu = next(row for row in SPECS if row.name == "relu")
    samples = [relu.sample(0, case, "", "train") for case in range(30)]
    assert any((sample.x == 0).any() for sample in samples)
    assert all(sample.kinked for sample in samples if (sample.x == 0).any())
    assert all(abs(sample.x).min() > 0.01 for sample in samples if not sample.kinked)


@pytest.mark.slow
def test_pytorch_agrees() -> None:
    torch = pytest.importorskip("torch")
    report = audit(10, 3, torch)
    assert report.failures == []
    assert all("PyTorch" in line.worst for line in report.lines)


@pytest.mark.parametrize(("name", "layer"), [("conv net", -2), ("small conv net", 1)])
def test_a_fault_in_one_number_of_a_large_net_is_seen_along_random_directions(name: str, layer: int) -> None:
    row = next(row for row in SPECS if row.name == name)
    net = row.sample(0, 5, "", "train")
    assert net.directions
    right = net.module[layer]

    def one_wrong_number(context, dout):
        dx, dweight, *others = type(right).op.backward(context, dout)
        dweight = dweight.copy()
        dweight.flat[-1] += 1e-3
        return dx, dweight, *others

    right.op = type("Wrong", (type(right).op,), {"backward": staticmethod(one_wrong_number)})
    result = check_sample(net, np.random.default_rng(0))
    assert {"complex", "central", "composed"} <= set(result.failures)
    for check in ("complex", "central", "composed"):
        assert result.errors[check].name == f"d{layer % len(net.module)}.weight"


def test_what_a_module_raises_is_a_finding() -> None:
    linear = SPECS[0].sample(0, 5, "", "train")
    linear.module.op = type("Broken", (linear.module.op,), {"backward": staticmethod(lambda context, dout: 1 / 0)})
    result = check_sample(linear, np.random.default_rng(0))
    assert result.failures == ["laws"]
    assert "must not fail, got ZeroDivisionError: division by zero" in result.broken[0]


@pytest.mark.slow
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--cases", "2", "--seed", "4", "--json", str(tmp_path / "a.json")]) == 0
    captured = capsys.readouterr()
    assert "all within their bounds" in captured.out
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["seed"] == 4
    assert found["failures"] == []
    assert [line["cases"] for line in found["lines"]] == [2] * len(found["lines"])
    assert found["lines"][0]["worst"]["complex"]["error"] < found["bounds"]["complex"]
    assert main(["audit", "--cases", "0"]) == 1
    assert "cases must be ≥ 1" in capsys.readouterr().err


def test_wrong_uses_are_refused() -> None:
    with pytest.raises(OptionError, match="seed ≥ 0, got 1 and -1"):
        audit(1, -1)
