from dataclasses import replace

import numpy as np
import pytest

from core.decoding.features import band_sections
from core.fitting.baselines import BAND
from core.fitting.feature_input import FeatureInput, regression_of
from core.fitting.origin import (
    ALL,
    CENTRAL,
    EYES,
    REGRESSED,
    EogSignal,
    Origin,
    PartScore,
    _ridge,
    find_origin,
)
from core.fitting.trials.epochs import Epochs, Trial
from core.signal.filtering import CausalFilter
from core.signal.pipeline import SignalSettings

CHANNELS = tuple("FP1 FP2 AF3 AF4 F7 F8 T7 T8 FC3 FC4 C3 CZ C4 CP3 CP4 PZ".split())
RATE, WINDOW, TRIALS = 128.0, 512, 40


def trials_of(sites, gain, seconds=(0.0, 4.0), leak=0.0, seed=0):
    """Noise in which some channels are louder on the side of the class, in a part of a window.

    Parameters
    ----------
    sites : pair of str
        Channels of the first and the second class.
    gain : float
    seconds : pair of float
        After the cue.
    leak : float
        Share of what is louder that all other channels have too, less the farther they are.
    """
    random = np.random.default_rng(seed)
    labels = np.tile([0, 1], TRIALS // 2)
    segment = random.normal(0.0, 1.0, (TRIALS * 640 + 640, len(CHANNELS)))
    places = np.array([(0, 128 + 640 * index) for index in range(TRIALS)])
    falls = random.uniform(0.5, 1.0, (2, len(CHANNELS))) * leak
    for label, (_, at) in zip(labels, places, strict=True):
        start, stop = (at + round(second * RATE) for second in seconds)
        source = gain * random.normal(0.0, 1.0, stop - start)
        segment[start:stop] += source[:, None] * falls[label]
        segment[start:stop, CHANNELS.index(sites[label])] += source
    classes = ("left_hand", "right_hand")
    return Epochs(
        segments=(segment,),
        places=places,
        labels=labels,
        classes=classes,
        length=WINDOW,
        trials=tuple(
            Trial(number, 0, 1.0 + 5.0 * number, classes[label])
            for number, label in enumerate(labels)
        ),
        rejected=(),
        rest=segment[:128],
    )


SETTINGS = SignalSettings(CHANNELS, "recorded", RATE)


@pytest.mark.slow
def test_imagery_over_the_motor_cortex_survives_every_check():
    origin = find_origin(trials_of(("C3", "C4"), 1.5), SETTINGS)
    scores = {check.name: check.score for check in origin.checks}
    assert min(scores[ALL], scores[CENTRAL], scores[REGRESSED], origin.left.score) > 0.85
    assert scores[EYES] < origin.chance
    assert origin.check(CENTRAL).p < 0.01
    assert origin.check(EYES).p > 0.05
    assert origin.left.from_cue == 1.0
    assert origin.sentence == (
        "Without the first second and the frontal and temporal electrodes "
        f"{origin.left.score:.2f} of {scores[ALL]:.2f} are left."
    )


@pytest.mark.slow
def test_a_movement_of_the_eyes_to_the_cue_is_not_left():
    origin = find_origin(trials_of(("F7", "F8"), 4.0, (0.0, 0.7), leak=0.3), SETTINGS)
    scores = {check.name: check.score for check in origin.checks}
    assert min(scores[ALL], scores[EYES]) > 0.85
    assert max(scores["from 1 s"], scores["from 1.5 s"]) < 0.7
    assert origin.left.score <= origin.chance
    assert "within what guessing reaches" in origin.sentence


@pytest.mark.slow
def test_jaw_that_reaches_all_channels_is_regressed_out():
    origin = find_origin(trials_of(("T7", "T8"), 6.0, leak=0.25), SETTINGS)
    scores = {check.name: check.score for check in origin.checks}
    assert min(scores[ALL], scores[EYES], scores[CENTRAL]) > 0.85
    assert scores[REGRESSED] < scores[CENTRAL] - 0.1


@pytest.mark.slow
def test_windows_that_begin_later_count_from_what_the_decoder_uses():
    epochs = trials_of(("C3", "C4"), 1.5)
    origin = find_origin(epochs, SETTINGS, FeatureInput(skip=64))
    assert origin.checks[0].from_cue == 0.5
    assert [check.name for check in origin.checks if check.name.startswith("from")] == [
        "from 1 s",
        "from 1.5 s",
    ]


@pytest.mark.slow
def test_a_decoder_without_eyes_and_first_second_is_what_is_left():
    epochs = trials_of(("C3", "C4"), 1.5)
    regression = regression_of(CHANNELS, epochs.segments, epochs.segments)
    origin = find_origin(epochs, SETTINGS, FeatureInput(128, regression))
    assert origin.left is origin.checks[0]
    assert origin.checks[0].electrodes == 8
    assert origin.sentence.endswith(
        f": the {origin.left.score:.2f} of the head riemann, fitted again, is what is left without "
        "them."
    )


@pytest.mark.slow
def test_where_no_electrode_is_near_the_eyes_nothing_is_known_of_them():
    epochs = trials_of(("C3", "C4"), 1.5)
    motor = [index for index, name in enumerate(CHANNELS) if name in CHANNELS[8:]]
    few = replace(epochs, segments=(epochs.segments[0][:, motor],))
    origin = find_origin(few, SignalSettings(CHANNELS[8:], "recorded", RATE))
    assert origin.check(EYES) is None
    assert origin.check(REGRESSED) is None
    assert origin.left.name == "from 1 s"
    assert origin.sentence.startswith("Without the first second ")
    assert origin.sentence.endswith("cannot be known: no frontal or temporal electrode is used.")


@pytest.mark.slow
def test_eog_takes_out_the_eyes_where_no_electrode_is_near_them():
    epochs = trials_of(("F7", "F8"), 6.0, leak=0.3)
    near = [CHANNELS.index(name) for name in ("F7", "F8")]
    central = tuple(segment[:, 8:] for segment in epochs.segments)
    few = replace(epochs, segments=central, rest=epochs.rest[:, 8:])
    band = band_sections(BAND, RATE)
    banded = tuple(CausalFilter(band).push(segment[:, near]) for segment in epochs.segments)
    settings = SignalSettings(CHANNELS[8:], "recorded", RATE)
    origin = find_origin(few, settings, eog=EogSignal(("EOGL", "EOGR"), banded))
    assert origin.checks[0].score > 0.85
    assert origin.check(REGRESSED).score < 0.7
    assert origin.unknown == ""
    assert "what EOGL EOGR explain" in origin.sentence
    assert origin.check(REGRESSED).electrodes == 8


@pytest.mark.slow
def test_labels_without_meaning_are_not_found_significant():
    epochs = trials_of(("C3", "C4"), 0.0)
    origin = find_origin(epochs, SETTINGS)
    assert np.mean([check.p for check in origin.checks]) > 0.1


@pytest.mark.slow
def test_a_class_that_goes_with_the_recording_proves_nothing():
    epochs = trials_of(("C3", "C4"), 1.5)
    trials = tuple(
        replace(trial, recording=int(label))
        for trial, label in zip(epochs.trials, epochs.labels, strict=True)
    )
    checks = find_origin(replace(epochs, trials=trials), SETTINGS).checks
    assert checks[0].score > 0.85
    assert {check.p for check in checks} == {1.0}


def origin_of(left, from_cue=1.0, regressed=True, **others):
    """An origin of a score of 0.8 with a bound of 0.6."""
    whole = PartScore(ALL, 16, 0.0, 0.8, 0.01)
    rest = PartScore(REGRESSED if regressed else "from 1 s", 8, from_cue, left, 0.01)
    return Origin((whole, rest), rest, 0.6, **others)


@pytest.mark.parametrize(
    ("origin", "sentence"),
    [
        (
            origin_of(0.7),
            "Without the first second and the frontal and temporal electrodes 0.70 of 0.80 are "
            "left.",
        ),
        (
            origin_of(0.6, 0.0, eyes="what VEOG explains"),
            "Without what VEOG explains 0.60 of 0.80 are left, within what guessing reaches "
            "(0.60).",
        ),
        (
            origin_of(0.9, regressed=False, unknown="Eyes are unknown."),
            "Without the first second the score is 0.90, with them 0.80. Eyes are unknown.",
        ),
        (origin_of(0.8, 0.0, False, unknown="Eyes are unknown."), "Eyes are unknown."),
        (
            origin_of(0.8, 0.0, False),
            "The decoder uses neither the first second nor the frontal and temporal electrodes: "
            "the 0.80 of the head riemann, fitted again, is what is left without them.",
        ),
    ],
)
def test_what_is_left_is_said_with_what_was_left_out(origin, sentence):
    assert origin.sentence == sentence


@pytest.mark.slow
def test_facts_are_plain_numbers():
    import json

    facts = find_origin(trials_of(("C3", "C4"), 1.5), SETTINGS).as_facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["left"] == facts["checks"]["eyes regressed out, from 1 s"]["score"]


@pytest.mark.parametrize("classes", [2, 3])
def test_the_ridge_classifier_is_that_of_scikit_learn(classes):
    from sklearn.linear_model import Ridge

    random = np.random.default_rng(0)
    labels = np.array([random.permutation(np.arange(30) % classes) for _ in range(5)])
    train, test = random.normal(size=(30, 50)), random.normal(size=(8, 50))
    train, test = train - train.mean(axis=0), test - train.mean(axis=0)
    found = _ridge(train, test, labels, classes)
    for row, decided in zip(labels, found, strict=True):
        asked = np.eye(classes)[row]
        model = Ridge(alpha=0.1).fit(train, asked - asked.mean(axis=0))
        np.testing.assert_array_equal(decided, model.predict(test).argmax(axis=1))
