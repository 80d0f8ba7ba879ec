from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from core.encoders.eegpt.electrodes import channel_ids
from core.errors import InputError
from training.pretraining.windows import Windows
from training.recipes import recipe_of


def windows_of(store, settings):
    return Windows(store, settings, recipe_of(settings).draw)


def same(one, other):
    """Whether two groups hold the same."""
    return np.array_equal(one.windows, other.windows) and all(
        map(np.array_equal, one.drawn, other.drawn)
    )


def test_an_epoch_takes_as_many_windows_of_each_recording_as_fit(store, settings):
    assert windows_of(store, settings()).per_epoch == 5 + 7 + 3 + 4
    one = windows_of(store, settings(batch=19))
    one.batch(0)
    first = list(store.read)
    one.batch(1)
    second = store.read[len(first) :]
    for epoch in (first, second):
        assert Counter(index for index, _, _ in epoch) == {0: 5, 1: 7, 2: 3, 3: 4}
    assert [index for index, _, _ in first] != [index for index, _, _ in second]
    assert {start for _, start, _ in first} != {start for _, start, _ in second}


@pytest.mark.slow
def test_windows_begin_anywhere_in_a_recording(store, settings):
    windows = windows_of(store, settings(batch=64))
    for step in range(40):
        windows.batch(step)
    starts = np.array([start for index, start, _ in store.read if index == 2])
    assert starts.min() < 30
    assert starts.max() > 900 - 256 - 30
    assert len(set(starts % 64)) == 64


def test_a_batch_is_a_function_of_its_number(store, settings):
    ahead = windows_of(store, settings())
    for step in range(9):
        ahead.batch(step)
    again = windows_of(store, settings()).batch(9)
    for one, other in zip(ahead.batch(9), again, strict=True):
        assert same(one, other)
    assert not same(again[0], ahead.batch(10)[0])
    assert not same(again[0], windows_of(store, settings(seed=8)).batch(9)[0])


def test_montages_are_grouped_without_their_absent_channels(store, settings):
    groups = windows_of(store, settings(batch=19)).batch(0)
    shapes = {group.windows.shape: group for group in groups}
    assert set(shapes) == {(15, 8, 256), (4, 3, 256)}
    few = shapes[4, 3, 256]
    assert few.windows.any(axis=2).all()
    np.testing.assert_array_equal(few.drawn[0], channel_ids(("C3", "CZ", "C4")))
    assert few.drawn[1].max() < 3 * 4
    assert set(few.recordings) == {3}


def test_processes_share_a_batch_and_its_masks(store, settings):
    windows = windows_of(store, settings(batch=16))
    (whole,) = [g for g in windows.batch(3) if g.windows.shape[1] == 8]
    shares = [g for rank in range(2) for g in windows.batch(3, rank, 2) if g.windows.shape[1] == 8]
    np.testing.assert_array_equal(np.concatenate([g.windows for g in shares]), whole.windows)
    for share in shares:
        np.testing.assert_array_equal(share.drawn[2], whole.drawn[2])


def test_a_batch_may_have_several_masks(memory, noise, settings):
    store = memory([noise(0, 9000)], ("a",))
    groups = windows_of(store, settings(batch=16, masks_per_batch=4)).batch(0)
    assert [len(group.windows) for group in groups] == [4] * 4
    assert len({group.drawn[2].tobytes() for group in groups}) == 4


def test_epochs_or_steps(store, settings):
    assert windows_of(store, settings(steps=None, epochs=3)).steps() == -(-3 * 19 // 8)
    assert windows_of(store, settings(steps=7, epochs=3)).steps() == 7


def test_recordings_shorter_than_a_window_are_left_out(memory, noise, settings):
    store = memory([noise(0, 255), noise(1, 256)], ("a", "b"))
    windows = windows_of(store, settings(batch=4))
    windows.batch(0)
    assert windows.per_epoch == 1
    assert set(store.read) == {(1, 0, 256)}
    with pytest.raises(InputError, match="No recording of the store has 512 samples"):
        windows_of(store, settings(window=512))


def test_a_single_channel_is_refused(memory, noise, settings):
    store = memory([noise(0, 900), noise(1, 900, slice(2, 3))], ("a", "b"))
    with pytest.raises(InputError, match="Recording 1 of the store, of b, has fewer than two"):
        windows_of(store, settings())


def test_whitened_sessions_have_channels_of_equal_variance(store, settings):
    random = np.random.default_rng(0)
    directions = np.linalg.qr(random.normal(size=(8, 8)))[0]
    mixing = directions * np.linspace(0.4, 2.0, 8)
    store = replace(store, signals=[mixing @ random.normal(size=(8, 20000))], people=("b",))
    (group,) = windows_of(store, settings(whitening="session", batch=64)).batch(0)
    joined = np.concatenate(list(group.windows), axis=1)
    correlation = np.corrcoef(joined)
    plain = np.concatenate(list(windows_of(store, settings(batch=64)).batch(0)[0].windows), axis=1)
    assert np.abs(correlation - np.eye(8)).max() < 0.1
    assert np.abs(np.corrcoef(plain) - np.eye(8)).max() > 0.3
    assert joined.var() == pytest.approx(plain.var(), rel=0.2)
    assert group.windows.dtype == np.float32


def test_the_covariance_is_that_of_the_recordings(store, memory, noise, settings):
    windows = windows_of(memory(store.signals[:3], ("a", "b", "b")), settings())
    expected = np.cov(np.concatenate(store.signals[:3], axis=1))
    found = windows.covariance()
    assert windows.channels() == store.channels
    np.testing.assert_allclose(found, expected, atol=0.15 * expected.max())
    np.testing.assert_allclose(found, found.T)
    assert np.linalg.eigvalsh(found)[0] > 0
    assert windows_of(store, settings(whitening="session")).covariance() is None


def test_no_covariance_of_channels_never_recorded_together(memory, noise, settings):
    store = memory([noise(0, 900, slice(0, 3)), noise(1, 900, slice(3, 6))], ("a", "b"))
    windows = windows_of(store, settings())
    assert windows.channels() == ("F3", "FZ", "F4", "C3", "CZ", "C4")
    assert windows.covariance() is None
