import numpy as np
import pytest

from calibration.report.patterns import patterns


@pytest.mark.slow
def test_patterns_lie_over_the_sources(fit):
    found = patterns(fit.epochs, fit.selection, 256.0)
    channels = fit.decoder.settings.channels
    strongest = {
        name: max((p for p in found if p.label == name), key=lambda p: p.strength)
        for name in fit.epochs.classes
    }
    # The rhythm over C3 stays when the left hand is imagined, so its power speaks for the left.
    for name, site in (("left_hand", "C3"), ("right_hand", "C4")):
        pattern = strongest[name]
        assert pattern.more
        assert channels[int(np.abs(pattern.topography).argmax())] == site
        assert np.abs(pattern.topography).max() == 1.0
    assert max(p.strength for p in found) == 1.0
    assert len(found) == 4
