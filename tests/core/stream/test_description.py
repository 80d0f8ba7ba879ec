"""Reading descriptions of every shape, and what is said of them."""

import pylsl
import pytest

from core.errors import InputError
from core.stream.description import (
    StreamIdentity,
    described,
    facts_from,
    plain_text,
    read_facts,
    warnings_of,
)
from core.stream.discovery import StreamQuery, find_stream
from core.stream.stream_feed import Overrides

IDENTITY = StreamIdentity("EEG", "EEG", "id", "host", "uid")


def channels(desc, *entries, inside=True):
    parent = desc.append_child("channels") if inside else desc
    for entry in entries:
        channel = parent.append_child("channel")
        for key, value in entry.items():
            channel.append_child_value(key, value)


def test_full_description_is_read(send, name):
    entries = [
        {"label": "C3", "unit": "microvolts", "type": "EEG"},
        {"label": "EOG1", "unit": "mV", "type": "EOG"},
        {"label": "EXG3", "unit": "uV", "type": "VEOG"},
    ]
    send(name, channels=3, describe=lambda desc: channels(desc, *entries))
    facts = read_facts(find_stream(StreamQuery(stream=name)))
    assert facts.labels == ("C3", "EOG1", "EOG EXG3")
    assert facts.units == ("microvolts", "mV", "uV")
    assert facts.types == ("EEG", "EOG", "VEOG")
    assert (facts.rate, facts.channel_count, facts.format) == (250.0, 3, "float32")
    assert facts.warnings == ()


@pytest.mark.slow
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("keys", [("label", "unit"), ("name", "units")])
def test_deviating_descriptions_are_understood(send, name, inside, keys):
    entries = [dict(zip(keys, values, strict=True)) for values in (("C3", "uV"), ("C4", "-6"))]
    send(name, describe=lambda desc: channels(desc, *entries, inside=inside))
    facts = read_facts(find_stream(StreamQuery(stream=name)))
    assert facts.labels == ("C3", "C4")
    assert facts.units == ("uV", "-6")
    assert facts.warnings == ()


def test_channels_that_are_numbered_in_groups_are_no_electrodes(send, name):
    entries = [{"label": f"C{number}", "unit": "uV"} for number in range(1, 33)]
    send(name, channels=32, describe=lambda desc: channels(desc, *entries))
    facts = read_facts(find_stream(StreamQuery(stream=name)))
    assert facts.labels[5:8] == ("C-6", "C7", "C8")
    (said,) = facts.warnings
    assert "C6 name no electrodes" in said
    kept = [f"C{number}" for number in range(1, 33)]  # before this was known
    assert Overrides(("C3", *kept[1:])).on(facts).labels == ("C3", *facts.labels[1:])
    assert Overrides(tuple(kept)).on(facts).warnings == facts.warnings


def test_missing_labels_units_and_source_id_are_accepted_with_a_warning_each(send, name):
    send(name, channels=3, source_id="")
    facts = read_facts(find_stream(StreamQuery(stream=name)))
    assert facts.labels == ("Ch1", "Ch2", "Ch3")
    assert facts.units == ("", "", "")
    expected = ("names none", "no unit", "no source_id")
    for words, warning in zip(expected, facts.warnings, strict=True):
        assert words in warning
        assert name in warning


@pytest.mark.slow
def test_description_of_too_few_or_too_many_channels_is_cut_to_the_stream(send, name):
    entry = {"label": "C3", "unit": "uV"}
    send(f"{name}-few", describe=lambda desc: channels(desc, entry))
    facts = read_facts(find_stream(StreamQuery(stream=f"{name}-few")))
    assert facts.labels == ("C3", "Ch2")
    assert len(facts.warnings) == 2
    many = [{"label": f"E{i}", "unit": "uV"} for i in range(5)]
    send(f"{name}-many", describe=lambda desc: channels(desc, *many))
    assert read_facts(find_stream(StreamQuery(stream=f"{name}-many"))).labels == ("E0", "E1")


def test_hostile_text_is_cut_and_cleaned(send, name):
    label = "C3\x1b[31m\n\u202e" + "x" * 10_000
    send(name, describe=lambda desc: channels(desc, {"label": label, "unit": "u\tV"}))
    facts = read_facts(find_stream(StreamQuery(stream=name)))
    assert facts.labels[0].startswith("C3[31mxxx")
    assert len(facts.labels[0]) <= 128
    assert facts.units[0] == "uV"


def test_plain_text_keeps_what_people_write():
    assert plain_text("  Dräger µV 脳波  ") == "Dräger µV 脳波"
    assert plain_text("a" * 10, length=5) == "aaaa…"


@pytest.mark.slow
def test_dead_stream_does_not_block(program, name):
    sender = program("simulate", "--name", name)
    found = find_stream(StreamQuery(stream=name), timeout=60)
    sender.kill()
    sender.wait()
    with pytest.raises(InputError, match="does not answer"):
        read_facts(found, timeout=2.0)


def test_a_single_channel_is_said_as_one(send, name):
    send(name, channels=1)
    assert ", 1 channel, " in str(find_stream(StreamQuery(stream=name)))


@pytest.mark.slow
def test_impossible_number_of_channels_is_refused(send, name):
    send(name, channels=5000)
    with pytest.raises(InputError, match="5000 channels"):
        read_facts(find_stream(StreamQuery(stream=name)))


def test_impossible_number_of_channels_of_markers_is_refused():
    info = pylsl.StreamInfo("Cues", "Markers", 5000, 0.0, "string", "id")
    with pytest.raises(InputError, match="5000 channels"):
        facts_from(described([info])[0], lambda: info)


def test_description_that_is_no_utf_8_is_refused():
    (stream,) = described([pylsl.StreamInfo("EEG", "EEG", 2, 250.0, "float32", "id")])
    with pytest.raises(InputError, match=r'stream "EEG" on .* is no UTF-8 text'):
        facts_from(stream, lambda: b"\xb5V".decode())


@pytest.mark.parametrize(
    ("text", "speed"),
    [("4", 4.0), ("0.5", 0.5), ("0", 1.0), ("-2", 1.0), ("nan", 1.0), ("1e9", 1.0), ("fast", 1.0)],
)
def test_speed_of_a_replay_is_read_where_it_can_be_one(text, speed):
    info = pylsl.StreamInfo("EEG", "EEG", 2, 250.0, "float32", "id")
    info.desc().append_child_value("speed", text)
    assert facts_from(described([info])[0], lambda: info).speed == speed


@pytest.mark.parametrize(
    ("units", "words"),
    [
        (("", "", ""), "no unit for any of its 3 channels; their values are taken as µV"),
        (("uV", "uV", "g"), "channels that carry no voltage: TRIG (g)"),
        (("uV", "uV", "none"), "channels that carry no voltage: TRIG (none)"),
        (("mV", "uV", "uV"), "another unit for C3 (mV) than for the rest; all are converted"),
    ],
)
def test_units_are_said(units, words):
    (said,) = warnings_of(IDENTITY, ("C3", "C4", "TRIG"), units)
    assert words in said


def test_one_unit_for_all_needs_no_word():
    assert warnings_of(IDENTITY, ("C3", "C4"), ("µV", "microvolts")) == ()
