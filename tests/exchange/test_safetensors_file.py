"""Model files as safetensors: the same model, whatever order its weights lie in memory, or an error."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from tiny import SHAPE, tiny

from mlp_numpy import MLP, kaiming
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import DataError, DataNotFoundError, ExtraMissingError
from mlp_numpy.training import TrainedModel, load_model, save_model

DATA = tiny(20, 5)


def trained() -> TrainedModel:
    model = MLP(48, [3], 4, batch_norm=True, init=kaiming(0.02), rng=1)
    about = {
        "name": "ä",
        "dataset": "tiny",
        "dataset_option": "tiny",
        "image_shape": list(SHAPE),
        "class_names": list(DATA.class_names),
        "step": 7,
    }
    return TrainedModel(model, Preprocessing.fit("standardize", DATA.train.images, SHAPE), about)


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    path = tmp_path / "model.safetensors"
    for attempt in (lambda: save_model(path, trained()), lambda: load_model(path)):
        with pytest.raises(ExtraMissingError, match=r"pip install 'mlp_numpy\[safetensors\]'"):
            attempt()
    assert not path.exists()


@pytest.mark.slow
class TestWithTheLibrary:
    """What needs safetensors, which the extra ``test`` installs."""

    @pytest.fixture(autouse=True)
    def _library(self) -> None:
        pytest.importorskip("safetensors")

    def test_a_model_comes_back_as_it_was_saved(self, tmp_path: Path) -> None:
        saved, path = trained(), tmp_path / "model.safetensors"
        assert not saved.model[0].params["weight"].flags.c_contiguous
        save_model(path, saved)
        again = load_model(path)
        state, other = saved.model.state(), again.model.state()
        assert list(state) == list(other)
        for name, array in state.items():
            np.testing.assert_array_equal(other[name], array)
            assert other[name].dtype == array.dtype
        x, y = saved.preprocessing.apply(DATA.test.images), again.preprocessing.apply(DATA.test.images)
        np.testing.assert_array_equal(x, y)
        assert again.about.items() >= saved.about.items()

    def test_another_program_finds_the_weights_in_their_own_shape(self, tmp_path: Path) -> None:
        from safetensors.numpy import load_file

        saved, path = trained(), tmp_path / "model.safetensors"
        save_model(path, saved)
        arrays = load_file(path)
        np.testing.assert_array_equal(arrays["weights/0.weight"], saved.model[0].params["weight"])
        assert arrays["preprocessing/shift"].shape == (48,)

    def test_every_truncation_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "model.safetensors"
        save_model(path, trained())
        content = path.read_bytes()
        for length in range(len(content)):
            path.write_bytes(content[:length])
            with pytest.raises(DataError, match="whole and undamaged"):
                load_model(path)
        path.write_bytes(content + b"\0")
        with pytest.raises(DataError, match="whole and undamaged"):
            load_model(path)

    def test_a_flipped_bit_is_refused_or_changes_nothing(self, tmp_path: Path) -> None:
        path, rng = tmp_path / "model.safetensors", np.random.default_rng(0)
        save_model(path, trained())
        content = path.read_bytes()
        state, about = load_model(path).model.state(), load_model(path).about
        refused = 0
        for position in rng.choice(len(content), size=600, replace=False):
            flipped = bytearray(content)
            flipped[position] ^= 1 << rng.integers(8)
            path.write_bytes(flipped)
            try:
                found = load_model(path)
            except DataError:
                refused += 1
                continue
            assert found.about == about
            for name, array in found.model.state().items():
                np.testing.assert_array_equal(array, state[name])
        assert refused >= 590

    def test_what_is_no_such_file_is_refused(self, tmp_path: Path) -> None:
        from safetensors.numpy import save_file

        path = tmp_path / "model.safetensors"
        with pytest.raises(DataNotFoundError, match="is missing, expected a model file"):
            load_model(path)
        save_file({"a": np.ones(3)}, path)
        with pytest.raises(DataError, match="that export wrote, whole and undamaged, got KeyError"):
            load_model(path)
        path.unlink()
        path.mkdir()
        with pytest.raises(DataError, match="must be readable, got: Is a directory"):
            load_model(path)
