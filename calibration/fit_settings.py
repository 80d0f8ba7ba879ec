"""How a decoder is fitted: settings, and the signal path that they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.decoding.rest import check_rate
from core.electrodes import electrode, is_site
from core.encoders import DEFAULT, STARTER, EncoderSpec
from core.errors import InputError, check_number
from core.fitting.feature_input import away_from_eyes, electrodes_used, skip_of
from core.fitting.views import GRAPH, VIEWS, heads_of, need_tokens
from core.montage import match
from core.signal.pipeline import SignalSettings, default_reference
from core.sites import Sites, eog_of
from core.stream.boards import motor_words
from core.suggestions import did_you_mean

NO_REFINING = (
    "--refine trains on whole windows of all electrodes; leave it out, or leave out --from-cue and "
    "--regress-eyes."
)


def default_encoder(refine: bool = False) -> str:
    """Return the encoder of a fit for which none was named.

    Parameters
    ----------
    refine : bool
        Whether the fit goes on through the encoder, which `DEFAULT` has no features for.
    """
    return STARTER if refine else DEFAULT


@dataclass(frozen=True)
class FitSettings:
    """How a decoder is fitted.

    Attributes
    ----------
    encoder : str
        What `core.encoders.load_encoder` takes.
    head : str
        One of `core.fitting.views.VIEWS`, or "auto": the best of `HEADS`.
    reference : str or None
        "average" or "recorded"; None lets the number of channels decide.
    notch : float or None
        Mains frequency in Hz to take out; None for the encoder's notch, if it has one.
    seed : int
        Of the cross-validation's folds.
    repeats : int
        How often all trials are split anew.
    home : Path, optional
        Folder that keeps downloaded encoders, as in `core.encoders.load_encoder`.
    sites : str
        Electrodes that are used: "motor", "central" (`core.sites`) or "all".
    from_cue : float
        Seconds after the cue at which what features are computed of begins; the window ends where
        it would otherwise.
    regress_eyes : bool
        Whether the eyes are regressed out: by EOG, where there is any, else by frontal and temporal
        electrodes, which are not used.
    origin : bool
        Whether to see where the score comes from: eyes, motor cortex, or the first second.
    in_time : bool
        Whether folds are stretches of time (`core.fitting.folds.folds_in_time`).
    rest : bool
        Whether to count false alarms in the pauses.
    false_alarms : float or None
        A minute at rest, that the decoder's threshold is to keep; None for a threshold of 0.5.
    idle_class : bool
        Whether rest, from events or pauses, is a class of its own.
    """

    encoder: str = DEFAULT
    head: str = "auto"
    reference: str | None = None
    notch: float | None = None
    seed: int = 0
    repeats: int = 2
    home: Path | None = None
    sites: Sites = "all"
    from_cue: float = 0.0
    regress_eyes: bool = False
    origin: bool = True
    in_time: bool = False
    rest: bool = True
    false_alarms: float | None = None
    idle_class: bool = False

    def __post_init__(self) -> None:
        """Refuse an unknown head, and a seed, a time or a rate that is none."""
        if self.false_alarms is not None:
            check_rate(self.false_alarms)
        if self.false_alarms is not None and self.head == GRAPH:
            raise InputError(
                f"False alarms are not counted for the head {GRAPH}: choose another head, or leave "
                "out --false-alarms."
            )
        check_number("The seed", self.seed, 0, 2**32 - 1)
        check_number("--from-cue", self.from_cue, 0.0, 60.0, " s")
        if self.head != "auto" and self.head not in VIEWS:
            raise InputError(
                f'There is no head "{self.head}"; choose {", ".join(VIEWS)} or auto.'
                + did_you_mean(self.head, (*VIEWS, "auto"))
            )

    def skip(self, spec: EncoderSpec) -> int:
        """Return `from_cue` in samples.

        Raises
        ------
        InputError
            If less than a second of a window is left, or the tokens that are needed depend on the
            whole window.
        """
        return skip_of(self.from_cue, spec, self.tokens_needed, "take --head riemann with it")

    def check_refinable(self) -> None:
        """Refuse what --refine cannot do.

        Raises
        ------
        InputError
        """
        if self.from_cue or self.regress_eyes:
            raise InputError(NO_REFINING)
        if self.false_alarms is not None:
            raise InputError(
                "--refine trains another head, whose false alarms are not counted; leave it out, "
                "or leave out --false-alarms."
            )

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads to choose among."""
        return heads_of(self.head)

    @property
    def tokens_needed(self) -> bool:
        """Whether any of them uses tokens."""
        return need_tokens(self.heads)


def path_for(
    labels: Sequence[str], spec: EncoderSpec, settings: FitSettings, source: str
) -> tuple[SignalSettings, tuple[str, ...]]:
    """Return the signal path from channels of these labels, and the labels it does not use.

    Parameters
    ----------
    labels : sequence of str
    spec : EncoderSpec
        Of the encoder that the signal must suit.
    settings : FitSettings
    source : str
        What has these channels, for the message.

    Raises
    ------
    InputError
        If fewer than two electrodes are known, or lie at the asked sites, or one that the encoder
        needs is missing.
    """
    matches = match(labels, spec.ch_names)
    if len(matches.channels) < 2:
        known = "1 electrode" if matches.channels else "0 electrodes"
        hint = ""
        if sum(map(is_site, labels)) < 2:  # EGI's cap names Cz beside numbers
            hint = "Name its channels (--channels)."
        elif motor_words(labels):
            hint = "Imagined movements need electrodes at C3, Cz and C4."
        raise InputError(
            f"{source} has {known} that the encoder {spec.label} knows; at least 2 are needed "
            f"(found: {' '.join(labels[:8])}{' ...' * (len(labels) > 8)}). {hint}".rstrip()
        )
    channels = electrodes_used(matches.channels, settings.sites, settings.regress_eyes, source)
    spec.check_electrodes(channels, source)
    electrodes = len(channels)
    if settings.regress_eyes:
        channels += eog_of(labels)
        away_from_eyes(channels)
    path = SignalSettings(
        channels=channels,
        reference=settings.reference or default_reference(electrodes),
        rate=spec.rate,
        band=spec.band_with(settings.notch),
    )
    taken = set(channels)
    return path, tuple(label for label in labels if label and electrode(label) not in taken)
