"""Names of electrodes, and their places, beside those of MNE's standard montage."""

import mne
import numpy as np
import pytest

from core.electrodes import direction, electrode, is_site, place_of, written, written_label
from core.encoders.eegpt.electrodes import CODEX

present = mne.channels.get_builtin_montages()  # MNE 1.13 gave the template another name
STANDARD = mne.channels.make_standard_montage(
    next(name for name in ("colin27_1005", "standard_1005") if name in present)
).get_positions()["ch_pos"]
EARS = {"A1", "A2", "M1", "M2"}


@pytest.mark.parametrize(
    "label",
    ["C3-A2", "C3-M2", "EEG C3-A1A2", "C3-LE", "C3-Ref", "C3:A2", "c3/a1", "EEG C3 - A2", "C3-AVG",
     "C3-A12", "C3-(A1+A2)/2", "C3-M1M2", "C3_REF", "C3-Linked Ears", "EEG C3-CAR", "C3.",
     "C3-0", "EEG C3-1"],
)  # fmt: skip
def test_what_an_electrode_was_measured_against_does_not_matter(label):
    assert electrode(label) == "C3"


def test_what_a_half_electrode_was_measured_against_does_not_matter_either():
    assert electrode("EEG FFC1h-A2") == electrode("ffc1h-Ref") == "FFC1H"


@pytest.mark.parametrize("label", ["C3-C4", "EEG C3-Cz", "C3-P3", "C3-T7", "Cz-FCz", "C3A", "Ref"])
def test_bipolar_channels_and_references_are_no_electrodes(label):
    assert electrode(label) not in CODEX


def test_electrodes_lie_where_their_names_say():
    places = np.array([direction(name) for name in CODEX])  # (electrodes, xyz)
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1.0, atol=1e-12)
    right, front, up = (dict(zip(CODEX, axis, strict=True)) for axis in places.T)
    assert max(up, key=up.get) == "CZ"
    assert {max(right, key=right.get), min(right, key=right.get)} == {"T7", "T8"}
    assert max(front, key=front.get) == "FPZ"
    assert right["C3"] == pytest.approx(-right["C4"])
    assert right["C3"] < right["C1"] < 0
    assert direction("EEG T3-REF") == direction("T7")


def test_columns_count_from_the_midline_to_the_circle_above_the_ears():
    assert place_of("CZ") == (5, 0.0)
    assert place_of("C3") == (5, 0.5)
    assert place_of("C3h") == (5, 0.375)
    assert place_of("T7") == place_of("T8") == (5, 1.0)
    assert place_of("O1") == (9, 1.0)
    assert place_of("TP9") == (6, 1.25)
    assert place_of("I1") == place_of("O9") == (9, 1.25)


def test_every_electrode_of_the_standard_montage_is_known_and_written_as_there():
    names = STANDARD.keys() - EARS
    assert not [name for name in names if not is_site(name)]
    assert not [name for name in EARS if is_site(name)]
    assert not [name for name in names if written(name.upper()) != name]


def test_electrodes_below_the_circle_lie_a_tenth_under_it():
    for below, on_it in [
        ("AF9", "AF7"),
        ("FT9", "FT7"),
        ("T10", "T8"),
        ("PO10", "PO8"),
        ("I1", "O1"),
    ]:
        assert np.dot(direction(below), direction(on_it)) == pytest.approx(np.cos(np.pi / 10))
        assert direction(below)[2] == pytest.approx(0.0)
    for between, on_it in [("OI1", "O1"), ("OI1", "I1"), ("OI2h", "I2h"), ("NFp1", "Fp1")]:
        assert np.dot(direction(between), direction(on_it)) == pytest.approx(np.cos(np.pi / 20))
    assert place_of("I1h") == (9.5, 1.25)
    assert direction("Iz")[0] > direction("I1h")[0] > direction("I1")[0]


def test_places_lie_as_on_the_template_head():
    """Which is no sphere: angles differ, but not the order along each axis, nor the symmetry."""
    names = [name for name in STANDARD if is_site(name)]
    places = np.array([direction(name) for name in names])  # (electrodes, xyz)
    measured = np.array([STANDARD[name] for name in names])
    for axis in range(3):
        assert np.corrcoef(places[:, axis], measured[:, axis])[0, 1] > 0.95
    for place, (right, *_) in zip(places, measured, strict=True):
        partner = int(np.argmax(places @ (place * (-1, 1, 1))))
        assert measured[partner, 0] == pytest.approx(-right, abs=0.012)


@pytest.mark.parametrize(
    "label",
    ["C9", "O5", "T1", "TZ", "FP3", "F11", "CZh", "FT7z", "B1", "Ch1", "E13", "Z", ""],
)
def test_what_the_system_does_not_have_is_no_electrode(label):
    assert not is_site(label)
    assert direction(label) is None
    assert place_of(label) is None


def test_labels_are_written_as_people_write_them():
    labels = ["Fc5.", "EEG FPZ-REF", "ffc1H", "T3", "Ch1", "IZ"]
    assert [written_label(label) for label in labels] == ["FC5", "Fpz", "FFC1h", "T3", "Ch1", "Iz"]
