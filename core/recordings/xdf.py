"""Recordings of Lab Streaming Layer streams: XDF."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.errors import InputError
from core.feed.timeline import Timeline
from core.machine.files import sha256_of
from core.numbered_channels import groups_apart
from core.recordings.events import marks_of_events
from core.recordings.recording import Recording
from core.recordings.stamps import breaks_of, measured_rate
from core.recordings.xdf_channels import eeg_channels
from core.recordings.xdf_file import XdfStream, load_streams
from core.recordings.xdf_markers import events_of, is_marker_stream
from core.suggestions import did_you_mean

_SILENT = 0.005  # share by which a rate may miss the nominal one without a word
_SENSIBLE = 0.2  # least share of the nominal rate that stamps in seconds say
_MUCH = 0.01  # share of lost samples that is worth a word


@np.errstate(all="ignore")  # damaged samples and stamps are any bits
def read_xdf(
    path: Path, unit: str | None = None, stream: str | None = None, eog: bool = False
) -> Recording:
    """Read an EEG stream of an XDF file, and the markers beside it.

    Breaks and rate are judged on the sender's raw stamps; events are placed by synchronised ones.

    Parameters
    ----------
    path : Path
    unit : str, optional
        Of channels that do not say a voltage.
    stream : str, optional
        Name of the EEG stream, else its type or source_id; needed where there are several.
    eog : bool
        Keep channels whose type is EOG, under names that say so.

    Raises
    ------
    InputError
        If nothing can be read, the EEG stream is not there, ambiguous or without a regular rate,
        or has no channel in a known unit.
    """
    streams, notes = load_streams(path)
    markers = [candidate for candidate in streams if is_marker_stream(candidate)]
    eeg = _chosen(path, [candidate for candidate in streams if candidate not in markers], stream)
    channels = eeg_channels(eeg, unit, path.name, eog)
    rate, about_rate = _rate(eeg, path.name)
    breaks, lost = breaks_of(eeg.raw_stamps, rate)
    about_loss = _loss(eeg, rate, lost, breaks)
    timeline = Timeline(eeg.stamps, rate, breaks)
    events, about_events = events_of(markers, eeg, channels, timeline, rate)
    places = ("the marker streams", "the trigger channels")
    marks = marks_of_events(events, path, rate, places, about_events)
    samples_uv = np.empty((len(eeg.stamps), len(channels.picks)), dtype=np.float32)
    for column, (pick, factor) in enumerate(zip(channels.picks, channels.factors, strict=True)):
        # Rounded before the unit is changed too, as a live stream is (`core.stream.inlet`).
        received = np.asarray(eeg.values)[:, pick].astype(np.float32)
        samples_uv[:, column] = received.astype(np.float64) * factor
    return Recording(
        samples_uv=samples_uv,
        rate=rate,
        labels=groups_apart(channels.labels),
        events=marks.events,
        breaks=breaks,
        path=path,
        sha256=sha256_of(path),
        bad_spans=marks.bad_spans,
        notes=(*notes, *channels.notes, *about_rate, *about_loss, *marks.notes),
        looked_in=marks.looked_in,
    )


def _chosen(path: Path, signals: list[XdfStream], name: str | None) -> XdfStream:
    """Return the EEG stream that is meant.

    Raises
    ------
    InputError
        If there is none, none of that name, several, or it has no regular rate.
    """
    filled = [stream for stream in signals if len(stream.stamps)]
    listed = _listed(signals)
    if not filled:
        raise InputError(
            f"{path} has no EEG stream with samples"
            + (f"; its streams of numbers are {listed}" if listed else "")
            + "."
        )
    if name is not None:
        fitting = next(
            (
                same
                for key in ("name", "type", "source_id")
                if (same := [stream for stream in filled if stream.text(key) == name])
            ),
            [],
        )
        if not fitting:
            known = [text for stream in filled for text in (stream.name, stream.type)]
            raise InputError(
                f'{path} has no stream "{name}" with samples.{did_you_mean(name, known)} Its '
                f"streams of numbers are {listed}."
            )
    else:
        eeg = [stream for stream in filled if stream.type.lower() == "eeg"]
        fitting = [stream for stream in eeg or filled if stream.rate] or eeg or filled
    if len(fitting) > 1:
        raise InputError(
            f"{path} has {len(fitting)} streams that can be meant; choose one by its name or "
            f"source_id with --stream: {_listed(fitting)}."
        )
    if not fitting[0].rate:
        raise InputError(
            f"{path}: the stream {fitting[0]} has no regular rate, and EEG is decoded at a regular "
            "rate only. Record it with a sender that says its rate."
        )
    return fitting[0]


def _listed(streams: list[XdfStream]) -> str:
    return "; ".join(map(str, streams))


def _rate(stream: XdfStream, source: str) -> tuple[float, list[str]]:
    """Return the rate of a stream: the nominal one, unless its stamps say another.

    Raises
    ------
    InputError
        If stamps are no times.
    """
    nominal = stream.rate
    if not np.isfinite(stream.raw_stamps).any():
        raise InputError(f'{source}: no stamp of the stream "{stream.name}" is a number.')
    measured = measured_rate(stream.raw_stamps, nominal)
    if measured is None or abs(measured / nominal - 1.0) <= _SILENT:
        return nominal, []
    if not _SENSIBLE <= measured / nominal <= 1.0 / _SENSIBLE:
        raise InputError(
            f'{source}: the stream "{stream.name}" says {nominal:g} Hz, but its stamps '
            + (
                f"say {measured:.3g} Hz: they are no seconds (they may count samples). "
                if np.isfinite(measured)
                else "do not advance. "
            )
            + "Where samples are missing and where events lie cannot be known from them."
        )
    # Recordings of one device are to have one rate, though each is measured a little differently.
    rate = float(round(measured)) if measured >= 50 else float(f"{measured:.2g}")
    return rate, [
        f'The stream "{stream.name}" says {nominal:g} Hz, but its stamps say '
        f"{measured:.4g} Hz; it is read at {rate:g} Hz."
    ]


def _loss(stream: XdfStream, rate: float, lost: int, breaks: tuple[int, ...]) -> list[str]:
    share = lost / (lost + len(stream.stamps))
    if share < _MUCH:
        return []
    return [
        f'About {100 * share:.0f} % of the samples of "{stream.name}" were lost '
        f"({lost} at {rate:g} Hz); trials at its {len(breaks)} breaks are left out."
    ]
