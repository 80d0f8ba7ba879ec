"""Pictures that tests draw: one colour each, with a square in the middle."""

import numpy as np
from PIL import Image

COLOURS = {"red.png": (220, 30, 30), "green.png": (20, 200, 40), "blue.png": (30, 40, 230)}


def draw(path, colour=(200, 120, 40), size=(80, 60), **options):
    """Write a picture of that width and height."""
    width, height = size
    pixels = np.full((height, width, 3), colour, dtype=np.uint8)
    pixels[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path
