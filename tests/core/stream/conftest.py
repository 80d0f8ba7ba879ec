"""Streams over loopback, for tests of finding and reading them."""

import pylsl
import pytest


@pytest.fixture
def send():
    """Open outlets as any program in the field would."""
    outlets = []

    def start(
        name, type="EEG", channels=2, rate=250.0, format="float32", source_id="id", describe=None
    ):
        info = pylsl.StreamInfo(name, type, channels, rate, format, source_id)
        if describe:
            describe(info.desc())
        outlets.append(pylsl.StreamOutlet(info))
        return outlets[-1]

    yield start
    outlets.clear()
