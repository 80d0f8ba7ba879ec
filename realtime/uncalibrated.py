"""Decoding a person without a calibration: a minute of their signal, and other people's head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from calibration.fit_settings import FitSettings, path_for
from core.decoding.decoder import Decoder, hop_samples
from core.decoding.recentring import REFERENCE_SECONDS
from core.electrodes import electrode
from core.encoders import DEFAULT, load_encoder
from core.errors import InputError
from core.feed.segments import Segment
from core.fitting.feature_input import CovarianceSettings
from core.fitting.transfer.prior_file import population
from core.fitting.transfer.prior_head import with_readout
from core.fitting.transfer.prior_sources import head_of_prior
from core.fitting.transfer.uncalibrated import uncalibrated_decoder
from core.hemispheres import HANDS
from core.montage import match
from core.program import say
from core.recordings import Recording
from core.signal.interpolation import interpolation_weights, positions_aside
from core.sites import Sites
from core.stream.description import StreamFacts
from core.stream.stream_feed import StreamFeed

_LARGEST_GAP = 0.1  # share of the signal that may be missing


class Gathered:
    """Signal of a stream, until there is enough of it.

    Parameters
    ----------
    facts : StreamFacts
        As a person overrode them.
    seconds : float
        That are needed.
    """

    def __init__(self, facts: StreamFacts, seconds: float = REFERENCE_SECONDS) -> None:
        self.facts = facts
        self._seconds, self._needed = seconds, round(seconds * facts.rate)
        self._pieces: list[np.ndarray] = []
        self._breaks: list[int] = []
        self._count = 0

    @property
    def left(self) -> float:
        """Seconds that are still needed."""
        return max(0, self._needed - self._count) / self.facts.rate

    def add(self, segment: Segment) -> None:
        """Take the next segment, of which what is not needed is passed over."""
        # The decoder must not depend on how many samples came at once.
        segment = segment.part(0, min(len(segment), self._needed - self._count))
        if not len(segment):
            return
        if segment.begins and self._count:
            self._breaks.append(self._count)
        self._pieces.append(segment.samples_uv.astype(np.float32))
        self._count += len(segment)

    def recording(self, lost: int) -> Recording:
        """Return the signal, without events.

        Parameters
        ----------
        lost : int
            Samples that were lost meanwhile.

        Raises
        ------
        InputError
            If these are a tenth of the signal.
        """
        name = self.facts.identity.name
        if lost > _LARGEST_GAP * self._needed:
            raise InputError(
                f'Stream "{name}" lost {lost} of {self._count + lost} samples; a decoder cannot be '
                "aligned on that."
            )
        return Recording(
            samples_uv=np.concatenate(self._pieces),
            rate=self.facts.rate,
            labels=self.facts.labels,
            events=(),
            breaks=tuple(self._breaks),
            path=Path("the first minute"),
            sha256="",
        )


def gather(feed: StreamFeed, seconds: float = REFERENCE_SECONDS) -> Recording:
    """Collect signal from a stream.

    Parameters
    ----------
    feed : StreamFeed
        Nothing else may read it meanwhile.
    seconds : float

    Returns
    -------
    Recording
        In µV, without events.

    Raises
    ------
    InputError
        If the stream ends, sends nothing for five seconds, loses a tenth of its samples, or sends
        them at another rate than it says.
    """
    gathered = Gathered(feed.facts, seconds)
    name = feed.facts.identity.name
    while gathered.left > 0:
        received = feed.read(timeout=5.0)
        if received is None:
            raise InputError(
                f'Stream "{name}" stopped after {seconds - gathered.left:.0f} of the {seconds:g} s '
                "of signal that are needed; check the amplifier."
            )
        for segment in received.segments:
            gathered.add(segment)
        if feed.rate.verdict.level == "refused":
            raise InputError(f'Stream "{name}": {feed.rate.verdict.words}')
    return gathered.recording(feed.lost_samples)


def _interpolated(
    recording: Recording, channels: tuple[str, ...], aside: Sequence[str]
) -> Recording:
    """Return a recording whose bad electrodes are what their neighbours make of them.

    Those that the recording says are bad are clicked ones: a click on one of `aside` takes it back,
    and where they become too many, they stay as they are, as they do live.
    """
    clicked = {electrode(label) for label in recording.bad_channels} & set(channels)
    try:
        bad = positions_aside(channels, sorted(set(aside) ^ clicked))
    except InputError:
        bad = positions_aside(channels, aside)
    columns = np.array(match(recording.labels, channels).indices)
    good = np.setdiff1d(np.arange(len(channels)), bad)
    samples = recording.samples_uv.copy()
    if bad:
        weights = interpolation_weights(channels, bad)[:, good]
        samples[:, columns[bad]] = samples[:, columns[good]] @ weights.T
    return replace(recording, samples_uv=samples, bad_channels=())


def population_decoder(
    collect: Callable[[], Recording],
    labels: Sequence[str],
    sites: Sites = "all",
    regress_eyes: bool = False,
    aside: Sequence[str] = (),
    hop: float | None = None,
) -> Decoder:
    """Return a decoder of left against right hand, from other people and this person's signal.

    What others teach is computed while the signal is collected: it takes seconds, in which nobody
    would read the stream.

    Parameters
    ----------
    collect : callable
        Returns the signal, as `gather` does.
    labels : sequence of str
        Of its channels.
    sites : str
        Electrodes that are used: `core.sites`.
    regress_eyes : bool
        Whether frontal and temporal electrodes are regressed out of the others, and not used.
    aside : sequence of str
        Electrodes that are bad: the signal is what their neighbours make of them, as live, and so
        it is with those that it says are bad.
    hop : float, optional
        Seconds from one decision to the next, as it will be decoded with.

    Raises
    ------
    InputError
        Before anything is collected, if the stream has too few of the population's electrodes, too
        few at these sites or none to regress out, if electrodes cannot be set aside, or as
        `core.decoding.decoder.hop_samples`; after it, if there is too little signal.
    """
    encoder = load_encoder(DEFAULT)
    spec = encoder.spec
    asked = FitSettings(head="riemann", sites=sites, regress_eyes=regress_eyes)
    settings, _ = path_for(labels, spec, asked, "The stream")
    positions_aside(settings.channels, aside)
    if hop is not None:
        spec.check_hop(hop_samples(hop, spec.rate, spec.default_hop))
    say(f"Aligning other people's decoder: {REFERENCE_SECONDS:g} s of signal, at rest, eyes open.")
    windows = CovarianceSettings(settings, spec.window, regress_eyes=regress_eyes)
    with ThreadPoolExecutor(1, thread_name_prefix="population") as pool:
        head = pool.submit(head_of_prior, population(), windows, HANDS)
        recording = _interpolated(collect(), settings.channels, aside)
        return uncalibrated_decoder(
            with_readout(head.result(), spec, HANDS),
            recording,
            HANDS,
            windows,
            (DEFAULT, encoder),
            "anybody",
            {"sites": sites, "regress_eyes": regress_eyes},
        )
