"""Learning while a run goes on, so that the decoder is ready when the last trial is over.

The signal path, the band of the covariances and the tokens of every trial are computed as the
samples come, with the objects that a fit from files uses; the fit then finds them done. Nothing
here decides anything: the decoder is fitted on the files, and would be the same without this.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from calibration.classes import CLASSES, cue_events
from calibration.fit_settings import FitSettings, path_for
from calibration.fitting import Fit, fit_decoder
from calibration.session.progress import Accuracy
from core.decoding.features import TokenFeatures, band_sections
from core.decoding.recentring import REFERENCE_SECONDS
from core.decoding.spatial import channel_covariance, spatial_filter
from core.encoders import Encoder
from core.errors import InputError
from core.feed.segments import FiniteSegments, Segment
from core.feed.timeline import GrowingTimeline
from core.fitting.baselines import BAND
from core.fitting.transfer.prior_head import PriorHead
from core.fitting.transfer.recentring import all_beginnings, beginning
from core.fitting.trials.epochs import FeatureCache
from core.fitting.trials.signals import (
    REST_SECONDS,
    cued_places,
    place_of_cue,
    resting,
    segments_of,
    signals_of,
)
from core.montage import match
from core.recordings import UNIT, Event, Recording, usable_labels
from core.signal.filtering import CausalFilter
from core.signal.pipeline import SignalPath
from core.stream.description import StreamFacts
from core.units import factor

_QUICK_EVERY = 4  # trials between two looks at how good the decoder would be
_QUICK_HEAD = "riemann"
_BETWEEN = "trial_start"  # event at which nothing is asked of the person yet
_MARGIN = 2.0  # s: every cue so far back is known


class _Stretches:
    """Contiguous stretches of signal, that grow piece by piece."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self._pieces: list[list[np.ndarray]] = []

    def begin(self) -> None:
        self._pieces.append([])
        self.lengths.append(0)

    def add(self, piece: np.ndarray) -> None:
        self._pieces[-1].append(piece)
        self.lengths[-1] += len(piece)

    def joined(self) -> tuple[np.ndarray, ...]:
        """Return every stretch in one piece."""
        self._pieces = [_joined(stretch) for stretch in self._pieces]
        return tuple(stretch[0] for stretch in self._pieces)


def _joined(pieces: list[np.ndarray]) -> list[np.ndarray]:
    """Return pieces of signal as one; nothing is copied where there is only one."""
    return pieces if len(pieces) == 1 else [np.concatenate(pieces)]


class IncrementalFit:
    """Prepares a fit while its last recording is still being made.

    Parameters
    ----------
    facts : StreamFacts
        Of the stream.
    subject, session : str
        BIDS labels.
    settings : FitSettings
    encoder : Encoder
        The one that the settings name.
    earlier : sequence of Recording
        Of the same session, to be fitted together with this run.
    starting : callable, optional
        Gives the head that the fit starts from; takes its time the first time it is called.

    Attributes
    ----------
    accuracy : Accuracy or None
        How well the trials so far are classified; None while there are too few.
    rejected : int
        Trials left out so far.
    error : str or None
        Why learning stopped early; the fit from the files is not touched by that.
    """

    def __init__(
        self,
        facts: StreamFacts,
        subject: str,
        session: str,
        settings: FitSettings,
        encoder: Encoder,
        earlier: Sequence[Recording] = (),
        starting: Callable[[], PriorHead | None] = lambda: None,
    ) -> None:
        self.accuracy: Accuracy | None = None
        self.rejected = 0
        self.error: str | None = None
        facts = replace(facts, labels=usable_labels(facts.labels, earlier))  # as a fit has them
        self._facts, self._settings, self._encoder = facts, settings, encoder
        self._subject, self._session = subject, session
        self._earlier = tuple(earlier)
        self._starting = starting
        spec = encoder.spec
        self._path_settings, _ = path_for(facts.labels, spec, settings, "the stream")
        matches = match(facts.labels, self._path_settings.channels)
        self._path = SignalPath(
            self._path_settings,
            facts.rate,
            matches.indices,
            [factor(UNIT, spec.unit)] * len(matches.indices),
        )
        self._band = CausalFilter(band_sections(BAND, spec.rate))
        self._finite = FiniteSegments(matches.indices)
        self._timeline = GrowingTimeline(facts.rate)
        self._raw: list[np.ndarray] = []  # µV
        self._breaks: list[int] = []
        self._starts: list[int] = []  # of stretches, as `Recording.stretches` has them
        self._samples = 0
        self._signals, self._banded = _Stretches(), _Stretches()
        self._before = 0  # stretches of the earlier recordings
        self._events: list[Event] = []  # of this run
        self._cues: list[tuple[int, int]] = []  # of all recordings, in stretches
        self._bad: list[tuple[int, int]] = []  # windows that earlier recordings mark as bad
        self._waiting: list[tuple[str, float]] = []  # events whose sample has not come
        self._features: TokenFeatures | None = None
        self._tokens: dict[tuple[int, int], np.ndarray] = {}
        self._looked = 0  # trials at the last look
        self._queue: SimpleQueue[Segment | tuple[str, float] | None] = SimpleQueue()
        self._ended = False  # whether everything that was written has been taken
        self._thread = threading.Thread(target=self._learn, name="learn", daemon=True)
        self._thread.start()

    def write(self, segments: Sequence[Segment]) -> None:
        """Take the next segments; returns at once."""
        for segment in segments:
            self._queue.put(segment)

    def event(self, name: str, time: float) -> None:
        """Take an event, in seconds of the sender's clock; returns at once."""
        self._queue.put((name, time))

    def close(self) -> None:
        """Finish what was taken. May be called again."""
        self._queue.put(None)
        self._thread.join()

    def fit(self, recording: Recording) -> Fit:
        """Fit a decoder on the run as its files have it, and on the earlier ones.

        Parameters
        ----------
        recording : Recording
            Read from the files, after `close`.

        Raises
        ------
        InputError
            As `calibration.fitting.fit_decoder`.
        """
        recordings = (*self._earlier, recording)
        return fit_decoder(
            recordings,
            cue_events(recordings),
            self._subject,
            self._settings,
            self._session,
            self._cache() if self._complete(recording) else None,
            self._starting(),
            checked=True,
        )

    # -- in the thread --------------------------------------------------------------------------

    def _learn(self) -> None:
        try:
            import mne  # noqa: F401  (reading the files at the end would have to wait for it)

            self._starting()
            self._take_earlier()
            tried = 0  # trials
            while (item := self._next()) is not None:
                if isinstance(item, Segment):
                    self._take(item)
                else:
                    self._waiting.append(item)
                    # Not at the end of a trial: the last one's must not delay the decoder.
                    if item[0] == _BETWEEN:
                        self._look()
                self._place_events()
                if self._queue.empty() and self._over > tried:
                    tried = self._over
                    self._encode()
            self._encode()
        except Exception as error:  # the recording goes on, and the files are fitted later
            self.error = str(error) or type(error).__name__
            while self._next() is not None:
                pass

    def _next(self) -> Segment | tuple[str, float] | None:
        """Wait for what was written next; None from the end on."""
        item = None if self._ended else self._queue.get()
        self._ended = item is None
        return item

    def _take_earlier(self) -> None:
        window = self._encoder.spec.window
        self._bad = cued_places(self._earlier, (), self._path_settings, window)
        for segments in segments_of(self._earlier, self._path_settings):
            self._cues += segments.cued_places(CLASSES)
            self._before += len(segments.bounds)
        for signal in signals_of(self._earlier, self._path_settings, self._encoder.spec.unit):
            self._band.reset()
            for stretches, piece in (
                (self._signals, signal),
                (self._banded, self._band.push(signal)),
            ):
                stretches.begin()
                stretches.add(piece)
        self._band.reset()

    def _take(self, segment: Segment) -> None:
        if segment.begins and self._samples:
            self._breaks.append(self._samples)
        self._raw.append(segment.samples_uv.astype(np.float32))
        self._timeline.add(segment.times, follows=not segment.begins)
        for part in self._finite.cut(segment):
            if not part.nan:
                self._take_finite(part)
            self._samples += len(part)

    def _take_finite(self, segment: Segment) -> None:
        if segment.begins or not self._starts:
            self._starts.append(self._samples)
            self._path.restart()
            self._band.reset()
            self._signals.begin()
            self._banded.begin()
        signal = self._path.push(segment.samples_uv)
        self._signals.add(signal)
        self._banded.add(self._band.push(signal))

    def _place_events(self) -> None:
        due = [event for event in self._waiting if self._timeline.has(event[1])]
        self._waiting = [event for event in self._waiting if event not in due]
        for name, time in due:
            onset = self._timeline.sample_at(time) / self._facts.rate
            self._events.append(Event(onset, 0.0, name))
            if name in CLASSES:
                starts = np.array(self._starts) / self._facts.rate
                place = place_of_cue(onset, starts, self._path_settings.rate, self._facts.rate)
                if place is not None:
                    self._cues.append((self._before + place[0], place[1]))

    @property
    def _over(self) -> int:
        """Trials whose window has come in whole."""
        window, lengths = self._encoder.spec.window, self._signals.lengths
        return sum(0 <= sample <= lengths[run] - window for run, sample in self._cues)

    def _encode(self) -> None:
        """Compute the tokens of the trials that are over."""
        if not self._settings.tokens_needed or not self._cues:
            return
        if self._settings.regress_eyes or self._settings.idle_class:
            return  # the coefficients, and what rest is left for the filter, are known at the end
        window, rate = self._encoder.spec.window, self._path_settings.rate
        signals = self._signals.joined()
        if self._features is None:
            rest = self._rest(signals, window, rate)
            if rest is None:
                return
            channels = self._path_settings.channels
            covariance = channel_covariance(rest.T)
            spatial = spatial_filter(covariance, channels, self._encoder.spec)
            skip = self._settings.skip(self._encoder.spec)
            self._features = TokenFeatures(self._encoder, channels, spatial, skip)
        for run, sample in self._cues:
            if (run, sample) not in self._tokens and 0 <= sample <= len(signals[run]) - window:
                self._tokens[run, sample] = self._features.of_run(signals[run], [sample])[0]

    def _rest(self, signals: Sequence[np.ndarray], window: int, rate: float) -> np.ndarray | None:
        """Return what the filter before the encoder is fitted on; None before it has come."""
        if self._encoder.spec.readout is not None:
            own = beginning(signals[self._before :], rate)
            if len(own) < round(REFERENCE_SECONDS * rate) and not self._ended:
                return None
            if not self._earlier:
                return own
            channels, before = self._path_settings.channels, signals[: self._before]
            return np.concatenate([all_beginnings(self._earlier, channels, before, rate), own])
        margin = round(_MARGIN * rate)
        known = (*signals[:-1], signals[-1][: max(0, len(signals[-1]) - margin)])
        needed = round(REST_SECONDS * rate)
        rest = resting(known, [*self._cues, *self._bad], window)[:needed]
        return rest if len(rest) == needed else None

    def _look(self) -> None:
        """See now and then how good a decoder of the trials so far would be."""
        if self._over < self._looked + _QUICK_EVERY:
            return
        self._looked = self._over
        self._raw = _joined(self._raw)
        recording = Recording(
            samples_uv=self._raw[0],
            rate=self._facts.rate,
            labels=self._facts.labels,
            events=tuple(self._events),
            breaks=tuple(self._breaks),
            path=Path("this run"),
            sha256="",
        )
        quick = replace(
            self._settings,
            head=_QUICK_HEAD,
            repeats=1,
            origin=False,
            rest=False,
            false_alarms=None,
        )
        recordings = (*self._earlier, recording)
        try:
            events = cue_events(recordings)
            fit = fit_decoder(
                recordings, events, self._subject, quick, "", self._cache(), checked=True
            )
        except InputError:
            return  # too few trials yet
        facts = fit.decoder.facts
        self.rejected = len(fit.rejected)
        self.accuracy = Accuracy(facts.score, facts.chance, facts.trials, facts.head)

    def _cache(self) -> FeatureCache:
        return FeatureCache(self._signals.joined(), self._banded.joined(), self._tokens)

    def _complete(self, recording: Recording) -> bool:
        """Whether all of a recording was learned from, its cues and breaks where they are in it.

        It has what the recorder was given too: the same segments, unless the disk did not keep up.
        """
        return (
            self.error is None
            and not match(recording.labels, self._path_settings.channels).missing
            and len(recording.samples_uv) == self._samples
            and recording.breaks == tuple(self._breaks)
            and self._cues_in(recording)
            == sorted(cue for cue in self._cues if cue[0] >= self._before)
        )

    def _cues_in(self, recording: Recording) -> list[tuple[int, int]]:
        """Return where the cues of this run lie by its recording."""
        [segments] = segments_of([recording], self._path_settings)
        return [(self._before + run, sample) for run, sample in segments.cued_places(CLASSES)]
