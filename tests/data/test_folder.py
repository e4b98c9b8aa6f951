"""A folder that holds other things than data sets is never written to."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_helpers import TinyCifar, write_folder

from mlp_numpy.data import download
from mlp_numpy.data.folder import foreign_things
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.data.synthetic import shapes
from mlp_numpy.errors import DataError, DownloadError


@pytest.fixture(autouse=True)
def no_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CIFAR10_MIRRORS", "CIFAR100_MIRRORS", "MNIST_MIRRORS"):
        monkeypatch.setattr(download, name, ("http://127.0.0.1:9/",))
    monkeypatch.setattr(shapes, "N_TRAIN", 3)
    monkeypatch.setattr(shapes, "N_TEST", 2)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Images in folders by class, and one beside them."""
    write_folder(tmp_path / "pets" / "cats", {"1.jpg": b"a cat"})
    (tmp_path / "pets" / "dog.jpg").write_bytes(b"a dog")
    return tmp_path / "pets"


def content(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", ["auto", "cifar10", "cifar100", "cifar100-coarse", "mnist", "cifar10:cat,dog"])
def test_nothing_is_put_beside_other_things(pets: Path, name: str) -> None:
    before = content(pets)
    with pytest.raises(DataError, match=r"must be a new or empty folder, .* got a folder with 'cats', 'dog.jpg'"):
        load_dataset(name, pets)
    assert content(pets) == before


@pytest.mark.parametrize("download", [True, False])
def test_auto_does_not_draw_figures_there(pets: Path, download: bool) -> None:
    with pytest.raises(DataError, match="which is not written to"):
        load_dataset("auto", pets, download=download)
    assert content(pets) == ["cats", "cats/1.jpg", "dog.jpg"]


def test_figures_that_were_asked_for_are_drawn_and_not_kept(pets: Path) -> None:
    loaded = load_dataset("shapes", pets)
    assert "not kept in" in loaded.dataset.source
    assert "'cats' and other things are there" in loaded.dataset.source
    assert content(pets) == ["cats", "cats/1.jpg", "dog.jpg"]


@pytest.mark.parametrize("name", ["few-shapes", "ellipse"])
def test_what_is_never_kept_needs_no_folder(pets: Path, name: str) -> None:
    assert len(load_dataset(name, pets).dataset.train) > 0
    assert content(pets) == ["cats", "cats/1.jpg", "dog.jpg"]


@pytest.mark.parametrize(
    "files",
    [
        [],
        [".gitkeep", "README.md"],
        ["cifar-10-python.tar.gz.part"],
        ["MNIST", "notes.txt"],
        ["dog.jpg", "shapes-v1-seed3.npy"],
        ["cifar-100-binary", "a.csv"],
        ["train-labels-idx1-ubyte.gz"],
        ["FashionMNIST"],
        ["tmpab12cd_3"],
    ],
)
def test_a_folder_for_data_sets(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert foreign_things(tmp_path) == []
    loaded = load_dataset("auto", tmp_path, download=False)
    assert (tmp_path / "shapes-v1-seed0.npy").exists()
    assert loaded.dataset.name == "shapes"


def test_a_new_folder_is_made(tmp_path: Path) -> None:
    load_dataset("shapes", tmp_path / "new" / "data")
    assert content(tmp_path / "new") == ["data", "data/shapes-v1-seed0.npy"]
    with pytest.raises(DownloadError):
        load_dataset("cifar10", tmp_path / "other")


def test_a_data_set_is_read_beside_other_things(pets: Path) -> None:
    write_folder(pets / "cifar-10-batches-py", TinyCifar().python_files())
    assert load_dataset("auto", pets).warning is None
