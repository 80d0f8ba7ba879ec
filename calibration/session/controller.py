"""Conducting a session: the first screen, the cues, and the decoder at the end."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from PySide6.QtCore import QEventLoop, QObject, QTimer
from PySide6.QtGui import QGuiApplication, QScreen

from calibration.fitting import Fit
from calibration.paradigm.sequencer import TrialSequencer
from calibration.recommendation import CLOSE, Recommendation
from calibration.screens.operator.end import EndWindow
from calibration.screens.operator.window import OperatorWindow
from calibration.screens.person.presenter import Presenter
from calibration.screens.setup.window import SetupWindow
from calibration.session.progress import Alarm
from calibration.session.session import Session
from calibration.session.setup import Setup
from core.errors import InputError
from core.progress import told
from core.recordings import Recording, read_recording
from ui.signals import EndingSignals
from ui.theme import application

Report = Callable[[Fit, tuple[Recording, ...]], tuple[Path, Recommendation]]
"""Writes what there is to say of a fit; returns the page, and go or redo."""

_LOOK = 50  # ms between two looks at what may have gone wrong


@dataclass(frozen=True)
class Outcome:
    """How a session ended.

    Attributes
    ----------
    fit : Fit or None
        None where there were too few trials, or the person left before.
    recordings : tuple of Recording
        What it was fitted on.
    seconds : float
        From the end of the last trial to the decoder.
    message : str
        What to tell of the decoder.
    problem : str
        Why there is no decoder, or why the session ended early; empty if all went well.
    """

    fit: Fit | None
    recordings: tuple[Recording, ...]
    seconds: float
    message: str = ""
    problem: str = ""


def ask_setup(setup: Setup) -> bool:
    """Show the first screen until the session begins or is called off; return whether it began.

    Raises
    ------
    Interrupted
        After a signal that ends the program.
    """
    application()
    window = SetupWindow(setup)
    loop = QEventLoop()
    window.begun.connect(lambda: loop.exit(1))
    window.cancelled.connect(loop.quit)
    with EndingSignals(loop.quit) as signals:
        window.show()
        begun = loop.exec() == 1
    window.close()
    signals.raise_if_any()
    return begun


class Controller(QObject):
    """Runs one session in its two windows, and fits the decoder.

    Parameters
    ----------
    session : Session
        Ready; the controller closes it.
    sequencer : TrialSequencer
    presenter : Presenter
    earlier : sequence of Recording
        Of the same session.
    save : callable
        Keeps a fit, and returns what to tell about it.
    leave : bool
        Close the windows as soon as the decoder is there.
    report : callable, optional
        Writes the report of a fit, while the last screen is shown already.

    Attributes
    ----------
    outcome : Outcome or None
        Once there is one.
    end : EndWindow or None
        The last screen, once there is an outcome.
    reported : bool
        Whether the report was written.
    signal : int
        Number of the signal that ended the session; 0 if none did.
    """

    def __init__(
        self,
        session: Session,
        sequencer: TrialSequencer,
        presenter: Presenter,
        earlier: Sequence[Recording],
        save: Callable[[Fit], str],
        leave: bool = False,
        report: Report | None = None,
    ) -> None:
        super().__init__()
        self.outcome: Outcome | None = None
        self.end: EndWindow | None = None
        self.reported = False
        self.signal = 0
        self.operator = OperatorWindow(session, lambda: presenter.scene)
        self._session, self._sequencer, self._presenter = session, sequencer, presenter
        self._earlier, self._save, self._leave = tuple(earlier), save, leave
        self._report = report
        self._leave_now = False  # a signal came
        self._reported_shown = False
        self._thanked = "", ""  # text and foot of the person's last screen
        self._alone = False  # on the only screen, full screen
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="fit")
        self._fitting: Future[Outcome] | None = None
        self._reporting: Future[tuple[Path, Recommendation]] | None = None
        self._failure: Alarm | None = None  # what ended the run
        self._done: tuple[str, int, int] | None = None  # of the fit: what, and how much of it
        self._loop = QEventLoop()
        self._timer = QTimer(self, interval=_LOOK)
        self._timer.timeout.connect(self._look)
        presenter.finished.connect(self._finish)
        presenter.leave_asked.connect(self._quit_if_over)
        self.operator.closed.connect(self._quit_if_over)

    def run(self, full_screen: bool = True) -> Outcome:
        """Run the session until its windows are closed."""
        own, other = _screens()
        self.operator.show()
        if other is not None or not full_screen:
            self.operator.move(own.availableGeometry().topLeft())
        self._presenter.open(other or own, full_screen)
        self._alone = full_screen and other is None
        self._timer.start()
        with EndingSignals(self._interrupt) as signals:
            self._loop.exec()
        self.signal = signals.number
        self._timer.stop()
        self._presenter.close()
        if self.end is not None:
            self.end.close()
        self.operator.look()  # while it knows of no end, closing it would only ask for one
        self.operator.close()
        self._session.close()
        self._session.release()
        self._pool.shutdown()
        self.reported = self._reporting is not None and self._reporting.exception() is None
        return self.outcome or Outcome(
            None, (), 0.0, problem="The session was left before its end; what was recorded is kept."
        )

    @property
    def choice(self) -> str:
        """What comes next: one of `calibration.recommendation.NEXT`."""
        return CLOSE if self.end is None else self.end.choice

    def _look(self) -> None:
        """See whether something ended the run, or the fit is done."""
        failure = self._session.failure
        if failure is not None and self._failure is None and not self._sequencer.finished:
            self._failure = failure
            self._presenter.fail(failure.title, failure.advice)
        if self.outcome is None and self._fitting is not None:
            if self._done is not None:
                self.operator.waiting.show_progress(*self._done)
                if self._alone and self._failure is None:  # nobody sees the operator's bar
                    _, done, total = self._done
                    self._thank(f"{100 * done // total} % done" if total else "")
            if self._fitting.done():
                self.operator.waiting.finish()
                self.outcome = self._fitting.result()
                self._tell(self.outcome)
        if self._reporting is not None and self._reporting.done() and not self._reported_shown:
            self._reported_shown = True
            self._show_report(self._reporting)

    def _finish(self) -> None:
        if self._fitting is not None:
            return
        if self._failure is None:
            self._thank()
            self.operator.waiting.show_progress("The decoder is being made")
        self._fitting = self._pool.submit(self._fit, monotonic())

    def _thank(self, foot: str = "") -> None:
        """Tell the person that they are done; in the foot, how far the decoder is."""
        text = "The decoder is being made. You may move and blink."
        if (text, foot) != self._thanked:
            self._thanked = text, foot
            self._presenter.say("Thank you", text, foot)

    def _fit(self, began: float) -> Outcome:
        """Close the recording and fit; in a thread, for the screens go on."""
        failure = self._session.failure
        problem = "" if failure is None else f"{failure.title}: {failure.advice}"
        recordings = self._earlier
        try:
            self._session.close()
            recordings += (read_recording(self._session.run.file("eeg.vhdr"), eog=True),)
            with told(self._hear):
                fit = self._session.learner.fit(recordings[-1])
            seconds = monotonic() - began
            text = self._save(fit)
        except InputError as error:
            return Outcome(None, recordings, monotonic() - began, problem=problem or str(error))
        except Exception as error:  # the screens wait for an outcome, whatever it is
            traceback.print_exc()
            failed = f"No decoder could be made, but the recording is kept: {error!r}"
            return Outcome(None, recordings, monotonic() - began, problem=problem or failed)
        return Outcome(fit, recordings, seconds, text, problem)

    def _hear(self, words: str, done: int, total: int) -> None:
        """Take from the fit's thread how far it is."""
        self._done = f"The decoder is being made: {words[0].lower()}{words[1:]}", done, total

    def _tell(self, outcome: Outcome) -> None:
        if self._leave:
            self._loop.quit()
            return
        if self._failure is not None:
            title, text = self._failure.title, f"{self._failure.advice} {outcome.message}".rstrip()
        elif outcome.fit is not None:
            title, text = "Done", outcome.message
        else:
            title, text = "No decoder yet", outcome.problem
        self._presenter.say(title, text, "Return: close")
        self.end = EndWindow(title, text, outcome.fit is not None)
        self.end.finished.connect(self._loop.quit)
        if outcome.fit is not None and self._report is not None:
            self._reporting = self._pool.submit(self._report, outcome.fit, outcome.recordings)
        if self._alone:
            self._presenter.window.hide()  # it covers all there is
        self.end.show()
        self.end.raise_()
        self.end.activateWindow()

    def _show_report(self, reporting: Future[tuple[Path, Recommendation]]) -> None:
        assert self.end is not None
        if (error := reporting.exception()) is not None:
            self.end.show_problem(f"The report could not be written: {error}")
            return
        self.end.show_report(*reporting.result())

    def _quit_if_over(self) -> None:
        if self._sequencer.finished and self.outcome is not None:
            self._loop.quit()

    def _interrupt(self) -> None:
        """End in order, with all that is recorded and a decoder of it; at once if asked again."""
        if self._leave_now or self.outcome is not None:
            self._loop.quit()
            return
        self._leave_now = self._leave = True
        if not self._sequencer.finished:
            self._presenter.fail("Session ended", "It was ended from outside; all is kept.")


def _screens() -> tuple[QScreen, QScreen | None]:
    """Return the operator's screen and the person's, if there are two."""
    own = QGuiApplication.primaryScreen()
    others = [screen for screen in QGuiApplication.screens() if screen is not own]
    return own, others[0] if others else None
