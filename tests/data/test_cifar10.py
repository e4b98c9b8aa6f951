"""CIFAR-10 from disk: every official form gives the same arrays, and nothing damaged or foreign gets through."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from data_helpers import CLASS_NAMES, TinyCifar, archive_bytes, python2_pickle, sha256, write_folder

from mlp_numpy.data import cifar10
from mlp_numpy.data.dataset import Dataset
from mlp_numpy.errors import DataError, DataNotFoundError

PY, BIN = "cifar-10-batches-py", "cifar-10-batches-bin"


def check(dataset: Dataset, tiny: TinyCifar, source: Path) -> None:
    np.testing.assert_array_equal(dataset.train.images, tiny.images[: tiny.n_train])
    np.testing.assert_array_equal(dataset.test.images, tiny.images[tiny.n_train :])
    np.testing.assert_array_equal(dataset.train.labels, tiny.labels[: tiny.n_train])
    np.testing.assert_array_equal(dataset.test.labels, tiny.labels[tiny.n_train :])
    for split in (dataset.train, dataset.test):
        assert split.images.dtype == np.uint8
        assert split.images.flags.c_contiguous
        assert split.labels.dtype == np.int64
    assert dataset.name == "CIFAR-10"
    assert dataset.image_shape == (3, 32, 32)
    assert dataset.class_names == CLASS_NAMES
    assert dataset.source == str(source)


def place_archive(data_dir: Path, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = data_dir / name
    path.write_bytes(content)
    monkeypatch.setitem(cifar10.SHA256, name, sha256(content))
    return path


def test_the_pickles_of_these_tests_are_what_pickle_reads(tiny: TinyCifar) -> None:
    values = pickle.loads(tiny.python_files()["data_batch_2"], encoding="bytes")
    np.testing.assert_array_equal(values[b"data"], tiny.images[3:6])
    assert values[b"labels"] == tiny.labels[3:6].tolist()


def test_python_folder(tmp_path: Path, tiny: TinyCifar) -> None:
    folder = write_folder(tmp_path / PY, tiny.python_files())
    check(cifar10.load(tmp_path), tiny, folder)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_python_folder_written_again_by_python_3(tmp_path: Path, tiny: TinyCifar, protocol: int) -> None:
    folder = write_folder(tmp_path / PY, tiny.python3_files(protocol))
    check(cifar10.load(str(tmp_path)), tiny, folder)


def test_an_array_stored_by_columns_is_turned(tmp_path: Path, tiny: TinyCifar) -> None:
    files = tiny.python_files()
    by_columns = np.asfortranarray(tiny.images[:3])
    files["data_batch_1"] = pickle.dumps({"data": by_columns, "labels": tiny.labels[:3].tolist()}, protocol=2)
    folder = write_folder(tmp_path / PY, files)
    check(cifar10.load(tmp_path), tiny, folder)


def test_binary_folder(tmp_path: Path, tiny: TinyCifar) -> None:
    folder = write_folder(tmp_path / BIN, tiny.binary_files())
    check(cifar10.load(tmp_path), tiny, folder)


def test_archives_are_read_where_they_lie(tmp_path: Path, tiny: TinyCifar, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, folder, files in (
        ("cifar-10-python.tar.gz", PY, tiny.python_files()),
        ("cifar-10-binary.tar.gz", BIN, tiny.binary_files()),
    ):
        data_dir = tmp_path / folder
        data_dir.mkdir()
        path = place_archive(data_dir, name, archive_bytes(folder, files), monkeypatch)
        check(cifar10.load(data_dir), tiny, path)
        assert list(data_dir.iterdir()) == [path]


def test_batches_of_different_lengths(tmp_path: Path, tiny: TinyCifar) -> None:
    files = tiny.python_files()
    longer = {b"data": tiny.images[:4], b"labels": tiny.labels[:4].tolist()}
    files["data_batch_3"] = python2_pickle(longer)
    write_folder(tmp_path / PY, files)
    dataset = cifar10.load(tmp_path)
    assert len(dataset.train) == 16
    np.testing.assert_array_equal(dataset.train.images[6:10], tiny.images[:4])
    np.testing.assert_array_equal(dataset.train.images[10:], tiny.images[9:15])


def test_a_folder_comes_before_its_archive(tmp_path: Path, tiny: TinyCifar) -> None:
    folder = write_folder(tmp_path / PY, tiny.python_files())
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"not even an archive")
    assert cifar10.find(tmp_path) == folder
    check(cifar10.load(tmp_path), tiny, folder)


def test_nothing_there(tmp_path: Path) -> None:
    for data_dir in (tmp_path, tmp_path / "absent"):
        assert cifar10.find(data_dir) is None
        with pytest.raises(DataNotFoundError, match=r"must hold one of cifar-10-batches-py.* Hint: put https://"):
            cifar10.load(data_dir)


@pytest.mark.parametrize("name", [*TinyCifar().python_files()])
def test_a_missing_file_is_named(tmp_path: Path, tiny: TinyCifar, name: str) -> None:
    folder = write_folder(tmp_path / PY, tiny.python_files())
    (folder / name).unlink()
    with pytest.raises(DataError, match=rf"missing: {name}\. Hint: it is incomplete"):
        cifar10.load(tmp_path)


def test_a_pickle_that_would_run_something_runs_nothing(tmp_path: Path, tiny: TinyCifar) -> None:
    trace = tmp_path / "was-here"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {trace}",)

    for protocol in range(2, 6):
        payload = pickle.dumps(Evil(), protocol=protocol)
        data_dir = tmp_path / str(protocol)
        write_folder(data_dir / PY, tiny.python_files() | {"data_batch_4": payload})
        with pytest.raises(DataError, match=r"data_batch_4 must hold .* tried to load \w+\.system and was refused"):
            cifar10.load(data_dir)
        assert not trace.exists()
    pickle.loads(payload)
    assert trace.exists(), "the payload is a working one"


@pytest.mark.parametrize(
    ("module", "name"),
    [("builtins", "eval"), ("__builtin__", "eval"), ("numpy", "load"), ("codecs", "encode"), ("numpy.core", "eval")],
)
def test_no_name_is_loaded_that_an_array_does_not_need(tmp_path: Path, tiny: TinyCifar, module: str, name: str) -> None:
    payload = b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"U\x011\x85R."
    write_folder(tmp_path / PY, tiny.python_files() | {"batches.meta": payload})
    with pytest.raises(DataError, match=rf"batches.meta .* tried to load {module}\.{name} and was refused"):
        cifar10.load(tmp_path)


def test_a_huge_memo_number_costs_nothing(tmp_path: Path, tiny: TinyCifar) -> None:
    """One flipped bit makes such a number; the C unpickler answers it with a table of 32 GB."""
    payload = b"\x80\x02]r\xff\xff\xff\x7f."
    write_folder(tmp_path / PY, tiny.python_files() | {"data_batch_1": payload})
    started = time.perf_counter()
    with pytest.raises(DataError, match="data_batch_1 must hold a dictionary, got list"):
        cifar10.load(tmp_path)
    assert time.perf_counter() - started < 2


IMAGES = np.zeros((2, 3072), dtype=np.uint8)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({b"labels": [0, 1]}, "an entry 'data', got only labels"),
        ({b"data": IMAGES}, "an entry 'labels', got only data"),
        ({b"data": IMAGES, b"labels": [0]}, "2 labels, one per image, got 1"),
        ({b"data": IMAGES, b"labels": [0, 10]}, r"labels in \[0, 10\), got 10 at row 1"),
        ({b"data": IMAGES, b"labels": [-1, 3]}, r"labels in \[0, 10\), got -1 at row 0"),
        ({b"data": IMAGES, b"labels": [b"0", 1]}, "a list of integers as labels"),
        ({b"data": IMAGES, b"labels": b"\x00\x01"}, "a list of integers as labels, got a bytes"),
        ({b"data": IMAGES[:, :-1], b"labels": [0, 1]}, r"images of shape \(N, 3072\).*got \(2, 3071\)"),
        ({b"data": IMAGES[:0], b"labels": []}, r"images of shape \(N, 3072\).*got \(0, 3072\)"),
        ({b"data": IMAGES.astype(np.float32), b"labels": [0, 1]}, r"bytes \(u1\), got numbers of kind b'f4'"),
        ({b"data": [1, 2], b"labels": [0, 1]}, "an array, got list"),
        ([1, 2], "a dictionary, got list"),
    ],
)
def test_a_batch_of_another_form_is_told(tmp_path: Path, tiny: TinyCifar, values: object, message: str) -> None:
    folder = write_folder(tmp_path / PY, tiny.python_files() | {"data_batch_5": python2_pickle(values)})
    with pytest.raises(DataError, match=message) as caught:
        cifar10.load(tmp_path)
    assert str(caught.value).startswith(f"cifar10.load: {folder / 'data_batch_5'} must hold ")
    assert "Hint: " in str(caught.value)


def test_a_shape_that_the_bytes_do_not_fill(tmp_path: Path, tiny: TinyCifar) -> None:
    batch = tiny.python_files()["test_batch"]
    taller = batch.replace(b"(K\x02J\x00\x0c\x00\x00t", b"(K\x09J\x00\x0c\x00\x00t")
    assert taller != batch
    write_folder(tmp_path / PY, tiny.python_files() | {"test_batch": taller})
    with pytest.raises(DataError, match=r"test_batch must hold \(9, 3072\) bytes, got 6144 bytes"):
        cifar10.load(tmp_path)


@pytest.mark.parametrize("shape", [b"K\x00" + b"J\xff\xff\xff\x7f" * 3, b"K\x01" * 9])
def test_a_shape_that_no_array_can_have(tmp_path: Path, tiny: TinyCifar, shape: bytes) -> None:
    batch = tiny.python_files()["test_batch"]
    other = batch.replace(b"(K\x02J\x00\x0c\x00\x00t", b"(" + shape + b"t")
    assert other != batch
    write_folder(tmp_path / PY, tiny.python_files() | {"test_batch": other})
    with pytest.raises(DataError, match=r"test_batch must hold an array that can be, got \d axes of"):
        cifar10.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x00" * 3072, b"\x0a" + b"\x00" * 3072, b"<html>not found</html>"])
def test_a_binary_batch_of_another_form_is_told(tmp_path: Path, tiny: TinyCifar, content: bytes) -> None:
    write_folder(tmp_path / BIN, tiny.binary_files() | {"data_batch_2.bin": content})
    with pytest.raises(DataError, match=r"data_batch_2\.bin must hold .* got .* Hint: "):
        cifar10.load(tmp_path)


@pytest.mark.parametrize("names", [[b"a"] * 10, [b"a", b"b"], b"abc", [1] * 10])
def test_class_names_of_another_form_are_told(tmp_path: Path, tiny: TinyCifar, names: object) -> None:
    files = tiny.python_files() | {"batches.meta": python2_pickle({b"label_names": names})}
    write_folder(tmp_path / PY, files)
    with pytest.raises(DataError, match=r"batches\.meta must hold .*class names"):
        cifar10.load(tmp_path)


def test_every_truncation_of_a_pickle_is_found(tmp_path: Path, tiny: TinyCifar) -> None:
    files = tiny.python_files()
    folder = write_folder(tmp_path / PY, files)
    for name in ("data_batch_1", "batches.meta"):
        whole = files[name]
        for length in [*range(0, min(len(whole), 400), 3), *range(400, len(whole), 997), len(whole) - 1]:
            (folder / name).write_bytes(whole[:length])
            with pytest.raises(DataError, match=name):
                cifar10.load(tmp_path)
        (folder / name).write_bytes(whole + b"\n")
        with pytest.raises(DataError, match="a pickle and nothing after it, got 1 more bytes"):
            cifar10.load(tmp_path)
        (folder / name).write_bytes(whole)


@pytest.mark.slow
def test_a_flipped_bit_is_found_or_changes_what_a_byte_says(tmp_path: Path, tiny: TinyCifar) -> None:
    """Without a digest a flip in a pixel or a label cannot be seen; anywhere else it must be a DataError."""
    files = tiny.python_files()
    folder = write_folder(tmp_path / PY, files)
    found = 0
    for name in ("data_batch_1", "batches.meta"):
        whole = files[name]
        structure = [*range(min(len(whole), 330)), *range(len(whole) - 40, len(whole))]
        for position in structure:
            flipped = bytearray(whole)
            flipped[position] ^= 1 << (position % 8)
            (folder / name).write_bytes(flipped)
            try:
                dataset = cifar10.load(tmp_path)
            except DataError as error:
                found += 1
                assert name in str(error)
            else:
                assert dataset.train.images.shape == (15, 3072)
        (folder / name).write_bytes(whole)
    assert found > 200


@pytest.mark.slow
def test_a_full_sized_batch_cut_between_two_images_is_found(tmp_path: Path, tiny: TinyCifar) -> None:
    full = bytes(3073) * 10_000
    names = [name for name in tiny.binary_files() if name.endswith(".bin")]
    folder = write_folder(tmp_path / BIN, tiny.binary_files())
    for name in names:
        (folder / name).write_bytes(full)
    assert len(cifar10.load(tmp_path).train) == 50_000
    (folder / "test_batch.bin").write_bytes(full[: 3073 * 5000])
    with pytest.raises(DataError, match=r"test_batch\.bin must hold 10,000 images like the other batches, got 5,000"):
        cifar10.load(tmp_path)
    (folder / "test_batch.bin").write_bytes(full + bytes(3073))
    with pytest.raises(DataError, match=r"got \(10001, 3072\)"):
        cifar10.load(tmp_path)


def test_an_archive_of_another_digest_is_refused(tmp_path: Path, tiny: TinyCifar) -> None:
    content = archive_bytes(PY, tiny.python_files())
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(content)
    with pytest.raises(DataError) as caught:
        cifar10.load(tmp_path)
    message = str(caught.value)
    assert "is damaged or foreign" in message
    assert "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce" in message
    assert sha256(content) in message
    assert "Hint: delete it so that it is downloaded again." in message


def test_what_an_archive_holds_is_checked_too(tmp_path: Path, tiny: TinyCifar, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = archive_bytes(PY, tiny.python_files())
    files = tiny.python_files()
    del files["data_batch_2"]
    for content, message in [
        (b"", "must be a whole .tar.gz archive"),
        (b"no archive at all", "must be a whole .tar.gz archive"),
        (whole[: len(whole) // 2], "must be a whole .tar.gz archive"),
        (archive_bytes("elsewhere", tiny.python_files()), "missing: batches.meta, data_batch_1"),
        (archive_bytes(PY, files), r"missing: data_batch_2\. "),
    ]:
        place_archive(tmp_path, "cifar-10-python.tar.gz", content, monkeypatch)
        with pytest.raises(DataError, match=message):
            cifar10.load(tmp_path)


def test_a_link_in_an_archive_is_not_followed(tmp_path: Path, tiny: TinyCifar, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(target, "w:gz") as tar:
        link = tarfile.TarInfo(f"{PY}/data_batch_1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    place_archive(tmp_path, target.name, target.read_bytes(), monkeypatch)
    with pytest.raises(DataError, match="missing: batches.meta, data_batch_1"):
        cifar10.load(tmp_path)


def test_a_folder_that_may_not_be_read(tmp_path: Path, tiny: TinyCifar, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(tmp_path / PY, tiny.python_files())
    refused = PermissionError(13, "Permission denied")

    def refuse(self: Path, *_: object, **__: object) -> None:
        raise refused

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(DataError, match=r"must be readable, got: Permission denied. Hint: check its owner"):
            cifar10.load(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", refuse)
        with pytest.raises(DataError, match=rf"{folder} must be readable, got: Permission denied"):
            cifar10.find(tmp_path)


@pytest.mark.parametrize("mode", [0o000, 0o600])
@pytest.mark.slow
def test_the_same_with_real_permissions(tmp_path: Path, tiny: TinyCifar, mode: int) -> None:
    """In a process that gives up root's rights, where the tests run as root; as this user otherwise."""
    folder = write_folder(tmp_path / "data" / PY, tiny.python_files())
    above = {parent: parent.stat().st_mode for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent)}
    for parent, rights in above.items():
        parent.chmod(rights | 0o055)
    folder.chmod(mode)
    script = (
        "import os, sys\n"
        "from mlp_numpy.data import cifar10\n"
        "from mlp_numpy.errors import DataError\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try: cifar10.load(sys.argv[1])\n"
        "except DataError as error: print(error)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "data")]
    here = str(Path(cifar10.__file__).parents[2])
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": here}, check=False)
    for changed, rights in ({folder: 0o755} | above).items():
        changed.chmod(rights)
    assert run.returncode == 0, run.stderr
    assert "must be readable, got: Permission denied" in run.stdout


def test_something_else_by_the_name_of_the_folder_or_archive(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / PY).write_bytes(b"a file")
    (tmp_path / "b" / "cifar-10-python.tar.gz").mkdir(parents=True)
    for data_dir in (tmp_path / "a", tmp_path / "b"):
        with pytest.raises(DataError, match=r"must be readable, got: .*directory"):
            cifar10.load(data_dir)


def test_a_flip_anywhere_in_an_archive_is_found(
    tmp_path: Path, tiny: TinyCifar, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = archive_bytes(PY, tiny.python_files())
    path = place_archive(tmp_path, "cifar-10-python.tar.gz", whole, monkeypatch)
    for position in range(0, len(whole), len(whole) // 25):
        flipped = bytearray(whole)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(DataError, match="is damaged or foreign"):
            cifar10.load(tmp_path)


def test_a_file_larger_than_pixels_as_text_is_not_read(tmp_path: Path, tiny: TinyCifar) -> None:
    # two bytes for each of 10,000 · 3073 (Python 3 pickles one and a half for Python 2), and room for names
    most = 71_460_000
    folder = write_folder(tmp_path / PY, tiny.python_files())
    for size, problem in ((most, "pickle"), (most + 1, "must have at most 71,460,000 bytes, got 71,460,001")):
        os.truncate(folder / "data_batch_1", size)
        with pytest.raises(DataError, match=problem):
            cifar10.load(tmp_path)
