"""Several tasks fitted at once: what they are called, their trials, and the decoder they make."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recording_files import write_edf

from calibration.captions import caption_task, read_captions
from calibration.cli import main
from calibration.fit_settings import FitSettings
from calibration.report.tasks import tasks_as_json, tasks_as_text
from calibration.tasks import fit_tasks, which_task, with_events
from core.decoding.features import TangentFeatures
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.fitting.feature_input import CovarianceSettings
from core.fitting.folds import folds_in_time
from core.fitting.state import fit_state
from core.fitting.transfer.prior_sources import head_of_decoder
from core.fitting.trials.task import Task, parse_task
from core.recordings import Event, read_recording
from core.text_encoder import TextEncoder
from realtime.options import Options

HOP = 64


def resting(like, path, amplitude, seed, seconds=42.0):
    """A recording of the same channels with a rhythm of that strength, and one event."""
    random = np.random.default_rng(seed)
    n = int(seconds * like.rate)
    samples = np.cumsum(random.normal(0.0, 1.0, (n, len(like.labels))), axis=0)
    samples -= samples.mean(axis=0)
    samples = 4.0 * samples / samples.std() + random.normal(0.0, 4.0, samples.shape)
    samples += (
        amplitude
        * np.sin(2 * np.pi * 10.0 * np.arange(n) / like.rate)[:, None]
        * np.linspace(0.2, 1.0, len(like.labels))
    )
    return replace(
        like,
        samples_uv=samples.astype(np.float32),
        events=(Event(0.0, seconds, "T0"),),
        path=Path(path),
        sha256=f"{1000 + seed:064x}",
    )


@pytest.fixture(scope="module")
def recordings(imagery_recording):
    imagery = imagery_recording(seed=3, trials=6)
    return [imagery, resting(imagery, "open.edf", 2.0, 1), resting(imagery, "closed.edf", 14.0, 2)]


TASKS = (
    Task("hand", {"left_hand": "left_hand", "right_hand": "right_hand"}),
    Task("eyes", {"open.edf": "open", "closed": "closed"}),
    Task("closure", {"open.edf": "0", "closed.edf": "1"}, "scale"),
)


@pytest.fixture(scope="module")
def fits(recordings):
    settings = FitSettings(head="hybrid", origin=False, repeats=1)
    return fit_tasks(recordings, TASKS, "01", settings)


def outputs_of(decoder, recording):
    windows = WindowDecoder(decoder, decoder.load_encoder(), HOP)
    path = decoder.attach(recording.labels, ["uV"] * len(recording.labels), recording.rate)
    signal = path.push(recording.samples_uv)
    given = []
    for start in range(0, len(signal) - HOP, HOP):
        if windows.push(signal[start : start + HOP]) is not None:
            given.append(windows.outputs)
    return given


@pytest.mark.slow
def test_tasks_share_filter_and_encoder_and_tell_their_classes(fits, recordings):
    decoder = fits.first.decoder
    assert [(r.task, r.kind, r.tokens) for r in decoder.readouts] == [
        ("hand", "classes", True),
        ("eyes", "classes", True),
        ("closure", "scale", True),
    ]
    eyes = decoder.others[0]
    assert eyes.classes == ("open", "closed")
    assert eyes.card.trials == 20  # ten windows of four seconds in each of two recordings
    assert eyes.card.score > eyes.card.chance
    shut = outputs_of(decoder, recordings[2])
    looked = outputs_of(decoder, recordings[1])
    share = [np.mean([o["eyes"].probabilities[1] for o in run]) for run in (looked, shut)]
    assert share[0] < 0.2
    assert share[1] > 0.8
    level = [np.mean([o["closure"].value for o in run]) for run in (looked, shut)]
    assert level[1] - level[0] > 0.5


@pytest.mark.slow
def test_a_run_whose_state_is_told_keeps_the_reference_of_the_fit(recordings):
    """A reference of a run with closed eyes would take away what closed eyes are known by."""
    settings = FitSettings(head="riemann", origin=False, rest=False, repeats=1)
    hands, both = (fit_tasks(recordings, TASKS[:n], "01", settings).first.decoder for n in (1, 2))
    assert hands.recentre == 60.0
    assert both.recentre is None
    assert both.facts.fit["in_blocks"] == ["eyes"]
    closed = [said["eyes"].probabilities[1] for said in outputs_of(both, recordings[2])]
    assert np.mean(closed) > 0.8
    with pytest.raises(InputError, match=r"tell apart \(eyes\): leave out --recentre"):
        WindowDecoder(both, None, HOP, recentre=60.0)
    with pytest.raises(InputError, match="leave out --recentre and --adapt recentre"):
        Options(adapt=("recentre",)).adaptation_of(both, WindowDecoder(both, None, HOP))


@pytest.mark.slow
def test_each_task_equals_its_own_decoder(fits, recordings):
    """With the same filter before the encoder, which is fitted outside the trials of all."""
    decoder = fits.first.decoder
    joint = outputs_of(decoder, recordings[0])
    for task in ("hand", "eyes"):
        own = outputs_of(decoder.only(task), recordings[0])
        for one, all_tasks in zip(own, joint, strict=True):
            np.testing.assert_allclose(
                all_tasks[task].probabilities, one[task].probabilities, rtol=0, atol=1e-9
            )


@pytest.mark.slow
def test_the_report_has_a_paragraph_for_each_task(fits):
    text = tasks_as_text(fits)
    assert "Task eyes (classes): 20 trials of open, closed" in text
    assert "Task closure (scale)" in text
    assert "correlation" in text
    assert "Its trials lie in blocks" in text
    assert '"closure"' in tasks_as_json(fits)


@pytest.mark.slow
def test_a_decoder_of_several_tasks_comes_back_from_its_file(fits, tmp_path):
    found = load_decoder(save_decoder(fits.first.decoder, tmp_path / "tasks.safetensors"))
    assert [readout.task for readout in found.readouts] == ["hand", "eyes", "closure"]


def test_a_block_has_a_trial_every_window(recordings):
    changed, in_blocks = with_events(recordings, TASKS[1], 4.0)
    assert in_blocks
    onsets = [event.onset for event in changed[1].events if event.label == "open.edf"]
    assert onsets == [4.0 * index for index in range(10)]
    assert changed[0].events == recordings[0].events
    _, in_blocks = with_events(recordings, TASKS[0], 4.0)
    assert not in_blocks


def test_folds_in_time_keep_neighbours_on_one_side():
    labels = np.repeat([0, 1], 20)
    places = np.stack([labels, np.tile(np.arange(20) * 100, 2)], axis=1)
    parts = list(folds_in_time(labels, places, 100))
    assert len(parts) == 5
    for train, test in parts:
        for label in (0, 1):
            of_class = np.sort(test[labels[test] == label])
            assert len(of_class) == 4
            np.testing.assert_array_equal(np.diff(of_class), 1)
        assert set(train) | set(test) == set(range(40))
        assert not set(train) & set(test)


def test_no_block_is_parted_where_there_are_enough():
    blocks = np.repeat(np.arange(12), 3)
    labels = blocks % 2
    starts = blocks * 1000 + np.tile(np.arange(3), 12) * 100
    places = np.stack([np.zeros(36, dtype=int), starts], axis=1)
    for train, test in folds_in_time(labels, places, 100):
        assert not set(blocks[train]) & set(blocks[test])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("eyes", "is not NAME=SOURCE:CLASS"),
        ("eyes=T1", "is not NAME=SOURCE:CLASS"),
        ("eyes=T1:open", "one class only"),
        ("eyes=T1:open,T2:open", "one class only"),
        ("eyes=T1:open,T1:closed", "two meanings"),
        ("a/b=T1:open,T2:closed", "cannot be called"),
        ("load=T1:1,T2:1", "one number only"),
        ("load=T1:nan,T2:1", "neither a class nor a finite number"),
    ],
)
def test_a_task_that_says_nothing_is_refused(given, words):
    with pytest.raises(InputError, match=words):
        parse_task(given)


def test_numbers_make_a_scale():
    task = parse_task("load=easy:0,T2/b:1.5")
    assert (task.kind, task.meanings) == ("scale", {"easy": "0", "T2/b": "1.5"})


def test_sources_that_are_nowhere_are_named(recordings):
    with pytest.raises(InputError, match=r'names "R01", which is neither.*Recordings: imagery'):
        with_events(recordings, Task("eyes", {"R01": "open", "closed": "closed"}), 4.0)


def test_decisions_need_a_task_of_classes(recordings):
    with pytest.raises(InputError, match="has classes, which decisions are made of"):
        fit_tasks(recordings, TASKS[2:], "01")


def test_a_head_for_one_task_is_refused(recordings):
    with pytest.raises(InputError, match="head graph is for one task"):
        fit_tasks(recordings, TASKS[:2], "01", FitSettings(head="graph"))


@pytest.mark.slow
def test_a_gate_weighs_covariances_and_tokens_of_the_first_task(recordings, tmp_path):
    settings = FitSettings(head="riemann", origin=False, repeats=1)
    fits = fit_tasks(recordings[:1], TASKS[:1], "01", settings, gate=True)
    assert "On the trials, the gate weighs covariances" in tasks_as_text(fits)
    decoder = load_decoder(save_decoder(fits.first.decoder, tmp_path / "gated.safetensors"))
    said = outputs_of(decoder, recordings[0])
    for outputs in said:
        weights = dict(outputs["hand-gated"].weights)
        assert sum(weights.values()) == pytest.approx(1.0)
        assert set(weights) == {"covariances", "tokens"}
        assert sum(outputs["hand-gated"].probabilities) == pytest.approx(1.0)
    own = outputs_of(decoder.only("hand"), recordings[0])
    for one, all_tasks in zip(own, said, strict=True):
        assert one["hand"] == all_tasks["hand"]
    with pytest.raises(InputError, match='"hand-gated" has a gate over several heads'):
        decoder.only("hand-gated")
    # The gate's tokens do not keep the first task's covariances from being aligned.
    first = decoder.only("hand")
    windows = CovarianceSettings(decoder.settings, decoder.window)
    wanted, found = (head_of_decoder(one, windows, decoder.classes) for one in (first, decoder))
    np.testing.assert_array_equal(found.weights, wanted.weights)


@pytest.mark.slow
def test_a_state_and_a_gate_over_tasks_are_fitted_beside_the_first(
    recordings, tmp_path, monkeypatch
):
    monkeypatch.setattr("core.fitting.state._STEPS", 40)  # enough for what is so plain
    longer = [resting(recordings[0], "open.edf", 2.0, 1, 90.0)]
    longer.append(resting(recordings[0], "closed.edf", 14.0, 2, 90.0))
    settings = FitSettings(head="riemann", origin=False, repeats=1)
    state = replace(TASKS[1], state=True)
    fits = fit_tasks([recordings[0], *longer], (state, TASKS[0]), "01", settings, task_gate=True)
    saved = save_decoder(fits.first.decoder, tmp_path / "state.safetensors")
    decoder = load_decoder(saved)
    assert [readout.task for readout in decoder.readouts] == ["hand", "eyes", "which-task"]
    eyes, which = decoder.others
    assert eyes.card.head == "state"
    assert eyes.card.score > eyes.card.chance
    assert (which.card.head, which.classes) == ("encoder", ("hand", "eyes"))
    assert which.card.score > which.card.chance
    shut = outputs_of(decoder, longer[1])
    assert np.mean([o["eyes"].probabilities[1] for o in shut]) > 0.8
    assert np.mean([o["which-task"].probabilities[1] for o in shut]) > 0.8
    assert "Task eyes (classes)" in tasks_as_text(fits)


@pytest.mark.slow
def test_a_state_learns_from_no_trial_that_shares_samples_with_those_it_is_tested_on(
    recordings, monkeypatch
):
    monkeypatch.setattr("core.fitting.state._STEPS", 1)
    learned = []

    def fitted(powers, held, labels, *more):
        learned.append(len(labels))
        return fit_state(powers, held, labels, *more)

    monkeypatch.setattr("calibration.state_tasks.fit_state", fitted)
    # Cues 2 s apart, whose windows last 4 s.
    cues = tuple(Event(2.0 * k, 0.0, "low" if k // 5 % 2 else "high") for k in range(40))
    longer = replace(resting(recordings[0], "rest.edf", 2.0, 1, 90.0), events=cues)
    state = Task("load", {"low": "low", "high": "high"}, state=True)
    settings = FitSettings(head="riemann", origin=False, repeats=1)
    fit_tasks([recordings[0], longer], (TASKS[0], state), "01", settings)
    *inside, everything = learned
    assert sum(inside) < 4 * everything  # what stays of 5 folds where nothing overlaps


def test_a_gate_over_tasks_needs_trials_of_their_own():
    assert which_task(TASKS[:2]).meanings == {
        "left_hand": "hand",
        "right_hand": "hand",
        "open.edf": "eyes",
        "closed": "eyes",
    }
    shared = (TASKS[0], replace(TASKS[0], name="other"))
    for tasks in (shared, TASKS[:1]):
        with pytest.raises(InputError, match="two tasks with trials of their own"):
            which_task(tasks)
    with pytest.raises(InputError, match="and hand, other share theirs;"):
        which_task((*shared, TASKS[1]))


def test_a_state_with_numbers_or_without_a_first_task_is_refused(recordings, capsys):
    asked = ["fit", "x.edf", "--subject", "1", "--state", "load=a:0,b:1"]
    with pytest.raises(InputError, match="has classes, which decisions are made of"):
        fit_tasks(recordings, (replace(TASKS[1], state=True),), "01")
    assert main([*asked, "--prior", "none"]) == 2
    assert "leave out --task, --state" in capsys.readouterr().err


def test_two_tasks_of_a_name_are_refused(recordings):
    with pytest.raises(InputError, match="same name"):
        fit_tasks(recordings, (TASKS[0], replace(TASKS[1], name="hand")), "01")
    with pytest.raises(InputError, match="same name"):
        fit_tasks(recordings, (TASKS[0], replace(TASKS[1], name="hand-gated")), "01", gate=True)
    with pytest.raises(InputError, match="choose up to 40 letters"):
        fit_tasks(recordings, (replace(TASKS[0], name="a" * 35),), "01", gate=True)


def table(tmp_path, *lines):
    path = tmp_path / "captions.tsv"
    path.write_text("\n".join("\t".join(line) for line in lines) + "\n", encoding="utf-8")
    return path


def letters(texts):
    """An encoder of texts that counts letters: words of the same letters are alike."""
    return np.array([[text.count(letter) for letter in "aefhlort"] for text in texts], dtype=float)


@pytest.mark.slow
def test_captions_make_a_task_of_retrieval(recordings, tmp_path):
    path = table(
        tmp_path, ("event", "caption"), ("left_hand", "left fist"), ("right_hand", "a right hand")
    )
    task, changed = caption_task(str(path), recordings)
    assert (task.kind, task.name) == ("retrieval", "text")
    settings = FitSettings(head="riemann", origin=False, repeats=1)
    fits = fit_tasks(
        changed, (TASKS[0], task), "01", settings, galleries=TextEncoder("letters 1", letters)
    )
    readout = fits.first.decoder.others[0]
    assert readout.kind == "retrieval"
    assert readout.head.gallery.entries == ("left fist", "a right hand")
    assert readout.card.measure == "top-1 accuracy"
    assert readout.card.score > readout.card.chance
    output = outputs_of(fits.first.decoder, recordings[0])[-1]["text"]
    assert set(output.entries) == {"left fist", "a right hand"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([("event", "text"), ("a", "b")], "has the columns event, text"),
        ([("event", "caption"), ("a", "")], "lacks a source or a caption in line 2"),
        ([("event", "caption"), ("a", "b"), ("a", "c")], "two captions"),
        ([("event", "caption"), ("a", "b"), ("c", "b")], "1 different captions"),
    ],
)
def test_a_table_of_captions_that_cannot_be_used_is_refused(recordings, tmp_path, lines, words):
    with pytest.raises(InputError, match=words):
        caption_task(str(table(tmp_path, *lines)), recordings)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no table of captions"):
        read_captions(tmp_path / "none.tsv")


@pytest.mark.slow
def test_captions_of_unknown_trials_are_refused(recordings, tmp_path):
    path = table(tmp_path, ("event", "caption"), ("left_hand", "left"), ("blink", "eyes"))
    task, changed = caption_task(str(path), recordings)
    with pytest.raises(InputError, match='names "blink", which is neither'):
        fit_tasks(changed, (TASKS[0], task), "01", galleries=TextEncoder("letters 1", letters))


def test_what_is_for_one_task_is_refused_beside_several(capsys):
    task = ["--subject", "01", "--task", "eyes=T1:a,T2:b"]
    assert main(["fit", "none.edf", *task, "--refine"]) == 2
    assert "--refine and --prior are for one task" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_fits_tasks_and_captions(recordings, tmp_path, capsys):
    files = [
        write_edf(
            tmp_path / recording.path.name,
            recording.samples_uv,
            recording.labels,
            annotations=[(e.onset, e.duration, e.label) for e in recording.events],
        )
        for recording in recordings
    ]
    out = tmp_path / "tasks.safetensors"
    code = main(
        [
            "fit",
            *map(str, files),
            "--subject=01",
            "--head=riemann",
            "--event=left_hand=left_hand",
            "--event=right_hand=right_hand",
            "--task=eyes=open.edf:open,closed.edf:closed",
            "--task=load=open.edf:0,closed.edf:1",
            f"--out={out}",
            f"--report={tmp_path / 'page.html'}",
        ]
    )
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "Task eyes (classes): 20 trials of open, closed" in said.out
    tasks = [(readout.task, readout.kind) for readout in load_decoder(out).readouts]
    assert tasks == [("classes", "classes"), ("eyes", "classes"), ("load", "scale")]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Task eyes" in page
    assert "scale: correlation" in page


@pytest.mark.data
@pytest.mark.slow
def test_hands_and_eyes_of_a_recorded_person_are_decoded_at_once(recordings_folder):
    """Left and right hand (runs 4, 8, 12), and eyes open and closed (runs 1, 2), of one encoder."""
    folder = recordings_folder / "eegmmidb" / "S001"
    read = [read_recording(folder / f"S001R{run:02}.edf") for run in (1, 2, 4, 8, 12)]
    tasks = (
        Task("hand", {"T1": "left_hand", "T2": "right_hand"}),
        Task("eyes", {"S001R01": "open", "S001R02": "closed"}),
    )
    settings = FitSettings(head="encoder", origin=False, repeats=1)
    decoder = fit_tasks(read, tasks, "1", settings).first.decoder
    hand, eyes = (readout.card for readout in decoder.readouts)
    assert hand.score > hand.chance
    assert eyes.score > 0.85  # guessing stays below 0.63
    joint = outputs_of(decoder, read[2])
    for task in ("hand", "eyes"):
        for one, all_tasks in zip(outputs_of(decoder.only(task), read[2]), joint, strict=True):
            np.testing.assert_allclose(
                all_tasks[task].probabilities, one[task].probabilities, rtol=0, atol=1e-9
            )
    assert np.mean([said["eyes"].probabilities[0] for said in joint]) > 0.8  # they were open


@pytest.mark.slow
def test_a_vector_at_a_reference_that_all_have_is_computed_once(recordings, monkeypatch):
    settings = FitSettings(head="riemann", origin=False, repeats=1)
    decoder = fit_tasks(recordings, TASKS, "01", settings).first.decoder
    for readout in decoder.others:
        for own, first in zip(readout.tangents, decoder.tangents, strict=True):
            np.testing.assert_array_equal(own.whitener, first.whitener)
    windows, computed = WindowDecoder(decoder, None, HOP), []
    of_covariances = TangentFeatures.of_covariances

    def counted(view, covariances):
        computed.append(len(covariances))
        return of_covariances(view, covariances)

    monkeypatch.setattr(TangentFeatures, "of_covariances", counted)
    silence = np.random.default_rng(0).normal(0.0, 0.02, (HOP, len(decoder.settings.channels)))
    while windows.push(silence) is None:
        pass
    computed.clear()
    windows.push(silence)
    assert len(computed) == len(decoder.tangents)
