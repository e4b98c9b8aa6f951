"""Image files of many formats and sizes, converted to the layout of a data set."""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, TiffImagePlugin

from mlp_numpy.arrays import Array
from mlp_numpy.checks import sizes
from mlp_numpy.data.reading import as_path, check_regular, said
from mlp_numpy.errors import DataError, DataNotFoundError, ShapeError, unreadable

IMAGE_FORMATS: Final = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "SGI", "TGA", "TIFF", "WEBP")
"""The supported formats. Pillow reads more, and starts Ghostscript for one of them."""

MOST_PIXELS: Final = 50_000_000
MOST_BYTES: Final = 170_000_000
LONGEST_SIDE: Final = 100_000
"""The largest image, and the memory limit for reading one; a file that declares more is refused unread."""

# Formats whose 32-bit integers are 16-bit intensities, 0 to 65535.
_SIXTEEN_BITS: Final = ("PNG", "PPM")
# Memory of Pillow's readers in bytes per pixel, measured: some hold several copies of the image.
_BYTES_A_PIXEL: Final = {"AVIF": 12, "JPEG2000": 20, "SGI": 6, "TIFF": 8, "WEBP": 16}
_PROGRESSIVE: Final = 6
_ONE_BYTE_MODES: Final = ("1", "L", "P")
# A larger image is first downscaled, a strip of this many pixels at a time, to sides not below these.
_LARGE: Final = 2_000_000
_STRIP: Final = 500_000
_LEAST: Final = 64
_LARGEST_SHAPE: Final = 100_000_000

_ORIENTATION: Final = 0x0112
_TILE_WIDTH, _TILE_LENGTH = TiffImagePlugin.TILEWIDTH, TiffImagePlugin.TILELENGTH

_GRAY_MODES: Final = ("1", "L", "I;16")
_SIDEWAYS: Final = (5, 6, 7, 8)
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition that makes an image upright, by EXIF orientation."""


def read_image(path: Any, image_shape: tuple[int, int, int]) -> Array:
    """Read an image file as (D,) uint8: channel by channel, scaled to ``image_shape`` (C, H, W), C = 1 gray or 3 RGB.

    The image is rotated by its EXIF orientation; transparent pixels become white; of an animation, the first frame is
    read; 16-bit intensities are scaled to 8 bits. ``IMAGE_FORMATS`` lists the formats.

    Raises
    ------
    DataNotFoundError
        if the file does not exist
    DataError
        if it is unreadable, not an image of these formats, too large, or has intensities of unknown range
    ShapeError
        if ``image_shape`` is not that of a gray or RGB image
    OptionError
        if ``path`` is not a path, or ``image_shape`` not a list of sizes
    """
    path = as_path("read_image", path)
    found = sizes("read_image", "image_shape", image_shape)
    if len(found) != 3 or found[0] not in (1, 3) or math.prod(found) > _LARGEST_SHAPE:
        raise ShapeError(f"read_image: image_shape must be (1, H, W) or (3, H, W), got {found}.")
    channels, height, width = found
    with _errors("read_image", path), _opened(path) as image:
        mode, least = "L" if channels == 1 else "RGB", max(2 * height, 2 * width, _LEAST)
        _check_size(path, image, mode, least)
        shown = _as_shown(path, image, mode, least)
        scaled = shown.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(scaled).reshape(height, width, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)).reshape(-1)


def header_shape(path: Any) -> tuple[int, int, int]:
    """The shape (C, H, W) of an upright image, from its header alone: C = 1 if it is gray, else 3.

    Raises as ``read_image`` does; damage behind the header is not found.
    """
    path = as_path("header_shape", path)
    with _errors("header_shape", path), _opened(path) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION, 1) in _SIDEWAYS:
            width, height = height, width
        return (1 if image.mode.startswith(_GRAY_MODES) else 3), height, width


@contextlib.contextmanager
def _errors(who: str, path: Path) -> Iterator[None]:
    """Turns every error of reading an image file into one that names it."""
    check_regular(who, path)
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{who}: there must be an image file {path}, found none.") from error
    except Exception as error:  # a damaged image can raise any exception
        if isinstance(error, OSError) and error.errno is not None:  # of the operating system; Pillow's have no errno
            raise unreadable(who, path, error) from error
        raise DataError(f"{who}: {path} must be an image file that Pillow can read, got {said(error)}.") from error


def _opened(path: Path) -> Image.Image:
    """Open the image and read its header. Pillow's warning about large images is ignored: ``_check_size`` decides."""
    Image.init()
    kinds: list[str] = [kind for kind in IMAGE_FORMATS if kind in Image.OPEN]
    try:
        return Image.open(path, formats=kinds)
    except Image.DecompressionBombWarning as warning:
        # If warnings are errors. Filtering warnings is not thread-safe, so Pillow's readers are called directly.
        source: Any = path  # a path, so that the reader closes the file
        with path.open("rb") as file:
            beginning = file.read(16)
        for factory, accepts in (Image.OPEN[kind] for kind in kinds):
            if accepts is None or accepts(beginning) is True:
                with contextlib.suppress(SyntaxError, IndexError, TypeError, struct.error):
                    return factory(source, path.name)
        raise Image.DecompressionBombError(str(warning)) from warning


def _check_size(path: Path, image: Image.Image, mode: str, least: int) -> None:
    """Raise DataError by the size in the header, before any pixel is read; a large JPEG is decoded at reduced size."""
    width, height = image.size
    n_pixels = width * height
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        # a tile is decoded as a whole, even if it is larger than the image
        tags: Any = image.tag_v2
        n_pixels = max(n_pixels, int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_LENGTH, 0)))
    n_bytes = _PROGRESSIVE * n_pixels if image.info.get("progressive") else 0
    if n_pixels > _LARGE:
        image.draft(mode, (least, least))
    each = 1 if image.mode in _ONE_BYTE_MODES else 2 if image.mode.startswith("I;16") else 4
    n_bytes += max(each, _BYTES_A_PIXEL.get(image.format or "", 0)) * (
        image.width * image.height if image.format == "JPEG" else n_pixels
    )
    if max(width, height) > LONGEST_SIDE or n_pixels > MOST_PIXELS or n_bytes > MOST_BYTES:
        raise DataError(
            f"read_image: {path} must have at most {MOST_PIXELS:,} pixels, sides of {LONGEST_SIDE:,}, and need "
            f"{MOST_BYTES // 1_000_000} MB, got {width:,} × {height:,} and {n_bytes // 1_000_000:,} MB. "
            "Hint: make it smaller."
        )


def _as_shown(path: Path, image: Image.Image, mode: str, least: int) -> Image.Image:
    """The image upright and opaque, in mode "L" or "RGB", downscaled if large; its sides stay ≥ ``least``."""
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format in _SIXTEEN_BITS)
    if image.mode in ("I", "F") and not sixteen:
        raise DataError(
            f"read_image: {path} must have intensities of 8 or 16 bits, got mode {image.mode}, whose range is not "
            "known. Hint: convert it to 8 bits."
        )
    image.load()
    large = image.width * image.height > _LARGE
    small = _reduced(image, mode, least, sixteen) if large else _opaque(image, sixteen).convert(mode)
    turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    return small if turn is None else small.transpose(turn)


def _reduced(image: Image.Image, mode: str, least: int, sixteen: bool) -> Image.Image:
    """Downscale by box averages, strip by strip, without a copy of the whole image."""
    across, down = (max(1, side // least) for side in image.size)
    small = Image.new(mode, (-(-image.width // across), -(-image.height // down)))
    step = down * max(1, _STRIP // (image.width * down))
    for top in range(0, image.height, step):
        strip = image.crop((0, top, image.width, min(top + step, image.height)))
        small.paste(_opaque(strip, sixteen).convert(mode).reduce((across, down)), (0, top // down))
    return small


def _opaque(image: Image.Image, sixteen: bool) -> Image.Image:
    """The image in an 8-bit mode, on white."""
    if sixteen:
        return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))  # 65535 = 255 · 257
    if {"A", "a"} & set(image.getbands()) or "transparency" in image.info:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear)
    return image
