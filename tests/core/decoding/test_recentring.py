from dataclasses import replace

import numpy as np
import pytest

from core.decoding.features import band_sections, shrunk_covariances
from core.decoding.online import OnlineDecoder
from core.decoding.recentring import DECODER, GROWING, ReferenceMean, RunStart, check_flags
from core.decoding.spatial import power
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.decoding.storage.reference_file import load_reference, save_reference
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.feed.recording_feed import RecordingFeed
from core.feed.segments import Segmenter
from core.signal.filtering import CausalFilter

HOP, WINDOW, RATE = 64, 1024, 256.0
SECONDS = 30.0


@pytest.fixture(scope="module")
def run(imagery_recording):
    """Some seconds more than the reference of these tests takes."""
    recording = imagery_recording(seed=5)
    return replace(recording, samples_uv=recording.samples_uv[: round(42 * recording.rate)])


def online(decoder, recording, recentre=SECONDS, hop=HOP):
    path = decoder.attach(recording.labels, [""] * len(recording.labels), recording.rate)
    windows = WindowDecoder(decoder, decoder.load_encoder(), hop, recentre=recentre)
    return OnlineDecoder(decoder, path, windows), windows


def decided(decoder, recording, **given):
    maker, windows = online(decoder, recording, **given)
    return list(maker.push(RecordingFeed(recording).segments())), windows


def banded(decoder, recording):
    path = decoder.attach(recording.labels, [""] * len(recording.labels), recording.rate)
    return CausalFilter(band_sections((8.0, 30.0), RATE)).push(path.push(recording.samples_uv))


@pytest.mark.slow
def test_after_its_seconds_windows_are_seen_from_the_mean_of_those_before(fitted, run):
    decoder = fitted["riemann"]
    results, windows = decided(decoder, run)
    signal = banded(decoder, run)
    first = np.stack([signal[end - WINDOW : end].T for end in range(WINDOW, 30 * 256 + 1, HOP)])
    assert windows.reference.windows == len(first)
    assert windows.reference.seconds == SECONDS
    means = [shrunk_covariances(first[:, view.picks]).mean(axis=0) for view in decoder.tangents]
    for mean, whitener in zip(means, windows.reference.whiteners, strict=True):
        np.testing.assert_allclose(whitener @ mean @ whitener, np.eye(len(mean)), atol=1e-6)
    whole = [result for result in results if result.probabilities is not None]
    for number, result in enumerate(whole):
        window = signal[result.sample + 1 - WINDOW : result.sample + 1].T[None]
        views = decoder.tangents
        name = windows.reference.name if number >= len(first) else GROWING
        if number >= 17:  # windows of 8 s have been before it
            sofar = first[:number]
            means = [shrunk_covariances(sofar[:, view.picks]).mean(axis=0) for view in views]
            views = [view.at(power(m, -0.5)) for view, m in zip(views, means, strict=True)]
        assert result.reference == (name if number >= 17 else DECODER)
        vector = np.concatenate([view.of_windows(window) for view in views], axis=1)
        expected = decoder.head.probabilities(vector)[0]
        np.testing.assert_allclose(result.probabilities, expected, atol=1e-9)
    assert {one.reference for one in whole} == {DECODER, GROWING, windows.reference.name}


@pytest.mark.slow
def test_without_recentring_nothing_changes(fitted, run):
    decoder = fitted["riemann"]
    plain, windows = decided(decoder, run, recentre=None)
    recentred, _ = decided(decoder, run)
    assert windows.reference is None
    assert windows.seconds_to_reference is None
    assert {result.reference for result in plain} == {DECODER}
    early = round(8.0 * RATE) // HOP  # hops
    for one, two in zip(plain[:early], recentred[:early], strict=True):
        np.testing.assert_array_equal(one.probabilities, two.probabilities)
    late = [
        np.array_equal(one.probabilities, two.probabilities)
        for one, two in zip(plain[early:], recentred[early:], strict=True)
    ]
    assert late
    assert not any(late)


@pytest.mark.slow
@pytest.mark.parametrize("head", ["riemann", pytest.param("hybrid", marks=pytest.mark.slow)])
def test_how_a_stream_is_cut_changes_no_reference(fitted, run, head):
    def pushed(places):
        maker, windows = online(fitted[head], run)
        feed = Segmenter(run.labels, ["uV"] * len(run.labels), run.rate)
        stamps = np.arange(len(run.samples_uv)) / run.rate
        results = []
        for block, when in zip(
            np.split(run.samples_uv, places), np.split(stamps, places), strict=True
        ):
            results += maker.push(feed.push(block, when))
        lines = [
            (r.sample, r.reference, None if r.probabilities is None else r.probabilities.tolist())
            for r in results
        ]
        return lines, windows.reference.digest

    assert pushed([]) == pushed([1, 2_000, 2_001, 7_499, 7_500, 7_507, 9_000])


@pytest.mark.slow
def test_a_break_and_an_artifact_in_the_minute_are_in_no_window_of_it(fitted, run):
    decoder = fitted["riemann"]
    samples = run.samples_uv.copy()
    samples[5_000:5_200, run.labels.index("C3")] = 0.0  # at 20 s, for 0.8 s
    spoilt = replace(run, samples_uv=samples, breaks=(2_500,))  # at 10 s
    results, windows = decided(decoder, spoilt)
    assert any(result.status == "artifact" for result in results)
    ok = [result for result in results if result.status == "ok"]
    own = [result for result in ok if result.reference in (DECODER, GROWING)]
    assert windows.reference.windows == len(own)
    path = decoder.attach(run.labels, [""] * len(run.labels), run.rate)
    halves = []
    for start, stop in ((0, 2_500), (2_500, len(samples))):
        path.restart()
        signal = path.push(samples[start:stop])
        halves.append(CausalFilter(band_sections((8.0, 30.0), RATE)).push(signal))
    view = decoder.tangents[-1]
    covariances, second = [], round(2_500 * RATE / run.rate)
    for result in own:
        signal, end = (halves[0], result.sample + 1)
        if end > second:
            signal, end = halves[1], end - second
        covariances.append(shrunk_covariances(signal[end - WINDOW : end, view.picks].T[None])[0])
    mean = np.mean(covariances, axis=0)
    white = windows.reference.whiteners[-1]
    np.testing.assert_allclose(white @ mean @ white, np.eye(len(mean)), atol=1e-3)
    # A part of the seconds lies beside whole windows: around the break and the artifact.
    assert 30.5 < own[-1].time < 40.0


@pytest.mark.slow
def test_the_reference_of_a_run_that_is_too_short_grows_to_its_end(fitted, run):
    short = replace(run, samples_uv=run.samples_uv[: round(29 * run.rate)])
    results, windows = decided(fitted["riemann"], short)
    assert {result.reference for result in results} == {DECODER, GROWING}
    assert windows.reference is None
    assert 1.0 <= windows.seconds_to_reference < 1.5


@pytest.mark.slow
def test_a_head_without_covariances_has_nothing_to_recentre(fitted):
    decoder = fitted["encoder"]
    windows = WindowDecoder(decoder, decoder.load_encoder(), HOP, recentre=SECONDS)
    assert windows.seconds_to_reference is None


@pytest.mark.slow
def test_decisions_are_computed_again_to_the_last_digit_from_the_file_of_a_reference(
    fitted, run, tmp_path
):
    decoder = fitted["riemann"]
    results, windows = decided(decoder, run)
    taken = windows.reference.name
    first = next(result.sample for result in results if result.reference == taken)
    path = save_reference(windows.reference, tmp_path / "one.reference.safetensors", first)
    again = decoder.recentred(load_reference(path))
    replayed, _ = decided(again, run, recentre=None)
    late = [(one, two) for one, two in zip(results, replayed, strict=True) if one.sample >= first]
    assert len(late) > 40
    for one, two in late:
        np.testing.assert_array_equal(one.probabilities, two.probabilities)


@pytest.mark.slow
def test_a_reference_of_another_decoder_is_refused(fitted, run):
    _, windows = decided(fitted["riemann"], run)
    reference = windows.reference
    with pytest.raises(InputError, match="another decoder"):
        fitted["encoder"].recentred(reference)
    with pytest.raises(InputError, match="another decoder"):
        fitted["riemann"].recentred(replace(reference, whiteners=reference.whiteners[::-1]))


@pytest.mark.slow
def test_a_damaged_file_of_a_reference_is_refused(fitted, run, tmp_path):
    _, windows = decided(fitted["riemann"], run)
    path = save_reference(windows.reference, tmp_path / "one.safetensors", 0)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="SHA-256"):
        load_reference(path)
    with pytest.raises(InputError, match="not a reference of a run"):
        load_reference(save_decoder(fitted["riemann"], tmp_path / "two.safetensors"))
    with pytest.raises(InputError, match="exists"):
        save_reference(windows.reference, path, 0)


def test_windows_that_share_samples_count_them_once():
    mean = ReferenceMean(RATE, WINDOW, HOP)
    one = [np.eye(2)]
    mean.take(one)
    assert mean.seconds == 4.0
    mean.take(one)
    assert mean.seconds == 4.25
    mean.reset()
    mean.take(one)
    assert mean.seconds == 8.25


@pytest.mark.slow
def test_signal_on_both_sides_of_a_gap_counts_as_far_as_windows_cover_it(fitted):
    decoder, random = fitted["riemann"], np.random.default_rng(0)
    windows = WindowDecoder(decoder, None, HOP, recentre=SECONDS)
    for _ in range(2):
        windows.reset()
        for _ in range(2 * WINDOW // HOP):
            windows.push(random.normal(size=(HOP, len(decoder.settings.channels))))
    assert windows.seconds_to_reference == SECONDS - 4 * WINDOW / RATE


@pytest.mark.parametrize("seconds", [0.0, 29.0, 1e5, float("nan")])
def test_seconds_that_make_no_sense_are_refused(seconds):
    with pytest.raises(InputError, match="choose 30 to 3600 s"):
        RunStart(seconds, RATE, WINDOW, HOP)


@pytest.mark.slow
def test_a_decoder_file_says_what_is_recentred_by_default(fitted, tmp_path):
    decoder = fitted["riemann"]
    facts = decoder.facts
    for number, (fit, expected) in enumerate([({}, None), ({"recentre": 45.0}, 45.0)]):
        kept = {key: value for key, value in facts.fit.items() if key != "recentre"}
        told = replace(decoder, facts=replace(facts, fit=kept | fit))
        path = save_decoder(told, tmp_path / f"{number}.safetensors")
        assert load_decoder(path).recentre == expected
    wrong = replace(decoder, facts=replace(facts, fit={"recentre": 5.0}))
    with pytest.raises(InputError, match="choose 30"):
        save_decoder(wrong, tmp_path / "wrong.safetensors")


@pytest.mark.slow
def test_a_fit_notes_recentring_for_the_heads_that_it_helps(fitted):
    assert fitted["riemann"].recentre == 60.0
    assert fitted["encoder"].recentre is None


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("off", 60.0, ()), "--recentre off takes no --recentre-seconds"),
        ((None, 5.0, ()), "choose 30 to 3600 s"),
        ((None, None, ("labels", "labels")), "--adapt labels labels names one of them twice"),
        (("off", None, ("recentre",)), "--adapt recentre goes on with"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(asked, says):
    check_flags("start", 60.0, ("recentre", "labels"))
    check_flags("off", None, ("labels",))
    with pytest.raises(InputError, match=says):
        check_flags(*asked)
