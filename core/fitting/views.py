"""The features that heads use of a person's trials: views, each fitted on a part of the trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.decoding.features import (
    TangentFeatures,
    TokenFeatures,
    band_sections,
    shrunk_covariances,
)
from core.decoding.heads import fit_head
from core.decoding.readouts import same_covariance
from core.decoding.riemannian import riemannian_mean
from core.decoding.spatial import channel_covariance, power, spatial_filter
from core.fitting.baselines import BAND
from core.fitting.choice import Head
from core.fitting.feature_input import EVERYTHING, FeatureInput
from core.fitting.graph import fit_graph
from core.fitting.transfer.prior_head import PriorHead
from core.fitting.transfer.recentring import recentre, reference_whitener
from core.fitting.trials.epochs import Epochs, FeatureCache
from core.progress import progress
from core.sites import is_motor

if TYPE_CHECKING:
    from core.encoders import Encoder

HEADS: dict[str, tuple[str, ...]] = {
    "riemann": ("motor", "scalp"),
    "encoder": ("tokens",),
    "hybrid": ("motor", "scalp", "tokens"),
}
"""What each head uses. The first is kept unless another is significantly better."""

PRIOR = "prior"
"""The head that starts from a prior's, beside those of `HEADS`."""

RECENTRED = ("riemann", PRIOR)
"""Heads whose decoders take the reference of their covariances anew from a run's first minute, if
nobody says otherwise: those for which the evaluation bears it out (`docs/decoder.md`)."""

GRAPH = "graph"
"""The head that attends to electrodes by their tokens: only where it was asked for by name, as it
takes a hundred times as long to fit as the others."""

VIEWS = {**HEADS, GRAPH: ("tokens",)}
"""What each head that can be asked for uses."""

BESIDE = {GRAPH: ("encoder",)}
"""Heads on the same features that are scored beside one, and never chosen instead of it."""

MOTOR_FROM = 8
"""With fewer motor electrodes than this there is only the view of the whole scalp; from so many on
they are a view of their own, with fewer features."""


def heads_of(name: str) -> tuple[str, ...]:
    """Return the heads that are candidates: all of `HEADS` for "auto", else the named one."""
    return tuple(HEADS) if name == "auto" else (name,)


def need_tokens(heads: Sequence[str]) -> bool:
    """Return whether any of some heads uses tokens."""
    return any("tokens" in VIEWS[head] for head in heads)


def token_vectors(
    features: TokenFeatures, epochs: Epochs, known: Mapping[tuple[int, int], np.ndarray]
) -> np.ndarray:
    """Return the token features of all trials, shape (trials, features).

    Parameters
    ----------
    features : TokenFeatures
    epochs : Epochs
    known : mapping
        Segment and first sample of a window -> its features, where they were computed already.
    """
    vectors = dict(known)
    for number, segment in progress(list(enumerate(epochs.segments)), "Tokens"):
        starts = [start for place, start in epochs.places.tolist() if place == number]
        missing = [start for start in starts if (number, start) not in vectors]
        if not missing:
            continue
        for start, vector in zip(missing, features.of_run(segment, missing), strict=True):
            vectors[number, start] = vector
    return np.stack([vectors[segment, start] for segment, start in epochs.places.tolist()])


class FeatureViews:
    """Features of all trials, fitted on a part of them.

    Parameters
    ----------
    epochs : Epochs
    channels : sequence of str
        Electrode of every channel.
    rate : float
        Rate of the signal in Hz.
    encoder : Encoder or None
        None if no head needs tokens.
    cache : FeatureCache, optional
        What is known already.
    prior : PriorHead, optional
        On electrodes among those that features are computed of.
    taken : FeatureInput
        What features are computed of.
    references : sequence of TangentFeatures
        Of another task of the same decoder. Features that are fitted on all trials take the
        references of these where they are of the same channels, so that one vector of a window
        serves both; those of a fold of a cross-validation take their own.
    beginnings : mapping of int to ndarray, each (channels, channels), optional
        Covariance of each recording's first minute, in the band: for a prior that is aligned so.
    """

    def __init__(
        self,
        epochs: Epochs,
        channels: Sequence[str],
        rate: float,
        encoder: Encoder | None,
        cache: FeatureCache | None = None,
        prior: PriorHead | None = None,
        taken: FeatureInput = EVERYTHING,
        references: Sequence[TangentFeatures] = (),
        beginnings: Mapping[int, np.ndarray] | None = None,
    ) -> None:
        self._references = references
        self._taken, regression = taken, taken.regression
        kept = np.arange(len(channels)) if regression is None else regression.kept
        self._kept = kept
        names = tuple(channels[index] for index in kept.tolist())
        motor = [index for index, name in enumerate(names) if is_motor(name)]
        self.labels, self.classes = epochs.labels, len(epochs.classes)
        self.epochs, self._rate = epochs, rate
        self._motor = np.array(motor, dtype=np.intp)
        cache = cache or FeatureCache()
        banded = epochs.filtered(band_sections(BAND, rate), cache.banded).windows()
        banded = banded[..., taken.skip :]
        if regression is not None:
            banded = regression.banded @ banded
        self.covariances = shrunk_covariances(banded)  # (trials, channels, channels)
        self._scalp = np.arange(len(names))
        self._near: dict[int, np.ndarray] = {}  # by number of channels
        self._motor_covariances = shrunk_covariances(banded[:, self._motor])
        self.prior = prior
        self._aligned: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._begun: dict[str, tuple[TangentFeatures, np.ndarray]] = {}
        for index, view in enumerate(prior.views if prior is not None else ()):
            picks = np.array([names.index(name) for name in view], dtype=np.intp)
            name, covariances = f"aligned {index}", shrunk_covariances(banded[:, picks])
            self._aligned[name] = picks, covariances
            if prior is not None and prior.by_beginning:
                assert beginnings is not None
                self._begun[name] = self._by_beginning(picks, covariances, beginnings)
        if encoder is not None:
            broad = np.eye(len(channels)) if regression is None else regression.broad
            spatial = spatial_filter(channel_covariance(broad @ epochs.rest.T), names, encoder.spec)
            spatial = spatial if regression is None else spatial @ broad
            features = TokenFeatures(encoder, names, spatial, taken.skip)
            self._tokens = features, token_vectors(features, epochs, cache.tokens)

    def motor(self, train: np.ndarray) -> tuple[TangentFeatures, np.ndarray]:
        """Fit tangent features of the motor electrodes on the trials `train`.

        Returns
        -------
        TangentFeatures
        ndarray, shape (trials, features)
            Of all trials.
        """
        return self._tangent(self._motor, self._motor_covariances, train)

    def scalp(self, train: np.ndarray) -> tuple[TangentFeatures, np.ndarray]:
        """Fit tangent features of all channels, as `motor` does."""
        return self._tangent(self._scalp, self.covariances, train)

    def _tangent(
        self, picks: np.ndarray, covariances: np.ndarray, train: np.ndarray
    ) -> tuple[TangentFeatures, np.ndarray]:
        # The mean of all trials is near, so that a few steps lead from it to any part's own; a
        # reference need not be exact to be a reference.
        near = self._near.get(len(picks))
        if near is None:
            near = self._near[len(picks)] = riemannian_mean(covariances)
        whitener = power(riemannian_mean(covariances[train], near, 1e-3), -0.5)
        regression = self._taken.regression
        features = TangentFeatures(
            BAND,
            self._rate,
            self.epochs.length - self._taken.skip,
            self._kept[picks],
            whitener,
            None if regression is None else regression.banded[picks],
        )
        if len(train) == len(self.labels):
            shared = (view for view in self._references if same_covariance(view, features))
            features = next(shared, features)
        return features, features.of_covariances(covariances)

    def _by_beginning(
        self, picks: np.ndarray, covariances: np.ndarray, beginnings: Mapping[int, np.ndarray]
    ) -> tuple[TangentFeatures, np.ndarray]:
        """Return tangent features of every trial at the reference of its recording's beginning.

        The features' own reference is that of all beginnings: no label is looked at.
        """
        regression = self._taken.regression
        banded = None if regression is None else regression.banded
        chosen = {
            index: (cov if banded is None else banded @ cov @ banded.T)[np.ix_(picks, picks)]
            for index, cov in beginnings.items()
        }
        features = TangentFeatures(
            BAND,
            self._rate,
            self.epochs.length - self._taken.skip,
            self._kept[picks],
            reference_whitener(np.mean(list(chosen.values()), axis=0)),
            None if banded is None else banded[picks],
        )
        recording = np.array([trial.recording for trial in self.epochs.trials])
        return features, recentre(
            covariances,
            recording,
            {index: reference_whitener(chosen[index]) for index in np.unique(recording).tolist()},
        )

    def tokens(self, train: np.ndarray) -> tuple[TokenFeatures, np.ndarray]:
        """Return token features, which are fitted on signal outside all trials."""
        return self._tokens

    def of(self, head: str) -> tuple[str, ...]:
        """Return the views that a head uses on this montage."""
        if head == PRIOR:
            has_tokens = self.prior is not None and self.prior.tokens > 0
            return (*self._aligned, "tokens") if has_tokens else tuple(self._aligned)
        few = len(self._motor) < MOTOR_FROM
        return tuple(view for view in VIEWS[head] if not (few and view == "motor"))

    def fit_head(self, head: str, blocks: Sequence[np.ndarray], labels: np.ndarray) -> Head:
        """Fit a head on features of some trials, with temperature 1."""
        if head == GRAPH:
            tokens, classes = self._tokens[0], self.epochs.classes
            return fit_graph(blocks[0], labels, classes, tokens.ch_names, tokens.encoder)
        return fit_head(blocks, labels, self.classes)

    def fit(self, views: Sequence[str], train: np.ndarray) -> dict[str, tuple[Any, np.ndarray]]:
        """Fit the named views on the trials `train`."""
        fitted: dict[str, tuple[Any, np.ndarray]] = {}
        for view in views:
            if view in self._begun:
                fitted[view] = self._begun[view]
            elif view not in self._aligned:
                fitted[view] = getattr(self, view)(train)
            elif "scalp" in fitted and np.array_equal(self._aligned[view][0], self._scalp):
                fitted[view] = fitted["scalp"]  # the mean of many channels takes its time
            else:
                fitted[view] = self._tangent(*self._aligned[view], train)
        return fitted
