"""The command ``eegpt-realtime --file``: a recording's decisions, its log, and what came of it."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from itertools import chain
from typing import TYPE_CHECKING

from core.decoding.adaptation import LABELS, Adaptation
from core.decoding.artifacts import ArtifactLimits
from core.decoding.recentring import DECODER, GROWING
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.machine.home import home_folder
from core.montage import named
from core.program import say, write_line
from core.recordings import print_notes, read_recording
from core.sites import eog_of
from realtime.decoder_choice import chosen_decoder
from realtime.engine.adaptation_log import AdaptationLog
from realtime.engine.cued_trials import check_cues
from realtime.engine.decisions import aside_words
from realtime.engine.outputs import Sink
from realtime.engine.sinks import CueLog, Log, ReferenceLog
from realtime.engine.snapshot import Decision
from realtime.offline import decode_recording, recorded_cues

if TYPE_CHECKING:
    from realtime.options import Options


def decode_file(options: Options) -> int:
    """Run ``eegpt-realtime --file``: decode a recording, write the log, say what came of it."""
    assert options.file is not None
    decoder = chosen_decoder(options)
    if decoder is None:
        raise InputError("--file needs a decoder: name one with --decoder FILE or --subject ID.")
    eog = bool(eog_of(decoder.settings.channels))
    recording = read_recording(options.file, options.unit, options.stream, eog=eog)
    print_notes([recording])
    labels = named(recording.labels, options.channel_names, str(options.file))
    windows = WindowDecoder(
        decoder,
        decoder.load_encoder(options.encoder, home_folder(options.home)),
        decoder.hop_samples(options.hop),
        recentre=options.recentre_for(decoder),
    )
    check_cues(decoder, options.cue_events)
    there = {event.label.strip() for event in recording.events}
    if unknown := [label for label in options.cue_events if label not in there]:
        known = ", ".join(sorted(there)[:12]) or "no event at all"
        raise InputError(f"--event {unknown[0]} is no event of {options.file}, which has {known}.")
    cues = recorded_cues(recording, decoder, options.cue_events)
    adaptation = options.adaptation_of(decoder, windows)
    if LABELS in options.adapt and not any(cue.name for cue in cues):
        raise InputError(
            f"--adapt labels learns from cues, and no event of {options.file} asks for "
            f"{' or '.join(decoder.classes)}; name those that do with --event LABEL=CLASS."
        )
    for cue in cues:
        if adaptation is not None:
            adaptation.cue(cue.time, cue.name)
    decisions = decode_recording(
        recording,
        decoder,
        windows,
        options.evidence(decoder),
        labels,
        options.confirm,
        options.bad_electrodes,
        adaptation,
    )
    if doubt := ArtifactLimits.of(decoder).doubt:
        say(doubt)
    if decoder.input_words:
        say(f"The decoder uses: {decoder.input_words}.")
    first = next(decisions, None)  # what does not fit is refused before a log is begun
    counts: Counter[str] = Counter()
    recentred: Decision | None = None
    set_aside: tuple[str, ...] = ()
    log = options.log
    sinks: list[Sink] = [] if log is None else [Log(log), ReferenceLog(log, windows)]
    if log is not None and adaptation is not None:
        sinks.append(AdaptationLog(log, adaptation))
    adapted = 0
    with ExitStack() as open_sinks:
        for sink in sinks:
            open_sinks.enter_context(closing(sink))
        if log is not None and recording.events:
            with closing(CueLog(log)) as markers:
                for cue in cues:
                    markers.mark(cue)
        for decision in chain(() if first is None else (first,), decisions):
            undecided = "idle" if decision.idle else f"none ({decision.status})"
            counts[decision.decision or undecided] += 1
            adapted += bool(decision.adapted)
            if decision.set_aside != set_aside:
                set_aside = decision.set_aside
                say(f"At {decision.time:.1f} s: {aside_words(set_aside, decision.faults)}")
            if decision.reference not in (DECODER, GROWING) and recentred is None:
                recentred = decision
            for sink in sinks:
                sink.publish(decision)
        if adaptation is not None:
            adaptation.finish()
    listed = ", ".join(f"{n} {name}" for name, n in counts.most_common()) or "none"
    write_line(f"{options.file}: {recording.duration:.1f} s, {counts.total()} decisions: {listed}.")
    if sentence := about_reference(windows, recentred):
        write_line(sentence)
    if adaptation is not None:
        write_line(about_adaptation(adaptation, adapted))
    if options.log is not None:
        write_line(f"Log: {options.log}")
    return 0


def about_adaptation(adaptation: Adaptation, adapted: int) -> str:
    """Say what adapted, and how many decisions are of an adapted decoder."""
    kinds = Counter(step.kind for step in adaptation.steps)
    names = (("recentre", "recentred"), ("labels", "trials learned"), ("passed", "trials passed"))
    said = [
        f"{words}: {kinds[kind]}" for kind, words in (*names, ("undo", "undone")) if kinds[kind]
    ]
    return f"{adapted} decisions are of the adapted decoder ({', '.join(said) or 'no step'})."


def about_reference(windows: WindowDecoder, first: Decision | None) -> str:
    """Say which decisions of a recording refer to what; empty if nothing was to be recentred.

    Parameters
    ----------
    windows : WindowDecoder
        After the last decision.
    first : Decision or None
        That was made with the recording's own reference.
    """
    if first is not None:
        assert windows.reference is not None
        return (
            f"Recentred on the first {windows.reference.seconds:g} s of signal without artifacts: "
            f"decisions from {first.time:.2f} s on have this reference, those before that of the "
            "signal so far."
        )
    missing = 0.0 if windows.reference is not None else windows.seconds_to_reference
    if missing is None:
        return ""
    kept = "stayed the decoder's own"
    if windows.reference_name == GROWING:
        kept = "has grown to the end"
    return (
        f"Not recentred, as more than {missing:g} s more of signal without artifacts would be "
        f"needed: the reference {kept}."
    )
