"""Trials behind the decoder's own filter, with mirrored heads; tokens learn to tell hands apart."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from core.decoding.spatial import channel_covariance, spatial_filter
from core.encoders.bandpower.model import ELECTRODES, bandpower_spec, electrodes_of
from core.errors import InputError
from training.pretraining.distributed import Interruption
from training.pretraining.output.folder import RunFolder
from training.recipes import recipe_of
from training.recipes.classification import LabelledTrials, spec_of

FISTS = ("left_hand", "right_hand")
CHANNELS = ("F3", "FZ", "F4", "C3", "CZ", "C4", "P3", "P4")
KEPT = ("C3", "CZ", "C4", "P3", "P4")
TRIALS = 8


@dataclass(frozen=True)
class Cued:
    person: str
    length: int
    events: tuple[tuple[int, str], ...]
    session: str = ""


@pytest.fixture
def cued(memory, noise):
    """Return a function: people whose C3 is strong after a left cue, and C4 after a right one."""

    def make(seed, people=2):
        signals, described = [], []
        for number in range(people):
            signal = noise(seed + number, 2048 * TRIALS + 1024)
            events = []
            for trial in range(TRIALS):
                at, side = 1024 + 2048 * trial, trial % 2
                signal[5 if side else 3, at : at + 1024] *= 3.0
                events += [(at, FISTS[side]), (at + 1024, "rest")]
            signals.append(signal)
            described.append(Cued(f"p{number}", signal.shape[1], tuple(events)))

        @dataclass
        class Store(memory):
            @property
            def recordings(self):
                return described

        return Store(signals, ("",) * people, manifest_sha256=f"{seed:064d}")

    return make


def given(**changes):
    return {"recipe": "classification", "size": "tiny", "window": 1024, "batch": 8} | changes


@pytest.fixture
def options(settings):
    """Return a function that makes settings of a small run."""
    return lambda **changes: settings(**given(**changes))


def test_a_trial_is_filtered_as_a_decoder_would(cued, options):
    store, chosen = cued(0), options(mirrored=False, jitter=0, subsets=0)
    trials = LabelledTrials(store, chosen)
    (group,) = trials.batch(0)
    windows, (rows, labels) = group.windows, group.drawn
    assert windows.shape == (8, 5, 1024)
    assert [ELECTRODES[row] for row in rows] == list(KEPT)
    assert set(labels) == {0, 1}
    spec = bandpower_spec("tiny", name="", trained=True, provenance={})
    minute = store.signals[0][:, : 60 * 256].astype(np.float32)
    spatial = spatial_filter(channel_covariance(minute), CHANNELS, spec)
    ours = {
        (recording, at): label
        for recording in range(2)
        for at, label in store.recordings[recording].events
    }
    seen = 0
    for window, label, recording in zip(windows, labels, group.recordings, strict=True):
        if recording == 0:
            places = [at for (of, at), name in ours.items() if of == 0 and name == FISTS[label]]
            expected = [(spatial @ store.signals[0][:, at : at + 1024])[3:] for at in places]
            assert any(np.allclose(window, each, atol=1e-6) for each in expected)
            seen += 1
    assert seen


@pytest.mark.parametrize("front", [False, True])
def test_frontal_electrodes_are_trained_on_where_that_is_asked(cued, options, front):
    chosen = options(front=front, mirrored=False, jitter=0, subsets=0)
    (group,) = LabelledTrials(cued(0), chosen).batch(0)
    encoded = electrodes_of(spec_of(chosen))
    assert [encoded[row] for row in group.drawn[0]] == list(CHANNELS if front else KEPT)
    assert recipe_of(chosen).encoder().electrodes == encoded


def test_every_trial_comes_once_an_epoch_and_again_the_same(cued, options):
    trials = LabelledTrials(cued(0), options())
    assert trials.per_epoch == 2 * TRIALS
    drawn = [trials._trial(number) for number in range(2 * TRIALS)]
    assert sorted(drawn) == list(range(2 * TRIALS))
    again = LabelledTrials(cued(0), options())
    for one, other in zip(trials.batch(5), again.batch(5), strict=True):
        np.testing.assert_array_equal(one.windows, other.windows)
        np.testing.assert_array_equal(one.drawn[1], other.drawn[1])


def test_processes_share_a_batch(cued, options):
    trials = LabelledTrials(cued(0), options(mirrored=False, subsets=0))
    (whole,) = trials.batch(3)
    halves = [trials.batch(3, rank, 2)[0].windows for rank in range(2)]
    np.testing.assert_array_equal(np.concatenate(halves), whole.windows)


def test_a_mirrored_trial_has_its_electrodes_and_its_hand_exchanged(cued, options):
    trials = LabelledTrials(cued(0), options(jitter=0, subsets=0))
    plain, mirrored = trials.batch(0)
    assert [ELECTRODES[row] for row in mirrored.drawn[0]] == ["C4", "CZ", "C3", "P4", "P3"]
    power = {  # of C3 over C4, by label
        (group is mirrored, int(label)): [
            np.log(window[names.index("C3")].var() / window[names.index("C4")].var())
            for window, other in zip(group.windows, group.drawn[1], strict=True)
            if other == label
        ]
        for group in (plain, mirrored)
        for names in [[ELECTRODES[row] for row in group.drawn[0]]]
        for label in (0, 1)
    }
    # The stronger side is of the same label in both.
    for (_, label), values in power.items():
        assert all(value > 0 if label == 0 else value < 0 for value in values)


def test_validation_takes_trials_as_they_are(cued, options):
    trials = LabelledTrials(cued(0), options(), seed=0)
    (group,) = trials.batch(0)
    assert group.windows.shape[1] == 5


def test_electrodes_are_missing_in_some_batches(cued, options):
    trials = LabelledTrials(cued(0), options(mirrored=False, subsets=8))
    counts = {group.windows.shape[1] for step in range(12) for group in trials.batch(step)}
    assert 5 in counts
    assert len(counts) > 1


def test_a_store_without_trials_is_refused(cued, options):
    with pytest.raises(InputError, match="No recording of the store has a trial of up or down"):
        LabelledTrials(cued(0), options(classes=("up", "down")))


def test_a_class_without_trials_is_refused_in_training(cued, options):
    misspelt = options(classes=("left_hand", "right_hnd"))
    with pytest.raises(
        InputError,
        match=r"a trial of right_hnd; its events are left_hand, rest, right_hand.*Did you mean",
    ):
        LabelledTrials(cued(0), misspelt)
    assert LabelledTrials(cued(0), misspelt, seed=0).per_epoch == TRIALS  # held out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights": "some.ckpt"}, "leave weights out"),
        ({"micro_batch": 4}, "leave micro_batch out"),
        ({"masks_per_batch": 4}, "leave masks_per_batch out"),
        ({"window": 512}, "window of 1024"),
        ({"classes": ("a", "a")}, "one of them twice"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, changed, message):
    with pytest.raises(ValidationError, match=message):
        options(**changed)


def test_a_size_without_a_mirror_image_is_refused_before_it_is_trained(options):
    with pytest.raises(InputError, match=r"mirrored-tiny.*--no-mirrored"):
        recipe_of(options(size="mirrored-tiny"))
    with pytest.raises(InputError, match=r'"huge"; one of small, tiny, course, ') as unknown:
        recipe_of(options(size="huge"))
    assert "mirrored" not in str(unknown.value)
    recipe_of(options(size="mirrored-tiny", mirrored=False))


@pytest.mark.slow
def test_tokens_learn_to_tell_hands_apart(cued, trainer, tmp_path):
    changes = {"dropout": 0.0, "jitter": 0, "subsets": 2, "rate": {"peak": 0.02}}
    run = trainer(cued(0), cued(100), **given(steps=60, validate_every=60, **changes))
    folder = RunFolder(tmp_path / "run")
    facts = {"channels": CHANNELS, "covariance": None, "manifest_sha256": "0" * 64}
    folder.begin(run.settings, facts, run.columns)
    assert run.run(folder, Interruption()) == 0
    last = folder.curves()[-1]
    assert float(last["validation_wrong"]) < 0.2
    assert float(last["validation_cross_entropy"]) < 0.6
    encoder = run.recipe.encoder()
    assert not encoder.training
    assert encoder.deviation.min() > 0
    assert not torch.equal(encoder.mean, torch.zeros_like(encoder.mean))


@pytest.mark.slow
def test_dropout_is_decided_by_seed_and_step(cued, trainer, tmp_path):
    """So a run that goes on has the losses and the weights that it would have had."""
    stores, lasts = (cued(0), cued(100)), []
    for name, stop in (("whole", None), ("stopped", 2)):
        folder = RunFolder(tmp_path / name)
        run = trainer(*stores, **given(steps=5, dropout=0.5))
        folder.begin(run.settings, {}, run.columns)
        torch.manual_seed(len(lasts))  # what else the process draws
        if stop is not None:
            for step in range(stop):
                run.update(run.windows.batch(step))
            run.save(folder)
            run = trainer(*stores, **given(steps=5, dropout=0.5))
            run.load(folder)
        run.run(folder, Interruption())
        lasts.append(run.parts.state_dict())
    for key, tensor in lasts[0].items():
        assert torch.equal(lasts[1][key], tensor), key
    other = trainer(*stores, **given(steps=5, dropout=0.5, seed=8))
    before = torch.get_rng_state()
    losses = [other.update(other.windows.batch(3))[0]["loss"] for _ in range(2)]
    assert losses[0] != losses[1]
    assert torch.equal(torch.get_rng_state(), before)


def test_the_exported_encoder_is_the_mean_of_the_weights(options):
    recipe = recipe_of(options())
    with torch.no_grad():
        recipe.parts.encoder.spatial.add_(1.0)
        recipe.parts.encoder.mean.add_(2.0)
    before = recipe.parts.mean_encoder.spatial.clone()
    recipe.after_step(0, 10)
    share = 1.0 - recipe.settings.average.start
    encoder = recipe.encoder()  # the mirror image comes second
    torch.testing.assert_close(encoder.spatial[:, : before.shape[1]], before + share)
    torch.testing.assert_close(encoder.mean[: before.shape[1]], recipe.parts.encoder.mean)
    assert encoder.spec.size == "mirrored-tiny"
