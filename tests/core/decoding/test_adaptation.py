from dataclasses import replace

import numpy as np
import pytest

from core.decoding.adaptation import AGAIN, LABELS, LEAST, RECENTRE, Adaptation
from core.decoding.features import band_sections, shrunk_covariances
from core.decoding.graph_head import GraphHead
from core.decoding.online import OnlineDecoder
from core.decoding.recentring import ReferenceMean
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.feed.recording_feed import RecordingFeed
from core.signal.filtering import CausalFilter

pytestmark = pytest.mark.slow

HOP, WINDOW, RATE = 64, 1024, 256.0
BOTH = (RECENTRE, LABELS)


@pytest.fixture(scope="module")
def run(imagery_recording):
    return imagery_recording(seed=5, trials=5)


def online(decoder, recording, away=0.0):
    path = decoder.attach(recording.labels, [""] * len(recording.labels), recording.rate)
    windows = WindowDecoder(decoder, decoder.load_encoder(), HOP)
    segments = RecordingFeed(recording, away=away).segments()
    return OnlineDecoder(decoder, path, windows).push(segments), windows


def adapted(decoder, recording, modes, log=None, toggles=(), cues=None, away=0.0):
    """Decide a recording; toggle before the windows of these numbers."""
    results, windows = online(decoder, recording, away)
    adaptation = Adaptation(decoder, windows, modes, 30.0, log)
    for event in recording.events if cues is None else cues:
        adaptation.cue(event.onset, event.label)

    def toggled():
        for number, result in enumerate(results):
            for _ in range(toggles.count(number)):
                adaptation.toggle()
            yield result

    given = list(adaptation.follow(toggled()))
    adaptation.finish()
    return given, adaptation


@pytest.fixture(scope="module")
def plain(fitted, run):
    return list(online(fitted["riemann"], run)[0])


@pytest.fixture(scope="module")
def both(fitted, run):
    return adapted(fitted["riemann"], run, BOTH)


def kinds(adaptation):
    return [step.kind for step in adaptation.steps]


def test_the_decoder_decides_beside_it_as_if_nothing_adapted(plain, both):
    results, adaptation = both
    assert {"recentre", "labels"} < set(kinds(adaptation))
    assert len(results) == len(plain)
    changed = [result for result in results if result.adapted]
    assert 50 < len(changed) < len(results)
    for result, alone in zip(results, plain, strict=True):
        frozen = result.frozen if result.adapted else result.probabilities
        np.testing.assert_array_equal(frozen, alone.probabilities)
    assert any(not np.array_equal(one.probabilities, one.frozen) for one in changed)
    assert {one.adapted for one in changed} <= {step.state for step in adaptation.steps}


def test_what_is_undone_leaves_nothing_behind(fitted, run, plain, both):
    results, adaptation = adapted(fitted["riemann"], run, BOTH, toggles=[130])
    assert kinds(adaptation)[-2:] == ["undo", "end"]
    assert results[129].adapted == both[0][129].adapted != ""
    for result, alone in zip(results[130:], plain[130:], strict=True):
        np.testing.assert_array_equal(result.probabilities, alone.probabilities)
        assert result.adapted == ""
    assert "undone" in adaptation.words


def test_after_an_undo_it_begins_anew_when_asked(fitted, run):
    _, adaptation = adapted(fitted["riemann"], run, BOTH, toggles=[130, 140])
    after = adaptation.steps[kinds(adaptation).index("resume") :]
    first = next(step for step in after if step.kind == "recentre")
    assert first.detail["seconds"] == 30.0
    assert first.time > after[0].time + 26.0  # its first window began before
    assert sum(step.kind == "labels" for step in after) == adaptation.learned.total()


@pytest.mark.slow
def test_a_run_is_repeated_from_its_log_to_the_last_digit(fitted, run):
    decoder = fitted["riemann"]
    first, adaptation = adapted(decoder, run, BOTH, toggles=[180, 200])
    again, other = adapted(decoder, run, BOTH, log=adaptation.steps, cues=())
    assert other.steps == adaptation.steps
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.probabilities, two.probabilities)
        assert one.adapted == two.adapted


def test_a_run_that_lost_samples_is_repeated_whatever_its_breaks_are_taken_to_last(fitted, run):
    at = [round(event.onset * run.rate) for event in run.events]
    samples = run.samples_uv.copy()
    samples[at[4] + 500 : at[4] + 700, run.labels.index("C3")] = 0.0
    lossy = replace(run, samples_uv=samples, breaks=(at[1] - 100, at[8] + 300))
    decoder, toggles = fitted["riemann"], [170, 200]
    first, adaptation = adapted(decoder, lossy, BOTH, toggles=toggles, away=1 / RATE)
    assert {"recentre", "labels", "passed", "undo", "resume"} < set(kinds(adaptation))
    again, other = adapted(decoder, lossy, BOTH, log=adaptation.steps, cues=(), away=1.0)
    assert again[-1].sample > first[-1].sample
    assert [(one.windows, one.kind, one.state, one.text) for one in other.steps] == [
        (one.windows, one.kind, one.state, one.text) for one in adaptation.steps
    ]
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.probabilities, two.probabilities)
        assert one.adapted == two.adapted


def test_the_log_of_another_signal_is_refused(fitted, run, both):
    other = replace(run, samples_uv=run.samples_uv * np.float32(1.01))
    with pytest.raises(InputError, match="not the run of the log of adaptation"):
        adapted(fitted["riemann"], other, BOTH, log=both[1].steps)
    steps = [
        replace(step, detail=step.detail | {"label": "feet"}) if step.kind == LABELS else step
        for step in both[1].steps
    ]
    with pytest.raises(InputError, match='a trial of "feet", not of the decoder'):
        adapted(fitted["riemann"], run, BOTH, log=steps, cues=())
    with pytest.raises(InputError, match="had --adapt recentre labels, here labels"):
        adapted(fitted["riemann"], run, (LABELS,), log=both[1].steps)


def test_only_the_whole_log_on_the_whole_recording_repeats_a_run(fitted, run):
    decoder, half = fitted["riemann"], replace(run, samples_uv=run.samples_uv[:15000])
    whole, short = (adapted(decoder, each, (LABELS,))[1].steps for each in (run, half))
    assert (whole[-1].kind, short[-1].kind) == ("end", "end")
    for log, signal, words in (
        (whole[:-4], run, "does not say that its run was over"),
        (whole[:-1], run, "does not say that its run was over"),
        (whole, half, "went on to window"),
        (short, run, "this recording goes on"),
    ):
        with pytest.raises(InputError, match=words):
            adapted(decoder, signal, (LABELS,), log=log, cues=())


def test_the_reference_is_the_mean_of_all_windows_with_one_weight_for_all(fitted, run):
    decoder = fitted["riemann"]
    results, adaptation = adapted(decoder, run, (RECENTRE,))
    steps = [step for step in adaptation.steps if step.kind == "recentre"]
    assert [step.detail["seconds"] for step in steps] == [30.0, 30.0 + AGAIN]
    path = decoder.attach(run.labels, [""] * len(run.labels), run.rate)
    signal = CausalFilter(band_sections((8.0, 30.0), RATE)).push(path.push(run.samples_uv))
    ends = range(WINDOW, steps[-1].sample + 2, HOP)
    windows = np.stack([signal[end - WINDOW : end].T for end in ends])
    reference = adaptation.state.reference
    assert reference.windows == len(windows)
    for view, whitener in zip(decoder.tangents, reference.whiteners, strict=True):
        mean = shrunk_covariances(windows[:, view.picks]).mean(axis=0)
        np.testing.assert_allclose(whitener @ mean @ whitener, np.eye(len(mean)), atol=1e-6)
    assert adaptation.state.head is None
    assert {result.adapted for result in results[:100]} == {""}


def test_signal_on_both_sides_of_a_break_counts_as_far_as_windows_cover_it(fitted, run):
    results, adaptation = adapted(fitted["riemann"], replace(run, breaks=(2_500,)), (RECENTRE,))
    step = next(step for step in adaptation.steps if step.kind == "recentre")
    whole = [r for r in results if r.sample <= step.sample and r.probabilities is not None]
    assert step.detail["windows"] == len(whole)
    assert step.detail["seconds"] == (2 * WINDOW + (len(whole) - 2) * HOP) / RATE


def test_the_order_in_which_classes_came_changes_no_reference():
    """Cues that alternate, or come in blocks: a mean that forgets would tell the next from it."""
    left, right = (np.diag(values) for values in ([3.0, 1.0], [1.0, 3.0]))
    orders = [left, right] * 8, [left] * 8 + [right] * 8
    whiteners = []
    for order in orders:
        mean = ReferenceMean(RATE, WINDOW, HOP)
        for covariance in order:
            mean.take([covariance + 0.1 * np.eye(2)])
        whiteners.append(mean.reference().whiteners[0])
    np.testing.assert_allclose(*whiteners, rtol=1e-12)


def test_the_clock_of_a_stream_does_not_decide_which_window_is_a_trial(fitted, run):
    """Cues 10 ms behind a hop, as is one of 62 at 250 Hz: sums of times are rounded."""
    taken = []
    for start in (0.0, 1234.56789):
        results, windows = online(fitted["riemann"], run)
        adaptation = Adaptation(fitted["riemann"], windows, (LABELS,))
        for number in range(8):
            adaptation.cue(start + 28.26 + 0.5 * number, ("left_hand", "right_hand")[number % 2])
        for _ in adaptation.follow(replace(result, time=start + result.time) for result in results):
            pass
        taken.append([(step.windows, step.kind) for step in adaptation.steps])
    assert taken[0] == taken[1]


def test_the_head_learns_from_each_trial_when_its_window_is_over(fitted, run):
    results, adaptation = adapted(fitted["riemann"], run, (LABELS,))
    steps = [step for step in adaptation.steps if step.kind == "labels"]
    assert [step.detail["label"] for step in steps] == [event.label for event in run.events]
    for step, event in zip(steps, run.events, strict=True):
        # The first whole window from the cue on.
        assert 0.0 <= step.time - (event.onset + (WINDOW - 1) / RATE) + 0.01 <= 0.25 + 0.01
    counts = [
        min(
            sum(one.detail["label"] == name for one in steps[: k + 1])
            for name in ("left_hand", "right_hand")
        )
        for k in range(len(steps))
    ]
    assert [bool(step.state) for step in steps] == [count >= LEAST for count in counts]
    right = [
        (result.probabilities[1] - 0.5) * (1 if step.detail["label"] == "right_hand" else -1)
        for step in steps
        for result in results
        if result.sample == step.sample
    ]
    assert np.mean(np.array(right) > 0) >= 0.8


def test_a_head_that_has_learned_is_fitted_anew_at_a_new_reference(fitted, run):
    results, windows = online(fitted["riemann"], run)
    adaptation = Adaptation(fitted["riemann"], windows, BOTH, 31.0)  # when no trial ends
    for event in run.events:
        adaptation.cue(event.onset, event.label)
    state, recentred = adaptation.state, 0
    for _ in adaptation.follow(results):
        before, state = state, adaptation.state
        if before.head is not None and state.reference is not before.reference:
            recentred += 1
            assert (state.head.weights != before.head.weights).all()
    assert recentred == 1


def test_a_trial_with_an_artifact_or_a_late_marker_is_passed_over(fitted, run):
    samples = run.samples_uv.copy()
    at = round((run.events[1].onset + 2.0) * run.rate)
    samples[at : at + 200, run.labels.index("C3")] = 0.0
    results, windows = online(fitted["riemann"], replace(run, samples_uv=samples))
    adaptation = Adaptation(fitted["riemann"], windows, (LABELS,))
    first, second, third, *_ = run.events
    late = third.onset + 6.0

    def told():
        adaptation.cue(first.onset, "fixation")  # asks for no class
        adaptation.cue(second.onset, second.label)
        adaptation.cue(second.onset + 0.05, second.label)  # the same, sent twice
        for result in results:
            if late <= result.time < late + 0.25:
                adaptation.cue(third.onset, third.label)
            yield result

    list(adaptation.follow(told()))
    assert kinds(adaptation) == ["begin", "passed", "passed"]
    assert "artifact" in adaptation.steps[1].text
    assert "late" in adaptation.steps[2].text


def test_a_trial_that_a_task_ended_early_is_passed_over(fitted, run):
    results, windows = online(fitted["riemann"], run)
    adaptation = Adaptation(fitted["riemann"], windows, (LABELS,))
    first, second, *_ = run.events
    adaptation.cue(first.onset, first.label)
    adaptation.cue(second.onset, second.label)
    adaptation.end(first.onset + 1.5)
    adaptation.end(second.onset + 4.0)
    list(adaptation.follow(results))
    assert kinds(adaptation) == ["begin", "passed", "labels"]
    assert "ended early" in adaptation.steps[1].text


def test_a_head_without_covariances_or_with_a_graph_is_not_adapted(fitted, run):
    decoder = fitted["encoder"]
    windows = WindowDecoder(decoder, decoder.load_encoder(), HOP)
    with pytest.raises(InputError, match="leave out --adapt recentre"):
        Adaptation(decoder, windows, (RECENTRE,))
    graph = replace(decoder, head=GraphHead(decoder.settings.channels, np.zeros(1), {}, 1.0))
    with pytest.raises(InputError, match="cannot be adapted while it runs"):
        Adaptation(graph, windows, (LABELS,))


@pytest.mark.slow
def test_tokens_are_learned_from_as_covariances_are(fitted, run):
    results, adaptation = adapted(fitted["hybrid"], run, BOTH)
    assert {"recentre", "labels"} < set(kinds(adaptation))
    assert any(result.adapted for result in results)
