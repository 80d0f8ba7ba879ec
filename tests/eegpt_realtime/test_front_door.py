"""What people import: equal to what the programs do."""

import subprocess
import sys
import threading
from dataclasses import replace

import mne
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

import eegpt_realtime as er
from core.decoding.storage.reference_file import save_reference
from core.decoding.window_decoder import WindowDecoder
from core.encoders import load_encoder, save_encoder
from core.fitting.transfer.prior_file import population
from core.signal.filtering import Band
from core.signal.pipeline import SignalSettings
from core.stream.inlet import Inlet
from core.stream.outlets import SignalOutlet
from eegpt_realtime import live
from eegpt_realtime.arrays import as_array, through_path
from realtime.engine.evidence import EvidenceSettings
from realtime.offline import decode_recording

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


@pytest.fixture(scope="module")
def recording(imagery_recording):
    return imagery_recording(seed=3)


@pytest.fixture(scope="module")
def decoder(recording):
    return er.fit([recording], EVENTS, head="hybrid")


@pytest.fixture(scope="module")
def raw(recording):
    info = mne.create_info(list(recording.labels), recording.rate, "eeg")
    raw = mne.io.RawArray(recording.samples_uv.T.astype(float) * 1e-6, info, verbose="ERROR")
    onsets, lengths, labels = zip(
        *((e.onset, e.duration, e.label) for e in recording.events), strict=True
    )
    return raw.set_annotations(mne.Annotations(onsets, lengths, labels))


@pytest.fixture(scope="module")
def epochs(raw):
    events, ids = mne.events_from_annotations(raw, verbose="ERROR")
    return mne.Epochs(raw, events, ids, -1.0, 4.0, baseline=None, preload=True, verbose="ERROR")


def test_everything_listed_is_there_and_importing_waits_for_nothing():
    assert all(hasattr(er, name) for name in er.__all__)
    code = (
        "import sys, eegpt_realtime\n"
        "assert not {'torch', 'mne', 'sklearn', 'PySide6', 'pylsl'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        er.nothing  # noqa: B018


@pytest.mark.slow
def test_a_decoder_comes_back_from_its_file(decoder, recording, tmp_path):
    again = er.load_decoder(decoder.save(tmp_path / "one.safetensors"))
    assert again.classes_ == ("left_hand", "right_hand")
    assert again.window == 4.0
    np.testing.assert_array_equal(again.predict_proba(recording), decoder.predict_proba(recording))


@pytest.mark.slow
def test_a_fit_starts_from_others_as_the_program_does(recording):
    started = er.fit([recording], EVENTS).decoder.facts
    assert started.fit["prior"]["trials"] == len(population())
    alone = er.fit(recording, EVENTS, prior="none").decoder.facts
    assert "prior" not in alone.fit
    assert "prior" not in alone.scores


@pytest.mark.slow
def test_eog_explains_the_eyes_of_a_fit_as_in_the_program(raw):
    with_eog = raw.copy()
    with_eog.rename_channels({raw.ch_names[0]: "HEOG"}).set_channel_types({"HEOG": "eog"})
    facts = er.fit(with_eog, EVENTS, head="riemann", prior="none").decoder.facts
    assert "what HEOG explains" in facts.fit["origin"]["sentence"]


@pytest.mark.slow
def test_a_fit_says_what_a_person_should_know_of_the_trials(recording, capsys):
    first = recording.events[0]
    again = replace(first, onset=first.onset + 0.05)
    er.fit(replace(recording, events=(*recording.events, again)), EVENTS, head="riemann")
    assert "repeat another within 0.1 s and do not count" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("recordings", "events", "says"),
    [
        ([], EVENTS, "no recording to fit"),
        ("nowhere.edf", EVENTS, "nowhere.edf"),
        ([None], EVENTS, "found NoneType"),
        (None, {1: "left_hand", 2: "right_hand"}, "both of them text"),
        (None, {"left_hand": "left_hnad"}, 'Did you mean "left_hand"'),
        (None, "T1", "label -> class, .* found str"),
        (None, ["T1", "T2"], "label -> class, .* found list"),
        (3, EVENTS, "found int"),
    ],
)
def test_what_cannot_be_fitted_is_said(recording, recordings, events, says):
    given = [recording] if recordings is None else recordings
    with pytest.raises(er.InputError, match=says):
        er.fit(given, events)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"subject": "../x"}, "no BIDS label"),
        ({"subject": 1}, "subject is 1; give text"),
        ({"head": None}, "head is None; give text"),
        ({"seed": 1.5}, "seed is 1.5; give a whole number"),
        ({"seed": "1"}, "seed is 1; give a whole number"),
        ({"false_alarms": "1"}, "false_alarms is 1; give a number"),
        ({"prior": [3]}, "prior names 3; give"),
        ({"prior": 3}, "prior names 3; give"),
        ({"prior": "nowhere.edf"}, "no recording at nowhere.edf"),
        ({"tasks": "eyes"}, '--task "eyes" is not NAME='),
    ],
)
def test_an_option_that_is_none_is_refused_before_the_fit(recording, given, says):
    with pytest.raises(er.InputError, match=says):
        er.fit([recording], EVENTS, **given)


@pytest.mark.parametrize("read", [er.load_decoder, er.load_encoder, er.read_recording])
def test_a_number_is_no_path(read):
    with pytest.raises(er.InputError, match="A path, or its text, was expected; found 3"):
        read(3)


def test_a_prior_is_for_one_task(recording):
    with pytest.raises(er.InputError, match="A prior is for one task"):
        er.fit([recording], EVENTS, tasks=["eyes=a.edf:open,b.edf:closed"], prior=["none"])


@pytest.mark.slow
def test_a_recording_gives_what_the_program_gives(decoder, recording, raw):
    model = decoder.decoder
    windows = WindowDecoder(model, model.load_encoder(), recentre=model.recentre)
    expected = list(decode_recording(recording, model, windows, EvidenceSettings()))
    rows = decoder.predict_proba(recording)
    assert len(rows) == len(expected)
    for row, decision in zip(rows, expected, strict=True):
        if decision.probabilities is None:
            assert np.isnan(row).all()
        else:
            np.testing.assert_allclose(row, list(decision.probabilities.values()), atol=1e-12)
    np.testing.assert_allclose(decoder.predict_proba(raw), rows, atol=1e-4, equal_nan=True)


@pytest.mark.slow
def test_epochs_are_told_apart_however_they_come(decoder, epochs):
    classes = {code: name for name, code in epochs.event_id.items()}
    truth = np.array([classes[code] for code in epochs.events[:, 2]])
    decided = decoder.predict(epochs)
    assert np.mean(decided == truth) > 0.8
    array = epochs.get_data()
    names, sfreq = epochs.ch_names, epochs.info["sfreq"]
    given = decoder.predict_proba(array, names, sfreq)
    np.testing.assert_array_equal(given, decoder.predict_proba(epochs))
    np.testing.assert_allclose(
        decoder.predict_proba(1e6 * array, names, sfreq, "uV"), given, atol=1e-6
    )
    order = np.random.default_rng(0).permutation(len(names))
    shuffled = decoder.predict_proba(array[:, order], [names[i] for i in order], sfreq)
    np.testing.assert_allclose(shuffled, given, atol=1e-6)


@pytest.mark.slow
def test_an_epoch_with_an_artifact_is_refused_as_live(decoder, epochs):
    array, names, sfreq = epochs.get_data(), epochs.ch_names, epochs.info["sfreq"]
    expected = decoder.predict_proba(epochs)
    assert np.isfinite(expected).all()
    spoilt = array.copy()
    spoilt[0] = 0.0
    spoilt[1, :, -300:] = 0.0
    spoilt[2, 4] += 5e-3 * np.random.default_rng(0).normal(size=array.shape[-1])
    found = decoder.predict_proba(spoilt, names, sfreq)
    assert np.isnan(found[:3]).all()
    np.testing.assert_array_equal(found[3:], expected[3:])
    assert list(decoder.predict(spoilt, ch_names=names, sfreq=sfreq)[:3]) == ["", "", ""]
    for off in (1e6, 1e-3):
        with pytest.raises(er.InputError, match="their unit looks wrong"):
            decoder.predict_proba(off * array, names, sfreq)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, n: {"X": x[0], "ch_names": n, "sfreq": 250.0}, "Epochs of shape"),
        (lambda x, n: {"X": x}, "give ch_names and sfreq"),
        (lambda x, n: {"X": x, "ch_names": n[1:], "sfreq": 250.0}, "names 16 channels; X has 17"),
        (
            lambda x, n: {"X": x[:, 1:], "ch_names": n[1:], "sfreq": 250.0},
            "The epochs lack the channels FZ",
        ),
        (lambda x, n: {"X": x[..., :500], "ch_names": n, "sfreq": 250.0}, "too short"),
        (lambda x, n: {"X": x * np.nan, "ch_names": n, "sfreq": 250.0}, "NaN or inf"),
        (lambda x, n: {"X": x + 1e13, "ch_names": n, "sfreq": 250.0}, "that no voltage has"),
        (lambda x, n: {"X": x, "ch_names": n, "sfreq": np.nan}, "sfreq is nan; give the rate"),
        (lambda x, n: {"X": x, "ch_names": n, "sfreq": np.inf}, "sfreq is inf"),
        (lambda x, n: {"X": x, "ch_names": n, "sfreq": "250"}, "sfreq is 250; give the rate"),
        (lambda x, n: {"X": x, "ch_names": n, "sfreq": 250.0, "unit": None}, "unit is None; give"),
        (lambda x, n: {"X": x, "ch_names": n, "sfreq": 250.0, "unit": "T"}, "unit is T; give"),
        (lambda x, n: {"X": x, "ch_names": range(17), "sfreq": 250.0}, "a list of electrodes'"),
        (lambda x, n: {"X": x, "ch_names": iter(n), "sfreq": 250.0}, "a list of electrodes'"),
        (lambda x, n: {"X": x, "ch_names": "C" * 17, "sfreq": 250.0}, "a list of electrodes'"),
        (lambda x, n: {"X": x, "ch_names": 17, "sfreq": 250.0}, "a list of electrodes'"),
        (lambda x, n: {"X": x.astype(str)}, "found ndarray of str values"),
        (lambda x, n: {"X": x + 1j, "ch_names": n, "sfreq": 250.0}, "ndarray of complex values"),
        (lambda x, n: {"X": [x[0], x[1, 1:]]}, "found list of object values"),
    ],
)
def test_what_does_not_fit_is_refused(decoder, epochs, change, message):
    with pytest.raises(er.InputError, match=message):
        decoder.predict_proba(**change(epochs.get_data()[:2], epochs.ch_names))


@pytest.mark.slow
def test_what_is_no_epochs_is_refused(decoder, epochs, raw):
    with pytest.raises(er.InputError, match=r"found EvokedArray of shape \(17, "):
        decoder.predict_proba(epochs.average())
    with pytest.raises(er.InputError, match="A path, or its text, was expected; found 3"):
        decoder.save(3)
    for recentre in ("on", [60.0]):
        with pytest.raises(er.InputError, match='give "off" or a number of seconds'):
            decoder.decisions(raw, recentre=recentre)
    with pytest.raises(er.InputError, match="found list of object values"):
        decoder.predict_proba([raw])
    few = raw.copy().pick(["C3", "C4"])
    with pytest.raises(er.InputError, match=r"^The signal lacks 15 .* channels \(--channels\)"):
        decoder.predict_proba(few)


@pytest.mark.parametrize("rate", [128.0, 160.0, 250.0, 256.0, 500.0, 512.0, 1000.0])
def test_epochs_of_just_a_window_are_long_enough(rate):
    """MNE's epochs from 0 to 4 s have one sample more, and resampling looks some samples ahead."""
    settings, count = SignalSettings(("C3", "C4"), "recorded", 256.0), round(4 * rate)
    longer = np.random.default_rng(0).normal(size=(2, 2, count + round(rate)))
    whole = through_path(longer, ("C3", "C4"), rate, "uV", settings, "uV", 1024)
    just = through_path(longer[..., :count], ("C3", "C4"), rate, "uV", settings, "uV", 1024)
    for long, short in zip(whole, just, strict=True):
        assert len(short) == 1024
        np.testing.assert_array_equal(short[:1016], long[:1016])
    with pytest.raises(er.InputError, match=rf"have {count - 1} samples .* and {count} \(4 s\)"):
        through_path(longer[..., : count - 1], ("C3", "C4"), rate, "uV", settings, "uV", 1024)


@pytest.mark.slow
def test_features_are_a_step_of_any_pipeline(epochs):
    features = er.EncoderFeatures("starter", epochs.ch_names, epochs.info["sfreq"])
    pipeline = make_pipeline(features, LogisticRegression(C=0.01, max_iter=2000))
    scores = cross_val_score(pipeline, epochs.get_data(), epochs.events[:, 2], cv=4)
    assert np.mean(scores) > 0.7
    features.fit(epochs)
    once = features.transform(epochs)
    assert once.shape == (len(epochs), 2 * 4 * 64)
    np.testing.assert_array_equal(features.transform(epochs[:3]), once[:3])
    assert features.get_params()["encoder"] == "starter"
    names = features.get_feature_names_out()
    assert list(names[:2]) == ["encoderfeatures0", "encoderfeatures1"]
    assert len(names) == once.shape[1]


@pytest.mark.slow
def test_features_are_of_the_band_that_the_encoder_was_trained_on(epochs, tmp_path):
    found = []
    for band in (Band(), Band(8.0, 30.0)):
        encoder = load_encoder("untrained-bandpower-tiny")
        encoder.spec = replace(encoder.spec, band=band)
        path = save_encoder(encoder, tmp_path / f"{band.low}.safetensors")
        found.append(er.EncoderFeatures(path).fit_transform(epochs[:4]))
    assert not np.allclose(*found)


def test_features_refuse_what_is_too_short_or_unknown(epochs):
    data, sfreq = epochs.get_data(), epochs.info["sfreq"]
    with pytest.raises(er.InputError, match="too short: they have 600"):
        er.EncoderFeatures("starter", epochs.ch_names, sfreq).fit(data[..., :600])
    with pytest.raises(er.InputError, match="knows 0 of the channels"):
        er.EncoderFeatures("starter", [f"X{i}" for i in range(17)], sfreq).fit(data)
    with pytest.raises(er.InputError, match="no epoch to fit on"):
        er.EncoderFeatures("starter", epochs.ch_names, sfreq).fit(data[:0])


@pytest.mark.slow
def test_features_refuse_a_mistaken_unit_and_flat_epochs(epochs, raw):
    data, sfreq = epochs.get_data()[:4], epochs.info["sfreq"]
    features = er.EncoderFeatures("starter", epochs.ch_names, sfreq)
    once = features.fit(data).transform(data)
    one_flat = data.copy()
    one_flat[2] = 3e-6
    for step in (features.fit, features.transform):
        for off in (1e6, 1e-3):
            with pytest.raises(er.InputError, match="their unit looks wrong"):
                step(off * data)
        with pytest.raises(er.InputError, match=r"flat in all channels: 1 of 4, .* number 2"):
            step(one_flat)
        with pytest.raises(er.InputError, match="flat in all channels: 4 of 4"):
            step(0.0 * data)
        for other in (raw, epochs.average()):
            with pytest.raises(er.InputError, match=rf"found {type(other).__name__} of shape \("):
                step(other)
    features.set_params(unit="uV")
    np.testing.assert_allclose(features.fit(1e6 * data).transform(1e6 * data), once, rtol=1e-4)


@pytest.mark.slow
def test_a_live_stream_by_name_and_by_mne_lsl(decoder, raw, name):
    from mne_lsl.player import PlayerLSL
    from mne_lsl.stream import StreamLSL

    player = PlayerLSL(raw, chunk_size=25, name=name, annotations=False).start()
    try:
        first = list(er.decode(decoder, name, duration=8.0, timeout=30.0))
        stream = StreamLSL(bufsize=20.0, name=name).connect(timeout=10.0)
        try:
            second = list(er.decode(decoder, stream, duration=8.0))
        finally:
            stream.disconnect()
    finally:
        player.stop()
    for decisions in (first, second):
        assert any(decision.probabilities for decision in decisions)
    with pytest.raises(er.InputError, match=f'"{name}-absent"'):
        next(er.decode(decoder, f"{name}-absent", timeout=0.6))


@pytest.mark.slow
def test_all_that_came_before_a_stream_ended_is_decoded(
    decoder, recording, name, until, monkeypatch
):
    rate, labels = recording.rate, recording.labels
    outlet = SignalOutlet(name, "EEG", labels, "microvolts", rate, "source")
    opened = []

    def push(start, stop):
        outlet.push(recording.samples_uv[start:stop], 5000.0 + np.arange(start, stop) / rate)

    def noted(found):
        opened.append(Inlet(found))
        push(0, 500)
        return opened[0]

    monkeypatch.setattr(live, "Inlet", noted)
    decisions = er.decode(decoder, name, timeout=30.0)
    next(decisions)
    push(500, 2000)
    until(lambda: opened[0]._queued >= 1500)
    outlet.close()
    until(lambda: opened[0].lost)
    *_, last = decisions
    assert last.sample > 7.5 * decoder.decoder.settings.rate


@pytest.mark.slow
def test_a_stream_that_does_not_fit_is_closed(decoder, name):
    outlet = SignalOutlet(name, "EEG", ("C3", "C4"), "microvolts", 250.0, "source")
    before = set(threading.enumerate())
    with pytest.raises(er.InputError, match="lacks"):
        next(er.decode(decoder, name, timeout=30.0))
    assert "receive LSL" not in [thread.name for thread in set(threading.enumerate()) - before]
    outlet.close()


@pytest.mark.slow
def test_a_run_is_decoded_again_with_the_reference_that_it_took(decoder, recording, tmp_path):
    windows = WindowDecoder(decoder.decoder, decoder.encoder, recentre=30.0)
    model = decoder.decoder
    run = list(decode_recording(recording, model, windows, EvidenceSettings()))
    expected = [made.probabilities for made in run if made.reference == windows.reference.name]
    assert expected
    front = decoder.decisions(recording, recentre=30.0)
    assert [made.probabilities for made in front][-len(expected) :] == expected
    save_reference(windows.reference, tmp_path / "run.reference.safetensors", 0)
    again = decoder.recentred(tmp_path / "run.reference.safetensors").decisions(recording)
    assert [made.probabilities for made in again][-len(expected) :] == expected
    assert {made.reference for made in decoder.decisions(recording, recentre="off")} == {"decoder"}


def test_channels_of_epochs_that_are_numbered_in_groups_are_no_electrodes():
    """As those of a recording and of a stream; names of an array are what a person says."""
    names = [f"C{number}" for number in range(1, 33)]
    info = mne.create_info(names, 250.0, "eeg")
    epochs = mne.EpochsArray(np.zeros((1, 32, 10)), info, verbose="ERROR")
    assert as_array(epochs, None, None, "V")[1][:7] == (*(f"C-{i}" for i in range(1, 7)), "C7")
    assert as_array(epochs.get_data(), names, 250.0, "V")[1] == tuple(names)
