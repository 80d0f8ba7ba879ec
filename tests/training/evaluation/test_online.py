from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from training.evaluation.online import (
    IDLE,
    _decide,
    asked_for,
    calibrate_then_run,
    decide_online,
    pseudo_online,
    with_idle,
)
from training.evaluation.people import Signal, path_for_all
from training.evaluation.systems.catalogue import make_systems
from training.evaluation.trials import Trials, share_of

pytestmark = pytest.mark.slow

CLASSES = ("left_hand", "right_hand")


def test_deciding_live_is_deciding_on_windows_of_the_whole_recording(signals, encoder):
    (system,) = make_systems(["hybrid"], encoder, "untrained-tiny1")
    signal = signals[0]
    share = share_of(signal, fitted=(0, 1))
    model = system.fit(Trials((share,)), seed=0)
    given = decide_online(model, signal.person.recordings[2])
    assert {hop.status for hop in given} == {"warming", "ok"}
    live = np.array([hop.probabilities for hop in given if hop.probabilities is not None])
    hop, window = signal.spec.patch, signal.spec.window
    assert [one.sample for one in given][-len(live) :][:2] == [window - 1, window + hop - 1]
    assert len(live) == (len(signal.segments[2]) - window) // hop + 1
    places = np.array([(2, at * hop) for at in range(0, len(live), 7)])
    epochs = replace(
        signal.epochs, places=places, labels=np.zeros(len(places), dtype=np.intp), trials=()
    )
    whole = model.probabilities(Trials((share_of(signal, epochs, (0, 1)),)))
    # Tokens are equal to 1e-5, which a temperature below 1 multiplies.
    assert np.allclose(live[::7], whole, atol=2e-4)


def test_calibrated_people_are_decoded_live(signals, encoder):
    systems = make_systems(["riemann", "CSP+LDA"], encoder, "untrained-tiny1")
    outcomes = list(calibrate_then_run(signals[:1], systems, seed=0))
    assert [outcome[:2] for _, outcome in outcomes] == [("run 3", "riemann"), ("run 3", "CSP+LDA")]
    for _, (_, _, learned, tested, scores, _) in outcomes:
        assert (learned, tested) == (24, 12)
        assert scores["balanced_accuracy"] > 0.8


def test_idleness_is_told_from_imagery(persons, make_signals, encoder):
    # Cues 6 s apart leave 2 s; with every second cue gone there is a window's worth between.
    thinned = []
    for recording in persons[0].recordings:
        kept = [event for index, event in enumerate(recording.events) if index % 2 == 0]
        thinned.append(replace(recording, events=tuple(kept)))
    (signal,) = make_signals([replace(persons[0], recordings=tuple(thinned))])
    recording = with_idle(signal, 0)
    idle = [event.onset for event in recording.events if event.label == IDLE]
    cues = np.array([event.onset for event in recording.events if event.label != IDLE])
    assert idle
    for onset in idle:  # no idle window touches one after a cue
        assert np.all((onset + 4.0 <= cues + 1e-6) | (onset >= cues + 4.0 - 1e-6))
    systems = make_systems(["riemann"], encoder, "untrained-tiny1")
    ((_, (fold, _, _, tested, scores, _)),) = pseudo_online([signal], systems, seed=0)
    assert fold == "run 3"
    assert tested == (len(signal.segments[2]) - signal.spec.window) // signal.spec.patch + 1
    assert scores["nmcc"] > 0.6
    assert 0.0 <= scores["first_correct"] <= 6.0
    assert scores["false_alarms"] >= 0.0


def test_what_a_cut_off_cue_asked_for_is_not_idle(persons, make_signals):
    recording = persons[0].recordings[0]
    cue = recording.events[-1]
    kept = round((cue.onset + 3.0) * recording.rate)  # a second of its window is missing
    cut = replace(recording, samples_uv=recording.samples_uv[:kept])
    recordings = (cut, *persons[0].recordings[1:])
    (signal,) = make_signals([replace(persons[0], recordings=recordings)])
    assert len(signal.epochs.rejected) == 1
    idle = [event.onset for event in with_idle(signal, 0).events if event.label == IDLE]
    assert max(idle, default=0.0) + 4.0 <= cue.onset + 1e-6
    last = len(signal.segments[0]) - signal.spec.window
    truth, cues = asked_for(signal, [(0, last)])
    assert truth.tolist() == [CLASSES.index(cue.label)]
    assert cues == []


def test_a_last_run_without_a_whole_trial_is_refused(persons, make_signals, encoder):
    last = persons[0].recordings[2]
    recordings = (*persons[0].recordings[:2], replace(last, events=last.events[:1]))
    short = replace(recordings[2], samples_uv=last.samples_uv[: round(last.rate * 4)])
    (signal,) = make_signals([replace(persons[0], recordings=(*recordings[:2], short))])
    systems = make_systems(["CSP+LDA"], encoder, "untrained-tiny1")
    for protocol in (calibrate_then_run, pseudo_online):
        with pytest.raises(InputError, match="made S1 has no whole trial in run 3"):
            list(protocol([signal], systems, 0))
    each = calibrate_then_run([signal], systems, 0, all_parts=True)
    assert [fold for _, (fold, *_) in each] == ["run 1", "run 2"]


def test_a_window_is_of_what_was_asked_during_most_of_it(signals):
    signal = signals[0]
    run, cue = signal.epochs.places[0].tolist()
    label = int(signal.epochs.labels[0])
    half = signal.spec.window // 2
    hops = [(run, cue + later) for later in (-half, 1 - half, 0, half - 1, half)]
    truth, cues = asked_for(signal, hops)
    assert truth[1:4].tolist() == [label] * 3
    assert truth[0] == truth[4] == 2
    assert cues[0].label == label
    assert cues[0].seconds[0] == pytest.approx(half / signal.spec.rate)


def test_a_window_with_an_artifact_is_refused_as_live_and_no_other(persons, make_signals, encoder):
    person = persons[0]
    *first, last = person.recordings
    samples, begin = last.samples_uv.copy(), last.events[4].onset + 1.0  # s
    samples[int(begin * last.rate) :][: int(last.rate), last.labels.index("C3")] = 0.0
    spoilt = replace(person, recordings=(*first, replace(last, samples_uv=samples)))
    (system,) = make_systems(["riemann"], encoder, "untrained-tiny1")
    shares = [share_of(signal, fitted=(0, 1)) for signal in make_signals([person, spoilt])]
    model, found = system.fit(Trials((shares[0],)), seed=0), []
    for share in shares:
        signal = share.signal
        places = [(2, at) for at in range(0, len(signal.segments[2]) - 1024, signal.spec.patch)]
        found.append(_decide(model, share, CLASSES, places, np.full(2, 0.5)))
    clean, refused = found[0], np.all(found[1] == 0.5, axis=1)
    begins = np.array([at for _, at in places]) / signal.spec.rate  # s
    touching = (begins < begin + 1.0) & (begins + 4.0 > begin + 0.5)
    assert refused[touching].all()
    assert not refused[(begins + 4.0 <= begin) | (begins >= begin + 2.0)].any()
    before = begins + 4.0 <= begin
    np.testing.assert_allclose(found[1][before], clean[before], atol=1e-9)
    assert not np.any(np.all(clean == 0.5, axis=1))


def test_our_heads_are_recentred_on_the_first_signal_of_a_tested_recording(signals, encoder):
    signal = signals[0]
    trials = Trials((share_of(signal, fitted=(0, 1)),))
    runs = []
    for recentre in (None, 30.0):
        (system,) = make_systems(["riemann"], encoder, "untrained-tiny1", recentre=recentre)
        runs.append(decide_online(system.fit(trials, seed=0), signal.person.recordings[2]))
    plain, recentred = runs
    assert {hop.reference for hop in plain} == {"decoder"}
    own = [hop.reference == "decoder" for hop in recentred]
    assert own.index(False) == 32  # 8 s
    for one, two, before in zip(plain, recentred, own, strict=True):
        if one.probabilities is not None:
            assert np.array_equal(one.probabilities, two.probabilities) is before


def test_our_heads_learn_from_the_trials_of_a_tested_recording_that_are_over(signals, encoder):
    signal = signals[0]
    trials = Trials((share_of(signal, fitted=(0, 1)),))
    recording = signal.person.recordings[2]
    plain, adapted = (
        decide_online(
            make_systems(["riemann"], encoder, "untrained-tiny1", adapt=modes)[0].fit(trials, 0),
            recording,
        )
        for modes in ((), ("labels",))
    )
    first = next(k for k, hop in enumerate(adapted) if hop.adapted)
    cues = [event.onset for event in recording.events if event.label in signal.classes]
    assert sum(cue + 4.0 < adapted[first].time for cue in cues) >= 6
    for one, two in zip(plain, adapted, strict=True):
        if one.probabilities is not None:
            frozen = two.frozen if two.adapted else two.probabilities
            assert np.array_equal(one.probabilities, frozen)
    changed = [hop for hop in adapted if hop.adapted]
    assert any(not np.array_equal(hop.probabilities, hop.frozen) for hop in changed)


def test_deciding_live_without_the_eyes_is_deciding_on_windows_without_them(persons, encoder):
    path = path_for_all(persons, [encoder.spec], regress_eyes=True)
    signal = Signal(persons[0], path, encoder.spec, CLASSES, skip=128, regress_eyes=True)
    (system,) = make_systems(["hybrid"], encoder, "untrained-tiny1")
    share = share_of(signal, fitted=(0, 1))
    assert share.channels == tuple(name for name in path.channels if name != "FZ")
    model = system.fit(Trials((share,)), seed=0)
    given = decide_online(model, signal.person.recordings[2])
    live = np.array([hop.probabilities for hop in given if hop.probabilities is not None])
    places = np.array([(2, at * signal.spec.patch) for at in range(0, len(live), 7)])
    epochs = replace(
        signal.epochs, places=places, labels=np.zeros(len(places), dtype=np.intp), trials=()
    )
    whole = model.probabilities(Trials((share_of(signal, epochs, (0, 1)),)))
    # Tokens are equal to 1e-5; a head of few tokens multiplies what is left.
    assert np.allclose(live[::7], whole, atol=1e-4)


def test_every_run_is_tested_after_learning_from_the_others(signals, encoder):
    systems = make_systems(["CSP+LDA"], encoder, "untrained-tiny1")
    outcomes = [one for _, one in calibrate_then_run(signals[:1], systems, seed=0, all_parts=True)]
    assert [outcome[0] for outcome in outcomes] == ["run 1", "run 2", "run 3"]
    assert all(outcome[2:4] == (24, 12) for outcome in outcomes)
    (last,) = [one for _, one in calibrate_then_run(signals[:1], systems, seed=0)]
    assert last[:5] == outcomes[-1][:5]
