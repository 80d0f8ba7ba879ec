from dataclasses import replace

import pytest

from core.errors import InputError


@pytest.mark.slow
def test_a_stream_is_attached_by_name_and_unit(fitted):
    decoder = fitted["riemann"]
    labels = ["AUX", *reversed(decoder.settings.channels)]
    path = decoder.attach(labels, ["V"] * len(labels), 500.0)
    assert path.rate_in == 500.0
    assert path.settings == decoder.settings


@pytest.mark.slow
def test_a_stream_that_does_not_fit_is_refused(fitted):
    decoder = fitted["riemann"]
    with pytest.raises(InputError, match="lacks 17 of the decoder's 17 channels"):
        decoder.attach(["Ch1", "Ch2"], ["uV", "uV"], 250.0)
    labels = decoder.settings.channels
    with pytest.raises(InputError, match='"kOhm" is not a voltage'):
        decoder.attach(labels, ["kOhm"] * 17, 250.0)
    with pytest.raises(InputError, match="60 Hz"):
        decoder.attach(labels, ["uV"] * 17, 60.0)
    decoder.attach(labels, [""] * 17, 250.0)  # accepted; the stream's warning says what it costs


@pytest.mark.slow
def test_the_encoder_must_be_the_one_of_the_fit(fitted):
    decoder = fitted["encoder"]
    assert decoder.load_encoder().weights_sha256() == decoder.encoder.sha256
    with pytest.raises(InputError, match="other weights"):
        decoder.load_encoder("untrained-tiny3-1")
    with pytest.raises(InputError, match="unit uV instead of mV"):
        replace(decoder, unit="uV").load_encoder()
    assert fitted["riemann"].load_encoder() is None


@pytest.mark.parametrize(
    ("seconds", "samples"), [(None, 64), (0.25, 64), (0.125, 32), (1 / 16, 16)]
)
def test_hops_divide_a_patch(fitted, seconds, samples):
    assert fitted["riemann"].hop_samples(seconds) == samples


@pytest.mark.parametrize("seconds", [0.5, 0.1, 0.0, -0.25, 0.001])
def test_other_hops_are_refused(fitted, seconds):
    with pytest.raises(InputError, match="does not divide"):
        fitted["riemann"].hop_samples(seconds)
