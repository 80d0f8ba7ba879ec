import re

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.model import StreamingEncoder, load_encoder
from core.model.inference import linear, precision
from core.model.inference.precision import TOLERANCE, choose, difference

IDS = torch.tensor([27, 29, 31, 11, 60])
LOWER = ["bf16", "int8"]


@pytest.fixture(scope="module")
def wide():
    return load_encoder("untrained-little")


def able(name):
    why = linear.unsupported(name)
    if why:
        pytest.skip(why)


@pytest.mark.parametrize("name", LOWER)
@pytest.mark.parametrize("source", ["starter", "untrained-little"])
def test_lower_precisions_agree_with_float32(name, source):
    able(name)
    encoder = load_encoder(source)
    chosen = choose(encoder, IDS, name)
    assert (chosen.precision, chosen.note) == (name, "")
    assert 0 < difference(chosen.step, encoder, IDS) <= TOLERANCE[name]


def test_float32_is_the_default_and_exact(wide):
    chosen = choose(wide, IDS)
    assert (chosen.precision, chosen.note) == ("float32", "")
    assert difference(chosen.step, wide, IDS) <= TOLERANCE["float32"]


@pytest.mark.parametrize("name", LOWER)
def test_one_that_does_not_agree_is_not_taken(wide, name, monkeypatch):
    able(name)
    monkeypatch.setitem(precision.TOLERANCE, name, 1e-9)
    chosen = choose(wide, IDS, name)
    assert chosen.precision == "float32"
    assert re.fullmatch(
        rf"The encoder runs in float32, not in {name}: its tokens differ .* 0% allowed\.",
        chosen.note,
    )


@pytest.mark.parametrize("name", LOWER)
def test_a_processor_without_the_instructions_stays_in_float32(wide, name, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False, raising=False)
    chosen = choose(wide, IDS, name)
    assert chosen.precision == "float32"
    assert chosen.note.startswith(f"The encoder runs in float32, not in {name}: ")


def test_an_unknown_precision_is_refused(wide):
    with pytest.raises(InputError, match='no precision "fp8"; it is one of float32, bf16, int8'):
        choose(wide, IDS, "fp8")


def test_an_encoder_in_double_keeps_its_own():
    encoder = load_encoder("untrained-tiny1").double()
    chosen = choose(encoder, IDS, "int8")
    assert chosen.step is None
    assert chosen.note == "The encoder is not in float32; its own precision is kept."
    stream = StreamingEncoder(encoder, IDS)
    signal = np.random.default_rng(0).normal(0, 0.03, (5, 1024))
    tokens = stream.push(signal)
    assert tokens.dtype == torch.float64
    whole = encoder(torch.from_numpy(signal[None]), IDS)[0]
    torch.testing.assert_close(tokens, whole.detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["float32", *LOWER])
def test_what_is_no_number_stays_none(name):
    able(name)
    encoder = load_encoder("untrained-tiny1")
    stream = StreamingEncoder(encoder, IDS, precision=name)
    signal = np.random.default_rng(0).normal(0, 0.03, (5, 1024))
    signal[2, 700] = np.nan
    tokens = stream.push(signal)
    spoilt = torch.isnan(tokens).flatten(1).any(1)
    assert spoilt.nonzero().flatten().tolist() == [700 // 64]


@pytest.mark.parametrize("name", LOWER)
def test_streams_say_what_they_compute_in(wide, name, rng):
    able(name)
    stream = StreamingEncoder(wide, IDS, precision=name)
    assert (stream.precision, stream.note) == (name, "")
    signal = rng.normal(0, 0.03, (5, 1024 + 64)).astype(np.float32)
    pieces = [StreamingEncoder(wide, IDS, precision=name) for _ in range(2)]
    pieces[1].push(signal[:, :1024])
    at_once, by_hops = pieces[0].push(signal), pieces[1].push(signal[:, 1024:])
    assert torch.equal(at_once, by_hops)  # how it is pushed changes no digit
