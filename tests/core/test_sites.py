import pytest

from core.encoders.eegpt.electrodes import CODEX
from core.errors import InputError
from core.sites import (
    channels_at,
    eog_name,
    is_central,
    is_eog,
    is_frontal_or_temporal,
    is_motor,
    is_near_eyes_or_jaw,
)


def test_motor_electrodes_of_the_ten_ten_system_are_the_three_rows_over_the_central_sulcus():
    rows = {f"{row}{column}" for row in ("FC", "C", "CP") for column in "531Z246"}
    assert {name for name in CODEX if is_motor(name)} == rows
    assert rows < {name for name in CODEX if is_central(name)}


def test_no_electrode_is_central_and_frontal_or_temporal_at_once():
    assert not [name for name in CODEX if is_central(name) and is_frontal_or_temporal(name)]
    neither = {name for name in CODEX if not is_central(name) and not is_frontal_or_temporal(name)}
    assert neither == set("P7 P8 PO7 PO5 PO3 POZ PO4 PO6 PO8 O1 OZ O2".split())


@pytest.mark.parametrize("name", ["Fp1", "AF3", "Fz.", "EEG F8-REF", "AFp7", "FFC3h", "F9"])
def test_electrodes_before_the_row_fc_are_near_the_eyes(name):
    assert is_frontal_or_temporal(name)


@pytest.mark.parametrize("name", ["T3", "T8", "FT7", "TP10", "T9", "TTP7h"])
def test_electrodes_at_the_side_are_near_the_jaw(name):
    assert is_frontal_or_temporal(name)


@pytest.mark.parametrize("name", ["FCC3h", "CCP5h", "C1h", "FCCZ", "CP6"])
def test_ten_five_electrodes_between_the_rows_are_placed_by_their_rows(name):
    assert is_motor(name)


@pytest.mark.parametrize("name", ["E13", "VEOG", "A1", "M2", "C3-C4", "Ch1", "CZH", ""])
def test_what_is_no_electrode_of_the_system_belongs_nowhere(name):
    belongs = [is_motor(name), is_central(name), is_frontal_or_temporal(name)]
    assert not any(belongs)


def test_channels_are_taken_in_their_order_and_too_few_are_refused():
    labels = ("FP1", "C4", "PZ", "C3", "O1")
    assert channels_at("all", labels, "one.edf") == labels
    assert channels_at("central", labels, "one.edf") == ("C4", "PZ", "C3")
    assert channels_at("motor", labels, "one.edf") == ("C4", "C3")
    with pytest.raises(InputError, match=r"one.edf has 1 motor electrodes .*--sites all"):
        channels_at("motor", ("FP1", "C4", "O1"), "one.edf")


def test_the_nearest_to_eyes_and_jaw_are_the_brow_and_the_rim():
    near = {name for name in CODEX if is_near_eyes_or_jaw(name)}
    assert near == set("FP1 FPZ FP2 AF7 AF3 AF4 AF8 F7 F8 FT7 FT8 T7 T8 TP7 TP8".split())
    assert not is_near_eyes_or_jaw("F5")
    assert not is_near_eyes_or_jaw("P7")


@pytest.mark.parametrize(
    "label",
    ["EOG", "HEOG", "VEOG", "EOGL", "heogr", "EOG-left", "EOG 061", "EEG VEOG-Ref", "LOC", "LEOG",
     "HEO", "VEOL", "EEG VEO-REF"],
)  # fmt: skip
def test_eog_is_known_by_its_name(label):
    assert is_eog(label)


def test_channels_of_type_eog_are_called_so_as_decoders_have_them():
    names = [eog_name(label, "EOG") for label in ("HEO", "HEOG", "FP1", "EX1")]
    assert names == ["EOG HEO", "HEOG", "FP1", "EOG EX1"]
    assert all(map(is_eog, names[:2]))
    assert eog_name("EX1", "EEG") == "EX1"


@pytest.mark.parametrize("label", ["FP1", "GEOGRAPHY", "VIDEO", "EXG1", "EMG", "CLOCK", "C3", ""])
def test_other_channels_are_no_eog(label):
    assert not is_eog(label)
