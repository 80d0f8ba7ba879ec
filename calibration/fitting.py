"""From recordings of one person to a decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.fit_settings import FitSettings, path_for
from calibration.fitted_on import about_prior, check_apart, eyes_learned, labels_seen
from calibration.usable_trials import SharedParts, check_recordings, usable_trials
from core.decoding.artifacts.learning import Measured
from core.decoding.card import DecoderCard, EncoderPin
from core.decoding.decoder import Decoder
from core.decoding.features import TangentFeatures, TokenFeatures
from core.decoding.heads import LinearHead
from core.decoding.recentring import REFERENCE_SECONDS
from core.decoding.rest import RestCurve, rest_facts
from core.encoders import EncoderSpec, load_spec
from core.fitting.eog import eog_beside
from core.fitting.feature_input import EVERYTHING, FeatureInput
from core.fitting.graph import check_electrode_tokens, check_enough
from core.fitting.origin import Origin, find_origin
from core.fitting.rest import measure_rest, unkept_words
from core.fitting.selection import Selection, fit_chosen, select
from core.fitting.transfer.prior_head import PriorHead
from core.fitting.transfer.recentring import beginnings_of
from core.fitting.trials.by_recording import ByRecording, by_recording
from core.fitting.trials.epochs import Epochs, FeatureCache, Rejected
from core.fitting.trials.pauses import REST, pauses_of, with_rest_cues
from core.fitting.trust import Trust, find_trust
from core.fitting.views import GRAPH, RECENTRED, FeatureViews
from core.provenance import provenance
from core.recordings import Recording, named_apart, without_bad_channels
from core.sites import is_eog

if TYPE_CHECKING:
    from core.encoders import Encoder


@dataclass(frozen=True)
class Fit:
    """A decoder, and the cross-validation that led to it.

    Attributes
    ----------
    decoder : Decoder
    selection : Selection
    ignored : tuple of str
        Channels of the recordings that the decoder does not use.
    epochs : Epochs
        The trials it was fitted on.
    taken : FeatureInput
        What features were computed of.
    origin : Origin or None
        Where the score comes from, if that was asked for.
    rest : RestCurve or None
        False alarms and hits by threshold; None where there is no rest to count them in.
    unkept : str
        Why the decoder's threshold does not keep to the false alarms that were asked for; empty
        where it does, or nobody asked.
    trust : Trust or None
        How reliable left-out probabilities are, if that is known.
    recordings : ByRecording or None
        How well the recordings alone tell the classes; None for classes that are known to lie in
        blocks.
    """

    decoder: Decoder
    selection: Selection
    ignored: tuple[str, ...]
    epochs: Epochs
    taken: FeatureInput = EVERYTHING
    origin: Origin | None = None
    rest: RestCurve | None = None
    unkept: str = ""
    trust: Trust | None = None
    recordings: ByRecording | None = None

    @property
    def electrodes(self) -> tuple[str, ...]:
        """Channels of the decoder, those of EOG apart."""
        return tuple(name for name in self.decoder.settings.channels if not is_eog(name))

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Trials that were left out, by number, with their reasons."""
        return self.epochs.rejected


def fit_decoder(
    recordings: Sequence[Recording],
    events: Mapping[str, str],
    subject: str,
    settings: FitSettings | None = None,
    session: str = "",
    cache: FeatureCache | None = None,
    prior: PriorHead | None = None,
    shared: SharedParts | None = None,
    checked: bool = False,
) -> Fit:
    """Fit spatial filter and head on recordings of one person.

    Parameters
    ----------
    recordings : sequence of Recording
        With the same channels and rate.
    events : mapping
        Label in the recordings -> class name.
    subject, session : str
        BIDS labels.
    settings : FitSettings, optional
    cache : FeatureCache, optional
        What is known of the recordings already. It changes nothing but the time this takes.
    prior : PriorHead, optional
        What the head may start from, for these channels and events: `calibration.priors`.
    shared : SharedParts, optional
        What the decoder's tasks have in common; by default it has one.
    checked : bool
        Whether `check_recordings` had no objection, or they are runs of one session.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        If no electrode is known, an amplitude cannot be that of EEG, a recording is there twice
        or in the prior too, or as `cut_epochs` and `without_artifacts`.
    """
    settings, shared = settings or FitSettings(), shared or SharedParts()
    if not checked:
        check_recordings(recordings)
    if prior is not None:
        check_apart(recordings, prior)
    encoder, spec = _encoder(settings)
    seen = labels_seen(recordings, encoder)
    recordings = without_bad_channels(recordings)
    path, ignored = path_for(recordings[0].labels, spec, settings, recordings[0].path.name)
    if settings.head == GRAPH:
        check_electrode_tokens(spec, [name for name in path.channels if not is_eog(name)])
    if settings.idle_class:
        recordings, events = with_rest_cues(recordings, events, spec.window / spec.rate)
    epochs, measured, taken, cache = usable_trials(
        recordings, events, path, settings, spec, cache or FeatureCache(), shared
    )
    if settings.head == GRAPH:
        check_enough(epochs.labels, epochs.classes, spec)
    beginnings = None
    if prior is not None and prior.by_beginning:
        assert cache.banded is not None
        beginnings = beginnings_of(recordings, path.channels, cache.banded, spec.rate)
    views = FeatureViews(
        epochs,
        path.channels,
        spec.rate,
        encoder,
        cache,
        prior,
        taken,
        references=shared.references,
        beginnings=beginnings,
    )
    selection = select(views, settings.heads, settings.seed, settings.repeats)
    features, head = fit_chosen(views, selection)

    trust = find_trust(selection.logits, epochs.labels, list(epochs.folds(settings.seed)))
    origin = None
    if settings.origin:
        eog = None if settings.regress_eyes else eog_beside(epochs, recordings, path, spec.unit)
        origin = find_origin(epochs, path, taken, settings.seed, cache.banded, eog)
    curve = None
    if settings.rest and isinstance(head, LinearHead):
        pauses = pauses_of(epochs, recordings, events, path, spec.default_hop, measured.refused)
        curve = measure_rest(views, selection, pauses, head, spec.rate, cache.banded)
    unkept = unkept_words(curve, settings.false_alarms)
    tells = None
    if not settings.in_time:
        tells = by_recording(epochs.labels, np.array([trial.recording for trial in epochs.trials]))

    tokens: TokenFeatures | None = features.pop("tokens", None)
    tangents: tuple[TangentFeatures, ...] = tuple(features.values())
    about = {
        **_asked(settings, spec, events),
        "trust": trust.as_facts(),
        "origin": None if origin is None else origin.as_facts(),
        **_at_rest(settings, epochs, selection, curve, unkept),
        "labels_seen": seen or None,
        "eyes_learned": eyes_learned(tokens) or None,
        "graph_tasks": list(spec.graph_tasks) or None if selection.chosen == GRAPH else None,
        "prior": None if prior is None else about_prior(prior, selection),
    }
    decoder = Decoder(
        classes=epochs.classes,
        settings=path,
        unit=spec.unit,
        window=spec.window,
        hop=spec.default_hop,
        patch=spec.default_hop,
        head=head,
        tangents=tangents,
        skip=taken.skip,
        facts=_card(subject, session, recordings, epochs, measured, selection, about),
        **reading(tokens, settings),
    )
    return Fit(decoder, selection, ignored, epochs, taken, origin, curve, unkept, trust, tells)


def _encoder(settings: FitSettings) -> tuple[Encoder | None, EncoderSpec]:
    """Return the encoder, if a head needs its tokens, and what is known of it in any case."""
    if not settings.tokens_needed:  # nothing else of a fit needs torch, which takes seconds
        return None, load_spec(settings.encoder, settings.home)
    from core.encoders import load_encoder

    encoder = load_encoder(settings.encoder, home=settings.home)
    return encoder, encoder.spec


def reading(tokens: TokenFeatures | None, settings: FitSettings) -> dict[str, Any]:
    """Return what a decoder has of the encoder that its head reads."""
    if tokens is None:
        return {"spatial": None, "encoder": None}
    from core.encoders.known import remember

    remember(settings.encoder, tokens.encoder.weights_sha256(), settings.home)
    return {
        "spatial": tokens.spatial,
        "encoder": EncoderPin.of(tokens.encoder, settings.encoder),
        "token_channels": tokens.ch_names,
        "warmup": tokens.encoder.spec.warmup,
    }


def _asked(settings: FitSettings, spec: EncoderSpec, events: Mapping[str, str]) -> dict[str, Any]:
    """Return what was asked for, as a decoder's file keeps it."""
    return {
        "head": settings.head,
        "encoder": spec.label,
        "events": dict(events),
        "seed": settings.seed,
        "repeats": settings.repeats,
        "sites": settings.sites,
        "from_cue": settings.from_cue,
        "regress_eyes": settings.regress_eyes,
    }


def _at_rest(
    settings: FitSettings,
    epochs: Epochs,
    selection: Selection,
    curve: RestCurve | None,
    unkept: str,
) -> dict[str, Any]:
    """Return what a decoder does at rest, and whether it takes the reference of a run's own."""
    false_alarms = None if unkept else settings.false_alarms
    # Where rest lies is known at the decoder's own reference: a minute of rest would move it there.
    calm = false_alarms is not None or REST in epochs.classes
    recentred = selection.chosen in RECENTRED and not calm
    return {
        **rest_facts(curve, false_alarms, REST if settings.idle_class else ""),
        "recentre": REFERENCE_SECONDS if recentred else None,
    }


def _card(
    subject: str,
    session: str,
    recordings: Sequence[Recording],
    epochs: Epochs,
    measured: Measured,
    selection: Selection,
    about: Mapping[str, Any],
) -> DecoderCard:
    """Return who a decoder is of, what it was made from and how good it is.

    What is None in `about` is not said.
    """
    return DecoderCard(
        subject=subject,
        session=session,
        **provenance(),
        recordings=named_apart((recording.path.name, recording.sha256) for recording in recordings),
        recorded_rate=recordings[0].rate,
        head=selection.chosen,
        trials=len(epochs),
        scores={name: score.balanced_accuracy for name, score in selection.scores.items()},
        chance=selection.chance,
        artifacts=measured.limits.as_facts(),
        fit={name: fact for name, fact in about.items() if fact is not None},
    )
