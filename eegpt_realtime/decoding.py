"""Fitting and using decoders from Python, with scikit-learn's and MNE's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

import numpy as np

from calibration.classes import check_events, cue_events
from calibration.fit_settings import FitSettings
from calibration.fitting import fit_decoder
from calibration.priors import starting_head
from calibration.report.text import notes
from calibration.tasks import fit_tasks
from core.bids_labels import bids_label
from core.decoding.decoder import Decoder
from core.decoding.outputs import Output
from core.decoding.readouts import FIRST
from core.decoding.storage.decoder_file import load_decoder as read_decoder
from core.decoding.storage.decoder_file import save_decoder
from core.decoding.storage.reference_file import load_reference
from core.decoding.window_decoder import WindowDecoder
from core.encoders import DEFAULT, Encoder
from core.errors import InputError, one_line
from core.fitting.trials.task import Task, parse_task
from core.machine.threads import few_threads
from core.program import say
from core.recordings import (
    Recording,
    read_recording,
    recording_of_raw,
    without_bad_channels,
)
from core.sites import eog_of
from eegpt_realtime.arrays import as_array, refused, through_path
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.snapshot import Decision
from realtime.offline import decode_recording


@dataclass(frozen=True)
class FittedDecoder:
    """A calibrated decoder, ready to be asked.

    Attributes
    ----------
    decoder : Decoder
        What a decoder file holds.
    encoder : Encoder or None
        The one it was fitted with, where its head uses tokens.
    """

    decoder: Decoder
    encoder: Encoder | None

    @property
    def classes_(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""
        return self.decoder.classes

    @property
    def ch_names(self) -> tuple[str, ...]:
        """Electrodes that it needs."""
        return self.decoder.settings.channels

    @property
    def window(self) -> float:
        """Seconds of signal that a decision uses."""
        return self.decoder.window / self.decoder.settings.rate

    @property
    def tasks(self) -> dict[str, str]:
        """Name of each task -> its kind: classes, retrieval or scale; the first one first."""
        return {readout.task: readout.kind for readout in self.decoder.readouts}

    def only(self, task: str) -> FittedDecoder:
        """Return the decoder of one task of classes alone.

        Raises
        ------
        InputError
            If there is no such task, or it has no classes.
        """
        decoder = self.decoder.only(task)
        return FittedDecoder(decoder, None if decoder.encoder is None else self.encoder)

    @few_threads(live=True)
    def outputs(
        self,
        X: Any,  # noqa: N803 - scikit-learn's name
        ch_names: Sequence[str] | None = None,
        sfreq: float | None = None,
        unit: str = "V",
    ) -> list[Mapping[str, Output]]:
        """Return what each task says, from one pass through the encoder.

        Parameters
        ----------
        X, ch_names, sfreq, unit
            As `predict_proba`.

        Returns
        -------
        list of dict
            For each epoch or decision: task -> output; empty where one was refused.

        Raises
        ------
        InputError
            If X is no epochs and no recording, channels are missing, epochs are shorter than a
            window, or their amplitude is not that of EEG.
        """
        if isinstance(X, Recording | str | Path) or hasattr(X, "first_samp"):
            return [decision.outputs for decision in self.decisions(X)]
        epochs, names, rate, unit = as_array(X, ch_names, sfreq, unit)
        decoder = self.decoder
        needed = max(decoder.window, decoder.warmup)
        signals = through_path(epochs, names, rate, unit, decoder.settings, decoder.unit, needed)
        wrong = refused(decoder, epochs, signals, names, rate, unit)
        windows, hop = WindowDecoder(decoder, self.encoder), decoder.hop
        outputs: list[Mapping[str, Output]] = []
        for signal, artifact in zip(signals, wrong, strict=True):
            if artifact:
                outputs.append({})
                continue
            windows.reset()
            for start in range(len(signal) % hop, len(signal), hop):
                windows.push(signal[start : start + hop])
            outputs.append(windows.outputs)
        return outputs

    def predict_proba(
        self,
        X: Any,  # noqa: N803 - scikit-learn's name
        ch_names: Sequence[str] | None = None,
        sfreq: float | None = None,
        unit: str = "V",
    ) -> np.ndarray:
        """Return class probabilities of the first task.

        Parameters
        ----------
        X : ndarray of shape (epochs, channels, samples), mne.BaseEpochs, Recording, Raw, str, path
            Of epochs, the last window counts; each goes through the signal path as a stream that
            begins with it. A continuous recording gives what a live stream of it would have given.
        ch_names : sequence of str, optional
            Of an array's channels.
        sfreq : float, optional
            Rate of an array in Hz.
        unit : str
            Of an array.

        Returns
        -------
        ndarray of float64, shape (epochs or decisions, classes)
            A decision that was refused, for an artifact or a gap, is a row of NaN.

        Raises
        ------
        InputError
            As `outputs`.
        """
        task, nothing = self.decoder.task, (np.nan,) * len(self.classes_)
        rows = [
            outputs[task].values if outputs else nothing
            for outputs in self.outputs(X, ch_names, sfreq, unit)
        ]
        return np.array(rows).reshape(-1, len(self.classes_))

    def predict(self, X: Any, **given: Any) -> np.ndarray:  # noqa: N803
        """Return the likeliest class of each epoch or decision; "" where it was refused."""
        probabilities = self.predict_proba(X, **given)
        names = np.array([*self.classes_, ""])
        refused = np.isnan(probabilities).any(axis=1)
        likeliest = np.where(refused, 0.0, probabilities.T).argmax(axis=0)
        return names[np.where(refused, len(self.classes_), likeliest)]

    @few_threads(live=True)
    def decisions(
        self, recording: Any, confirm: bool = False, recentre: float | Literal["off"] | None = None
    ) -> list[Decision]:
        """Return the decisions that a live stream of a recording would have given.

        Parameters
        ----------
        recording : Recording, mne.io.BaseRaw, str or path
        confirm : bool
            As ``eegpt-realtime --confirm``.
        recentre : float or "off", optional
            Seconds of the first signal that the reference of the covariances is taken anew from,
            as ``eegpt-realtime --recentre start``; by default as the decoder says.
        """
        windows = WindowDecoder(
            self.decoder, self.encoder, recentre=self.recentre_seconds(recentre)
        )
        evidence = EvidenceSettings.of(self.decoder)
        return list(
            decode_recording(
                as_recording(recording, eog=bool(eog_of(self.ch_names))),
                self.decoder,
                windows,
                evidence,
                confirm=confirm,
            )
        )

    def recentred(self, reference: Path | str) -> FittedDecoder:
        """Return the decoder with the reference that a run took, from the file beside its log.

        Raises
        ------
        InputError
            If the file is damaged, or its run had another decoder.
        """
        decoder = self.decoder.recentred(load_reference(reference))
        return FittedDecoder(decoder, self.encoder)

    def recentre_seconds(self, asked: float | Literal["off"] | None) -> float | None:
        """Return the seconds that were asked for, or that the decoder says; None for none."""
        if asked is None:
            return self.decoder.recentre
        if asked == "off":
            return None
        if not isinstance(asked, Real):
            raise InputError(f'recentre is {asked!r}; give "off" or a number of seconds.')
        return float(asked)

    def save(self, path: Path | str, *, overwrite: bool = False) -> Path:
        """Write a decoder file, which every program of the project reads.

        Raises
        ------
        InputError
            If the file exists and `overwrite` is False, or it cannot be written.
        """
        return save_decoder(self.decoder, path, overwrite=overwrite)


def as_recording(source: Any, eog: bool = False) -> Recording:
    """Return a recording from a path, an MNE Raw or a recording.

    With `eog`, channels whose type is EOG are kept, as in `core.recordings.read_recording`.

    Raises
    ------
    InputError
        If the file cannot be read, or there is no EEG in it.
    """
    if isinstance(source, Recording):
        return source
    if isinstance(source, str | Path):
        return read_recording(source, eog=eog)
    if not hasattr(source, "filenames"):
        raise InputError(
            f"A recording is a path, a Recording or MNE's Raw; found {type(source).__name__}."
        )
    names = [Path(name) for name in source.filenames if name is not None]
    return recording_of_raw(source, names[0] if names else Path("raw"), eog=eog)


@few_threads()
def fit(
    recordings: Any,
    events: Mapping[str, str] | None = None,
    *,
    subject: str = "01",
    encoder: str | Path = DEFAULT,
    head: str = "auto",
    seed: int = 0,
    false_alarms: float | None = None,
    idle_class: bool = False,
    tasks: str | Sequence[str] = (),
    prior: str | Path | Sequence[str | Path] = (),
) -> FittedDecoder:
    """Fit a decoder on recordings of one person, as ``eegpt-calibrate fit`` does.

    Parameters
    ----------
    recordings : one or several of str, path, Recording or mne.io.BaseRaw
        With the same channels and rate.
    events : mapping, optional
        Label in the recordings -> class, such as ``{"T1": "left_hand"}``; by default labels that
        are names of classes.
    subject : str
        Whose they are.
    encoder : str or path
        What `load_encoder` takes; by default ``imagery-2``.
    head : str
        ``auto``, ``riemann``, ``encoder``, ``hybrid`` or ``graph``.
    seed : int
        Of the cross-validation.
    false_alarms : float, optional
        A minute at rest, that the decoder's threshold is to keep to.
    idle_class : bool
        Whether rest, from events or pauses, is a class of its own.
    tasks : str, or sequence of them
        Tasks beside that of `events`, as ``eegpt-calibrate fit --task`` takes them, such as
        ``"eyes=R01.edf:open,R02.edf:closed"``.
    prior : str or path, or sequence of them
        What the head starts from, as ``eegpt-calibrate fit --prior`` takes it: recordings of other
        people or of earlier sessions, folders of them, decoders, prior files; ``"none"`` for own
        trials alone. By default, the population that comes with the program where ``auto`` tells
        left from right hand.

    Returns
    -------
    FittedDecoder
        Its ``decoder.facts`` say how good it was found to be, and the chance bound.

    Raises
    ------
    InputError
        If an argument is none, a recording cannot be used, there are too few trials of a class, no
        threshold keeps to the false alarms, or a prior does not fit or is given beside tasks.
    """
    if events is not None and not isinstance(events, Mapping):
        raise InputError(
            'Events are given as label -> class, such as {"T1": "left_hand"}; found '
            f"{type(events).__name__}."
        )
    for name, text in (("subject", subject), ("head", head)):
        if not isinstance(text, str):
            raise InputError(f"{name} is {one_line(text, 60)}; give text.")
    if not isinstance(seed, Integral):
        raise InputError(f"seed is {one_line(seed, 60)}; give a whole number.")
    if not isinstance(false_alarms, Real | None):
        raise InputError(f"false_alarms is {one_line(false_alarms, 60)}; give a number or None.")
    subject, tasks, prior = bids_label(subject), _named("tasks", tasks), _named("prior", prior)
    single = hasattr(recordings, "filenames") or isinstance(recordings, str)
    if single or not isinstance(recordings, Iterable):
        recordings = [recordings]
    read = [as_recording(recording, eog=True) for recording in recordings]
    if not read:
        raise InputError("There is no recording to fit a decoder on; give one at least.")
    settings = FitSettings(
        str(encoder), head, seed=seed, false_alarms=false_alarms, idle_class=idle_class
    )
    if tasks:
        if prior:
            raise InputError("A prior is for one task; leave out prior=, or tasks=.")
        first = [Task(FIRST, events)] if events else []
        every = [*first, *map(parse_task, map(str, tasks))]
        result = fit_tasks(read, every, subject, settings).first
    else:
        events = check_events(events) if events else cue_events(read)
        labels = without_bad_channels(read)[0].labels
        start = starting_head([Path(path) for path in prior], labels, events, settings, own=read)
        result = fit_decoder(read, events, subject, settings, prior=start)
    if result.unkept:
        raise InputError(result.unkept)
    for sentence in notes(result):
        say(sentence)
    return FittedDecoder(result.decoder, result.decoder.load_encoder())


def _named(argument: str, given: Any) -> list[str | Path]:
    """Return the texts or paths of an argument that takes one or several of them."""
    single = isinstance(given, str) or not isinstance(given, Iterable)
    named = [given] if single else list(given)
    for item in named:
        if not isinstance(item, str | Path):
            raise InputError(f"{argument} names {one_line(item, 60)}; give text or a path.")
    return named


def load_decoder(path: Path | str, encoder: str | None = None) -> FittedDecoder:
    """Read a decoder file, and load the encoder that it pins.

    Parameters
    ----------
    path : str or path
    encoder : str, optional
        Where the pinned encoder is, if it is not where it was.

    Raises
    ------
    InputError
        If the file is damaged, or the encoder is not the one it was fitted with.
    """
    decoder = read_decoder(path)
    return FittedDecoder(decoder, decoder.load_encoder(encoder))
