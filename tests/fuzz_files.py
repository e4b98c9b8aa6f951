"""Files of every kind that the library reads, damaged at random, and files made to take all memory.

    python tests/fuzz_files.py --count 5000 --seed 0

Each must come to a named error, or be read; in time, and in memory of the order of its size. Damage goes deeper than
the digests: they are written anew, so that the checks of the content are reached.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import functools
import gzip
import hashlib
import io
import json
import logging
import random
import re
import struct
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# pytest finds what is imported here by ``pythonpath`` in setup.cfg
sys.path.append(str(Path(__file__).parents[1]))

import numpy as np
from data_helpers import TinyCifar, archive_bytes, python2_pickle
from PIL import Image
from safetensors.numpy import save as save_tensors

from mlp_numpy.config import Config
from mlp_numpy.config.files import read_config, read_settings, write_config
from mlp_numpy.config.trees import read_tree
from mlp_numpy.data import cifar, cifar10, cifar100, idx, images, table
from mlp_numpy.data.columns import Column
from mlp_numpy.data.own_data import OwnData
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.synthetic import shapes
from mlp_numpy.errors import MlpNumpyError
from mlp_numpy.exchange import export_onnx, import_onnx
from mlp_numpy.exchange.archive import read_archive
from mlp_numpy.exchange.safetensors_file import read_safetensors
from mlp_numpy.models import MLP
from mlp_numpy.recipes.catalog import find_recipe
from mlp_numpy.recipes.results import Results
from mlp_numpy.search.journal import Journal
from mlp_numpy.search.trial import TrialResult
from mlp_numpy.training import EvaluationRecord, History, RunInfo, StepRecord, TrainedModel, load_model, save_model
from mlp_numpy.training.checkpoint import NAME, load_checkpoint, save_checkpoint

ROOM = 200_000_000
SECONDS = 5.0
Mutate = Callable[[random.Random, bytes], bytes]


@dataclass
class Format:
    """One kind of file: whole content, who reads a file, its name, and how damaged content becomes a file again."""

    name: str
    content: bytes
    read: Callable[[Path], Any]
    file: str = "file"
    finish: Callable[[bytes], bytes] = bytes
    around: dict[str, bytes] = field(default_factory=dict)
    is_text: bool = False


# ------------------------------------------------------------------------------------------------------------- damage

_EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)
_VALUES = ("1e400", "-1e400", "Infinity", "NaN", "9" * 400, "9" * 5000, "null", "[]", "{}", "true", '"a"', "-1", "0.5")
_VALUES += (
    '"\\ud800"',
    "[[[[1]]]]",
    "[" * 5000,
    '{"a":' * 2000,
    "&a [*a]",
    '"\\U00110000"',
    "1000000000",
    '"' + "x" * 3000,
)


def _flip(draws: random.Random, content: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(draws.choice((1, 1, 2, 8))):
        damaged[draws.randrange(len(damaged))] ^= 1 << draws.randrange(8)
    return bytes(damaged)


def _truncate(draws: random.Random, content: bytes) -> bytes:
    return content[: draws.randrange(len(content))]


def _insert(draws: random.Random, content: bytes) -> bytes:
    place = draws.randrange(len(content) + 1)
    return content[:place] + draws.randbytes(draws.choice((1, 4, 64))) + content[place:]


def _repeat(draws: random.Random, content: bytes) -> bytes:
    start, length = draws.randrange(len(content)), draws.choice((2, 16, 200))
    return (
        content[: start + length] + content[start : start + length] * draws.choice((1, 20)) + content[start + length :]
    )


def _swap(draws: random.Random, content: bytes) -> bytes:
    length = draws.choice((4, 32, 100))
    a, b = sorted(draws.randrange(max(1, len(content) - length)) for _ in range(2))
    return (
        content[:a]
        + content[b : b + length]
        + content[a + length : b]
        + content[a : a + length]
        + content[b + length :]
    )


def _length(draws: random.Random, content: bytes) -> bytes:
    width, order = draws.choice((1, 2, 4, 8)), draws.choice(("little", "big"))
    value = draws.choice(_EXTREMES) & ((1 << 8 * width) - 1)
    place = draws.randrange(min(len(content), draws.choice((64, 512, len(content)))))
    return content[:place] + value.to_bytes(width, order) + content[place + width :]


def _value(draws: random.Random, content: bytes) -> bytes:
    places = list(re.finditer(rb'"[^"\n]*"|-?\d+(\.\d+)?([eE][-+]?\d+)?|null|\[\]|[a-z]+', content))
    if not places:
        return content
    place = draws.choice(places)
    return content[: place.start()] + draws.choice(_VALUES).encode() + content[place.end() :]


_DAMAGES: tuple[Mutate, ...] = (_flip, _truncate, _insert, _repeat, _swap, _length)


def damaged(draws: random.Random, content: bytes, is_text: bool) -> bytes:
    """The content after one to three damages."""
    for _ in range(draws.choice((1, 1, 1, 2, 3))):
        if content:
            content = draws.choice((*_DAMAGES, *(_value,) * 6) if is_text else _DAMAGES)(draws, content)
    return content


# ------------------------------------------------------------------------------------------------------------ formats


def signed(content: bytes) -> bytes:
    """A zip archive with the comment that the library's archives have."""
    end = content.rfind(b"PK\5\6")
    body = content[: end + 20] + struct.pack("<H", 64) if end >= 0 else content
    return body + hashlib.sha256(body).hexdigest().encode()


def stored(arrays: dict[str, np.ndarray], about: str) -> bytes:
    """An archive as the library writes it, around any text."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, about=np.array(about))
    return signed(buffer.getvalue())


def tensors(arrays: dict[str, np.ndarray], about: str) -> bytes:
    """A safetensors file with the right digest, around any text."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(json.dumps([name, arrays[name].dtype.name, arrays[name].shape]).encode() + arrays[name].tobytes())
    found.update(about.encode())
    return bytes(save_tensors(arrays, {"about": about, "sha256": found.hexdigest()}))


def _cifar(source: Any, archive: str | None) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        folder = path.parent.parent if archive is None else path.parent
        if archive is None:
            return source.load(folder)
        known = cifar.SHA256[archive]
        cifar.SHA256[archive] = hashlib.sha256(path.read_bytes()).hexdigest()
        try:
            return source.load(folder)
        finally:
            cifar.SHA256[archive] = known

    return read


def _cifar100_files(tiny: TinyCifar) -> dict[str, bytes]:
    n = len(tiny.images)
    batch = {b"data": tiny.images, b"fine_labels": list(range(n)), b"coarse_labels": [k // 5 for k in range(n)]}
    names = {
        b"fine_label_names": [b"f%d" % k for k in range(100)],
        b"coarse_label_names": [b"c%d" % k for k in range(20)],
    }
    return {"train": python2_pickle(batch), "test": python2_pickle(batch), "meta": python2_pickle(names)}


def formats(folder: Path) -> list[Format]:
    """Every kind of file, small and whole; ``folder`` is for making them."""
    tiny = TinyCifar(rows=2, test_rows=1)
    python, python3, binary, hundred = (
        tiny.python_files(),
        tiny.python3_files(4),
        tiny.binary_files(),
        _cifar100_files(tiny),
    )
    py, bin_, c100 = "cifar-10-batches-py", "cifar-10-batches-bin", "cifar-100-python"
    found = [
        Format(f"cifar {label} {name}", files[name], _cifar(source, None), f"{place}/{name}", around=files)
        for label, source, place, files, names in (
            ("python", cifar10, py, python, ("data_batch_1", "batches.meta")),
            ("python 3", cifar10, py, python3, ("data_batch_2",)),
            ("python 3 for 2", cifar10, py, tiny.python3_files(2), ("data_batch_2",)),
            ("binary", cifar10, bin_, binary, ("test_batch.bin", "batches.meta.txt")),
            ("100", cifar100, c100, hundred, ("train", "meta")),
        )
        for name in names
    ]
    for name, place, files in (("cifar-10-python.tar.gz", py, python), ("cifar-10-binary.tar.gz", bin_, binary)):
        packed = archive_bytes(place, files)
        found.append(Format(f"{name} packed", packed, _cifar(cifar10, name), name))
        found.append(
            Format(name, gzip.decompress(packed), _cifar(cifar10, name), name, lambda raw: gzip.compress(raw, 1))
        )
    numbers = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    plain = struct.pack(">BBBB3I", 0, 0, 8, 3, *numbers.shape) + numbers.tobytes()
    found.append(Format("idx", plain, lambda path: idx.read_idx(path, 3)))
    found.append(
        Format("idx.gz", plain, lambda path: idx.read_idx(path, 3), "file.gz", lambda raw: gzip.compress(raw, 1))
    )
    found.append(Format("idx.gz packed", gzip.compress(plain), lambda path: idx.read_idx(path, 3), "file.gz"))
    found += _model_formats(folder) + _table_formats() + _text_formats(folder) + _image_formats()
    with contextlib.ExitStack() as stack:
        for name, value in (("N_TRAIN", 3), ("N_TEST", 2)):
            stack.callback(setattr, shapes, name, getattr(shapes, name))
            setattr(shapes, name, value)
        shapes.load(folder / "drawn")
    kept = (folder / "drawn" / "shapes-v1-seed0.npy").read_bytes()[:-32]
    found.append(
        Format("shapes", kept, shapes._read, "shapes-v1-seed0.npy", lambda raw: raw + hashlib.sha256(raw).digest())
    )
    return found


def _model_formats(folder: Path) -> list[Format]:
    rows = np.random.default_rng(0).integers(0, 256, (5, 12)).astype(np.uint8)
    about = {"name": "a", "dataset": "tiny", "dataset_option": "shapes", "image_shape": [3, 2, 2], "step": 7}
    about |= {"class_names": ["a", "b"], "task": "regression", "loss": "huber"}
    about |= {"target_scaling": {"mean": [1.5, 2.0], "std": [1.0, 0.5]}, "own_data": {"target": ["a", "b"]}}
    about |= {"columns": [Column("x", "category", tuple("abcdefghijk")).as_json(), Column("y", "number").as_json()]}
    fitted = Preprocessing.fit("standardize", rows, (3, 2, 2))
    trained = TrainedModel(MLP(12, [3], 2, rng=0, dtype=np.float32, softmax=False), fitted, about)
    save_model(folder / "m.npz", trained)
    save_model(folder / "m.safetensors", trained)
    arrays, known = read_archive("fuzz", folder / "m.npz", "model")
    text = json.dumps(known)
    packed = (folder / "m.npz").read_bytes()
    history = History(RunInfo(status="running"))
    for record in (StepRecord(1, 2.0, 0.1), StepRecord(2, 1.0, 0.2), EvaluationRecord(2, 1.5, 0.4)):
        history.add(record)
    save_checkpoint(folder, arrays, history, {"config": {"lr": 1}})
    checkpoint = (folder / NAME).read_bytes()
    state, kept = read_archive("fuzz", folder / NAME, "checkpoint")

    def again(name: str) -> Callable[[bytes], bytes]:
        """The archive with a damaged array file in place of one."""

        def finish(raw: bytes) -> bytes:
            buffer = io.BytesIO()
            with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(buffer, "w") as new:
                for entry in old.infolist():
                    new.writestr(entry.filename, raw if entry.filename == name else old.read(entry))
            return signed(buffer.getvalue())

        return finish

    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    weight = next(name for name in members if name.startswith("weights/"))
    model = Path("m.npz").name

    def safe(path: Path) -> Any:
        return read_safetensors("fuzz", path, "model file")

    def check(path: Path) -> Any:
        return load_checkpoint(path.parent)

    def around(these: dict[str, np.ndarray], write: Callable[[dict[str, np.ndarray], str], bytes]) -> Any:
        return lambda raw: write(these, raw.decode("utf-8", "replace"))

    export_onnx(trained, folder / "m.onnx")
    shift, about_kept, safe_file = "preprocessing/shift.npy", json.dumps(kept).encode(), "m.safetensors"
    safetensors = (folder / safe_file).read_bytes()
    return [
        Format("model raw", packed, load_model, model),
        Format("model signed", packed[:-66] + b"\0\0", load_model, model, signed),
        Format("model array", members[weight], load_model, model, again(weight)),
        Format("model shift", members[shift], load_model, model, again(shift)),
        Format("model about", text.encode(), load_model, model, around(arrays, stored), is_text=True),
        Format("checkpoint raw", checkpoint, check, NAME),
        Format("checkpoint signed", checkpoint[:-66] + b"\0\0", check, NAME, signed),
        Format("checkpoint about", about_kept, check, NAME, around(state, stored), is_text=True),
        Format("safetensors raw", safetensors, safe, safe_file),
        Format("safetensors model", safetensors, load_model, safe_file),
        Format("onnx", (folder / "m.onnx").read_bytes(), import_onnx, "m.onnx"),
        Format("safetensors about", text.encode(), load_model, safe_file, around(arrays, tensors), is_text=True),
    ]


def _table_formats() -> list[Format]:
    rows = "".join(f'{i}.5,"x{i % 3}",{i % 2},{i / 8}\n' for i in range(12))
    text = f"a,b,label,price\n{rows}".encode()
    arrays = io.BytesIO()
    np.savez(arrays, X=np.arange(24.0).reshape(12, 2), y=np.arange(12) % 2)

    def read(path: Path) -> Any:
        return table.load(path, OwnData(target=("label",)))

    def predict(path: Path) -> Any:
        return table.read_rows(path, (Column("a", "number"), Column("b", "category", ("x0", "x1", "x2"))))

    return [
        Format("table", text, read, "file.csv", is_text=True),
        Format("table rows", text, predict, "file.csv", is_text=True),
        Format("table gz", text, read, "file.csv.gz", lambda raw: gzip.compress(raw, 1), is_text=True),
        Format("table gz packed", gzip.compress(text), read, "file.csv.gz"),
        Format("table npz", arrays.getvalue(), table.load, "file.npz"),
    ]


def _text_formats(folder: Path) -> list[Format]:
    write_config(folder / "config.yaml", Config())
    config = (folder / "config.yaml").read_bytes()
    space = b"lr: 0.1\nrandom: {lr: log 1e-4 1e-1, batch: [10, 20]}\ngrid: {hidden: [[1, 2], 3]}\ntrials: 3\ndraws: 0\n"
    history = History(RunInfo(status="finished", test_openings=["a"], dataset="x", seconds=1.0))
    for record in (EvaluationRecord(0, 2.5, 0.1), StepRecord(1, 2.25, 0.2), EvaluationRecord(2, 1.5, 0.4)):
        history.add(record)
    history.write(folder / "history.json")
    recipe = find_recipe(["best"])[0]
    outcome = TrialResult({"lr": 0.1}, "finished", EvaluationRecord(1, 1.0, 0.5), None, 1.0)
    Journal(folder / "journal.jsonl", {"lr": 0.1}).add(outcome.as_json())
    results = Path(__file__).parents[1] / "plots" / "results" / "best-mlp-0.json"

    def journal(path: Path) -> Any:
        return [TrialResult.from_json("fuzz", entry) for entry in Journal(path, {"lr": 0.1}).entries]

    found = [
        Format("config", config, read_config, "config.yaml", is_text=True),
        Format("--config", config, read_settings, "config.yaml", is_text=True),
        Format("search file", space, lambda path: read_tree("fuzz", path), "search.yaml", is_text=True),
        Format("history", (folder / "history.json").read_bytes(), History.read, "history.json", is_text=True),
        Format("journal", (folder / "journal.jsonl").read_bytes(), journal, "journal.jsonl", is_text=True),
    ]
    if results.exists():
        for each in find_recipe(["best"]):
            if each.name == "best-mlp":
                recipe = each
        found.append(
            Format(
                "result",
                results.read_bytes(),
                lambda path: [result.value("last") for result in Results(path.parent).of(recipe)],
                results.name,
                is_text=True,
            )
        )
    return found


def _image_formats() -> list[Format]:
    draws = np.random.default_rng(0)
    picture = Image.fromarray(draws.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    frames = [picture.convert("P"), Image.new("P", (12, 9), 3)]
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = Image.fromarray(draws.integers(0, 65536, (9, 12), dtype=np.uint16))
    made: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("png", picture, {"exif": exif}),
        ("png", picture.convert("RGBA"), {}),
        ("png", picture.convert("P"), {"transparency": 0}),
        ("png", wide, {}),
        ("jpg", picture, {"exif": exif}),
        ("jpg", picture, {"progressive": True}),
        ("bmp", picture, {}),
        ("gif", frames[0], {"save_all": True, "append_images": frames[1:]}),
        ("tif", picture, {}),
        ("tif", picture, {"compression": "tiff_lzw"}),
        ("tif", picture, {"compression": "jpeg"}),
        ("webp", picture, {}),
        ("webp", picture, {"lossless": True}),
        ("ppm", picture, {}),
        ("tga", picture, {}),
        ("pcx", picture, {}),
        ("sgi", picture, {}),
        ("jp2", picture, {}),
        ("avif", picture, {}),
    ]
    found = []
    for ending, image, options in made:
        buffer = io.BytesIO()
        try:
            image.save(buffer, {"jpg": "JPEG", "tif": "TIFF", "jp2": "JPEG2000"}.get(ending, ending), **options)
        except (KeyError, OSError):  # a Pillow without this format
            continue
        finish = _right_checksums if ending == "png" else bytes
        name = f"{ending} {image.mode} {', '.join(options)}"
        found.append(
            Format(name, buffer.getvalue(), lambda path: images.read_image(path, (3, 8, 8)), f"a.{ending}", finish)
        )
    return found


def _right_checksums(content: bytes) -> bytes:
    """A PNG file with the checksums of its chunks written anew, as far as they can be found."""
    parts, place = [content[:8]], 8
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        if place + 12 + length > len(content):
            break
        chunk = content[place + 4 : place + 8 + length]
        parts.append(content[place : place + 4] + chunk + zlib.crc32(chunk).to_bytes(4, "big"))
        place += 12 + length
    return b"".join(parts) + content[place:]


# -------------------------------------------------------------------------------------------------------------- bombs


def png(width: int, height: int, bits: int, color: int) -> bytes:
    """A PNG file of zeros."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    packer, row = zlib.compressobj(1), bytes(1 + width * channels * bits // 8)
    pixels = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in chunks
    )


def _gzip_of(*pieces: tuple[bytes, int]) -> bytes:
    """Pieces, each so many times: a gzip file may be a row of gzip files, so that nothing is packed twice."""
    return b"".join(gzip.compress(piece, 9) * times for piece, times in pieces)


def _tar_header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def bombs(folder: Path) -> Iterator[Format]:
    """Small files that ask for very much."""
    known = {each.name: each for each in formats(folder)}
    batch, python = known["cifar python data_batch_1"], Path("cifar-10-batches-py")
    mega = bytes(1 << 20)
    encode = b"c_codecs\nencode\nq\x01X\x40\x42\x0f\x00" + b"a" * 1_000_000 + b"q\x02"
    calls = b"h\x01h\x02X\x06\x00\x00\x00latin1\x86R" * 3000
    for name, content in (
        ("bytearray8", b"\x80\x05\x96" + struct.pack("<Q", 3 << 30) + b"."),
        ("binbytes8", b"\x80\x04\x8e" + struct.pack("<Q", 3 << 30) + b"."),
        ("binunicode8", b"\x80\x04\x8d" + struct.pack("<Q", 3 << 30) + b"."),
        ("long4", b"\x80\x02\x8b\xff\xff\xff\x7f."),
        ("long of digits", b"I" + b"9" * 2_000_000 + b"\n."),
        ("frame", b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"."),
        ("encode again and again", b"\x80\x02](" + encode + calls + b"e."),
        ("lists", b"\x80\x02" + b"]" * 20_000_000 + b"."),
        ("dictionaries", b"\x80\x02(" + b"}" * 8_000_000 + b"l."),
        ("marks", b"\x80\x02" + b"(" * 10_000_000 + b"."),
        ("references", b"\x80\x02]q\x00(" + b"h\x00" * 5_000_000 + b"e."),
        ("doubling", b"\x80\x04]\x94" + b"]\x94(h\x00h\x00e" * 500_000 + b"."),
        ("memo", b"\x80\x04]" + b"\x94" * 8_000_000 + b"."),
        ("long keys", b"\x80\x04}(T\x40\x42\x0f\x00" + b"k" * 10**6 + b"\x94" + b"h\x00h\x00" * 100_000 + b"u."),
        ("wide text", b"\x80\x02X\x00\x00\x80\x02" + b"a" * ((40 << 20) - 4) + "😀".encode() + b"."),
        ("shape", _shape_bomb(1 << 20)),
        ("many axes", python2_pickle({b"data": np.zeros((1, 3072), np.uint8), b"labels": [0]}).replace(
            b"(K\x01J\x00\x0c\x00\x00t", b"(" + b"J\xff\xff\xff\x7f" * 200_000 + b"t")),
    ):  # fmt: skip
        yield Format(f"pickle {name}", content, batch.read, str(python / "data_batch_1"), around=batch.around)
    read_idx = known["idx"].read
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, 1 << 11, 1 << 10, 1 << 10)
    yield Format("idx.gz of zeros", _gzip_of((header, 1), (mega, 2048)), read_idx, "a.gz")
    small = struct.pack(">BBBB3I", 0, 0, 8, 3, 1, 28, 28)
    yield Format("idx.gz with zeros behind", _gzip_of((small, 1), (mega, 1500)), read_idx, "a.gz")
    yield Format("idx of nothing", struct.pack(">BBBB3I", 0, 0, 8, 3, *(0xFFFFFFFF,) * 3), read_idx, "a")
    yield Format("idx without rows", struct.pack(">BBBB3I", 0, 0, 8, 3, 0, *(0xFFFFFFFF,) * 2), read_idx, "a")
    archive = known["cifar-10-python.tar.gz"]
    member = f"{python}/data_batch_1"
    zeros = (mega, 2048)
    for name, pieces in (
        ("member", [(_tar_header(member, 2 << 30), 1), zeros]),
        ("member beside", [(_tar_header("a", 2 << 30), 1), zeros]),
        ("long name", [(_tar_header("a", 2 << 30, tarfile.GNUTYPE_LONGNAME), 1), zeros]),
        ("pax header", [(_tar_header("a", 2 << 30, tarfile.XHDTYPE), 1), zeros]),
        ("pax headers", [(_tar_header("a", 0, tarfile.XHDTYPE) * 5000, 1)]),
        ("members", [(_tar_header("a", 0) * 1000, 500)]),
        ("sparse", [(_sparse(member), 1)]),
        ("declared", [(_tar_header(member, 8 << 30), 1)]),
    ):
        yield Format(f"tar {name}", _gzip_of(*pieces), archive.read, archive.file)
    yield from _archive_bombs(known)
    for width, height, bits, color in (
        (13_000, 13_000, 16, 0),
        (6500, 6500, 8, 6),
        (30, 900_000, 8, 0),
    ):
        size = f"{width} × {height}, {bits} bits, color {color}"
        yield Format(f"png {size}", png(width, height, bits, color), known["png RGBA "].read, "a.png")
    yaml = known["search file"]
    laugh = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
    )
    for name, text in (("aliases", laugh), ("[", "[" * 90_000), ("- ", "- " * 45_000), ("lines", "a: 1\n" * 10**6)):
        for reader in (yaml, known["config"]):
            yield Format(f"yaml {name}", text.encode(), reader.read, "a.yaml")


def _shape_bomb(n: int) -> bytes:
    """A pickled array of bytes that says it has n·n of them."""
    plain = python2_pickle({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]})
    return plain.replace(
        b"(K\x02J\x00\x0c\x00\x00t", b"(" + b"J" + struct.pack("<i", n) + b"J" + struct.pack("<i", n) + b"t"
    )


def _sparse(name: str) -> bytes:
    """An old GNU sparse member of nothing that says it has 2³⁰ bytes."""
    header = bytearray(_tar_header(name, 0, tarfile.GNUTYPE_SPARSE))
    header[483:495] = b"%011o\0" % (1 << 30)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _archive_bombs(known: dict[str, Format]) -> Iterator[Format]:
    model = known["model raw"]
    about = json.loads(known["model about"].content)

    def of(arrays: dict[str, np.ndarray], text: str) -> Format:
        return Format("", stored(arrays, text), load_model, "a.npz")

    def described(**changes: Any) -> str:
        changed = about["model"] | {key: value for key, value in changes.items() if key != "arguments"}
        changed["arguments"] = changes.get("arguments", about["model"]["arguments"])
        return json.dumps(about | {"model": changed})

    weights = {"weights/0.weight": np.zeros((3, 12), np.float32)}
    arguments = about["model"]["arguments"]
    image = {"image_shape": [3, 32, 32], "n_classes": 10}
    for name, text in (
        ("n_hidden", described(arguments=arguments | {"n_hidden": [16_000, 16_000]})),
        ("n_inputs", described(arguments=arguments | {"n_inputs": 10**9})),
        ("n_hidden 2**62", described(arguments=arguments | {"n_hidden": [2**62]})),
        ("layers", described(arguments=arguments | {"n_hidden": [1] * 400_000})),
        ("classes", described(arguments=arguments | {"n_classes": 10**9, "batch_norm": True})),
        ("norms", described(arguments={"n_inputs": 1, "n_hidden": [10**9], "n_classes": 1, "batch_norm": True})),
        ("ResidualMLP", described(builder="ResidualMLP", arguments={"n_inputs": 2, "n_classes": 2, "n_blocks": 10**9})),
        ("ConvNet", described(builder="ConvNet", arguments=image | {"n_first": 10**6})),
        ("ConvNet image", described(builder="ConvNet", arguments=image | {"image_shape": [10**6, 10**6, 10**6]})),
        ("SmallConvNet", described(builder="SmallConvNet", arguments=image | {"n_classes": 10**9})),
        ("WhitenedConvNet", described(builder="WhitenedConvNet", arguments=image | {"n_first": 10**6})),
        ("WhitenedConvNet classes", described(builder="WhitenedConvNet", arguments=image | {"n_classes": 10**9})),
        ("SmallConvNet image", described(builder="SmallConvNet", arguments=image | {"image_shape": [3, 10**7, 10**7]})),
        ("depth", '{"a":' * 100_000),
        ("lists", '{"a": [' + "[]," * 2_000_000 + "1]}"),
    ):
        yield Format(f"model {name}", of(weights, text).content, load_model, "a.npz")
    deflated = io.BytesIO()
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as file, file.open("a.npy", "w") as entry:
        np.lib.format.write_array_header_1_0(entry, {"descr": "|u1", "fortran_order": False, "shape": (1 << 26,)})
        for _ in range(1 << 6):
            entry.write(bytes(1 << 20))
    yield Format("npz deflated", signed(deflated.getvalue()), load_model, "a.npz")
    for name, descr, shape in (
        ("shape", "<f8", (1 << 40,)),
        ("overflow", "<f8", (1 << 32, 1 << 32)),
        ("nothing", "|S0", (1 << 60,)),
        ("zero rows", "<f8", (0, 1 << 62, 1 << 62)),
        ("objects", "|O", (5,)),
    ):
        entry_bytes = io.BytesIO()
        np.lib.format.write_array_header_1_0(entry_bytes, {"descr": descr, "fortran_order": False, "shape": shape})
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("a.npy", entry_bytes.getvalue())
        yield Format(f"npy {name}", signed(buffer.getvalue()), load_model, "a.npz")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 30_000_000) + b"(" * 30_000_000)
    yield Format("npy header", signed(buffer.getvalue()), load_model, "a.npz")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for number in range(20_000):
            file.writestr(str(number), b"")
    yield Format("npz entries", signed(buffer.getvalue()), load_model, "a.npz")
    safe = known["safetensors model"]
    for name, content in (
        ("length", struct.pack("<Q", 1 << 62) + b"{}"),
        ("header", struct.pack("<Q", 50_000_000) + b"[" * 50_000_000),
        (
            "arrays",
            _safe_header({f"{k}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for k in range(20_000)}),
        ),
        ("shape", _safe_header({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 0]}})),
        ("overflow", _safe_header({"a": {"dtype": "F64", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 0]}})),
    ):
        yield Format(f"safetensors {name}", content, safe.read, safe.file)
    yield Format("no model", b"", model.read, "a.npz")
    # The numbers of the fields are those of onnx.proto.
    for name, content in (
        ("fields", b"\x0a\x00" * 5_000_000),
        ("nodes", _field(7, b"\x0a\x00" * 5_000_000)),
        ("attributes", _field(7, _field(1, b"\x2a\x00" * 5_000_000))),
        ("arrays", _field(7, _field(5, b"\x32\x00" * 5_000_000))),
        ("sizes", _field(7, _field(11, _field(2, _field(1, _field(2, b"\x0a\x00" * 5_000_000)))))),
        ("axes", _field(7, _field(5, b"\x08\x7f" * 1_000_000))),
        ("packed axes", _field(7, _field(5, _field(1, b"\x7f" * 5_000_000)))),
        ("metadata", b"\x72\x00" * 5_000_000),
        (
            "graphs in graphs",
            functools.reduce(lambda inner, _: _field(7, _field(1, _field(5, _field(6, inner)))), range(2000), b""),
        ),
    ):
        yield Format(f"onnx {name}", content, import_onnx, "a.onnx")


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message with its length before it, seven bits a byte."""
    n_bytes = max(1, -(-len(content).bit_length() // 7))
    sizes = [len(content) >> 7 * place & 127 | (128 if place < n_bytes - 1 else 0) for place in range(n_bytes)]
    return bytes([number << 3 | 2, *sizes]) + content


def _safe_header(header: dict[str, Any]) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


# ------------------------------------------------------------------------------------------------------------ running


def put(folder: Path, each: Format, content: bytes) -> Path:
    """The file, and those that lie beside it."""
    path = folder / each.file
    path.parent.mkdir(parents=True, exist_ok=True)
    for name, other in each.around.items():
        beside = path.parent / name
        if not beside.exists() or name == path.name:
            beside.write_bytes(other)
    path.write_bytes(content)
    return path


def _memory(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def tried(each: Format, path: Path, *, is_whole: bool = False) -> tuple[str, float, int]:
    """What reading a file comes to: what is wrong with it if anything, the seconds and the bytes that it takes."""
    size = path.stat().st_size
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins anew
    before, started, wrong = _memory("VmRSS"), time.perf_counter(), ""
    try:
        each.read(path)
    except MlpNumpyError as error:
        if is_whole:
            wrong = f"refused: {error}"
        if len(str(error)) > 10_000:
            wrong = f"a message of {len(str(error))} letters"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        wrong = f"{type(error).__name__}: {str(error)[:200]}"
    seconds, peak = time.perf_counter() - started, max(0, _memory("VmHWM") - before)
    if peak > 4 * size + ROOM:
        wrong = wrong or f"{peak / 1e6:.0f} MB for a file of {size / 1e6:.1f} MB"
    if seconds > SECONDS:
        wrong = wrong or f"{seconds:.1f} s"
    return wrong, seconds, peak


def cases(folder: Path, count: int, seed: int) -> Iterator[tuple[Format, bytes]]:
    """``count`` damaged files, of each format about as many."""
    known = formats(folder)
    for number in range(count):
        draws = random.Random(f"{seed} {number}")
        each = known[number % len(known)]
        yield each, each.finish(damaged(draws, each.content, each.is_text))


def all_files(folder: Path, count: int, seed: int) -> Iterator[tuple[str, Format, bytes]]:
    """Whole files, which must be read; files that ask for much; damaged ones."""
    yield from (("whole", each, each.finish(each.content)) for each in formats(folder))
    yield from (("bomb", each, each.content) for each in bombs(folder))
    yield from (("damaged", each, content) for each, content in cases(folder, count, seed))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="formats whose name has this in it")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    failures: collections.Counter[str] = collections.Counter()
    slowest, largest, n_files = (0.0, ""), (0, ""), 0
    with tempfile.TemporaryDirectory() as made:
        (Path(made) / "made").mkdir()
        for kind, each, content in all_files(Path(made) / "made", asked.count, asked.seed):
            if asked.only not in each.name:
                continue
            wrong, seconds, peak = tried(
                each, put(Path(made) / re.sub(r"\W", "-", each.name), each, content), is_whole=kind == "whole"
            )
            n_files, slowest, largest = n_files + 1, max(slowest, (seconds, each.name)), max(largest, (peak, each.name))
            if wrong:
                failures[f"{kind} {each.name}: {wrong}"] += 1
    for failure, times in sorted(failures.items()):
        sys.stdout.write(f"{times:5} × {failure}\n")
    sys.stdout.write(
        f"{n_files} files, {failures.total()} failures; slowest {slowest[0]:.2f} s ({slowest[1]}), "
        f"largest {largest[0] / 1e6:.0f} MB ({largest[1]})\n"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
