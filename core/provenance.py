"""When a file was made, and by which version of this program."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import TypedDict


class Provenance(TypedDict):
    """Fields that files of decoders, priors and shared heads have alike.

    Attributes
    ----------
    created : str
        UTC, ISO 8601.
    software : str
        Name and version of this program.
    """

    created: str
    software: str


def provenance() -> Provenance:
    """Return the provenance of what is made now."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "software": software(),
    }


def software() -> str:
    """Return name and version of this program."""
    return f"eegpt-realtime {version('eegpt-realtime')}"
