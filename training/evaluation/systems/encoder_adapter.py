"""Encoders of others, as braindecode has them: frozen, each fed what it was trained on.

An optional extra. What is learned is one linear head on their features, as for our encoder. The
signal is that of our path, so without what is above its low-pass, which all of them have seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from core.decoding.heads import LinearHead, fit_head
from core.errors import InputError
from core.recordings import UNIT
from core.units import factor
from training.evaluation.systems.networks import network_class
from training.evaluation.trials import Trials

UNTRAINED = "untrained-"
"""Before a name: the same with random weights, to see what training is worth."""

PAIRS = tuple(
    """
    FP1-F7 F7-T7 T7-P7 P7-O1 FP2-F8 F8-T8 T8-P8 P8-O2
    FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2
    """.split()
)
"""Derivations that BIOT takes: the double banana of the TUH corpora."""

SITES = tuple("FP1 FP2 F7 F3 FZ F4 F8 T7 C3 CZ C4 T8 P7 P3 PZ P4 P8 O1 O2".split())
"""Electrodes that BENDR takes, in its order."""


@dataclass(frozen=True)
class Foreign:
    """How a model of braindecode wants its input.

    Attributes
    ----------
    repository : str
        On the Hugging Face hub, with model.safetensors.
    rate : float
        In Hz.
    feed : callable
        From windows in µV at that rate, (trials, channels, samples), and electrodes to what the
        model takes.
    settings : dict
        Of its constructor, beside sizes.
    named : bool
        Whether it wants to know the electrodes.
    """

    repository: str
    rate: float
    feed: Callable[[np.ndarray, tuple[str, ...]], np.ndarray]
    settings: dict[str, Any]
    named: bool = False


def _hundredths(windows: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    return windows / 100.0


def _millivolts(windows: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    return windows / 1000.0


def _derivations(windows: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """Return differences of neighbours, each divided by the 95th percentile of its size."""
    ends = [pair.split("-") for pair in PAIRS]
    first, second = ([_place(pair[end], channels) for pair in ends] for end in (0, 1))
    found = windows[:, first] - windows[:, second]
    scaled: np.ndarray = found / (np.quantile(np.abs(found), 0.95, axis=-1, keepdims=True) + 1e-8)
    return scaled


def _scaled(windows: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """Return windows from -1 to 1, and a channel that says how large a window was.

    The size is relative to the largest window given, since that of the training set is not known.
    """
    found = windows[:, [_place(name, channels) for name in SITES]]
    low, high = (f(found, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    span = high - low
    size = np.broadcast_to(2.0 * (span / span.max() - 0.5), (len(found), 1, found.shape[-1]))
    return np.concatenate([2.0 * (found - low) / span - 1.0, size], axis=1)


MODELS = {
    "Labram": Foreign("braindecode/labram-pretrained", 200.0, _hundredths, {}, named=True),
    "BIOT": Foreign("braindecode/biot-pretrained-prest-16chs", 200.0, _derivations, {}),
    "BENDR": Foreign("braindecode/braindecode-bendr", 256.0, _scaled, {}),
    "EEGPT": Foreign(
        "braindecode/eegpt-pretrained",
        256.0,
        _millivolts,
        {"chan_proj_type": "none", "patch_stride": 64},
        named=True,
    ),
}
"""By the names of braindecode's classes."""

FOREIGN = (*MODELS, *(UNTRAINED + name for name in MODELS))


@dataclass(frozen=True)
class ForeignSystem:
    """A frozen encoder of braindecode and one linear head.

    Attributes
    ----------
    name : str
        One of `FOREIGN`.
    """

    name: str

    @property
    def encoder(self) -> str | None:
        """None: what these have seen in pretraining is said in the documentation, not by them."""
        return None

    def fit(self, trials: Trials, seed: int) -> ForeignModel:
        """Learn.

        Raises
        ------
        InputError
            If braindecode or the weights are not there, or an electrode that it needs.
        """
        return ForeignModel(
            self.name,
            fit_head([features_of(self.name, trials)], trials.labels, len(trials.classes)),
        )


@dataclass(frozen=True)
class ForeignModel:
    """A head that was fitted."""

    name: str
    head: LinearHead

    def probabilities(self, trials: Trials) -> np.ndarray:
        """Return class probabilities, shape (trials, classes)."""
        return self.head.probabilities(features_of(self.name, trials))


def features_of(name: str, trials: Trials) -> np.ndarray:
    """Return mean and spread of a model's tokens over each window, shape (trials, features).

    They are computed once for all windows of a person.
    """
    found = []
    for share in trials.shares:
        key = ("foreign", name)
        if key not in share.known:
            windows = np.stack(
                [
                    share.signal.segments[r][a : a + share.epochs.length].T
                    for r, a in share.epochs.places
                ]
            )
            windows = windows * factor(share.signal.spec.unit, UNIT)
            share.known[key] = encoded(name, windows, trials.channels, trials.rate)
        found.append(share.known[key][share.index])
    return np.concatenate(found)


def encoded(name: str, windows: np.ndarray, channels: tuple[str, ...], rate: float) -> np.ndarray:
    """Return features of windows.

    Parameters
    ----------
    name : str
        One of `FOREIGN`.
    windows : ndarray, shape (trials, channels, samples)
        In µV, with the average reference.
    channels : tuple of str
    rate : float
        In Hz.

    Returns
    -------
    ndarray, shape (trials, features)
    """
    import torch

    about = MODELS[name.removeprefix(UNTRAINED)]
    if rate != about.rate:
        windows = resample_poly(windows, round(about.rate), round(rate), axis=-1)
    given = torch.from_numpy(np.ascontiguousarray(about.feed(windows, channels))).float()
    model = _model(name, given.shape[1], given.shape[2], channels if about.named else ())
    named = {"ch_names": list(channels)} if name.endswith("Labram") else {}
    found = []
    with torch.inference_mode():
        for one in given.split(1):
            tokens = model(one, return_features=True, **named)["features"].double().numpy()
            flat = tokens.reshape(1, -1, tokens.shape[-1])
            found.append(np.concatenate([flat.mean(axis=1), flat.std(axis=1)], axis=1))
    return np.concatenate(found)


@cache
def _model(name: str, channels: int, samples: int, electrodes: tuple[str, ...]) -> Any:
    """Return a frozen model, with the published weights unless random ones are asked for."""
    import torch

    kind = name.removeprefix(UNTRAINED)
    about = MODELS[kind]
    sizes: dict[str, Any] = {"n_outputs": 2, "n_times": samples, "sfreq": about.rate}
    sizes |= (
        {"chs_info": [{"ch_name": name} for name in electrodes]}
        if electrodes
        else {"n_chans": channels}
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of montages that are not the whole one
        torch.manual_seed(0)
        model = network_class(kind)(**sizes, **about.settings).eval()
    if not name.startswith(UNTRAINED):
        _load(model, kind)
    return model


def _load(model: Any, kind: str) -> None:
    """Put the published weights into a model; its own head and list of electrodes stay."""
    from huggingface_hub import hf_hub_download
    from safetensors.torch import load_file

    repository = MODELS[kind].repository
    try:
        published = load_file(hf_hub_download(repository, "model.safetensors", token=False))
    except Exception as error:  # of the network, a server, a file
        raise InputError(
            f"The weights of {kind} (huggingface.co/{repository}) cannot be had here; leave this "
            f"system out, or try {UNTRAINED}{kind}."
        ) from error
    mine = model.state_dict()
    needed = {
        key for key in mine if not key.startswith(("final_layer", "chans_id", "projection_head"))
    }
    lacking = sorted(
        key for key in needed if key not in published or published[key].shape != mine[key].shape
    )
    if lacking:
        raise InputError(
            f"The weights of {kind} in {repository} do not fit this version of braindecode: "
            f"{len(lacking)} tensors differ, such as {lacking[0]}."
        )
    model.load_state_dict({key: published[key] for key in needed}, strict=False)


def _place(electrode: str, channels: tuple[str, ...]) -> int:
    if electrode not in channels:
        raise InputError(f"This encoder needs the electrode {electrode}; leave this system out.")
    return channels.index(electrode)
