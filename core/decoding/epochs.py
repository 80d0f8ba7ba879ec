"""Trials cut from recordings: where they lie in continuous, already processed signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from core.errors import InputError
from core.montage import match
from core.recordings import UNIT, Recording
from core.signal.filtering import CausalFilter
from core.signal.pipeline import SignalPath, SignalSettings
from core.units import factor


@dataclass(frozen=True)
class Epochs:
    """Windows after cues, as places in runs of signal at the model's rate.

    Attributes
    ----------
    runs : tuple of ndarray, each (samples, channels)
        Contiguous stretches after the signal path, in the model's unit.
    places : ndarray of int, shape (trials, 2)
        Run and first sample of every trial's window.
    labels : ndarray of int, shape (trials,)
        Class of every trial.
    classes : tuple of str
        Names of the classes.
    length : int
        Samples in a window.
    """

    runs: tuple[np.ndarray, ...]
    places: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    length: int

    def __len__(self) -> int:
        return len(self.labels)

    def windows(self) -> np.ndarray:
        """Return all windows, shape (trials, channels, samples)."""
        return np.stack([self.runs[run][at : at + self.length].T for run, at in self.places])

    def filtered(self, sections: np.ndarray) -> Epochs:
        """Return the same trials in signal that went on through a causal filter."""
        return replace(self, runs=tuple(CausalFilter(sections).push(run) for run in self.runs))


def cut_epochs(
    recordings: Sequence[Recording],
    events: Mapping[str, str],
    settings: SignalSettings,
    unit: str,
    window: int,
) -> Epochs:
    """Run the signal path over recordings and cut the window after each cue.

    Parameters
    ----------
    recordings : sequence of Recording
        Of one person.
    events : mapping
        Label in the recording -> class name, such as ``{"T1": "left_hand"}``.
    settings : SignalSettings
        The signal path.
    unit : str
        Unit the signal leaves the path in.
    window : int
        Samples of a window at the settings' rate.

    Returns
    -------
    Epochs
        Classes in the order in which `events` first names them. Trials whose window runs over
        the end of a recording or over a break are left out.

    Raises
    ------
    InputError
        If an asked event does not occur, fewer than two classes remain, or a class has fewer
        than five trials.
    """
    classes = tuple(dict.fromkeys(events.values()))
    if len(classes) < 2:
        raise InputError(
            f"Only one class was asked for ({', '.join(classes) or 'none'}); a decoder needs at "
            "least two, such as --event T1=left_hand --event T2=right_hand."
        )
    present = {event.label for recording in recordings for event in recording.events}
    absent = [label for label in events if label not in present]
    if absent:
        raise InputError(
            f"No event {', '.join(absent)} in {', '.join(r.path.name for r in recordings)}; "
            f"found: {', '.join(sorted(present)) or 'no events at all'}."
        )
    runs: list[np.ndarray] = []
    places: list[tuple[int, int]] = []
    labels: list[int] = []
    for recording in recordings:
        found = match(recording.labels, settings.channels)
        if found.missing:
            raise InputError(f"{recording.path.name} lacks the channels {' '.join(found.missing)}.")
        path = SignalPath(
            settings, recording.rate, found.indices, [factor(UNIT, unit)] * len(found.indices)
        )
        edges = (0, *recording.breaks, len(recording.samples_uv))
        for start, stop in pairwise(edges):
            path.restart()
            signal = path.push(recording.samples_uv[start:stop])
            for event in recording.events:
                at = round((event.onset - start / recording.rate) * settings.rate)
                if event.label in events and 0 <= at <= len(signal) - window:
                    places.append((len(runs), at))
                    labels.append(classes.index(events[event.label]))
            runs.append(signal)
    counts = np.bincount(labels, minlength=len(classes)) if labels else np.zeros(len(classes), int)
    if counts.min() < 5:
        listed = ", ".join(f"{n} of {name}" for name, n in zip(classes, counts, strict=True))
        raise InputError(
            f"Too few complete trials ({listed}); at least 5 of each class are needed to fit "
            "a decoder and to say how good it is."
        )
    return Epochs(
        runs=tuple(runs),
        places=np.array(places, dtype=np.intp),
        labels=np.array(labels, dtype=np.intp),
        classes=classes,
        length=window,
    )
