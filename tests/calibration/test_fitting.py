from dataclasses import replace

import numpy as np
import pytest

from calibration.fit_settings import FitSettings, path_for
from calibration.fitting import fit_decoder
from calibration.report.text import as_text
from core.decoding.graph_head import GraphHead
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.encoders import load_encoder, save_encoder
from core.encoders.bandpower.model import BandPower, bandpower_spec
from core.encoders.braingpt.model import BrainGPT, braingpt_spec
from core.encoders.spec import LABELLED, ClassReadout
from core.errors import InputError
from core.fitting import graph
from core.fitting.trials import epochs
from core.signal.filtering import Band, CausalFilter

CENTRAL = ("C5", "C3", "C1", "CZ", "C2", "C4", "C6", "CPZ")
EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


@pytest.mark.slow
def test_the_decoder_pins_what_it_was_made_from(fitted):
    for head, decoder in fitted.items():
        assert decoder.facts.head == head
        assert decoder.facts.trials == 16
        assert decoder.facts.recordings == {"imagery.edf": "0" * 64}
        assert decoder.settings.reference == "average"
        assert (decoder.settings.rate, decoder.unit, decoder.window) == (256.0, "mV", 1024)
        assert decoder.classes == ("left_hand", "right_hand")
    assert fitted["riemann"].encoder is None
    assert fitted["encoder"].encoder.label == "imagery-2"


@pytest.mark.slow
def test_the_signal_has_the_band_that_the_encoder_was_trained_on(imagery_recording, tmp_path):
    encoder = load_encoder("untrained-bandpower-tiny")
    band = Band(8.0, 30.0, notch=60.0)
    encoder.spec = replace(encoder.spec, name="narrow", trained=True, band=band)
    path = str(save_encoder(encoder, tmp_path / "narrow.safetensors"))
    settings = FitSettings(encoder=path, head="encoder", repeats=1, origin=False)
    fit = fit_decoder([imagery_recording()], EVENTS, "01", settings)
    assert fit.decoder.settings.band == band
    assert "8-30 Hz, notch at 60 Hz (causal), encoder narrow" in as_text(fit)
    asked, _ = path_for(CENTRAL, encoder.spec, replace(settings, notch=50.0), "one.edf")
    assert asked.band == Band(8.0, 30.0, notch=50.0)


@pytest.mark.slow
@pytest.mark.parametrize("regress_eyes", [False, True])
def test_the_band_of_the_signal_is_computed_once(imagery_recording, monkeypatch, regress_eyes):
    recording = imagery_recording(labels=("F7", "F8", *CENTRAL))
    filtered = []

    class Counted(CausalFilter):
        def push(self, samples):
            filtered.append(len(samples))
            return super().push(samples)

    monkeypatch.setattr(epochs, "CausalFilter", Counted)
    settings = FitSettings(head="riemann", repeats=1, regress_eyes=regress_eyes)
    fit = fit_decoder([recording], EVENTS, "01", settings)
    assert fit.origin is not None
    assert filtered == [len(run) for run in fit.epochs.segments]


@pytest.mark.slow
def test_auto_prefers_covariances_to_an_untrained_encoder(imagery_recording):
    settings = FitSettings(encoder="untrained")
    fit = fit_decoder([imagery_recording(trials=10)], EVENTS, "01", settings)
    assert fit.selection.chosen == "riemann"
    assert set(fit.decoder.facts.scores) >= {"riemann", "encoder", "hybrid", "auto", "CSP+LDA"}


@pytest.fixture(scope="module")
def watched(imagery_recording):
    """Imagery of a person who looks about after one of the cues, with the EOG of it."""
    recording = imagery_recording(trials=8)
    random = np.random.default_rng(2)
    eyes = random.normal(0.0, 10.0, len(recording.samples_uv))
    for event in recording.events:
        if event.label == "right_hand":
            start = round(event.onset * recording.rate)
            eyes[start : start + round(4.0 * recording.rate)] *= 3.0
    mixed = recording.samples_uv + 0.4 * eyes[:, None]
    samples = np.column_stack([mixed, eyes]).astype(np.float32)
    return replace(recording, samples_uv=samples, labels=(*recording.labels, "HEOG"))


@pytest.mark.slow
def test_eog_is_regressed_out_pinned_and_needed_live(watched, tmp_path):
    settings = FitSettings(head="riemann", repeats=1, regress_eyes=True, origin=False)
    fit = fit_decoder([watched], EVENTS, "01", settings)
    assert f" {len(watched.labels) - 1} electrodes, " in as_text(fit).replace("\n", " ")
    path = save_decoder(fit.decoder, tmp_path / "eog.safetensors")
    decoder = load_decoder(path)
    assert decoder.settings.channels[-1] == "HEOG"
    assert decoder.input_words == "HEOG regressed out"
    frontal = decoder.settings.channels.index("FZ")
    for view in decoder.tangents:
        assert view.spatial[:, -1].all()
        assert not view.spatial[:, frontal].any()
        assert not {frontal, len(decoder.settings.channels) - 1} & set(view.picks.tolist())
    decoder.attach(("heog", *watched.labels[:-1]), [""] * len(watched.labels), 250.0)
    with pytest.raises(InputError, match="lacks HEOG, the EOG by which this decoder regresses"):
        decoder.attach(watched.labels[:-1], [""] * (len(watched.labels) - 1), 250.0)


@pytest.mark.slow
def test_the_report_takes_out_the_eyes_by_eog_and_the_decoder_does_not_need_it(watched):
    settings = FitSettings(head="riemann", repeats=1)
    fit = fit_decoder([watched], EVENTS, "01", settings)
    assert "HEOG" not in fit.decoder.settings.channels
    assert fit.ignored == ("HEOG",)
    assert "the frontal and temporal electrodes and what HEOG explains" in fit.origin.sentence
    few = ("C3", "CZ", "C4", "PZ", "HEOG")
    picks = [watched.labels.index(name) for name in few]
    central = replace(watched, samples_uv=watched.samples_uv[:, picks], labels=few)
    assert fit_decoder([central], EVENTS, "01", settings).origin.unknown == ""
    without = replace(watched, samples_uv=watched.samples_uv[:, picks[:-1]], labels=few[:-1])
    assert "cannot be known" in fit_decoder([without], EVENTS, "01", settings).origin.unknown


@pytest.mark.slow
def test_few_electrodes_stay_as_recorded(imagery_recording):
    recording = imagery_recording(labels=("C3", "CZ", "C4", "FZ", "PZ", "FC3", "FC4", "EOG"))
    fit = fit_decoder([recording], EVENTS, "01", FitSettings(head="riemann"))
    assert fit.decoder.settings.reference == "recorded"
    assert fit.ignored == ("EOG",)


@pytest.mark.slow
def test_electrodes_that_the_encoder_never_saw_are_left_out(imagery_recording):
    labels = ("C3", "CZ", "C4", "AF7", "PO5")
    fit = fit_decoder([imagery_recording(labels=labels)], EVENTS, "01", FitSettings(head="encoder"))
    assert fit.decoder.settings.channels == ("C3", "CZ", "C4")
    assert fit.ignored == ("AF7", "PO5")


@pytest.mark.slow
def test_channels_marked_as_bad_in_any_recording_are_left_out(imagery_recording):
    recordings = [imagery_recording(seed=seed) for seed in (0, 1)]
    recordings[1] = replace(recordings[1], bad_channels=("FZ",))
    fit = fit_decoder(recordings, EVENTS, "01", FitSettings(head="riemann", repeats=1))
    clean = [label for label in recordings[0].labels if label != "FZ"]
    assert sorted(fit.decoder.settings.channels) == sorted(clean)
    assert fit.ignored == ()


@pytest.mark.slow
def test_three_classes_fit_too():
    from simulation.synthetic import session

    classes = ("left_hand", "right_hand", "feet")
    recording = session(8, classes, seed=2)
    fit = fit_decoder(
        [recording], {name: name for name in classes}, "01", FitSettings(head="hybrid", repeats=1)
    )
    decoder = fit.decoder
    windows = WindowDecoder(decoder, decoder.load_encoder())
    samples = np.random.default_rng(0).normal(0.0, 0.01, (1024, len(decoder.settings.channels)))
    for start in range(0, 1024, 64):
        found = windows.push(samples[start : start + 64])
    assert found.shape == (3,)
    assert found.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("labels", "known"), [("Ch1 Ch2 Ch3", "0 electrodes"), ("E1 E2 Cz", "1 electrode")]
)
def test_recordings_without_electrodes_are_refused(imagery_recording, labels, known):
    recording = imagery_recording(labels=tuple(labels.split()))
    with pytest.raises(InputError, match=f"{known} that the encoder") as refused:
        fit_decoder([recording], EVENTS, "01")
    assert str(refused.value).endswith(f"(found: {labels}). Name its channels (--channels).")


def test_a_downloaded_encoder_is_looked_for_in_the_folder_that_was_named(
    imagery_recording, tmp_path, monkeypatch
):
    asked = []

    def fetch(file, home):
        asked.append(home)
        raise InputError("This test is offline.")

    monkeypatch.setattr("core.encoders.registry.fetch", fetch)
    settings = FitSettings(encoder="eegpt", home=tmp_path)
    with pytest.raises(InputError, match="offline"):
        fit_decoder([imagery_recording()], EVENTS, "01", settings)
    assert asked == [tmp_path]


@pytest.fixture(scope="module")
def chosen_part(imagery_recording):
    settings = FitSettings(
        encoder="untrained-tiny1", head="hybrid", repeats=1, from_cue=1.0, regress_eyes=True
    )
    return fit_decoder([imagery_recording()], EVENTS, "01", settings)


@pytest.mark.slow
def test_a_decoder_that_passes_over_a_second_and_the_eyes_decodes_what_it_was_fitted_on(
    chosen_part, tmp_path
):
    from core.decoding.storage.decoder_file import load_decoder, save_decoder

    decoder = load_decoder(save_decoder(chosen_part.decoder, tmp_path / "one.safetensors"))
    assert (decoder.skip, "FZ" in decoder.token_channels) == (256, False)
    assert decoder.input_words == (
        "from 1 s after the cue, frontal and temporal electrodes regressed out"
    )
    encoder = decoder.load_encoder("untrained-tiny1")
    windows = WindowDecoder(decoder, encoder)
    epochs, live = chosen_part.epochs, []
    for run, at in epochs.places[:6]:
        windows.reset()
        whole = epochs.segments[run][max(0, at - 640) : at + 1024]
        whole = whole[len(whole) % 64 :]
        rows = [windows.push(whole[i : i + 64]) for i in range(0, len(whole), 64)]
        assert all(row is None for row in rows[:15])  # until a whole window has come
        live.append(rows[-1])
    assert np.mean(np.argmax(live, axis=1) == epochs.labels[:6]) > 0.8
    # Nothing of the first second, and nothing of the frontal channel alone, changes anything.
    at = 128
    window = epochs.segments[0][at : at + 1024].copy()
    first = last_of(windows, window)
    saved_from = WindowDecoder(chosen_part.decoder, encoder)
    np.testing.assert_array_equal(first, last_of(saved_from, window))
    window[:190] += np.random.default_rng(0).normal(0.0, 0.001, (190, window.shape[1]))
    np.testing.assert_allclose(last_of(windows, window), first, atol=0.02)


def last_of(windows, window):
    windows.reset()
    return [windows.push(window[i : i + 64]) for i in range(0, 1024, 64)][-1]


@pytest.mark.slow
def test_a_decoder_of_motor_electrodes_wants_no_others_of_a_stream(imagery_recording):
    settings = FitSettings(head="riemann", repeats=1, sites="motor")
    fit = fit_decoder([imagery_recording()], EVENTS, "01", settings)
    assert not {"FZ", "PZ"} & set(fit.decoder.settings.channels)
    assert fit.decoder.input_words == "motor electrodes only"
    labels = fit.decoder.settings.channels
    fit.decoder.attach(labels, ["uV"] * len(labels), 250.0)


def test_what_cannot_be_passed_over_is_said(imagery_recording):
    recording = imagery_recording()
    for asked, said in (
        ({"from_cue": 3.5}, "leaves less than a second of the window of 4 s"),
        ({"from_cue": 0.5, "encoder": "untrained-braingpt-base", "head": "encoder"}, "depend on"),
        ({"sites": "motor", "head": "riemann"}, "1 motor electrodes"),
    ):
        few = replace(
            recording,
            labels=("FZ", "C3", "P3", "P4"),
            samples_uv=recording.samples_uv[:, :4],
        )
        with pytest.raises(InputError, match=said):
            fit_decoder([few], EVENTS, "01", FitSettings(**asked))
    with pytest.raises(InputError, match="--from-cue"):
        FitSettings(from_cue=-1.0)
    with pytest.raises(InputError, match="--refine trains on whole windows"):
        FitSettings(from_cue=0.5).check_refinable()


@pytest.mark.slow
def test_scores_of_recordings_whose_labels_the_encoder_learned_are_called_too_good(
    imagery_recording, tmp_path
):
    recording = replace(imagery_recording(trials=8), sha256="ab" * 32)
    encoder = load_encoder("untrained-bandpower-tiny")
    encoder.spec = replace(encoder.spec, provenance={LABELLED: f"{'0' * 16} {'ab' * 8}"})
    path = save_encoder(encoder, tmp_path / "labelled.safetensors")
    settings = FitSettings(encoder=str(path), head="encoder", repeats=1, origin=False)
    fit = fit_decoder([recording], EVENTS, "01", settings)
    assert fit.decoder.facts.fit["labels_seen"] == ["imagery.edf"]
    assert "trained with the labels of imagery.edf" in as_text(fit)
    other = fit_decoder([replace(recording, sha256="cd" * 32)], EVENTS, "01", settings)
    assert "labels_seen" not in other.decoder.facts.fit
    assert "trained with the labels" not in as_text(other)


@pytest.mark.slow
@pytest.mark.parametrize("front", [False, True])
def test_a_fit_says_that_the_encoder_learned_of_the_eyes(imagery_recording, tmp_path, front):
    recording = imagery_recording(trials=8, labels=("FP1", "C3", "CZ", "C4", "F8"))
    spec = bandpower_spec("tiny", name="labelled", trained=True, provenance={}, front=front)
    readout = ClassReadout(("left_hand", "right_hand"), ((0.0, 1.0),) * 4, (0.0, 0.0))
    encoder = BandPower(replace(spec, readout=readout))
    path = save_encoder(encoder, tmp_path / "labelled.safetensors")
    settings = FitSettings(encoder=str(path), head="encoder", repeats=1, origin=False)
    fit = fit_decoder([recording], EVENTS, "01", settings)
    assert fit.decoder.facts.fit.get("eyes_learned") == (["FP1", "F8"] if front else None)
    assert ("temporal electrodes too (FP1, F8), of people" in as_text(fit)) is front


@pytest.mark.slow
@pytest.mark.parametrize("hybrid", [0.7, 0.9])
def test_a_report_says_why_a_higher_score_was_not_taken(imagery_recording, hybrid):
    settings = FitSettings(encoder="untrained-bandpower-tiny", repeats=1, origin=False)
    fit = fit_decoder([imagery_recording(trials=8)], EVENTS, "01", settings)
    scores = {
        name: replace(fit.selection.scores[name], balanced_accuracy=score)
        for name, score in {"encoder": 0.8, "hybrid": hybrid, "riemann": 0.6, "auto": 0.8}.items()
    }
    text = as_text(replace(fit, selection=replace(fit.selection, chosen="encoder", scores=scores)))
    said = "The higher score of hybrid is not beyond chance with so few trials."
    assert (said in text) is (hybrid > 0.8)


@pytest.mark.slow
def test_the_graph_is_a_head_for_an_encoder_of_electrodes(imagery_recording, monkeypatch):
    recording = imagery_recording(trials=8, labels=("C3", "CZ", "C4"))
    settings = FitSettings(encoder="untrained-braingpt-base", head="graph", repeats=1)
    with pytest.raises(InputError, match=f"needs {graph.LEAST_OF_CLASS} trials of each class"):
        fit_decoder([recording], EVENTS, "01", settings)
    with pytest.raises(InputError, match="tokens of single electrodes, and the encoder starter"):
        fit_decoder([recording], EVENTS, "01", replace(settings, encoder="starter"))
    monkeypatch.setattr(graph, "LEAST_OF_CLASS", 5)
    fit = fit_decoder([recording], EVENTS, "01", settings)
    assert isinstance(fit.decoder.head, GraphHead)
    assert fit.decoder.head.ch_names == fit.decoder.token_channels
    assert fit.decoder.facts.head == "graph"
    text = as_text(fit)
    assert "electrodes attending to one another" in text
    assert "encoder tokens carry it" in text
    assert "others' graph" not in text


@pytest.mark.slow
def test_a_graph_that_others_taught_takes_few_trials(imagery_recording, tmp_path):
    recording = imagery_recording(trials=8, labels=("C3", "CZ", "C4"))
    spec = braingpt_spec("base", name="taught", trained=True, provenance={})
    tasks = {"fists": ("right_hand", "left_hand"), "eyes": ("eyes_open", "eyes_closed")}
    encoder = BrainGPT(replace(spec, graph_tasks=tasks))
    path = save_encoder(encoder, tmp_path / "taught.safetensors")
    assert load_encoder(path).spec.graph_tasks == tasks
    settings = FitSettings(encoder=str(path), head="graph", repeats=1, origin=False)
    fit = fit_decoder([recording], EVENTS, "01", settings)
    assert fit.decoder.facts.fit["graph_tasks"] == ["fists", "eyes"]
    assert "started from others' graph" in as_text(fit)
    learned = encoder.graph.state_dict()["layers.0.project.weight"].numpy()
    moved = fit.decoder.head.weights["layers.0.project.weight"] - learned
    assert 0.0 < np.abs(moved).max() < 0.1
