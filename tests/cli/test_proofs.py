"""The gradient check as a command."""

from __future__ import annotations

import pytest

from mlp_numpy.cli import main


def test_gradcheck_prints_its_report(capsys: pytest.CaptureFixture[str]) -> None:
    for method in ("complex", "central"):
        assert main(["gradcheck", "--method", method, "--hidden", "4", "--inputs", "5", "--classes", "3"]) == 0
        out = capsys.readouterr().out
        assert f"by the {method} step" in out
        assert "Verdict: fine." in out
