"""The command ``pack``, and runs on what it makes: broken off and resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_helpers import numbers

from mlp_numpy.cli import main
from mlp_numpy.config import Config
from mlp_numpy.errors import DataError
from mlp_numpy.experiment import Run, run

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of two classes of 40 pictures each."""
    rng = np.random.default_rng(0)
    for shade, name in ((60, "dark"), (180, "light")):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(40):
            pixels = rng.integers(shade - 50, shade + 50, (9, 7, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path / "pictures"


@pytest.fixture
def config(pictures: Path, tmp_path: Path) -> Config:
    packed = tmp_path / "packed"
    assert main(["pack", str(pictures), str(packed), "--image-size", "8"]) == 0
    return Config(
        dataset=f"npy:{packed}",
        shuffle="blocks:8:2",
        held_out="validation",
        validation=16,
        preprocessing="standardize",
        flip=True,
        hidden=(6,),
        dropout=0.2,
        batch=10,
        steps=24,
        eval_every=6,
        name="a",
        runs_dir=str(tmp_path / "runs"),
        plots_dir=str(tmp_path / "plots"),
    )


def test_the_command_says_what_it_made(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "packed"
    assert main(["pack", str(pictures), str(packed), "--image-size", "8"]) == 0
    said = capsys.readouterr().out
    assert f"packed  64 + 16 images of 3×8×8 numbers, 0.0 MB, in {packed}" in said
    assert f"train --dataset npy:{packed} --shuffle blocks:1000" in said
    assert np.load(packed / "x_train.npy").shape == (64, 3, 8, 8)
    assert main(["pack", str(pictures), str(tmp_path / "two words"), "--image-size", "8"]) == 0
    assert f"train --dataset 'npy:{tmp_path / 'two words'}' --shuffle" in capsys.readouterr().out
    assert main(["pack", str(pictures), str(packed)]) == 1
    assert str(packed) in capsys.readouterr().err
    assert main(["pack", str(tmp_path / "none"), str(tmp_path / "new")]) == 1
    assert "there must be a folder or a table" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_run_that_was_broken_off_goes_on_as_an_undisturbed_one(config: Config) -> None:
    undisturbed = run(replace(config, name="undisturbed")).folder
    with Run(config) as under_way:
        for record in under_way.records():
            if record.step == 11:
                break
    with Run.resumed(under_way.folder) as resumed:
        for _ in resumed.records():
            pass
    assert numbers(under_way.folder) == numbers(undisturbed)


def test_other_arrays_under_the_same_name_are_noticed(config: Config) -> None:
    with Run(config) as under_way:
        for record in under_way.records():
            if record.step == 3:
                break
    path = Path(config.dataset.removeprefix("npy:")) / "x_train.npy"
    changed = 255 - np.load(path)
    path.unlink()  # the old one is mapped
    np.save(path, changed)
    with pytest.raises(DataError, match="differs from the one that .* began with. Hint: the files that 'npy:"):
        Run.resumed(under_way.folder)
