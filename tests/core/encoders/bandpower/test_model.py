"""Tokens against an independent computation, and what electrodes and streams may do to them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import signal as scipy_signal

from core.encoders import load_encoder, save_encoder
from core.encoders.bandpower.family import FAMILY
from core.encoders.bandpower.model import ELECTRODES, FRONT, bandpower_spec
from core.encoders.spec import ClassReadout
from core.errors import InputError

NAMES = ("C4", "FP1", "C3", "CPZ", "T8", "O1", "FCZ")


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("untrained-bandpower-tiny-3")


@pytest.fixture
def run(rng):
    return (0.01 * rng.normal(size=(len(NAMES), 1024 + 640))).astype(np.float32)


def encode(encoder, window, names):
    with torch.inference_mode():
        return encoder.tokens(torch.from_numpy(np.ascontiguousarray(window))[None], names)[0]


def reference(encoder, window, names):
    """The same tokens in float64, sample by sample."""
    state = {name: tensor.double().numpy() for name, tensor in encoder.state_dict().items()}
    known = encoder.electrodes
    places = [place for place, name in enumerate(names) if name in known]
    weights = state["spatial"][[known.index(names[place]) for place in places]]
    sources = weights.T @ window[places].astype(float) * 100 * np.sqrt(len(known) / len(places))
    tokens = []
    for start in range(0, 1024 - 192 + 1, 64):
        patch = sources[:, start : start + 192 : 2]
        filtered = np.stack(
            [
                scipy_signal.correlate(row, kernel[0], mode="valid")[::2]
                for row, kernel in zip(patch, state["temporal"], strict=True)
            ]
        )
        logs = np.log((filtered**2).mean(axis=1) + 1e-3)
        standard = (logs - state["mean"][:, 0]) / state["deviation"][:, 0]
        tokens.append(standard @ state["mixture"] if "mixture" in state else standard)
    return np.stack(tokens)[:, None]


def test_tokens_are_the_mixed_log_power_of_sources(encoder, run):
    tokens = encode(encoder, run[:, :1024], NAMES)
    assert tokens.shape == encoder.spec.token_shape(len(NAMES)) == (14, 1, 4)
    np.testing.assert_allclose(tokens, reference(encoder, run[:, :1024], NAMES), atol=2e-5)


def test_features_of_a_window_are_weighted_sums_over_its_columns(rng):
    encoder = FAMILY.build(FAMILY.untrained_spec("tiny", 0), 0)
    tokens = rng.normal(size=(3, 14, 1, 4))
    np.testing.assert_allclose(encoder.pool(tokens), tokens[:, :, 0].mean(axis=1), atol=1e-6)
    with torch.no_grad():
        encoder.attention[2:] = 0.0
    expected = tokens[:, :2, 0].sum(axis=1) / 14
    np.testing.assert_allclose(encoder.pool(tokens), expected, atol=1e-6)
    np.testing.assert_allclose(encoder.pool(tokens[:, 1:]), tokens[:, 1, 0] / 14, atol=1e-6)


def test_features_of_a_course_are_the_log_powers_themselves(run, rng):
    encoder = load_encoder("untrained-bandpower-course-tiny-3")
    tokens = encode(encoder, run[:, :1024], NAMES)
    np.testing.assert_allclose(tokens, reference(encoder, run[:, :1024], NAMES), atol=2e-5)
    tokens = rng.normal(size=(3, 14, 1, 8))
    flat = tokens.reshape(3, -1)
    np.testing.assert_array_equal(encoder.pool(tokens), flat)
    later = encoder.pool(tokens[:, 2:])  # what came first counts as average
    np.testing.assert_array_equal(later[:, :16], 0.0)
    np.testing.assert_array_equal(later[:, 16:], flat[:, 16:])
    for part in (tokens, tokens[:, 2:]):
        np.testing.assert_array_equal(encoder.pooled(torch.from_numpy(part)), encoder.pool(part))
    assert encoder.features == flat.shape[1]


def test_the_order_of_channels_changes_nothing(encoder, run, rng):
    order = rng.permutation(len(NAMES))
    shuffled = encode(encoder, run[order, :1024], [NAMES[place] for place in order])
    torch.testing.assert_close(shuffled, encode(encoder, run[:, :1024], NAMES), atol=1e-5, rtol=0)


def test_eyes_and_jaw_are_not_encoded(encoder, run):
    moved = run.copy()
    moved[[NAMES.index("FP1"), NAMES.index("T8")]] = 7.0
    given, other = (encode(encoder, each[:, :1024], NAMES) for each in (run, moved))
    torch.testing.assert_close(given, other, atol=0, rtol=0)
    assert set(encoder.spec.regressors) == set(FRONT)


def test_eyes_and_jaw_are_encoded_where_they_are_not_regressed_out(run, rng):
    spec = bandpower_spec("tiny", name="front", trained=False, provenance={}, front=True)
    encoder = FAMILY.build(spec, 3).eval()
    assert encoder.electrodes == FRONT + ELECTRODES
    assert not spec.regressors
    np.testing.assert_allclose(
        encode(encoder, run[:, :1024], NAMES), reference(encoder, run[:, :1024], NAMES), atol=2e-5
    )
    moved = run.copy()
    moved[NAMES.index("FP1")] = rng.normal(size=moved.shape[1])
    given, other = (encode(encoder, each[:, :1024], NAMES) for each in (run, moved))
    assert (given != other).any()
    assert encode(encoder, run[:2, :1024], ("FP1", "FP2")).shape == (14, 1, 4)


def test_a_file_keeps_that_eyes_and_jaw_are_encoded(run, tmp_path):
    spec = bandpower_spec("tiny", name="front", trained=True, provenance={}, front=True)
    encoder = FAMILY.build(spec, 3).eval()
    loaded = load_encoder(save_encoder(encoder, tmp_path / "front.safetensors"))
    assert loaded.electrodes == FRONT + ELECTRODES
    given, other = (encode(each, run[:, :1024], NAMES) for each in (encoder, loaded))
    torch.testing.assert_close(given, other, atol=0, rtol=0)


def test_a_montage_of_eyes_and_jaw_alone_is_refused(encoder, run):
    with pytest.raises(InputError, match="encodes no frontal or temporal electrode"):
        encode(encoder, run[:2, :1024], ("FP1", "FP2"))
    with pytest.raises(InputError, match=r"only regressed out.*--channels"):
        encoder.spec.check_electrodes(("FP1", "FP2"), "The stream")
    encoder.spec.check_electrodes(("FP1", "C3"), "The stream")


@pytest.mark.parametrize("hop", [64, 32, 16])
def test_streamed_equals_whole_however_it_is_pushed(encoder, run, hop, rng):
    stream = encoder.stream(NAMES, hop)
    at, windows = 0, 0
    while at < run.shape[1]:
        step = min(hop * int(rng.integers(1, 7)), run.shape[1] - at)
        tokens = stream.push(run[:, at : at + step])
        at += step
        assert (tokens is None) == (at < 1024)
        if tokens is not None:
            windows += 1
            whole = encode(encoder, run[:, at - 1024 : at], NAMES)
            torch.testing.assert_close(tokens, whole, atol=1e-5, rtol=0)
    assert windows > 1


def test_a_hop_costs_one_patch(encoder, run):
    stream = encoder.stream(NAMES)
    assert stream.hop == encoder.spec.default_hop == 64
    stream.push(run[:, :1024])
    assert stream.patches_encoded == 14
    stream.push(run[:, 1024:1088])
    assert stream.patches_encoded == 15


def test_state_and_reset(encoder, run):
    stream, other = encoder.stream(NAMES), encoder.stream(NAMES)
    stream.push(run[:, :1088])
    other.state = stream.state
    torch.testing.assert_close(stream.push(run[:, 1088:1152]), other.push(run[:, 1088:1152]))
    stream.reset()
    assert stream.push(run[:, :960]) is None


def test_a_hop_divides_patch_and_stride(encoder):
    with pytest.raises(InputError, match="patch of 192 and its stride of 64"):
        encoder.stream(NAMES, 96)


def test_a_file_keeps_everything(encoder, tmp_path):
    path = save_encoder(encoder, tmp_path / "mine.safetensors")
    again = load_encoder(path)
    assert again.spec == encoder.spec
    assert again.weights_sha256() == encoder.weights_sha256()


def test_facts_that_do_not_fit_are_refused(encoder):
    with pytest.raises(InputError, match='no size "huge"'):
        load_encoder("untrained-bandpower-huge")
    for wrong in (
        {"stride": 96},
        {"rate": 128.0},
        {"ch_names": ("C3", "X1")},
        {"regressors": ("FP1",)},
    ):
        with pytest.raises(InputError, match="do not fit together"):
            FAMILY.build(replace(encoder.spec, **wrong), 0)
    short = ClassReadout(("a", "b"), ((0.0, 1.0),) * 3, (0.0, 0.0))
    with pytest.raises(InputError, match="weights for 4 features; here it has 3"):
        FAMILY.build(replace(encoder.spec, readout=short), 0)
    other = ClassReadout(("a", "b"), ((0.0, 1.0),) * 4, (0.0, 0.0), (1, 0, 2, 3))
    with pytest.raises(InputError, match="another mirror than its own"):
        FAMILY.build(replace(encoder.spec, readout=other), 0)


def test_a_stream_wants_an_encoder_that_does_not_learn():
    encoder = FAMILY.build(FAMILY.untrained_spec("tiny", 0), 0)
    with pytest.raises(ValueError, match="eval"):
        encoder.stream(NAMES)
