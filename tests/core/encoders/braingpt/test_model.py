"""The encoder against the reference, and what its tokens depend on."""

import numpy as np
import pytest
import torch

from core.encoders import load_encoder, save_encoder
from core.encoders.braingpt.electrodes import ELECTRODES, electrode_rows
from core.encoders.braingpt.sizes import PUBLISHED
from core.errors import InputError
from tests.core.encoders.braingpt.conftest import Reference, drawn

NAMES = ["C4", "Fz", "T3", "CCP3"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "tokens"), [("base", 40), pytest.param("large", 28, marks=pytest.mark.slow)]
)
def test_it_is_the_reference_without_a_cache(size, tokens, rng):
    encoder = drawn(size).double()
    reference = Reference(encoder)
    signal = rng.normal(0, 20, (2, 256 + 32 * (tokens - 1)))
    with torch.inference_mode():
        patches = encoder.patches(torch.from_numpy(signal))
        states, summaries = encoder.encode(patches, electrode_rows(["T3", "CPz"]), summaries=1)
    for channel, name in enumerate(("T7", "CPZ")):
        expected, special = reference.encode(signal[channel], name)
        np.testing.assert_allclose(states[channel], expected, atol=1e-6, rtol=0)
        np.testing.assert_allclose(summaries[channel, 0], special, atol=1e-6, rtol=0)


@pytest.mark.slow
def test_a_stream_in_float64_is_the_reference(rng):
    encoder = drawn("base").double()
    signal = rng.normal(0, 20, (1, encoder.spec.warmup))
    stream = encoder.stream(["Oz"], 32)
    tokens = stream.push(signal)
    # All that the newest token depends on, so that the loops end.
    needed = signal[0, -(256 + 32 * 3 * 24) :]
    expected, special = Reference(encoder).encode(needed, "OZ")
    np.testing.assert_allclose(tokens[-1, 0], expected[-1], atol=1e-6, rtol=0)
    np.testing.assert_allclose(stream.summary()[0], special, atol=1e-6, rtol=0)


def test_windows_of_a_run_are_those_of_the_whole_run(base, rng):
    run = rng.normal(0, 20, (4, 5000)).astype(np.float32)
    with torch.inference_mode():
        whole = base.tokens(torch.from_numpy(run[None]), NAMES)[0]
        ends = [4999, 1024, 3500, 3500]
        windows = list(base.tokens_at(run, ends, NAMES))
    for end, window in zip(ends, windows, strict=True):
        columns = (end - 256) // 32 + 1
        torch.testing.assert_close(window, whole[columns - 25 : columns], atol=1e-5, rtol=0)
    assert list(base.tokens_at(run, [], NAMES)) == []


def test_a_window_far_into_a_run_costs_what_it_depends_on(base, rng):
    run = rng.normal(0, 20, (1, 9000)).astype(np.float32)
    columns = []
    hook = base.embed.register_forward_hook(lambda _, given, __: columns.append(given[0].shape[1]))
    with torch.inference_mode():
        (window,) = base.tokens_at(run, [9000], ["C3"])
    hook.remove()
    assert sum(columns) == 25 + 3 * 24
    with torch.inference_mode():
        whole = base.tokens(torch.from_numpy(run[None]), ["C3"])[0]
    torch.testing.assert_close(window, whole[-25:], atol=1e-5, rtol=0)


def test_a_token_sees_its_electrode_and_the_past_and_nothing_else(base, rng):
    signal = torch.from_numpy(rng.normal(0, 20, (1, 3, 4096)).astype(np.float32))
    other = signal.clone()
    other[0, 1, 2000] += 50.0
    with torch.inference_mode():
        before, after = (base.tokens(s, NAMES[:3])[0] for s in (signal, other))
    differs = (before - after).abs().amax(-1) > 1e-6  # (columns, channels)
    assert not differs[:, [0, 2]].any()
    columns = differs[:, 1].nonzero()[:, 0]
    first = (2000 - 256) // 32 + 1  # the first token whose second holds the sample
    last = first + 7 + 3 * 24  # the last one that does, and three layers of a band
    assert columns.min() == first
    assert first + 60 < columns.max() <= last


def test_after_warming_up_it_does_not_matter_where_a_run_began(base, rng):
    run = rng.normal(0, 20, (2, base.spec.warmup + 960)).astype(np.float32)
    end = run.shape[1]
    with torch.inference_mode():
        (whole,) = base.tokens_at(run, [end], ["C3", "C4"])
        (late,) = base.tokens_at(run[:, 960:], [end - 960], ["C3", "C4"])
        (early,) = base.tokens_at(run[:, 992:], [end - 992], ["C3", "C4"])
    torch.testing.assert_close(whole, late, atol=1e-5, rtol=0)
    assert (whole - early).abs().max() > 1e-5  # one token less, and it does


@pytest.mark.slow
def test_any_electrodes_in_any_order(base, rng):
    signal = torch.from_numpy(rng.normal(0, 20, (1, 4, 1024)).astype(np.float32))
    with torch.inference_mode():
        all_four = base.tokens(signal, NAMES)
        some = base.tokens(signal[:, [2, 0]], ["T7", "EEG C4-REF"])
    torch.testing.assert_close(all_four[:, :, [2, 0]], some, atol=1e-5, rtol=0)


def test_loudness_is_no_secret(base, rng):
    """A window is not normalised: the same signal twice as large gives other tokens."""
    signal = torch.from_numpy(rng.normal(0, 20, (1, 1, 1024)).astype(np.float32))
    with torch.inference_mode():
        difference = base.tokens(signal, ["CZ"]) - base.tokens(2 * signal, ["CZ"])
    assert difference.abs().amax(-1).min() > 0.1


def test_several_unknown_electrodes_are_named(base):
    with pytest.raises(InputError, match="BrainGPT knows no electrode called EOG1, NOSE; its 118"):
        base.stream(["C3", "EOG1", "NOSE"])
    with pytest.raises(InputError, match="T7 is named more than once"):
        base.stream(["T3", "T7"])
    assert len(set(ELECTRODES)) == 118


def test_only_the_special_token_learns_where_all_else_is_frozen(rng):
    encoder = drawn("base").requires_grad_(False)
    encoder.special_token.requires_grad_(True)
    patches = encoder.patches(torch.from_numpy(rng.normal(0, 20, (2, 1024)).astype(np.float32)))
    states, summaries = encoder.encode(patches, electrode_rows(["C3", "C4"]), summaries=1)
    summaries.sum().backward()
    assert not states.requires_grad
    assert encoder.special_token.grad.abs().min() > 0


@pytest.mark.parametrize(
    ("size", "millions"), [("base", 0.65), ("large", 7.33), ("huge", 116.3), ("giant", 773.7)]
)
def test_the_published_sizes(size, millions):
    from core.encoders.braingpt.family import build, untrained_spec
    from core.encoders.files import meta_init

    assert list(PUBLISHED) == ["base", "large", "huge", "giant"]
    with meta_init():
        encoder = build(untrained_spec(size, 0))
    count = sum(parameter.numel() for parameter in encoder.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.slow
def test_a_size_or_facts_that_are_not_its_own_are_refused(tmp_path):
    from dataclasses import replace

    encoder = load_encoder("untrained-braingpt-base")
    with pytest.raises(InputError, match='no size "small"; it has base, large'):
        load_encoder("untrained-braingpt-small")
    for facts in ({"warmup": 1024}, {"context": "patch"}, {"tokens": (4, 128)}, {"stride": 48}):
        encoder.spec = replace(load_encoder("untrained-braingpt-base").spec, **facts)
        path = save_encoder(encoder, tmp_path / "other.safetensors", overwrite=True)
        with pytest.raises(InputError, match="do not fit together"):
            load_encoder(path)


def test_a_file_brings_it_back(tmp_path):
    encoder = load_encoder("untrained-braingpt-base-7")
    path = save_encoder(encoder, tmp_path / "braingpt.safetensors")
    again = load_encoder(path)
    assert again.spec == encoder.spec
    assert again.weights_sha256() == encoder.weights_sha256()
    assert load_encoder("untrained-braingpt").weights_sha256() != encoder.weights_sha256()


def test_in_training_mode_there_is_no_stream():
    encoder = load_encoder("untrained-braingpt-base").train()
    with pytest.raises(ValueError, match="training mode"):
        encoder.stream(["C3"])


def test_windows_of_other_channels_are_refused(base):
    with pytest.raises(ValueError, match="3 channels"):
        base.tokens(torch.zeros(1, 2, 1024), NAMES[:3])
