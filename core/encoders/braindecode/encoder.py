"""A model of braindecode as an `Encoder`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.encoders.base import Encoder, TokenStream, rows_of
from core.encoders.braindecode.library import braindecode_class
from core.encoders.braindecode.models import FAMILY_NAME, FoundationModel, model_named
from core.encoders.files import no_init
from core.encoders.spec import EncoderSpec
from core.encoders.window_stream import WindowStream
from core.errors import InputError

_KEPT = 4  # montages that a model is kept for


def spec_of(
    model: FoundationModel,
    *,
    trained: bool,
    name: str,
    provenance: dict[str, str],
    ch_names: tuple[str, ...] = (),
) -> EncoderSpec:
    """Return the spec of an encoder of the table, by default of all electrodes that it states."""
    ch_names = ch_names or model.ch_names
    return EncoderSpec(
        family=FAMILY_NAME,
        size=model.name,
        name=name,
        rate=model.rate,
        unit="uV",
        patch=model.patch,
        stride=model.stride,
        window=model.window,
        ch_names=ch_names,
        required=ch_names if model.needs_all else (),
        tokens=model.tokens,
        trained=trained,
        context="window",
        provenance=provenance,
    )


class BraindecodeEncoder(Encoder):
    """A frozen model of braindecode, without its head.

    The weights are those of the model built for all electrodes of the spec. For the electrodes
    that are given it is built anew around the same weights.

    Parameters
    ----------
    spec : EncoderSpec
        As `spec_of` gives it.
    seed : int
        Of random weights.

    Raises
    ------
    InputError
        If braindecode cannot be imported, or the facts do not fit together.
    """

    def __init__(self, spec: EncoderSpec, seed: int = 0) -> None:
        super().__init__()
        about = model_named(spec.size)
        expected = spec_of(
            about,
            trained=spec.trained,
            name=spec.name,
            provenance=spec.provenance,
            ch_names=spec.ch_names,
        )
        if expected != spec or (about.needs_all and spec.ch_names != about.ch_names):
            raise InputError(f"The facts of braindecode's {spec.size} do not fit together.")
        self.spec = spec
        self._about = about
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = _built(about, spec, spec.ch_names, about.longest or spec.window)
        if about.told == "positions":
            self.register_buffer("positions", places_in_metres(spec.ch_names))
        self._models: dict[tuple[str, ...], nn.Module] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as spec and weights: braindecode's models need not survive a pickle."""
        return _rebuilt, (self.spec, dict(self.state_dict()))

    def tokens(self, window: Tensor, ch_names: Sequence[str]) -> Tensor:
        """Encode windows, as `Encoder.tokens`."""
        rows = rows_of(ch_names, self.spec.ch_names, f"braindecode's {self.spec.size}")
        # Some see neighbours in the order of channels, so that is always the spec's.
        order = sorted(range(len(rows)), key=rows.__getitem__)
        given = tuple(self.spec.ch_names[rows[place]] for place in order)
        self.spec.check_electrodes(given, "The signal")
        signal = self._about.scale(window[:, order].float(), given)
        features = self._features(signal, given)
        batch, (columns, count, width) = len(window), self.spec.token_shape(len(given))
        if self._about.by_channel:
            features = features.reshape(batch, count, columns, width).transpose(1, 2)
        tokens = features.reshape(batch, columns, count, width)
        if self.spec.tokens[0] is None:  # back to the order that was asked for
            tokens = tokens[:, :, np.argsort(order)]
        return tokens

    def stream(
        self, ch_names: Sequence[str], hop: int | None = None, in_subprocess: bool = False
    ) -> TokenStream:
        """Return the tokens of a stream, as `Encoder.stream`."""
        given = [name for name in self.spec.ch_names if name in set(ch_names)]
        self.spec.check_electrodes(given, "The signal")
        return WindowStream(self, ch_names, hop, in_subprocess)

    def pool(self, tokens: np.ndarray) -> np.ndarray:
        """Return the features of windows, pooled as the table says."""
        if self._about.spread:
            return super().pool(tokens)
        pooled: np.ndarray = tokens.mean(axis=1).reshape(len(tokens), -1)
        return pooled

    def _features(self, signal: Tensor, given: tuple[str, ...]) -> Tensor:
        model, about = self._model_for(given), self._about
        extra: dict[str, Any] = {}
        if about.told == "ch_names":
            extra["ch_names"] = list(given)
        elif about.told == "positions":
            rows = [self.spec.ch_names.index(name) for name in given]
            extra["pos"] = self.get_buffer("positions")[rows].expand(len(signal), -1, -1)
        if about.class_name != "LUNA":  # whose output is its features, now that its head is gone
            extra["return_features"] = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of BIOT's rectangular spectral window, by design
            output = model(signal, **extra)
        return torch.as_tensor(output["features"] if isinstance(output, dict) else output)

    def _model_for(self, given: tuple[str, ...]) -> nn.Module:
        """Return the model for these electrodes, around the same weights."""
        if given not in self._models:
            # Not of the inference mode it may be called in: gradients may pass through it later.
            with torch.inference_mode(False), no_init():
                model = _built(self._about, self.spec, given, self.spec.window)
            weights = {}
            for name, tensor in self.model.state_dict().items():
                if name == self._about.cut:
                    tensor = tensor[:, : model.state_dict()[name].shape[1]]
                weights[name] = tensor
            model.load_state_dict(weights, assign=True)
            while len(self._models) >= _KEPT:
                del self._models[next(iter(self._models))]
            self._models[given] = model.eval().requires_grad_(False)
        return self._models[given]


def places_in_metres(ch_names: Sequence[str]) -> Tensor:
    """Return where electrodes are on MNE's standard head, shape (channels, 3), in m."""
    from mne.channels import get_builtin_montages, make_standard_montage

    # The same places under two names: MNE 1.13 renamed them.
    newer = "colin27_1005" in get_builtin_montages()
    montage = make_standard_montage("colin27_1005" if newer else "standard_1005")
    places = montage.get_positions()["ch_pos"]
    known = {name.upper(): place for name, place in places.items()}
    with torch.device("cpu"):
        return torch.from_numpy(np.array([known[name] for name in ch_names])).float()


def _rebuilt(spec: EncoderSpec, weights: dict[str, Tensor]) -> BraindecodeEncoder:
    with no_init():
        encoder = BraindecodeEncoder(spec)
    encoder.load_state_dict(weights, assign=True)
    return encoder.eval().requires_grad_(False)


def _built(
    about: FoundationModel, spec: EncoderSpec, ch_names: tuple[str, ...], times: int
) -> nn.Module:
    """Build a model without its head, on the processor; what depends on a montage is no weight."""
    facts: dict[str, Any] = {"n_outputs": 2, "n_times": times, "sfreq": about.rate}
    if about.told == "chs_info":
        places = places_in_metres(ch_names).numpy()
        facts["chs_info"] = [
            # As in mne.Info, where places have 12 numbers.
            {"ch_name": name, "kind": "eeg", "loc": np.append(place, np.zeros(9))}
            for name, place in zip(ch_names, places, strict=True)
        ]
    else:
        facts["n_chans"] = about.inputs or len(ch_names)
    if about.told == "rows":
        facts["chan_pos_idx"] = [spec.ch_names.index(name) for name in ch_names]
    made = braindecode_class(about.class_name)
    # On the processor, also where only names and shapes are asked for: tables that are no weights
    # are computed here.
    with torch.device("cpu"), warnings.catch_warnings(), _without_downloads(made):
        warnings.simplefilter("ignore")  # of sizes that are not those of its own example
        model: nn.Module = made(**facts, **about.settings)
    model.final_layer = nn.Identity()
    if hasattr(model, "chans_id"):
        model.register_buffer("chans_id", model.get_buffer("chans_id"), persistent=False)
    return model


@contextmanager
def _without_downloads(made: Any) -> Iterator[None]:
    """Keep REVE from downloading its table of positions: it is given them with every window."""
    module = sys.modules[made.__module__]
    bank = getattr(module, "RevePositionBank", None)
    if bank is None:
        yield
        return
    module.RevePositionBank = nn.Identity  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.RevePositionBank = bank  # type: ignore[attr-defined]
