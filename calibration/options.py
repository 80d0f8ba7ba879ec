"""What the subcommands of ``eegpt-calibrate`` that have to do with sessions can be told."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from core.sites import Sites

if TYPE_CHECKING:
    from calibration.fit_settings import FitSettings
    from core.stream.discovery import StreamQuery


@dataclass(frozen=True)
class StreamFlags:
    """Which stream, and what is known better than it says."""

    stream: str = "EEG"
    """Name of the stream, else its type."""
    type: str | None = None
    """Type of the stream, if the name is not enough."""
    source_id: str | None = None
    """Its source_id, if name and type are not enough."""
    host: str | None = None
    """The machine that sends it, if several do."""
    channels: str | None = None
    """Names of the channels, in order, separated by commas: instead of those that are given."""
    unit: str | None = None
    """Unit of the values, such as uV: instead of what the stream says."""
    timeout: float = 5.0
    """Seconds to look for the stream."""
    local: bool = False
    """Keep LSL to this machine: what is sent and what is found."""

    def keep_where_told(self) -> None:
        """Keep LSL to this machine, if that was asked for; before anything else of LSL."""
        if self.local:
            from core.stream.local import keep_local

            keep_local()

    @property
    def query(self) -> StreamQuery:
        """The question to the network."""
        from core.stream.discovery import StreamQuery

        return StreamQuery(
            stream=self.stream, type=self.type, source_id=self.source_id, host=self.host
        )


@dataclass(frozen=True)
class FitFlags:
    """How the decoder is fitted."""

    encoder: str | None = None
    """Encoder by name or path: imagery-2 (the default; starter with --refine), imagery,
    imagery-2-with-eyes, starter, untrained, eegpt, labram, untrained-braingpt-base,
    braindecode:NAME, or a file."""
    head: str = "auto"
    """encoder, riemann, hybrid, or auto: what starts from --prior, else riemann, unless another of
    these is better beyond chance by nested cross-validation; or graph: attention between
    electrodes, of an encoder with tokens of each (braingpt) and many trials."""
    prior: tuple[Path, ...] = ()
    """What to start from: recordings, or folders of them, of earlier sessions or other people, with
    the same events; decoders; prior files; population, for the one that comes with the program; or
    none. By default auto starts from the population where it tells left from right hand."""
    sites: Sites = "all"
    """Electrodes that the decoder uses: motor (rows FC to CP), central (FC to P; away from eyes,
    jaw and visual cortex) or all."""
    from_cue: float = 0.0
    """Seconds after the cue that the decoder does not use: its window begins there, and ends where
    it would otherwise."""
    regress_eyes: bool = False
    """Take out of all other electrodes what EOG, or else those nearest to the eyes and the jaw,
    explain of them, with coefficients fixed on the recordings, and use no frontal or temporal
    one."""
    false_alarms: float | None = None
    """Decisions a minute while nothing is imagined that the decoder's threshold is to keep to, as
    counted in the pauses between the cues. By default the threshold is 0.5."""
    idle_class: bool = False
    """Make rest a class of its own: of events named rest, else of the pauses between the cues."""
    refine: bool = False
    """Train the spatial filter and a probe through the frozen encoder too, for minutes, and keep
    them if they do better; in a session as another decoder."""
    notch: float | None = None
    """Mains frequency to filter out, in Hz (50 or 60). By default the encoder's own notch, if it
    was trained behind one. A session notes what is named here with its recording."""

    def settings(
        self, home: Path | None, reference: str | None = None, seed: int = 0
    ) -> FitSettings:
        """Return the settings of a fit, as `calibration.fit_settings.FitSettings` has them.

        Raises
        ------
        InputError
            If a setting is none, or the encoder cannot be refined.
        """
        from calibration.fit_settings import FitSettings, default_encoder
        from core.signal.filtering import mains

        settings = FitSettings(
            encoder=self.encoder or default_encoder(self.refine),
            head=self.head,
            reference=reference,
            notch=mains(self.notch),
            seed=seed,
            home=home,
            sites=self.sites,
            from_cue=self.from_cue,
            regress_eyes=self.regress_eyes,
            false_alarms=self.false_alarms,
            idle_class=self.idle_class,
        )
        if self.refine:
            settings.check_refinable()
        return settings


@dataclass(frozen=True)
class SessionFlags:
    """Whose session it is, where it goes, and how it is shown."""

    subject: str = ""
    """Label of the person, letters and digits: asked for if left out."""
    session: str = ""
    """Label of the session, if the person has several."""
    data: Path | None = None
    """Folder of the BIDS data set; by default "recordings" in the programs' folder."""
    fit: tyro.conf.OmitArgPrefixes[FitFlags] = field(default_factory=FitFlags)
    recorded_against: str = ""
    """Electrode that the amplifier measured against, for the recording's description."""
    amplifier: str = ""
    """Manufacturer and model, for the recording's description."""
    no_setup: bool = False
    """Begin at once, without the first screen."""
    windowed: bool = False
    """Show the cues in a window instead of full screen."""
    leave: bool = False
    """Close the windows as soon as the decoder is there."""
    theme: Literal["dark", "light"] = "dark"
    """Colours of the windows."""
    scale: float = 1.0
    """Size of everything in the windows, such as 1.5 for a projector."""
    speed: float = 1.0
    """Run the clock so much faster, with a stream that does too: for rehearsals."""
    home: Path | None = None
    """The programs' folder, instead of EEGPT_HOME or the platform's data folder."""


def resume_command(stream: StreamFlags, person: SessionFlags) -> str:
    """Return the command line that goes on with a run, with the flags that differ from default."""
    words = ["eegpt-calibrate", "resume"]
    for flags in (stream, person, person.fit):
        for flag in fields(flags):
            value = getattr(flags, flag.name)
            if value in (flag.default, person.fit):
                continue
            words.append(f"--{flag.name.replace('_', '-')}")
            if value is not True:
                words += map(str, value) if isinstance(value, tuple) else [str(value)]
    return shlex.join(words)


@dataclass(frozen=True)
class TimingFlags:
    """What is measured, how often, and where the result goes."""

    stream: tyro.conf.OmitArgPrefixes[StreamFlags] = field(default_factory=StreamFlags)
    photodiode: str | None = None
    """Channel of the stream that the photodiode is on; without it, stamps are compared with the
    rhythm of frames."""
    flashes: int = 100
    """How many."""
    corner: str = "bottom_left"
    """Where the square is: top_left, top_right, bottom_left or bottom_right."""
    limits: Path | None = None
    """YAML file with limits to pass: latency, spread, missed, frame_spread, dropped."""
    out: Path | None = None
    """Write the result to this new file, as JSON; by default beside the recordings."""
    windowed: bool = False
    """Flash in a window instead of full screen."""
    data: Path | None = None
    """Folder of the BIDS data set; by default "recordings" in the programs' folder."""
    home: Path | None = None
    """The programs' folder, instead of EEGPT_HOME or the platform's data folder."""
