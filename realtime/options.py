"""What ``eegpt-realtime`` can be told on its command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import UseAppendAction

from core.command_line import ProgramOptions
from core.errors import InputError
from core.sites import Sites

if TYPE_CHECKING:
    from core.decoding.adaptation import Adaptation
    from core.decoding.decoder import Decoder
    from core.decoding.window_decoder import WindowDecoder
    from realtime.engine.evidence import EvidenceSettings


@dataclass(frozen=True)
class Options(ProgramOptions):
    """Decode motor imagery from a live EEG stream.

    Without arguments it opens a window from which everything is started. eegpt-realtime --demo
    shows a simulated subject; eegpt-realtime --list shows the streams; eegpt-realtime --stream EEG
    decodes one; eegpt-realtime doctor checks the installation.
    """

    stream: str | None = None
    """Name of the stream, else its type: of an XDF --file too, where it has several."""
    type: str | None = None
    """Type of the stream, if the name is not enough."""
    source_id: str | None = None
    """Its source_id, if name and type are not enough."""
    host: str | None = None
    """The machine that sends it, if several do."""
    subject: str | None = None
    """Label of the person, letters and digits: their newest decoder is taken. With --record also
    beside --decoder and --uncalibrated, as the person who is recorded."""
    decoder: Path | None = None
    """Take this decoder file."""
    uncalibrated: bool = False
    """Without a decoder of one's own: other people's, for left against right hand, aligned with the
    first minute of signal."""
    sites: Sites = "all"
    """Electrodes that --uncalibrated uses: motor (rows FC to CP), central (FC to P; away from eyes,
    jaw and visual cortex) or all. A decoder's own are in its file."""
    regress_eyes: bool = False
    """With --uncalibrated: take out of all other electrodes what those nearest to the eyes and the
    jaw explain of them, with coefficients of the first minute, and use no frontal or temporal
    one."""
    encoder: str | None = None
    """Encoder by name or path: where the decoder's is now, if it has moved."""
    prompts: tuple[str, ...] = ()
    """Texts that a decoder's tasks of retrieval choose among, instead of those that they were
    fitted with."""
    text_encoder: str | None = None
    """The encoder of texts, as eegpt-calibrate fit takes it, where it is not wordllama: of
    --prompts, and of texts that are typed in the window."""
    pictures: Path | None = None
    """Folder of the pictures of a gallery, which are then shown: by default that of the decoder."""
    channels: str | None = None
    """Names of the channels, in order, separated by commas: instead of those that are given."""
    unit: str | None = None
    """Unit of the values, such as uV: instead of what a stream says, or where a --file does not say
    it."""
    markers: str | None = None
    """Name of the marker stream, else its type, whose cues are shown and scored. Replays of
    eegpt-stream show their own without it."""
    event: UseAppendAction[tuple[str, ...]] = ()
    """LABEL=CLASS: the marker that is the cue of a class, where it is neither the class's name, nor
    its GDF code, nor what the decoder was fitted with. May be given for each class."""
    bad: str | None = None
    """Electrodes to set aside from the beginning, separated by commas: what they would record is
    interpolated from their neighbours."""
    hop: float | None = None
    """Seconds between two decisions: 0.25 or a whole part of it."""
    threshold: float | None = None
    """Smallest probability for a decision: 0.5 if neither this nor --false-alarms is given, nor was
    when the decoder was fitted."""
    false_alarms: float | None = None
    """Instead of --threshold: the lowest with at most so many decisions a minute while nothing is
    imagined, as they were counted in the pauses of the calibration."""
    dwell: float = 0.0
    """Seconds for which it must hold."""
    smoothing: float = 0.0
    """Time constant in seconds over which probabilities are averaged; 0 for none."""
    confirm: bool = False
    """Give a decision only when the half second after it has no artifact either: later by
    that much, and not from a window in which an artifact has just begun. What is below the
    limits of artifacts is not seen with it either, such as 60 µV of muscle activity for 0.3 s."""
    recentre: Literal["start", "off"] | None = None
    """Where the person's covariances lie now, and with it the threshold between the classes: taken
    anew from the first minute of the run's signal, without labels, and kept (start), or as the
    decoder knows it (off). By default what the decoder file says."""
    recentre_seconds: float | None = None
    """Seconds of signal without artifacts for --recentre start, 60 if not said."""
    adapt: tuple[Literal["recentre", "labels"], ...] = ()
    """Adapt while the run goes on: the reference of the covariances goes on being taken anew from
    all windows so far, without labels (recentre); the head learns from every cued trial as it ends
    (labels). U in the window undoes all of it. With --file, events stand for markers."""
    adapt_from: Path | None = None
    """With --file: adapt as the live run did that wrote this log, its trials and undos included, so
    that its decisions come again to the last digit."""
    task: str | None = None
    """Show a feedback task in the subject's view: graz-bar, cursor or game."""
    trials: int = 10
    """Trials of each target in a feedback task."""
    headless: bool = False
    """No window: decisions go to the outlets and the log."""
    duration: float | None = None
    """Seconds after which it ends by itself."""
    log: Path | None = None
    """Write one JSON line a decision to this new file, and beside it what goes with it: markers,
    how the stream goes, a run's own reference, and the decoder of --uncalibrated."""
    record: Path | None = None
    """Record the signal as it is read, and changes of the decision, in this folder: runs of a BIDS
    data set, of --subject or else of the decoder's."""
    screenshot: Path | None = None
    """Save a picture of the window to this file before it closes."""
    file: Path | None = None
    """Decode a recording in one pass instead of a stream."""
    demo: bool = False
    """Calibrate on a simulated subject and decode it; arrow keys make it imagine."""
    list: bool = False
    """Print the streams that can be seen."""
    home: Path | None = None
    """The programs' folder, instead of EEGPT_HOME or the platform's data folder."""
    timeout: float = 5.0
    """Seconds to look for the stream."""
    reconnect: Literal["same", "any"] = "same"
    """After a loss: wait for the same sender, or take any stream of that name and type."""
    local: bool = False
    """Keep LSL to this machine: what is sent and what is found."""
    theme: Literal["dark", "light"] = "dark"
    """Colours of the windows."""
    scale: float = 1.0
    """Size of everything in the windows, such as 1.5 for a projector."""
    version: bool = False
    """Print the version."""

    @property
    def names_nothing(self) -> bool:
        """Whether no stream, decoder or anything else was asked for: the launcher asks a person."""
        plain = Options(
            home=self.home,
            local=self.local,
            theme=self.theme,
            scale=self.scale,
            verbose=self.verbose,
        )
        return self == plain

    @property
    def without_window(self) -> bool:
        """Whether nothing is shown."""
        return self.headless or self.file is not None

    @property
    def of_streams(self) -> tuple[str, ...]:
        """The flags that were given and that only a stream has a use for."""
        asked = {
            "--demo": self.demo,
            "--duration": self.duration is not None,
            "--host": self.host is not None,
            "--list": self.list,
            "--markers": self.markers is not None,
            "--reconnect": self.reconnect != Options.reconnect,
            "--source-id": self.source_id is not None,
            "--timeout": self.timeout != Options.timeout,
            "--trials": self.trials != Options.trials,
            "--type": self.type is not None,
        }
        return tuple(flag for flag, given in asked.items() if given)

    @property
    def needs_decoder(self) -> bool:
        """Whether there is nothing to do without a decoder: signals alone are not enough."""
        return self.headless or any((self.log, self.record, self.task))

    def evidence(self, decoder: Decoder | None = None) -> EvidenceSettings:
        """Return threshold, dwell and smoothing for a decoder, checked.

        Raises
        ------
        InputError
            If a number makes no sense, or as `EvidenceSettings.of`.
        """
        from core.decoding.rest import check_rate
        from realtime.engine.evidence import EvidenceSettings

        if self.false_alarms is not None:
            check_rate(self.false_alarms)
            if self.threshold is not None:
                raise InputError("Both --threshold and --false-alarms were given; choose one.")
        return EvidenceSettings.of(
            decoder, self.threshold, self.false_alarms, self.dwell, self.smoothing
        )

    def recentre_for(self, decoder: Decoder) -> float | None:
        """Return the seconds of signal that a decoder's reference is taken anew from, if any."""
        from core.decoding.recentring import REFERENCE_SECONDS

        if self.recentre == "off":
            return None
        if self.recentre is None and self.recentre_seconds is None:
            # False alarms were counted at the decoder's own reference.
            return None if self.false_alarms is not None else decoder.recentre
        return REFERENCE_SECONDS if self.recentre_seconds is None else self.recentre_seconds

    def adaptation_of(self, decoder: Decoder, windows: WindowDecoder) -> Adaptation | None:
        """Return what adapts a run, if that was asked for.

        Raises
        ------
        InputError
            If the decoder cannot be adapted so, or the log of a run is none.
        """
        from core.decoding.adaptation import Adaptation
        from core.decoding.recentring import REFERENCE_SECONDS
        from core.decoding.storage.decoder_file import decoder_digest

        if not self.adapt and self.adapt_from is None:
            return None
        run = {
            "decoder": decoder_digest(decoder),
            "recentre_seconds": self.recentre_for(decoder),
            "bad": sorted(self.bad_electrodes),
            "confirm": self.confirm,
        }
        if self.adapt_from is not None:
            from realtime.engine.adaptation_log import read_steps

            log = read_steps(self.adapt_from)
            begin = log[0].detail
            return Adaptation(decoder, windows, begin["modes"], begin["seconds"], log, run)
        if "recentre" in self.adapt:
            decoder.check_recentring()
        seconds = self.recentre_for(decoder) or REFERENCE_SECONDS
        return Adaptation(decoder, windows, self.adapt, seconds, run=run)

    @property
    def cue_events(self) -> dict[str, str]:
        """Label -> class of ``--event``, checked."""
        from core.fitting.trials.labels import parse_events

        return parse_events(self.event)

    @property
    def bad_electrodes(self) -> tuple[str, ...]:
        """Electrodes to set aside from the beginning."""
        from core.electrodes import electrode
        from core.montage import names_in

        return tuple(map(electrode, filter(None, names_in(self.bad) or ())))

    @property
    def channel_names(self) -> tuple[str, ...] | None:
        """Names for the channels, if any were given."""
        from core.montage import names_in

        return names_in(self.channels)
