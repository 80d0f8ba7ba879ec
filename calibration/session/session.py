"""One calibration run: its events go out and to the disk, and its state to the operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from calibration.paradigm.sequencer import Onset, PlannedTrial, TrialSequencer
from calibration.recording.bids import BidsRun
from calibration.recording.recorder import Recorder
from calibration.session.acquisition import Acquisition, Listener
from calibration.session.incremental_fit import IncrementalFit
from calibration.session.progress import Alarm, Progress, size
from core.signal.monitor import ChannelStatus, Traces
from core.stream.description import MARKERS
from core.stream.outlets import MarkerOutlet

if TYPE_CHECKING:
    from calibration.screens.person.presenter import Presenter

_SETTLE = 1.0  # s that the samples of the last event have to arrive
_SPACE_LOW = 2 * 10**9  # bytes


class Session:
    """A run in progress, as the operator's screen sees it.

    Parameters
    ----------
    acquisition : Acquisition
        Receiving; the session releases it.
    recorder : Recorder
        Open; the session closes it.
    learner : IncrementalFit
        Learns while the run goes on; the session closes it.
    sequencer : TrialSequencer
        Driven by the presenter alone.
    trials : sequence of PlannedTrial
        What the sequencer goes through.
    """

    def __init__(
        self,
        acquisition: Acquisition,
        recorder: Recorder,
        learner: IncrementalFit,
        sequencer: TrialSequencer,
        trials: Sequence[PlannedTrial],
    ) -> None:
        self.acquisition, self.recorder, self.learner = acquisition, recorder, learner
        self._sequencer = sequencer
        self._planned = [trial for trial in trials if not trial.practice]
        self._markers = MarkerOutlet(MARKERS)
        self._last_event = float("-inf")  # sender's clock, s
        self._presenter: Presenter | None = None
        self._listeners: tuple[Listener, ...] = (recorder.write, learner.write)
        self._over = False  # whether the recording was closed ...
        self._ended_by: Alarm | None = None  # ... and what had gone wrong by then
        acquisition.listen(self._listeners)

    @property
    def run(self) -> BidsRun:
        """Where it is recorded."""
        return self.recorder.run

    def shown_by(self, presenter: Presenter) -> None:
        """Take the presenter that the operator's buttons are for."""
        self._presenter = presenter

    def also_listen(self, listener: Listener) -> None:
        """Hand the stream to somebody else too, after the recording and the fit."""
        self._listeners += (listener,)
        self.acquisition.listen(self._listeners)

    def event(self, onset: Onset) -> None:
        """Take an event that was shown: mark it on the network, on the disk and for the fit."""
        self._markers.push(onset.name, onset.time)
        time = self.acquisition.to_sender(onset.time)
        self._last_event = max(self._last_event, time)
        self.recorder.event(onset.name, onset.code, time, onset.duration, onset.trial)
        self.learner.event(onset.name, time)

    @property
    def failure(self) -> Alarm | None:
        """Why the run cannot go on, if it cannot."""
        kept = "Everything so far is kept; eegpt-calibrate resume goes on with the rest."
        if self.recorder.failed:
            return Alarm("Recording stopped", f"{self.recorder.error} {kept}", fatal=True)
        if self.acquisition.failure is not None:
            return Alarm("Stream lost", f"{self.acquisition.failure} {kept}", fatal=True)
        return None

    def close(self) -> None:
        """Wait for the samples of the last event, then close the recording. May be called again.

        The stream goes on, for the screens.
        """
        if self.failure is None:
            self.acquisition.wait_for(self._last_event, _SETTLE)
        if not self._over:
            self._ended_by = self.failure
        self.acquisition.listen(())
        self.recorder.close()
        self.learner.close()
        self._over = True

    def release(self) -> None:
        """Let the stream go too, and end that of the markers: the next session has its own."""
        self._markers.close()
        self.acquisition.close()

    # -- what the operator sees -----------------------------------------------------------------

    @property
    def channels(self) -> tuple[ChannelStatus, ...]:
        """All channels of the stream, and how they look."""
        return self.acquisition.channels

    def traces(self, seconds: float) -> Traces:
        """Return a copy of the newest filtered signal of all channels, oldest first."""
        return self.acquisition.traces(seconds)

    def toggle_pause(self) -> None:
        """Hold before the next trial, or go on."""
        if self._presenter is not None:
            self._presenter.toggle_pause()

    def stop(self) -> None:
        """End the session after the current trial, and keep everything."""
        if self._presenter is not None:
            self._presenter.stop()

    def progress(self) -> Progress:
        """Return what is known right now."""
        sequencer, facts = self._sequencer, self.acquisition.facts
        now = 0.0 if self._presenter is None else self._presenter.now
        continuity = self.acquisition.feed.segmenter.continuity
        return Progress(
            subject=self.run.subject,
            session=self.run.session,
            run=f"{self.run.number:02d}",
            stream=facts.identity.name,
            rate=facts.rate,
            measured_rate=continuity.measured_rate,
            lost_samples=continuity.lost_samples,
            live=self.acquisition.live,
            step=sequencer.current,
            phase_left=sequencer.phase_left(now),
            time_left=sequencer.time_left(now),
            elapsed=now,
            pausing=sequencer.pausing,
            stopping=sequencer.stopping,
            done=sum(not trial.practice for trial in sequencer.completed),
            total=len(self._planned),
            blocks=max((trial.block for trial in self._planned), default=0),
            rejected=self.learner.rejected,
            accuracy=self.learner.accuracy,
            recorded=self.recorder.seconds,
            file=str(self.run.file("eeg.vhdr")),
            free_bytes=self.recorder.free_bytes,
            sound=self._presenter is not None and self._presenter.sound,
            alarms=tuple(self._alarms()),
        )

    def _alarms(self) -> list[Alarm]:
        alarms, free = [], self.recorder.free_bytes
        if self._over and self.recorder.error is None:  # what the stream does now changes nothing
            return [] if self._ended_by is None else [self._ended_by]
        if (failure := self.failure) is not None:
            alarms.append(failure)
        elif self.recorder.error is not None:
            alarms.append(Alarm("Samples not saved", self.recorder.error))
        elif not self.acquisition.live:
            quiet = self.acquisition.quiet
            alarms.append(
                Alarm(
                    "Stream silent",
                    f"Nothing has come for {quiet:.0f} s; check the amplifier. Trials in which "
                    "samples are missing will be left out.",
                )
            )
        if doubt := self.acquisition.doubt:
            alarms.append(Alarm("Time stamps off", doubt))
        if free < _SPACE_LOW:
            alarms.append(
                Alarm("Disk nearly full", f"{size(free)} are free; make room on the disk.")
            )
        if self._presenter is not None and self._presenter.hidden:
            alarms.append(
                Alarm(
                    "Cue screen hidden",
                    "The person's screen cannot be drawn, so the run is paused; bring its window "
                    "to the front and press Space.",
                )
            )
        return alarms
