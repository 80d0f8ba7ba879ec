import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.decoding.features import band_sections
from core.decoding.window_decoder import WindowDecoder
from core.feed.segments import Segmenter
from core.signal.filtering import CausalFilter
from core.signal.pipeline import SignalPath
from realtime.engine.decisions import DecisionMaker
from realtime.engine.evidence import EvidenceSettings
from realtime.offline import decode_recording

HOP, WINDOW = 64, 1024


class Fed:
    """A decision maker behind the feed of a stream."""

    def __init__(self, decoder, feed, hop, **given):
        self.feed = feed
        path = decoder.attach(feed.labels, feed.units, feed.rate)
        windows = WindowDecoder(decoder, decoder.load_encoder(), hop)
        self.maker = DecisionMaker(decoder, path, windows, EvidenceSettings(), **given)

    def push(self, samples, stamps):
        return self.maker.push(self.feed.push(samples, stamps))


def maker_for(decoder, rate, labels, hop=HOP, unit="uV", **given):
    return Fed(decoder, Segmenter(labels, [unit] * len(labels), rate), hop, **given)


def run(maker, samples, stamps, cuts=()):
    decisions = []
    for block, when in zip(
        np.split(samples, sorted(cuts)), np.split(stamps, sorted(cuts)), strict=True
    ):
        decisions += maker.push(block, when)
    return [replace(decision, compute_ms=0.0) for decision in decisions]


def streamed(recording, seconds=9.0):
    n = int(seconds * recording.rate)
    return recording.samples_uv[:n], np.arange(n) / recording.rate


@pytest.mark.slow
@pytest.mark.parametrize("head", ["riemann", "hybrid"])
@given(cuts=st.lists(st.integers(0, 2250), max_size=12))
@settings(deadline=None, max_examples=8)
def test_chunking_never_matters(fitted, imagery_recording, head, cuts):
    samples, stamps = streamed(imagery_recording(seed=5))
    labels = imagery_recording().labels
    whole = run(maker_for(fitted[head], 250.0, labels), samples, stamps)
    split = run(maker_for(fitted[head], 250.0, labels), samples, stamps, cuts)
    assert whole == split
    assert [d.sample for d in whole if d.status == "ok"][:2] == [1023, 1087]
    assert [d.status for d in whole[:15]] == ["warming"] * 15


@pytest.mark.slow
def test_order_names_and_units_of_the_stream_never_matter(fitted, imagery_recording):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording)
    plain = run(maker_for(fitted["hybrid"], 250.0, recording.labels), samples, stamps)

    order = np.random.default_rng(0).permutation(len(recording.labels))
    labels = [f"EEG {recording.labels[i].capitalize()}-REF" for i in order] + ["EOG"]
    volts = np.column_stack([samples[:, order] * 1e-6, np.zeros(len(samples))])
    other = run(maker_for(fitted["hybrid"], 250.0, labels, unit="V"), volts, stamps)
    for one, two in zip(plain, other, strict=True):
        assert one.decision == two.decision
        if one.probabilities:
            for name, value in one.probabilities.items():
                assert two.probabilities[name] == pytest.approx(value, abs=1e-5)


@pytest.mark.slow
def test_a_decision_is_the_head_on_the_window_cut_from_the_signal(fitted, imagery_recording):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording)
    decoder = fitted["riemann"]
    decisions = run(maker_for(decoder, 250.0, recording.labels), samples, stamps)
    path = SignalPath(
        decoder.settings,
        250.0,
        [recording.labels.index(name) for name in decoder.settings.channels],
        [1e-3] * 17,
    )
    banded = CausalFilter(band_sections((8.0, 30.0), 256.0)).push(path.push(samples))
    for decision in decisions[15:]:
        window = banded[decision.sample + 1 - WINDOW : decision.sample + 1].T[None]
        vectors = np.concatenate([view.of_windows(window) for view in decoder.tangents], axis=1)
        expected = decoder.head.probabilities(vectors)[0]
        np.testing.assert_allclose(list(decision.probabilities.values()), expected, atol=1e-9)
        assert decision.time == pytest.approx(decision.sample / 256.0)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [1, 17, 500])
def test_no_probability_from_a_window_over_a_gap(fitted, imagery_recording, lost):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording, 14.0)
    gap = 1500  # sample at which `lost` are missing
    held = np.r_[0:gap, gap + lost : len(samples)]
    maker = maker_for(fitted["riemann"], 250.0, recording.labels)
    decisions = run(maker, samples[held], stamps[held], cuts=range(0, 3000, 40))
    assert maker.feed.continuity.lost_samples == lost
    before, after = gap / 250.0, (gap + lost) / 250.0
    ok = [d for d in decisions if d.status == "ok"]
    assert any(d.time < before for d in ok)
    assert any(d.time > after for d in ok)
    for decision in ok:
        start = decision.time - (WINDOW - 1) / 256.0
        assert decision.time < before or start >= after - 1e-6
    refused = [d for d in decisions if d.status == "gap"]
    assert len(refused) == 15
    assert all(d.probabilities is None and d.decision is None for d in refused)
    # Lost samples are counted: the sample index stays true to the clock.
    assert all(abs(d.sample / 256.0 - d.time) < 1 / 128 for d in decisions)
    assert [d.index for d in decisions] == list(range(len(decisions)))


@pytest.mark.slow
def test_after_a_gap_decisions_are_those_of_a_new_stream(fitted, imagery_recording):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording, 14.0)
    held = np.r_[0:1500, 1800 : len(samples)]
    joined = run(maker_for(fitted["hybrid"], 250.0, recording.labels), samples[held], stamps[held])
    fresh = run(maker_for(fitted["hybrid"], 250.0, recording.labels), samples[1800:], stamps[1800:])
    again = [d.probabilities for d in joined if d.time > 1800 / 250.0 and d.probabilities]
    assert again
    assert again == [d.probabilities for d in fresh if d.probabilities]


@pytest.mark.slow
def test_shorter_hops_add_decisions_between(fitted, imagery_recording):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording)
    coarse = run(maker_for(fitted["hybrid"], 250.0, recording.labels), samples, stamps)
    fine = run(maker_for(fitted["hybrid"], 250.0, recording.labels, 16), samples, stamps)
    by_sample = {d.sample: d for d in fine if d.status == "ok"}
    for decision in coarse:
        if decision.status == "ok":
            found = by_sample[decision.sample].probabilities
            assert found == pytest.approx(decision.probabilities, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [100.0, 160.0, 250.0, 1000.0])
def test_a_hop_of_one_sample_needs_no_sample_of_the_stream(fitted, imagery_recording, rate):
    recording = imagery_recording(seed=5, rate=rate)
    samples, stamps = streamed(recording, 5.0)
    decoder = fitted["riemann"]
    fine = run(maker_for(decoder, rate, recording.labels, 1), samples, stamps)
    coarse = run(maker_for(decoder, rate, recording.labels), samples, stamps)
    assert [d.sample for d in fine] == list(range(len(fine)))
    by_sample = {d.sample: d for d in fine}
    usable = [d for d in coarse if d.status == "ok"]
    assert usable
    for decision in usable:
        found = by_sample[decision.sample].probabilities
        assert found == pytest.approx(decision.probabilities, abs=1e-6)


@pytest.mark.slow
def test_a_recording_decodes_what_was_imagined(fitted, imagery_recording):
    recording = imagery_recording(seed=9)
    decoder = fitted["riemann"]
    windows = WindowDecoder(decoder, None, HOP)
    decisions = list(decode_recording(recording, decoder, windows, EvidenceSettings()))
    by_sample = {d.sample: d.decision for d in decisions if d.status == "ok"}
    right = 0
    for event in recording.events:
        end = round(event.onset * 256) + WINDOW - 1
        right += by_sample[end - (end + 1) % HOP] == event.label
    assert right >= 0.8 * len(recording.events)
    assert all(d.compute_ms > 0.0 for d in decisions)


@pytest.mark.slow
def test_a_break_in_a_recording_is_a_gap(fitted, imagery_recording):
    recording = replace(imagery_recording(seed=9), breaks=(2500,))
    decoder = fitted["riemann"]
    windows = WindowDecoder(decoder, None, HOP)
    decisions = decode_recording(recording, decoder, windows, EvidenceSettings())
    statuses = [decision.status for decision in decisions]
    assert statuses.count("warming") == 15
    assert statuses.count("gap") == 15


@pytest.mark.slow
@pytest.mark.parametrize("hop", [64, 16])
def test_a_decision_is_given_when_two_patches_after_it_confirm_it(fitted, imagery_recording, hop):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording)
    decoder = fitted["riemann"]
    at_once = run(maker_for(decoder, 250.0, recording.labels, hop), samples, stamps)
    maker = maker_for(decoder, 250.0, recording.labels, hop, confirm=True)
    given_at = {}  # index -> samples that had come
    for end in range(5, len(samples) + 1, 5):
        for decision in maker.push(samples[end - 5 : end], stamps[end - 5 : end]):
            given_at[decision.index] = (end, replace(decision, compute_ms=0.0))
    waiting = [d for d in at_once if d.index not in given_at]
    assert len(waiting) == 128 // hop
    assert waiting == at_once[-len(waiting) :]
    for decision in at_once[: -len(waiting)]:
        end, found = given_at[decision.index]
        assert found == decision
        behind = end / 250.0 - decision.time
        assert behind == pytest.approx(0.5 if decision.status == "ok" else 0.0, abs=0.03)


@pytest.mark.slow
def test_a_decision_is_refused_if_what_comes_after_it_is_spoilt(fitted, imagery_recording):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording)
    decoder, c3 = fitted["riemann"], recording.labels.index("C3")
    samples = samples.copy()
    samples[1980:2040, c3] = 0.0  # a window ends at 2000, and shows too little of it
    at_once = run(maker_for(decoder, 250.0, recording.labels), samples, stamps)
    maker = maker_for(decoder, 250.0, recording.labels, confirm=True)
    confirmed = run(maker, samples, stamps)
    last = max(d.index for d in at_once if d.status == "ok" and d.time < 8.0)
    assert at_once[last].time == pytest.approx(8.0, abs=0.01)
    assert confirmed[last].status == "artifact"
    assert confirmed[last].probabilities is None
    assert confirmed[last].decision is None
    held = confirmed[last - 1]  # it was refused with what it waited for
    assert held.status == "artifact"
    assert held.probabilities is None
    assert [d.status for d in confirmed[: last - 1]] == [d.status for d in at_once[: last - 1]]


@pytest.mark.slow
def test_a_refusal_that_comes_late_is_given_and_refuses_what_is_not_confirmed(
    fitted, imagery_recording
):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording)
    samples = samples.copy()
    samples[1980:2040, recording.labels.index("C3")] = 0.0
    maker = maker_for(
        fitted["riemann"], 250.0, recording.labels, confirm=True, age=lambda time: 1.5
    )
    list(maker.push(samples[:1500], stamps[:1500]))
    list(maker.push(samples[1500:2010], stamps[1500:2010]))  # all but the last are late
    after = list(maker.push(samples[2010:], stamps[2010:]))
    assert maker.maker.dropped > 0
    assert {d.status for d in after} == {"artifact"}
    assert not any(d.probabilities for d in after)
    assert [d.index for d in after] == list(range(after[0].index, after[0].index + len(after)))
    assert min(d.time for d in after) == pytest.approx(8.0, abs=0.03)


@pytest.mark.slow
def test_what_is_not_confirmed_when_a_stream_is_lost_is_refused(fitted, imagery_recording):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording)
    maker = maker_for(fitted["riemann"], 250.0, recording.labels, confirm=True)
    before = run(maker, samples, stamps)
    refused = list(maker.maker.refuse("lost", 10.0))
    assert [d.index for d in refused] == [before[-1].index + more for more in (1, 2, 3)]
    assert {d.status for d in refused} == {"lost"}
    assert not any(d.probabilities or d.decision for d in refused)
    assert [d.index for d in maker.maker.refuse("lost", 10.5)] == [before[-1].index + 4]


@pytest.mark.slow
@pytest.mark.parametrize("rate", [256.0164, 512.0328])
def test_an_odd_rate_is_decoded_for_minutes_at_the_right_times(fitted, imagery_recording, rate):
    recording = imagery_recording(seed=5, trials=10, rate=rate)
    samples, stamps = streamed(recording, 120.0)
    maker = maker_for(fitted["riemann"], rate, recording.labels)
    decisions = run(maker, samples, stamps, cuts=range(100, len(samples), 100))
    assert len(decisions) == pytest.approx(480, abs=1)
    for decision in decisions:
        assert decision.time == pytest.approx(decision.sample / 256.0, abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [250.0, 256.0, 512.0])
@pytest.mark.parametrize("begin", [0.0, 4.5])
def test_stamps_that_are_no_numbers_leave_every_decision_a_time(
    fitted, imagery_recording, begin, rate
):
    recording = imagery_recording(seed=5, rate=rate)
    samples, stamps = streamed(recording)
    stamps[(stamps >= begin) & (stamps < begin + 2.0)] = np.nan  # whole hops
    decisions = run(maker_for(fitted["riemann"], rate, recording.labels), samples, stamps)
    times = [json.loads(decision.to_json())["time"] for decision in decisions]
    assert np.isfinite(times).all()
    assert times == sorted(times)
    after = [d for d in decisions if d.time > begin + 2.5]
    assert {d.status for d in after[:12]} == {"gap"}


@pytest.mark.slow
@pytest.mark.parametrize("confirm", [False, True])
def test_nothing_is_decided_on_signal_older_than_two_seconds(fitted, imagery_recording, confirm):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording)
    age = [0.1]
    maker = maker_for(
        fitted["riemann"], 250.0, recording.labels, confirm=confirm, age=lambda time: age[0]
    )
    maker.maker.evidence.settings = EvidenceSettings(threshold=1.0, idle=True)
    early = list(maker.push(samples[:1250], stamps[:1250]))
    assert {bool(d.outputs and d.idle) for d in early if d.status == "ok"} == {True}
    age[0] = 70.0
    late = list(maker.push(samples[1250:1750], stamps[1250:1750]))
    assert {(d.status, d.age_ms) for d in late} == {("late", 70_000.0)}
    assert not any(d.probabilities or d.decision or d.outputs or d.idle for d in late)
    assert maker.maker.late_by == 70.0
    age[0] = 0.1
    after = list(maker.push(samples[1750:], stamps[1750:]))
    assert {d.status for d in after} == {"ok"}
    assert maker.maker.late_by == 0.0


@pytest.mark.slow
def test_a_barred_stream_is_refused_with_that_status(fitted, imagery_recording):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording, 9.4)
    maker = maker_for(fitted["riemann"], 250.0, recording.labels)
    maker.maker.barred = "rate"
    before = maker.push(samples[:-100], stamps[:-100])
    assert {d.status for d in before} == {"warming", "rate"}
    maker.maker.barred = ""
    assert {d.status for d in maker.push(samples[-100:], stamps[-100:])} == {"ok"}


@pytest.mark.slow
@pytest.mark.parametrize("ended", ["gap", "rate", "late", "lost"])
def test_no_evidence_outlasts_what_keeps_decisions_away(fitted, imagery_recording, ended):
    recording = imagery_recording(seed=5)
    samples, stamps = streamed(recording, 14.0)
    age = [0.1]
    maker = maker_for(fitted["riemann"], 250.0, recording.labels, age=lambda time: age[0])
    maker.maker.evidence.settings = EvidenceSettings(threshold=0.0, dwell=0.5)
    before = list(maker.push(samples[:1500], stamps[:1500]))
    maker.maker.barred = "rate" if ended == "rate" else ""
    age[0] = 70.0 if ended == "late" else 0.1
    between = list(maker.maker.refuse("lost", 6.0)) if ended == "lost" else []
    samples, stamps = (values[1501 if ended == "gap" else 1500 :] for values in (samples, stamps))
    if ended in ("rate", "late"):
        between = list(maker.push(samples[:100], stamps[:100]))
        samples, stamps = samples[100:], stamps[100:]
    maker.maker.barred, age[0] = "", 0.1
    after = list(maker.push(samples, stamps))
    assert {d.status for d in between} == {ended} - {"gap"}
    said = [d.decision for d in after if d.status == "ok"]
    assert before[-1].decision == said[2]
    assert said[:2] == [None, None]
