"""Learning on the way gives what the files give, and has done the work by then."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from calibration.classes import cue_events
from calibration.fit_settings import FitSettings
from calibration.fitting import fit_decoder
from calibration.priors import starting_head
from calibration.recording.bids import next_run
from calibration.recording.recorder import Recorder
from calibration.session.incremental_fit import IncrementalFit, _Stretches
from core.encoders import load_encoder
from core.feed.segments import Segmenter
from core.recordings import Recording, Span, read_recording
from core.stream.description import StreamFacts, StreamIdentity

pytestmark = pytest.mark.slow


@pytest.fixture
def recording(imagery_recording):
    return imagery_recording(trials=7, seed=4)


def facts_of(recording, unit="microvolts"):
    count = len(recording.labels)
    return StreamFacts(
        identity=StreamIdentity("EEG", "EEG", "source", "host", "uid"),
        rate=recording.rate,
        labels=recording.labels,
        units=(unit,) * count,
        types=("EEG",) * count,
        channel_count=count,
        format="float32",
        warnings=(),
    )


def learn(recording, settings, earlier=(), samples=None, unit="microvolts", starting=lambda: None):
    """Stream a recording into a learner, in pieces, each event when its frame was shown."""
    facts = facts_of(recording, unit)
    feed = Segmenter(facts.labels, facts.units, facts.rate)
    learner = IncrementalFit(
        facts,
        "01",
        "",
        settings,
        load_encoder(settings.encoder),
        earlier,
        starting,
    )
    samples = recording.samples_uv if samples is None else samples
    stamps = 1000.0 + np.arange(len(samples)) / recording.rate
    for at in recording.breaks:
        stamps[at:] += 3.0
    waiting = list(recording.events)
    for start in range(0, len(samples), 50):
        learner.write(feed.push(samples[start : start + 50], stamps[start : start + 50]))
        while waiting and waiting[0].onset * recording.rate < start + 50:
            event = waiting.pop(0)
            at = stamps[round(event.onset * recording.rate)]
            learner.event("trial_start", at - 0.5)
            learner.event(event.label, at)
    learner.close()
    assert learner.error is None
    return learner


def same(one, other):
    assert one.selection.scores.keys() == other.selection.scores.keys()
    assert one.decoder.facts.scores == other.decoder.facts.scores
    np.testing.assert_array_equal(one.decoder.head.weights, other.decoder.head.weights)
    np.testing.assert_array_equal(one.decoder.head.bias, other.decoder.head.bias)


@pytest.mark.parametrize("head", ["riemann", "encoder"])
def test_the_fit_is_that_of_the_files(recording, head):
    settings = FitSettings(head=head, repeats=1)
    found = learn(recording, settings).fit(recording)
    same(found, fit_decoder([recording], cue_events([recording]), "01", settings))


def test_nothing_is_left_to_compute(recording, monkeypatch):
    settings = FitSettings(head="encoder", repeats=1)
    learner = learn(recording, settings)

    def refuse(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr("core.fitting.trials.signals.SignalPath.push", refuse)
    monkeypatch.setattr("core.fitting.trials.epochs.CausalFilter", refuse)
    monkeypatch.setattr("core.decoding.features.TokenFeatures.of_run", refuse)
    assert len(learner.fit(recording).epochs) == 14


def test_what_was_joined_once_is_not_copied_again(recording):
    stretches = _Stretches()
    for _ in range(2):
        stretches.begin()
        stretches.add(np.zeros((3, 2)))
        stretches.add(np.ones((4, 2)))
    first, second = stretches.joined()
    stretches.add(np.ones((5, 2)))
    again, grown = stretches.joined()
    assert again is first
    assert len(grown) == len(second) + 5
    assert stretches.joined()[1] is grown
    learner = learn(recording, FitSettings(head="riemann"))
    # Joined at the last look, before the last two of fourteen trials.
    assert len(learner._raw) < len(recording.samples_uv) / 50 / 2


def test_a_break_and_an_earlier_run_are_learned_too(recording, imagery_recording):
    earlier = imagery_recording(trials=5, seed=5)
    broken = Recording(
        recording.samples_uv,
        recording.rate,
        recording.labels,
        recording.events,
        (round(33.0 * recording.rate),),
        recording.path,
        recording.sha256,
    )
    settings = FitSettings(head="encoder", repeats=1)
    learner = learn(broken, settings, [earlier])
    found = learner.fit(broken)
    both = [earlier, broken]
    same(found, fit_decoder(both, cue_events(both), "01", settings))
    assert len(found.rejected) == 1


@pytest.mark.parametrize(
    "marks", [{"bad_spans": (Span(0.0, 1.9, "BAD_movement"),)}, {"bad_channels": ("CZ",)}]
)
def test_what_an_earlier_run_marks_as_bad_is_left_out_as_from_the_files(
    recording, imagery_recording, marks
):
    earlier = replace(imagery_recording(trials=7, seed=5), **marks)
    settings = FitSettings(encoder="starter", head="encoder", repeats=1)
    learner = learn(recording, settings, [earlier])
    assert learner._complete(recording)
    assert learner.accuracy is not None
    both = [earlier, recording]
    same(learner.fit(recording), fit_decoder(both, cue_events(both), "01", settings))


def test_samples_that_are_no_numbers_are_left_out_as_from_the_files(recording, imagery_recording):
    rate = recording.rate
    c3 = recording.labels.index("C3")

    def spoil(one):
        samples = one.samples_uv.copy()
        samples[:20, c3] = np.nan  # at the beginning, in a trial, over a break, and at the end
        samples[round(33.0 * rate), c3] = np.inf
        samples[round(40.0 * rate) - 3 : round(40.0 * rate) + 120, c3] = np.nan
        samples[-7:, c3] = np.nan
        return replace(one, samples_uv=samples, breaks=(round(40.0 * rate),))

    earlier, spoilt = spoil(imagery_recording(trials=7, seed=5)), spoil(recording)
    samples = spoilt.samples_uv
    settings = FitSettings(head="encoder", repeats=1)
    learner = learn(spoilt, settings, [earlier], samples)
    found = learner.fit(spoilt)
    both = [earlier, spoilt]
    same(found, fit_decoder(both, cue_events(both), "01", settings))
    assert learner._complete(spoilt)
    np.testing.assert_array_equal(np.concatenate(learner._raw), samples)
    assert np.isfinite(found.decoder.head.weights).all()
    reasons = [one.reason for one in found.rejected]
    assert reasons
    assert all("C3 sent NaN or inf" in reason for reason in reasons)


def test_a_channel_that_files_do_not_give_back_costs_no_work(recording):
    settings = FitSettings(head="riemann", repeats=1)
    with_trigger = replace(
        recording,
        labels=(*recording.labels, "TRG"),
        samples_uv=np.hstack([recording.samples_uv, np.zeros((len(recording.samples_uv), 1))]),
    )
    learner = learn(with_trigger, settings)
    assert learner._complete(recording)
    same(learner.fit(recording), fit_decoder([recording], cue_events([recording]), "01", settings))


def test_an_event_that_the_files_place_otherwise_is_not_learned_from(recording):
    settings = FitSettings(head="encoder", repeats=1)
    learner = learn(recording, settings)
    assert learner._complete(recording)
    first, *others = recording.events
    moved = replace(recording, events=(replace(first, onset=first.onset + 0.1), *others))
    assert not learner._complete(moved)
    assert not learner._complete(replace(recording, events=tuple(others)))
    same(learner.fit(moved), fit_decoder([moved], cue_events([moved]), "01", settings))


def test_learning_that_fails_at_the_very_end_still_ends(recording, monkeypatch):
    def fail(self):
        raise MemoryError

    monkeypatch.setattr(IncrementalFit, "_over", 0)  # nothing is tried before the end
    monkeypatch.setattr(IncrementalFit, "_encode", fail)
    settings = FitSettings(head="encoder", repeats=1)
    facts, samples = facts_of(recording), recording.samples_uv
    feed = Segmenter(facts.labels, facts.units, facts.rate)
    learner = IncrementalFit(facts, "01", "", settings, load_encoder(settings.encoder))
    learner.write(feed.push(samples, 1000.0 + np.arange(len(samples)) / 250.0))
    learner.close()
    assert learner.error == "MemoryError"
    monkeypatch.undo()
    same(learner.fit(recording), fit_decoder([recording], cue_events([recording]), "01", settings))


def test_what_the_fit_starts_from_is_there_before_the_fit(recording):
    events = cue_events([recording])
    settings = FitSettings(repeats=1)
    computed = []

    @cache
    def starting():
        computed.append(starting_head((), recording.labels, events, settings))
        return computed[0]

    learner = learn(recording, settings, starting=starting)
    (head,) = computed
    found = learner.fit(recording)
    assert len(computed) == 1
    same(found, fit_decoder([recording], events, "01", settings, prior=head))
    assert found.decoder.facts.fit["prior"]["trials"] == head.trials


def test_volts_are_learned_as_microvolts(recording):
    settings = FitSettings(head="riemann", repeats=1)
    samples = (recording.samples_uv * 1e-6).astype(np.float32)
    learner = learn(recording, settings, samples=samples, unit="volts")
    assert learner.accuracy is not None


def test_how_good_it_would_be_is_known_between_trials(recording):
    learner = learn(recording, FitSettings(head="riemann"))
    assert learner.accuracy.trials == 12  # of fourteen: looked at after every fourth
    assert learner.accuracy.head == "riemann"
    assert learner.rejected == 0


@pytest.mark.parametrize("left_out", [25, 0])
def test_files_in_which_samples_or_a_break_are_missing_are_fitted_from_scratch(recording, left_out):
    settings = FitSettings(head="riemann", repeats=1)
    learner = learn(recording, settings)
    at = round(33.0 * recording.rate)
    other = Recording(
        np.delete(recording.samples_uv, slice(at, at + left_out), axis=0),
        recording.rate,
        recording.labels,
        recording.events,
        (at,),
        recording.path,
        recording.sha256,
    )
    assert not learner._complete(other)
    same(learner.fit(other), fit_decoder([other], cue_events([other]), "01", settings))


@pytest.mark.parametrize("unit", ["microvolts", "volts"])
def test_what_is_learned_is_what_the_files_of_the_session_have(recording, tmp_path, unit):
    """Recorder and learner are given the same segments; the fit is that of the files, and done."""
    samples = (recording.samples_uv * {"microvolts": 1.0, "volts": 1e-6}[unit]).astype(np.float32)
    samples[round(20.0 * recording.rate) :][:9, recording.labels.index("C4")] = np.nan
    settings = FitSettings(head="encoder", repeats=1)
    facts = facts_of(recording, unit)
    feed = Segmenter(facts.labels, facts.units, facts.rate)
    learner = IncrementalFit(facts, "01", "", settings, load_encoder(settings.encoder))
    kept = np.delete(np.arange(len(samples)), slice(round(33.0 * recording.rate), None, 4000))
    stamps = 1000.0 + np.arange(len(samples)) / recording.rate
    with Recorder(next_run(tmp_path, "01"), facts, memory=1000.0) as recorder:
        for rows in np.array_split(kept, 97):
            segments = feed.push(samples[rows], stamps[rows])
            recorder.write(segments)
            learner.write(segments)
        for event in recording.events:
            recorder.event(event.label, None, 1000.0 + event.onset, 0.0)
            learner.event(event.label, 1000.0 + event.onset)
    learner.close()
    written = read_recording(recorder.run.file("eeg.vhdr"))
    assert len(written.breaks) == len(range(round(33.0 * recording.rate), len(samples), 4000))
    assert learner._complete(written)
    np.testing.assert_array_equal(np.concatenate(learner._raw), written.samples_uv)
    fit = fit_decoder([written], cue_events([written]), "01", settings)
    same(learner.fit(written), fit)
