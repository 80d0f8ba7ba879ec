"""What makes a window unfit to decode; measured and judged alike at calibration and live.

`limits` says where a channel stops being usable, `meter` measures a quarter of a second,
`repeats` finds samples that were sent before, `levels` knows what a stream was like so far,
`watch` judges, and `learning` learns the limits and judges recordings.
"""

from core.decoding.artifacts.learning import learn_limits
from core.decoding.artifacts.limits import ArtifactLimits
from core.decoding.artifacts.watch import ArtifactWatch, listed, unit_words

__all__ = ["ArtifactLimits", "ArtifactWatch", "learn_limits", "listed", "unit_words"]
