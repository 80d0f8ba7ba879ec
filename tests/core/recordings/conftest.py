"""Writing small XDF files and text."""

import pytest
import xdf_files

from core.recordings import read_recording


@pytest.fixture
def write_xdf(tmp_path):
    """Write streams into an XDF file of a temporary folder."""

    def write(*streams, name="a.xdf"):
        return xdf_files.write_xdf(tmp_path / name, *streams)

    return write


@pytest.fixture
def eeg():
    """Make an EEG stream: `xdf_files.eeg_stream`."""
    return xdf_files.eeg_stream


@pytest.fixture
def markers():
    """Make a stream of markers from (seconds after the first sample, text or texts)."""

    def make(*events, **settings):
        rows = [[one] if isinstance(one, (str, int, float)) else list(one) for _, one in events]
        usual = {"rate": 0.0, "name": "Cues", "type": "Markers", "format": "string"}
        return xdf_files.Stream(rows, [100.0 + time for time, _ in events], **(usual | settings))

    return make


@pytest.fixture
def write(tmp_path):
    """Write lines into a file and read them as a recording, in this process."""

    def write(lines, name="a.csv", unit=None, encoding="utf-8", end="\n", last="\n"):
        text = end.join(lines) + last
        (tmp_path / name).write_bytes(text.encode(encoding))
        return read_recording(tmp_path / name, unit, isolated=False)

    return write
