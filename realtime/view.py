"""What a window needs of the engine, free of Qt, so that both sides can lean on it."""

from __future__ import annotations

from typing import Protocol

from core.signal.monitor import Traces
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.snapshot import Snapshot


class EngineView(Protocol):
    """The engine as a window sees it; every call is cheap and safe from any thread."""

    def snapshot(self) -> Snapshot:
        """Return what is known right now."""
        ...

    def traces(self, seconds: float) -> Traces:
        """Return a copy of the newest filtered signal of all stream channels, oldest first."""
        ...

    def set_evidence(self, settings: EvidenceSettings) -> None:
        """Decide by other rules from the next window on."""
        ...

    def pause(self, on: bool) -> None:
        """Stop or resume decoding."""
        ...

    def accept(self, uid: str) -> None:
        """Take a stream that the snapshot offers in place of the lost one."""
        ...
