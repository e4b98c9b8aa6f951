"""A file that is there and cannot be read: each reader says so, and what to do, instead of calling it damaged."""

from __future__ import annotations

import builtins
import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlp_numpy.config.files import read_config
from mlp_numpy.config.trees import read_tree
from mlp_numpy.data import idx, images
from mlp_numpy.data.csv_file import read_csv
from mlp_numpy.data.image_folder import images_in
from mlp_numpy.data.json_files import read_json
from mlp_numpy.data.raw_table import Wanted
from mlp_numpy.data.table_files import read_arrays, read_table
from mlp_numpy.errors import DataError
from mlp_numpy.exchange.archive import read_archive

READERS: dict[str, Callable[[Path], Any]] = {
    "a.csv": lambda path: read_csv(path, Wanted()),
    "a.csv.gz": lambda path: read_csv(path, Wanted()),
    "a.parquet": lambda path: read_table(path, Wanted()),
    "a.npz": read_arrays,
    "a.json": lambda path: read_json("read_json", path, "a thing"),
    "a.yaml": lambda path: read_tree("read_tree", path),
    "a.conf": read_config,
    "a.idx": lambda path: idx.read_idx(path, 1),
    "a.png": lambda path: images.read_image(path, (3, 2, 2)),
    "b.png": images.header_shape,
    "model.npz": lambda path: read_archive("read_archive", path, "model"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_the_system_cannot_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow.parquet")  # before the files below cannot be opened
    path = tmp_path / name
    path.write_bytes(b"content")

    def failing(opened: Callable[..., Any]) -> Callable[..., Any]:
        def open_(file: Any, *arguments: Any, **options: Any) -> Any:
            if str(file) == str(path):
                raise OSError(errno.EIO, "Input/output error", str(path))
            return opened(file, *arguments, **options)

        return open_

    monkeypatch.setattr(builtins, "open", failing(builtins.open))
    monkeypatch.setattr(io, "open", failing(io.open))
    with pytest.raises(DataError) as caught:
        READERS[name](path)
    words = f": {path} must be readable, got: Input/output error. Hint: check its owner and permissions."
    assert str(caught.value).endswith(words)


def test_a_folder_that_the_system_cannot_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "iterdir", fail)
    with pytest.raises(DataError, match=f"{tmp_path} must be readable, got: Input/output error. Hint: check its owner"):
        images_in(tmp_path)
