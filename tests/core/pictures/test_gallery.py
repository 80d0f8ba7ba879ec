"""Galleries of pictures: embedded once, and found again by their content."""

import hashlib

import numpy as np
import pytest
from pictures import COLOURS, draw

from core.errors import InputError
from core.pictures.encoders import load_image_encoder
from core.pictures.gallery import PictureFolder, PictureSet

NAMES = tuple(COLOURS)


@pytest.fixture
def folder(tmp_path):
    for name, colour in COLOURS.items():
        draw(tmp_path / name, colour)
    return tmp_path


@pytest.fixture
def gallery(folder):
    return PictureSet(NAMES, folder, load_image_encoder("untrained:0")).gallery(NAMES)


def test_a_gallery_keeps_names_embeddings_and_digests(folder, gallery):
    assert (gallery.entries, gallery.encoder) == (NAMES, "untrained 0")
    assert gallery.embeddings.shape == (3, 64)
    digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NAMES]
    assert list(gallery.pictures) == digests


def test_a_gallery_of_fewer_pictures_is_taken_in_their_order(folder, gallery):
    fewer = PictureSet(NAMES, folder, load_image_encoder("untrained:0")).gallery(NAMES[2:0:-1])
    assert fewer.entries == NAMES[2:0:-1]
    np.testing.assert_array_equal(fewer.embeddings, gallery.embeddings[2:0:-1])
    assert fewer.pictures == gallery.pictures[2:0:-1]


def test_a_picture_that_is_missing_is_named(folder):
    with pytest.raises(InputError, match=r"picture tree\.png .* is not in .* --pictures"):
        PictureSet(("red.png", "tree.png"), folder, load_image_encoder("untrained:0"))


def test_one_picture_under_two_names_is_refused(folder):
    draw(folder / "again.png", COLOURS["red.png"])
    with pytest.raises(InputError, match=r"red\.png and again\.png are the same picture"):
        PictureSet(("red.png", "again.png"), folder, load_image_encoder("untrained:0"))


def test_pictures_are_found_and_made_small(folder, gallery):
    draw(folder / "red.png", COLOURS["red.png"], size=(80, 60))
    here = PictureFolder(folder)
    assert here.missing(gallery) == []
    found = here.picture(gallery, "blue.png")
    np.testing.assert_array_equal(found[2, 2], COLOURS["blue.png"])
    assert here.picture(gallery, "blue.png") is found  # read once


def test_pictures_of_other_folders_are_found_by_their_names_alone(folder, gallery):
    (folder / "green.png").rename(folder / "moved.png")
    here = PictureFolder(folder)
    assert here.missing(gallery) == ["green.png"]
    assert here.picture(gallery, "green.png") is None
    assert PictureFolder(folder).path("faces/red.png") == (folder / "red.png").resolve()


def test_another_picture_of_the_same_name_is_not_shown(folder, gallery):
    draw(folder / "red.png", COLOURS["green.png"], size=(90, 60))
    assert PictureFolder(folder).picture(gallery, "red.png") is None


def test_a_damaged_picture_is_not_shown(folder, gallery):
    (folder / "red.png").write_bytes(b"\x89PNG")
    assert PictureFolder(folder).picture(gallery, "red.png") is None


@pytest.mark.parametrize("name", ["../secret.png", "sub/../../secret.png"])
def test_a_name_leads_nowhere_but_into_the_folder(tmp_path, name):
    draw(tmp_path / "secret.png")
    (tmp_path / "in").mkdir()
    assert PictureFolder(tmp_path / "in").path(name) is None
    assert PictureFolder(tmp_path / "in").path(str(tmp_path / "secret.png")) is None
