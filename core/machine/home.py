"""The one folder in which the programs keep decoders, sessions, logs and downloaded encoders."""

from __future__ import annotations

import os
import re
from pathlib import Path

from core.errors import InputError

_LABEL = re.compile(r"[A-Za-z0-9]+")


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


def subject_label(text: str, kind: str = "Subject") -> str:
    """Return a label of a subject, or of another kind, without its ``sub-``, if it follows BIDS.

    Raises
    ------
    InputError
        If anything but letters and digits is in it (BIDS 1.10, "Entities").
    """
    label = text.removeprefix("sub-")
    if not _LABEL.fullmatch(label) or not label.isascii():
        raise InputError(
            f'{kind} "{text}" is no BIDS label: use letters and digits only, such as 01 or S001.'
        )
    return label
