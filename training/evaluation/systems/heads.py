"""Our own heads, through the same code that fits and runs a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from core.decoding.card import DecoderCard, EncoderPin
from core.decoding.decoder import Decoder
from core.decoding.features import TangentFeatures
from core.decoding.graph_head import GraphHead
from core.decoding.heads import LinearHead, with_temperature
from core.decoding.recentring import REFERENCE_SECONDS
from core.encoders import Encoder
from core.fitting.baselines import BAND
from core.fitting.choice import fit_on
from core.fitting.selection import fit_chosen, select
from core.fitting.transfer.prior_head import with_readout
from core.fitting.trials.epochs import Epochs, FeatureCache
from core.fitting.views import RECENTRED, FeatureViews, heads_of, need_tokens
from core.recordings import named_apart
from training.evaluation.systems.transfer import Others
from training.evaluation.trials import Share, Trials


@dataclass(frozen=True)
class HeadSystem:
    """One of our heads, or the choice among them.

    Attributes
    ----------
    kind : str
        One of `core.fitting.views.VIEWS`, or "auto".
    eeg_encoder : Encoder
        Looked through by heads that want tokens.
    source : str
        What the encoder was loaded from.
    others : Others, optional
        Whose trials it may start from.
    recentre : float or "fit", optional
        Seconds of a tested recording that its reference is taken from, in protocols that decide
        live; "fit" for what a fit notes in the file of a decoder with this head.
    adapt : tuple of str
        What adapts while a tested recording goes on, in the same: `core.decoding.adaptation`.
    """

    kind: str
    eeg_encoder: Encoder
    source: str
    others: Others | None = None
    recentre: float | Literal["fit"] | None = None
    adapt: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.kind if self.others is None else f"{self.kind} + others"

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads to choose among."""
        return heads_of(self.kind)

    @property
    def encoder(self) -> str | None:
        """Label of the encoder, if any of the heads uses tokens."""
        return self.eeg_encoder.spec.label if need_tokens(self.heads) else None

    def fit(self, trials: Trials, seed: int) -> HeadModel:
        """Learn as a calibration does.

        Which head "auto" takes, and how much others weigh, is chosen by cross-validation inside
        the trials.
        """
        epochs, banded = trials.as_epochs()
        encoder = self.eeg_encoder if self.encoder else None
        vectors = [] if encoder is None else list(trials.tokens(encoder))
        tokens = {(index, 0): vector for index, vector in enumerate(vectors)}
        prior = None if self.others is None else self.others.head_for(trials)
        if prior is not None and encoder is not None:
            prior = with_readout(prior, encoder.spec, trials.classes)
        cache = FeatureCache(None, banded, tokens)
        beginnings = None
        if prior is not None and prior.by_beginning:
            beginnings = trials.shares[0].beginnings()
        views = FeatureViews(
            epochs, trials.channels, trials.rate, encoder, cache, prior, beginnings=beginnings
        )
        chosen = self.kind
        if len(self.heads) > 1 or prior is not None:
            selection = select(views, self.heads, seed, repeats=1)
            chosen = selection.chosen
            features, head = fit_chosen(views, selection)
        else:
            fitted = views.fit(views.of(self.kind), np.arange(len(trials)))
            features = {view: feature for view, (feature, _) in fitted.items()}
            blocks = [vectors for _, vectors in fitted.values()]
            head = self._fit_alone(views, blocks, epochs, seed, own=len(trials.shares) == 1)
        used = features.pop("tokens", None)
        share = trials.shares[0] if len(trials.shares) == 1 else None
        tangents = tuple(features.values())
        return HeadModel(head, tangents, encoder if used else None, self, share, chosen)

    def _fit_alone(
        self,
        views: FeatureViews,
        blocks: Sequence[np.ndarray],
        epochs: Epochs,
        seed: int,
        own: bool,
    ) -> LinearHead | GraphHead:
        """Fit a head that is not chosen; with a person's own trials also its temperature."""
        labels, classes = epochs.labels, len(epochs.classes)
        if not own:
            return views.fit_head(self.kind, blocks, labels)
        fit = partial(views.fit_head, self.kind)
        head, _, left_out = fit_on(fit, blocks, labels, classes, list(epochs.folds(seed)))
        return with_temperature(head, left_out, labels)


@dataclass(frozen=True)
class HeadModel:
    """A head that was fitted.

    Attributes
    ----------
    head : LinearHead or GraphHead
    tangents : tuple of TangentFeatures
    encoder : Encoder or None
        If it uses tokens.
    system : HeadSystem
    share : Share or None
        What it was fitted on, if that is one person's.
    chosen : str
        Name of the head.
    """

    head: LinearHead | GraphHead
    tangents: tuple[TangentFeatures, ...]
    encoder: Encoder | None
    system: HeadSystem
    share: Share | None
    chosen: str = ""

    def probabilities(self, trials: Trials) -> np.ndarray:
        """Return class probabilities, shape (trials, classes)."""
        blocks = []
        if self.tangents:
            banded = trials.windows(BAND)
            blocks = [view.of_windows(banded) for view in self.tangents]
        if self.encoder is not None:
            blocks.append(trials.tokens(self.encoder))
        return self.head.probabilities(np.concatenate(blocks, axis=1))

    def _on_all_channels(self, view: TangentFeatures) -> TangentFeatures:
        """Return features of the channels that systems get as features of the signal's."""
        assert self.share is not None
        projection = self.share.projection(BAND)
        spatial = None if projection is None else projection[view.picks]
        return replace(view, picks=self.share.kept[view.picks], spatial=spatial)

    def _before(self, spatial: np.ndarray, band: tuple[float, float] | None) -> np.ndarray:
        """Return a filter of the channels that systems get as one of the signal's."""
        assert self.share is not None
        projection = self.share.projection(band)
        return spatial if projection is None else spatial @ projection

    def decoder(self) -> Decoder:
        """Return the decoder that a calibration would have left, for the online path."""
        assert self.share is not None
        assert not self.share.aligned
        signal, spec = self.share.signal, self.share.signal.spec
        pin, spatial = None, None
        if self.encoder is not None:
            pin = EncoderPin.of(self.encoder, self.system.source)
            spatial = self._before(self.share.spatial(self.encoder), None)
        recordings = [signal.person.recordings[index] for index in self.share.fitted]
        recentre = self.system.recentre
        if recentre == "fit":
            recentre = REFERENCE_SECONDS if self.chosen in RECENTRED else None
        return Decoder(
            classes=self.share.epochs.classes,
            settings=signal.settings,
            unit=spec.unit,
            window=spec.window,
            hop=spec.default_hop,
            patch=spec.default_hop,
            warmup=0 if self.encoder is None else spec.warmup,
            head=self.head,
            tangents=tuple(self._on_all_channels(view) for view in self.tangents),
            skip=signal.skip,
            token_channels=self.share.channels,
            spatial=spatial,
            encoder=pin,
            facts=DecoderCard(
                subject=signal.person.identities[0].subject,
                session="",
                created="",
                software="training.evaluate",
                recordings=named_apart((r.path.name, r.sha256) for r in recordings),
                recorded_rate=recordings[0].rate,
                head=self.system.name,
                trials=len(self.share.index),
                scores={},
                chance=1.0 / len(self.share.epochs.classes),
                fit={} if recentre is None else {"recentre": recentre},
            ),
        )
