"""The encoder against the reference, and what its tokens depend on."""

import numpy as np
import pytest
import torch

from core.decoding.features import TokenFeatures
from core.encoders import load_encoder
from core.encoders.files import meta_init
from core.encoders.labram.electrodes import ELECTRODES, ROWS, electrode_rows
from core.encoders.labram.family import build, untrained_spec
from core.errors import InputError
from tests.core.encoders.labram.conftest import FIRST_ROWS, Reference, drawn

NAMES = ["C4", "Fz", "T3"]


@pytest.mark.parametrize(
    ("size", "heads"), [("tiny", 5), pytest.param("base", 10, marks=pytest.mark.slow)]
)
def test_it_is_the_reference(size, heads, rng):
    encoder = drawn(size).double()
    signal = rng.normal(0, 20, (3, 400))
    with torch.inference_mode():
        tokens = encoder.tokens(torch.from_numpy(signal[None]), NAMES)[0]
    rows = [44, 20, 38]  # of C4, FZ and T7 in the published list, counted from 1
    expected = Reference(encoder, heads).encode(signal, rows)
    assert tuple(tokens.shape) == (2, 3, encoder.spec.tokens[1])
    np.testing.assert_allclose(tokens, expected, atol=1e-9, rtol=0)


def test_rows_are_those_of_the_published_list():
    assert ROWS[: len(FIRST_ROWS)] == tuple(FIRST_ROWS)
    assert len(ROWS) == len(set(ROWS)) == 128
    assert electrode_rows(["FP1", "C4"]).tolist() == [1, 44]
    assert electrode_rows(["T3"]).tolist() == electrode_rows(["T7"]).tolist() == [38]
    assert electrode_rows(["Iz", "T2"]).tolist() == [87, 114]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "count", "tensors"),
    [("base", 5_819_936, 221), ("large", 46_258_720, 425), ("huge", 369_235_712, 833)],
)
def test_the_published_sizes(size, count, tensors):
    with meta_init():
        encoder = build(untrained_spec(size, 0))
    assert sum(parameter.numel() for parameter in encoder.parameters()) == count
    assert len(encoder.state_dict()) == tensors


@pytest.mark.slow
def test_the_front_door_gives_base():
    import eegpt_realtime as er

    encoder = er.load_encoder("untrained-labram-base")
    spec = encoder.spec
    assert (spec.label, spec.context, spec.rate, spec.unit) == (
        "base (untrained)",
        "window",
        200.0,
        "uV",
    )
    assert (spec.patches, spec.default_hop, len(spec.ch_names)) == (4, 50, 110)
    again = load_encoder("untrained-labram")
    assert again.weights_sha256() == encoder.weights_sha256()
    assert load_encoder("untrained-labram-base-1").weights_sha256() != encoder.weights_sha256()


def test_tokens_follow_their_electrodes(tiny, rng):
    signal = torch.from_numpy(rng.normal(0, 20, (2, 4, 800)).astype(np.float32))
    names = [*NAMES, "CCP3"]
    order = [2, 0, 3, 1]
    with torch.inference_mode():
        tokens = tiny.tokens(signal, names)
        moved = tiny.tokens(signal[:, order], [names[place] for place in order])
    assert tuple(tokens.shape) == (2, 4, 4, 100)
    torch.testing.assert_close(moved, tokens[:, :, order], atol=1e-5, rtol=0)


def test_every_token_depends_on_all_of_the_window(tiny, rng):
    signal = torch.from_numpy(rng.normal(0, 20, (1, 3, 800)).astype(np.float32))
    other = signal.clone()
    other[0, 0, 790] += 500.0  # the last second of one electrode
    with torch.inference_mode():
        change = (tiny.tokens(other, NAMES) - tiny.tokens(signal, NAMES)).abs().amax(-1)
    assert change.min() > 1e-4


@pytest.mark.parametrize("seconds", [1, 16])
def test_windows_of_up_to_sixteen_seconds_have_rows_of_time(tiny, rng, seconds):
    signal = torch.from_numpy(rng.normal(0, 20, (1, 2, 200 * seconds)).astype(np.float32))
    with torch.inference_mode():
        assert tiny.tokens(signal, ["C3", "C4"]).shape[1] == seconds


@pytest.mark.parametrize("samples", [1024, 3400, 100, 0])
def test_a_window_without_rows_of_time_is_refused(tiny, samples):
    message = f"windows of 1 to 16 whole seconds at 200 Hz; this one has {samples} samples"
    with pytest.raises(InputError, match=message):
        tiny.tokens(torch.zeros(1, 2, samples), ["C3", "C4"])


def test_electrodes_without_a_row_are_named(tiny):
    with pytest.raises(InputError, match="LaBraM knows no electrode called EOG1, NOSE; its 110"):
        tiny.stream(["C3", "EOG1", "NOSE"])
    with pytest.raises(InputError, match="T7 is named more than once"):
        tiny.tokens(torch.zeros(1, 2, 800), ["T3", "T7"])
    with pytest.raises(InputError, match="no electrode called FTT9h"):
        tiny.stream(["FTT9h"])  # no published recording has ever had its row
    with pytest.raises(ValueError, match="is not"):
        tiny.tokens(torch.zeros(1, 3, 800), ["C3", "C4"])
    assert set(ELECTRODES) < set(ROWS)


def test_a_stream_gives_the_tokens_of_whole_windows(tiny, rng):
    run = rng.normal(0, 20, (1100, 3))
    features = TokenFeatures(tiny, tuple(NAMES), np.eye(3))
    stream = features.stream(100)
    streamed = {}
    for end in range(100, len(run) + 1, 100):
        if (vector := stream.push(run[end - 100 : end])) is not None:
            streamed[end] = vector
    whole = features.of_run(run, [end - 800 for end in streamed])
    assert whole.shape == (4, 300)
    np.testing.assert_allclose(whole, list(streamed.values()), rtol=0, atol=1e-5)
