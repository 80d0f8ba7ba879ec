"""The tone before a cue, where this machine can make one."""

from __future__ import annotations

import sys
from typing import Any, Protocol

import numpy as np

_HERTZ, _SECONDS, _LOUDNESS = 1000.0, 0.1, 0.3  # loudness as a share of full scale
_RAMP = 0.005  # s, at both ends, so that the tone does not click


class Beeper(Protocol):
    """Something that can be asked for a tone."""

    @property
    def audible(self) -> bool:
        """Whether anybody may hear it."""
        ...

    def beep(self) -> None:
        """Begin a tone, and return at once."""
        ...

    def close(self) -> None:
        """Let the sound card go."""
        ...


class Silence:
    """No sound card, or no tone wanted."""

    audible = False

    def beep(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class SystemBell(Silence):
    """The system's own alert sound, which desktops of Windows and macOS have."""

    audible = True

    def beep(self) -> None:
        """Sound it."""
        from PySide6.QtWidgets import QApplication

        QApplication.beep()


class SoundCard:
    """A tone through a stream that stays open, so that it begins within one buffer.

    Parameters
    ----------
    sounddevice : module
        The package of that name.

    Raises
    ------
    Exception
        Whatever PortAudio says where there is no usable sound card.
    """

    audible = True

    def __init__(self, sounddevice: Any) -> None:
        rate = float(sounddevice.query_devices(kind="output")["default_samplerate"])
        self._tone = tone(rate)
        self._next = len(self._tone)  # next sample to play
        self._stream = sounddevice.OutputStream(
            samplerate=rate, channels=1, dtype="float32", latency="low", callback=self._fill
        )
        self._stream.start()

    def beep(self) -> None:
        """Begin the tone with the next buffer."""
        self._next = 0

    def close(self) -> None:
        """Let the sound card go."""
        self._stream.close()

    def _fill(self, out: np.ndarray, frames: int, _time: object, _status: object) -> None:
        """Write the next samples; called by the sound card's own thread."""
        part = self._tone[self._next : self._next + frames]
        out[: len(part), 0] = part
        out[len(part) :, 0] = 0.0
        self._next += len(part)


def tone(rate: float) -> np.ndarray:
    """Return the samples of one tone, float32, for a rate in Hz."""
    time = np.arange(round(_SECONDS * rate)) / rate
    ramp = np.clip(np.minimum(time, time[::-1]) / _RAMP, 0.0, 1.0)
    return (_LOUDNESS * ramp * np.sin(2 * np.pi * _HERTZ * time)).astype(np.float32)


def open_beeper(wanted: bool = True) -> Beeper:
    """Return the best that this machine can do: the sound card, the system's bell, or silence.

    The sound card needs the package ``sounddevice``.
    """
    if not wanted:
        return Silence()
    try:
        import sounddevice
    except (ImportError, OSError):  # not installed, or without its PortAudio library
        return SystemBell() if sys.platform in ("win32", "darwin") else Silence()
    try:
        return SoundCard(sounddevice)
    except Exception:  # no card, or none that plays: PortAudio has many words for it
        return Silence()
