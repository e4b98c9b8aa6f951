"""Memory of a training on one's own images and tables, and the time of reading CSV against pandas.

    python benchmarks/own_data.py [--rows 1000000] [--columns 50] [--images 2000] [--side 128] [--rounds 3]
                                  [--json FILE]

Makes a CSV file of rows × columns random numbers and a folder of PNG files in a temporary folder. "train" is the peak
memory of a process that runs ``train`` for 20 steps; the bound is twice the bytes of the data as stored (float32, or a
byte per pixel) and 300 MB. Reading is timed by turns, each time in a process of its own, in seconds of the processor,
so that other programs count little; the least counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from interleaved import results_of, write_json
from PIL import Image

ROOM = 300_000_000
READERS = {
    "mlp_numpy": "from mlp_numpy.data.csv_file import read_csv; from mlp_numpy.data.raw_table import Wanted\n"
    "read = lambda path: read_csv(path, Wanted())",
    "pandas": "import pandas; read = pandas.read_csv",
}


def make_table(path: Path, rows: int, columns: int) -> None:
    """A CSV file of normal numbers with four digits behind the point; the last column is the sum of the first two."""
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join([*(f"x{at}" for at in range(columns - 1)), "y"]) + "\n")
        for start in range(0, rows, 10_000):
            x = rng.normal(size=(min(10_000, rows - start), columns)).round(4)
            x[:, -1] = (x[:, 0] + x[:, 1]).round(4)
            file.writelines(",".join(map(repr, row)) + "\n" for row in x.tolist())


def make_images(folder: Path, n: int, side: int) -> None:
    """A folder of two classes of noise."""
    rng = np.random.default_rng(0)
    for label in ("dark", "light"):
        (folder / label).mkdir(parents=True)
    for number in range(n):
        light = number % 2
        pixels = rng.integers(100 * light, 156 + 100 * light, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(folder / ("dark", "light")[light] / f"{number:05}.png", compress_level=1)


def peak_of_training(folder: Path, *words: str) -> int:
    """The peak memory in bytes of ``train`` with these words."""
    program = [sys.executable, "-m", "mlp_numpy", "train", "--steps", "20", "--eval-every", "20", "--no-download"]
    where = ["--runs-dir", str(folder / "runs"), "--plots-dir", str(folder / "plots")]
    child = subprocess.Popen([*program, *where, *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"train {' '.join(words)} ended with status {status}")
    return used.ru_maxrss * 1024


def seconds_of(reader: str, path: Path) -> float:
    """The processor time of reading ``path`` in a process of its own."""
    script = f"import time; from pathlib import Path\n{READERS[reader]}\npath = Path({str(path)!r})\n"
    script += "began = time.process_time(); read(path); print(time.process_time() - began)"
    return float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)


def memory_line(name: str, data: int, peak: int) -> dict[str, Any]:
    """Print and return one measurement of the memory."""
    bound = 2 * data + ROOM
    print(f"{name}: {data / 1e6:,.0f} MB of data, peak {peak / 1e6:,.0f} MB, bound {bound / 1e6:,.0f} MB", flush=True)
    return {"task": name, "data_bytes": data, "peak_bytes": peak, "bound_bytes": bound, "within": peak <= bound}


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rows", 1_000_000), ("columns", 50), ("images", 2000), ("side", 128), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", type=Path, default=results_of(__file__))
    given = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_images(folder / "images", given.images, given.side)
        words = ("--dataset", f"folder:{folder / 'images'}", "--batch", "50")
        peak = peak_of_training(folder, *words)
        results.append(memory_line("train on a folder of images", given.images * 3 * given.side**2, peak))
        table = folder / "table.csv"
        make_table(table, given.rows, given.columns)
        peak = peak_of_training(folder, "--dataset", f"table:{table}", "--target", "y")
        results.append(memory_line("train on a table", given.rows * given.columns * 4, peak))
        times: dict[str, list[float]] = {reader: [] for reader in READERS}
        for _ in range(given.rounds):
            for reader, seconds in times.items():
                seconds.append(seconds_of(reader, table))
        least = {reader: min(seconds) for reader, seconds in times.items()}
        ratio = least["pandas"] / least["mlp_numpy"]
        size = table.stat().st_size
        print(f"read CSV, {size / 1e6:,.0f} MB: {least}, {ratio:.2f} of the speed of pandas")
        results.append({"task": "read CSV", "file_bytes": size, "seconds": times, "speed_of_pandas": ratio})
    write_json(given.json, __file__, results)


if __name__ == "__main__":
    main()
