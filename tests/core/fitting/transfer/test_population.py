from dataclasses import replace

import numpy as np
import pytest

from core.encoders.eegpt.electrodes import CODEX
from core.errors import InputError
from core.fitting.feature_input import CovarianceSettings
from core.fitting.transfer.population import make_prior
from core.fitting.transfer.prior_file import load_prior, save_prior
from core.fitting.transfer.prior_head import average_heads
from core.fitting.transfer.prior_sources import head_of_decoder, head_of_prior
from core.fitting.transfer.recentring import recentre, whiteners
from core.hemispheres import mirror_of
from core.signal.filtering import Band
from core.signal.pipeline import SignalSettings

pytestmark = pytest.mark.slow

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}
CLASSES = ("left_hand", "right_hand")


def at_home(covariances, recording):
    return recentre(covariances, recording, whiteners(covariances, recording))


@pytest.fixture(scope="module")
def people(imagery_recording):
    return {f"P{seed}": [imagery_recording(seed, path=f"P{seed}.edf")] for seed in (11, 12, 13)}


@pytest.fixture(scope="module")
def settings(imagery_recording):
    return SignalSettings(imagery_recording().labels, "average", 256.0)


@pytest.fixture(scope="module")
def prior(people, settings):
    return make_prior(people, EVENTS, CODEX, settings, 1024)


@pytest.mark.slow
def test_a_prior_holds_every_trial_and_where_it_is_from(prior, people):
    assert len(prior) == 3 * 16
    assert prior.covariances.shape == (48, 17, 17)
    assert prior.recordings == {f"{n}/{n}.edf": one[0].sha256 for n, one in people.items()}
    assert np.bincount(prior.person).tolist() == [16, 16, 16]


def test_the_head_decodes_somebody_it_never_saw(prior, settings, people, imagery_recording):
    head = head_of_prior(prior, CovarianceSettings(settings, 1024), CLASSES)
    assert head.accuracy > 0.8
    new = make_prior({"new": [imagery_recording(5)]}, EVENTS, CODEX, settings, 1024)
    centring = np.eye(17) - 1 / 17
    from core.decoding.features import shrunk

    picks = [new.channels.index(name) for name in head.views[0]]
    sample = centring @ new.covariances[:, picks][:, :, picks].astype(float) @ centring
    decided = head.logits(at_home(shrunk(sample, 1024), new.recording)).argmax(axis=1)
    assert np.mean(decided == new.labels) > 0.8


def test_a_prior_says_its_band_and_is_not_taken_for_another(people, settings, tmp_path):
    narrow = replace(settings, band=Band(15.0, 20.0))
    few = make_prior(people, EVENTS, CODEX, narrow, 1024)
    prior = load_prior(save_prior(few, tmp_path / "narrow.safetensors"))
    assert prior.band == (15.0, 20.0)
    with pytest.raises(InputError, match=r"4 s .* 256 Hz, 15-20 Hz, instead of .* 8-30 Hz"):
        head_of_prior(prior, CovarianceSettings(settings, 1024), CLASSES)
    head_of_prior(prior, CovarianceSettings(narrow, 1024), CLASSES)
    for alike in (Band(notch=50.0), Band(1.0, 40.0)):  # pass all of 8-30 Hz
        wide = replace(settings, band=alike)
        assert make_prior(people, EVENTS, CODEX, wide, 1024).band == (8.0, 30.0)
    with pytest.raises(InputError, match="a signal path of 31-40 Hz passes nothing of that"):
        make_prior(people, EVENTS, CODEX, replace(settings, band=Band(31.0, 40.0)), 1024)


def test_part_of_the_electrodes_is_enough_and_too_few_are_not(prior):
    some = SignalSettings(("C3", "CZ", "C4", "PZ", "F3"), "recorded", 256.0)
    head = head_of_prior(prior, CovarianceSettings(some, 1024), CLASSES)
    assert head.views == (("C3", "CZ", "C4", "PZ"),)
    assert head.weights.shape == (10, 2)
    other = SignalSettings(("C3", "O1", "OZ", "O2"), "recorded", 256.0)
    with pytest.raises(InputError, match="shares 1 of the recordings' 4 electrodes"):
        head_of_prior(prior, CovarianceSettings(other, 1024), CLASSES)


def test_a_prior_of_too_few_trials_is_named(people, settings):
    few = make_prior({"P11": people["P11"]}, EVENTS, CODEX, settings, 1024)
    with pytest.raises(InputError, match=r"prior of P11/P11\.edf has 8 trials of left_hand; 10 "):
        head_of_prior(few, CovarianceSettings(settings, 1024), CLASSES)
    made = replace(few, recordings={**few.recordings, "P11/b.edf": "b", "P11/c.edf": "c"})
    with pytest.raises(InputError, match=r"prior of P11/P11\.edf and 2 more has 8 trials"):
        head_of_prior(made, CovarianceSettings(settings, 1024), CLASSES)


def test_windows_and_classes_must_be_the_same(prior, settings):
    with pytest.raises(
        InputError, match=r"from 0 to 4 s after the cue at 256 Hz, 8-30 Hz, instead of 0 to 2 s"
    ):
        head_of_prior(prior, CovarianceSettings(settings, 512), CLASSES)
    with pytest.raises(InputError, match="at least two classes must be the same"):
        head_of_prior(prior, CovarianceSettings(settings, 1024), ("left_hand", "feet"))


def test_a_class_that_the_prior_does_not_know_is_neither_liked_nor_not(prior, settings):
    head = head_of_prior(
        prior, CovarianceSettings(settings, 1024), ("feet", "right_hand", "left_hand")
    )
    vectors = np.random.default_rng(0).normal(size=(5, len(head.weights)))
    logits = head.logits(vectors)
    np.testing.assert_allclose(logits[:, 0], 0.0)
    np.testing.assert_allclose(logits[:, 1], -logits[:, 2])
    two = head_of_prior(prior, CovarianceSettings(settings, 1024), CLASSES)
    np.testing.assert_allclose(two.logits(vectors), logits[:, [2, 1]])


def test_a_mirrored_head_says_the_opposite(prior, settings):
    head = head_of_prior(prior, CovarianceSettings(settings, 1024), CLASSES)
    vectors = np.random.default_rng(0).normal(size=(5, len(head.weights)))
    found, mirrored = head.logits(vectors), head.logits(vectors[:, head.mirror])
    np.testing.assert_allclose(found, mirrored[:, ::-1], atol=1e-4)


def test_mirrored_covariances_have_mirrored_vectors():
    names = ("FP1", "C3", "CZ", "FP2", "C4")
    random = np.random.default_rng(0)
    roots = random.normal(size=(6, 5, 9))
    covariances = roots @ roots.transpose(0, 2, 1)
    exchanged = [3, 4, 2, 0, 1]
    recording = np.zeros(6, dtype=int)
    mirrored = at_home(covariances[:, exchanged][:, :, exchanged], recording)
    np.testing.assert_allclose(
        at_home(covariances, recording)[:, mirror_of([names])], mirrored, atol=1e-6
    )


def test_a_prior_without_meaning_says_little(prior, settings):
    random = np.random.default_rng(3)
    shuffled = replace(prior, labels=random.permutation(prior.labels))
    sure, unsure = (
        np.abs(head_of_prior(one, CovarianceSettings(settings, 1024), CLASSES).weights).mean()
        for one in (prior, shuffled)
    )
    assert unsure < 0.3 * sure


@pytest.mark.slow
def test_a_decoder_gives_its_own_logits(fitted):
    decoder = fitted["riemann"]
    head = head_of_decoder(decoder, CovarianceSettings(decoder.settings, decoder.window), CLASSES)
    vectors = np.random.default_rng(0).normal(size=(4, len(head.weights)))
    wanted = decoder.head.logits(vectors) / decoder.head.temperature
    found = head.logits(vectors)
    np.testing.assert_allclose(found[:, 1] - found[:, 0], wanted[:, 1] - wanted[:, 0])
    with pytest.raises(InputError, match="tokens, which cannot be aligned"):
        head_of_decoder(
            fitted["hybrid"], CovarianceSettings(decoder.settings, decoder.window), CLASSES
        )
    narrow = replace(decoder.settings, band=Band(15.0, 20.0))
    with pytest.raises(InputError, match="another reference, rate, window, band or regression"):
        head_of_decoder(decoder, CovarianceSettings(narrow, decoder.window), CLASSES)
    fewer = SignalSettings(decoder.settings.channels[:9], "average", 256.0)
    with pytest.raises(InputError, match="The recordings lack 8 of the 17 electrodes"):
        head_of_decoder(decoder, CovarianceSettings(fewer, decoder.window), CLASSES)


@pytest.mark.slow
def test_several_priors_speak_with_one_voice(prior, settings, fitted):
    decoder = fitted["riemann"]
    heads = [
        head_of_prior(prior, CovarianceSettings(settings, 1024), CLASSES),
        head_of_decoder(decoder, CovarianceSettings(decoder.settings, 1024), CLASSES),
    ]
    both = average_heads(heads)
    channels = len(settings.channels)
    whole = np.random.default_rng(0).normal(size=(3, channels * (channels + 1) // 2))
    motor = np.random.default_rng(1).normal(size=(3, len(heads[1].weights) - whole.shape[1]))
    of = {heads[0].views[0]: whole, heads[1].views[0]: motor}
    wanted = [head.logits(np.hstack([of[view] for view in head.views])) for head in heads]
    found = both.logits(np.hstack([of[view] for view in both.views]))
    np.testing.assert_allclose(found, np.mean(wanted, axis=0))
    assert both.trials == 48 + 16


def test_a_recording_that_cannot_be_used_is_named(imagery_recording, settings):
    few = imagery_recording(trials=3, path="few.edf")
    with pytest.raises(InputError, match=r"P/few\.edf is no prior: Too few complete trials"):
        make_prior({"P": [few]}, EVENTS, CODEX, settings, 1024)
    with pytest.raises(InputError, match="no recordings to make a prior"):
        make_prior({}, EVENTS, CODEX, settings, 1024)
    blind = imagery_recording(labels=("Ch1", "Ch2"))
    with pytest.raises(InputError, match="share 0 electrodes"):
        make_prior({"P": [blind]}, EVENTS, CODEX, settings, 1024)


@pytest.mark.slow
def test_recordings_of_one_name_stay_two(imagery_recording, settings, tmp_path):
    one = imagery_recording(11, path="run1.edf")
    other = replace(imagery_recording(12, path="run1.edf"), sha256="f" * 64)
    prior = make_prior({"P1": [one, other], "P2": [one]}, EVENTS, CODEX, settings, 1024)
    assert prior.recordings == {
        "P1/run1.edf": one.sha256,
        "P1/run1.edf (2)": "f" * 64,
        "P2/run1.edf": one.sha256,
    }
    assert (
        load_prior(save_prior(prior, tmp_path / "two.safetensors")).recordings == prior.recordings
    )
    left = prior.without_people_of(["f" * 64])
    assert len(left) == 16


@pytest.mark.slow
def test_a_prior_of_part_of_a_window_is_for_decoders_of_that_part(people, settings):
    prior = make_prior(people, EVENTS, CODEX, settings, 1024, skip=256)
    whole = make_prior(people, EVENTS, CODEX, settings, 1024)
    assert np.abs(prior.covariances - whole.covariances).max() > 0.1
    assert head_of_prior(prior, CovarianceSettings(settings, 1024, 256), CLASSES).accuracy > 0.7
    with pytest.raises(InputError, match=r"from 1 to 4 s after the cue .* instead of 0 to 4 s"):
        head_of_prior(prior, CovarianceSettings(settings, 1024), CLASSES)


def test_a_prior_is_regressed_recording_by_recording(prior, settings):
    head = head_of_prior(prior, CovarianceSettings(settings, 1024, regress_eyes=True), CLASSES)
    assert "FZ" not in head.views[0]
    assert len(head.views[0]) == len(prior.channels) - 1
    assert head.accuracy > 0.7
