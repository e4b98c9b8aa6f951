"""The commands about trained models take a run's folder or a model file, and say the same of both."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from mlp_numpy.cli import main
from mlp_numpy.config import Config
from mlp_numpy.experiment import run


@pytest.fixture
def here(cifar_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a finished run, runs/a, and an image."""
    monkeypatch.chdir(tmp_path)
    run(Config(steps=5, batch=20, hidden=(8,), data_dir=str(cifar_dir), download=False, name="a"))
    Image.new("RGB", (40, 30), (255, 0, 0)).save("red.png")
    return tmp_path


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(words) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.slow
def test_an_exported_model_says_what_its_run_says(
    here: Path, cifar_dir: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    assert "MLP 3072-8-10 after step 5" in said(["export", "runs/a", f"m.{suffix}"], capsys)
    of_run = said(["predict", "runs/a", "red.png", "--top", "10"], capsys)
    assert said(["predict", f"m.{suffix}", "red.png", "--top", "10"], capsys) == of_run
    of_run = said(["evaluate", "runs/a"], capsys)
    shutil.rmtree("runs")
    of_file = said(["evaluate", f"m.{suffix}", "--data-dir", str(cifar_dir), "--no-download"], capsys)
    assert of_file.splitlines()[:2] == of_run.splitlines()[:2]
    assert "a model file does not record test-set openings" in of_file
    assert Path("m.confusion.png").exists()


def test_what_cannot_be_exported_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("there.npz").touch()
    for file, meant in (
        ("m.pt", "the file's name must end in .onnx or .safetensors or .npz, got 'm.pt'"),
        ("there.npz", "there.npz already exists. Hint: --overwrite"),
        ("none/m.npz", "none/m.npz must be written, got: No such file or directory"),
    ):
        assert main(["export", "runs/a", file]) == 1
        assert meant in capsys.readouterr().err
    assert main(["export", "runs/a", "there.npz", "--overwrite"]) == 0
    assert main(["predict", "there.npz", "red.png"]) == 0
