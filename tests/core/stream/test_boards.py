import pytest

from core.electrodes import is_site
from core.stream.boards import known_boards, motor_words

WITHOUT = {"Muse", "Emotiv EPOC"}


def test_every_board_has_a_source_and_electrodes_that_are_known():
    boards = known_boards()
    assert len({board.name for board in boards}) == len(boards) >= 10
    for board in boards:
        assert board.source
        assert board.unit == "uV"
        assert len(set(board.channels)) == len(board.channels)
        assert sum(is_site(name) for name in board.channels) >= 2


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("OpenBCI Cyton", 8),
        ("OpenBCI Cyton + Daisy", 16),
        ("g.tec Unicorn Hybrid Black", 8),
        ("BrainAmp, 32 channels of actiCAP", 32),
        ("BrainAmp, 64 channels of actiCAP", 64),
    ],
)
def test_boards_have_their_number_of_channels(name, channels):
    [board] = [board for board in known_boards() if board.name == name]
    assert len(board.channels) == channels


@pytest.mark.parametrize("board", known_boards(), ids=lambda board: board.name)
def test_boards_without_motor_electrodes_are_told_so(board):
    words = motor_words(board.channels)
    assert bool(words) is (board.name in WITHOUT)
    if words:
        assert "over the motor cortex" in words


def test_electrodes_on_the_rim_are_named_too():
    assert "(it has TP9, AF7, AF8, TP10)" in motor_words(["TP9", "AF7", "AF8", "TP10", "AUX"])


def test_unknown_names_prove_nothing():
    assert motor_words(["Ch1", "Ch2"]) == ""
    assert motor_words(["EEG C3-REF", "Fp1"]) == ""
    assert motor_words(["FCC3h", "Fp1"]) == ""
    assert motor_words(["FC5", "C6", "CPP1h"]) != ""
    assert motor_words(["Fp1", "Ch2"]) != ""
