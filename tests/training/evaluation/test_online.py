from dataclasses import replace

import numpy as np
import pytest

from training.evaluation.online import (
    IDLE,
    asked_for,
    calibrate_then_run,
    decide_live,
    pseudo_online,
    with_idle,
)
from training.evaluation.systems.catalogue import make_systems
from training.evaluation.trials import Trials, share_of


def test_deciding_live_is_deciding_on_windows_of_the_whole_recording(signals, encoder):
    (system,) = make_systems(["hybrid"], encoder, "untrained-tiny1")
    signal = signals[0]
    share = share_of(signal, settled=(0, 1))
    model = system.fit(Trials((share,)), seed=0)
    (live,) = decide_live(model, signal.person.recordings[2])
    hop, window = signal.spec.patch, signal.spec.window
    assert len(live) == (len(signal.runs[2]) - window) // hop + 1
    places = np.array([(2, at * hop) for at in range(0, len(live), 7)])
    epochs = replace(
        signal.epochs, places=places, labels=np.zeros(len(places), dtype=np.intp), trials=()
    )
    whole = model.probabilities(Trials((share_of(signal, epochs, (0, 1)),)))
    assert np.allclose(live[::7], whole, atol=1e-5)


def test_calibrated_people_are_decoded_live(signals, encoder):
    systems = make_systems(["riemann", "CSP+LDA"], encoder, "untrained-tiny1")
    outcomes = list(calibrate_then_run(signals[:1], systems, seed=0))
    assert [outcome[:2] for _, outcome in outcomes] == [("run 3", "riemann"), ("run 3", "CSP+LDA")]
    for _, (_, _, learned, tested, scores) in outcomes:
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
    ((_, (fold, _, _, tested, scores)),) = pseudo_online([signal], systems, seed=0)
    assert fold == "run 3"
    assert tested == (len(signal.runs[2]) - signal.spec.window) // signal.spec.patch + 1
    assert scores["nmcc"] > 0.6
    assert 0.0 <= scores["first_correct"] <= 6.0
    assert scores["false_alarms"] >= 0.0


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
