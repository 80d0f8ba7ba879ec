"""What the engine tells the world: a log line, and the picture that a window draws."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core.decoding.decoder import Decoder
from core.decoding.outputs import Output, as_json
from core.decoding.readouts import Readout
from core.decoding.recentring import DECODER
from core.decoding.rest import RestCurve, curve_of
from core.signal.monitor import ChannelStatus
from core.stream.reconnecting_feed import Offer
from realtime.engine.cued_trials import Cue, CuedTrial
from realtime.engine.evidence import EvidenceSettings

STATUSES = ("ok", "warming", "gap", "artifact", "rate", "late", "silent", "lost")


@dataclass(frozen=True)
class Decision:
    """One decision, as logged and published.

    Attributes
    ----------
    index : int
        Counts decisions from 0.
    time : float
        LSL clock of the window's last sample, in seconds.
    sample : int
        Index of that sample at the model's rate, counted from the first sample received.
    status : str
        One of `STATUSES`; only "ok" carries probabilities.
    probabilities : dict of str to float, or None
        Probability of each class of the decoder's first task, in its order.
    decision : str or None
        The class decided for, or None while there is not enough evidence.
    age_ms : float or None
        From the newest sample's time to the moment of the decision; None for a recording.
    compute_ms : float
        Time spent on signal path, features and head for this decision.
    reference : str
        As `core.decoding.online.WindowResult.reference`.
    set_aside : tuple of str
        Electrodes whose signal was interpolated for it.
    faults : dict of str to str
        As `core.decoding.online.OnlineDecoder.faults`.
    outputs : dict of str to Output
        Task -> what it says of the window; empty without probabilities.
    idle : bool
        Whether it says that the person rests: there is no decision though the threshold was
        calibrated on rest, or it is for the decoder's idle class.
    adapted : str
        As `core.decoding.online.WindowResult.adapted`.
    """

    index: int
    time: float
    sample: int
    status: str
    probabilities: dict[str, float] | None
    decision: str | None
    age_ms: float | None
    compute_ms: float
    reference: str = DECODER
    set_aside: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    idle: bool = False
    adapted: str = ""

    @property
    def made(self) -> float:
        """LSL clock of the moment it was made; of its window's end where there is no clock."""
        return self.time + (self.age_ms or 0.0) / 1e3

    def refused(self, status: str) -> Decision:
        """Return it without what it says."""
        return replace(
            self, status=status, probabilities=None, decision=None, idle=False, outputs={}
        )

    def to_json(self) -> str:
        """Return the decision as one line of JSON.

        `set_aside`, `faults`, `idle` and `adapted` are there only where they hold, `outputs` only
        where there are several.
        """
        seldom = ("set_aside", "faults", "idle", "adapted")
        fields = {key: value for key, value in vars(self).items() if value or key not in seldom}
        del fields["outputs"]
        if len(self.outputs) > 1:
            fields["outputs"] = as_json(self.outputs)
        return json.dumps(fields, allow_nan=False)


@dataclass(frozen=True)
class StreamStatus:
    """Who is sending, how fast, and how late."""

    name: str
    type: str
    source_id: str
    host: str
    uid: str
    nominal_rate: float  # Hz
    measured_rate: float | None  # Hz, None until measured
    lost_samples: int
    age_p50_ms: float | None  # newest sample to decision, over the last minute
    age_p95_ms: float | None
    drift_s_per_hour: float | None = None  # of the sender's clock against this machine's
    dropped_decisions: int = 0  # that came too late, as newer ones could be made


@dataclass(frozen=True)
class StreamEvent:
    """Something that happened to the stream.

    Attributes
    ----------
    time : float
        LSL clock of this machine, in seconds.
    kind : str
        "stream" once a second; "silent", "lost", "back", "offer", "refused"; "gap", "artifact",
        "rate", "late"; "unit", "slow", "dropped decisions", "asleep", "twin"; "reference", "aside",
        "adaptation".
    text : str
        What there is to say about it.
    """

    time: float
    kind: str
    text: str


@dataclass(frozen=True)
class DecoderStatus:
    """The facts of the decoder that belong on every screen."""

    subject: str
    head: str  # by the name that people read
    encoder: str  # with "untrained" in it where the weights are
    classes: tuple[str, ...]
    score: float  # cross-validated balanced accuracy
    chance: float  # its 95 % chance bound
    trials: int
    readouts: tuple[Readout, ...] = ()  # of all tasks, the first one first
    rest: RestCurve | None = None  # what it does at rest, if that is known

    @classmethod
    def of(cls, decoder: Decoder) -> DecoderStatus:
        """Return those of a decoder."""
        return cls(
            subject=decoder.facts.subject,
            head=decoder.facts.name,
            encoder="no encoder" if decoder.encoder is None else decoder.encoder.label,
            classes=decoder.classes,
            score=decoder.facts.score,
            chance=decoder.facts.chance,
            trials=decoder.facts.trials,
            readouts=decoder.readouts,
            rest=curve_of(decoder.facts.fit),
        )


@dataclass(frozen=True)
class Snapshot:
    """Everything a window shows at one moment."""

    status: str  # of the signal now; the latest decision, a moment older, has its own
    message: str  # a plain sentence: what is going on, and for how long
    stream: StreamStatus
    channels: tuple[ChannelStatus, ...]
    decoder: DecoderStatus | None
    latest: Decision | None
    recent: tuple[Decision, ...]  # the last minute, oldest first
    evidence: EvidenceSettings
    paused: bool
    warnings: tuple[str, ...] = ()  # what is wrong without keeping windows from being decoded
    offers: tuple[Offer, ...] = ()  # streams that may be the lost one
    recentring: str = ""  # in a few words, where the reference is this run's own or will be
    adaptation: str = ""  # in a few words, where anything adapts
    cues: tuple[Cue, ...] | None = None  # markers of the last minute; None without a marker stream
    trials: tuple[CuedTrial, ...] = ()  # all that are over, oldest first
    aligning: float | None = None  # s of signal yet, until other people's decoder is aligned
    next_in: float | None = field(default=None, compare=False)  # s until a decision is expected
