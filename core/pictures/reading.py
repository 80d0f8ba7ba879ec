"""Reading a picture from a file that nobody vouches for."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from core.errors import InputError, one_line
from core.machine.files import read_regular

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
"""What is read; other readers of Pillow start programs, or are hardly used."""

LARGEST_FILE = 64 * 2**20
"""Bytes of a file."""

MOST_PIXELS = 50_000_000
"""Of a picture, whatever its file's size: a small file can announce a very large picture."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it is shown.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Red, green and blue; what is transparent is white.
    sha256 : str
        Of its file.
    """

    pixels: np.ndarray
    sha256: str


def read_picture(path: Path, side: int | None = None) -> Picture:
    """Read a picture.

    Parameters
    ----------
    path : Path
    side : int, optional
        Make it smaller, so that neither side has more pixels than that.

    Raises
    ------
    InputError
        If there is no such file, or it is no picture, is damaged or too large.
    """
    from PIL import Image, ImageOps

    if not path.is_file():
        raise InputError(f"There is no picture {path}.")
    try:
        content = read_regular(path, LARGEST_FILE)
    except OSError as error:
        raise InputError(f"The picture {path} cannot be read: {one_line(error)}.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(BytesIO(content), formats=FORMATS)
        width, height = image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(_too_large(path, "more than 89 million")) from error
    except Exception as error:  # of a damaged file: anything
        raise InputError(
            f"{path} is no picture, or is damaged; {', '.join(FORMATS)} are read."
        ) from error
    if width * height > MOST_PIXELS:
        raise InputError(_too_large(path, f"{width} x {height}"))
    if image.mode.startswith(("I", "F")):
        raise InputError(
            f"The picture {path} has more than 8 bits a colour; save it with 8 bits a colour."
        )
    try:
        image = ImageOps.exif_transpose(image)  # decodes it
        if image.has_transparency_data:
            image = image.convert("RGBA")
            ground = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(ground, image)
        image = image.convert("RGB")
    except Exception as error:
        raise InputError(f"The picture {path} is damaged: {one_line(error)}.") from error
    if side is not None:
        image.thumbnail((side, side))
    return Picture(np.asarray(image), hashlib.sha256(content).hexdigest())


def _too_large(path: Path, pixels: str) -> str:
    return (
        f"The picture {path} has {pixels} pixels; up to {MOST_PIXELS // 10**6} million are read. "
        "Make it smaller."
    )
