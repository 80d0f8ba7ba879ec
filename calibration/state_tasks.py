"""Fits of readouts that keep the last minutes: states, for any labels of blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from calibration.task_heads import TaskSetting
from calibration.usable_trials import usable_trials
from core.decoding.heads import with_temperature
from core.decoding.readouts import Readout, ReadoutCard
from core.errors import InputError
from core.fitting.state import fit_state, memories, segment_powers
from core.metrics import balanced_accuracy, chance_bound
from core.recordings import Recording

STATE = "state"
"""What the head is called."""

_FOLDS = 5  # each takes a fit


def fit_state_task(
    name: str, meanings: Mapping[str, str], recordings: Sequence[Recording], setting: TaskSetting
) -> Readout:
    """Fit the readout of a state.

    Parameters
    ----------
    name : str
    meanings : mapping
        Label -> class.
    recordings : sequence of Recording
        Whose events are the task's.
    setting : TaskSetting
        With folds in time.

    Raises
    ------
    InputError
        If electrodes are regressed out, or as `TaskSetting.views`.
    """
    if setting.fit.regress_eyes:
        raise InputError(
            f"The state {name} reads all electrodes as they are; leave out --regress-eyes, or "
            "--state."
        )
    spec = setting.encoder.spec
    epochs, *_ = usable_trials(
        recordings, meanings, setting.path, setting.fit, spec, setting.cache, setting.shared
    )
    powers, labels = segment_powers(spec.rate), epochs.labels
    segments = [powers.of_run(run) for run in epochs.segments]
    classes, seed = len(epochs.classes), setting.fit.seed
    left_out = np.full((len(labels), classes), np.nan)
    for train, test in epochs.folds(seed, most=_FOLDS):
        side = np.zeros(len(labels), dtype=bool)
        side[test] = True
        held = memories(powers, segments, epochs.places, epochs.length, side)
        head = fit_state(powers, held[train], labels[train], classes, seed)
        left_out[test] = head.logits(held[test])
    tested = np.flatnonzero(np.isfinite(left_out[:, 0]))
    held = memories(powers, segments, epochs.places, epochs.length)
    head = fit_state(powers, held, labels, classes, seed)
    head = with_temperature(head, left_out[tested], labels[tested])
    card = ReadoutCard(
        STATE,
        len(epochs),
        balanced_accuracy(labels[tested], left_out[tested].argmax(axis=1)),
        chance_bound(len(epochs.independent), classes),
        "balanced accuracy",
        {"events": dict(meanings)},
    )
    return Readout(name, epochs.classes, head, (), False, card)
