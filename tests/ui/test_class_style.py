import itertools

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from ui import theme
from ui.class_style import class_looks, symbol
from ui.palettes import PALETTES

# Machado, Oliveira & Fernandes (2009), severity 1.0: linear RGB as seen without one cone type.
SEEN = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour, seen):
    rgb = np.array([colour.redF(), colour.greenF(), colour.blueF()])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(seen) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.asarray(to_xyz) @ linear / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", SEEN)
@pytest.mark.parametrize(
    "classes",
    [
        ("left_hand", "right_hand"),
        ("left_hand", "right_hand", "feet", "tongue"),
        ("left_hand", "right_hand", "rest"),
        ("navigation", "arithmetic", "music"),
    ],
)
def test_classes_are_told_apart_with_any_colour_vision(vision, classes):
    colours = [lab(look.colour, SEEN[vision]) for look in class_looks(classes)]
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(colours, 2))
    assert nearest > 15  # CIE 1976 distance; 2.3 is just noticeable


@pytest.mark.parametrize("vision", SEEN)
def test_qualities_stand_out_from_good_with_any_colour_vision(vision):
    good = lab(theme.QUALITY["good"], SEEN[vision])
    for quality, colour in theme.QUALITY.items():
        if quality != "good":
            assert np.linalg.norm(lab(colour, SEEN[vision]) - good) > 15, quality


@pytest.mark.parametrize("vision", SEEN)
def test_the_light_theme_is_told_apart_with_any_colour_vision(vision):
    palette = {name: lab(QColor(text), SEEN[vision]) for name, text in PALETTES["light"].items()}
    for first, second in itertools.combinations(("sky", "orange", "green", "purple", "rest"), 2):
        assert np.linalg.norm(palette[first] - palette[second]) > 10, (first, second)
    for quality in ("flat", "railed", "noisy", "line"):
        assert np.linalg.norm(palette[quality] - palette["trace"]) > 15, quality


def test_meaning_decides_on_words_direction_and_colour():
    first = {look.name: look for look in class_looks(("left_hand", "right_hand", "feet", "rest"))}
    other = {look.name: look for look in class_looks(("rest", "left_hand"))}
    assert first["left_hand"] == other["left_hand"]
    assert first["rest"] == other["rest"]
    assert [look.words for look in first.values()] == ["left hand", "right hand", "feet", "rest"]
    assert [look.direction for look in first.values()] == ["left", "right", "down", "centre"]


def test_names_without_a_meaning_and_clashes_get_what_is_left():
    looks = class_looks(("left_hand", "left_foot", "both_fists", "Käse", "a", "b", "c"))
    assert [look.direction for look in looks] == ["left", "down", "up", "", "", "", ""]
    assert len({look.colour.name() for look in looks}) == len(looks)
    assert class_looks(("left_hand", "left"))[1].direction == ""


def test_more_classes_than_colours_still_have_looks():
    assert len(class_looks([f"class_{i}" for i in range(12)])) == 12


@pytest.mark.parametrize("direction", ["left", "right", "up", "down", "centre", ""])
def test_symbols_stay_in_their_box_and_point_where_they_say(direction):
    box = QRectF(10, 20, 40, 40)
    path = symbol(direction, box)
    assert box.contains(path.boundingRect())
    outline = path.boundingRect()
    wide = {"left", "right"}
    assert (outline.width() > outline.height()) == (direction in wide)
    # More ink on the side of the head than on that of the shaft.
    halves = {
        "left": (QRectF(10, 20, 20, 40), QRectF(30, 20, 20, 40)),
        "right": (QRectF(30, 20, 20, 40), QRectF(10, 20, 20, 40)),
        "up": (QRectF(10, 20, 40, 20), QRectF(10, 40, 40, 20)),
        "down": (QRectF(10, 40, 40, 20), QRectF(10, 20, 40, 20)),
    }
    if direction in halves:
        head, shaft = (ink(path, half) for half in halves[direction])
        assert head > shaft


def ink(path, half):
    xs = np.linspace(half.left() + 0.5, half.right() - 0.5, 30)
    ys = np.linspace(half.top() + 0.5, half.bottom() - 0.5, 30)
    return sum(path.contains(QRectF(x, y, 0.1, 0.1)) for x in xs for y in ys)
