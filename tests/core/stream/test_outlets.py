"""What our own streams say of themselves, seen by an ordinary receiver."""

import json
import math
import socket

import numpy as np
import pylsl
import pytest

from core.errors import InputError
from core.stream.description import read_facts
from core.stream.discovery import StreamQuery, find_stream, heard_streams, list_streams
from core.stream.inlet import Inlet, MarkerInlet
from core.stream.outlets import (
    DecisionOutlet,
    MarkerOutlet,
    ProbabilityOutlet,
    SignalOutlet,
    local_source_id,
)


def test_signal_says_label_unit_and_type_of_every_channel(name):
    outlet = SignalOutlet(name, "EEG", ("FP1", "CZ"), "microvolts", 512.0, "amplifier 3")
    found = find_stream(StreamQuery(stream=name))
    info = pylsl.StreamInlet(found.info, recover=False).info(10)
    assert info.get_channel_labels() == ["FP1", "CZ"]
    assert info.get_channel_units() == ["microvolts", "microvolts"]
    assert info.get_channel_types() == ["EEG", "EEG"]
    assert (info.nominal_srate(), info.channel_format()) == (512.0, pylsl.cf_float32)
    assert (info.source_id(), outlet.source_id) == ("amplifier 3", "amplifier 3")


def test_consumers_are_seen_to_come_and_go(name, until):
    outlet = SignalOutlet(name, "EEG", ("C3",), "microvolts", 250.0, "source")
    assert not outlet.has_consumers()
    assert not outlet.wait_for_consumer(0.01)
    with Inlet(find_stream(StreamQuery(stream=name))):
        assert outlet.wait_for_consumer(10)
        assert outlet.has_consumers()
    until(lambda: not outlet.has_consumers())


@pytest.mark.parametrize(("called", "labels"), [(" ", ("C3",)), ("EEG", ())])
def test_stream_without_name_or_channels_is_refused(called, labels):
    with pytest.raises(InputError, match="needs a name and at least one channel"):
        SignalOutlet(called, "EEG", labels, "microvolts", 250.0, "source")


def test_decisions_are_one_json_string_each(until):
    outlet = DecisionOutlet()
    found = find_stream(StreamQuery(name="EEGPT-Decisions"), markers=True)
    assert found.identity.type == "Markers"
    assert socket.gethostname() in found.identity.source_id
    with MarkerInlet(found) as inlet:
        outlet.push(json.dumps({"decision": "left_hand"}), 42.5)
        (marker,) = until(lambda: inlet.read(0.1))
    assert (json.loads(marker.text), marker.time) == ({"decision": "left_hand"}, 42.5)


def test_probabilities_are_labelled_and_keep_the_grid_over_refused_windows(until):
    classes = ("left_hand", "right_hand", "feet")
    outlet = ProbabilityOutlet(classes, 4.0)
    found = find_stream(StreamQuery(name="EEGPT-Probabilities"))
    assert (found.rate, found.format) == (4.0, "float32")
    facts = read_facts(found)
    assert facts.labels == classes
    with Inlet(found, seconds=60) as inlet:
        outlet.push([0.5, 0.3, 0.2], 10.0)
        outlet.push(None, 10.25)
        outlet.push(np.array([0.1, 0.1, 0.8]), 10.5)
        blocks = []
        until(
            lambda: blocks.append(inlet.read(0.1)) or sum(len(b.stamps) for b in blocks if b) == 3
        )
    samples = np.concatenate([block.samples for block in blocks if block])
    stamps = np.concatenate([block.stamps for block in blocks if block])
    np.testing.assert_array_equal(stamps, [10.0, 10.25, 10.5])
    np.testing.assert_allclose(samples[[0, 2]], [[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]], rtol=1e-6)
    assert all(math.isnan(value) for value in samples[1])


@pytest.mark.parametrize("make", [DecisionOutlet, lambda: ProbabilityOutlet(("a", "b"), 4.0)])
def test_two_instances_on_one_machine_are_two_senders(make):
    first, second = make(), make()
    ids = {first.source_id, second.source_id}
    assert len(ids) == 2
    assert all(socket.gethostname() in source_id for source_id in ids)


def test_a_sender_of_signals_is_known_again_from_start_to_start(name):
    assert local_source_id(name) == local_source_id(name)
    assert name in local_source_id(name)


@pytest.mark.slow
def test_nobody_is_offered_what_the_programs_send_themselves(name):
    outlets = (DecisionOutlet(), ProbabilityOutlet(("a", "b"), 4.0), MarkerOutlet("EEGPT-Markers"))
    signal = SignalOutlet(name, "EEG", ("C3",), "microvolts", 250.0, "source")
    assert [found.identity.name for found in list_streams()] == [name]
    assert [found.identity.name for found in heard_streams()] == [name]
    del outlets, signal


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["EEGPT-Probabilities", "Probabilities"])
def test_probabilities_are_not_decoded_as_eeg(asked):
    outlet = ProbabilityOutlet(("a", "b"), 4.0)
    with pytest.raises(InputError, match='"EEGPT-Probabilities" is sent by eegpt-realtime'):
        find_stream(StreamQuery(stream=asked), timeout=2.0)
    del outlet


@pytest.mark.slow
def test_streams_that_are_no_signal_are_named_as_what_they_are(name):
    markers = MarkerOutlet(name)
    with pytest.raises(InputError, match=f'"{name}" has text in it, as markers have'):
        find_stream(StreamQuery(stream=name), timeout=1.0)
    info = pylsl.StreamInfo(f"{name}-irregular", "EEG", 2, pylsl.IRREGULAR_RATE, "float32", "a")
    irregular = pylsl.StreamOutlet(info)
    with pytest.raises(InputError, match='irregular" has no regular rate'):
        find_stream(StreamQuery(stream=f"{name}-irregular"), timeout=1.0)
    del markers, irregular
