"""The two baselines that every decoder is shown beside: CSP+LDA and tangent space + LR.

Settings are those of MOABB's left/right hand benchmark (8-30 Hz, OAS covariances, six filters,
default penalties), on all channels; nothing in them is tuned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InputError

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    from core.signal.filtering import Band

BAND = (8.0, 30.0)
"""Pass band in Hz of the covariances that both take."""


def passed(band: Band) -> tuple[float, float]:
    """Return the part of `BAND` that a signal path passes: low and high edge in Hz.

    Raises
    ------
    InputError
        If there is none.
    """
    low, high = max(BAND[0], band.low), min(BAND[1], band.high)
    if low >= high:
        raise InputError(
            f"Covariances are of {BAND[0]:g}-{BAND[1]:g} Hz, and a signal path of {band.label} "
            "passes nothing of that."
        )
    return low, high


def csp_lda() -> Pipeline:
    """Return common spatial patterns with linear discriminant analysis, over covariances."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline

    from core.fitting.csp import CommonSpatialPatterns

    return make_pipeline(CommonSpatialPatterns(), LinearDiscriminantAnalysis())


def tangent_space_lr() -> Pipeline:
    """Return the tangent space with logistic regression, over covariances."""
    from pyriemann.tangentspace import TangentSpace  # takes a second to import
    from sklearn.pipeline import make_pipeline

    return make_pipeline(TangentSpace(), regression())


def regression() -> LogisticRegression:
    """Return the logistic regression of `tangent_space_lr`, over vectors."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=5000)


TANGENT_SPACE = "TS+LR"
BASELINES = {"CSP+LDA": csp_lda, TANGENT_SPACE: tangent_space_lr}
