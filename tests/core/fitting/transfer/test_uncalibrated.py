from dataclasses import replace

import numpy as np
import pytest

from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.encoders import DEFAULT, load_encoder
from core.encoders.eegpt.electrodes import CODEX
from core.errors import InputError
from core.fitting.feature_input import CovarianceSettings
from core.fitting.transfer.population import make_prior
from core.fitting.transfer.prior_sources import head_of_prior
from core.fitting.transfer.uncalibrated import CALLED, uncalibrated_decoder
from core.signal.pipeline import SignalSettings

pytestmark = pytest.mark.slow

CLASSES = ("left_hand", "right_hand")


@pytest.fixture(scope="module")
def head(imagery_recording):
    people = {f"P{seed}": [imagery_recording(seed)] for seed in (11, 12, 13)}
    settings = SignalSettings(imagery_recording().labels, "average", 256.0)
    prior = make_prior(people, dict(zip(CLASSES, CLASSES, strict=True)), CODEX, settings, 1024)
    return head_of_prior(prior, CovarianceSettings(settings, 1024), CLASSES)


@pytest.fixture(scope="module")
def encoder():
    return DEFAULT, load_encoder(DEFAULT)


def aligned_on(head, recording, encoder):
    windows = CovarianceSettings(SignalSettings(recording.labels, "average", 256.0), 1024)
    return uncalibrated_decoder(head, recording, CLASSES, windows, encoder, "new")


@pytest.mark.slow
def test_a_minute_of_signal_is_enough_to_decode_somebody_new(
    head, imagery_recording, encoder, tmp_path
):
    new = imagery_recording(5, trials=10)
    minute = replace(new, samples_uv=new.samples_uv[: round(60 * new.rate)], events=())
    decoder = load_decoder(
        save_decoder(aligned_on(head, minute, encoder), tmp_path / "one.safetensors")
    )
    assert decoder.facts.fit["called"] == CALLED
    assert decoder.facts.trials == 0
    assert decoder.facts.score == head.accuracy
    path = decoder.attach(new.labels, [""] * len(new.labels), new.rate)
    signal = path.push(new.samples_uv)
    windows = WindowDecoder(decoder, None)
    live = [windows.push(signal[at : at + 64]) for at in range(0, len(signal) - 64, 64)]
    right = [
        decoder.classes[live[round((event.onset + 4.0) * 4) - 1].argmax()] == event.label
        for event in new.events
        if event.onset > 60.0
    ]
    assert len(right) >= 8
    assert np.mean(right) > 0.7


def test_too_little_signal_and_an_untried_head_are_refused(head, imagery_recording, encoder):
    new = imagery_recording(5)
    short = replace(new, samples_uv=new.samples_uv[: round(20 * new.rate)], events=())
    with pytest.raises(InputError, match="20 s of signal; an alignment needs at least 30 s"):
        aligned_on(head, short, encoder)
    with pytest.raises(InputError, match="tried on people left out"):
        aligned_on(replace(head, accuracy=None), new, encoder)


@pytest.mark.slow
def test_eyes_are_regressed_out_with_coefficients_of_the_minute(imagery_recording, encoder):
    people = {f"P{seed}": [imagery_recording(seed)] for seed in (11, 12)}
    new = imagery_recording(5)
    settings = SignalSettings(new.labels, "average", 256.0)
    prior = make_prior(people, dict(zip(CLASSES, CLASSES, strict=True)), CODEX, settings, 1024)
    windows = CovarianceSettings(settings, 1024, regress_eyes=True)
    head = head_of_prior(prior, windows, CLASSES)
    decoder = uncalibrated_decoder(
        head, new, CLASSES, windows, encoder, "new", {"regress_eyes": True}
    )
    (view,) = decoder.tangents
    assert "FZ" not in [settings.channels[index] for index in view.picks]
    assert np.abs(view.spatial[:, settings.channels.index("FZ")]).max() > 0
    assert decoder.input_words == "frontal and temporal electrodes regressed out"
