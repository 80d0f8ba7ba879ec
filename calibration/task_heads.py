"""Fits of readouts beside the usual ones of classes: retrieval, scales, and a gate over experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from calibration.fit_settings import FitSettings
from calibration.usable_trials import SharedParts, usable_trials
from core.decoding.embedding_heads import Gallery, RetrievalHead, ScaleHead
from core.decoding.features import TokenFeatures
from core.decoding.gate import MixtureHead
from core.decoding.outputs import SCALE
from core.decoding.readouts import Readout, ReadoutCard
from core.encoders import Encoder
from core.fitting.gate import fit_mixture
from core.fitting.joint_heads import (
    JointHead,
    RetrievalTarget,
    ScaleTarget,
    Target,
    train_heads,
    with_margin,
)
from core.fitting.trials.epochs import FeatureCache
from core.fitting.views import HEADS, FeatureViews
from core.metrics import balanced_accuracy, chance_bound, correlation, guessed_correlation
from core.recordings import Recording
from core.signal.pipeline import SignalSettings


class GalleryMaker(Protocol):
    """What embeds texts or pictures: a `TextEncoder`, or a `PictureSet`."""

    def gallery(self, entries: Sequence[str]) -> Gallery:
        """Return a gallery of these entries."""


@dataclass(frozen=True)
class TaskSetting:
    """What the tasks of one decoder share.

    Attributes
    ----------
    path : SignalSettings
    encoder : Encoder
    head : str
        Which views are read, one of `HEADS`.
    fit : FitSettings
    cache : FeatureCache
    shared : SharedParts
        As for `calibration.fitting.fit_decoder`.
    """

    path: SignalSettings
    encoder: Encoder
    head: str
    fit: FitSettings
    cache: FeatureCache
    shared: SharedParts

    @property
    def tokens(self) -> bool:
        """Whether the head reads the encoder's tokens."""
        return "tokens" in HEADS[self.head]

    def views(self, recordings: Sequence[Recording], meanings: Mapping[str, str]) -> FeatureViews:
        """Return the views of a task's trials.

        Raises
        ------
        InputError
            As `usable_trials`.
        """
        epochs, _, taken, cache = usable_trials(
            recordings, meanings, self.path, self.fit, self.encoder.spec, self.cache, self.shared
        )
        return FeatureViews(
            epochs,
            self.path.channels,
            self.encoder.spec.rate,
            self.encoder if self.tokens else None,
            cache,
            taken=taken,
            references=self.shared.references,
        )


def fit_head(
    name: str,
    meanings: Mapping[str, str],
    kind: str,
    recordings: Sequence[Recording],
    setting: TaskSetting,
    galleries: GalleryMaker | None = None,
) -> Readout:
    """Fit the readout of a retrieval or a scale.

    Parameters
    ----------
    name : str
    meanings : mapping
        Label -> text, or number.
    kind : str
        "retrieval" or "scale".
    recordings : sequence of Recording
        Whose events are the task's.
    setting : TaskSetting
    galleries : GalleryMaker, optional
        For a retrieval.

    Raises
    ------
    InputError
        As `TaskSetting.views`.
    """
    views = setting.views(recordings, meanings)
    epochs = views.epochs
    if kind == SCALE:
        values = np.array([float(number) for number in epochs.classes])[epochs.labels]
        target: Target = ScaleTarget(values)
    else:
        assert galleries is not None
        target = RetrievalTarget(epochs.labels, galleries.gallery(epochs.classes))
    used = views.of(setting.head)
    left_out: list[tuple[np.ndarray, np.ndarray]] = []
    for train, test in epochs.folds(setting.fit.seed):
        blocks = [vectors for _, vectors in views.fit(used, train).values()]
        head = _trained([b[train] for b in blocks], _part(target, train))
        left_out.append(
            (test, _predictions(head, np.concatenate([b[test] for b in blocks], axis=1)))
        )
    fitted = views.fit(used, np.arange(len(epochs)))
    head = _trained([vectors for _, vectors in fitted.values()], target)
    tested = np.concatenate([test for test, _ in left_out])
    predictions = np.concatenate([values for _, values in left_out])
    if isinstance(head, ScaleHead) and isinstance(target, ScaleTarget):
        head = with_margin(head, predictions, target.values[tested])
        score, measure = correlation(predictions, target.values[tested]), "correlation"
        chance = guessed_correlation(predictions, target.values[tested])
    else:
        score = balanced_accuracy(epochs.labels[tested], predictions.astype(np.intp))
        chance = chance_bound(len(epochs.independent), len(epochs.classes))
        measure = "top-1 accuracy"
    card = ReadoutCard(
        setting.head, len(epochs), score, chance, measure, {"events": dict(meanings)}
    )
    tangents = tuple(features for view, (features, _) in fitted.items() if view != "tokens")
    return Readout(name, (), head, tangents, setting.tokens, card)


def fit_gated(
    name: str,
    meanings: Mapping[str, str],
    recordings: Sequence[Recording],
    setting: TaskSetting,
) -> tuple[Readout, TokenFeatures]:
    """Fit a readout of classes in which a gate weighs covariances and tokens for each window.

    Parameters
    ----------
    name : str
    meanings : mapping
        Label -> class.
    recordings : sequence of Recording
        Whose events are the task's.
    setting : TaskSetting
        Whose head uses covariances and tokens.

    Raises
    ------
    InputError
        As `TaskSetting.views`.
    """
    views = setting.views(recordings, meanings)
    epochs = views.epochs
    used, seed = views.of(setting.head), setting.fit.seed
    labels, classes = epochs.labels, len(epochs.classes)

    def mixture(
        train: np.ndarray,
    ) -> tuple[MixtureHead, dict[str, Any], np.ndarray]:
        """Return a mixture of what `train` teaches, its views, and all trials' features."""
        fitted = views.fit(used, train)
        tangents = np.concatenate(
            [v for view, (_, v) in fitted.items() if view != "tokens"], axis=1
        )
        blocks = {"covariances": tangents, "tokens": fitted["tokens"][1]}
        inside = {expert: block[train] for expert, block in blocks.items()}
        folds = list(epochs.folds(seed, train))
        head = fit_mixture(inside, labels[train], classes, folds)
        return head, fitted, np.concatenate(list(blocks.values()), axis=1)

    predictions = np.empty(len(labels), dtype=np.intp)
    for train, test in epochs.folds(seed):
        head, _, features = mixture(train)
        predictions[test] = head.probabilities(features[test]).argmax(axis=1)
    head, fitted, features = mixture(np.arange(len(labels)))
    shares = dict(zip(head.names, head.weights(features).mean(axis=0).tolist(), strict=True))
    card = ReadoutCard(
        setting.head,
        len(epochs),
        balanced_accuracy(labels, predictions),
        chance_bound(len(epochs.independent), classes),
        "balanced accuracy",
        {"events": dict(meanings), "shares": shares},
    )
    tangents = tuple(view for name, (view, _) in fitted.items() if name != "tokens")
    return Readout(name, epochs.classes, head, tangents, True, card), fitted["tokens"][0]


def _trained(blocks: list[np.ndarray], target: Target) -> RetrievalHead | ScaleHead:
    head: JointHead = train_heads(blocks, {"task": target})["task"]
    assert isinstance(head, RetrievalHead | ScaleHead)
    return head


def _part(target: Target, trials: np.ndarray) -> Target:
    if isinstance(target, ScaleTarget):
        return ScaleTarget(target.values[trials])
    assert isinstance(target, RetrievalTarget)
    return RetrievalTarget(target.labels[trials], target.gallery)


def _predictions(head: RetrievalHead | ScaleHead, features: np.ndarray) -> np.ndarray:
    """Return the nearest entry of each trial, or its number."""
    if isinstance(head, ScaleHead):
        return head.values(features)
    nearest: np.ndarray = head.similarities(features).argmax(axis=1).astype(np.float64)
    return nearest
