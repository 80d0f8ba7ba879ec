"""The limits that a decoder keeps, of a simulated subject."""

from dataclasses import replace

import numpy as np
import pytest

from core.decoding.artifacts import ArtifactLimits, learn_limits
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.errors import InputError


@pytest.mark.slow
def test_limits_are_learned_from_recordings_too_slow_for_hum(subject):
    decoder, recording = subject
    samples = recording.samples_uv[:4000]
    slow = replace(recording, samples_uv=samples, rate=100.0)
    path = decoder.attach(recording.labels, ["uV"] * 32, 100.0)
    limits = learn_limits([slow], decoder.settings, decoder.unit, [path.push(samples)])
    known = replace(decoder, facts=replace(decoder.facts, artifacts=limits.as_facts()))
    np.testing.assert_array_equal(ArtifactLimits.of(known).mains, np.full(32, 25.0))


@pytest.mark.slow
def test_limits_survive_the_decoder_file(subject, tmp_path):
    decoder, _ = subject
    loaded = load_decoder(save_decoder(decoder, tmp_path / "d.safetensors"))
    assert ArtifactLimits.of(loaded).as_facts() == decoder.facts.artifacts


@pytest.mark.slow
def test_a_file_without_limits_has_wide_ones(subject):
    decoder, _ = subject
    limits = ArtifactLimits.of(replace(decoder, facts=replace(decoder.facts, artifacts={})))
    assert limits.span.shape == (32,)
    assert (limits.span > ArtifactLimits.of(decoder).span).all()
    assert limits.doubt == ""
    assert not np.concatenate([limits.still, limits.twin]).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wide", "named"),
    [
        ({"span": [1e12] * 32}, "(span)"),
        ({"muscle": [1e12] * 32, "mains": [1e9] * 32}, "(muscle, mains)"),
        ({"still": [True] * 32}, "(still)"),
        ({"rest": 1e-9, "grown": [9.0] * 32, "shrunk": [9.0] * 32}, "(grown, shrunk, rest)"),
    ],
)
def test_limits_that_refuse_nothing_are_named(subject, wide, named):
    decoder, _ = subject
    assert ArtifactLimits.of(decoder).doubt == ""
    facts = replace(decoder.facts, artifacts=decoder.facts.artifacts | wide)
    doubt = ArtifactLimits.of(replace(decoder, facts=facts)).doubt
    assert named in doubt
    assert "refuse nothing" in doubt


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        {"span": [1.0]},
        {"span": "wide"},
        {"muscle": [float("nan")] * 32},
        {"mains": [-1.0] * 32},
        {"still": [0.5] * 32},
        {"typical": 0.0},
        {"typical": None},
        {"level": [0.0] * 32},
        {"rest": float("inf")},
        {"twin": [1] * 32},
        {"shared": 2.0},
        {"held": -1},
        {"held": float("inf")},
        {"grown": [float("nan")] * 32},
        {"apart": [-1.0] * 32},
        {"apart": [float("nan")] * (32 * 31 // 2)},
    ],
)
def test_damaged_limits_are_refused(subject, damage):
    decoder, _ = subject
    facts = replace(decoder.facts, artifacts=decoder.facts.artifacts | damage)
    with pytest.raises(InputError, match="limits of artifacts are damaged"):
        ArtifactLimits.of(replace(decoder, facts=facts))
