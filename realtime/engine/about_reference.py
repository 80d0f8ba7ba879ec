"""What a run's own reference is said to be, on the status line and in notes."""

from __future__ import annotations

from core.decoding.decoder import WindowDecoder


def reference_status(windows: WindowDecoder | None) -> str:
    """Return in a few words whether the reference is the run's own, or will be; empty if never."""
    if windows is None:
        return ""
    if windows.reference is not None:
        return "recentred"
    to_go = windows.seconds_to_reference
    return "" if to_go is None else f"recentring in {to_go:.0f} s"


def about_reference(windows: WindowDecoder) -> str:
    """Say what decisions refer to from now on; empty where that never changes."""
    if (reference := windows.reference) is not None:
        return (
            f"Recentred on the first {reference.seconds:g} s of signal without artifacts; the "
            f"reference is {reference.name}."
        )
    if (to_go := windows.seconds_to_reference) is not None:
        return f"The decoder's own reference is used for the first {to_go:g} s of signal."
    return ""
