import numpy as np
import pytest

from core.hemispheres import counterpart, mirror_of, swap


@pytest.mark.parametrize(
    ("name", "other"),
    [("C3", "C4"), ("FT8", "FT7"), ("CZ", "CZ"), ("PO10", "PO9"), ("FFC1H", "FFC2H")],
)
def test_the_counterpart_lies_at_the_same_place_of_the_other_hemisphere(name, other):
    assert counterpart(name) == other
    assert counterpart(other) == name


def test_hands_become_each_other_and_nothing_else_changes():
    assert swap(("feet", "right_hand", "left_hand")) == (0, 2, 1)
    assert swap(("feet", "left_hand")) is None


def test_features_of_two_views_stay_in_their_view():
    found = mirror_of([("C3", "C4"), ("CZ", "C3", "C4")])
    # Upper triangles, row by row: 33 34 44; then ZZ Z3 Z4 33 34 44.
    np.testing.assert_array_equal(found, [2, 1, 0, 3, 5, 4, 8, 7, 6])


def test_without_a_counterpart_there_is_no_mirror_image():
    assert mirror_of([("C3", "CZ")]) is None
