"""Image files are read as a viewer shows them, and what is no image is named."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image, ImageFile

from mlp_numpy.data import images
from mlp_numpy.data.images import read_image
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError, ShapeError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8)
SHAPE = (3, 4, 6)
RAMP = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2849  # 0 to 65527


def test_pixels_come_channel_by_channel(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    row = read_image(tmp_path / "a.png", SHAPE)
    assert (row.dtype, row.shape, row.flags.c_contiguous) == (np.uint8, (72,), True)
    np.testing.assert_array_equal(row.reshape(SHAPE), PIXELS.transpose(2, 0, 1))


def test_any_size_is_scaled_and_gray_and_color_become_one_another(tmp_path: Path) -> None:
    Image.new("L", (50, 40), 128).save(tmp_path / "gray.jpg")
    np.testing.assert_array_equal(read_image(tmp_path / "gray.jpg", (3, 2, 5)), np.full(30, 128))
    Image.new("RGB", (7, 3), (255, 0, 0)).save(tmp_path / "red.png")
    np.testing.assert_array_equal(read_image(tmp_path / "red.png", (1, 2, 5)), np.full(10, 76))


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    if ending == "pgm":  # which Pillow writes with 16 bits since version 11 only
        path.write_bytes(b"P5 6 4 65535\n" + RAMP.astype(">u2").tobytes())
    else:
        Image.fromarray(RAMP).save(path)
    expected = np.rint(RAMP / 257).reshape(-1)
    np.testing.assert_array_equal(read_image(path, (1, 4, 6)), expected)
    np.testing.assert_array_equal(read_image(path, SHAPE), np.tile(expected, 3))


def test_the_other_order_of_bytes(tmp_path: Path) -> None:
    tiff = Image.frombytes("I;16B", (6, 4), RAMP.astype(">u2").tobytes())
    tiff.save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", (1, 4, 6)), np.rint(RAMP / 257).reshape(-1))


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_numbers_without_a_known_range_are_refused(tmp_path: Path, kind: type) -> None:
    Image.fromarray(RAMP.astype(kind)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a.tif must have intensities of 8 or 16 bits, got mode [IF], .*Hint"):
        read_image(tmp_path / "a.tif", (1, 4, 6))


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    see_through = Image.new("RGBA", (6, 4), (255, 0, 0, 0))
    see_through.putpixel((0, 0), (255, 0, 0, 255))
    see_through.putpixel((1, 0), (0, 0, 0, 51))
    see_through.save(tmp_path / "rgba.png")
    image = read_image(tmp_path / "rgba.png", SHAPE).reshape(SHAPE)
    assert image[:, 0, 0].tolist() == [255, 0, 0]
    assert image[:, 0, 1].tolist() == [204, 204, 204]
    assert (image[:, 1:] == 255).all()
    see_through.convert("LA").save(tmp_path / "la.png")
    assert (read_image(tmp_path / "la.png", (1, 4, 6)).reshape(4, 6)[1:] == 255).all()
    palette = Image.new("P", (6, 4), 0)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    palette.putpixel((0, 0), 1)
    palette.save(tmp_path / "p.gif", transparency=0)
    image = read_image(tmp_path / "p.gif", (1, 4, 6))
    assert image[0] == 9
    assert (image[1:] == 255).all()
    Image.fromarray(PIXELS).save(tmp_path / "key.png", transparency=tuple(int(value) for value in PIXELS[2, 3]))
    image = read_image(tmp_path / "key.png", SHAPE).reshape(SHAPE)
    assert image[:, 2, 3].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(image[:, 0], PIXELS[0].T)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (8, 1), (3, 2), (6, 3)])
def test_photographs_stand_upright(tmp_path: Path, orientation: int, turns: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    upright = np.rot90(PIXELS, turns).transpose(2, 0, 1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", upright.shape).reshape(upright.shape), upright)
    Image.fromarray(RAMP).save(tmp_path / "b.png", exif=exif)
    expected = np.rint(np.rot90(RAMP, turns) / 257)
    np.testing.assert_array_equal(read_image(tmp_path / "b.png", (1, *expected.shape)), expected.reshape(-1))


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.tif"])
def test_of_a_moving_image_the_first_frame_is_read(tmp_path: Path, name: str) -> None:
    frames = [Image.new("L", (6, 4), brightness) for brightness in (50, 100, 200)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    assert set(read_image(tmp_path / name, (1, 4, 6)).tolist()) == {50}


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "YCbCr", "LA", "HSV", "RGBA"])
def test_modes_that_files_may_have(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    if mode in ("CMYK", "YCbCr"):
        path = tmp_path / "a.tif"
        image.save(path)
        _skip_unless_readable(path)
    else:
        path = tmp_path / "a.png"
        (image.convert("RGB") if mode == "HSV" else image).save(path)
    expected = np.asarray(image.convert("RGB"), np.int64).transpose(2, 0, 1).reshape(-1)
    np.testing.assert_allclose(read_image(path, SHAPE), expected, atol=2)


def _skip_unless_readable(path: Path) -> None:
    """Pillow up to 12.3 takes an uncompressed TIFF in YCbCr for one of four bytes a pixel, and finds it too short."""
    try:
        Image.open(io.BytesIO(path.read_bytes())).load()
    except OSError as error:
        pytest.skip(f"Pillow {PIL.__version__} cannot read its own {path.name}: {error}")


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"there must be an image file .*none.png, found none"):
        read_image(tmp_path / "none.png", SHAPE)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match=r"text.png must be an image file that Pillow can read, got Unidentified"):
        read_image(tmp_path / "text.png", SHAPE)
    with pytest.raises(DataError, match=r"must be readable, got: Is a directory"):
        read_image(tmp_path, SHAPE)
    with pytest.raises(ShapeError, match=r"image_shape must be \(1, H, W\) or \(3, H, W\), got \(2, 4, 6\)"):
        read_image(tmp_path / "text.png", (2, 4, 6))


def test_an_image_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(DataError, match=r"a.png must be readable, got: Permission denied. Hint: check its owner"):
        read_image(tmp_path / "a.png", SHAPE)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "tif", "bmp"])
@pytest.mark.slow
def test_no_truncation_and_no_flipped_bit_raises_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    # a flipped bit may ask for an image of millions of pixels, which takes time alone
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    path = tmp_path / f"a.{ending}"
    Image.fromarray(PIXELS).save(path)
    content = path.read_bytes()
    refused = 0
    for position in np.linspace(0, len(content) - 1, 60).astype(int):
        flipped = bytearray(content)
        flipped[position] ^= 255
        for damaged in (content[:position], bytes(flipped)):
            path.write_bytes(damaged)
            try:
                assert read_image(path, SHAPE).shape == (72,)
            except DataError:
                refused += 1
    assert refused > 20


def test_images_that_are_too_large_are_refused_and_merely_large_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    assert read_image(tmp_path / "a.png", SHAPE).shape == (72,)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    with pytest.raises(DataError, match="Pillow can read, got DecompressionBombError"):
        read_image(tmp_path / "a.png", SHAPE)


def test_the_library_does_not_load_it() -> None:
    script = "import sys, mlp_numpy; sys.exit('mlp_numpy.data.images' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_no_program_is_started_by_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow knows kinds of file that others than itself read: Ghostscript for one of them, whatever its name says."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("gs", "gswin64c", "gswin32c", "djpeg", "ppmtogif"):
        (programs / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/was-here\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    Image.new("RGB", (8, 8)).save(tmp_path / "x.eps")
    for name in ("x.png", "x.jpg", "x.eps"):
        (tmp_path / name).write_bytes((tmp_path / "x.eps").read_bytes())
        with pytest.raises(DataError, match=f"{name} must be an image file that Pillow can read"):
            read_image(tmp_path / name, SHAPE)
    assert not (tmp_path / "was-here").exists()
    assert not {"EPS", "PDF", "WMF", "FPX", "MIC", "BUFR", "GRIB", "HDF5", "MPEG", "FITS"} & set(images.IMAGE_FORMATS)


@pytest.mark.parametrize(("name", "value"), [("MOST_PIXELS", 23), ("MOST_BYTES", 95), ("LONGEST_SIDE", 5)])
@pytest.mark.parametrize("ending", ["png", "bmp", "gif", "tif", "jpg"])
def test_the_size_is_looked_at_before_a_pixel_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int, ending: str
) -> None:
    Image.fromarray(PIXELS).save(tmp_path / f"a.{ending}")
    monkeypatch.setattr(images, name, value if ending != "gif" or name != "MOST_BYTES" else 23)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("read"))
    with pytest.raises(DataError, match=rf"a.{ending} must have at most .* got 6 × 4 .*Hint: make it smaller"):
        read_image(tmp_path / f"a.{ending}", SHAPE)


@pytest.mark.parametrize(
    ("name", "options", "n_bytes"),
    [
        # six bytes a pixel of a progressive JPEG besides those of the decoded image
        ("a.jpg", {}, 4 * 24), ("a.jpg", {"progressive": True}, (4 + 6) * 24), ("a.png", {}, 4 * 24),
        ("a.tif", {}, 8 * 24), ("a.webp", {}, 16 * 24),
    ],
)  # fmt: skip
def test_the_memory_that_an_image_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, Any], n_bytes: int
) -> None:
    Image.new("RGB", (6, 4)).save(tmp_path / name, **options)
    monkeypatch.setattr(images, "MOST_BYTES", n_bytes)
    read_image(tmp_path / name, SHAPE)
    monkeypatch.setattr(images, "MOST_BYTES", n_bytes - 1)
    with pytest.raises(DataError, match="must have at most"):
        read_image(tmp_path / name, SHAPE)


def test_a_large_photograph_needs_the_memory_of_what_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (1600, 1200)).save(tmp_path / "a.jpg")
    monkeypatch.setattr(images, "MOST_BYTES", 4 * 800 * 600)
    monkeypatch.setattr(images, "_LARGE", 1600 * 1200 - 1)
    read_image(tmp_path / "a.jpg", SHAPE)
    monkeypatch.setattr(images, "_LARGE", 1600 * 1200)
    with pytest.raises(DataError, match="must have at most"):
        read_image(tmp_path / "a.jpg", SHAPE)


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (2, lambda upright: upright[:, ::-1]),
        (4, lambda upright: upright[::-1]),
        (5, lambda upright: upright.swapaxes(0, 1)),
        (7, lambda upright: upright[::-1, ::-1].swapaxes(0, 1)),
    ],
)
def test_mirrored_photographs_are_mirrored_back(tmp_path: Path, orientation: int, turned: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turned(PIXELS))).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(PIXELS).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", SHAPE), read_image(tmp_path / "b.png", SHAPE))


def test_tiles_larger_than_the_image_are_refused(tmp_path: Path) -> None:
    """One of them is read as a whole: here of 2.5 GB, for an image of 8 × 8 in 200 bytes."""
    side = 50_000
    entries = {256: 8, 257: 8, 258: 8, 259: 5, 262: 1, 277: 1, 322: side, 323: side, 324: 150, 325: 20}
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + tags + bytes(70))
    with pytest.raises(DataError, match=r"a\.tif must have at most 50,000,000 pixels"):
        read_image(tmp_path / "a.tif", SHAPE)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16", "LA", "1", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_image_becomes_what_a_small_one_of_the_same_picture_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, orientation: int
) -> None:
    """It is made smaller in strips, to the means of squares of 20 pixels here, then goes the way of the small one."""
    areas = np.array([[0, 90, 180], [255, 30, 60], [120, 200, 10]], np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    paths = [tmp_path / f"{name}.{'tif' if mode == 'CMYK' else 'png'}" for name in ("small", "large")]
    for path, side in zip(paths, (2, 40), strict=True):
        pixels = np.kron(areas, np.ones((side, side), np.uint8))
        image = Image.fromarray(pixels * np.uint16(257) if mode == "I;16" else pixels)
        (image if mode == "I;16" else image.convert(mode, dither=Image.Dither.NONE)).save(path, exif=exif)
    for name, value in (("_LARGE", 100), ("_STRIP", 3000), ("_LEAST", 6)):
        monkeypatch.setattr(images, name, value)
    small, large = (read_image(path, (1, 3, 3)).astype(int) for path in paths)
    np.testing.assert_allclose(large, small, atol=1)


def test_a_large_photograph_is_read_at_a_part_of_its_size(tmp_path: Path) -> None:
    Image.new("RGB", (5000, 4000), (200, 100, 50)).save(tmp_path / "a.jpg")
    colors = read_image(tmp_path / "a.jpg", (3, 32, 32)).reshape(3, -1).mean(axis=1)
    np.testing.assert_allclose(colors, (200, 100, 50), atol=3)


def test_a_path_may_be_text_and_nothing_else(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(str(tmp_path / "a.png"), SHAPE), read_image(tmp_path / "a.png", SHAPE))
    for path in (None, b"a.png", 3, "a\0b", "\ud800", ""):
        with pytest.raises(OptionError, match="read_image: there must be a path"):
            read_image(path, SHAPE)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="must be a regular file, got a device, a pipe or a socket"):
        read_image(tmp_path / "pipe", SHAPE)
