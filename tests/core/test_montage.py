import numpy as np
import pytest

from core.encoders.eegpt.electrodes import CODEX, channel_ids
from core.errors import InputError
from core.montage import match, named, names_in


def test_codex_positions_are_those_of_the_published_table():
    assert len(CODEX) == 62
    places = {"FP1": 0, "AF7": 3, "AF8": 6, "FZ": 11, "T7": 25, "C3": 27, "CZ": 29, "C4": 31}
    places |= {"T8": 33, "PZ": 47, "PO5": 53, "PO6": 57, "OZ": 60, "O2": 61}
    assert {name: int(channel_ids([name])[0]) for name in places} == places


def test_case_dots_prefixes_and_old_names_do_not_matter():
    names = ["Fc5.", "c3..", "EEG C4-REF", "T3", "t6"]
    expected = channel_ids(["FC5", "C3", "C4", "T7", "P8"])
    np.testing.assert_array_equal(channel_ids(names), expected)


def test_unknown_and_repeated_electrodes_are_named():
    with pytest.raises(InputError, match="EOG1"):
        channel_ids(["C3", "EOG1"])
    with pytest.raises(InputError, match="T7"):
        channel_ids(["T3", "T7"])


def test_match_finds_by_name_and_reports_the_rest():
    found = match(["EOG", "c4", "T3", "C3"], ["C3", "CZ", "C4", "T7"])
    assert found.channels == ("C3", "C4", "T7")
    assert found.indices == (3, 1, 2)
    assert found.aliased == {"T3": "T7"}
    assert found.missing == ("CZ",)
    assert found.ignored == ("EOG",)


def test_match_refuses_two_channels_for_one_electrode():
    with pytest.raises(InputError, match='"T3" and "T7"'):
        match(["T3", "T7"], ["T7"])


def test_names_that_a_person_gives_are_one_for_each_channel():
    assert named(["Ch1", "Ch2"], None, "the stream") == ("Ch1", "Ch2")
    assert named(["Ch1", "Ch2"], ["C3", "C4"], "the stream") == ("C3", "C4")
    with pytest.raises(InputError, match="names 1 channels; the stream has 2"):
        named(["Ch1", "Ch2"], ["C3"], "the stream")


def test_channels_that_a_person_calls_unused_are_no_electrodes():
    names = names_in("C3, -,C4,none")
    assert named(["O1", "O2", "Ch3", "Ch4"], names, "it") == ("C3", "Unused2", "C4", "Unused4")
    assert names_in(None) is None
    with pytest.raises(InputError, match=r"names 4 channels; it has 1 \(O1\)"):
        named(["O1"], names, "it")


def test_two_channels_of_one_name_are_said():
    """MNE reads two that a file calls C3 as C3-0 and C3-1."""
    with pytest.raises(InputError, match='"C3-0" and "C3-1" both mean the electrode C3'):
        match(["C3-0", "C3-1"], ["C3"])
