"""Image files of any kind and size, as rows of bytes such as a data set holds."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DataError, DataNotFoundError, ShapeError, unreadable

# Kinds of file whose whole numbers of 32 bits are brightnesses of 16, 0 to 65535.
_SIXTEEN_BITS = ("PNG", "PPM")


def read_image(path: Path, image_shape: tuple[int, int, int]) -> Array:
    """An image file as a row (D,) uint8: channel by channel, scaled to ``image_shape`` (C, H, W), C = 1 gray or 3 RGB.

    It is seen as a viewer shows it: upright, as its EXIF data say, on white where it is transparent, its first frame
    where it moves. Brightnesses of 16 bits are scaled to 8.

    Raises
    ------
    DataNotFoundError
        if there is no such file
    DataError
        if it may not be read, is no image that Pillow can read, or has brightnesses without a known range
    ShapeError
        if ``image_shape`` is no gray or RGB image
    """
    channels, height, width = image_shape
    if channels not in (1, 3):
        raise ShapeError(f"read_image: image_shape must be (1, H, W) or (3, H, W), got {tuple(image_shape)}.")
    try:
        with warnings.catch_warnings():
            # of large photographs Pillow warns, and opens them; of what is much larger still it raises
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                shown = _as_shown(path, image).convert("L" if channels == 1 else "RGB")
                scaled = shown.resize((width, height), Image.Resampling.BILINEAR)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataNotFoundError(f"read_image: there must be an image file {path}, found none.") from error
    except Exception as error:  # what a damaged image raises has no end
        if isinstance(error, OSError) and error.errno is not None:  # the disk's own; Pillow's have no number
            raise unreadable("read_image", path, error) from error
        raise DataError(
            f"read_image: {path} must be an image file that Pillow can read, got {type(error).__name__}: {error}."
        ) from error
    pixels = np.asarray(scaled).reshape(height, width, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)).reshape(-1)


def _as_shown(path: Path, image: Image.Image) -> Image.Image:
    """The image upright, opaque, and in a mode of 8 bits."""
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format in _SIXTEEN_BITS)
    if image.mode in ("I", "F") and not sixteen:
        raise DataError(
            f"read_image: {path} must have brightnesses of 8 or 16 bits, got mode {image.mode}, whose range is not "
            "known. Hint: convert it to 8 bits."
        )
    upright = ImageOps.exif_transpose(image)
    if sixteen:
        return Image.fromarray(np.rint(np.asarray(upright) / 257).astype(np.uint8))  # 65535 = 255 · 257
    if {"A", "a"} & set(upright.getbands()) or "transparency" in upright.info:
        clear = upright.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear)
    return upright
