"""PNG and JPEG through Pillow, as (rows, columns) in grey or in three colours."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image

from crosslabel.errors import ImageError
from crosslabel.images.grid import Grid
from crosslabel.images.header import Header

# Pillow reports broken PNG chunks as SyntaxError.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    PIL.Image.DecompressionBombError,
)
_SIXTEEN_BIT_GREY = ("I", "I;16", "I;16B", "I;16L")


def read_header(path: Path) -> Header:
    """Size of a picture, without its pixels.

    Raises:
        ImageError: not a PNG or JPEG, damaged, or animated.
    """
    with _opened(path) as picture:
        return _header(picture)


def read(path: Path) -> tuple[np.ndarray, Header]:
    """Grey values (1, rows, columns), or red, green and blue (3, rows, columns) where they differ anywhere, and the header.

    Eight-bit values stay 0-255 and sixteen-bit ones 0-65535; transparent pixels lie on black. Pixels stay as stored: like ITK,
    the EXIF orientation is not applied, so that a label fits the stored pixels.

    Raises:
        ImageError: as :func:`read_header`, or truncated.
    """
    with _opened(path) as picture:
        header = _header(picture)
        try:
            picture.load()
        except _DAMAGE as error:
            raise _unreadable(path.name) from error
        return _channels(picture), header


def luma(colours: np.ndarray) -> np.ndarray:
    """(3, rows, columns) of eight bits to their luma (1, rows, columns), ITU-R BT.601 in Pillow's fixed point."""
    red, green, blue = colours.astype(np.uint32)
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)[np.newaxis]


def read_indices(path: Path) -> tuple[np.ndarray, Header]:
    """Label values (1, rows, columns) of a PNG: grey values, or indices of a palette whatever its colours.

    Raises:
        ImageError: as :func:`read`, in colour, or a JPEG.
    """
    with _opened(path) as picture:
        header = _header(picture)
        if picture.format == "JPEG":
            raise ImageError(f"'{path.name}' is a JPEG, whose compression blurs label values: save a PNG.")
        if picture.mode not in ("1", "L", "P", *_SIXTEEN_BIT_GREY):
            raise ImageError(f"'{path.name}' is in colour and holds no label values: save a grey or palette PNG.")
        try:
            return np.asarray(picture)[np.newaxis], header
        except _DAMAGE as error:
            raise _unreadable(path.name) from error


def _opened(path: Path) -> PIL.Image.Image:
    try:
        picture = PIL.Image.open(path, formats=("PNG", "JPEG"))
    except _DAMAGE as error:
        raise _unreadable(path.name) from error
    if getattr(picture, "n_frames", 1) > 1:
        picture.close()
        raise ImageError(f"'{path.name}' is animated: save the one frame that counts as a PNG.")
    return picture


def _header(picture: PIL.Image.Image) -> Header:
    columns, rows = picture.size
    return Header(grid=Grid.of_picture(rows, columns))


def _channels(picture: PIL.Image.Image) -> np.ndarray:
    if picture.mode in _SIXTEEN_BIT_GREY:
        return np.asarray(picture)[np.newaxis]
    if picture.has_transparency_data:
        black = PIL.Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = PIL.Image.alpha_composite(black, picture.convert("RGBA"))
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))[np.newaxis]
    colours = np.moveaxis(np.asarray(picture.convert("RGB")), -1, 0)
    is_grey = np.array_equal(colours[0], colours[1]) and np.array_equal(colours[0], colours[2])
    return colours[:1] if is_grey else colours


def _unreadable(name: str) -> ImageError:
    return ImageError(f"'{name}' is not a readable PNG or JPEG (damaged, empty or another format): save it again.")
