"""Classic pipelines of the field, on the windows that our heads see.

Settings are those of MOABB's pipelines where it has one; nothing in them is tuned on the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from pyriemann.classification import MDM
from pyriemann.spatialfilters import CSP
from pyriemann.tangentspace import TangentSpace
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline

from core.fitting.baselines import BAND
from core.fitting.views import MOTOR_FROM
from core.sites import is_motor
from training.evaluation.trials import Trials

BANDS = tuple((float(low), float(low + 4)) for low in range(4, 36, 4))
"""The filter bank in Hz, as far as the signal path's own pass band reaches."""

ORDERS_LAGS = ((1, 1), *((order, lag) for order in (2, 3) for lag in (1, 2, 4, 8)))
"""Orders and lags (samples) that the augmented covariance chooses from."""


@dataclass(frozen=True)
class PipelineModel:
    """A pipeline that was fitted on features."""

    features: Callable[[Trials], np.ndarray]
    fitted: Any

    def probabilities(self, trials: Trials) -> np.ndarray:
        """Return class probabilities, shape (trials, classes)."""
        probabilities: np.ndarray = self.fitted.predict_proba(self.features(trials))
        return probabilities


@dataclass(frozen=True)
class PipelineSystem:
    """A scikit-learn pipeline on features that look at no label.

    Attributes
    ----------
    name : str
    make : callable
        Returns a new pipeline.
    features : callable
        From trials to its input.
    """

    name: str
    make: Callable[[], Any]
    features: Callable[[Trials], np.ndarray] = Trials.covariances
    encoder: str | None = None

    def fit(self, trials: Trials, seed: int) -> PipelineModel:
        """Learn."""
        fitted = self.make().fit(self.features(trials), trials.labels)
        return PipelineModel(self.features, fitted)


@dataclass(frozen=True)
class AugmentedCovariance:
    """Tangent space of covariances of the motor electrodes and their own past, with LR.

    Order and lag are chosen by cross-validation inside the training part.

    Notes
    -----
    Carrara and Papadopoulo (2024), Classification of BCI-EEG based on the augmented covariance
    matrix, IEEE Trans. Biomed. Eng. 71(9). There all electrodes take part; with 58 of them the
    matrices would be of 174 rows, so here it is those over the motor cortex; and there the tangent
    vectors go to a support vector machine, here to logistic regression as in TS+LR.
    """

    name: str = "ACM+TS+LR"
    encoder: str | None = None

    def fit(self, trials: Trials, seed: int) -> PipelineModel:
        """Learn."""
        labels = trials.labels
        folds = StratifiedKFold(
            min(3, int(np.bincount(labels).min())), shuffle=True, random_state=seed
        )
        best, most = ORDERS_LAGS[0], -1.0
        for order, lag in ORDERS_LAGS:
            features = _augmented(order, lag)(trials)
            score = cross_val_score(_acm(), features, labels, cv=folds).mean()
            if score > most:
                best, most = (order, lag), float(score)
        features_of = _augmented(*best)
        return PipelineModel(features_of, _acm().fit(features_of(trials), labels))


def _augmented(order: int, lag: int) -> Callable[[Trials], np.ndarray]:
    def features(trials: Trials) -> np.ndarray:
        motor = [index for index, name in enumerate(trials.channels) if is_motor(name)]
        picks = motor if len(motor) >= MOTOR_FROM else range(len(trials.channels))
        return trials.covariances(BAND, tuple(picks), order, lag)

    return features


def _acm() -> Pipeline:
    # The log-Euclidean mean is near the Riemannian one, and one step instead of many.
    metric = {"mean": "logeuclid", "map": "riemann"}
    return make_pipeline(TangentSpace(metric), LogisticRegression(max_iter=5000))


class BandwiseCSP(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # without types
    """Common spatial patterns in every band, four filters each.

    Takes covariances, shape (trials, bands, channels, channels).
    """

    def fit(self, covariances: np.ndarray, labels: np.ndarray) -> BandwiseCSP:
        """Learn every band's filters."""
        bands = np.moveaxis(covariances, 1, 0)
        self.bands_ = [CSP(nfilter=4).fit(band, labels) for band in bands]
        return self

    def transform(self, covariances: np.ndarray) -> np.ndarray:
        """Return logarithms of the filters' powers, shape (trials, bands x 4)."""
        bands = np.moveaxis(covariances, 1, 0)
        powers = [csp.transform(band) for csp, band in zip(self.bands_, bands, strict=True)]
        return np.concatenate(powers, axis=1)


def minimum_distance() -> Pipeline:
    """Return minimum distance to mean.

    Notes
    -----
    Barachant, Bonnet, Congedo and Jutten (2012), IEEE Trans. Biomed. Eng. 59(4).
    """
    return make_pipeline(MDM())


def filter_bank(trials: Trials) -> np.ndarray:
    """Return covariances in every band, shape (trials, bands, channels, channels)."""
    return np.stack([trials.covariances(band) for band in BANDS], axis=1)


def filter_bank_csp() -> Pipeline:
    """Return filter-bank CSP: the ten most informative features of all bands, with LDA.

    Notes
    -----
    Ang, Chin, Wang, Guan and Zhang (2012), Filter bank common spatial pattern algorithm on BCI
    competition IV datasets 2a and 2b, Front. Neurosci. 6. Numbers as in MOABB's FBCSP.
    """
    information = partial(mutual_info_classif, random_state=0)
    return make_pipeline(
        BandwiseCSP(), SelectKBest(information, k=10), LinearDiscriminantAnalysis()
    )
