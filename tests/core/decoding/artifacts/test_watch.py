"""What makes a window unfit, seen on a simulated subject who blinks."""

from dataclasses import replace

import numpy as np
import pytest
from artifact_measures import NAMES, USUAL, measured
from hypothesis import given, settings
from hypothesis import strategies as st

from core.decoding.artifacts import ArtifactLimits, learn_limits
from core.decoding.artifacts.watch import Judge
from core.decoding.online import OnlineDecoder
from core.decoding.window_decoder import WindowDecoder
from core.feed.segments import Segmenter
from simulation.faults.fault import Source
from simulation.faults.schedule import Schedule
from simulation.faults.spec import parse_all

RATE, HOP, WINDOW = 250.0, 64, 1024
SECONDS = 16
HALF = "FC1+FC2+C3+CZ+C4+CP1+CP2+PZ+FZ+P3+P4+FC5+FC6+CP5+CP6+OZ"


def hops_of(decoder, labels, rate=RATE):
    """An online decoder, and the feed before it."""
    feed = Segmenter(labels, ["uV"] * len(labels), rate)
    path = decoder.attach(feed.labels, feed.units, feed.rate)
    return OnlineDecoder(decoder, path, WindowDecoder(decoder, None, HOP)), feed


def decoded(subject, samples, cuts=()):
    decoder, recording = subject
    hops, feed = hops_of(decoder, recording.labels)
    stamps = np.arange(len(samples)) / RATE
    found = []
    for block, when in zip(
        np.split(samples, sorted(cuts)), np.split(stamps, sorted(cuts)), strict=True
    ):
        for hop in hops.push(feed.push(block, when)):
            found.append((hop, hops.reason))
    return found


def spoilt(subject, begin, end, change, *labels):
    """Seconds of the second run, changed between two of them on some channels."""
    _, recording = subject
    samples = recording.samples_uv[: int(SECONDS * RATE)].astype(np.float64)
    rows = slice(int(begin * RATE), int(end * RATE))
    for label in labels or recording.labels:
        column = recording.labels.index(label)
        samples[rows, column] = change(samples[rows, column])
    return samples


def clip(level):
    return lambda x: np.where(np.arange(len(x)) % 50 < 25, level, -level) + 0.0 * x


def sine(hertz, size):
    return lambda x: x + size * np.sin(2 * np.pi * hertz * np.arange(len(x)) / RATE)


def noise(size):
    return lambda x: x + np.random.default_rng(0).normal(0, size, len(x))


@pytest.mark.slow
def test_blinks_are_no_fault(subject):
    _, recording = subject
    samples = recording.samples_uv[: int(2 * SECONDS * RATE)]
    found = decoded(subject, samples)
    assert np.ptp(samples[:, recording.labels.index("FP1")]) > 120  # the subject does blink
    assert {hop.status for hop, _ in found} == {"warming", "ok"}


FAULTS = [
    (lambda x: np.zeros_like(x), ("C3",), "C3 is flat"),
    (lambda x: np.full_like(x, 3.2e5), ("C3",), "C3 is railed"),
    (noise(150.0), ("C4",), "C4 is noisy"),
    (sine(50.0, 120.0), ("CZ",), "CZ is full of mains hum"),
    (sine(60.0, 120.0), (), "full of mains hum"),
    (sine(3.0, 1500.0), ("P3",), "P3 is too large"),
    (lambda x: x * np.nan, ("C3", "C4"), "C3, C4 sent NaN or inf"),
    (lambda x: x + np.inf, ("C3",), "C3 sent NaN or inf"),
    (lambda x: x + 1e30, ("C3",), "C3 sent NaN or inf"),
    (lambda x: x * 1e3, (), "1 000 times too large"),
    (lambda x: x * 1e6, (), "1 000 000 times too large"),
    (lambda x: x * 1e-3, (), "1 000 times too small"),
    (lambda x: x * 1e-6, (), "1 000 000 times too small"),
    (lambda x: np.zeros_like(x), (), "are flat"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("change", "labels", "words"), FAULTS)
def test_a_fault_is_named_at_once_and_leaves_no_probability(subject, change, labels, words):
    begin, end = 7.0, 9.0
    found = decoded(subject, spoilt(subject, begin, end, change, *labels))
    during = [(hop, why) for hop, why in found if begin + 0.5 < hop.time < end]
    assert during
    assert {hop.status for hop, _ in during} == {"artifact"}
    assert words in during[0][1]
    for hop, _ in found:
        first = hop.time - (WINDOW - 1) / 256.0
        if hop.status == "ok":
            # At most a quarter of a second of it: the newest piece is judged as a whole.
            assert hop.time < begin + 0.25 or first >= end - 0.05
    assert any(hop.status == "ok" and hop.time < begin for hop, _ in found)
    after = [hop for hop, _ in found if hop.time > end + 4.8]
    assert {hop.status for hop in after} == {"ok"}
    assert all(np.isfinite(hop.probabilities).all() for hop in after)


UNLIKE_A_HEAD = [
    ("test:shape=square", "equal to the last bit"),
    ("test:shape=sine,noise=0.5", "carry the same signal"),
    ("test:shape=square,noise=0.5", "carry the same signal"),
    ("test:shape=ramp,noise=0.5", "carry the same signal"),
    ("off:channel=all,uv=0.05", "1 000 times too small"),
    ("off:channel=all,uv=0.8", "carry the same signal"),
    ("off:channel=all,uv=12", "nothing in common"),
    ("copy:channel=all,of=CZ", "equal to the last bit"),
    ("copy:channel=all,of=CZ,noise=1", "carry the same signal"),
    ("copy:channel=C4,of=C3", "C3, C4 are equal to the last bit"),
    ("hum:channel=all,uv=200", "full of mains hum"),
    ("repeat:every=0.1", "sends a block of samples again"),
    ("repeat:every=0.5", "sends a block of samples again"),
    ("repeat:every=2", "sends a block of samples again"),
    ("off:channel=C3,uv=2", "C3 is much smaller than before"),
    ("off:channel=C3,uv=3.5", "C3 is much smaller than before"),
    ("scale:channel=C3,by=0.1", "C3 is much smaller than before"),
    ("scale:channel=C3,by=0.2", "C3 is much smaller than before"),
    ("scale:channel=C3,by=3", "C3 is much larger than before"),
    ("scale:channel=C3,by=5", "C3 is much larger than before"),
    ("copy:channel=C4,of=C3,by=2", "C3, C4 are copies of one another"),
    ("copy:channel=C4,of=C3,by=-0.7,noise=0.2", "C3, C4 are copies of one another"),
    ("scale:channel=C3+C4,by=3", "much larger than before"),
    (f"scale:channel={HALF},by=3", "much larger than before"),
    (f"scale:channel={HALF},by=0.2", "much smaller than before"),
    ("scale:by=0.03", "carry the same signal"),
    ("scale:by=0.2", "carry the same signal"),
    ("scale:by=3", "times as large as before"),
    ("scale:by=5", "times as large as before"),
]


def timed(fault, at, seconds):
    return f"{fault},at={at},for={seconds}"


def faulty(subject, spec):
    _, recording = subject
    schedule = Schedule(parse_all([spec]), Source(RATE, recording.labels))
    n = int(SECONDS * RATE)
    return schedule.apply(recording.samples_uv[:n], np.arange(n)).samples.astype(np.float64)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "words"), UNLIKE_A_HEAD)
def test_what_no_head_sends_is_refused_within_two_hops(subject, fault, words):
    begin, end = 7.0, 9.0
    found = decoded(subject, faulty(subject, timed(fault, begin, end - begin)))
    refused = [(hop, why) for hop, why in found if hop.status == "artifact"]
    assert begin <= refused[0][0].time < begin + 0.5
    assert words in refused[0][1]
    for hop, _ in found:
        first = hop.time - (WINDOW - 1) / 256.0
        if hop.status == "ok":
            assert hop.time < refused[0][0].time or first >= end - 0.05
    assert {hop.status for hop, _ in found if hop.time > end + 5.1} == {"ok"}


@pytest.mark.slow
@pytest.mark.parametrize("size", [1.0, 2.0, 3.0])
def test_an_electrode_that_is_off_when_the_stream_begins_gets_no_decision(subject, size):
    found = decoded(subject, faulty(subject, f"off:channel=C3,uv={size}"))
    assert "ok" not in {hop.status for hop, _ in found}
    assert any(why.startswith("C3 is much smaller than before") for _, why in found)


@pytest.mark.slow
@pytest.mark.parametrize("samples", [1, 2, 5])
def test_samples_that_a_driver_fills_in_are_refused_at_once(subject, samples):
    found = decoded(subject, faulty(subject, f"hold:samples={samples},at=7.1"))
    refused = [(hop, why) for hop, why in found if hop.status == "artifact"]
    assert 7.1 < refused[0][0].time < 7.1 + 0.27
    assert "repeats its last sample" in refused[0][1]
    assert {hop.status for hop, _ in found if hop.time > 7.1 + 4.8} == {"ok"}


@pytest.mark.slow
@pytest.mark.parametrize("by", [0.03, 0.1, 0.2, 3, 5])
@pytest.mark.parametrize("channels", ["C3", "C3+C4", "FC1+C3+C4+CP2", "FC1+FC2+C3+CZ+C4", "all"])
def test_a_gain_step_is_refused_for_as_long_as_it_lasts(subject_of_few, channels, by):
    found = decoded(
        subject_of_few, faulty(subject_of_few, f"scale:channel={channels},by={by},at=7")
    )
    after = [hop for hop, _ in found if hop.time > 7.5]
    assert len(after) > 30
    assert {hop.status for hop in after} == {"artifact"}


@pytest.mark.slow
def test_eight_clean_channels_are_never_refused(subject_of_few):
    _, recording = subject_of_few
    found = decoded(subject_of_few, recording.samples_uv)
    assert {hop.status for hop, _ in found} == {"warming", "ok"}


@pytest.mark.slow
@given(
    cuts=st.lists(st.integers(0, int(SECONDS * RATE)), max_size=12),
    which=st.integers(0, len(FAULTS) + len(UNLIKE_A_HEAD) - 1),
)
@settings(deadline=None, max_examples=20)
def test_chunking_never_matters_to_a_fault(subject, cuts, which):
    if which < len(FAULTS):
        change, labels, _ = FAULTS[which]
        samples = spoilt(subject, 6.3, 8.1, change, *labels)
    else:
        samples = faulty(subject, timed(UNLIKE_A_HEAD[which - len(FAULTS)][0], 6.3, 1.8))
    whole, split = decoded(subject, samples), decoded(subject, samples, cuts)
    assert [hop.sample for hop, _ in whole] == [hop.sample for hop, _ in split]
    for (one, why), (two, reason) in zip(whole, split, strict=True):
        assert (one.status, one.time, why) == (two.status, two.time, reason)
        np.testing.assert_array_equal(one.probabilities, two.probabilities)


@pytest.mark.slow
def test_one_value_that_is_no_number_restarts_the_filters(subject):
    samples = spoilt(subject, 7.0, 7.004, lambda x: x * np.nan, "C3")
    found = decoded(subject, samples)
    fresh = decoded(subject, samples[1751:])
    again = [hop.probabilities for hop, _ in found if hop.time > 7.0 and hop.status == "ok"]
    anew = [hop.probabilities for hop, _ in fresh if hop.status == "ok"]
    assert len(again) == len(anew) > 10
    np.testing.assert_array_equal(again, anew)


@pytest.mark.slow
def test_a_stream_in_shreds_is_refused_hop_by_hop(subject):
    _, recording = subject
    stamps = np.arange(2000) / RATE
    kept = np.arange(2000) % 40 != 0  # one in forty is lost: no run fills a hop
    hops, feed = hops_of(subject[0], recording.labels)
    found = list(hops.push(feed.push(recording.samples_uv[:2000][kept], stamps[kept])))
    assert len(found) >= 20
    assert {hop.status for hop in found} <= {"gap", "warming"}
    samples = [hop.sample for hop in found]
    assert samples == sorted(samples)


@pytest.mark.slow
def test_a_jump_of_the_clock_is_called_so(subject):
    _, recording = subject
    stamps = np.arange(2000) / RATE
    stamps[1000:] += 7200.0
    hops, feed = hops_of(subject[0], recording.labels)
    found = list(hops.push(feed.push(recording.samples_uv[:2000], stamps)))
    assert found[-1].status == "gap"
    assert hops.reason == "The sender's clock jumped by +7200 s"
    assert feed.continuity.lost_samples == 0


@pytest.mark.slow
def test_what_was_bad_at_calibration_refuses_nothing(subject):
    decoder, recording = subject
    dead = recording.samples_uv.copy()
    dead[:, recording.labels.index("C3")] = 0.0
    dead[:, recording.labels.index("C4")] *= 40.0
    bad = replace(recording, samples_uv=dead)
    path = decoder.attach(recording.labels, ["uV"] * 32, RATE)
    limits = learn_limits([bad], decoder.settings, decoder.unit, [path.push(dead)])
    assert limits.still.sum() == 1
    facts = replace(decoder.facts, artifacts=limits.as_facts())
    found = decoded((replace(decoder, facts=facts), recording), dead[:4000])
    assert {hop.status for hop, _ in found} == {"warming", "ok"}


@pytest.mark.slow
def test_limits_learned_before_these_checks_still_refuse(subject):
    decoder, recording = subject
    known = {
        name: decoder.facts.artifacts[name]
        for name in ("span", "muscle", "mains", "still", "typical")
    }
    older = replace(decoder, facts=replace(decoder.facts, artifacts=known))
    limits = ArtifactLimits.of(older)
    assert not np.concatenate([limits.twin, limits.grown, limits.shrunk]).any()
    assert (limits.shared, limits.held) == (0.0, 0)
    for fault in ("off:channel=all,uv=0.8", "scale:by=3", "scale:channel=C3,by=0.1"):
        found = decoded((older, recording), faulty(subject, timed(fault, 7, 2)))
        refused = [hop for hop, _ in found if hop.status == "artifact"]
        assert 7 <= refused[0].time < 7.5
    clean = decoded((older, recording), recording.samples_uv[: int(SECONDS * RATE)])
    assert {hop.status for hop, _ in clean} == {"warming", "ok"}


OF_ALL = (*NAMES, "VEOG")


def of(*names, value=True, others=False):
    """An array with a value for each channel: another for some by name."""
    return np.array([value if name in names else others for name in OF_ALL])


def judge_after(seconds=4.0, **limits):
    """A judge of a stream that was as usual for so long."""
    known = {"span": of(value=0.0, others=500.0), "muscle": of(value=0.0, others=10.0)}
    known["mains"] = of(value=0.0, others=25.0)
    judge = Judge(replace(ArtifactLimits.default(len(OF_ALL)), **(known | limits)), OF_ALL, 0.25)
    for _ in range(round(seconds / 0.25)):
        assert judge.judge(measured(names=OF_ALL)) is None
    return judge


ONE_BY_ONE = [
    ({"still": of("C3")}, "C3 is flat"),
    ({"still": of(*OF_ALL[:3])}, "FP1, F7, FC1 are flat"),
    ({"still": of(*OF_ALL[:5])}, "FP1, F7, FC1 and 2 more are flat"),
    ({"still": of("C3", "C4"), "railed": of("C4")}, "C4 is railed"),
    ({"railed": of("C3")}, None),  # which stood still a moment ago
    ({"twin": of("C3", "C4")}, "C3, C4 are equal to the last bit"),
    ({"twin": of(*OF_ALL)}, "All channels are equal to the last bit"),
    ({"mains": of("C3", value=30.0)}, "C3 is full of mains hum"),
    ({"mains": of("C3", value=24.0)}, None),
    ({"span": of("C3", value=600.0)}, "C3 is too large: a movement or a loose electrode"),
    ({"muscle": of("C3", value=12.0)}, "C3 is noisy: muscles or a loose electrode"),
    ({"muscle": of("VEOG", value=12.0)}, None),
    ({"held": 1}, None),
    ({"held": 2}, "The stream repeats its last sample: a driver that fills in what is lost"),
    ({"again": 5}, None),
    ({"again": 6}, "The stream sends a block of samples again"),
    ({"deviation": of(value=0.0, others=1e3 * USUAL)}, "The signal is about 1 000 times too large"),
    ({"deviation": of(value=0.0, others=1e-3 * USUAL), "dead": True}, None),
]


@pytest.mark.parametrize(("changes", "words"), ONE_BY_ONE)
def test_each_measure_has_a_limit_and_words_of_its_own(changes, words):
    reason = judge_after().judge(measured(names=OF_ALL, **changes))
    assert reason is None if words is None else reason.startswith(words)


@pytest.mark.parametrize(("name", "gain"), [("C3", 3.0), ("C3", 0.2), ("VEOG", 5.0), ("VEOG", 0.1)])
def test_a_channel_that_changes_is_refused_but_for_eog(name, gain):
    reason = judge_after().judge(measured({name: gain}, OF_ALL))
    assert (reason is None) is (name == "VEOG")


@pytest.mark.parametrize("names", [("C3",), OF_ALL])
def test_a_gain_that_lasts_is_refused_however_long(names):
    judge = judge_after()
    louder = measured(dict.fromkeys(names, 3.0), OF_ALL, rest=0.75 * USUAL)
    assert all(judge.judge(louder) for _ in range(400))
    assert judge.judge(measured(names=OF_ALL)) is None


@pytest.mark.parametrize(
    ("usual", "changes", "less"),
    [
        ({"still": of("C3")}, {"still": of("C3")}, {"still": of("C4")}),
        ({"twin": of("C3", "C4")}, {"twin": of("C3", "C4")}, {"twin": of("CZ", "C4")}),
        ({"held": 3}, {"held": 6}, {"held": 7}),
    ],
)
def test_what_calibration_had_already_is_not_refused(usual, changes, less):
    judge = judge_after(**usual)
    assert judge.judge(measured(names=OF_ALL, **changes)) is None
    assert judge.judge(measured(names=OF_ALL, **less)) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"still": of("C3"), "railed": of("C3")},
        {"still": of("C3")},
        {"twin": of("C3")},
        {"mains": of("C3", value=30.0)},
        {"mains": of("C3", value=30.0), "deviation": of("C3", value=90.0, others=USUAL)},
        {"span": of("C3", value=600.0)},
        {"muscle": of("C3", value=12.0)},
        {"gains": {"C3": 2.5}},
        {"gains": {"C3": 0.1}},
        {"differences": np.where(np.arange(36) == 21, -7.0, 0.0).astype(np.float16)},  # C3 and CZ
    ],
)
def test_nothing_is_wrong_with_a_channel_that_is_set_aside(changes):
    judge = judge_after()
    reason = judge.judge(measured(names=OF_ALL, **changes))
    assert reason.startswith("C3")
    judge = judge_after()
    judge.aside = of("C3", "CZ")
    assert judge.judge(measured(names=OF_ALL, **changes)) is None
    assert not (judge.bad != "").any()


def test_a_contact_that_is_bad_is_named_for_as_long_as_it_is():
    judge = judge_after()
    bad = {"still": of("C3", "C4"), "railed": of("C4"), "mains": of("CZ", "PZ", value=30.0)}
    bad["deviation"] = of("PZ", value=90.0, others=USUAL)  # noise, and no hum alone
    judge.judge(measured(names=OF_ALL, **bad))
    named = {name: str(words) for name, words in zip(OF_ALL, judge.bad, strict=True) if words}
    assert named == {"C3": "flat", "C4": "railed", "CZ": "full of mains hum"}
    judge.judge(measured(names=OF_ALL))
    assert not (judge.bad != "").any()


def test_filters_ring_where_what_was_recorded_is_right_again():
    judge, large = judge_after(), of("C3", value=600.0, others=70.0)
    for raw_span, ringing in ((of(value=0.0, others=70.0), True), (large, False)):
        judge.judge(measured(names=OF_ALL, span=large, raw_span=raw_span))
        assert judge.ringing is ringing
    judge.judge(measured(names=OF_ALL, span=large))
    judge.judge(measured(names=OF_ALL))
    assert not judge.ringing
    judge.judge(measured(names=OF_ALL, muscle=of("C3", value=12.0)))
    assert not judge.ringing
