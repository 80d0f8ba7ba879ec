"""A decoder for a person without a calibration: others' head, aligned on a minute of signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.decoding.artifacts import ArtifactLimits, learn_limits
from core.decoding.card import DecoderCard, EncoderPin
from core.decoding.decoder import Decoder
from core.decoding.features import TangentFeatures, band_sections, shrunk_covariances
from core.decoding.heads import LinearHead
from core.decoding.recentring import LEAST_SECONDS, ReferenceMean
from core.decoding.spatial import channel_covariance, spatial_filter
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.feature_input import CovarianceSettings, regression_of
from core.fitting.transfer.prior_head import PriorHead
from core.fitting.trials.signals import signals_of
from core.fitting.views import PRIOR
from core.metrics import chance_bound
from core.provenance import provenance
from core.recordings import Recording
from core.signal.filtering import CausalFilter

if TYPE_CHECKING:
    from core.encoders import Encoder

CALLED = "population, uncalibrated"


def uncalibrated_decoder(
    prior: PriorHead,
    recording: Recording,
    classes: Sequence[str],
    windows: CovarianceSettings,
    encoder: tuple[str, Encoder],
    subject: str,
    fit: Mapping[str, Any] | None = None,
) -> Decoder:
    """Align a prior's head on unlabelled signal.

    Parameters
    ----------
    prior : PriorHead
        For these classes and windows.
    recording : Recording
        Any signal of the person with the electrodes as they will be; its events are not looked at.
    classes : sequence of str
    windows : CovarianceSettings
        Eyes are regressed out with coefficients of this signal. The reference is that of whole
        windows, whatever they skip.
    encoder : tuple of (str, Encoder)
        What it was loaded from, and it: of the prior's weights for tokens, if it has any; unit of
        the signal and samples between two decisions in any case.
    subject : str
        BIDS label.
    fit : mapping, optional
        What else to keep in the decoder's `facts.fit`.

    Returns
    -------
    Decoder
        Its score is what the prior reached on people left out; its `facts.fit["called"]` is
        `CALLED`.

    Raises
    ------
    InputError
        If there is too little signal, or the prior never left anybody out.

    Notes
    -----
    The reference is the mean over all windows, and stays: one that followed the stream would learn
    from the cues that went before what comes next, where they are not at random.
    """
    if prior.accuracy is None:
        raise InputError(
            "What starts without calibration must have been tried on people left out: name "
            "recordings of several people, or a prior file."
        )
    source, frozen = encoder
    spec, settings, window = frozen.spec, windows.signal, windows.length
    signals = list(signals_of([recording], settings, spec.unit))
    band = band_sections(BAND, settings.rate)
    stretches = [CausalFilter(band).push(signal) for signal in signals]
    kept, spatial, broad = np.arange(len(settings.channels)), None, None
    if windows.regress_eyes:
        regression = regression_of(settings.channels, signals, stretches)
        kept, spatial, broad = regression.kept, regression.banded, regression.broad
    names = [settings.channels[index] for index in kept]
    views = [np.array([names.index(name) for name in view], np.intp) for view in prior.views]
    mean = ReferenceMean(settings.rate, window, spec.default_hop)
    for banded in stretches:
        mean.reset()
        for end in range(window, len(banded) + 1, spec.default_hop):
            last = banded[end - window : end].T  # (channels, samples)
            last = last if spatial is None else spatial @ last
            mean.take([shrunk_covariances(last[None, rows])[0] for rows in views])
    if mean.seconds < LEAST_SECONDS:
        raise InputError(
            f"{recording.path.name} has {recording.duration:.0f} s of signal; an alignment needs "
            f"at least {LEAST_SECONDS:g} s."
        )
    tangents = [
        TangentFeatures(
            BAND,
            settings.rate,
            window,
            kept[rows],
            whitener,
            None if spatial is None else spatial[rows],
        )
        for rows, whitener in zip(views, mean.reference().whiteners, strict=True)
    ]
    before = None
    if prior.tokens:
        broad = np.eye(len(settings.channels)) if broad is None else broad
        minute = channel_covariance(broad @ np.concatenate(signals).T)
        before = spatial_filter(minute, names, spec) @ broad
    features = len(prior.weights)
    return Decoder(
        classes=tuple(classes),
        settings=settings,
        unit=spec.unit,
        window=window,
        hop=spec.default_hop,
        patch=spec.default_hop,
        warmup=0 if before is None else spec.warmup,
        head=LinearHead(np.zeros(features), np.ones(features), prior.weights, prior.bias),
        tangents=tuple(tangents),
        spatial=before,
        encoder=None if before is None else EncoderPin.of(frozen, source),
        token_channels=tuple(names),
        facts=card_without_trials(
            subject,
            recording,
            (prior.accuracy, chance_bound(prior.trials, len(classes))),
            learn_limits([recording], settings, spec.unit, signals),
            {"called": CALLED, "prior": {"trials": prior.trials}, **(fit or {})},
        ),
    )


def card_without_trials(
    subject: str,
    recording: Recording,
    reached: tuple[float, float],
    limits: ArtifactLimits,
    fit: Mapping[str, Any],
) -> DecoderCard:
    """Return the card of a decoder whose person has given a recording and no trial.

    Parameters
    ----------
    subject : str
    recording : Recording
        That aligned it.
    reached : tuple of float
        Balanced accuracy on people who taught nothing, and the bound of guessing.
    limits : ArtifactLimits
        Learned from the recording.
    fit : mapping
        What is kept of how it was made; `called` names it on screens.
    """
    score, chance = reached
    return DecoderCard(
        subject=subject,
        session="",
        **provenance(),
        recordings={recording.path.name: recording.sha256},
        recorded_rate=recording.rate,
        head=PRIOR,
        trials=0,
        scores={PRIOR: score},
        chance=chance,
        artifacts=limits.as_facts(),
        fit=dict(fit),
    )
