"""A stream gives the tokens of the whole run, however it is cut, and does no work twice."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from core.encoders import load_encoder
from core.encoders.braingpt.electrodes import ELECTRODES
from core.errors import InputError


@pytest.fixture
def montage(rng):
    """Electrodes at random, in any order."""
    return [ELECTRODES[row] for row in rng.permutation(len(ELECTRODES))[:6]]


def streamed(stream, run, rng, most=9):
    """Push a run in random multiples of the hop; return the window's end -> its tokens."""
    end, windows = 0, {}
    while run.shape[1] - end >= stream.hop:
        left = (run.shape[1] - end) // stream.hop
        new = stream.hop * int(rng.integers(1, min(most, left) + 1))
        window = stream.push(run[:, end : end + new])
        end += new
        if window is not None:
            windows[end] = window
    return windows


def assert_windows_of(encoder, run, windows, montage):
    assert windows
    whole = encoder.tokens_at(run, list(windows), montage)
    for window, expected in zip(windows.values(), whole, strict=True):
        torch.testing.assert_close(window, expected, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("hop", [32, 64, 160])
def test_random_splits_give_the_whole_run(base, hop, montage, rng):
    run = rng.normal(0, 20, (6, 5000)).astype(np.float32)
    windows = streamed(base.stream(montage, hop), run, rng)
    assert min(windows) >= base.spec.warmup
    assert_windows_of(base, run, windows, montage)


@pytest.mark.slow
def test_the_large_one_too(rng):
    encoder = load_encoder("untrained-braingpt-large")
    run = rng.normal(0, 20, (2, encoder.spec.warmup + 512)).astype(np.float32)
    windows = streamed(encoder.stream(["C3", "C4"], 64), run, rng)
    assert_windows_of(encoder, run, windows, ["C3", "C4"])


@pytest.mark.slow
def test_after_a_gap_a_run_begins_anew_and_warms_up_again(base, montage, rng):
    stream = base.stream(montage, 32)
    run = rng.normal(0, 20, (6, 4000)).astype(np.float32)
    broken = run.copy()
    broken[2, 1000] = np.nan
    streamed(stream, broken, rng)
    assert not stream.push(broken[:, :32]).isfinite().all()
    stream.reset()
    windows = streamed(stream, run, rng)
    assert min(windows) >= base.spec.warmup == 3328
    assert_windows_of(base, run, windows, montage)


@pytest.mark.slow
@pytest.mark.parametrize("middle", [96, 1536, 3584])
def test_a_state_goes_on_where_it_was(base, montage, rng, middle):
    run = rng.normal(0, 20, (6, 4096)).astype(np.float32)
    stream, other = base.stream(montage, 32), base.stream(montage, 32)
    streamed(stream, run[:, :middle], rng)
    streamed(other, 3 * run[:, ::-1], rng)
    other.state = stream.state
    kept, restored = (
        streamed(s, run[:, middle:], np.random.default_rng(5)) for s in (stream, other)
    )
    assert kept.keys() == restored.keys()
    assert all(torch.equal(kept[end], restored[end]) for end in kept)
    windows = {middle + end: window for end, window in restored.items()}
    assert_windows_of(base, run, windows, montage)


def test_a_state_is_a_copy(base, rng):
    stream = base.stream(["C3"], 32)
    stream.push(rng.normal(0, 20, (1, 2048)))
    state = stream.state
    kept = {name: torch.as_tensor(value).clone() for name, value in state.items()}
    stream.push(rng.normal(0, 20, (1, 2048)))
    stream.reset()
    assert all(torch.equal(kept[name], torch.as_tensor(value)) for name, value in state.items())


@pytest.mark.slow
def test_hours_into_a_run_tokens_are_as_exact(base, rng):
    run = rng.normal(0, 20, (1, base.spec.warmup)).astype(np.float32)
    stream, late = base.stream(["CZ"], 32), base.stream(["CZ"], 32)
    late.push(run[:, :256])
    # As after ten hours: what is further back than the warm-up does not matter.
    state = late.state
    hours = 10 * 3600 * 8
    late.state = state | {"position": state["position"] + hours}
    late.push(np.tile(run, 2))
    stream.push(run)
    torch.testing.assert_close(late.push(run), stream.push(run), atol=1e-5, rtol=0)


@pytest.mark.slow
def test_the_special_token_leaves_no_trace(base, montage, rng):
    run = rng.normal(0, 20, (6, 4096)).astype(np.float32)
    asked, other = base.stream(montage, 32), base.stream(montage, 32)
    with pytest.raises(ValueError, match="no token yet"):
        asked.summary()
    for end in range(32, 4097, 32):
        tokens = asked.push(run[:, end - 32 : end])
        if end >= 256:
            summary = asked.summary()
            assert torch.equal(summary, asked.summary())
        same = other.push(run[:, end - 32 : end])
        assert (tokens is None) == (same is None)
        assert tokens is None or torch.equal(tokens, same)
    rows = torch.tensor([ELECTRODES.index(name) for name in montage])
    with torch.inference_mode():
        _, whole = base.encode(base.patches(torch.from_numpy(run)), rows, summaries=1)
    torch.testing.assert_close(summary, whole[:, 0], atol=1e-5, rtol=0)


@pytest.mark.slow
def test_a_process_of_its_own_changes_no_digit(base, montage, rng):
    run = rng.normal(0, 20, (6, 4096)).astype(np.float32)
    here, there = base.stream(montage, 64), base.stream(montage, 64, in_subprocess=True)
    there.prepare()
    for first in (0, 64):
        windows = [streamed(s, run[:, first:], np.random.default_rng(first)) for s in (here, there)]
        assert windows[0].keys() == windows[1].keys()
        assert all(torch.equal(windows[0][end], windows[1][end]) for end in windows[0])
        assert torch.equal(here.summary(), there.summary())
        state = there.state
        here.reset(), there.reset()
    here.state = there.state = state
    assert torch.equal(here.push(run[:, :64]), there.push(run[:, :64]))


class NewMemory(TorchDispatchMode):
    """Names the operators whose answer has memory of its own."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        flat = [*args, *(kwargs or {}).values()]
        given = {t.untyped_storage().data_ptr() for t in flat if isinstance(t, torch.Tensor)}
        answer = func(*args, **(kwargs or {}))
        for tensor in answer if isinstance(answer, tuple | list) else [answer]:
            large = isinstance(tensor, torch.Tensor) and tensor.numel() > 1
            if large and tensor.untyped_storage().data_ptr() not in given:
                self.names.append(func.overloadpacket.__name__)
        return answer


@pytest.mark.slow
def test_only_norms_of_a_column_take_memory(base, montage, rng):
    stream = base.stream(montage, 32)
    stream.push(rng.normal(0, 20, (6, 4096)))
    piece, out = torch.zeros(6, 256), torch.empty(6, 128)
    with torch.inference_mode(), NewMemory() as memory:
        for _ in range(3):
            stream._step.encode(piece, out)
    assert memory.names == 3 * (2 * 3 + 1) * ["layer_norm"]


@pytest.mark.slow
def test_every_column_is_encoded_once(base, montage, rng):
    stream = base.stream(montage, 32)
    streamed(stream, rng.normal(0, 20, (6, 4096)), rng)
    assert stream.columns_encoded == (4096 - 256) // 32 + 1


@pytest.mark.parametrize("hop", [16, 48, 0])
def test_decisions_come_at_multiples_of_an_eighth_of_a_second(base, hop):
    with pytest.raises(InputError, match="multiple of the 32 samples"):
        base.stream(["C3"], hop)


def test_samples_that_do_not_fit_are_refused(base):
    stream = base.stream(["C3", "C4"], 64)
    with pytest.raises(ValueError, match="2 channels"):
        stream.push(np.zeros((3, 64)))
    with pytest.raises(ValueError, match="multiple of the hop"):
        stream.push(np.zeros((2, 96)))
