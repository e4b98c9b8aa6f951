"""Data sets by name: where each comes from, and that the stand-in never hides a damaged file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_helpers import Mirrors, TinyCifar, archive_bytes, sha256, write_folder

from mlp_numpy.data import cifar10, download, torchvision_source
from mlp_numpy.data.sources import Loaded, load_dataset
from mlp_numpy.data.synthetic import shapes
from mlp_numpy.errors import DataError, DataNotFoundError, DownloadError, OptionError

PY, ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar.gz"
Serve = Callable[[bytes], Mirrors]


@pytest.fixture(autouse=True)
def no_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mirrors are a port of this machine where nobody listens; shapes are few."""
    monkeypatch.setattr(download, "CIFAR10_MIRRORS", ("http://127.0.0.1:9/a", "http://127.0.0.1:9/b"))
    monkeypatch.setattr(shapes, "N_TRAIN", 6)
    monkeypatch.setattr(shapes, "N_TEST", 4)


@pytest.fixture
def online(serve: Serve, tiny: TinyCifar, monkeypatch: pytest.MonkeyPatch) -> Mirrors:
    """A mirror that has a tiny official archive."""
    mirrors = serve(archive_bytes(PY, tiny.python_files()))
    monkeypatch.setitem(cifar10.SHA256, ARCHIVE, sha256(mirrors.content))
    monkeypatch.setattr(download, "CIFAR10_MIRRORS", (mirrors.url("missing"), mirrors.url("good")))
    return mirrors


@pytest.mark.parametrize("name", ["cifar10", "auto"])
def test_cifar10_from_disk(tmp_path: Path, tiny: TinyCifar, online: Mirrors, name: str) -> None:
    write_folder(tmp_path / PY, tiny.python_files())
    loaded = load_dataset(name, str(tmp_path))
    assert loaded.warning is None
    assert loaded.dataset.source == str(tmp_path / PY)
    assert online.requests == []


@pytest.mark.parametrize("name", ["cifar10", "auto"])
def test_cifar10_downloaded_once(
    tmp_path: Path, tiny: TinyCifar, online: Mirrors, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data_dir = tmp_path / "new"
    for _ in range(2):
        loaded = load_dataset(name, data_dir)
        assert loaded.warning is None
        assert loaded.dataset.source == str(data_dir / ARCHIVE)
        np.testing.assert_array_equal(loaded.dataset.train.images, tiny.images[: tiny.n_train])
    assert [how for how, _ in online.requests] == ["missing", "good"]
    assert [path.name for path in data_dir.iterdir()] == [ARCHIVE]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("online")
def test_the_bar_is_passed_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_dataset("cifar10", tmp_path, progress=True)
    assert f"{ARCHIVE} from 127.0.0.1" in capfd.readouterr().err


def test_cifar10_is_strict(tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        load_dataset("cifar10", tmp_path)
    message = str(caught.value)
    for part in ("http://127.0.0.1:9/a: ", "http://127.0.0.1:9/b: ", str(tmp_path / ARCHIVE), "--dataset shapes"):
        assert part in message
    assert isinstance(caught.value, DataNotFoundError)


def test_cifar10_without_a_download(tmp_path: Path, online: Mirrors) -> None:
    with pytest.raises(DataNotFoundError, match=r"switched off, found none\. Hint: put https://.*--dataset shapes"):
        load_dataset("cifar10", tmp_path, download=False)
    assert online.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("may_download", [True, False])
def test_auto_falls_back_loudly(tmp_path: Path, may_download: bool, capfd: pytest.CaptureFixture[str]) -> None:
    loaded = load_dataset("auto", tmp_path, download=may_download, seed=2)
    assert loaded.dataset.name == "shapes"
    assert loaded.dataset.source.startswith("generated, seed 2")
    assert loaded.warning is not None
    lines = loaded.warning.splitlines()
    assert lines[0] == "THIS IS NOT CIFAR-10."
    assert len(lines) > 4
    assert ("127.0.0.1:9/a" in loaded.warning) == may_download
    assert ("switched off" in loaded.warning) != may_download
    for part in ("cannot be compared", cifar10.HOME + ARCHIVE, str(tmp_path), "--dataset cifar10", "--dataset shapes"):
        assert part in loaded.warning
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["cifar10", "auto"])
def test_a_damaged_cifar10_is_an_error_and_never_replaced(
    tmp_path: Path, tiny: TinyCifar, online: Mirrors, name: str
) -> None:
    folder = write_folder(tmp_path / "a" / PY, tiny.python_files())
    (folder / "data_batch_3").write_bytes(b"\x80\x02}.")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ARCHIVE).write_bytes(online.content[:-100])
    (tmp_path / "c" / PY).mkdir(parents=True)
    for data_dir in (tmp_path / "a", tmp_path / "b", tmp_path / "c"):
        with pytest.raises(DataError):
            load_dataset(name, data_dir)
    assert online.requests == []


def test_auto_with_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file")
    loaded = load_dataset("auto", tmp_path / "data")
    assert loaded.warning is not None
    assert "must be a folder that can be written" in loaded.warning
    assert "not kept" in loaded.dataset.source


def test_shapes_need_no_network_and_give_no_warning(tmp_path: Path, online: Mirrors) -> None:
    loaded = load_dataset("shapes", tmp_path, seed=1)
    assert loaded == Loaded(loaded.dataset, None)
    assert loaded.dataset.source == f"generated, seed 1, kept in {tmp_path / 'shapes-v1-seed1.npy'}"
    assert online.requests == []


def test_torchvision_by_its_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    dataset = shapes.generate(2, 2)

    def load(*arguments: object, **options: object) -> object:
        asked.append((arguments, options))
        return dataset

    monkeypatch.setattr(torchvision_source, "load", load)
    assert load_dataset("torchvision:SVHN", tmp_path, download=False) == Loaded(dataset, None)
    assert asked == [(("SVHN", tmp_path), {"download": False})]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("cifar", "cifar10"), ("CIFAR10", "cifar10"), ("shape", "shapes"), ("torchvision", "torchvision:<Class>")],
)
def test_an_unknown_name(tmp_path: Path, name: str, nearest: str) -> None:
    with pytest.raises(OptionError) as caught:
        load_dataset(name, tmp_path)
    assert str(caught.value) == (
        f"unknown data set {name!r}. Did you mean {nearest!r}? "
        "Known: auto, cifar10, cifar100, cifar100-coarse, ellipse, few-shapes, folder:<path>, mnist, "
        "npy:<folder>, shapes, table:<file>, torchvision:<Class>."
    )


def test_reading_from_disk_imports_nothing_that_downloads() -> None:
    program = (
        "import sys, mlp_numpy.data.cifar10, mlp_numpy.data.synthetic.shapes, mlp_numpy.data.torchvision_source\n"
        "print(sorted({'pooch', 'requests', 'torchvision', 'torch'} & set(sys.modules)))"
    )
    here = str(Path(cifar10.__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": here},
    )
    assert run.stdout.strip() == "[]"
