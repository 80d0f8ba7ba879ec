"""`er.decode` on streams that go on while its caller is busy, fall silent, and end."""

import threading
import time
from dataclasses import replace

import numpy as np
import pylsl
import pytest

import eegpt_realtime as er
from core.stream.outlets import SignalOutlet
from eegpt_realtime import live

pytestmark = pytest.mark.slow
EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


@pytest.fixture(scope="module")
def recording(imagery_recording):
    return imagery_recording(seed=3)


@pytest.fixture(scope="module")
def without_pz(recording):
    """The same recording without an electrode that its stream has."""
    kept = [index for index, label in enumerate(recording.labels) if label != "PZ"]
    labels = tuple(recording.labels[index] for index in kept)
    return replace(recording, labels=labels, samples_uv=recording.samples_uv[:, kept])


@pytest.fixture(scope="module")
def decoder(without_pz):
    return er.fit([without_pz], EVENTS, head="riemann", prior="none")


@pytest.fixture
def sender(recording, name):
    """Send the recording at its own speed, 25 samples at once, until told to be silent."""
    silent, ended = threading.Event(), threading.Event()
    outlet = SignalOutlet(name, "EEG", recording.labels, "microvolts", recording.rate, name)
    samples, rate = recording.samples_uv, recording.rate

    def send():
        begun, sent = pylsl.local_clock(), 0
        while not ended.is_set() and sent + 25 <= len(samples):
            if silent.is_set() or pylsl.local_clock() < begun + (sent + 25) / rate:
                time.sleep(0.005)
                continue
            outlet.push(samples[sent : sent + 25], begun + np.arange(sent, sent + 25) / rate)
            sent += 25
        outlet.close()

    thread = threading.Thread(target=send)
    thread.start()
    yield silent, ended
    ended.set()
    thread.join()


def test_a_caller_who_is_slow_misses_decisions_and_is_never_behind(decoder, name, sender):
    silent, ended = sender
    decisions = er.decode(decoder, name, timeout=30.0)
    assert next(decision for decision in decisions if decision.status == "ok").age_ms < 2000
    taken = []
    for decision in decisions:
        taken.append((decision, pylsl.local_clock() - decision.time))
        time.sleep(0.9)  # of a decision every quarter of a second
        if len(taken) == 6:
            break
    assert all(age < 2.0 for decision, age in taken if decision.probabilities)
    assert all(decision.age_ms is not None for decision, _ in taken)
    indices = [decision.index for decision, _ in taken]
    assert indices[-1] - indices[0] > 6

    silent.set()
    quiet = [decision for decision, _ in zip(decisions, range(12), strict=False)][-3:]
    assert [decision.status for decision in quiet] == ["silent"] * 3
    assert quiet[2].age_ms - quiet[0].age_ms > 400
    ended.set()
    assert {decision.status for decision in decisions} <= {"silent", "lost"}


def test_no_sample_of_a_stream_of_mne_lsl_is_lost_between_two_questions(name):
    from mne_lsl.stream import StreamLSL

    outlet = SignalOutlet(name, "EEG", ("C3", "C4"), "microvolts", 1000.0, name)
    ended = threading.Event()
    pushed = 0

    def send():
        nonlocal pushed
        while not ended.is_set():
            stamp = 100.0 + pushed // 3 * 3 / 1000.0  # three samples of a burst have one stamp
            outlet.push(np.full((1, 2), pushed, dtype=np.float32), np.array([stamp]))
            pushed += 1
            time.sleep(0.0005)

    stream = StreamLSL(bufsize=20.0, name=name).connect(acquisition_delay=0.001, timeout=30.0)
    thread = threading.Thread(target=send)
    thread.start()
    try:
        source, blocks, end = live._Connected(stream), [], time.monotonic() + 3.0
        while time.monotonic() < end:
            if (block := source.read()) is not None:
                blocks.append(block)
    finally:
        ended.set()
        thread.join()
        stream.disconnect()
        outlet.close()
    numbers = np.concatenate([block.samples[:, 0] for block in blocks])
    assert len(numbers) > 500
    np.testing.assert_array_equal(numbers, numbers[0] + np.arange(len(numbers)))


def test_samples_that_come_while_the_first_are_taken_are_taken_once(name, until):
    from mne_lsl.stream import StreamLSL

    outlet = SignalOutlet(name, "EEG", ("C3", "C4"), "microvolts", 1000.0, name)
    stream = StreamLSL(bufsize=20.0, name=name).connect(acquisition_delay=None, timeout=30.0)

    def send(number):
        stamp = 100.0 + number // 3 * 3 / 1000.0  # three samples of a burst have one stamp
        outlet.push(np.full((1, 2), number, dtype=np.float32), np.array([stamp]))
        new = stream.n_new_samples
        until(lambda: stream.acquire() or stream.n_new_samples > new)

    class Slow:
        """The same stream, to which a sample comes after it was asked how many there are."""

        sent = 0

        def __getattr__(self, attribute):
            return getattr(stream, attribute)

        def get_data(self, *given, **options):
            self.sent += 1
            send(2 * self.sent - 1)
            return stream.get_data(*given, **options)

    try:
        source, numbers = live._Connected(Slow()), []
        for number in range(0, 12, 2):
            send(number)
            numbers += source.read().samples[:, 0].tolist()
    finally:
        stream.disconnect()
        outlet.close()
    assert numbers == list(range(1, 12))


def test_doubles_of_a_stream_of_mne_lsl_are_read_as_by_name(name, until):
    from mne_lsl.stream import StreamLSL

    info = pylsl.StreamInfo(name, "EEG", 2, 250.0, "double64", name)
    channels = info.desc().append_child("channels")
    for label in ("C3", "C4"):
        channel = channels.append_child("channel")
        for key, value in (("label", label), ("type", "EEG"), ("unit", "volts")):
            channel.append_child_value(key, value)
    outlet = pylsl.StreamOutlet(info)
    stream = StreamLSL(bufsize=2.0, name=name).connect(acquisition_delay=None, timeout=30.0)
    try:
        source, sent = live._Connected(stream), np.random.default_rng(0).normal(0, 2e-5, (5, 2))
        outlet.push_chunk(sent.tolist(), (100.0 + np.arange(5) / 250.0).tolist())
        until(lambda: stream.acquire() or stream.n_new_samples == 5)
        samples = source.read().samples
    finally:
        stream.disconnect()
    np.testing.assert_array_equal(samples, sent.astype(np.float32))


def test_electrodes_that_mne_lsl_marks_as_bad_are_interpolated(decoder, recording, name, sender):
    from mne_lsl.stream import StreamLSL

    stream = StreamLSL(bufsize=20.0, name=name).connect(timeout=30.0)
    stream.info["bads"] = ["C3", "PZ"]  # the decoder does not use the second one
    try:
        decisions = er.decode(decoder, stream)
        first = next(decision for decision in decisions if decision.status == "ok")
    finally:
        stream.disconnect()
    assert first.set_aside == ("C3",)
