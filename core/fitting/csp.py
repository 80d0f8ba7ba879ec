"""Common spatial patterns of covariances: filters whose power tells the classes apart."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy.linalg import eigh
from sklearn.base import BaseEstimator, TransformerMixin

_FILTERS = 6


class CommonSpatialPatterns(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # without types
    """Log power behind the filters that tell classes apart best.

    Attributes
    ----------
    filters_ : ndarray, shape (filters, channels)

    Notes
    -----
    Two classes: Blankertz, Tomioka, Lemm, Kawanabe and Müller (2008), Optimizing spatial filters
    for robust EEG single-trial analysis, IEEE Signal Process. Mag. 25(1). More of them, by joint
    diagonalisation: Grosse-Wentrup and Buss (2008), Multiclass common spatial patterns and
    information theoretic feature extraction, IEEE Trans. Biomed. Eng. 55(8).
    """

    def fit(self, covariances: np.ndarray, labels: np.ndarray) -> Self:
        """Learn the filters from trials: (trials, channels, channels), and a class for each."""
        classes, counts = np.unique(labels, return_counts=True)
        means = np.array([covariances[labels == label].mean(axis=0) for label in classes])
        if len(classes) == 2:
            values, filters = eigh(means[1], means.sum(axis=0))
            told = np.abs(values - 0.5)
        else:
            from pyriemann.geometry.ajd import ajd  # takes a second to import

            filters = ajd(means)[0].T
            filters /= np.sqrt(np.einsum("cf,cd,df->f", filters, means.mean(axis=0), filters))
            powers = np.einsum("cf,kcd,df->kf", filters, means, filters)
            shares = counts / counts.sum()
            told = -shares @ np.log(np.sqrt(powers)) - 3 / 16 * (shares @ (powers**2 - 1.0)) ** 2
        self.filters_ = filters[:, np.argsort(told)[::-1][:_FILTERS]].T
        return self

    def transform(self, covariances: np.ndarray) -> np.ndarray:
        """Return the logarithms of the filters' power, shape (trials, filters)."""
        powers = np.einsum("fc,tcd,fd->tf", self.filters_, covariances, self.filters_)
        logs: np.ndarray = np.log(powers)
        return logs
