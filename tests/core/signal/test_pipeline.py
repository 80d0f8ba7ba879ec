import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import freqz_sos

from core.errors import InputError
from core.montage import match
from core.signal.pipeline import SignalPath, SignalSettings, default_reference
from core.units import factor

CHANNELS = ("C3", "CZ", "C4", "PZ")
SETTINGS = SignalSettings(CHANNELS, "average", 256.0)


def path_for(labels, unit="uV", rate=250.0, wanted=SETTINGS):
    found = match(labels, wanted.channels)
    return SignalPath(wanted, rate, found.indices, [factor(unit, "mV")] * len(found.indices))


def signal(n=500, channels=4, rate=250.0):
    noise = np.random.default_rng(1).normal(30.0, 25.0, (n, channels))
    return noise.astype(np.float32)


@pytest.mark.slow
@given(cuts=st.lists(st.integers(0, 500), max_size=40))
@settings(deadline=None)
def test_chunking_never_matters(cuts):
    samples = signal()
    whole = path_for(CHANNELS).push(samples)
    path = path_for(CHANNELS)
    split = np.concatenate([path.push(part) for part in np.split(samples, sorted(cuts))])
    np.testing.assert_array_equal(split, whole)


@pytest.mark.slow
@given(order=st.permutations(range(6)))
@settings(deadline=None, max_examples=30)
def test_order_aliases_and_further_channels_never_matter(order):
    labels = ["C3", "Cz..", "EEG C4-REF", "pz", "EOG", "AUX7"]
    samples = signal(channels=6)
    plain = path_for(CHANNELS).push(samples[:, :4])
    shuffled = path_for([labels[i] for i in order]).push(samples[:, list(order)])
    np.testing.assert_array_equal(shuffled, plain)


def test_the_unit_of_the_stream_never_matters():
    microvolts = signal().astype(np.float64)
    plain = path_for(CHANNELS, "uV").push(microvolts)
    # Around zero no relative difference holds: the last digit of a large value is there too.
    for unit, scale in (("V", 1e-6), ("nV", 1e3)):
        converted = path_for(CHANNELS, unit).push(microvolts * scale)
        np.testing.assert_allclose(converted, plain, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("begin", [SignalPath.restart, lambda path: path.set_aside(())])
def test_a_restart_is_a_new_beginning(begin):
    samples = signal()
    path = path_for(CHANNELS)
    first = path.push(samples)
    begin(path)
    np.testing.assert_array_equal(path.push(samples), first)


@pytest.mark.parametrize("rate", [100.0, 160.0, 250.0, 1000.0])
@pytest.mark.parametrize("frequency", [10.0, 30.0])
def test_a_rhythm_leaves_the_path_as_its_filter_lets_it_through(rate, frequency):
    wave = np.exp(2j * np.pi * frequency * np.arange(int(8 * rate)) / rate)
    wanted = SignalSettings(("C3", "C4"), "recorded", 256.0)
    both = path_for(wanted.channels, "mV", rate, wanted).push(np.stack([wave.real, wave.imag], 1))
    gain = freqz_sos(wanted.band.sections(rate), [frequency], fs=rate)[1]
    expected = gain * np.exp(2j * np.pi * frequency * np.arange(len(both)) / 256.0)
    np.testing.assert_allclose((both[:, 0] + 1j * both[:, 1])[1024:], expected[1024:], atol=0.02)


def test_average_reference_takes_off_what_all_channels_share():
    common = np.repeat(signal(channels=1), 4, axis=1)
    assert np.abs(path_for(CHANNELS).push(common)).max() < 1e-9
    recorded = SignalSettings(CHANNELS, "recorded", 256.0)
    assert np.abs(path_for(CHANNELS, wanted=recorded).push(common)).max() > 1e-3


def test_eog_is_no_part_of_the_average_and_is_not_referenced_to_it():
    samples = signal(channels=5)
    wanted = SignalSettings((*CHANNELS, "HEOG"), "average", 256.0)
    with_eog = path_for((*CHANNELS, "heog"), wanted=wanted).push(samples)
    np.testing.assert_array_equal(with_eog[:, :4], path_for(CHANNELS).push(samples[:, :4]))
    alone = SignalSettings(("HEOG",), "recorded", 256.0)
    recorded = path_for(("heog",), wanted=alone).push(samples[:, 4:])
    np.testing.assert_allclose(with_eog[:, 4:], recorded, rtol=1e-12)


def test_chunking_never_matters_beside_eog():
    names = tuple("FZ FC3 FC1 FCZ FC2 FC4 C5 C3 C1 CZ C2 C4 C6 CP3 CPZ CP4 PZ HEOG".split())
    samples = signal(channels=len(names))
    wanted = SignalSettings(names, "average", 256.0)
    whole, path = path_for(names, wanted=wanted).push(samples), path_for(names, wanted=wanted)
    pieces = np.split(samples, [1, 9, 130, 131, 300])
    np.testing.assert_array_equal(np.concatenate([path.push(one) for one in pieces]), whole)


def test_enough_electrodes_are_referenced_to_their_average():
    assert default_reference(16) == "average"
    assert default_reference(15) == "recorded"


def test_settings_that_no_path_can_follow_are_refused():
    with pytest.raises(InputError, match="linked mastoids"):
        SignalSettings(CHANNELS, "linked mastoids", 256.0)
    with pytest.raises(InputError, match="at least one channel"):
        SignalSettings((), "average", 256.0)
