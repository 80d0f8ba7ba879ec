"""What is written, what is refused, and what a death in the middle leaves."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.recordings import Span
from core.signal.filtering import Band
from training.manifest import Form
from training.shards import RecordingIdentity, StoreWriter, shard_key
from training.store import Store

WHO = RecordingIdentity("simulated", "2", "", "1")


@pytest.fixture
def recording(people):
    return people[WHO]


def changed(recording, samples, **more):
    return replace(recording, samples_uv=samples.astype(np.float32), **more)


def test_where_nothing_moves_a_stretch_ends(write, recording):
    samples = recording.samples_uv.copy()
    samples[2000:2100] = 0.0  # 0.4 s between trials
    samples[3000:3010] = samples[3000]  # shorter than any amplifier's silence matters
    samples[-80:] = samples[-81]
    store = write({WHO: changed(recording, samples)})
    first, second = store.recordings
    # The resampler keeps the last sample or two until the next have come.
    assert first.length == pytest.approx(2000 * 256 / 250, abs=2)
    assert second.length == pytest.approx((len(samples) - 81 - 2100) * 256 / 250, abs=2)
    late = [event for event in recording.events if event.onset >= 2100 / 250]
    assert [label for _, label in second.events] == [event.label for event in late]


@pytest.mark.parametrize("spoilt", [np.nan, 1e13])
def test_no_voltages_end_a_stretch_and_a_dead_channel_is_missing(write, recording, spoilt):
    samples = recording.samples_uv.copy()
    samples[2500, 1] = spoilt
    samples[:, 3] = 17.0
    samples[:, 4] = np.nan
    store = write({WHO: changed(recording, samples)})
    assert [r.channels for r in store.recordings] == [("FP1", "C3", "CZ")] * 2
    for index, stored in enumerate(store.recordings):
        assert np.isfinite(store.crop(index, 0, stored.length)).all()


def test_what_is_marked_as_bad_is_left_out(write, recording):
    spans = (Span(8.0, 1.0, "BAD_blink"), Span(recording.duration - 1.0, 99.0, "BAD_end"))
    first, second = write({WHO: replace(recording, bad_spans=spans)}).recordings
    assert first.length == pytest.approx(8.0 * 256, abs=2)
    assert second.length == pytest.approx((recording.duration - 10.0) * 256, abs=3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": ("EOG", "A1", "A2", "M1", "ECG")}, "no electrode that the encoder knows"),
        ({"labels": ("C3", "c3.", "Cz", "C4", "T3")}, "both mean the electrode C3"),
        ({"rate": 80.0}, "needs a sampling rate above 84 Hz"),
    ],
)
def test_recordings_that_cannot_be_used_are_named(write, recording, change, said):
    with pytest.raises(InputError, match=said) as refused:
        write({WHO: replace(recording, **change)})
    assert str(recording.path) in str(refused.value)


@pytest.mark.parametrize("scale", [1e-6, 1e6, 1e3])
def test_a_wrong_unit_is_noticed(write, recording, scale):
    with pytest.raises(InputError, match="its unit looks wrong"):
        write({WHO: changed(recording, recording.samples_uv * scale)})


def test_too_little_signal_is_refused(write, recording):
    with pytest.raises(InputError, match="no signal that lasts 1 s"):
        write({WHO: changed(recording, recording.samples_uv[:200])})


def test_nothing_is_left_of_a_shard_that_failed(tmp_path, form, people, recording):
    writer = StoreWriter(tmp_path / "store", form)
    writer.begin()

    def recordings():
        yield WHO, recording
        raise InputError("the second file is damaged")

    with pytest.raises(InputError, match="second file"):
        writer.write("key", recordings())
    assert list((tmp_path / "store" / "shards").iterdir()) == []
    assert writer.written("key") is None
    with pytest.raises(InputError, match="No recording was left"):
        writer.finish(["key"])


@pytest.mark.slow
def test_a_store_is_no_store_before_it_is_finished(tmp_path, form, people, write):
    folder = tmp_path / "begun"
    writer = StoreWriter(folder, form)
    writer.begin()
    keys = [shard_key(who, recording.path.name) for who, recording in people.items()]
    first = next(iter(people.items()))
    written = writer.write(keys[0], [first])
    with pytest.raises(InputError, match="not finished; run the same"):
        Store.open(folder)
    # What a killed process leaves: half a shard, and a shard not yet described.
    (folder / "shards" / ".half.f32.1.part").write_bytes(b"\0" * 100)
    (folder / "shards" / f"{keys[1]}.f32").write_bytes(b"\0" * 100)

    again = StoreWriter(folder, form)
    again.begin()
    assert again.written(keys[0]) == written
    assert again.written(keys[1]) is None
    for key, recording in list(zip(keys, people.items(), strict=True))[1:]:
        again.write(key, [recording])
    store = again.finish(keys)
    assert store.manifest_sha256 == write(people).manifest_sha256
    assert not list((folder / "shards").glob(".*"))
    store.verify()


def test_a_store_without_its_folder_of_shards_is_gone_on_with(tmp_path, form, people):
    writer = StoreWriter(tmp_path / "store", form)
    writer.begin()
    (tmp_path / "store" / "shards").rmdir()  # killed before it was made
    writer.begin()
    assert writer.write("key", [(WHO, people[WHO])]) == writer.written("key")


def test_a_store_has_one_form(tmp_path, form, people):
    StoreWriter(tmp_path / "store", form).begin()
    other = replace(form, band=Band(high=45.0))
    with pytest.raises(InputError, match=r"was begun with band .*38\.0.* instead of .*45\.0"):
        StoreWriter(tmp_path / "store", other).begin()


def test_other_folders_are_left_alone(tmp_path, form):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="exists and is no window store"):
        StoreWriter(tmp_path, form).begin()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.slow
def test_a_finished_store_is_never_written_again(store, form):
    writer = StoreWriter(store.folder, form)
    assert writer.finished
    with pytest.raises(InputError, match="exists already"):
        writer.finish([shard.file.removesuffix(".f32") for shard in store.shards])


def test_a_band_beyond_the_rate_is_refused():
    with pytest.raises(InputError, match="does not fit into 256 Hz"):
        Form(("C3",), 256.0, "mV", Band(high=120.0))
