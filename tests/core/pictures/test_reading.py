"""Pictures from files that nobody vouches for: what is read, and what a sentence says else."""

import hashlib
import os
import struct
import zlib

import numpy as np
import pytest
from pictures import draw
from PIL import Image

from core.errors import InputError
from core.pictures import reading
from core.pictures.reading import read_picture


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.tiff", "a.webp", "a.jpg"])
def test_pictures_of_every_format_are_read(tmp_path, name):
    path = draw(tmp_path / name, (200, 120, 40))
    picture = read_picture(path)
    assert (picture.pixels.shape, picture.pixels.dtype) == ((60, 80, 3), np.uint8)
    np.testing.assert_allclose(picture.pixels[5, 5], (200, 120, 40), atol=8)
    assert picture.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_picture_is_made_smaller_and_keeps_its_proportions(tmp_path):
    picture = read_picture(draw(tmp_path / "a.png", size=(200, 100)), side=50)
    assert picture.pixels.shape == (25, 50, 3)


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: a quarter turn
    picture = read_picture(draw(tmp_path / "a.jpg", size=(80, 60), exif=exif))
    assert picture.pixels.shape == (80, 60, 3)


def test_what_is_transparent_is_white(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(path)
    assert (read_picture(path).pixels == 255).all()


def test_grey_and_palettes_become_colours(tmp_path):
    path = tmp_path / "a.png"
    Image.new("L", (4, 4), 90).save(path)
    assert (read_picture(path).pixels == 90).all()


def announcing(path, width, height):
    """A PNG of hardly any bytes that says it has so many pixels."""

    def checksum(data):
        return struct.pack(">I", zlib.crc32(data))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + checksum(kind + data)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return path


@pytest.mark.parametrize("side", [7_500, 10_000, 60_000])
def test_a_small_file_that_announces_a_very_large_picture_is_refused(tmp_path, side):
    with pytest.raises(InputError, match="up to 50 million are read"):
        read_picture(announcing(tmp_path / "a.png", side, side))


def test_a_large_file_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_FILE", 100)
    with pytest.raises(InputError, match="larger than 100 bytes"):
        read_picture(draw(tmp_path / "a.png"))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif"])
def test_a_picture_that_was_cut_is_refused(tmp_path, name):
    path = draw(tmp_path / name, size=(300, 300))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged"):
        read_picture(path)


def test_what_is_no_picture_is_refused(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(InputError, match="is no picture, or is damaged; PNG"):
        read_picture(path)
    with pytest.raises(InputError, match="There is no picture"):
        read_picture(tmp_path / "none.png")


def test_a_picture_of_16_bits_is_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.full((4, 4), 40_000, dtype=np.uint16)).save(path)
    with pytest.raises(InputError, match="more than 8 bits"):
        read_picture(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_is_no_picture_and_nothing_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match="There is no picture"):
        read_picture(tmp_path / "a.png")
