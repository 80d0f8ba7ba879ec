import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "accuracy"))

import foundation_table
from foundation_table import AttentionHead, AttentionSystem, Bench, Row, all_tokens, systems_of

from core.encoders import load_encoder
from core.encoders.spec import DIGITS, LABELLED
from core.errors import InputError
from training.evaluation.people import Signal, Subject, path_for_all
from training.evaluation.trials import Trials as RealTrials
from training.evaluation.trials import share_of
from training.shards import RecordingIdentity


@pytest.fixture(scope="module")
def imagery_person(imagery_recording):
    recordings = tuple(imagery_recording(seed=run, path=f"S1R{run}.edf") for run in (1, 2))
    identities = tuple(RecordingIdentity("made", "S1", "", str(run)) for run in (1, 2))
    return Subject(identities, recordings)


@pytest.mark.slow
def test_the_attention_head_finds_the_one_token_that_tells(monkeypatch):
    random = np.random.default_rng(0)
    tokens = random.normal(size=(60, 12, 5)).astype(np.float32)
    labels = np.arange(60) % 2
    tokens[:, 7, 0] += 6.0  # which token it is ...
    tokens[:, 7, 1] = 4.0 * (2 * labels - 1)  # ... and what it says
    monkeypatch.setattr("foundation_table.all_tokens", lambda trials, encoder: trials.tokens)
    learned, tested = (Trials(tokens[part], labels[part]) for part in (slice(40), slice(40, 60)))
    first, again = (AttentionSystem(None).fit(learned, seed=3) for _ in range(2))
    told = first.probabilities(tested)
    assert np.mean(told.argmax(axis=1) == tested.labels) == 1.0
    np.testing.assert_array_equal(told, again.probabilities(tested))


class Trials:
    def __init__(self, tokens, labels):
        self.tokens, self.labels, self.classes = tokens, labels, ("a", "b")


def test_pooling_is_a_weighted_mean_of_tokens():
    head = AttentionHead(3, 2)
    tokens = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))
    expected = []
    for trial in tokens.detach().numpy():
        pooled = []
        for query in head.queries.detach().numpy():
            weights = np.exp(trial @ query)
            pooled.append(weights @ trial / weights.sum())
        expected.append(head.classes.weight.detach().numpy() @ np.concatenate(pooled))
    expected = np.array(expected) + head.classes.bias.detach().numpy()
    np.testing.assert_allclose(head(tokens).detach(), expected, atol=1e-5)


def test_a_causal_encoder_has_no_tokens_of_a_window_alone():
    names = [
        [system.name for system in systems_of(load_encoder(source), source)]
        for source in ("untrained-braingpt", "untrained-labram-tiny")
    ]
    assert names == [["encoder"], ["attention", "encoder"]]


@pytest.mark.parametrize(
    ("random", "end"),
    [(None, "| 0.700 (0.100) |  |  |"), (0.5, "| 0.700 (0.100) | 0.500 (0.000) | +0.200, 0.125 |")],
)
def test_a_row_says_what_training_is_worth(random, end):
    scores = np.array([0.6, 0.7, 0.8])
    row = Row("labram", "window", "linear", 58, "nothing", scores, random and scores * 0 + random)
    assert str(row) == f"| labram | window | linear | 58 | nothing {end}"


@pytest.mark.slow
def test_no_window_is_encoded_twice(imagery_person, monkeypatch):
    encoder = load_encoder("untrained-labram-tiny")
    path = path_for_all([imagery_person], [encoder.spec])
    signal = Signal(imagery_person, path, encoder.spec, ("left_hand", "right_hand"))
    alone, first = (RealTrials((share_of(signal),)) for _ in range(2))
    expected = alone.tokens(encoder)
    tokens = all_tokens(first, encoder)
    assert tokens.shape == (len(first), 4 * len(path.channels), 100)
    monkeypatch.setattr(type(encoder), "tokens", None)  # cannot be called any more
    np.testing.assert_array_equal(first.tokens(encoder), expected)


def test_labels_that_are_tested_must_not_have_been_learned_from(imagery_person):
    bench = Bench([imagery_person], ("left_hand", "right_hand"))
    encoder = load_encoder("untrained-labram-tiny")
    bench._refuse_labels(encoder)

    seen = imagery_person.recordings[0].sha256[:DIGITS]
    encoder.spec = replace(encoder.spec, provenance={LABELLED: f"{'f' * DIGITS} {seen}"})
    with pytest.raises(InputError, match="learned from the labels of made S1"):
        bench._refuse_labels(encoder)


def test_all_encoders_are_tested_on_the_trials_of_four_seconds(imagery_person):
    """A shorter window fits once more before a recording ends; a warm-up takes early trials."""
    first, second = imagery_person.recordings
    last = max(event.onset for event in first.events if event.label in ("left_hand", "right_hand"))
    end = round((last + 3.5) * first.rate)
    first = replace(
        first,
        samples_uv=first.samples_uv[:end],
        events=tuple(event for event in first.events if event.onset <= last),
    )
    bench = Bench(
        [replace(imagery_person, recordings=(first, second))], ("left_hand", "right_hand")
    )
    encoder = load_encoder("untrained-labram-tiny")
    encoder.spec = replace(encoder.spec, window=600)  # 3 s
    (signal,) = bench._signals(encoder)
    cues = {(trial.recording, trial.onset) for trial in signal.epochs.trials}
    assert (0, last) not in cues
    assert len(cues) == bench.trials["made S1"]
    late = load_encoder("untrained-labram-tiny")
    late.spec = replace(late.spec, warmup=12 * 200)
    with pytest.raises(InputError, match="it needs 12 s of a run before the first"):
        bench._signals(late)


def test_people_are_drawn_by_the_seed():
    people = [f"S{who}" for who in range(9)]
    drawn = foundation_table._drawn(people, 4, seed=1)
    assert drawn == foundation_table._drawn(people, 4, seed=1)
    assert drawn != foundation_table._drawn(people, 4, seed=2)
    assert list(drawn) == sorted(drawn)
    assert foundation_table._drawn(people, None, seed=1) is people
    with pytest.raises(InputError, match="--draw 10 is not 1 to 9"):
        foundation_table._drawn(people, 10, seed=1)


def test_a_run_that_was_stopped_goes_on(imagery_person, tmp_path, monkeypatch, capsys):
    """Rows that are there are not computed again; rows of others are refused."""
    people = [imagery_person]
    monkeypatch.setattr(foundation_table, "read_people", lambda *given: people)
    monkeypatch.setattr(foundation_table, "find_spec", lambda name: None)
    computed = []

    def row(bench, *given):
        computed.append(given[0])
        if given == ("starter", "untrained-eegpt-tiny2"):
            raise InputError("it lacks everything.")
        scores = np.array([0.625])
        return [Row(given[0], "window", "linear", 17, "nothing", scores, scores - 0.125)]

    monkeypatch.setattr(Bench, "baseline", row)
    monkeypatch.setattr(Bench, "rows", row)
    out = tmp_path / "table.md"
    words = ["foundation_table.py", "data", "--out", str(out), "--encoders"]
    monkeypatch.setattr(sys, "argv", [*words, "untrained-tiny1", "starter"])
    foundation_table.main()
    assert computed == ["riemann", "ACM+TS+LR", "untrained-tiny1", "starter"]
    text = out.read_text()
    line = "| untrained-tiny1 | window | linear | 17 | nothing | 0.625 (0.000) | 0.500 (0.000) |"
    assert f"{line} +0.125 |" in text
    trials = Bench(people, ("left_hand", "right_hand")).trials["made S1"]
    assert f"({trials})." in text
    assert "starter is left out: it lacks everything." in capsys.readouterr().out
    foundation_table.main()
    assert computed[4:] == ["starter"]
    assert out.read_text() == text
    monkeypatch.setattr(
        sys, "argv", [*words, "untrained-tiny1", "--classes", "right_hand", "left_hand"]
    )
    with pytest.raises(InputError, match="rows of other people, classes or trials"):
        foundation_table.main()
