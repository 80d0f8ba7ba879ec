"""Adaptation while a run goes on: reference and head follow the person, step by step.

The decoder decides every window as it would without; what adapts is laid over it, and what is taken
away again leaves nothing behind. All that adapts is a function of the windows, the cues and the
moments of an undo, so that a run's decisions can be computed again to the last digit.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from core.decoding.adaptation_steps import Step, check_same, other_run
from core.decoding.decoder import Decoder
from core.decoding.heads import LinearHead, fit_near
from core.decoding.online import WindowResult
from core.decoding.outputs import ClassesOutput
from core.decoding.recentring import REFERENCE_SECONDS, ReferenceMean, RunReference, check_seconds
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError

RECENTRE, LABELS = "recentre", "labels"
MODES = (RECENTRE, LABELS)
"""What may adapt: the reference of the covariances, without labels; the head, from cued trials."""

AGAIN = 30.0
"""Seconds of signal from one recentring to the next."""

LEAST = 3
"""Trials of every class before the head learns from them."""

MOST = 60
"""Trials that it learns from at once: the newest."""

MOVE = 0.5
"""How far the head moves: the prior standard deviation of what is added to the logits of a window,
and of the bias, as a share of how much the decoder's own logits differ between trials. So a decoder
that tells little apart, whose temperature is high, is moved little too."""

_SAME_CUE = 0.1  # s within which a cue is the one before, sent twice
_JITTER = 0.0103  # s by which stamps may put a cue after the first sample of its window: no whole
# number of samples at any usual rate, or rounded times would say which window is whole


@dataclass(frozen=True)
class AdaptedState:
    """What is laid over a decoder.

    Attributes
    ----------
    reference : RunReference or None
        Of the covariances; None for what the run has anyway.
    head : LinearHead or None
        None for the decoder's.
    """

    reference: RunReference | None = None
    head: LinearHead | None = None

    @cached_property
    def name(self) -> str:
        """What logs call it: the beginning of a SHA-256 of its values; empty if there are none."""
        if self.reference is None and self.head is None:
            return ""
        content = hashlib.sha256()
        if self.reference is not None:
            content.update(self.reference.digest.encode())
        if (head := self.head) is not None:
            for values in (head.centre, head.scale, head.weights, head.bias):
                content.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return content.hexdigest()[:16]


@dataclass(frozen=True)
class _Trial:
    """A cued window: covariance of every view, vector of its tokens, and class."""

    covariances: tuple[np.ndarray, ...]
    tokens: tuple[np.ndarray, ...]  # none or one
    label: int


class Adaptation:
    """Lays over a decoder what a run teaches, and takes it away when asked.

    Parameters
    ----------
    decoder : Decoder
    windows : WindowDecoder
        Of the decoder, for this run; it is not changed.
    modes : collection of str
        Among `MODES`.
    seconds : float
        Of signal before the reference is taken anew for the first time.
    log : sequence of Step, optional
        Of an earlier run on the same signal: its trials and undos count in place of cues and of
        `toggle`.
    run : mapping, optional
        What else must be the log's, as JSON has it; it stands in the first step.

    Attributes
    ----------
    state : AdaptedState
        What decides from the next window on.
    stopped : bool
        Whether all was undone, and nothing adapts.
    steps : list of Step
        All so far.

    Raises
    ------
    InputError
        If the decoder cannot be adapted so, or the log is of another kind of run.

    Notes
    -----
    The reference is the mean covariance of all windows since adaptation began, each with the same
    weight, taken anew every `AGAIN` seconds. A mean that weighs the newest windows most would
    learn from the last cue what comes next, where cues are not at random; so would a weight that
    depends on the class that is decided. In this one a trial of minutes counts little, whatever it
    was.

    The head is the maximum a posteriori estimate of a logistic regression whose prior is a
    Gaussian around the decoder's weights (Chelba and Acero, 2006, Adaptation of maximum entropy
    capitalizer: little data can help a lot, Computer Speech & Language 20(4)), fitted anew on all
    trials of the run after each.
    """

    def __init__(
        self,
        decoder: Decoder,
        windows: WindowDecoder,
        modes: Collection[str],
        seconds: float = REFERENCE_SECONDS,
        log: Sequence[Step] | None = None,
        run: Mapping[str, Any] | None = None,
    ) -> None:
        if RECENTRE in modes and not decoder.tangents:
            raise InputError(
                f"The head {decoder.facts.name} has no covariances, so that there is no reference "
                "to adapt; leave out --adapt recentre."
            )
        if not isinstance(decoder.head, LinearHead):
            raise InputError(
                f"The head {decoder.facts.name} cannot be adapted while it runs: leave out --adapt."
            )
        self._decoder, self._windows = decoder, windows
        self._recentres, self._learns = RECENTRE in modes, LABELS in modes
        self._seconds = check_seconds(seconds)
        self._length = (decoder.window - 1) / decoder.settings.rate  # s, to the last sample
        self._hop = windows.hop / decoder.settings.rate  # s
        self._given = decoder.head.plain()
        self._log = None if log is None else deque(log)
        self._asked = self._done = 0  # toggles; the first is counted by whoever asks
        self._newest: WindowResult | None = None
        self._count = 0  # windows with probabilities
        self._cues: list[tuple[float, int]] = []  # time and class, of those not over
        self._ended: set[float] = set()  # times of those whose imagery ended early
        self._last_cue = -np.inf
        self.stopped = False
        self.steps: list[Step] = []
        self._begin()
        words = {RECENTRE: "the reference, without labels", LABELS: "the head, from cued trials"}
        detail = {
            "modes": [mode for mode in MODES if mode in modes],
            "seconds": self._seconds,
            "hop": self._hop,
            **(run or {}),
        }
        adapts = " and ".join(words[mode] for mode in MODES if mode in modes)
        if log is not None:
            check_same(log[0].detail, detail)
        self._note("begin", f"Adapts while it runs: {adapts}.", **detail)

    def _begin(self) -> None:
        """Know nothing of the run."""
        self.state = AdaptedState()
        windows, rate = self._windows, self._decoder.settings.rate
        self._mean = ReferenceMean(rate, self._decoder.window, windows.hop)
        self._last_whole = -1  # sample of the newest window with probabilities
        self._due = self._seconds  # s of signal for the next reference
        self._trials: deque[_Trial] = deque(maxlen=MOST)
        self.learned = Counter[str]()

    @property
    def words(self) -> str:
        """What adapts, in a few words."""
        if self._asked % 2:
            return "adaptation undone (U: anew)"
        parts = []
        if (reference := self.state.reference) is not None:
            parts.append(f"reference of {reference.seconds:.0f} s")
        if self.state.head is not None:
            parts.append(f"{self.learned.total()} trials learned")
        return f"adapted: {', '.join(parts)}" if parts else "adapting"

    def toggle(self) -> None:
        """Undo all adaptation, or begin it anew, from the next window on; from any thread."""
        self._asked += 1

    def cue(self, time: float, name: str) -> None:
        """Take a cue of a class, at a time of the stream in seconds; other names are passed over.

        It counts if it comes before its window is over.
        """
        if self._learns and name in self._decoder.classes and self._log is None:
            if abs(time - self._last_cue) > _SAME_CUE:
                self._cues.append((time, self._decoder.classes.index(name)))
            self._last_cue = time

    def end(self, time: float) -> None:
        """Take it that imagery ended, or counts no more, at a time of the stream in seconds.

        A trial whose window had not ended by then is not learned from.
        """
        self._ended |= {
            cue for cue, _ in self._cues if cue <= time < cue + self._length - self._hop
        }

    def follow(self, windows: Iterator[WindowResult]) -> Iterator[WindowResult]:
        """Give windows as they are decided with what was learned so far, and learn from each.

        What is learned of a window is learned when the next one is asked for, so that it delays no
        decision.
        """
        for window in windows:
            self._toggle_before(window)
            yield self._decided(window)
            self._newest = window
            self._count += window.probabilities is not None
            self._learn(window)

    def finish(self) -> None:
        """Take it that the run is over: the last step.

        Raises
        ------
        InputError
            If the log is of a longer run, or lacks its end.
        """
        if self._log and (last := self._log[-1]).windows > self._count:
            raise InputError(
                f"The recording is over after {self._count} windows, and the run of the log of "
                f"adaptation went on to window {last.windows}: what was decided is that run's, and "
                "the rest is missing. Give the whole recording of that run."
            )
        self._note("end", "The run is over.")

    # -- deciding ---------------------------------------------------------------------------------

    def _decided(self, window: WindowResult) -> WindowResult:
        if window.probabilities is None or not self.state.name:
            return window
        head = self.state.head or self._decoder.head
        vector = np.concatenate(
            self._windows.vectors
            if self.state.reference is None
            else [vectors[0] for vectors in self._vectors([self._trial(0)])]
        )
        probabilities = head.probabilities(vector[None])[0]
        first = ClassesOutput(self._decoder.classes, tuple(probabilities.tolist()))
        return replace(
            window,
            probabilities=probabilities,
            outputs={**window.outputs, self._decoder.task: first},
            adapted=self.state.name,
            frozen=window.probabilities,
        )

    def _trial(self, label: int) -> _Trial:
        """Return the newest window."""
        views = self._windows.views
        covariances = tuple(view.covariance for view in views)
        return _Trial(covariances, tuple(self._windows.vectors[len(views) :]), label)

    def _vectors(self, trials: Sequence[_Trial]) -> list[np.ndarray]:
        """Return features of windows at the reference of now, one (windows, features) a view."""
        views, reference = self._windows.views, self.state.reference
        blocks = []
        for index, view in enumerate(views):
            features = (
                view.features if reference is None else view.features.at(reference.whiteners[index])
            )
            blocks.append(
                features.of_covariances(np.stack([trial.covariances[index] for trial in trials]))
            )
        if trials[0].tokens:
            blocks.append(np.stack([trial.tokens[0] for trial in trials]))
        return blocks

    # -- learning ---------------------------------------------------------------------------------

    def _learn(self, window: WindowResult) -> None:
        if window.probabilities is not None and self._recentres and not self.stopped:
            if window.sample != self._last_whole + self._windows.hop:
                self._mean.reset()
            self._last_whole = window.sample
            self._mean.take([view.covariance for view in self._windows.views])
            if self._mean.seconds >= self._due:
                self._recentre()
        for time, label in [cue for cue in self._cues if self._is_over(cue[0], window)]:
            self._cues.remove((time, label))
            if not self.stopped:
                self._take_trial(window, label, time)
            self._ended.discard(time)
        self._repeat()

    def _is_over(self, cue: float, window: WindowResult) -> bool:
        """Whether the first whole window from a cue on has ended."""
        return window.time >= cue + self._length - _JITTER

    def _recentre(self) -> None:
        while self._due <= self._mean.seconds:
            self._due += AGAIN
        reference = self._mean.reference()
        self.state = replace(self.state, reference=reference)
        if self.state.head is not None:
            self.state = replace(self.state, head=self._fit())
        self._note(
            RECENTRE,
            f"Recentred on {reference.seconds:g} s of signal without artifacts.",
            seconds=reference.seconds,
            windows=reference.windows,
            reference=reference.name,
        )

    def _take_trial(self, window: WindowResult, label: int, cue: float) -> None:
        """Learn from the window that ends a trial, or say why not."""
        late = window.time - cue - self._length > self._hop - _JITTER
        early = cue in self._ended
        if window.probabilities is not None and not late and not early:
            self._learn_trial(label, cue)
            return
        name, why = self._decoder.classes[label], window.status
        if window.status == "ok":
            why = "it ended early" if early else "its marker came late"
        self._note("passed", f"A trial of {name} is not learned from: {why}.", cue=cue, label=name)

    def _learn_trial(self, label: int, cue: float) -> None:
        name = self._decoder.classes[label]
        self._trials.append(self._trial(label))
        self.learned[name] += 1
        counts = np.bincount([trial.label for trial in self._trials], minlength=len(self._given[1]))
        if counts.min() >= LEAST:
            self.state = replace(self.state, head=self._fit())
            message = f"The head has learned from {len(self._trials)} trials, the newest {name}."
        else:
            message = f"A trial of {name} is kept: the head learns from {LEAST} of each class on."
        self._note(LABELS, message, cue=cue, label=name)

    def _fit(self) -> LinearHead:
        trials = list(self._trials)
        labels = np.array([trial.label for trial in trials])
        blocks = self._vectors(trials)
        weights, bias = self._given
        spread = float((np.concatenate(blocks, axis=1) @ weights + bias).var(axis=0).mean())
        # Features of each block have unit total variance, so that all blocks add to it.
        return fit_near(
            blocks, labels, weights, bias, MOVE**2 * spread / len(blocks), 1.0 / len(blocks)
        )

    # -- undoing ----------------------------------------------------------------------------------

    def _toggle_before(self, window: WindowResult) -> None:
        """Undo or begin anew what was asked for before a window."""
        self._repeat()
        if self._log and window.probabilities is not None and self._log[0].windows <= self._count:
            if self._log[0].kind != "end":
                raise other_run(self._count, window.sample)
            raise InputError(
                f"The run of the log of adaptation was over after {self._count} windows, and this "
                f"recording goes on: decisions before sample {window.sample} are that run's. Give "
                "the recording of that run alone."
            )
        while self._log is None and self._done < self._asked:
            self._done += 1
            self._toggle()

    def _toggle(self) -> None:
        self.stopped = not self.stopped
        self._begin()
        if self.stopped:
            self._note("undo", "Adaptation undone: the decoder decides as it would without.")
        else:
            self._note("resume", "Adaptation begins anew.")

    # -- saying -----------------------------------------------------------------------------------

    def _note(self, kind: str, text: str, **detail: Any) -> None:
        newest = self._newest
        sample, time = (-1, None) if newest is None else (newest.sample, newest.time)
        step = Step(self._count, sample, time, kind, self.state.name, text, detail)
        if self._log is not None:
            if not self._log:
                raise InputError(
                    "The log of adaptation does not say that its run was over: it ended by an "
                    "error or a kill, or the log was cut. What is decided after its last step, "
                    "at sample "
                    f"{max(self.steps[-1].sample, 0)}, may differ from that run; up to there it is "
                    "that run's."
                )
            logged = self._log.popleft()
            same = ("windows", "kind", "state")
            if [getattr(logged, key) for key in same] != [getattr(step, key) for key in same]:
                raise other_run(self._count, sample)
        self.steps.append(step)

    # -- repeating --------------------------------------------------------------------------------

    def _repeat(self) -> None:
        """Do what the log says of a person, after as many windows as there."""
        newest = self._newest
        whole = newest is not None and newest.probabilities is not None
        while self._log and (step := self._log[0]).windows <= self._count:
            if step.kind in ("undo", "resume"):
                self._toggle()
                self._asked += 1
            elif step.kind == "passed":
                self._note(step.kind, step.text, **step.detail)
            elif step.kind == LABELS and whole:
                self._learn_trial(self._logged_label(step), step.detail["cue"])
            else:  # what comes of itself, and has not
                return

    def _logged_label(self, step: Step) -> int:
        name = step.detail["label"]
        if name not in self._decoder.classes:
            raise InputError(f'The log of adaptation has a trial of "{name}", not of the decoder.')
        return self._decoder.classes.index(name)
