"""torchvision's data sets through a stand-in for torchvision that has their constructors and their kinds of images."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlp_numpy.data import torchvision_source
from mlp_numpy.errors import DataError, DataNotFoundError, ExtraMissingError, LabelError, OptionError

RNG = np.random.default_rng(6)
COLOR = RNG.integers(256, size=(8, 5, 4, 3), dtype=np.uint8)
GRAY = RNG.integers(256, size=(8, 6, 6), dtype=np.uint8)
LABELS = [0, 2, 1, 2, 0, 1, 2, 2]


class Tensor:
    """What NumPy sees of a torch.Tensor."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values


class Examples:
    """A torchvision data set: examples by index."""

    images: Any = [Image.fromarray(image) for image in COLOR]
    labels: Any = LABELS

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[Any, Any]:
        return self.images[row], self.labels[row]


class CIFAR10(Examples):
    classes = ["cat", "dog", "frog"]

    def __init__(self, root: str, train: bool = True, transform: Any = None, download: bool = False) -> None:
        self.asked = (root, train, download)
        opened.append(self.asked)
        self.images = Examples.images if train else Examples.images[:3]


class SVHN(Examples):
    def __init__(self, root: str, split: str = "train", transform: Any = None, download: bool = False) -> None:
        opened.append((root, split, download))
        if split not in ("train", "test", "extra"):
            raise ValueError(f"no split {split}")


class MNIST(CIFAR10):
    classes = ["0 - zero", "1 - one", "2 - two"]

    def __init__(self, root: str, train: bool = True, download: bool = False) -> None:
        super().__init__(root, train, download=download)
        self.images = [Image.fromarray(image) for image in GRAY]
        self.labels = [Tensor(label) for label in LABELS]


class Undownloadable(Examples):
    def __init__(self, root: str, split: str) -> None:
        opened.append((root, split))
        raise RuntimeError("Dataset not found or corrupted.")


class ImageFolder(Examples):
    def __init__(self, root: str, transform: Any = None) -> None:
        pass


opened: list[Any] = []


def with_images(images: Any, labels: Any = LABELS) -> type:
    class Special(Examples):
        def __init__(self, root: str, train: bool = True) -> None:
            self.images, self.labels = images, labels

    return Special


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    torchvision, datasets = ModuleType("torchvision"), ModuleType("torchvision.datasets")
    for kind in (CIFAR10, SVHN, MNIST, Undownloadable, ImageFolder):
        setattr(datasets, kind.__name__, kind)
    torchvision.datasets = datasets
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    opened.clear()
    return datasets


@pytest.mark.usefixtures("datasets")
def test_a_data_set_with_train() -> None:
    dataset = torchvision_source.load("CIFAR10", "folder")
    assert opened == [("folder", True, True), ("folder", False, True)]
    assert dataset.name == "CIFAR10"
    assert dataset.class_names == ("cat", "dog", "frog")
    assert dataset.image_shape == (3, 5, 4)
    assert dataset.source == "torchvision.datasets.CIFAR10 in folder"
    np.testing.assert_array_equal(dataset.train.images, COLOR.transpose(0, 3, 1, 2).reshape(8, 60))
    np.testing.assert_array_equal(dataset.test.images, dataset.train.images[:3])
    np.testing.assert_array_equal(dataset.train.labels, LABELS)
    assert dataset.train.images.dtype == np.uint8
    assert dataset.train.images.flags.c_contiguous
    assert dataset.train.labels.dtype == np.int64


@pytest.mark.usefixtures("datasets")
def test_a_data_set_with_split_and_without_class_names() -> None:
    dataset = torchvision_source.load("SVHN", Path("folder"), download=False)
    assert opened == [("folder", "train", False), ("folder", "test", False)]
    assert dataset.class_names == ("0", "1", "2")


@pytest.mark.usefixtures("datasets")
def test_gray_images_and_labels_that_are_tensors() -> None:
    dataset = torchvision_source.load("MNIST", "folder")
    assert dataset.image_shape == (1, 6, 6)
    np.testing.assert_array_equal(dataset.train.images, GRAY.reshape(8, 36))
    np.testing.assert_array_equal(dataset.train.labels, LABELS)


@pytest.mark.parametrize(
    "images",
    [
        list(COLOR),
        [Tensor(image.transpose(2, 0, 1)) for image in COLOR],
        [Tensor(image.transpose(2, 0, 1) / np.float32(255)) for image in COLOR],
        [Image.fromarray(image).convert("RGBA") for image in COLOR],
    ],
    ids=["arrays", "tensors", "fractions", "RGBA"],
)
def test_images_of_every_kind_give_the_same_bytes(datasets: ModuleType, images: Any) -> None:
    datasets.Special = with_images(images)
    dataset = torchvision_source.load("Special", "folder")
    np.testing.assert_array_equal(dataset.train.images, COLOR.transpose(0, 3, 1, 2).reshape(8, 60))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ([*COLOR[:7], GRAY[0]], LABELS, r"must all be \(3, 5, 4\), got \(1, 6, 6\) at row 7. Hint: choose"),
        ([*COLOR[:7], COLOR[7] * 1.5], LABELS, r"row 7: pixels must be bytes, or fractions in \[0, 1\], got float64"),
        (list(COLOR.astype(np.int64)), LABELS, "pixels must be bytes"),
        (["a text"] * 8, LABELS, "an image must have two or three axes, got str"),
        (COLOR, [*LABELS[:7], -1], r"row 7: a label must be one integer from 0 up"),
        (COLOR, [[1, 0]] * 8, r"a label must be one integer from 0 up, got list \(2,\). Hint: choose"),
        (COLOR, [0.5] * 8, "a label must be one integer"),
        ([], [], "there must be at least one example"),
    ],
)
def test_images_and_labels_that_do_not_fit(datasets: ModuleType, images: Any, labels: Any, message: str) -> None:
    datasets.Special = with_images(images, labels)
    with pytest.raises((DataError, LabelError), match=message) as caught:
        torchvision_source.load("Special", "folder")
    assert str(caught.value).startswith("torchvision_source.load: Special, train part")


def test_parts_of_different_sizes(datasets: ModuleType) -> None:
    class Uneven(Examples):
        def __init__(self, root: str, train: bool) -> None:
            self.images = COLOR if train else GRAY

    datasets.Uneven = Uneven
    with pytest.raises(DataError, match="both parts of Uneven must have images of one size"):
        torchvision_source.load("Uneven", "folder")


@pytest.mark.usefixtures("datasets")
def test_what_torchvision_cannot_open() -> None:
    with pytest.raises(
        DataNotFoundError, match=r"Undownloadable \(train part\) in folder, got RuntimeError: Dataset not"
    ):
        torchvision_source.load("Undownloadable", "folder")


@pytest.mark.usefixtures("datasets")
def test_a_data_set_without_parts() -> None:
    with pytest.raises(OptionError, match="ImageFolder must have a training and a test part"):
        torchvision_source.load("ImageFolder", "folder")


@pytest.mark.usefixtures("datasets")
@pytest.mark.parametrize(("name", "nearest"), [("SVNH", "SVHN"), ("mnist", "MNIST")])
def test_an_unknown_name(name: str, nearest: str) -> None:
    with pytest.raises(OptionError, match=rf"unknown torchvision data set '{name}'\. .*{nearest}"):
        torchvision_source.load(name, "folder")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise RuntimeError('operator torchvision::nms does not exist')", "RuntimeError: operator torchvision::nms"),
        ("import a_module_that_is_nowhere", "ModuleNotFoundError: No module named 'a_module_that_is_nowhere'"),
    ],
)
def test_a_torchvision_that_does_not_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ExtraMissingError) as caught:
        torchvision_source.load("SVHN", "folder")
    assert reason in str(caught.value)
    assert "pip install 'mlp_numpy[torchvision]'" in str(caught.value)


def test_fake_data_of_torchvision_itself(tmp_path: Path) -> None:
    """Its images through the conversion of every data set; FakeData has one part, so ``load`` refuses it by name."""
    try:
        from torchvision import datasets
    except Exception as error:  # one that does not fit its torch raises RuntimeError
        pytest.skip(f"torchvision cannot be imported: {type(error).__name__}")
    fake = datasets.FakeData(size=6, image_size=(3, 5, 4), num_classes=3)
    split, shape = torchvision_source._convert(fake, "fake")
    assert (split.images.shape, shape) == ((6, 60), (3, 5, 4))
    first = np.asarray(fake[0][0]).transpose(2, 0, 1).reshape(-1)
    np.testing.assert_array_equal(split.images[0], first)
    with pytest.raises(OptionError, match="FakeData must have a training and a test part"):
        torchvision_source.load("FakeData", tmp_path, download=False)
