"""One table: what each of braindecode's encoders takes, gives, and may be used for.

Sources: the papers, the authors' code and the model cards. docs/foundation.md shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from core.encoders.braindecode import inputs
from core.encoders.hub import HubFile
from core.errors import InputError
from core.suggestions import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

FAMILY_NAME = "braindecode"

Telling = Literal["nothing", "chs_info", "ch_names", "positions", "rows"]
"""How a model hears of its electrodes: not at all, as ``chs_info`` when it is built, as names or
positions with every window, or as rows of its channel embedding when it is built."""

_NINETEEN = tuple("FP1 FP2 F7 F3 FZ F4 F8 T7 C3 CZ C4 T8 P7 P3 PZ P4 P8 O1 O2".split())
_SIXTY_TWO = tuple(
    """
    FP1 FPZ FP2 AF7 AF3 AF4 AF8 F7 F5 F3 F1 FZ F2 F4 F6 F8
    FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 T7 C5 C3 C1 CZ C2 C4 C6 T8
    TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 P7 P5 P3 P1 PZ P2 P4 P6 P8
    PO7 PO5 PO3 POZ PO4 PO6 PO8 O1 OZ O2
    """.split()
)
_TEN_TEN = tuple(
    """
    FP1 FPZ FP2 AF7 AF3 AFZ AF4 AF8 F9 F7 F5 F3 F1 FZ F2 F4 F6 F8 F10
    FT9 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 FT10 T9 T7 C5 C3 C1 CZ C2 C4 C6 T8 T10
    TP9 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 TP10 P9 P7 P5 P3 P1 PZ P2 P4 P6 P8 P10
    PO9 PO7 PO5 PO3 POZ PO4 PO6 PO8 PO10 O1 OZ O2 IZ
    """.split()
)
_LEE = tuple(
    """
    FP1 FP2 F7 F3 FZ F4 F8 FC5 FC1 FC2 FC6 T7 C3 CZ C4 T8 TP9 CP5 CP1 CP2 CP6 TP10 P7 P3 PZ P4 P8
    PO9 O1 OZ O2 PO10 FC3 FC4 C5 C1 C2 C6 CP3 CPZ CP4 P1 P2 POZ FT9 FTT9H TTP7H TP7 TPP9H FT10
    FTT10H TPP8H TP8 TPP10H F9 F10 AF7 AF3 AF4 AF8 PO3 PO4
    """.split()
)  # of Lee2019_MI


@dataclass(frozen=True)
class FoundationModel:
    """One encoder: what it is fed, what it gives, where its weights are, and its licence.

    Attributes
    ----------
    name : str
        Behind ``braindecode:``.
    rate : float
        In Hz.
    window, patch, stride : int
        As in `EncoderSpec`, in samples.
    tokens : tuple of (int or None, int)
        As in `EncoderSpec`.
    scaling : str
        What is done to a window in µV, in words.
    scale : callable (window, electrodes) -> Tensor
        That does it; also makes derivations.
    montage : str
        How the given electrodes are mapped to its own, in words.
    ch_names : tuple of str
        Electrodes it can be given, in the order in which it is given them.
    licence : str
        Of the weights.
    key : tuple of (str, tuple of int)
        A tensor by which a file is recognised, and its shape.
    restriction : str
        What the licence asks for or forbids, to be said before the first use; "" for nothing.
    repository, filename : str
        On the Hugging Face hub; "" for weights that are not there in braindecode's form.
    gated : bool
        Whether the repository asks for a login and an agreement.
    kind : str
        Name of braindecode's class, if it is not `name`.
    settings : mapping
        Of its constructor, beside the sizes.
    told : {"nothing", "chs_info", "ch_names", "positions", "rows"}
    inputs : int or None
        Channels that it is built for, if not one an electrode.
    needs_all : bool
        Whether none of `ch_names` may be missing.
    by_channel : bool
        Whether its tokens come electrode by electrode, not column by column.
    longest : int
        Samples that the published tables of positions in time are for, if they are cut to the
        window; 0 if there are none.
    cut : str
        Name of that table.
    montage_file : HubFile or None
        What gives the published weights their electrodes: a list of names (rows) or a table from
        names to positions.
    left_out : tuple of str
        Beginnings of names in published files that belong to a head, a decoder or a montage.
    renamed : mapping of str to str
        Beginnings of names in published files -> in braindecode's class.
    """

    name: str
    rate: float
    window: int
    patch: int
    stride: int
    tokens: tuple[int | None, int]
    scaling: str
    scale: Callable[[Tensor, tuple[str, ...]], Tensor] = field(repr=False)
    montage: str
    ch_names: tuple[str, ...]
    licence: str
    key: tuple[str, tuple[int, ...]]
    restriction: str = ""
    repository: str = ""
    filename: str = "model.safetensors"
    gated: bool = False
    kind: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    told: Telling = "nothing"
    inputs: int | None = None
    needs_all: bool = False
    by_channel: bool = False
    longest: int = 0
    cut: str = ""
    montage_file: HubFile | None = None
    left_out: tuple[str, ...] = ("final_layer.",)
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def class_name(self) -> str:
        """Name of the class in `braindecode.models`."""
        return self.kind or self.name

    @property
    def source(self) -> str:
        """What `load_encoder` is given."""
        return f"{FAMILY_NAME}:{self.name}"

    @property
    def columns(self) -> int:
        """Columns of tokens in a window."""
        return (self.window - self.patch) // self.stride + 1

    @property
    def spread(self) -> bool:
        """Whether features have a standard deviation beside the mean over columns."""
        return self.tokens[0] is not None and self.columns > 1

    @property
    def notice(self) -> str:
        """What has to be said before the weights are used; "" if nothing has."""
        if not self.restriction:
            return ""
        return f"The weights of {self.source} are under {self.licence}: {self.restriction}."

    @property
    def hub_file(self) -> HubFile | None:
        """Where the published weights are.

        Their revision and SHA-256 could not be learned without a network: the SHA-256 of the
        first download is kept, and anything else is refused after it.
        """
        if not self.repository:
            return None
        return HubFile(
            name=self.source,
            repository=self.repository,
            revision="main",
            filename=self.filename,
            notice=self.notice,
            gated=self.gated,
            size=self.name,
            licence=self.licence,
        )


_ANY = (
    "any electrodes of the 10-10 system, always in this table's order, which it sees as neighbours"
)
_PLACES = "any electrodes of the 10-10 system, by their places on MNE's standard head"


def _steegformer(name: str, size: str, width: int, depth: int, heads: int) -> FoundationModel:
    return FoundationModel(
        name=name,
        kind="STEEGFormer",
        rate=128.0,
        window=512,
        patch=16,
        stride=16,
        tokens=(None, width),
        scaling="clipped at 500 µV, then each channel of the window to mean 0 and sd 1",
        scale=inputs.standardised,
        montage="by name, one row of its channel embedding each (the hub's list of 145)",
        ch_names=_TEN_TEN,
        told="rows",
        licence="MIT",
        repository=f"braindecode/STEEGFormer-{size}",
        settings={"embed_dim": width, "depth": depth, "num_heads": heads},
        key=("cls_token", (1, 1, width)),
        montage_file=HubFile(
            name="braindecode:STEEGFormer channels",
            repository="braindecode/STEEGFormer-small",
            revision="main",
            filename="steegformer_channels.json",
        ),
    )


def _luna(name: str, size: str, width: int, queries: int, depth: int) -> FoundationModel:
    return FoundationModel(
        name=name,
        kind="LUNA",
        rate=256.0,
        window=960,
        patch=40,
        stride=40,
        tokens=(1, width * queries),
        scaling="each channel of the window to mean 0 and sd 1, clipped at 15",
        scale=inputs.clipped,
        montage=_PLACES,
        ch_names=_TEN_TEN,
        told="chs_info",
        licence="CC BY-ND 4.0",
        restriction="they may be passed on unchanged only, with the authors named",
        repository="PulpBio/LUNA",
        filename=f"LUNA_{size}.safetensors",
        settings={"embed_dim": width, "num_queries": queries, "depth": depth},
        key=("mask_token", (1, 1, width)),
        left_out=("final_layer.", "decoder_head.", "channel_emb."),
        renamed={
            "channel_location_embedder.0.": "channel_location_embedder.",
            "cross_attn.temparature": "cross_attn.temperature",
        },
    )


_TABLE = (
    FoundationModel(
        name="Labram",
        rate=200.0,
        window=800,
        patch=200,
        stride=200,
        tokens=(None, 200),
        scaling="µV / 100",
        scale=inputs.hundredths,
        montage="by name, one row of its position embedding each",
        ch_names=_TEN_TEN,
        told="ch_names",
        by_channel=True,
        longest=3000,
        cut="temporal_embedding",
        licence="MIT",
        repository="braindecode/labram-pretrained",
        key=("position_embedding", (1, 129, 200)),
    ),
    FoundationModel(
        name="BIOT",
        rate=200.0,
        window=800,
        patch=800,
        stride=800,
        tokens=(1, 256),
        scaling="each derivation divided by the 95th percentile of its size in the window",
        scale=inputs.derivations,
        montage="16 bipolar derivations (double banana) of 19 electrodes less FZ, CZ and PZ",
        ch_names=tuple(name for name in _NINETEEN if name not in ("FZ", "CZ", "PZ")),
        needs_all=True,
        inputs=16,
        licence="MIT",
        repository="braindecode/biot-pretrained-prest-16chs",
        key=("encoder.channel_tokens.weight", (16, 256)),
    ),
    FoundationModel(
        name="BENDR",
        rate=256.0,
        window=1024,
        patch=1024,
        stride=1024,
        tokens=(1, 512),
        scaling="the window from -1 to 1, and its range (against 1000 µV) as a 20th channel",
        scale=inputs.relative,
        montage="19 electrodes of the 10-20 system, fixed",
        ch_names=_NINETEEN,
        needs_all=True,
        inputs=20,
        licence="no licence",
        restriction="their authors published none, so nothing allows passing them on or selling "
        "what is made with them",
        repository="braindecode/braindecode-bendr",
        key=("encoder.encoder.Encoder_0.0.weight", (512, 20, 3)),
        left_out=("final_layer.", "projection_head."),
    ),
    FoundationModel(
        name="CBraMod",
        rate=200.0,
        window=800,
        patch=200,
        stride=200,
        tokens=(None, 200),
        scaling="µV / 100",
        scale=inputs.hundredths,
        montage=_ANY,
        ch_names=_TEN_TEN,
        by_channel=True,
        licence="MIT",
        repository="braindecode/cbramod-pretrained",
        key=("encoder.layers.0.self_attn_s.in_proj_weight", (300, 100)),
    ),
    FoundationModel(
        name="EEGPT",
        rate=256.0,
        window=1024,
        patch=64,
        stride=64,
        tokens=(4, 512),
        scaling="mV",
        scale=inputs.millivolts,
        montage="by name, one row of its channel embedding each",
        ch_names=_SIXTY_TWO,
        told="chs_info",
        licence="as on the hub's card",
        repository="braindecode/eegpt-pretrained",
        settings={"chan_proj_type": "none", "patch_stride": 64},
        key=("target_encoder.summary_token", (1, 4, 512)),
        left_out=("final_layer.", "chans_id", "chan_proj.", "predictor.", "reconstructor."),
    ),
    FoundationModel(
        name="REVE",
        rate=200.0,
        window=740,
        patch=200,
        stride=180,
        tokens=(None, 512),
        scaling="each channel of the window to mean 0 and sd 1, clipped at 15",
        scale=inputs.clipped,
        montage="any electrodes, by their places in the hub's table (untrained: MNE's, in m)",
        ch_names=_TEN_TEN,
        told="positions",
        by_channel=True,
        licence="an agreement with the authors",
        restriction="it is asked for on the hub, can be withdrawn, and forbids passing them on",
        gated=True,
        repository="brain-bzh/reve-base",
        key=("to_patch_embedding.0.weight", (512, 200)),
        montage_file=HubFile(
            name="braindecode:REVE positions",
            repository="brain-bzh/reve-positions",
            revision="main",
            filename="positions.json",
        ),
        left_out=("final_layer.", "cls_query_token"),
    ),
    _luna("LUNA", "base", 64, 4, 8),
    _luna("LUNA-large", "large", 96, 6, 10),
    _luna("LUNA-huge", "huge", 128, 8, 24),
    FoundationModel(
        name="SignalJEPA",
        rate=128.0,
        window=408,
        patch=152,
        stride=128,
        tokens=(None, 64),
        scaling="µV",
        scale=inputs.microvolts,
        montage="by name, one row of its channel embedding each (the 62 of Lee2019)",
        ch_names=_LEE,
        told="chs_info",
        by_channel=True,
        licence="MIT",
        repository="braindecode/signal-jepa",
        settings={"channel_embedding": "pretrain_aligned"},
        key=("pos_encoder.pos_encoder_spat.weight", (62, 30)),
    ),
    _steegformer("STEEGFormer", "small", 512, 8, 8),
    _steegformer("STEEGFormer-base", "base", 768, 12, 12),
    _steegformer("STEEGFormer-large", "large", 1024, 24, 16),
    FoundationModel(
        name="ZUNA",
        rate=256.0,
        window=1024,
        patch=1024,
        stride=1024,
        tokens=(None, 32),
        scaling="the window to mean 0 and sd 0.1 over all channels",
        scale=inputs.tenths,
        montage=_PLACES,
        ch_names=_TEN_TEN,
        told="chs_info",
        licence="Apache-2.0",
        key=("encoder.registers", (1, 32)),
    ),
)

MODELS = {model.name: model for model in _TABLE}
"""By name, as behind ``braindecode:``."""


def model_named(name: str) -> FoundationModel:
    """Return one of the table's.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in MODELS:
        raise InputError(
            f'There is no braindecode model "{name}" here; there are {", ".join(MODELS)}.'
            + did_you_mean(name, MODELS)
        )
    return MODELS[name]
