"""A state that is read from the last minutes: live as offline, and better than a moment is."""

from dataclasses import replace

import numpy as np
import pytest

from core.decoding.readouts import Readout, ReadoutCard
from core.decoding.segment_powers import SegmentPowers
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.fitting.state import fit_state, memories

pytestmark = pytest.mark.slow

RATE, HOP, CHANNELS = 256.0, 64, 6


@pytest.fixture
def powers():
    return SegmentPowers(RATE, 128, 20)


def held_of(powers, states, seed):
    """Memories at the end of every fifth segment: alpha is weak or strong, and varies as much."""
    random = np.random.default_rng(seed)
    shape = (CHANNELS, len(powers.bands))
    runs = []
    for state in states:
        logs = random.normal(size=(60, *shape))
        logs[:, :3, 2] += 2.0 * state + 2.0 * random.normal(size=(60, 1))
        runs.append(logs)
    places = np.array([(run, at * 128) for run in range(len(runs)) for at in range(4, 60, 5)])
    labels = np.array(states)[places[:, 0]]
    return memories(powers, runs, places, 128), labels


@pytest.mark.parametrize("hop", [1, 50, 64, 300])
def test_a_stream_remembers_what_the_whole_run_has(powers, hop):
    run = np.random.default_rng(0).normal(size=(128 * 23 + 70, CHANNELS))
    whole, stream = powers.of_run(run), powers.stream(CHANNELS)
    for start in range(0, len(run), hop):
        stream.push(run[start : start + hop])
        done = min(start + hop, len(run)) // 128
        if done in (1, 19, 23):
            np.testing.assert_array_equal(stream.memory, powers.memory(whole[:done]))
    assert stream.received == len(whole) == 23


def test_after_a_gap_whole_segments_stay_and_the_one_that_was_begun_is_given_up(powers):
    random = np.random.default_rng(1)
    before, after = random.normal(size=(2, 200, CHANNELS))
    stream = powers.stream(CHANNELS)
    stream.push(before)
    stream.reset()
    stream.push(after)
    known = np.concatenate([powers.of_run(before), powers.of_run(after)])
    np.testing.assert_array_equal(stream.memory, powers.memory(known))


def test_a_rhythm_is_found_in_its_band_whatever_the_amplitude(powers):
    time = np.arange(128) / RATE
    for hertz, band in ((6.0, 1), (10.0, 2), (24.0, 4)):
        for microvolts in (1.0, 50.0):
            wave = microvolts * np.sin(2 * np.pi * hertz * time)[:, None]
            assert powers.of_segment(wave)[0].argmax() == band
    np.testing.assert_allclose(powers.of_segment(wave), powers.of_segment(7.0 * wave), atol=1e-12)


@pytest.fixture(scope="module")
def head():
    powers = SegmentPowers(RATE, 128, 20)
    return fit_state(powers, *held_of(powers, [0, 1] * 6, 0), 2)


def test_what_is_remembered_tells_more_than_the_last_segment(powers, head):
    held, labels = held_of(powers, [0, 1] * 6, 1)
    full = (~np.isnan(held)).all(axis=(1, 2, 3))
    alone = held[full].copy()
    alone[:, :-1] = np.nan
    right = [
        np.mean(head.logits(those).argmax(axis=1) == labels[full]) for those in (held[full], alone)
    ]
    assert right[0] > 0.8
    assert right[0] > right[1] + 0.05


def test_nothing_is_found_in_shuffled_labels(powers):
    held, labels = held_of(powers, [0, 1] * 6, 0)
    shuffled = np.random.default_rng(2).permutation(labels)
    head = fit_state(powers, held, shuffled, 2)
    held, labels = held_of(powers, [0, 1] * 6, 1)
    assert abs(np.mean(head.logits(held).argmax(axis=1) == labels) - 0.5) < 0.2


def test_no_trial_is_told_by_segments_of_trials_of_the_other_side(powers):
    segments = np.arange(60.0)[:, None, None] * np.ones((1, CHANNELS, 6))
    places = np.array([(0, at * 128) for at in range(0, 60, 2)])
    side = np.zeros(len(places), dtype=bool)
    side[10:20] = True  # trials of segments 20 to 39
    held = memories(powers, [segments], places, 256, side)
    seen = [set(row[~np.isnan(row)].tolist()) for row in held[:, :, 0, 0]]
    tested = set().union(*(one for one, out in zip(seen, side, strict=True) if out))
    learned = set().union(*(one for one, out in zip(seen, side, strict=True) if not out))
    assert tested == set(range(20, 40))
    assert not tested & learned
    assert max(map(len, seen)) == powers.count


@pytest.fixture(scope="module")
def remembering(fitted):
    """A decoder with a state beside its first task."""
    decoder = fitted["riemann"]
    channels = len(decoder.settings.channels)
    powers = SegmentPowers(decoder.settings.rate, 512, 5)
    random = np.random.default_rng(3)
    held = random.normal(size=(8, 5, channels, len(powers.bands)))
    head = fit_state(powers, held, np.arange(8) % 2, 2)
    card = ReadoutCard("state", 8, 0.7, 0.6, "balanced accuracy")
    return replace(decoder, others=(Readout("calm", ("no", "yes"), head, (), False, card),))


def test_a_decoder_says_live_what_the_memory_says_offline(remembering, tmp_path):
    found = load_decoder(save_decoder(remembering, tmp_path / "state.safetensors"))
    (readout,) = found.others
    assert (readout.kind, readout.card) == ("classes", remembering.others[0].card)
    powers, channels = readout.head.powers, len(found.settings.channels)
    signal = np.random.default_rng(4).normal(0.0, 0.02, (512 * 8, channels))
    windows, whole = WindowDecoder(found, None, HOP), powers.of_run(signal)
    for end in range(HOP, len(signal) + 1, HOP):
        if windows.push(signal[end - HOP : end]) is None:
            continue
        memory = powers.memory(whole[: end // 512])
        expected = readout.head.probabilities(memory[None])[0]
        assert windows.outputs["calm"].probabilities == tuple(expected.tolist())
    assert windows.outputs["calm"].classes == ("no", "yes")


def test_a_state_alone_is_no_decoder(remembering):
    with pytest.raises(InputError, match='"calm" has a memory of its own'):
        remembering.only("calm")


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("age", np.zeros((4, 32)), "does not fit"),
        ("scale", np.zeros((1, 6)), "other tensors"),
        ("token.bias", np.zeros(31), "other tensors"),
        ("classes.bias", np.zeros(3), "other tensors"),
    ],
)
def test_a_file_whose_state_does_not_fit_is_not_written(remembering, tmp_path, name, array, said):
    (readout,) = remembering.others
    head = replace(readout.head, weights={**readout.head.weights, name: array})
    spoilt = replace(remembering, others=(replace(readout, head=head),))
    with pytest.raises(InputError, match=said):
        save_decoder(spoilt, tmp_path / "spoilt.safetensors")


def with_powers(readout, **changes):
    head = readout.head
    return replace(readout, head=replace(head, powers=replace(head.powers, **changes)))


def without_scale(readout):
    weights = {**readout.head.weights, "scale": 0.0 * readout.head.weights["scale"]}
    return replace(readout, head=replace(readout.head, weights=weights))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda readout: replace(readout, classes=("a", "b", "c")), "does not fit"),
        (lambda readout: with_powers(readout, bands=readout.head.powers.bands[1:]), "not fit"),
        (lambda readout: with_powers(readout, bands=((8.0, 8.0),) * 6), "ends before it begins"),
        (lambda readout: with_powers(readout, length=1), "1 where a number from 2 to 1024"),
        (lambda readout: with_powers(readout, length=1025), "1025 where a number from 2 to 1024"),
        (lambda readout: with_powers(readout, count=4), "does not fit"),
        (without_scale, "scale that is not above zero"),
    ],
)
def test_a_file_whose_state_fits_no_signal_is_not_written(remembering, tmp_path, change, said):
    spoilt = replace(remembering, others=(change(remembering.others[0]),))
    with pytest.raises(InputError, match=said):
        save_decoder(spoilt, tmp_path / "spoilt.safetensors")
