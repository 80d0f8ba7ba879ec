"""Which decoder a live run has, whether a stream fits it, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.decoding.decoder import Decoder
from core.decoding.storage.decoder_file import load_decoder
from core.decoding.storage.library import kept_decoders, newest_decoder
from core.errors import InputError
from core.feed.segments import Segmenter
from core.machine.home import home_folder
from core.program import say
from core.stream.description import StreamFacts

if TYPE_CHECKING:
    from core.signal.pipeline import SignalPath
    from realtime.options import Options


def chosen_decoder(options: Options) -> Decoder | None:
    """Return the decoder that the options name, or None if they name none."""
    decoder = None
    if options.decoder is not None:
        decoder = load_decoder(options.decoder)
    elif options.subject is not None and not options.uncalibrated:
        decoder = load_decoder(newest_decoder(home_folder(options.home), options.subject))
    if not options.prompts:
        return decoder
    from realtime.prompts import with_prompts

    if decoder is None:
        raise InputError("--prompts needs a decoder: name one with --decoder FILE or --subject ID.")
    return with_prompts(decoder, options.prompts, options.text_encoder)


def fitting_decoder(options: Options, segmenter: Segmenter) -> Decoder | None:
    """Return the newest kept decoder that this stream fits."""
    for path in kept_decoders(home_folder(options.home)):
        try:
            decoder = load_decoder(path)
            connect(decoder, segmenter)
        except InputError:
            continue
        say(f"Decoder: {path}")
        return decoder
    return None


def connect(decoder: Decoder | None, stream: Segmenter) -> SignalPath | None:
    """Return the path from a stream's segments into the decoder.

    Raises
    ------
    InputError
        If the stream does not fit the decoder.
    """
    return None if decoder is None else decoder.attach(stream.labels, stream.units, stream.rate)


def introduce(decoder: Decoder, facts: StreamFacts) -> None:
    """Say who decodes, how well, and what is different here."""
    known = decoder.facts
    if decoder.input_words:
        say(f"The decoder uses: {decoder.input_words}.")
    if known.trials == 0:
        say(
            f'Decoding "{facts.identity.name}" ({facts.channel_count} channels), '
            f"{known.name}. Expect a balanced accuracy of about {known.score:.2f}, as it has on "
            "people who were left out of it; eegpt-calibrate makes a decoder of your own."
        )
        return
    encoder = "" if decoder.encoder is None else f" with the encoder {decoder.encoder.label}"
    say(
        f'Decoding "{facts.identity.name}" ({facts.channel_count} channels, {facts.rate:g} Hz) '
        f"for subject {known.subject}: head {known.head}{encoder}, cross-validated balanced "
        f"accuracy {known.score:.2f} (chance bound {known.chance:.2f}, {known.trials} trials)."
    )
    if decoder.others:
        tasks = ", ".join(f"{readout.task} ({readout.kind})" for readout in decoder.others)
        say(f"Decisions are of the task {decoder.task}; decoded beside it: {tasks}.")
    if known.recorded_rate != facts.rate:
        say(
            f"The decoder was fitted at {known.recorded_rate:g} Hz and the stream has "
            f"{facts.rate:g} Hz; the filter has the same band at both."
        )
