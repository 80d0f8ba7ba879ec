"""The flicker test as a command: flash, listen to the photodiode, and judge."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.paradigm.model import Paradigm, load_paradigm
from calibration.screens.person.flicker import Flicker
from calibration.timing.analysis import (
    TimingLimits,
    TimingReport,
    against_frames,
    against_photodiode,
)
from core.errors import InputError
from core.machine.files import check_new_file, linked, write_whole
from core.program import write_line
from core.settings import load_settings
from core.stream.discovery import find_stream
from core.stream.inlet import Inlet
from ui.display import check_display

if TYPE_CHECKING:
    from calibration.options import TimingFlags

_AFTER = 1.0  # s of signal after the last flash
_KEPT = 3600.0  # s of signal that the inlet may hold until it is read


def measure(command: TimingFlags, folder: Path) -> int:
    """Run the test, save what it found, and return 0 if it was passed, else 1.

    Parameters
    ----------
    command : TimingFlags
    folder : Path
        Of the data set that the result is saved with, unless the command names a file.

    Raises
    ------
    InputError
        If the stream or its channel is not to be had, or too little was seen.
    """
    limits = load_settings(TimingLimits, command.limits)
    paradigm = load_paradigm(changes={"photodiode": command.corner})
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    out = command.out or folder / "sourcedata" / f"timing_{stamp}.json"
    check_new_file(out, "--out")
    if command.out is None and (why := linked(folder, out)):
        raise InputError(f"{out} {why}; choose another place with --out.")
    check_display()
    if command.photodiode is None:
        flicker = _flash(paradigm, command)
        report = against_frames(flicker.stamps, flicker.frames, limits)
    else:
        report = _with_photodiode(paradigm, command, command.photodiode, limits)
    write_whole(out, (report.to_json() + "\n").encode())
    write_line(f"{report.as_text()}\n\nSaved: {out}")
    return 0 if report.passed else 1


def _with_photodiode(
    paradigm: Paradigm, command: TimingFlags, channel: str, limits: TimingLimits
) -> TimingReport:
    stream = find_stream(command.stream.query, command.stream.timeout)
    with Inlet(stream, seconds=_KEPT) as inlet:
        labels = inlet.facts.labels
        if channel not in labels:
            raise InputError(
                f'The stream "{inlet.facts.identity.name}" has no channel {channel} (found: '
                f"{' '.join(labels[:8])}{' ...' if len(labels) > 8 else ''})."
            )
        flicker = _flash(paradigm, command)
        if not flicker.stamps:
            raise InputError("The test was stopped before the first flash.")
        samples, times = [], []
        until = flicker.stamps[-1] + _AFTER
        while (block := inlet.read(timeout=2.0)) is not None:
            samples.append(block.samples[:, labels.index(channel)])
            times.append(block.stamps + inlet.correction)
            if times[-1][-1] >= until:
                break
    if not samples:
        raise InputError(f'The stream "{stream.identity.name}" sent nothing during the test.')
    return against_photodiode(
        flicker.stamps, np.concatenate(samples), np.concatenate(times), limits
    )


def _flash(paradigm: Paradigm, command: TimingFlags) -> Flicker:
    """Flash until it is over."""
    import pylsl
    from PySide6.QtCore import QEventLoop

    from ui.signals import EndingSignals
    from ui.theme import application

    application()
    flicker = Flicker(paradigm, command.flashes, lambda stamp: None, pylsl.local_clock)
    loop = QEventLoop()
    flicker.finished.connect(loop.quit)
    with EndingSignals(loop.quit) as signals:
        flicker.open(full_screen=not command.windowed)
        loop.exec()
    flicker.close()
    signals.raise_if_any()
    return flicker
