"""Running the live application: from the options to an engine, and a window or none."""

from __future__ import annotations

import gc
import math
import threading
import time
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from core.decoding.artifacts import ArtifactLimits
from core.decoding.decoder import Decoder
from core.decoding.rest import curve_of
from core.decoding.storage.decoder_file import save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.machine.child import run_child
from core.machine.home import home_folder
from core.machine.malloc import limit_arenas
from core.machine.threads import one_torch_thread
from core.program import say
from core.signal.interpolation import positions_aside
from core.stream.boards import motor_words
from core.stream.description import FoundStream, StreamFacts
from core.stream.discovery import StreamQuery, find_stream, list_streams
from core.stream.inlet import Inlet
from core.stream.kept_names import with_kept_names
from core.stream.marker_feed import MarkerFeed, own_markers
from core.stream.stream_feed import Overrides, StreamFeed, segmenter_of
from realtime.decoder_choice import chosen_decoder, connect, fitting_decoder, introduce
from realtime.engine.cued_trials import check_cues, known_events
from realtime.engine.cues import CueWatch
from realtime.engine.engine import Decoding, Engine
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.outputs import CueSink, Outputs, SignalListener, Sink, StreamLogSink
from realtime.engine.sinks import CueLog, Outlets, StderrLog, StreamLog, decoder_file, log_sinks
from realtime.engine.snapshot import StreamStatus
from realtime.panels.arrangement import ARRANGEMENT
from realtime.pictures import pictures_for
from realtime.recording import LiveRecording, next_live_run
from ui.display import loading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.encoders import Encoder
    from core.feed.segments import Segmenter
    from core.pictures.gallery import PictureFolder
    from core.recordings import Recording
    from realtime.alignment import Alignment
    from realtime.options import Options

_LARGE = 1_000_000  # weights of an encoder
_MARKERS = 1.5  # s that markers have to be there before the signal is opened
_LOOK = 0.1  # s between two looks at whether the engine still runs
_DECODER, _STREAM, _ENCODER, _WINDOW = _LOADED = (
    "Loading the decoder",
    "Looking for the stream",
    "Loading the encoder",
    "Opening the window",
)


def run_live(options: Options) -> int:
    """Decode the asked stream until the person, the duration or a signal ends it.

    Raises
    ------
    InputError
        If the stream, the decoder, the log or the folder of recordings cannot be used.
    """
    limit_arenas()
    with loading("eegpt-realtime", _LOADED, not options.headless) as begin:
        begin(_DECODER)
        decoder = chosen_decoder(options)
        if decoder is not None and decoder.encoder is not None:
            # Torch takes a second to import, and so does listening for the stream.
            threading.Thread(target=import_module, args=("torch",), daemon=True).start()
        _check_recording(options, decoder)
        pictures = None if options.headless else pictures_for(options, decoder)
        begin(_STREAM)
        stream = _chosen_stream(options, lambda: begin(""))
        if stream is None:
            return 0  # the person closed the picker
        code, calibrate = _decode(options, stream, decoder, begin, pictures)
        return run_child("calibration.cli", _calibration(options, stream)) if calibrate else code


def _decode(
    options: Options,
    stream: FoundStream,
    decoder: Decoder | None,
    begin: Callable[[str], object],
    pictures: PictureFolder | None = None,
) -> tuple[int, bool]:
    """Decode a stream; return the exit code, and whether the person asks for a calibration."""
    # Markers first: a replay sends nothing before somebody reads its signal.
    with marker_feed(options, stream) as markers, Inlet(stream) as inlet:
        if "labels" in options.adapt and markers is None and options.task is None:
            raise InputError(
                "--adapt labels learns from cues: name the stream that sends them with --markers, "
                "or have a --task that gives them."
            )
        if options.uncalibrated and options.headless:
            decoder = _uncalibrated_decoder(options, inlet)
        begin(_ENCODER)
        engine: Engine | Alignment
        if options.uncalibrated and not options.headless:
            engine = _alignment(options, stream, inlet, markers)
        else:
            engine = build_engine(options, inlet, decoder, markers)
        if not options.headless:
            begin(_WINDOW)
            from realtime.panels.panel import Supplies
            from realtime.window import run_window
        # Looking through all that was imported stopped every thread for a sixth of a second.
        gc.freeze()
        engine.start()
        try:
            if isinstance(engine, Engine) and options.headless:
                return wait_headless(engine, options.duration), False
            asked = threading.Event()
            begin("")
            code = run_window(
                engine,
                on_calibrate=asked.set,
                arrangement=home_folder(options.home) / ARRANGEMENT,
                screenshot=options.screenshot,
                duration=options.duration,
                task=options.task,
                trials=options.trials,
                supplies=Supplies(options.text_encoder, pictures),
            )
            return code, asked.is_set()
        finally:
            engine.stop()
            if engine.error is not None:
                raise engine.error


def _calibration(options: Options, stream: FoundStream) -> list[str]:
    """Return the arguments that calibrate a person with a stream."""
    from realtime.launcher.programs import Programs

    program = Programs(options.home, options.local).calibrate(
        stream.identity, options.subject or ""
    )
    known = {"channels": options.channels, "unit": options.unit}
    more = [f"--{flag}={value}" for flag, value in known.items() if value is not None]
    return [*program.arguments, *more]


def marker_feed(options: Options, signal: FoundStream) -> AbstractContextManager[MarkerFeed | None]:
    """Return the markers that belong to a signal, open if they are there; nothing if none do."""
    asked = options.markers
    query = own_markers(signal) if asked is None else StreamQuery(stream=asked)
    if query is None:
        return nullcontext()
    feed = MarkerFeed(query)
    feed.wait(_MARKERS)
    return closing(feed)


def build_engine(
    options: Options, inlet: Inlet, decoder: Decoder | None, markers: MarkerFeed | None = None
) -> Engine:
    """Return an engine that is ready to start.

    Parameters
    ----------
    options : Options
    inlet : Inlet
        Open.
    decoder : Decoder or None
        None to take the newest kept one that fits the stream.
    markers : MarkerFeed, optional
        Of the cues that go with the stream. The engine closes it.

    Raises
    ------
    InputError
        If the decoder does not fit the stream, or the log or the recording cannot be written.
    """
    facts = inlet.facts
    overrides = _overrides(options, facts)
    corrected = overrides.on(facts)
    if words := motor_words(corrected.labels):
        say(words)
    for warning in corrected.warnings:
        say(warning)
    segmenter = segmenter_of(corrected)
    decoder = decoder or _kept_decoder(options, facts, segmenter)
    # What does not fit is refused before a log or a recording is begun.
    evidence, cues = options.evidence(decoder), _cue_watch(options, markers, decoder)
    attach = partial(connect, decoder)
    decoding, outputs = None, Outputs(stream_logs=[_stderr_log()])
    if decoder is not None:
        one_torch_thread_if_needed(decoder)
        attach(segmenter)
        positions_aside(decoder.settings.channels, options.bad_electrodes)
        decoding = _decoding(options, decoder)
        outputs = _outputs(
            options, corrected, decoding, markers is not None, lambda: engine.correction
        )
        introduce(decoder, facts)
        if (rest := curve_of(decoder.facts.fit)) is not None:
            say(rest.words(evidence.threshold))
        if doubt := ArtifactLimits.of(decoder).doubt:
            say(doubt)
    engine: Engine = Engine(
        inlet,
        overrides,
        attach,
        decoding,
        evidence,
        outputs,
        accept_any=options.reconnect == "any",
        confirm=options.confirm,
        cues=cues,
        aside=options.bad_electrodes,
    )
    return engine


def _kept_decoder(options: Options, facts: StreamFacts, segmenter: Segmenter) -> Decoder | None:
    """Return the newest kept decoder that a stream fits; None where its signals are enough.

    Raises
    ------
    InputError
        If no decoder fits, and the options need one.
    """
    decoder = fitting_decoder(options, segmenter)
    if decoder is None and options.needs_decoder:
        raise InputError(
            f"No decoder in {home_folder(options.home)} fits the stream "
            f'"{facts.identity.name}". Make one with eegpt-calibrate, or name one with '
            "--decoder FILE."
        )
    if decoder is None:
        say("No decoder fits this stream yet: only the signals are shown.")
    return decoder


def _decoding(options: Options, decoder: Decoder) -> Decoding:
    """Return a decoder with its windows and what adapts it."""
    encoder = decoder.load_encoder(options.encoder, home_folder(options.home))
    windows = WindowDecoder(
        decoder,
        encoder,
        decoder.hop_samples(options.hop),
        in_subprocess=encoder is not None and _is_slow(encoder, options.headless),
        recentre=options.recentre_for(decoder),
    )
    return Decoding(decoder, windows, options.adaptation_of(decoder, windows))


def _outputs(
    options: Options,
    corrected: StreamFacts,
    decoding: Decoding,
    has_markers: bool,
    correction: Callable[[], float],
) -> Outputs:
    """Return the recording and the logs that the options ask for, and the outlets.

    Parameters
    ----------
    options : Options
    corrected : StreamFacts
        Of the stream, with what is known better.
    decoding : Decoding
    has_markers : bool
        Whether there is a stream of markers.
    correction : callable
        As `Outlets`.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    decoder, windows = decoding.decoder, decoding.windows
    sinks: list[Sink] = []
    stream_logs: list[StreamLogSink] = [_stderr_log()]
    listeners: list[SignalListener] = []
    cue_sinks: list[CueSink] = []
    log = options.log
    if options.uncalibrated and log is not None:  # a replay needs it; no file has it
        save_decoder(decoder, decoder_file(log))
    if options.record is not None:
        subject = options.subject or decoder.facts.subject
        recording = LiveRecording(options.record, subject, corrected)
        sinks.append(recording)
        listeners.append(recording)
        cue_sinks.append(recording)
    if log is not None:
        sinks += log_sinks(log, windows, decoding.adaptation)
        stream_logs.append(StreamLog(log))
        cue_sinks.append(CueLog(log, expected=has_markers))
    sinks.append(Outlets(decoder.readouts, decoder.settings.rate / windows.hop, correction))
    return Outputs(sinks, stream_logs, listeners, cue_sinks)


def _stderr_log() -> StderrLog:
    return StderrLog(partial(say, logged=True))


def _cue_watch(options: Options, markers: MarkerFeed | None, decoder: Decoder | None) -> CueWatch:
    asked = options.markers is not None
    if decoder is None:
        return CueWatch(markers, (), {}, 0.0, asked)
    check_cues(decoder, options.cue_events)
    events = {**known_events(decoder), **options.cue_events}
    return CueWatch(markers, decoder.classes, events, decoder.settings.rate, asked)


def _overrides(options: Options, facts: StreamFacts) -> Overrides:
    """Return what a person knows better than the stream: as told now, else as kept for it."""
    given = _given(options)
    known = with_kept_names(given, facts, home_folder(options.home))
    if known != given:
        say(f'Channels and units are those that were kept for the stream "{facts.identity.name}".')
    return known


def _given(options: Options) -> Overrides:
    """Return what a person says of the stream now."""
    return Overrides(options.channel_names, options.unit)


def _check_recording(options: Options, decoder: Decoder | None) -> None:
    """Refuse a recording that could not begin, as far as the person is known already."""
    subject = options.subject or (None if decoder is None else decoder.facts.subject)
    if options.record is not None and subject is not None:
        next_live_run(options.record, subject)


def one_torch_thread_if_needed(decoder: Decoder) -> None:
    """Keep torch to one thread, if the decoder needs torch at all."""
    if decoder.encoder is not None:
        one_torch_thread()


def _is_slow(encoder: Encoder, headless: bool) -> bool:
    """Whether an encoder needs a process of its own, as what runs beside it would wait for it."""
    if encoder.spec.context == "window":
        return True
    return not headless and sum(p.numel() for p in encoder.parameters()) > _LARGE


def wait_headless(engine: Engine, duration: float | None) -> int:
    """Wait until the duration is over, the engine has ended, or a signal raises."""
    end = math.inf if duration is None else time.monotonic() + duration
    while engine.running and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK))
    return 0


def _chosen_stream(options: Options, ask: Callable[[], object]) -> FoundStream | None:
    """Return the stream that the options name; else `ask` is called, and then the person."""
    asked = (options.stream, options.type, options.source_id, options.host)
    query = StreamQuery(
        stream=options.stream, type=options.type, source_id=options.source_id, host=options.host
    )
    if options.headless and not any(asked):
        names = "; ".join(str(stream) for stream in list_streams()) or "none"
        raise InputError(f"Name a stream with --stream. Streams that can be seen: {names}.")
    if any(asked):
        try:
            return find_stream(query, timeout=options.timeout)
        except InputError:
            if options.headless or len(query.among(list_streams())) < 2:
                raise
    from ui.picker import StreamPicker
    from ui.theme import application

    application()
    ask()
    chosen: FoundStream | None = StreamPicker(
        lambda: query.among(list_streams()), home=home_folder(options.home)
    ).choose()
    return chosen


def _uncalibrated_decoder(
    options: Options, inlet: Inlet, collect: Callable[[], Recording] | None = None
) -> Decoder:
    """Collect a minute of signal and align other people's decoder with it.

    Parameters
    ----------
    options : Options
    inlet : Inlet
    collect : callable, optional
        Returns the signal, where something else reads the inlet.
    """
    from realtime.uncalibrated import gather, population_decoder

    overrides = with_kept_names(_given(options), inlet.facts, home_folder(options.home))
    return population_decoder(
        collect or (lambda: gather(StreamFeed(inlet, overrides))),
        overrides.on(inlet.facts).labels,
        sites=options.sites,
        regress_eyes=options.regress_eyes,
        aside=options.bad_electrodes,
        hop=options.hop,
    )


def _alignment(
    options: Options, stream: FoundStream, inlet: Inlet, markers: MarkerFeed | None
) -> Alignment:
    """Return what shows the signals of a minute, and then decodes them."""
    from realtime.alignment import Alignment

    def begin(listeners: Sequence[SignalListener]) -> Engine:
        return Engine(
            inlet,
            with_kept_names(_given(options), inlet.facts, home_folder(options.home)),
            lambda _: None,
            None,
            EvidenceSettings(),
            Outputs((), [_stderr_log()], listeners),
            accept_any=options.reconnect == "any",
        )

    def go_on(decoder: Decoder, sender: StreamStatus) -> Engine:
        try:
            again = Inlet(stream)
        except InputError:  # it ended, and another took its place
            query = StreamQuery(
                name=sender.name, type=sender.type, source_id=sender.source_id, host=sender.host
            )
            again = Inlet(find_stream(query, timeout=options.timeout))
        try:
            return build_engine(options, again, decoder, markers)
        except BaseException:
            again.close()
            raise

    return Alignment(begin, partial(_uncalibrated_decoder, options, inlet), go_on)
