from dataclasses import dataclass

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from core.encoders import load_encoder, save_encoder
from core.encoders.braingpt.electrodes import electrode_rows
from core.encoders.braingpt.model import braingpt_spec
from core.errors import InputError
from training.pretraining.distributed import Interruption
from training.pretraining.output.folder import RunFolder
from training.recipes import recipe_of
from training.recipes.braingpt_graph import TaskTrial, find_trials

WINDOW = 1024
WARM = braingpt_spec("base", name="", trained=False, provenance={}).warmup
LEAD = WARM - WINDOW
"""Samples before the first window that a decoder decides."""
FISTS, EYES = ("left_hand", "right_hand"), ("eyes_open", "eyes_closed")
CHANNELS = ("F3", "FZ", "F4", "C3", "CZ", "C4", "P3", "P4")


@dataclass(frozen=True)
class Cued:
    person: str
    length: int
    events: tuple[tuple[int, str], ...]
    session: str = ""


@pytest.fixture
def cued(memory, noise):
    """Two montages: cues of which one side is strong afterwards, and eyes that are closed or not.

    The first recording begins with a cue before the encoder is warm. Returns a function, for
    people of other noise.
    """

    def make(seed):
        signals, described = [], []
        for number, rows in enumerate((slice(None), slice(3, 6))):
            signal = 1000.0 * noise(seed + number, LEAD + 12 * WINDOW, rows)
            events = [(0, FISTS[0]), (WINDOW, "rest")] if number == 0 else []
            for trial in range(6):
                at, side = LEAD + 2 * trial * WINDOW, trial % 2
                signal[3 if side else 5, at : at + WINDOW] *= 4.0
                events += [(at, FISTS[side]), (at + WINDOW, "rest")]
            signals.append(signal)
            described.append(Cued(f"p{number}", signal.shape[1], tuple(events)))
        for number, label in enumerate(EYES):
            signal = 1000.0 * noise(seed + 2 + number, LEAD + 4 * WINDOW) * (1.0 + 3.0 * number)
            signals.append(signal)
            described.append(Cued("p2", signal.shape[1], ((LEAD, label), (LEAD, "rest"))))

        @dataclass
        class Store(memory):
            @property
            def recordings(self):
                return described

        return Store(signals, ("",) * 4, unit="uV", manifest_sha256=f"{seed:064d}")

    return make


def given(**changes):
    return {
        "recipe": "braingpt-graph",
        "size": "base",
        "window": WINDOW,
        "batch": 8,
        "steps": 20,
        "checkpoint_every": 10,
        "validate_every": 10,
        "validation_windows": 16,
        "tasks": [FISTS, EYES],
        "centred": False,
        "rate": {"peak": 3e-3},
    } | changes


def test_a_cue_is_a_trial_and_a_label_for_all_has_as_many_as_fit(cued, settings):
    store = cued(0)
    trials = find_trials(store, settings(**given()))
    assert trials[:2] == [TaskTrial(0, 0, 0, 0), TaskTrial(0, LEAD, 0, 0)]
    assert sum(trial.task == 0 for trial in trials) == 13
    assert [t for t in trials if t.recording == 3] == [
        TaskTrial(3, LEAD + start, 1, 1) for start in range(0, 4 * WINDOW, WINDOW)
    ]
    alone = find_trials(store, settings(**given(tasks=[EYES])))
    assert len(alone) == 8
    assert {trial.task for trial in alone} == {0}


@pytest.mark.slow
def test_a_batch_has_tasks_and_montages_together(cued, settings):
    recipe = recipe_of(settings(**given(batch=20)))
    windows = recipe.windows(cued(0))
    (group,) = windows.batch(0)
    rows, present, task, label = group.drawn
    assert rows.tolist() == electrode_rows(CHANNELS).tolist()
    assert group.windows.shape == (20, 8, 128)
    assert {tuple(row) for row in present.tolist()} == {
        (True,) * 8,
        (False,) * 3 + (True,) * 3 + (False,) * 2,
    }
    assert set(zip(task.tolist(), label.tolist(), strict=True)) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    few = present.sum(axis=1) == 3
    assert not group.windows[few][:, :3].any()
    halves = [windows.batch(0, rank, 2)[0] for rank in (0, 1)]
    assert np.array_equal(np.concatenate([half.windows for half in halves]), group.windows)


@pytest.mark.slow
def test_states_are_what_a_decoder_reads_of_a_stream(cued, settings):
    recipe = recipe_of(settings(**given()))
    encoder, windows = recipe.encoder(), recipe.windows(cued(0))
    assert next(trial.start for trial in windows.trials if trial.recording == 0) == LEAD
    stream = encoder.stream(CHANNELS, 32)
    run = windows.store.crop(0, 0, LEAD + 4 * WINDOW)
    at = {trial.start: trial for trial in windows.trials if trial.recording == 0}
    compared = 0
    for start in range(0, run.shape[1], 32):
        tokens = stream.push(run[:, start : start + 32])
        trial = at.get(start + 32 - WINDOW)
        if trial is not None and tokens is not None:
            expected = encoder.pool(tokens.numpy()[None]).reshape(len(CHANNELS), -1)
            np.testing.assert_allclose(windows.states(trial), expected, rtol=1e-5, atol=1e-5)
            compared += 1
    assert compared == 2


def test_trials_before_the_encoder_is_warm_are_not_enough(cued, settings):
    store = cued(0)
    short = store.recordings[0].events[:2]
    for one in store.recordings:
        object.__setattr__(one, "events", short)
    with pytest.raises(InputError, match="the encoder is warm 13 s after a recording began"):
        recipe_of(settings(**given())).windows(store)


@pytest.mark.slow
def test_only_the_electrodes_asked_for_are_read(cued, settings):
    store = cued(0)
    windows = recipe_of(settings(**given())).windows(store)
    few = recipe_of(settings(**given(channels=["C4", "CZ"]))).windows(store)
    (group,), (part,) = windows.batch(0), few.batch(0)
    assert part.drawn[0].tolist() == electrode_rows(("CZ", "C4")).tolist()
    np.testing.assert_allclose(part.windows, group.windows[:, 4:6], rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="No trial has the electrode OZ; there are F3 FZ F4 C3"):
        recipe_of(settings(**given(channels=["CZ", "OZ"]))).windows(store)


def test_centred_states_of_a_recording_have_no_mean(cued, settings):
    windows = recipe_of(settings(**given(centred=True))).windows(cued(0))
    states = [windows.states(trial) for trial in windows.trials if trial.recording == 0]
    np.testing.assert_allclose(np.mean(states, axis=0), 0.0, atol=1e-5)
    assert np.std(states, axis=0).max() > 0.01


@pytest.mark.slow
def test_it_learns_from_a_frozen_encoder_and_goes_on_bit_for_bit(trainer, cued, tmp_path):
    training, validation = cued(0), cued(10)
    whole = trainer(training, validation, **given())
    before = {name: p.clone() for name, p in whole.parts.named_parameters()}
    folder = RunFolder(tmp_path / "run")
    facts = {"channels": CHANNELS, "covariance": None, "manifest_sha256": "0" * 64}
    folder.begin(whole.settings, facts, whole.columns)
    with Interruption() as interruption:
        assert whole.run(folder, interruption) == 0
    rows = folder.curves()
    assert float(rows[0]["guessing"]) == pytest.approx(np.log(2.0))
    assert float(rows[-1]["cross_entropy"]) < 0.7 * float(rows[0]["cross_entropy"])
    for name, parameter in whole.parts.named_parameters():
        if not name.startswith("graph."):
            assert torch.equal(parameter, before[name])

    halfway = trainer(training, validation, **given())
    for step in range(10):
        halfway.update(halfway.windows.batch(step))
    halfway.save(folder)
    again = trainer(training, validation, **given())
    again.load(folder)
    for step in range(10, 20):
        row, *_ = again.update(again.windows.batch(step))
        assert str(row["loss"]) == rows[step]["loss"]
    for one, other in zip(again.parts.parameters(), whole.parts.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
def test_a_first_stage_is_named_by_its_file(settings, tmp_path):
    changes = {"size": "base", "window": 320, "targets": {"horizons": [1]}, "seed": 5}
    first = recipe_of(settings(recipe="braingpt", **changes))
    file = save_encoder(first.encoder(), tmp_path / "first.safetensors")
    recipe = recipe_of(settings(**given(weights=str(file))))
    untrained = recipe_of(settings(**given()))
    given_weights = load_encoder(file).state_dict()
    ours = recipe.encoder().state_dict()
    assert all(torch.equal(ours[name], weights) for name, weights in given_weights.items())
    other = untrained.encoder().state_dict()
    assert not torch.equal(ours["embed.weight"], other["embed.weight"])
    with pytest.raises(InputError, match="is an encoder braingpt base; one of braingpt large"):
        recipe_of(settings(**given(weights=str(file), size="large")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"micro_batch": 2}, "takes a batch at once"),
        ({"masks_per_batch": 2}, "has no masks"),
        ({"tasks": [FISTS, ("left_hand", "feet")]}, "has a label twice"),
        ({"window": 1280}, "1024, which is decoded"),
        ({"size": "tiny1"}, "size is"),
    ],
)
def test_what_the_graph_cannot_learn_is_refused(settings, changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**given(**changes))


def test_a_store_without_such_events_is_refused(cued, settings):
    recipe = recipe_of(settings(**given(tasks=[("hands", "feet")])))
    with pytest.raises(InputError, match="an event of a task"):
        recipe.windows(cued(0))
