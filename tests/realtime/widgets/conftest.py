"""The parts of the window."""

import pytest


@pytest.fixture(autouse=True)
def application(qapp):
    """Qt's application, which fonts and painters need even where no window is made."""
