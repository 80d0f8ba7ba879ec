"""The commands that record: a new run, and the rest of one that was interrupted."""

from __future__ import annotations

import gc
import logging
import signal
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.classes import CLASSES
from calibration.fit_settings import FitSettings
from calibration.fitting import Fit
from calibration.paradigm.plan import ENDING, Plan, new_plan, runs_of_session, unfinished
from calibration.paradigm.sequencer import TrialSequencer
from calibration.priors import starting_head
from calibration.recommendation import CLOSE, DECODE, Recommendation
from calibration.recording.bids import BidsRun, next_run
from calibration.recording.recorder import Recorder
from calibration.recording.sidecars import Details
from calibration.session.acquisition import Acquisition
from calibration.session.incremental_fit import IncrementalFit
from calibration.session.session import Session
from calibration.session.setup import Person, Setup
from calibration.session.setup_state import obstacles
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.decoding.storage.library import kept_decoders, new_decoder_path
from core.encoders import load_encoder
from core.errors import InputError, printable
from core.fitting.trials.epochs import LEAST_TRIALS
from core.machine.child import run_child
from core.machine.files import write_whole
from core.machine.malloc import limit_arenas
from core.machine.threads import one_torch_thread
from core.montage import match
from core.program import say, write_line
from core.recordings import Recording, read_recording, usable_labels
from core.stream.description import StreamFacts, StreamIdentity
from core.stream.discovery import StreamQuery, find_stream
from core.stream.stream_feed import Overrides
from ui.display import loading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from calibration.paradigm.model import Paradigm
    from calibration.session.controller import Controller
    from calibration.session.feedback import Feedback
    from core.fitting.transfer.prior_head import PriorHead

_LOG = logging.getLogger("eegpt.session")
_ENCODER, _STREAM, _SESSION = _LOADED = (
    "Loading the encoder",
    "Looking for the stream",
    "Preparing the session",
)
_LOOK = 1.5  # s of signal that an amplitude is judged by before a session without a first screen


@dataclass(frozen=True)
class SessionOptions:
    """What a session needs to know beside its plan.

    Attributes
    ----------
    query : StreamQuery
        Which stream.
    person : Person
    root : Path
        Folder of the data set.
    home : Path
        The programs' folder.
    overrides : Overrides
    details : Details
        What the stream does not say about the recording.
    fit : FitSettings
    prior : tuple of Path
        What the decoder starts from: `calibration.priors.starting_head`.
    refine : bool
        Whether to train through the encoder afterwards.
    timeout : float
        Seconds to look for the stream.
    ask : bool
        Whether the first screen is shown.
    windowed, leave : bool
        Not full screen; close the windows once the decoder is there.
    speed : float
        How much faster than real time the clock of the stream runs.
    resume : callable
        From a stream's name, a subject and a session to the command that goes on with their run.
    decode : callable
        From a stream and a decoder to the arguments of ``eegpt-realtime`` that decode it.
    """

    query: StreamQuery
    person: Person
    root: Path
    home: Path
    overrides: Overrides
    details: Details
    fit: FitSettings
    prior: tuple[Path, ...] = ()
    refine: bool = False
    timeout: float = 5.0
    ask: bool = True
    windowed: bool = False
    leave: bool = False
    speed: float = 1.0
    resume: Callable[[str, str, str], str] = lambda *_: "eegpt-calibrate resume"
    decode: Callable[[StreamIdentity, Path], list[str]] = lambda *_: []


_Next = tuple[SessionOptions, Plan] | list[str] | int
"""Another run, the arguments of the live program, or the exit code."""


def run_session(options: SessionOptions, plan: Plan) -> int:
    """Record a run, fit its decoder, and say what it is worth; return the exit code.

    Raises
    ------
    InputError
        If the stream, the labels or the folder cannot be used, or the run gave no decoder.
    """
    following: _Next = options, plan
    while isinstance(following, tuple):
        with loading("Calibration", _LOADED) as begin:
            from ui.theme import application

            # PySide takes a screen for a part of the window that was asked for it, and deletes it
            # with that window where nobody else has it.
            screens = application().screens()
            following = _run_session(*following, begin)
        # The signal and windows of a run refer to each other; windows must die in Qt's thread.
        del begin  # holds the window that was shown meanwhile
        gc.collect()
        del screens
    return following if isinstance(following, int) else run_child("realtime.cli", following)


def _run_session(options: SessionOptions, plan: Plan, begin: Callable[[str], object]) -> _Next:
    """Record one run, fit its decoder, and return what comes next."""
    limit_arenas()
    one_torch_thread()
    begin(_ENCODER)
    encoder = load_encoder(options.fit.encoder, home=options.home)
    seconds = TrialSequencer(plan.paradigm, plan.trials).time_left(0.0)
    known = encoder.spec.ch_names
    place, alone = options.home, too_few(plan) if options.ask else ""  # else it is said later
    setup = Setup(options.root, seconds, options.person, options.overrides, known, place, alone)
    if not options.ask or options.person.subject:
        setup.run()  # a wrong label or a taken run is said before anything opens
    try:
        begin(_STREAM)
        if not _open_stream(setup, options, lambda: begin("")):
            return 0
        begin(_SESSION)
        acquisition = setup.acquisition
        assert acquisition is not None
        run = setup.run()
        feedback = _feedback(run, acquisition, plan, options)
        paradigm = plan.paradigm.model_copy(update={"feedback": feedback is not None})
        earlier = earlier_runs(run, acquisition.facts, known)
        if words := too_few(plan, earlier):
            say(words)
        starting = _starting(acquisition, plan, options, earlier)
        learner = IncrementalFit(
            acquisition.facts, run.subject, run.session, options.fit, encoder, earlier, starting
        )
        recorder = Recorder(run, acquisition.facts, options.details)
        recorder.attach(ENDING, plan.to_json())
        _LOG.info("recording: %s, %d trials", printable(run.file("eeg.vhdr")), len(plan.trials))
        sequencer = TrialSequencer(paradigm, plan.trials)
        session = Session(acquisition, recorder, learner, sequencer, plan.trials)
    except BaseException:
        setup.close()
        raise

    keeper = _Keeper(options.home)
    try:
        controller = _controller(session, sequencer, paradigm, options, feedback, earlier, keeper)
    except BaseException:
        session.close()
        session.release()
        raise
    begin("")
    outcome = controller.run(full_screen=not options.windowed)
    write_line(f"Recording: {run.file('eeg.vhdr')}")
    if outcome.fit is not None:
        write_line(f"Decoder ready {outcome.seconds:.1f} s after the last trial.")
        if not controller.reported:
            keeper.report(outcome.fit, outcome.recordings)
        if options.refine and not controller.signal:
            _refine(outcome.fit, outcome.recordings, options, keeper)
    rest = _rest(run, plan, options, acquisition.facts.identity.name)
    if controller.signal:
        number = signal.Signals(controller.signal)
        name = "Ctrl+C" if number == signal.SIGINT else number.name
        say(f"The session was ended by {name}; what was recorded is kept. {rest}".rstrip())
        return 128 + controller.signal
    if controller.choice != CLOSE:
        return _go_on(controller.choice, options, acquisition.facts.identity, run, plan, keeper)
    if outcome.problem:
        raise InputError(f"{outcome.problem} {rest}".rstrip())
    if rest:
        write_line(rest)
    return 0


def _go_on(
    choice: str,
    options: SessionOptions,
    stream: StreamIdentity,
    run: BidsRun,
    plan: Plan,
    keeper: _Keeper,
) -> _Next:
    """Return another run, or what decodes the stream with the new decoder."""
    if choice == DECODE:
        return options.decode(stream, keeper.decoder)
    person = Person(run.subject, run.session)
    again = replace(options, query=StreamQuery.of(stream), person=person, ask=True)
    return again, new_plan(plan.paradigm)


def _controller(
    session: Session,
    sequencer: TrialSequencer,
    paradigm: Paradigm,
    options: SessionOptions,
    feedback: Feedback | None,
    earlier: tuple[Recording, ...],
    keeper: _Keeper,
) -> Controller:
    """Return what shows the session, with its two windows."""
    import pylsl

    from calibration.screens.person.beeper import open_beeper
    from calibration.screens.person.presenter import Presenter
    from calibration.session.controller import Controller
    from ui.theme import application

    application()
    presenter = Presenter(
        paradigm,
        sequencer,
        session.event,
        lambda: pylsl.local_clock() * options.speed,
        beeper=open_beeper(paradigm.sound),
        feedback=feedback,
    )
    session.shown_by(presenter)
    if feedback is not None:
        session.also_listen(feedback.write)
    return Controller(
        session, sequencer, presenter, earlier, keeper.save, options.leave, keeper.report
    )


def _rest(run: BidsRun, plan: Plan, options: SessionOptions, stream: str) -> str:
    """Say what a run left to do and how to go on with it; empty if it is complete."""
    try:
        left, _ = unfinished(next_run(run.root, run.subject, run.session))
    except InputError:
        return ""
    total = sum(not trial.practice for trial in plan.trials)
    return (
        f"{len(left.trials)} of {total} trials are left; go on with: "
        f"{options.resume(stream, run.subject, run.session)}"
    )


class _Keeper:
    """Keeps decoders with their reports.

    Parameters
    ----------
    home : Path
        The programs' folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._saved: Path | None = None  # the newest decoder

    def save(self, fit: Fit) -> str:
        """Keep the decoder at once; return what the person is told of it."""
        from calibration.report.text import at_rest

        facts = fit.decoder.facts
        path = new_decoder_path(self._home, facts.subject, facts.created)
        save_decoder(fit.decoder, path)
        self._saved = path
        return (
            f"The decoder tells {len(fit.decoder.classes)} classes apart in "
            f"{100 * facts.score:.0f} % of new trials; guessing reaches up to "
            f"{100 * facts.chance:.0f} %." + (f" {at_rest(fit)[0]}" if fit.rest is not None else "")
        )

    @property
    def decoder(self) -> Path:
        """The decoder that was saved last."""
        assert self._saved is not None
        return self._saved

    def report(self, fit: Fit, recordings: tuple[Recording, ...]) -> tuple[Path, Recommendation]:
        """Write the reports beside the decoder saved last, and tell what it is worth.

        Returns
        -------
        page : Path
        recommendation : Recommendation
        """
        from calibration.report import analyse, as_json, as_text, write_report

        path = self.decoder
        for suffix, content in ((".txt", as_text(fit)), (".json", as_json(fit))):
            write_whole(path.with_suffix(suffix), (content + "\n").encode())
        write_line(f"\n{as_text(fit)}\n\nDecoder: {path}")
        findings = analyse(fit, recordings)
        page = write_report(findings, path.with_suffix(".html"))
        recommendation = findings.recommendation
        sentences = " ".join((*recommendation.reasons, *recommendation.advice))
        write_line(f"Report:  {page}\n\n{recommendation.word}: {sentences}")
        return page, recommendation


def _refine(
    fit: Fit, recordings: tuple[Recording, ...], options: SessionOptions, keeper: _Keeper
) -> None:
    """Train through the encoder, and keep the decoder that comes of it if it is better."""
    from calibration.finetuning import refine

    write_line("\nRefining ...")
    refined = refine(fit, options.fit.encoder, home=options.home)
    if refined.selection.chosen == fit.selection.chosen:
        write_line("Refining did no better; the decoder stays.")
        return
    keeper.save(refined)
    keeper.report(refined, recordings)


def _open_stream(setup: Setup, options: SessionOptions, ask: Callable[[], object]) -> bool:
    """Open the stream; return whether the session shall begin.

    `ask` is called before the first screen opens.
    """
    try:
        setup.open(find_stream(options.query, options.timeout))
    except InputError as error:
        if not options.ask:
            raise
        setup.refuse(str(error))
    if not options.ask:
        if setup.acquisition is not None:  # for a look at the amplitude
            setup.acquisition.wait_for_signal(_LOOK, 3.0 * _LOOK)
        state = setup.state()
        for words in filter(None, (state.motor, *state.remarks)):
            say(words)
        if reasons := obstacles(replace(state, live=True)):
            raise InputError(reasons[0])
        return True
    from calibration.session.controller import ask_setup

    ask()
    begun = ask_setup(setup)
    if not begun:
        setup.close()
    return begun


def earlier_runs(run: BidsRun, facts: StreamFacts, known: Sequence[str]) -> tuple[Recording, ...]:
    """Return the session's recordings before a run that its stream can be fitted with.

    Those of another rate or with other electrodes are named on stdout. Channels that are no
    electrodes do not count: files give only electrodes back.

    Parameters
    ----------
    run : BidsRun
    facts : StreamFacts
        Of the run's stream.
    known : sequence of str
        Electrodes that a decoder may use.
    """
    electrodes = match(facts.labels, known).channels
    fitting = []
    for path in (other.file("eeg.vhdr") for other in runs_of_session(run)):
        if not path.is_file():
            continue
        recording = read_recording(path, eog=True)
        if (recording.rate, match(recording.labels, known).channels) != (facts.rate, electrodes):
            write_line(f"{path.name} is left out: it has another rate or other electrodes.")
        elif not recording.stretches(electrodes):
            write_line(f"{path.name} is left out: an electrode sent NaN or inf in it.")
        else:
            fitting.append(recording)
    return tuple(fitting)


def too_few(plan: Plan, earlier: Sequence[Recording] = ()) -> str:
    """Say that a run gives no decoder, however well it goes; empty if it may give one.

    Parameters
    ----------
    plan : Plan
    earlier : sequence of Recording
        Runs of the same session, whose trials count too.
    """
    cues = Counter(trial.label for trial in plan.trials if not trial.practice)
    cues.update(event.label for recording in earlier for event in recording.events)
    if min(cues[name] for name in plan.paradigm.classes) >= LEAST_TRIALS:
        return ""
    listed = ", ".join(f"{cues[name]} of {name}" for name in plan.paradigm.classes)
    return (
        f"Too few trials for a decoder: {listed}, and at least {LEAST_TRIALS} of each class are "
        "needed. Those of all runs of a session count together; --trials-per-class gives more in "
        "one."
    )


def _starting(
    acquisition: Acquisition, plan: Plan, options: SessionOptions, earlier: tuple[Recording, ...]
) -> Callable[[], PriorHead | None]:
    """Return what gives the head that the fit starts from, once computed.

    That takes seconds, and the learner does it while the person still rests; but what was asked
    for and does not fit is said before anything is recorded.
    """
    asked = {str(name) for name in plan.paradigm.classes}
    events = {name: name for name in CLASSES if name in asked}
    labels = usable_labels(acquisition.facts.labels, earlier)
    starting = cache(
        partial(starting_head, options.prior, labels, events, options.fit, own=earlier)
    )
    if options.prior:
        starting()
    return starting


def _feedback(
    run: BidsRun, acquisition: Acquisition, plan: Plan, options: SessionOptions
) -> Feedback | None:
    """Return what the person's newest decoder makes of the stream, if the paradigm shows it."""
    if not plan.paradigm.feedback:
        return None
    from calibration.session.feedback import Feedback

    for path in kept_decoders(options.home, run.subject):
        try:
            decoder = load_decoder(path)
            if set(decoder.classes) <= set(plan.paradigm.classes):
                return Feedback(decoder, acquisition.feed.segmenter, options.home)
        except InputError:
            continue
    write_line("No decoder of this person fits the stream yet: there is no feedback in this run.")
    return None
