from dataclasses import replace

import numpy as np
import pytest
import torch

from calibration.finetuning import NAME, Probe, RefineSettings, refine, train
from calibration.fit_settings import FitSettings
from calibration.fitting import fit_decoder
from calibration.report import analyse, as_text
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.encoders import load_encoder
from core.encoders.eegpt.electrodes import channel_ids
from core.errors import InputError
from core.fitting.choice import is_better

pytestmark = pytest.mark.slow

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}
SOURCE = "untrained-tiny1-0"
SHORT = RefineSettings(epochs=6, patience=3, folds=3)
SITES = ("FC3", "FC4", "C3", "CZ", "C4", "CP3", "CP4", "PZ")


@pytest.fixture(scope="module")
def recording(imagery_recording):
    return imagery_recording(trials=6, labels=SITES)


@pytest.fixture(scope="module")
def fit(recording):
    return fit_decoder([recording], EVENTS, "01", FitSettings(SOURCE, "riemann", repeats=1))


@pytest.fixture
def probe():
    encoder = load_encoder(SOURCE).eval().requires_grad_(False)
    torch.manual_seed(0)
    return Probe(encoder, tuple(SITES), np.eye(len(SITES)), 2, RefineSettings()).eval()


@pytest.fixture
def windows(fit):
    return torch.from_numpy(fit.epochs.windows()).float()


def test_two_layers_are_one_linear_head(probe, windows):
    probe.fit(windows)
    with torch.inference_mode():
        features, logits = probe.pooled(windows), probe(windows)
    np.testing.assert_allclose(probe.head().logits(features.double().numpy()), logits, atol=1e-4)


def test_no_row_grows_beyond_its_norm(probe):
    with torch.no_grad():
        probe.spatial *= torch.linspace(0.5, 3.0, len(SITES))[:, None]
        probe.first.weight *= 100.0
        probe.second.weight *= 100.0
    probe.constrain()
    norms = probe.spatial.detach().norm(dim=1)
    assert norms[0] == pytest.approx(0.5)  # shorter rows stay
    assert norms[-1] == pytest.approx(1.0)
    assert probe.first.weight.detach().norm(dim=1).max() == pytest.approx(1.0, abs=1e-4)
    assert probe.second.weight.detach().norm(dim=1).max() == pytest.approx(0.25, abs=1e-4)


def test_training_moves_the_filter_and_not_the_encoder(probe, windows, fit):
    encoder = load_encoder(SOURCE)
    before = probe.spatial.detach().clone()
    settings = RefineSettings(epochs=4, patience=4, rate=1e-2)
    parts = next(fit.epochs.folds())
    trained = train(probe, windows, fit.epochs.labels, parts, settings, seed=0)
    assert not torch.equal(trained.spatial, before)
    assert trained._encoder[0].weights_sha256() == encoder.weights_sha256()
    assert not trained.training


def test_training_stops_when_held_out_trials_gain_nothing(probe, windows, fit):
    steps = []
    constrain = probe.constrain
    probe.constrain = lambda: steps.append(1) or constrain()
    labels = np.random.default_rng(0).permutation(fit.epochs.labels)
    settings = RefineSettings(epochs=60, patience=2, rate=0.2)
    train(probe, windows, labels, next(fit.epochs.folds()), settings, seed=0)
    assert len(steps) < 60


def test_a_filter_that_loses_leaves_the_decoder_as_it_was(fit):
    refined = refine(fit, SOURCE, SHORT)
    assert refined.selection.chosen == "riemann"
    assert NAME in refined.selection.scores
    assert refined.decoder.facts.scores[NAME] == refined.selection.scores[NAME].balanced_accuracy
    np.testing.assert_array_equal(refined.decoder.head.weights, fit.decoder.head.weights)
    assert refined.decoder.tangents == fit.decoder.tangents
    assert f"  {NAME}" in as_text(refined)
    # Had a fold's trials been left out of the choice too, it would have been the same.
    assert refined.decoder.facts.score == fit.decoder.facts.score


def test_a_filter_that_wins_becomes_the_decoder(fit, recording, tmp_path, monkeypatch):
    def warming_up(source, home):
        encoder = load_encoder(source, home=home)
        encoder.spec = replace(encoder.spec, warmup=7)
        return encoder

    monkeypatch.setattr("calibration.finetuning.load_encoder", warming_up)
    chosen = fit.selection.scores["riemann"]
    wrong = replace(chosen, decided=1 - np.tile(fit.epochs.labels, (1, 1)))
    poor = replace(fit, selection=replace(fit.selection, scores={"riemann": wrong}))
    refined = refine(poor, SOURCE, SHORT)
    assert refined.selection.chosen == refined.decoder.facts.head == NAME
    assert refined.decoder.warmup == 7
    assert f"* {NAME}" in as_text(refined)
    # Some fold is decided by the poor head, as the others do not show that the new one wins.
    scores = refined.decoder.facts.scores
    assert refined.decoder.facts.score == scores["auto"] <= scores[NAME]
    assert analyse(refined, [recording]).curve_head == "riemann"

    decoder = load_decoder(save_decoder(refined.decoder, tmp_path / "refined.safetensors"))
    assert decoder.tangents == ()
    stream = WindowDecoder(decoder, decoder.load_encoder())
    window = refined.epochs.windows()[0]  # (channels, samples)
    for start in range(0, decoder.window, decoder.hop):
        found = stream.push(window[:, start : start + decoder.hop].T)
    encoder = load_encoder(SOURCE).eval()
    with torch.inference_mode():
        filtered = torch.from_numpy(decoder.spatial @ window)[None].float()
        tokens = encoder(filtered, channel_ids(SITES)).double().numpy()

    np.testing.assert_allclose(
        found, decoder.head.probabilities(encoder.pool(tokens))[0], atol=1e-5
    )


def test_an_encoder_with_features_of_its_own_is_refused(fit):
    with pytest.raises(InputError, match=r"features of its own; leave --refine out"):
        refine(fit, "untrained-bandpower-tiny", SHORT)


def test_refining_twice_gives_the_same(fit):
    first, second = (refine(fit, SOURCE, SHORT).selection.scores[NAME] for _ in range(2))
    np.testing.assert_array_equal(first.decided, second.decided)


def test_a_win_is_beyond_doubt_or_none():
    assert is_better(np.array([0.2, 0.25, 0.2, 0.15, 0.2]), 0.25)
    assert not is_better(np.array([0.2, -0.1, 0.1, 0.0, 0.0]), 0.25)
    assert not is_better(np.zeros(5), 0.25)
