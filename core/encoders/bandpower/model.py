"""The encoder: spatial filters, one temporal filter each, log power of half a second."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.base import Encoder, check_window, rows_of
from core.encoders.patch_stream import PatchStream
from core.encoders.spec import EncoderSpec
from core.encoders.subprocess_encoder import EncoderStep, SubprocessStep
from core.errors import InputError

FRONT = tuple("FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FT8 T7 T8 TP7 TP8".split())
"""Electrodes near eyes and jaw: regressed out of the others before the encoder, or encoded too."""

ELECTRODES = tuple(
    """
    FC5 FC3 FC1 FCZ FC2 FC4 FC6 C5 C3 C1 CZ C2 C4 C6 CP5 CP3 CP1 CPZ CP2 CP4 CP6
    P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7 PO3 POZ PO4 PO8 O1 OZ O2
    """.split()
)
"""Electrodes that are always encoded."""

RATE = 256.0  # Hz
_DECIMATION = 2  # the signal has nothing above 40 Hz
_TAPS = 32  # of a temporal filter, at 128 Hz: a quarter of a second
_STEP = 2  # samples at 128 Hz from one squared value to the next
_GAIN = 100.0  # of whitened signal, which has 0.01 mV: weights of about 1 learn as others do
_FOLLOWED = 0.05  # of the way to a batch's mean and deviation, at each step of training
_FLOOR = 1e-3  # added to a power; the sources of whitened signal have about 1


@dataclass(frozen=True)
class BandPowerShape:
    """How many sources an encoder has, and what its tokens and features are.

    Attributes
    ----------
    sources : int
    width : int
        Of a token: mixtures of the sources' log power, or as many as there are sources, which then
        are not mixed.
    course : bool
        Whether the features of a window are all of its tokens, and not sums over them.
    mirrored : bool
        Whether the second half of the sources is the mirror image of the first.
    """

    sources: int
    width: int
    course: bool = False
    mirrored: bool = False

    @property
    def image(self) -> BandPowerShape:
        """Of an encoder of this shape and its mirror image together."""
        return replace(self, sources=2 * self.sources, width=2 * self.width, mirrored=True)

    def exchange(self, patches: int) -> tuple[int, ...] | None:
        """Return where each feature of a window goes when left and right electrodes are exchanged.

        None if the encoder does not encode the mirror image too.
        """
        if not self.mirrored:
            return None
        columns = patches if self.course else 1
        halves = np.arange(columns * self.width).reshape(columns, 2, -1)
        return tuple(halves[:, ::-1].ravel().tolist())


_SMALL, _TINY = BandPowerShape(sources=48, width=4), BandPowerShape(sources=8, width=4)
_COURSE = BandPowerShape(sources=48, width=48, course=True)
_COURSE_TINY = BandPowerShape(sources=8, width=8, course=True)
_WIDE = BandPowerShape(sources=96, width=96, course=True)
_WIDE_TINY = BandPowerShape(sources=16, width=16, course=True)

SHAPES = {
    "small": _SMALL,
    "tiny": _TINY,
    "course": _COURSE,
    "course-tiny": _COURSE_TINY,
    "wide-course": _WIDE,
    "wide-course-tiny": _WIDE_TINY,
    "mirrored": _SMALL.image,
    "mirrored-tiny": _TINY.image,
    "mirrored-course": _COURSE.image,
    "mirrored-course-tiny": _COURSE_TINY.image,
    "mirrored-wide-course": _WIDE.image,
    "mirrored-wide-course-tiny": _WIDE_TINY.image,
}


def size_with_shape(shape: BandPowerShape) -> str | None:
    """Return what the size of this shape is called; None if there is none."""
    return next((name for name, other in SHAPES.items() if other == shape), None)


def bandpower_spec(
    size: str, *, name: str, trained: bool, provenance: dict[str, str], front: bool = False
) -> EncoderSpec:
    """Return the spec of an encoder of this family.

    A token for each half a second and the filters' quarter before it, every quarter of a second,
    of channels that were whitened to 10 µV. With `front`, frontal and temporal electrodes are
    encoded as the others are, else they are regressed out of them.

    Raises
    ------
    InputError
        If there is no such size.
    """
    if size not in SHAPES:
        raise InputError(f'The family bandpower has no size "{size}"; it has {", ".join(SHAPES)}.')
    channels = FRONT + ELECTRODES
    return EncoderSpec(
        family="bandpower",
        size=size,
        name=name,
        rate=RATE,
        unit="mV",
        patch=192,
        stride=64,
        window=1024,
        ch_names=channels,
        tokens=(1, SHAPES[size].width),
        trained=trained,
        provenance=dict(provenance),
        covariance=tuple(map(tuple, (1e-4 * np.eye(len(channels))).tolist())),
        regressors=() if front else FRONT,
    )


class BandPower(Encoder):
    """Log power of learned sources, mixed into a few features.

    Parameters
    ----------
    spec : EncoderSpec
        Its `size` fixes the number of sources.
    seed : int
        Of the random weights it starts with.

    Attributes
    ----------
    electrodes : tuple of str
        That are encoded; the position of a name is its row of `spatial`.
    spatial : Parameter, shape (electrodes, sources)
    temporal : Parameter, shape (sources, 1, taps)
        At half the rate.
    mean, deviation : Tensor, shape (sources, 1)
        Of the sources' log power over what was trained on, which `encode` follows in training mode.
    mixture : Parameter, shape (sources, width), or None
        None where sources are not mixed.
    attention : Parameter, shape (patches, width), or None
        How much each quarter second of a window counts in `pool`; None where all of them are
        features.

    Notes
    -----
    The layers of Schirrmeister et al. (2017), Deep learning with convolutional neural networks for
    EEG decoding and visualization, Human Brain Mapping 38(11), section "shallow ConvNet", with a
    temporal filter for each spatial one instead of all pairs. Electrodes that are not there are
    left out of the sums, which are scaled by the root of the share that is. Nothing passes from
    patch to patch, so that streaming is exact.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: EncoderSpec, seed: int = 0) -> None:
        super().__init__()
        self.spec = spec
        self.electrodes = electrodes_of(spec)
        size = SHAPES[spec.size]
        self.spatial = nn.Parameter(torch.empty(len(self.electrodes), size.sources))
        self.temporal = nn.Parameter(torch.empty(size.sources, 1, _TAPS))
        self.register_buffer("mean", torch.zeros(size.sources, 1))
        self.register_buffer("deviation", torch.ones(size.sources, 1))
        self.mixture: nn.Parameter | None = None
        self.attention: nn.Parameter | None = None
        if not size.course:
            self.mixture = nn.Parameter(torch.empty(size.sources, size.width))
            self.attention = nn.Parameter(torch.empty(spec.patches, size.width))
        if self.spatial.device.type != "meta":
            self._draw(np.random.default_rng(seed))

    @torch.no_grad()
    def _draw(self, random: np.random.Generator) -> None:
        """Draw weights: sources of all electrodes, each with a rhythm of 6 to 32 Hz."""
        electrodes, sources = self.spatial.shape
        time = np.arange(_TAPS) * _DECIMATION / RATE  # s
        hertz = random.permutation(np.geomspace(6.0, 32.0, sources))[:, None]
        phase = random.random((sources, 1))
        waves = np.cos(2.0 * np.pi * (hertz * time + phase)) * np.hanning(_TAPS)
        waves /= np.linalg.norm(waves, axis=1, keepdims=True)
        self.temporal.copy_(torch.from_numpy(waves)[:, None])
        drawn = random.standard_normal((electrodes, sources)) / math.sqrt(electrodes)
        self.spatial.copy_(torch.from_numpy(drawn))
        if self.mixture is not None and self.attention is not None:
            mixture = random.standard_normal(tuple(self.mixture.shape)) / math.sqrt(sources)
            self.mixture.copy_(torch.from_numpy(mixture))
            self.attention.fill_(1.0 / len(self.attention))

    @property
    def features(self) -> int:
        """Length of what `pool` makes of a window."""
        return self.spec.tokens[1] * (1 if self.attention is not None else self.spec.patches)

    def tokens(self, window: Tensor, ch_names: Sequence[str]) -> Tensor:
        """Encode windows, as `Encoder.tokens`: (batch, patches, 1, width)."""
        check_window(window, len(ch_names))
        places, rows = encoded(ch_names, self.spec)
        return self.encode(window[:, places], rows)

    def encode(self, window: Tensor, rows: Sequence[int] | Tensor) -> Tensor:
        """Encode windows of channels that are all encoded.

        Parameters
        ----------
        window : Tensor, shape (batch, channels, samples)
        rows : sequence or Tensor of int, shape (channels,)
            Of the spatial filters.

        Returns
        -------
        Tensor, shape (batch, patches, 1, width)
        """
        weights = self.spatial[rows] * (_GAIN * math.sqrt(len(self.spatial) / len(rows)))
        mixed = torch.matmul(weights.T, window[..., ::_DECIMATION])  # (batch, sources, samples)
        filtered = F.conv1d(mixed, self.temporal, stride=_STEP, groups=len(self.temporal))
        every = _DECIMATION * _STEP
        pool = (self.spec.patch - _DECIMATION * _TAPS) // every + 1
        power = F.avg_pool1d(filtered.square(), pool, self.spec.stride // every)
        logs = (power + _FLOOR).log()  # (batch, sources, patches)
        mean, deviation = self.mean, self.deviation
        if self.training:
            mean, deviation = logs.mean(dim=(0, 2))[:, None], logs.std(dim=(0, 2))[:, None]
            with torch.no_grad():
                self.mean.lerp_(mean, _FOLLOWED)
                self.deviation.lerp_(deviation, _FOLLOWED)
        standard = ((logs - mean) / deviation).transpose(1, 2)  # (batch, patches, sources)
        mixed = standard if self.mixture is None else torch.matmul(standard, self.mixture)
        return mixed.unsqueeze(2)

    def pool(self, tokens: np.ndarray) -> np.ndarray:
        """Return the features of windows: their columns, or the sums that `attention` weighs.

        Parameters
        ----------
        tokens : ndarray, shape (windows, columns, 1, width)
            All of a window's columns, or its last ones; the first ones then count as average.

        Returns
        -------
        ndarray, shape (windows, features)
        """
        windows, columns, _, width = tokens.shape
        if self.attention is None:
            whole = np.zeros((windows, self.spec.patches, width))
            whole[:, -columns:] = tokens[:, :, 0]
            return whole.reshape(windows, -1)
        weights = self.attention.detach().cpu().double().numpy()
        pooled: np.ndarray = np.einsum("wcsf,cf->wf", tokens, weights[-columns:])
        return pooled

    def pooled(self, tokens: Tensor) -> Tensor:
        """Return the features of `pool` as a tensor, through which weights can be trained."""
        columns = tokens.shape[1]
        if self.attention is None:
            return F.pad(tokens[:, :, 0], (0, 0, self.spec.patches - columns, 0)).flatten(1)
        return torch.einsum("wcsf,cf->wf", tokens, self.attention[-columns:])

    def stream(
        self, ch_names: Sequence[str], hop: int | None = None, in_subprocess: bool = False
    ) -> PatchStream:
        """Return the same tokens for a stream: a hop costs one patch."""
        if self.training:
            raise ValueError("The encoder is in training mode; call its eval() first.")
        step: EncoderStep = PatchStep(self, ch_names)
        if in_subprocess:
            piece = (len(ch_names), self.spec.patch)
            shape = self.spec.token_shape(len(ch_names))[1:]
            step = SubprocessStep(PatchStep, (self, tuple(ch_names)), piece, shape)
        weight = self.spatial
        return PatchStream(self.spec, len(ch_names), step, hop, weight.dtype, weight.device)


def electrodes_of(spec: EncoderSpec) -> tuple[str, ...]:
    """Return which electrodes an encoder encodes, in the order of its rows."""
    return ELECTRODES if spec.regressors else FRONT + ELECTRODES


def encoded(ch_names: Sequence[str], spec: EncoderSpec) -> tuple[list[int], list[int]]:
    """Return which channels are encoded, and their rows of the spatial filters.

    Raises
    ------
    InputError
        If an electrode is unknown or named twice, or none is encoded.
    """
    rows = rows_of(ch_names, FRONT + ELECTRODES, "The family bandpower")
    first = len(FRONT) if spec.regressors else 0
    places = [place for place, row in enumerate(rows) if row >= first]
    if not places:
        raise InputError(
            "This encoder encodes no frontal or temporal electrode, and there is no other; "
            f"it encodes {' '.join(ELECTRODES)}."
        )
    return places, [rows[place] - first for place in places]


class PatchStep:
    """Encodes one patch at a time.

    Parameters
    ----------
    encoder : BandPower
        In eval mode.
    ch_names : sequence of str
    """

    def __init__(self, encoder: BandPower, ch_names: Sequence[str]) -> None:
        self._encoder = encoder
        self._places, self._rows = encoded(ch_names, encoder.spec)

    def prepare(self) -> None:
        """Nothing to wait for."""

    @torch.inference_mode()
    def encode(self, piece: Tensor, out: Tensor) -> None:
        """Write the token of a patch, shape (channels, samples of a patch), into `out`."""
        out.copy_(self._encoder.encode(piece[None, self._places], self._rows)[0, 0])
