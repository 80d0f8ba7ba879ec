"""The two baselines that every decoder is shown beside: CSP+LDA and tangent space + LR.

Settings are those of MOABB's left/right hand benchmark (8-30 Hz, OAS covariances, six filters,
default penalties), on all channels; nothing in them is tuned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

BAND = (8.0, 30.0)
"""Pass band in Hz of the covariances that both take."""


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
