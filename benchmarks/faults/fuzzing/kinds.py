"""Good files of every kind that is fuzzed, how each is spoiled, and how it is read and used."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzzing.mutations import bytewise, spoil_archive, spoil_tensors, spoil_xml, spoil_yaml

from core.decoding.window_decoder import WindowDecoder

_CONTROLS = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # what moves or hides text around it
SITES = ("FC3", "FC4", "C3", "CZ", "C4", "CP3", "CP4", "PZ")


@dataclass(frozen=True)
class Kind:
    """Good files of one kind, how they are spoiled, and how they are read and used."""

    good: tuple[bytes, ...]
    spoil: Callable[[bytes, random.Random], bytes]
    use: Callable[[Path], Any]
    ending: str


def kinds(folder: Path) -> dict[str, Kind]:
    """Make good files of every kind."""
    from core.decoding.storage.decoder_file import FORMAT as DECODER
    from core.fitting.transfer.prior_file import FORMAT as PRIOR

    return {
        "decoder": Kind(
            good_decoders(folder),
            lambda data, draw: spoil_tensors(data, DECODER, draw),
            use_decoder,
            ".safetensors",
        ),
        "prior": Kind(
            (good_prior(folder),),
            lambda data, draw: spoil_tensors(data, PRIOR, draw),
            use_prior,
            ".safetensors",
        ),
        "encoder": Kind(
            (good_encoder(folder),),
            lambda data, draw: spoil_tensors(data, "eegpt_realtime.encoder", draw),
            use_encoder,
            ".safetensors",
        ),
        "checkpoint": Kind(good_checkpoints(folder), spoil_archive_or_not, use_encoder, ".ckpt"),
        "settings": Kind(
            good_settings(),
            lambda data, draw: spoil_yaml(data.decode(), draw),
            use_settings,
            ".yaml",
        ),
        "description": Kind(
            (good_description(),),
            lambda data, draw: spoil_xml(data.decode(), draw),
            use_description,
            ".xml",
        ),
    }


def good_decoders(folder: Path) -> tuple[bytes, ...]:
    """Return a decoder of covariances and one that has an encoder, too."""
    import numpy as np

    from core.decoding.card import DecoderCard, EncoderPin
    from core.decoding.decoder import Decoder
    from core.decoding.features import TangentFeatures
    from core.decoding.heads import LinearHead
    from core.decoding.storage.decoder_file import save_decoder
    from core.encoders import load_encoder
    from core.signal.pipeline import SignalSettings

    random_ = np.random.default_rng(0)
    picks = np.arange(len(SITES))
    view = TangentFeatures((8.0, 30.0), 256.0, 128, picks, np.eye(len(SITES)))
    encoder = load_encoder("untrained-tiny1")
    made = []
    for name, pin in (
        ("riemann", None),
        ("hybrid", EncoderPin("untrained-tiny1", "tiny1 (untrained)", encoder.weights_sha256())),
    ):
        tokens = 0 if pin is None else 2 * encoder.spec.tokens[0] * encoder.spec.tokens[1]
        size = view.size + tokens
        head = LinearHead(
            np.zeros(size), np.ones(size), random_.normal(0.0, 0.1, (size, 2)), np.zeros(2)
        )
        decoder = Decoder(
            classes=("left_hand", "right_hand"),
            settings=SignalSettings(SITES, "recorded", 256.0),
            unit="mV",
            window=128,
            hop=64,
            patch=64,
            head=head,
            tangents=(view,),
            spatial=None if pin is None else np.eye(len(SITES)),
            encoder=pin,
            facts=DecoderCard(
                subject="01",
                session="",
                created="2026-01-01T10:00:00+00:00",
                software="eegpt-realtime 0",
                recordings={"one.edf": "00" * 32},
                recorded_rate=250.0,
                head=name,
                trials=40,
                scores={name: 0.8},
                chance=0.6,
                fit={"events": {"T1": "left_hand"}},
            ),
        )
        made.append(save_decoder(decoder, folder / f"{name}.safetensors").read_bytes())
    return tuple(made)


def use_decoder(path: Path) -> None:
    """Load a decoder and decode with it, as the live program does."""
    import numpy as np

    from core.decoding.storage.decoder_file import load_decoder, read_header

    read_header(path)
    decoder = load_decoder(path)
    f"{decoder.facts.subject} {decoder.facts.score:.2f} {decoder.facts.chance:.2f}"
    labels = decoder.settings.channels
    path_in = decoder.attach(labels, [""] * len(labels), 250.0)
    samples = np.random.default_rng(0).normal(0.0, 20.0, (500, len(labels)))
    out = path_in.push(samples)
    windows = WindowDecoder(decoder, decoder.load_encoder())
    for start in range(0, min(len(out), 50 * decoder.hop) - decoder.hop, decoder.hop):
        probabilities = windows.push(out[start : start + decoder.hop])
        if probabilities is not None and not (
            np.isfinite(probabilities).all() and abs(probabilities.sum() - 1) < 1e-6
        ):
            raise ArithmeticError(f"probabilities {probabilities}")


def good_prior(folder: Path) -> bytes:
    import numpy as np

    from core.fitting.transfer.population import Prior
    from core.fitting.transfer.prior_file import save_prior

    random_ = np.random.default_rng(0)
    trials, n = 24, len(SITES)
    mixed = random_.normal(0.0, 1.0, (trials, n, 3 * n))
    prior = Prior(
        classes=("left_hand", "right_hand"),
        channels=SITES,
        rate=256.0,
        length=1024,
        band=(8.0, 30.0),
        covariances=(mixed @ mixed.transpose(0, 2, 1)).astype(np.float32),
        labels=np.arange(trials) % 2,
        recording=np.repeat([0, 1], trials // 2),
        person=np.repeat([0, 1], trials // 2),
        recordings={"P1/one.edf": "00" * 32, "P2/two.edf": "11" * 32},
        created="2026-01-01T10:00:00+00:00",
        software="eegpt-realtime 0",
    )
    return save_prior(prior, folder / "prior.safetensors").read_bytes()


def use_prior(path: Path) -> None:
    from core.fitting.transfer.prior_file import is_prior, load_prior

    is_prior(path)
    prior = load_prior(path)
    f"{len(prior)} {' '.join(prior.channels)} {prior.software}"
    prior.without_people_of(["00" * 32])


def good_encoder(folder: Path) -> bytes:
    from core.encoders import load_encoder, save_encoder

    encoder = load_encoder("untrained-tiny1")
    return save_encoder(encoder, folder / "encoder.safetensors").read_bytes()


def good_checkpoints(folder: Path) -> tuple[bytes, ...]:
    """Return an encoder as torch saves it, in both of its formats and as Lightning wraps it."""
    import torch

    from core.encoders import load_encoder

    state = dict(load_encoder("untrained-tiny1").state_dict())
    path, made = folder / "one.ckpt", []
    for content, zipped in (
        (state, True),
        ({"state_dict": {f"target_encoder.{k}": v for k, v in state.items()}, "epoch": 3}, True),
        (state, False),
    ):
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        made.append(path.read_bytes())
    return tuple(made)


def spoil_archive_or_not(data: bytes, draw: random.Random) -> bytes:
    return spoil_archive(data, draw) if data[:2] == b"PK" else bytewise(data, draw)


def use_encoder(path: Path) -> None:
    """Load an encoder and encode a patch."""
    import torch

    from core.encoders import load_encoder

    encoder = load_encoder(path)
    f"{encoder.spec.label}"
    encoder.encode_patches(torch.zeros(1, 2, encoder.spec.patch), [1, 2])


def good_settings() -> tuple[bytes, ...]:
    from calibration.paradigm.model import Paradigm
    from core.settings import as_yaml
    from training.pretraining.settings import PretrainSettings

    return tuple(as_yaml(settings).encode() for settings in (Paradigm(), PretrainSettings()))


def use_settings(path: Path) -> None:
    from calibration.paradigm.model import Paradigm
    from core.errors import InputError
    from core.settings import as_yaml, load_settings
    from training.pretraining.settings import PretrainSettings

    try:
        as_yaml(load_settings(Paradigm, path))
    except InputError:
        as_yaml(load_settings(PretrainSettings, path))


def good_description() -> bytes:
    import pylsl

    info = pylsl.StreamInfo("Amp", "EEG", len(SITES), 250.0, "float32", "amp-1")
    channels = info.desc().append_child("channels")
    for site in SITES:
        channel = channels.append_child("channel")
        for name, value in (("label", site), ("unit", "microvolts"), ("type", "EEG")):
            channel.append_child_value(name, value)
    known = {"uid": "1f0c", "session_id": "default", "hostname": "lab"}
    text = info.as_xml()
    for name, value in known.items():
        text = text.replace(f"<{name}></{name}>", f"<{name}>{value}</{name}>")
    return text.encode()


def use_description(path: Path) -> None:
    """Make the stream that a description announces, and read its facts."""
    import ctypes

    import pylsl
    from pylsl.lib import lib

    from core.stream.description import facts_from
    from core.stream.discovery import StreamQuery, list_streams
    from core.units import volts_per

    lib.lsl_streaminfo_from_xml.restype = ctypes.c_void_p
    lib.lsl_streaminfo_from_xml.argtypes = [ctypes.c_char_p]
    info = pylsl.StreamInfo(handle=lib.lsl_streaminfo_from_xml(path.read_bytes() + b"\0"))
    pylsl.resolve_streams = lambda wait_time: [info]  # as if it were on the network
    stream = list_streams()[0]
    StreamQuery(stream="Amp").among([stream])
    facts = facts_from(stream, lambda: info)
    shown = [str(stream), *facts.labels, *facts.units, *facts.types, *facts.warnings]
    for text in shown:
        if any(unicodedata.category(c) in _CONTROLS for c in text) or len(text) > 1000:
            raise ValueError(f"not plain text: {text[:60]!r}")
    for unit in facts.units:
        volts_per(unit)
