import pytest

from calibration.session.progress import size


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 kB"), (999_400, "999 kB"), (999_999, "1 MB"), (5e8, "500 MB"), (1.82e11, "182.0 GB")],
)
def test_sizes_are_read_at_a_glance(count, text):
    assert size(count) == text
