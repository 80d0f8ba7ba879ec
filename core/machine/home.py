"""The one folder in which the programs keep decoders, sessions, logs and downloaded encoders."""

from __future__ import annotations

import os
from pathlib import Path


def home_folder(given: Path | None = None) -> Path:
    """Return the folder: `given`, else ``EEGPT_HOME``, else the platform's data folder.

    The folder is not created here; whoever writes into it creates what it needs.
    """
    if given is not None:
        return given.expanduser()
    if text := os.environ.get("EEGPT_HOME"):
        return Path(text).expanduser()
    from platformdirs import user_data_path

    return user_data_path("eegpt-realtime", appauthor=False)
