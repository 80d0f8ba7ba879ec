"""The published job on LaBraM: what it does to trials, and what trains."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import welch

from core.encoders import load_encoder
from core.encoders.labram.electrodes import electrode_rows
from core.errors import InputError
from core.recordings import Event, Recording
from training.evaluate import EvaluateOptions, _with_published_probe
from training.evaluation.labram_job import probes, running, trials
from training.evaluation.people import Subject
from training.shards import RecordingIdentity

CLASSES = ("left_hand", "right_hand", "feet", "tongue")
MONTAGE = tuple(
    "Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2 POz".split()
)
"""Of BCIC-2A, in its order."""


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("untrained-labram-tiny")


def recording(seed, per_class=2, rate=250.0, labels=MONTAGE):
    """Four classes, each a rhythm at a site of its own; channels are mixed a little."""
    random = np.random.default_rng(seed)
    names = np.repeat(CLASSES, per_class)
    random.shuffle(names)
    count = round((5 * len(names) + 2) * rate)
    samples = 5.0 * random.standard_normal((count, len(labels)))
    events = []
    for index, name in enumerate(names):
        start = round((1 + 5 * index) * rate)
        wave = np.sin(2 * np.pi * 11 * np.arange(round(4 * rate)) / rate)
        samples[start : start + len(wave), 5 * CLASSES.index(name)] += 20.0 * wave
        events.append(Event(start / rate, 4.0, str(name)))
    samples = samples @ (np.eye(len(labels)) + 0.05 * random.standard_normal((len(labels),) * 2))
    path = Path(f"made{seed}.fif")
    return Recording(
        samples.astype(np.float32), rate, tuple(labels), tuple(events), (), path, f"{seed:064x}"
    )


def person(who, per_class=2, **kinds):
    sessions = ("0train", "1test")
    return Subject(
        tuple(RecordingIdentity("made", str(who), session, "0") for session in sessions),
        tuple(recording(10 * who + i, per_class, **kinds) for i in range(2)),
    )


@pytest.fixture(scope="module")
def session():
    (first, _) = trials.session_trials(person(1), CLASSES, [name.upper() for name in MONTAGE])
    return first


def test_electrodes_keep_the_order_of_the_recording(encoder):
    turned = person(2, labels=("EOG1", *MONTAGE[::-1]))
    known = encoder.spec.ch_names
    assert trials.shared_electrodes([person(1), turned], known) == tuple(map(str.upper, MONTAGE))
    assert trials.shared_electrodes([turned, person(1)], known)[0] == "POZ"
    with pytest.raises(InputError, match="share 0 electrodes"):
        trials.shared_electrodes([person(1, labels=[f"X{i}" for i in range(22)])], known)


def test_trials_are_four_seconds_of_each_session(session):
    first = person(1).recordings[0]
    event = first.events[3]
    start = round(event.onset * 250)
    assert session.windows.shape == (8, 22, 1001)
    np.testing.assert_array_equal(session.windows[3], first.samples_uv[start : start + 1001].T)
    assert CLASSES[session.labels[3]] == event.label
    # A break or missing samples inside a trial, or an end before it ends, leave that trial out.
    names = [name.upper() for name in MONTAGE]
    lost = first.samples_uv.copy()
    lost[start, 4] = np.nan
    ended = first.samples_uv[: round(250 * first.events[-1].onset) + 1000]
    for change in ({"breaks": (start + 5,)}, {"samples_uv": lost}, {"samples_uv": ended}):
        assert len(trials._cut(replace(first, **change), CLASSES, names)) == 7


def test_as_published_is_blind_to_units_and_white_over_all_trials(session):
    given = trials.as_published(session)
    assert given.shape == (8, 22, 800)
    larger = replace(session, windows=3.0 * session.windows)
    np.testing.assert_allclose(trials.as_published(larger), given, atol=1e-5)
    assert 0.02 < given.std() < 0.045  # 1 / sqrt(1001), whatever was recorded
    np.testing.assert_allclose(given.mean(axis=1), 0.0, atol=1e-6)
    # Each sample is the nearest earlier one: nothing lies between two of 1001.
    whole = trials.moving_standardised(trials.low_passed(session.windows, 250.0))
    products = np.mean([w @ w.T for w in whole], axis=0)
    values, vectors = np.linalg.eigh(products)
    aligned = (vectors / np.sqrt(values)) @ vectors.T @ whole
    aligned -= aligned.mean(axis=1, keepdims=True)
    picks = np.floor(np.arange(800) * 1001 / 800).astype(int)
    np.testing.assert_allclose(given, aligned[..., picks], atol=1e-6)


def test_moving_standardisation_is_the_weighted_mean_by_hand():
    values = np.random.default_rng(0).normal(3.0, 2.0, 50)
    found = trials.moving_standardised(values[None, None])[0, 0]
    centred, expected = [], []
    for now in range(50):
        weights = 0.999 ** np.arange(now, -1, -1)
        centred.append(values[now] - np.average(values[: now + 1], weights=weights))
        deviation = np.sqrt(np.average(np.square(centred), weights=weights))
        expected.append(centred[-1] / max(deviation, 1e-4))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_as_it_should_be_keeps_microvolts_and_white_channels(session):
    given = trials.as_it_should_be(session)
    assert given.shape == (8, 22, 800)
    larger = replace(session, windows=3.0 * session.windows)
    np.testing.assert_allclose(trials.as_it_should_be(larger), 3.0 * given, rtol=1e-4, atol=1e-3)
    before = trials.low_passed(session.windows, 250.0)
    before -= before.mean(axis=-1, keepdims=True)
    # 21 of 22 dimensions stay after the average reference.
    assert np.mean(given**2) == pytest.approx(np.mean(before**2) * 21 / 22, rel=0.02)
    frequencies, density = welch(given, 200.0, nperseg=400)
    assert density[..., frequencies > 60].mean() < 1e-3 * density[..., frequencies < 30].mean()


@pytest.mark.slow
def test_only_what_the_published_job_trains_changes(encoder, monkeypatch):
    monkeypatch.setattr(probes, "EPOCHS", 2)
    before = encoder.weights_sha256()
    made = []

    class Watched(probes.PublishedProbe):
        def __init__(self, *given):
            super().__init__(*given)
            made.append((self, {name: p.clone() for name, p in self.named_parameters()}))

    monkeypatch.setattr(probes, "PublishedProbe", Watched)
    random = np.random.default_rng(0)
    windows = 0.03 * random.standard_normal((8, 5, 800)).astype(np.float32)
    labels = np.arange(8) % 4
    found = probes.train_as_published(encoder, (windows, labels), windows[:3], 4, seed=0)
    again = probes.train_as_published(encoder, (windows, labels), windows[:3], 4, seed=0)
    assert found.shape == (2, 3, 4)
    np.testing.assert_array_equal(found, again)
    assert encoder.weights_sha256() == before
    probe, first = made[0]
    changed = {name for name, p in probe.named_parameters() if not torch.equal(p, first[name])}
    assert not any(".blocks." in name for name in changed)
    assert {name.removeprefix("encoder.").split(".")[0] for name in changed} == {
        *("temporal_conv", "cls_token", "pos_embed", "time_embed", "norm", "head")
    }
    assert probe.head.in_features == (1 + 5 * 4) * 100
    assert probe.head.weight.norm(dim=1).max() <= 1.0 + 1e-4
    # Weight decay shrinks every row; only those of the first five electrodes and the class token
    # get a gradient, whatever the electrodes are.
    turned = probe.encoder.pos_embed[0] / first["encoder.pos_embed"][0]
    assert (turned.std(dim=-1) > 1e-5).nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 5]


def test_the_published_probe_reads_the_same_network(encoder):
    """With the rows by name, µV / 100 and the pretraining's norm it would be the encoder."""
    names = encoder.spec.ch_names[:5]  # whose rows are 1 to 5
    assert electrode_rows(names).tolist() == [1, 2, 3, 4, 5]
    probe = probes.PublishedProbe(encoder, 5, 4).eval()
    probe.encoder.norm = encoder.norm
    windows = 20.0 * torch.randn(2, 5, 800, generator=torch.Generator().manual_seed(0))
    tokens = []
    probe.head = Recorder(tokens)
    probe(windows / 100.0)
    expected = encoder.tokens(windows, names).transpose(1, 2).flatten(1)
    torch.testing.assert_close(tokens[0][:, 100:], expected, atol=1e-5, rtol=1e-4)


class Recorder(torch.nn.Linear):
    def __init__(self, kept):
        super().__init__(1, 1)
        self.kept = kept

    def forward(self, x):
        self.kept.append(x)
        return x


def test_branches_are_thinned_while_training_alone(encoder):
    probe = probes.PublishedProbe(encoder, 5, 4)
    branch = torch.ones(20_000, 1, 1)
    assert probe.drops == pytest.approx([0.0, 0.1 / 3, 0.2 / 3, 0.1])
    assert probe.eval()._thinned(branch, 0.1) is branch
    thinned = probe.train()._thinned(branch, 0.1)
    assert thinned.unique().tolist() == pytest.approx([0.0, 1 / 0.9])
    assert thinned.mean() == pytest.approx(1.0, abs=0.02)


def test_frozen_tokens_are_the_encoders_by_name(encoder):
    windows = np.random.default_rng(0).normal(0.0, 20.0, (3, 4, 800)).astype(np.float32)
    names = ("C3", "FP1", "OZ", "C4")
    found = probes.frozen_tokens(encoder, windows, names)
    expected = encoder.tokens(torch.from_numpy(windows), names).transpose(1, 2)
    np.testing.assert_array_equal(found, expected.flatten(1).numpy())
    turned = probes.frozen_tokens(encoder, windows[:, ::-1].copy(), names[::-1])
    turned = turned.reshape(3, 4, -1)[:, ::-1].reshape(3, -1)
    np.testing.assert_allclose(turned, found, atol=1e-4)


@pytest.mark.slow
def test_the_job_finds_what_is_plain_to_see_and_marks_the_leak(encoder, monkeypatch):
    monkeypatch.setattr(probes, "EPOCHS", 6)
    monkeypatch.setattr(probes, "PEAK", 5e-3)  # six epochs of few trials have to do
    people = [person(who, per_class=6) for who in (1, 2, 3)]
    rows = list(running.job_rows(people, CLASSES, encoder, seed=0))
    assert [row.system for row in rows] == 3 * [
        running.BEST_EPOCH,
        running.LAST_EPOCH,
        running.FROZEN,
    ]
    assert {row.protocol for row in rows} == {running.PROTOCOL}
    assert [row.person for row in rows[::3]] == ["made 1", "made 2", "made 3"]
    assert [(row.learned, row.tested) for row in rows[:3]] == [(80, 48), (80, 48), (96, 48)]
    assert all(row.seen == "nothing" for row in rows)
    scores = np.array([row.scores["balanced_accuracy"] for row in rows]).reshape(3, 3)
    assert np.all(scores[:, 0] >= scores[:, 1])
    assert scores[:, 2].mean() > 0.8
    assert rows[0].pace == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("source", "count", "says"),
    [
        ("untrained-tiny1", 2, "is a job for LaBraM"),
        ("untrained-labram-tiny", 1, "one was found"),
    ],
)
def test_what_the_job_is_not_for_is_refused(source, count, says):
    people = [person(who) for who in range(1, 1 + count)]
    with pytest.raises(InputError, match=says):
        next(running.job_rows(people, CLASSES, load_encoder(source), seed=0))


def test_a_session_without_a_class_is_refused():
    one = person(1)
    with pytest.raises(InputError, match="fewer than two whole trials of a class"):
        trials.session_trials(one, (*CLASSES, "rest"), ["FZ", "CZ"])


def test_the_preset_runs_the_job_for_labram_alone(encoder):
    options = EvaluateOptions(sources=("moabb:X",), out=Path("out"), preset="bcic-2a")
    found = _with_published_probe(options, [encoder])
    assert found.systems == ("published probe", "encoder", "riemann", "ACM+TS+LR")
    assert found.allow_seen == "run"
    other = load_encoder("untrained-tiny1")
    assert _with_published_probe(options, [other]) is options
    assert _with_published_probe(replace(options, preset="bcic-2b"), [encoder]).systems == ()
    named = replace(options, systems=("published probe",), preset=None)
    assert _with_published_probe(named, [encoder]) is named
    for encoders, says in (([other], "is a job for LaBraM"), ([encoder, encoder], "only one")):
        with pytest.raises(InputError, match=says):
            _with_published_probe(named, encoders)
