"""A frozen encoder as a scikit-learn transformer, for MOABB and pyRiemann pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from core.decoding.features import TokenFeatures
from core.decoding.spatial import channel_covariance, spatial_filter
from core.encoders import load_encoder
from core.errors import InputError
from core.machine.threads import few_threads
from core.montage import match
from core.recordings import UNIT
from core.signal.pipeline import SignalSettings, default_reference
from core.units import factor
from eegpt_realtime.arrays import as_array, check_amplitude, through_path


class EncoderFeatures(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Features of epochs: what a frozen encoder's tokens say of their last window.

    Epochs go through the signal path that the live program has (causal filter, reference, the
    encoder's rate), and then through a closed-form alignment of their channels to what the encoder
    was trained on. Nothing of the encoder learns.

    Parameters
    ----------
    encoder : str or path
        What `load_encoder` takes.
    ch_names : sequence of str, optional
        Of the channels of arrays; epochs of MNE say their own.
    sfreq : float, optional
        Rate of arrays in Hz.
    unit : str
        Unit of arrays.

    Attributes
    ----------
    ch_names_ : tuple of str
        Electrodes that the encoder and the epochs share, in the encoder's order.
    spatial_ : ndarray, shape (channels, channels)
        The alignment, from the covariance of the epochs that were fitted on.

    Notes
    -----
    He and Wu (2020), Transfer learning for brain-computer interfaces: a Euclidean space data
    alignment approach, IEEE Trans. Biomed. Eng. 67(2), where the encoder states no covariance.
    """

    def __init__(
        self,
        encoder: str | Path = "starter",
        ch_names: Sequence[str] | None = None,
        sfreq: float | None = None,
        unit: str = "V",
    ) -> None:
        self.encoder = encoder
        self.ch_names = ch_names
        self.sfreq = sfreq
        self.unit = unit

    @few_threads()
    def fit(self, X: Any, y: object = None) -> Self:  # noqa: N803
        """Fit the alignment; no label is read.

        Parameters
        ----------
        X : ndarray of shape (epochs, channels, samples), or mne.BaseEpochs
        y : ignored

        Raises
        ------
        InputError
            If there are no epochs or fewer than two electrodes are known, or as `transform`.
        """
        self.encoder_ = load_encoder(self.encoder)
        epochs, ch_names, sfreq, unit = as_array(X, self.ch_names, self.sfreq, self.unit)
        if not len(epochs):
            raise InputError("There is no epoch to fit on; give one at least.")
        spec = self.encoder_.spec
        matches = match(ch_names, spec.ch_names)
        if len(matches.channels) < 2:
            raise InputError(
                f"The encoder {spec.label} knows {len(matches.channels)} of the channels "
                f"{' '.join(ch_names[:8])} ...; at least 2 are needed."
            )
        spec.check_electrodes(matches.channels, "X")
        self.ch_names_ = matches.channels
        self._settings = SignalSettings(
            matches.channels, default_reference(len(matches.channels)), spec.rate, spec.band
        )
        signals = self._signals(epochs, ch_names, sfreq, unit)
        covariance = channel_covariance(np.concatenate(signals).T)
        self.spatial_ = spatial_filter(covariance, matches.channels, spec)
        return self

    @few_threads()
    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the features of epochs.

        Parameters
        ----------
        X : ndarray of shape (epochs, channels, samples), or mne.BaseEpochs

        Returns
        -------
        ndarray of float64, shape (epochs, features)

        Raises
        ------
        InputError
            If X is no epochs, a channel is missing, or epochs are shorter than a window, flat, or
            of an amplitude that is not that of EEG.
        """
        check_is_fitted(self)
        epochs, ch_names, sfreq, unit = as_array(X, self.ch_names, self.sfreq, self.unit)
        features = self._features
        window = self.encoder_.spec.window
        vectors = [
            features.of_run(signal, [len(signal) - window])[0]
            for signal in self._signals(epochs, ch_names, sfreq, unit)
        ]
        return np.stack(vectors) if vectors else np.empty((0, features.size))

    @property
    def _features(self) -> TokenFeatures:
        return TokenFeatures(self.encoder_, self.ch_names_, self.spatial_)

    @property
    def _n_features_out(self) -> int:  # what scikit-learn's mixin names
        return self._features.size

    def _signals(
        self, epochs: np.ndarray, ch_names: Sequence[str], sfreq: float, unit: str
    ) -> list[np.ndarray]:
        spec = self.encoder_.spec
        needed = max(spec.window, spec.warmup)
        signals = through_path(epochs, ch_names, sfreq, unit, self._settings, spec.unit, needed)
        picked = epochs[:, list(match(ch_names, self.ch_names_).indices)]
        if len(flat := np.flatnonzero((np.ptp(picked, axis=-1) == 0.0).all(axis=-1))):
            raise InputError(
                f"Epochs are flat in all channels: {len(flat)} of {len(picked)}, the first is "
                f"number {flat[0]}, counted from 0. Leave those epochs out."
            )
        check_amplitude(picked * factor(unit, UNIT))
        return signals
