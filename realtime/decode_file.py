"""The command ``eegpt-realtime --file``: a recording's decisions, its log, and what came of it."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from itertools import chain
from typing import TYPE_CHECKING

from core.decoding.adaptation import LABELS, Adaptation
from core.decoding.artifacts import ArtifactLimits
from core.decoding.decoder import Decoder
from core.decoding.recentring import DECODER, GROWING
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.machine.home import home_folder
from core.montage import named
from core.program import say, write_line
from core.recordings import Recording, print_notes, read_recording
from realtime.decoder_choice import chosen_decoder
from realtime.engine.cued_trials import Cue, check_cues
from realtime.engine.decisions import aside_words
from realtime.engine.sinks import CueLog, log_sinks
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
    # With EOG whether the decoder uses it or not: --channels counts the same channels as a fit.
    recording = read_recording(options.file, options.unit, options.stream, eog=True)
    print_notes([recording])
    labels = named(recording.labels, options.channel_names, str(options.file))
    windows = WindowDecoder(
        decoder,
        decoder.load_encoder(options.encoder, home_folder(options.home)),
        decoder.hop_samples(options.hop),
        recentre=options.recentre_for(decoder),
    )
    cues = _cues(options, recording, decoder)
    adaptation = options.adaptation_of(decoder, windows)
    if adaptation is not None:
        for cue in cues:
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
    tally, log = _Tally(windows, adaptation), options.log
    sinks = [] if log is None else log_sinks(log, windows, adaptation)
    with ExitStack() as open_sinks:
        for sink in sinks:
            open_sinks.enter_context(closing(sink))
        if log is not None and recording.events:
            with closing(CueLog(log)) as markers:
                for cue in cues:
                    markers.mark(cue)
        for decision in chain(() if first is None else (first,), decisions):
            tally.take(decision)
            for sink in sinks:
                sink.publish(decision)
        if adaptation is not None:
            adaptation.finish()
    write_line(f"{options.file}: {recording.duration:.1f} s, {tally.words()}")
    if log is not None:
        write_line(f"Log: {log}")
    return 0


def _cues(options: Options, recording: Recording, decoder: Decoder) -> list[Cue]:
    """Return the markers of a recording.

    Raises
    ------
    InputError
        If ``--event`` names what the decoder or the recording does not have, or there is no cue for
        ``--adapt labels`` to learn from.
    """
    check_cues(decoder, options.cue_events)
    there = {event.label.strip() for event in recording.events}
    if unknown := [label for label in options.cue_events if label not in there]:
        known = ", ".join(sorted(there)[:12]) or "no event at all"
        raise InputError(f"--event {unknown[0]} is no event of {options.file}, which has {known}.")
    cues = recorded_cues(recording, decoder, options.cue_events)
    if LABELS in options.adapt and not any(cue.name for cue in cues):
        raise InputError(
            f"--adapt labels learns from cues, and no event of {options.file} asks for "
            f"{' or '.join(decoder.classes)}; name those that do with --event LABEL=CLASS."
        )
    return cues


class _Tally:
    """Counts the decisions of a recording, and says which electrodes are set aside meanwhile.

    Parameters
    ----------
    windows : WindowDecoder
        That makes the decisions.
    adaptation : Adaptation or None
        Of these windows.
    """

    def __init__(self, windows: WindowDecoder, adaptation: Adaptation | None) -> None:
        self._windows, self._adaptation = windows, adaptation
        self._counts: Counter[str] = Counter()
        self._adapted = 0
        self._recentred: Decision | None = None  # the first with the recording's own reference
        self._set_aside: tuple[str, ...] = ()

    def take(self, decision: Decision) -> None:
        """Count a decision."""
        undecided = "idle" if decision.idle else f"none ({decision.status})"
        self._counts[decision.decision or undecided] += 1
        self._adapted += bool(decision.adapted)
        if decision.set_aside != self._set_aside:
            self._set_aside = decision.set_aside
            say(f"At {decision.time:.1f} s: {aside_words(decision.set_aside, decision.faults)}")
        if decision.reference not in (DECODER, GROWING) and self._recentred is None:
            self._recentred = decision

    def words(self) -> str:
        """Say what the decisions come to, in one line or more."""
        listed = ", ".join(f"{n} {name}" for name, n in self._counts.most_common()) or "none"
        counted = f"{self._counts.total()} decisions: {listed}."
        return "\n".join(filter(None, (counted, self._of_reference(), self._of_adaptation())))

    def _of_adaptation(self) -> str:
        """Say what adapted, and how many decisions are of an adapted decoder."""
        if self._adaptation is None:
            return ""
        kinds = Counter(step.kind for step in self._adaptation.steps)
        names = {
            "recentre": "recentred",
            "labels": "trials learned",
            "passed": "trials passed",
            "undo": "undone",
        }
        counts = [f"{words}: {kinds[kind]}" for kind, words in names.items() if kinds[kind]]
        steps = ", ".join(counts) or "no step"
        return f"{self._adapted} decisions are of the adapted decoder ({steps})."

    def _of_reference(self) -> str:
        """Say which decisions refer to what; empty if nothing was to be recentred."""
        reference, first = self._windows.reference, self._recentred
        if first is not None:
            assert reference is not None
            return (
                f"Recentred on the first {reference.seconds:g} s of signal without artifacts: "
                f"decisions from {first.time:.2f} s on have this reference, those before that of "
                "the signal so far."
            )
        missing = 0.0 if reference is not None else self._windows.seconds_to_reference
        if missing is None:
            return ""
        kept = "stayed the decoder's own"
        if self._windows.reference_name == GROWING:
            kept = "has grown to the end"
        return (
            f"Not recentred, as more than {missing:g} s more of signal without artifacts would be "
            f"needed: the reference {kept}."
        )
