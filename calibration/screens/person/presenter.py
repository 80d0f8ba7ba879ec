"""The person's screen: takes the sequencer through a run, and stamps what was seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic

from PySide6.QtCore import QObject, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QScreen

from calibration.paradigm.model import Paradigm
from calibration.paradigm.sequencer import Onset, TrialPhase, TrialSequencer
from calibration.screens.person import cue
from calibration.screens.person.beeper import Beeper, Silence
from calibration.screens.person.cue import Scene
from calibration.screens.person.frames import StampedWindow
from ui.class_style import class_looks

_TICK = 4  # ms
_FEEDBACK_STEP = 0.02  # of the bar: less is not worth a frame
_PATIENCE, _HIDDEN_PATIENCE = 2.0, 0.25  # s of real time that a frame may take; where hidden

Feedback = Callable[[], Mapping[str, float] | None]


class Presenter(QObject):
    """Shows a run to the person, full screen.

    Space pauses between trials and goes on; Escape asks whether to end.

    Parameters
    ----------
    paradigm : Paradigm
        What is shown.
    sequencer : TrialSequencer
        What comes when; nobody else may drive it.
    on_event : callable
        Told every `Onset` on the GUI's thread, right after its frame was flushed.
    clock : callable
        This machine's LSL clock, in seconds.
    speed : float
        How much faster than the clock the run goes.
    beeper : Beeper, optional
        Sounds the tone; silent by default.
    feedback : callable, optional
        Returns the newest probability of each class, or None while there is none.

    Attributes
    ----------
    hidden : bool
        Whether the last thing to be seen could not be drawn: its stamps are not those of a frame,
        and the run pauses.
    """

    finished = Signal()
    leave_asked = Signal()

    def __init__(
        self,
        paradigm: Paradigm,
        sequencer: TrialSequencer,
        on_event: Callable[[Onset], None],
        clock: Callable[[], float],
        speed: float = 1.0,
        beeper: Beeper | None = None,
        feedback: Feedback | None = None,
    ) -> None:
        super().__init__()
        self.sequencer = sequencer
        self.hidden = False
        self._paradigm = paradigm
        self._on_event = on_event
        self._clock, self._speed = clock, speed
        self._origin: float | None = None  # when the run began
        self._beeper: Beeper = beeper or Silence()
        self._feedback = feedback if paradigm.feedback else None
        self._looks = {look.name: look for look in class_looks(paradigm.classes)}
        self._asking = False  # whether to end, as soon as the trial is over
        self._message: Scene | None = None  # stands over everything else
        self._unseen: list[TrialPhase] = []  # begun, and not yet on the screen
        self._unseen_since = 0.0
        self._scene = Scene()
        self.window = StampedWindow(self._paint, clock)
        self.window.setTitle("Calibration")
        self.window.flushed.connect(self._seen)
        self.window.key_pressed.connect(self._press)
        self.window.close_asked.connect(self.ask_end)
        self._timer = QTimer(self, interval=_TICK)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)

    def open(self, screen: QScreen | None = None, full_screen: bool = True) -> None:
        """Show the window, and begin with the instructions."""
        self.window.open(screen, full_screen)
        self._timer.start()

    def close(self) -> None:
        """Stop, close the window, and let the sound card go."""
        self._timer.stop()
        self._beeper.close()
        self.window.may_close = True
        self.window.close()

    # -- the run --------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds of the run's own clock; 0 until the run begins."""
        return 0.0 if self._origin is None else (self._clock() - self._origin) * self._speed

    @property
    def scene(self) -> Scene:
        """What is shown."""
        return self._scene

    @property
    def sound(self) -> bool:
        """Whether tones can be heard."""
        return self._beeper.audible

    @property
    def asking(self) -> bool:
        """Whether the person was asked, or will be after the trial, if the run shall end."""
        return self._asking

    def tick(self) -> None:
        """Begin what is due, and refresh what changes by itself."""
        if self._origin is None and not self.window.isExposed():
            return  # the run begins when there is something to see it on
        self._begin(self.sequencer.advance(self.now))
        patience = _PATIENCE if self.window.isExposed() else _HIDDEN_PATIENCE
        if self._unseen and monotonic() - self._unseen_since > patience:
            self.hidden = True
            self._deliver(self._clock())
            self._begin(self.sequencer.pause(self.now))
        elif not self._unseen:
            self._show(self._choose())

    def toggle_pause(self) -> None:
        """Hold before the next trial, or go on."""
        if self._message is not None or self.sequencer.finished:
            return
        self._asking = False
        held = self.sequencer.paused or self.sequencer.pausing
        now = self.now
        self._begin(self.sequencer.resume(now) if held else self.sequencer.pause(now))

    def ask_end(self) -> None:
        """Ask the person, between trials, whether to end."""
        if self.sequencer.finished:
            self.leave_asked.emit()
        elif self._message is None:
            self._asking = True
            self._begin(self.sequencer.pause(self.now))

    def stop(self) -> None:
        """End the run after the current trial."""
        self._begin(self.sequencer.stop(self.now))

    def fail(self, title: str, text: str) -> None:
        """End the run at once, and say why: the trial under way does not count."""
        self._begin(self.sequencer.stop(self.now, at_once=True))
        self.say(title, text)

    def say(self, title: str, text: str = "", foot: str = "") -> None:
        """Show words instead of anything else, such as what the decoder is worth."""
        self._message = Scene("message", title=title, text=text, foot=foot)
        self._show(self._choose())

    def _begin(self, steps: tuple[TrialPhase, ...]) -> None:
        if not steps:
            return
        if self._origin is None:
            self._origin = self._clock()
        if not self._unseen:
            self._unseen_since = monotonic()
        self._unseen += steps
        self._scene = self._choose()
        self.window.update()

    def _seen(self, onset: float) -> None:
        if self._unseen:
            self.hidden = False
            self._deliver(onset)

    def _deliver(self, onset: float) -> None:
        """Tell everybody what was seen, and when."""
        steps, self._unseen = self._unseen, []
        assert self._origin is not None
        for step in steps:
            self.sequencer.shown(step, (onset - self._origin) * self._speed)
            for event in step.events:
                if event.name == "beep":
                    self._beeper.beep()
                self._on_event(Onset(event.name, event.code, onset, event.duration, event.trial))
            if step.phase == "done":
                self.finished.emit()

    # -- the picture ----------------------------------------------------------------------------

    def _show(self, scene: Scene) -> None:
        if scene != self._scene:
            self._scene = scene
            self.window.update()

    def _paint(self, painter: QPainter, window: StampedWindow) -> None:
        cue.draw(painter, QSizeF(window.size()), self._scene)

    def _choose(self) -> Scene:
        """Return what belongs on the screen right now."""
        corner, side = self._paradigm.photodiode, self._paradigm.photodiode_size
        return replace(self._message or self._phase_scene(), corner=corner, side=side)

    def _phase_scene(self) -> Scene:
        step = self.sequencer.current
        if step is None:
            return Scene()
        label = step.trial.label if step.trial else ""
        left = self.sequencer.phase_left(self.now) / self._speed
        match step.phase:
            case "instructions":
                looks = tuple(self._looks.values())
                foot = f"Begins in {left:.0f} s.  Space: wait"
                return cue.instructions(self._paradigm, looks, foot)
            case "baseline":
                if step.seconds - left * self._speed < min(4.0, step.seconds / 3):
                    return Scene(
                        "message",
                        title="Look at the cross and relax",
                        text="Keep your eyes open, and do nothing.",
                    )
                return Scene("cross")
            case "cross" | "ready":
                return Scene("cross")
            case "cue":
                return Scene("cue", look=self._looks.get(label), lit=True)
            case "imagery":
                return Scene("cross", look=self._looks.get(label), strength=self._strength(label))
            case "block_pause":
                return self._pause_scene(step, left)
            case "paused":
                return _question() if self._asking else _paused()
            case "done":
                return Scene("message", title="Done", text="Thank you. You may move and blink.")
        return Scene()

    def _pause_scene(self, step: TrialPhase, left: float) -> Scene:
        title, text = "Have a rest", "You may move and blink."
        if step.trial is not None and step.trial.practice:
            title, text = "That was practice", "From here on it counts."
        foot = f"Goes on in {left:.0f} s.  Space: wait"
        return Scene("message", title=title, text=text, foot=foot)

    def _strength(self, label: str) -> float | None:
        """Return how far the feedback reaches, 0 at chance to 1 at certainty."""
        if self._feedback is None or (probabilities := self._feedback()) is None:
            return None
        chance = 1.0 / max(2, len(probabilities))
        above = (probabilities.get(label, 0.0) - chance) / (1.0 - chance)
        reach = min(1.0, above) if above > 0.0 else 0.0  # also for what is NaN or inf
        return round(reach / _FEEDBACK_STEP) * _FEEDBACK_STEP

    # -- keys -----------------------------------------------------------------------------------

    def _press(self, event: QKeyEvent) -> None:
        """Space: pause or go on. Escape: ask. Return: yes."""
        key = event.key()
        if self.sequencer.finished:
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
                self.leave_asked.emit()
        elif self._asking and self.sequencer.paused:
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._asking = False
                self.stop()
            elif key in (Qt.Key.Key_Space, Qt.Key.Key_Escape):
                self.toggle_pause()
        elif key == Qt.Key.Key_Space:
            self.toggle_pause()
        elif key == Qt.Key.Key_Escape:
            self.ask_end()


def _question() -> Scene:
    return Scene(
        "message",
        title="End the session?",
        text="Everything so far is kept, and the rest can be done later.",
        foot="Return: end   ·   Space: go on",
    )


def _paused() -> Scene:
    return Scene("message", title="Pause", text="Take your time.", foot="Space: go on")
