"""Options: the list of them, old names, and mistyped ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlp_numpy.cli import main
from mlp_numpy.config import read_config

FAST = ["--steps", "25", "--batch", "20", "--eval-every", "10", "--hidden", "8", "--no-download"]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["train", "--batchs", "20"], "--batch INT"),
        (["train", "--learning-rate", "1"], "Unrecognized options: --learning-rate"),
        (["train", "--lr", "fast"], "lr must be a number, got 'fast'"),
        (["train", "--batch", "2.5"], "batch must be an integer, got '2.5'"),
        (["train", "--lr", "-1"], "lr must be a number > 0, got -1.0"),
        (["train", "--preprocessing", "mean"], "Did you mean 'mean-image'?"),
        (["train", "stray"], "Unrecognized options: stray"),
        (["gradcheck", "--method", "complx"], "complex"),
        (["evaluate"], "Missing"),
        (["train", "--config"], "--config"),
    ],
)
def test_mistyped_options_are_met_with_what_was_meant(
    here: Path, words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert meant in " ".join((shown.out + shown.err).replace("│", " ").split())


def test_options_of_version_0_1_still_work(here: Path, cifar_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", *FAST, "--data-dir", str(cifar_dir), "--name", "a", "--average", "0.5", "--max-growth=1e9"]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert "note: --average is now called --ema" in shown.err
    assert "note: --max-growth is now called --divergence-factor" in shown.err
    assert read_config("runs/a/config.yaml").ema == 0.5


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for option in (
        "--lr",
        "--batch",
        "--data-dir",
        "--preprocessing",
        "--eval-every",
        "--config",
        "--resume",
        "--seeds",
    ):
        assert option in out
    assert main(["--help"]) == 0
    assert "predict    Predict image files" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lr", "fast"),
        ("lr", "0"),
        ("batch", "2.5"),
        ("batch", "0"),
        ("hidden", "0"),
        ("init", "normale"),
        ("model", "x"),
    ],
)
def test_the_command_line_and_a_file_refuse_a_value_in_the_same_words(
    here: Path, name: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", f"--{name}", text])
    assert ended.value.code == 2
    said = capsys.readouterr().err.removeprefix("error: Config: ")
    Path("s.yaml").write_text(f"{name}: {f'[{text}]' if name == 'hidden' else text}\n")
    assert main(["train", "--config", "s.yaml"]) == 1
    assert capsys.readouterr().err == f"error: --config: s.yaml: {said}"
