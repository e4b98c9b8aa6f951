"""The command ``pack``: images or a table as a folder of arrays that may be larger than the memory."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tqdm import tqdm

from mlp_numpy.cli.console import on_terminal
from mlp_numpy.data.own_data import OwnData
from mlp_numpy.data.packing import pack


def pack_command(
    source: Annotated[Path, tyro.conf.Positional],
    out: Annotated[Path, tyro.conf.Positional],
    target: tuple[str, ...] = (),
    task: Literal["auto", "classification", "regression"] = "auto",
    categorical: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    test_file: str = "",
    test_fraction: float = 0.2,
    image_size: tuple[int, ...] = (),
    dtype: Literal["float32", "float64"] = "float32",
) -> int:
    """Convert a folder of images or a table to arrays, for ``train --dataset npy:OUT`` on data larger than the memory.

    Args:
        source: folder of images, one folder per class, or a CSV, Parquet or Feather file
        out: new folder that gets x_train.npy, y_train.npy, x_test.npy, y_test.npy and dataset.json
        target: column of a table that is predicted; several of them are a regression
        task: task of a table
        categorical: columns of a table whose numbers are categories
        ignore: columns of a table that are left out
        test_file: a second table, with the test examples
        test_fraction: fraction of the examples that becomes the test part, without a test file or a folder test
        image_size: height and width, or side, that images are scaled to; default: their size
        dtype: dtype of the inputs of a table
    """
    options = OwnData(image_size, target, task, categorical, ignore, test_file, test_fraction, dtype)
    with tqdm(unit="image" if source.is_dir() else "row", disable=not on_terminal(), dynamic_ncols=True) as bar:
        packed = pack(source, out, options, progress=bar.update)
    if packed.warning is not None:
        print(f"warning: {packed.warning}")
    word = "images" if source.is_dir() else "rows"
    shape = "×".join(map(str, packed.described.image_shape if source.is_dir() else packed.described.image_shape[:1]))
    n_bytes = sum(path.stat().st_size for path in out.iterdir())
    print(f"packed  {packed.train:,} + {packed.test:,} {word} of {shape} numbers, {n_bytes / 1e6:,.1f} MB, in {out}")
    print(f"train   python -m mlp_numpy train --dataset {shlex.quote(f'npy:{out}')} --shuffle blocks:1000")
    return 0
