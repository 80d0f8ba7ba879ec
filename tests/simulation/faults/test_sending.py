"""Faults on a real stream: what a receiver gets is what the truth says."""

import json

import numpy as np
import pytest

from core.feed.continuity import Continuity
from core.stream.description import read_facts
from core.stream.discovery import StreamQuery, find_stream, list_streams
from core.stream.inlet import Inlet
from simulation.faults.spec import parse_all
from simulation.faults.truth import Truth
from simulation.player import replay, simulate
from simulation.synthetic import SimulatedSubject

pytestmark = pytest.mark.slow


def read_all(inlet, until):
    blocks = []

    def over():
        if block := inlet.read(0.1):
            blocks.append(block)
        return inlet.lost and not block

    until(over, seconds=60)
    return (
        np.concatenate([block.samples for block in blocks]),
        np.concatenate([block.stamps for block in blocks]),
    )


@pytest.mark.parametrize(
    "spec", ["burst:samples=9", "burst:samples=9,jitter=0.01", "drift:ppm=900"]
)
def test_uneven_stamps_are_told_as_they_were_sent(name, make_recording, background, until, spec):
    recording, facts = make_recording(samples=1000), []
    faults = parse_all([spec])
    background(replay, [recording], name, speed=4, faults=faults, truth=facts.append)
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        _, came = read_all(inlet, until)
    np.testing.assert_allclose(Truth.of(facts).stamps, came, atol=1e-6)


def test_what_comes_is_what_the_truth_says(name, make_recording, background, until):
    recording = make_recording(samples=1500)
    faults = parse_all(["lose:samples=60,at=2", "flat:channel=C3,at=3,for=1", "jump:by=60,at=5"])
    facts = []
    background(replay, [recording], name, speed=5, faults=faults, truth=facts.append)
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        samples, stamps = read_all(inlet, until)
    truth = Truth.of(facts)
    np.testing.assert_allclose(stamps, truth.stamps, atol=1e-6)
    np.testing.assert_array_equal(truth.positions, np.r_[0:500, 560:1500])
    expected = recording.samples_uv[truth.positions].copy()
    expected[(truth.positions >= 750) & (truth.positions < 1000), 0] = 0.0
    np.testing.assert_array_equal(samples, expected)
    runs = Continuity(250).split(stamps)
    starts = [truth.positions[run.start] for run in runs]
    assert starts == [0, 560, 1250]
    assert runs[1].lost == 60
    assert [h.fault for h in truth.happened] == ["lose", "flat", "jump"]
    assert [h.samples for h in truth.happened] == [(500, 560), (750, 1000), (1250, np.inf)]
    assert [h.sent for h in truth.happened] == [(500, 500), (690, 940), (1190, np.inf)]
    for happened in truth.happened:
        assert truth.stamp <= happened.clock[0] <= happened.clock[1]


def test_a_restarted_sender_is_another_outlet_with_another_description(
    name, make_recording, background, until
):
    facts, recording = [], make_recording(samples=50_000)
    faults = parse_all(["restart:at=1,down=0.5,source_id=none,channels=reordered,unit=mV"])
    background(replay, [recording], name, faults=faults, truth=facts.append)
    found = find_stream(StreamQuery(stream=name))
    with Inlet(found) as inlet:
        until(lambda: inlet.read(0.1) is None and inlet.lost)
    uid = found.identity.uid  # the dead outlet may be listed a moment longer
    (again,) = until(
        lambda: [s for s in list_streams() if s.identity.name == name and s.identity.uid != uid]
    )
    told = read_facts(again)
    assert found.identity.source_id
    assert not again.identity.source_id
    assert (told.labels, told.units) == (("C4", "CZ", "C3"), ("mV",) * 3)
    with Inlet(again) as inlet:
        block = until(lambda: inlet.read(0.1))
    until(lambda: Truth.of(facts).stamps[-1] >= block.stamps[-1] - 1e-6)
    truth = Truth.of(facts)
    at = [round(truth.position(stamp)) for stamp in block.stamps]
    np.testing.assert_allclose(block.samples, recording.samples_uv[at][:, ::-1] * 1e-3, rtol=1e-6)
    lost = np.setdiff1d(np.arange(truth.positions[-1]), truth.positions)
    assert lost.tolist() == list(range(250, 375))


def test_a_second_stream_of_the_same_name_can_be_seen(name, background, until):
    faults = parse_all(["second:at=0.2"])
    background(simulate, SimulatedSubject(), name, faults=faults)
    until(lambda: len(StreamQuery(name=name).among(list_streams())) == 2)


def test_an_announced_outlet_may_stay_silent(name, background):
    background(simulate, SimulatedSubject(), name, faults=parse_all(["silent"]))
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        assert inlet.read(0.5) is None
        assert not inlet.lost


def test_a_stalled_stream_comes_late_with_nothing_lost(name, make_recording, background, until):
    faults, facts = parse_all(["stall:at=2,for=2"]), []
    recording = make_recording(samples=1500)
    background(replay, [recording], name, speed=4, faults=faults, truth=facts.append)
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        samples, stamps = read_all(inlet, until)
    np.testing.assert_array_equal(samples, recording.samples_uv)
    assert len(Continuity(250).split(stamps)) == 1
    sent = [fact for fact in facts if fact["event"] == "sent"]
    pauses = np.diff([fact["clock"] for fact in sent])
    assert pauses.max() > 2.0 / 4 * 0.9
    # All that is two seconds late goes out before anything else.
    after = sent[int(np.argmax(pauses)) + 1 :]
    assert after[0]["sample"] <= 500
    caught_up = next(f for f in after if f["sample"] + f["count"] >= 1000)
    assert caught_up["clock"] - after[0]["clock"] < 0.4


@pytest.fixture
def told():
    """Faults, and the samples that were sent, as facts."""

    def tell(sent, *faults):
        facts = [{"event": "start", "rate": 250.0, "stamp": 100.0}]
        for number, (kind, touches, begin, end) in enumerate(faults):
            common = {"number": number, "fault": kind, "spec": kind, "touches": touches}
            common |= {"sent": 0, "clock": 0.0}
            facts.append({"event": "begin", "sample": begin, **common})
            if end is not None:
                facts.append({"event": "end", "sample": end, **common})
        for at, count in sent:
            stamps = [100.0 + at / 250, 100.0 + (at + count - 1) / 250]
            facts.append({"event": "sent", "sample": at, "count": count, "stamps": stamps})
        return Truth.of(facts)

    return tell


def test_the_truth_says_which_windows_touch_a_fault(told):
    truth = told(
        [(0, 500), (550, 2000)], ("flat", "altered", 1000, 1100), ("j", "break", 1500, None)
    )
    assert truth.touched(100, 499) == ()
    assert truth.touched(100, 500) == ("lost",)
    assert truth.touched(549, 600) == ("lost",)
    assert truth.touched(549.5, 600) == ()
    assert truth.touched(900, 999.9) == ()
    assert truth.touched(900, 1000) == ("flat",)
    assert truth.touched(1099, 1200) == ("flat",)
    assert truth.touched(1100, 1200) == ()
    assert truth.touched(1200, 1499) == ()
    assert truth.touched(1499, 1600) == ("j",)
    assert truth.touched(1500, 1600) == ()
    assert truth.position(100.0 + 1250.5 / 250) == pytest.approx(1250.5)


def test_a_truth_file_that_is_being_written_can_be_read(tmp_path):
    path = tmp_path / "truth.jsonl"
    start = json.dumps({"event": "start", "rate": 250.0, "stamp": 1.0})
    sent = json.dumps({"event": "sent", "sample": 0, "count": 2, "stamps": [1.0, 1.004]})
    path.write_text(f'{start}\n{sent}\n{{"event": "se')
    assert Truth.read(path).positions.tolist() == [0, 1]
