"""Names that are kept for a stream, and used as --channels and --unit are."""

import os
import stat
from dataclasses import replace

import pytest

from core.errors import InputError
from core.stream.description import StreamIdentity, read_facts
from core.stream.discovery import StreamQuery, find_stream
from core.stream.kept_names import KeptNames, keep_names, kept_names, with_kept_names
from core.stream.stream_feed import Overrides
from core.units import UNIT

AMP = StreamIdentity("amp", "EEG", "serial", "lab", "uid")
NAMES = KeptNames(("C3", "Cz"), ("mV", ""))


def test_names_are_known_again_by_what_stays_the_same(home):
    keep_names(home, AMP, 2, NAMES)
    tomorrow = StreamIdentity("amp", "EEG", "serial", "laptop", "another")
    assert kept_names(home, tomorrow, 2) == NAMES


@pytest.mark.parametrize(
    ("identity", "channels"),
    [
        (StreamIdentity("amp", "EEG", "other", "lab", "uid"), 2),
        (StreamIdentity("amp2", "EEG", "serial", "lab", "uid"), 2),
        (StreamIdentity("amp", "AUX", "serial", "lab", "uid"), 2),
        (AMP, 3),
    ],
)
def test_another_stream_has_names_of_its_own(home, identity, channels):
    keep_names(home, AMP, 2, NAMES)
    assert kept_names(home, identity, channels) is None
    keep_names(home, identity, channels, KeptNames(("X",) * channels, ("V",) * channels))
    assert kept_names(home, AMP, 2) == NAMES


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_the_folder_that_names_are_kept_in_is_its_owners_alone(home):
    keep_names(home, AMP, 2, NAMES)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_names_can_be_forgotten(home):
    keep_names(home, AMP, 2, NAMES)
    keep_names(home, AMP, 2, None)
    assert kept_names(home, AMP, 2) is None


@pytest.mark.parametrize(
    "text", ["", "[]", '{"streams": [{"name": "amp"}]}', '{"streams": [1]}', "\x00", "{" * 9999]
)
def test_a_damaged_file_is_neither_used_nor_overwritten(home, text):
    home.mkdir()
    path = home / "streams.json"
    path.write_text(text)
    assert kept_names(home, AMP, 2) is None
    with pytest.raises(InputError, match="move it away"):
        keep_names(home, AMP, 2, NAMES)
    assert path.read_text() == text


def test_kept_names_do_what_the_command_line_does(send, home, name):
    send(name, channels=2, source_id=name)
    facts = read_facts(find_stream(StreamQuery(name=name), 20.0))
    assert with_kept_names(Overrides(), facts, home) == Overrides()
    keep_names(home, facts.identity, 2, NAMES)
    known = with_kept_names(Overrides(speed=2.0), facts, home).on(facts)
    assert known == Overrides(("C3", "Cz"), units=("mV", ""), speed=2.0).on(facts)
    assert (known.labels, known.units) == (("C3", "Cz"), ("mV", "microvolts"))
    told = with_kept_names(Overrides(("C4", "Pz"), "V"), facts, home).on(facts)
    assert (told.labels, told.units) == (("C4", "Pz"), ("V", "V"))


def test_a_unit_that_is_no_voltage_is_refused_for_electrodes_only(send, name):
    send(name, channels=2, source_id=name)
    facts = read_facts(find_stream(StreamQuery(name=name), 20.0))
    assert Overrides(("C3", "Temp"), units=("uV", "degC")).on(facts).units == ("uV", "degC")
    silent = replace(facts, units=("", ""))
    assert Overrides(("TP9", "FFC1h")).on(silent).units == (UNIT, UNIT)
    assert Overrides(("C3", "Temp")).on(silent).units == (UNIT, "")
    with pytest.raises(InputError, match='unit "degC"'):
        Overrides(("C3", "Cz"), units=("uV", "degC")).on(facts)


def test_what_a_person_says_is_not_missing(send, name):
    """Warnings asked for the --channels and --unit that had been given."""
    send(name, channels=2, source_id=name)
    facts = read_facts(find_stream(StreamQuery(name=name), 20.0))

    def said(**known):
        return [words.split()[2] for words in Overrides(**known).on(facts).warnings]

    assert said() == said(speed=2.0) == ["names", "gives"]  # no name, no unit
    assert said(channels=("C3", "Cz")) == ["gives"]
    assert said(unit="V") == ["names"]
    assert said(channels=("C3", "Cz"), units=("mV", "mV")) == []
    (words,) = Overrides(("C3", "Temp"), units=("mV", "")).on(facts).warnings
    assert "gives no unit for 1 of its 2 channels" in words
