"""What comes out of a store is what the live path makes of the recording, and nothing else."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.montage import match
from core.signal.pipeline import SignalPath, SignalSettings, default_reference
from training.store import Store


def live(recording, form):
    """What the live path makes of a recording in one go, shape (samples, channels)."""
    found = match(recording.labels, form.channels)
    reference = default_reference(len(found.channels))
    settings = SignalSettings(found.channels, reference, form.rate, form.band)
    path = SignalPath(settings, recording.rate, found.indices, [1e-3] * len(found.indices))
    return path.push(recording.samples_uv), found.channels


@pytest.mark.slow
def test_crops_are_what_the_live_path_gives(store, people, form, random):
    for index, recording in enumerate(people.values()):
        signal, channels = live(recording, form)
        assert store.recordings[index].length == len(signal)
        rows = [form.channels.index(name) for name in channels]
        for start in [0, len(signal) - 1024, *random.integers(0, len(signal) - 1024, 3)]:
            window = store.crop(index, int(start), 1024)
            assert window.dtype == np.float32
            assert window.shape == (58, 1024)
            assert window.flags.c_contiguous
            expected = signal[start : start + 1024].T.astype(np.float32)
            np.testing.assert_array_equal(window[rows], expected)


@pytest.mark.slow
def test_missing_channels_are_masked_and_zero(store):
    assert [int(store.present(i).sum()) for i in range(4)] == [58, 58, 5, 32]
    few = store.recordings[2]
    assert few.channels == ("FP1", "T7", "C3", "CZ", "C4")  # T3 by its newer name, in codex order
    assert few.reference == "recorded"
    window, present = store.crop(2, 100, 300), store.present(2)
    assert not window[~present].any()
    assert window[present].std(axis=1).min() > 0


@pytest.mark.slow
def test_enough_channels_are_referenced_to_their_average(store):
    assert store.recordings[3].reference == "average"
    window = store.crop(3, 500, 512)
    assert np.abs(window[store.present(3)].mean(axis=0)).max() < 1e-6 * np.abs(window).max()


@pytest.mark.slow
def test_facts_of_a_recording_are_kept(store, people, form):
    assert (store.channels, store.rate, store.unit) == (form.channels, 256, "mV")
    assert store.subjects == ("simulated/1", "simulated/2", "simulated/3")
    for stored, (who, recording) in zip(store.recordings, people.items(), strict=True):
        assert (stored.source, stored.subject, stored.run) == (who.source, who.subject, who.run)
        assert (stored.recorded_rate, stored.rate) == (recording.rate, 256)
        assert stored.events == tuple((round(e.onset * 256), e.label) for e in recording.events)
        assert stored.origin_sha256 == recording.sha256
    seconds = sum(recording.duration for recording in people.values())
    assert store.hours == pytest.approx(seconds / 3600, rel=1e-3)


@pytest.mark.slow
def test_a_crop_cannot_leave_its_recording(store):
    length = store.recordings[0].length
    for start in (-1, length - 1023):
        with pytest.raises(ValueError, match="are not in a recording"):
            store.crop(0, start, 1024)


@pytest.mark.slow
def test_stretches_between_breaks_are_recordings_of_their_own(write, people, form):
    who, recording = next(iter(people.items()))
    at = 10 * 160
    broken = replace(recording, breaks=(at,))
    store = write({who: broken})
    first, second = store.recordings
    after = [event for event in recording.events if event.onset >= 10]
    assert second.events == tuple((round((e.onset - 10) * 256), e.label) for e in after)
    assert len(first.events) + len(second.events) == len(recording.events)
    expected, _ = live(replace(recording, samples_uv=recording.samples_uv[at:]), form)
    found = store.crop(1, 0, second.length)
    np.testing.assert_array_equal(found, expected.T.astype(np.float32))


@pytest.mark.slow
def test_split_shares_no_person(store):
    training, validation = store.split(["simulated/1"])
    assert validation.subjects == ("simulated/1",)
    assert training.subjects == ("simulated/2", "simulated/3")
    assert len(training.recordings) + len(validation.recordings) == len(store.recordings)
    np.testing.assert_array_equal(training.crop(1, 7, 64), store.crop(3, 7, 64))
    assert training.manifest_sha256 == store.manifest_sha256


@pytest.mark.slow
def test_nobody_on_one_side_is_refused(store):
    for people in ((), store.subjects):
        with pytest.raises(InputError, match="on either side"):
            store.split(people)
    with pytest.raises(ValueError, match="no 2, 4"):
        store.split(["simulated/1", "4", "2"])


@pytest.mark.slow
def test_a_store_can_be_sent_to_another_process(store):
    sent = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(sent.crop(0, 5, 100), store.crop(0, 5, 100))


@pytest.mark.slow
def test_the_same_recordings_give_the_same_manifest(write, people, tmp_path):
    first, second = write(people), write(people, tmp_path / "second")
    assert first.manifest_sha256 == second.manifest_sha256
    assert first == replace(second, folder=first.folder)


def damage(store, index=0):
    return store.folder / "shards" / store.shards[index].file


@pytest.mark.slow
def test_a_shard_that_is_short_or_gone_is_named(store):
    file = damage(store, 1)
    content = file.read_bytes()
    file.write_bytes(content[:-4])
    with pytest.raises(InputError, match=rf"{file.name} is damaged: it has {len(content) - 4}"):
        Store.open(store.folder)
    with pytest.raises(InputError, match=rf"{file.name} cannot be read"):
        store.crop(1, store.recordings[1].length - 64, 64)
    file.unlink()
    with pytest.raises(InputError, match=rf"lacks its shard .*{file.name}"):
        Store.open(store.folder)


@pytest.mark.slow
def test_one_wrong_bit_is_found_by_verifying(store):
    told = []
    store.verify(told.append)
    assert told == [shard.bytes for shard in store.shards]
    file = damage(store, 2)
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match=rf"{file.name} is damaged: its SHA-256"):
        Store.open(store.folder).verify()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version 2 of the store's format and this program reads version 1"),
        ({"shards": [{"file": 3}]}, "is damaged"),
        ({"form": None}, "is damaged"),
    ],
)
def test_another_manifest_is_refused_in_a_sentence(store, change, said):
    file = store.folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(InputError, match=said) as refused:
        Store.open(store.folder)
    assert str(file) in str(refused.value)


@pytest.mark.slow
def test_no_store_and_half_a_manifest_are_refused(store, tmp_path):
    with pytest.raises(InputError, match="no window store at"):
        Store.open(tmp_path / "nothing")
    file = store.folder / "manifest.json"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match="not JSON"):
        Store.open(store.folder)
