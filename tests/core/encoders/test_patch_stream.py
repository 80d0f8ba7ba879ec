import numpy as np
import pytest
import torch

from core.encoders import load_encoder
from core.encoders.eegpt.electrodes import CODEX
from core.encoders.eegpt.model import EEGPT
from core.errors import InputError

IDS = [27, 29, 31, 11, 60]
NAMES = [CODEX[place] for place in IDS]


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("untrained")


@pytest.fixture
def signal(rng):
    return rng.normal(0, 0.03, (len(IDS), 1024 + 640)).astype(np.float32)


def whole(encoder, signal, end):
    """Tokens of the window that ends before sample `end`, from one call."""
    return encoder(torch.from_numpy(signal[None, :, end - 1024 : end]), IDS)[0]


@pytest.mark.slow
@pytest.mark.parametrize("hop", [64, 32, 16])
def test_incremental_equals_whole_however_it_is_pushed(encoder, signal, hop, rng):
    stream = encoder.stream(NAMES, hop)
    at, windows = 0, 0
    while at < signal.shape[1]:
        step = min(hop * int(rng.integers(1, 9)), signal.shape[1] - at)
        tokens = stream.push(signal[:, at : at + step])
        at += step
        if at < 1024:
            assert tokens is None
        else:
            windows += 1
            assert tokens.shape == (16, 4, 64)
            torch.testing.assert_close(tokens, whole(encoder, signal, at), rtol=0, atol=1e-5)
    assert windows > 1


@pytest.mark.slow
@pytest.mark.parametrize("hop", [64, 16])
def test_the_first_window_comes_with_its_last_hop(encoder, signal, hop):
    stream = encoder.stream(NAMES, hop)
    assert stream.push(signal[:, : 1024 - hop]) is None
    assert stream.push(signal[:, 1024 - hop : 1024]) is not None


@pytest.mark.slow
@pytest.mark.parametrize("hop", [64, 32, 16])
def test_a_hop_costs_one_patch(encoder, signal, hop):
    stream = encoder.stream(NAMES, hop)
    stream.push(signal[:, :1024])
    before = stream.patches_encoded
    assert before == (1024 - 64) // hop + 1
    for i in range(5):
        stream.push(signal[:, 1024 + i * hop : 1024 + (i + 1) * hop])
    assert stream.patches_encoded == before + 5


@pytest.mark.slow
def test_a_long_push_encodes_only_what_can_still_be_seen(encoder, rng):
    signal = rng.normal(0, 0.03, (len(IDS), 6400)).astype(np.float32)
    stream = encoder.stream(NAMES, 32)
    tokens = stream.push(signal)
    assert stream.patches_encoded == 32
    torch.testing.assert_close(tokens, whole(encoder, signal, 6400), rtol=0, atol=1e-5)
    tokens = stream.push(signal[:, :32])  # of the other phase
    joined = np.concatenate([signal, signal[:, :32]], axis=1)
    torch.testing.assert_close(tokens, whole(encoder, joined, 6432), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_reset_forgets_everything(encoder, signal):
    stream = encoder.stream(NAMES, 32)
    stream.push(np.full_like(signal, 7.0)[:, :1056])
    stream.reset()
    assert stream.push(signal[:, :992]) is None
    tokens = stream.push(signal[:, 992:1024])
    torch.testing.assert_close(tokens, whole(encoder, signal, 1024), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_earlier_answers_do_not_change(encoder, signal):
    stream = encoder.stream(NAMES)
    first = stream.push(signal[:, :1024])
    kept = first.clone()
    stream.push(signal[:, 1024:1664])
    assert torch.equal(first, kept)


@pytest.mark.slow
def test_samples_of_any_kind(encoder, signal):
    kinds = [
        signal,
        torch.from_numpy(signal),
        signal.astype(np.float64),
        np.asfortranarray(signal),
        np.ascontiguousarray(signal[:, ::-1])[:, ::-1],
        np.frombuffer(signal.tobytes(), np.float32).reshape(signal.shape),  # read-only
    ]
    answers = [encoder.stream(NAMES).push(kind) for kind in kinds]
    assert all(torch.equal(answer, answers[0]) for answer in answers)


@pytest.mark.slow
def test_later_changes_to_the_given_samples_do_not_matter(encoder, signal):
    stream = encoder.stream(NAMES, 32)
    given = torch.from_numpy(signal[:, :1024].copy())
    stream.push(given)
    given[:] = 99.0
    tokens = stream.push(signal[:, 1024:1056])
    torch.testing.assert_close(tokens, whole(encoder, signal, 1056), rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 0), "5 channels"),
        ((5, 48), "not a multiple of the hop, 32"),
        ((4, 64), "5 channels"),
        ((320,), "5 channels"),
        ((1, 5, 64), "5 channels"),
    ],
)
def test_samples_that_do_not_fit_are_refused_and_change_nothing(encoder, signal, shape, message):
    stream = encoder.stream(NAMES, 32)
    stream.push(signal[:, :992])
    with pytest.raises(ValueError, match=message):
        stream.push(np.ones(shape, np.float32))
    tokens = stream.push(signal[:, 992:1024])
    torch.testing.assert_close(tokens, whole(encoder, signal, 1024), rtol=0, atol=1e-5)


@pytest.mark.parametrize("hop", [0, -64, 48, 128])
def test_a_hop_that_does_not_divide_the_patch_is_refused(encoder, hop):
    with pytest.raises(InputError, match=f"hop of {hop} samples does not divide .* 64"):
        encoder.stream(NAMES, hop)


@pytest.mark.slow
def test_a_state_that_was_kept_goes_on_where_it_was(encoder, signal):
    stream = encoder.stream(NAMES, 32)
    stream.push(signal[:, :1056])
    kept = stream.state
    expected = stream.push(signal[:, 1056:1152])
    other = encoder.stream(NAMES, 32)
    other.state = kept
    assert torch.equal(other.push(signal[:, 1056:1152]), expected)
    stream.state = kept
    assert torch.equal(stream.push(signal[:, 1056:1152]), expected)


def test_an_encoder_in_training_is_refused(encoder):
    with pytest.raises(ValueError, match="eval"):
        EEGPT(encoder.spec).stream(NAMES)


def test_torch_keeps_its_threads(encoder, signal):
    before = torch.get_num_threads()
    encoder.stream(NAMES).push(signal[:, :1024])
    assert torch.get_num_threads() == before
    assert not torch.is_inference_mode_enabled()


def test_single_hops_encode_nothing_until_a_patch_is_full():
    encoder = load_encoder("untrained-tiny1")
    stream = encoder.stream(NAMES[:3], hop=16)
    samples = torch.randn(3, 128, generator=torch.Generator().manual_seed(0))
    encoded = []
    for start in range(0, 128, 16):
        assert stream.push(samples[:, start : start + 16]) is None
        encoded.append(stream.patches_encoded)
    assert encoded == [0, 0, 0, 1, 2, 3, 4, 5]
