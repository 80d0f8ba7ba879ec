"""The evaluations of the EEGPT paper by name, with what it reported beside ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Preset:
    """One row of the paper's tables.

    Attributes
    ----------
    source : str
        What to evaluate on, where MOABB has it; empty where a path must be given.
    kind : str
        Name in `training.sources.catalogue.SOURCES` that the path is given with.
    classes : tuple of str
        Labels of the cues.
    protocol : str
        Of ours, the nearest to the paper's.
    subjects : tuple of str
        That the paper tests; empty for all.
    third : str
        Which metric the third number is.
    published : dict of str to tuple of float
        Model -> balanced accuracy, Cohen's kappa (NaN if not reported), and the third number.
    differs : str
        In what ours is not the paper's.

    Notes
    -----
    Wang et al. (2024), EEGPT, NeurIPS, tables 2 to 4: means over three repeats.
    """

    source: str
    kind: str
    classes: tuple[str, ...]
    protocol: Literal["loso"]
    subjects: tuple[str, ...]
    third: str
    published: dict[str, tuple[float, float, float]]
    differs: str


_WINDOW = "windows are as long as the encoder's and begin at the cue; no alignment on test trials"

PRESETS = {
    "bcic-2a": Preset(
        source="moabb:BNCI2014_001",
        kind="moabb",
        classes=("left_hand", "right_hand", "feet", "tongue"),
        protocol="loso",
        subjects=(),
        third="weighted_f1",
        published={
            "EEGPT": (0.5846, 0.4462, 0.5715),
            "LaBraM": (0.5613, 0.4151, 0.5520),
            "BIOT": (0.4590, 0.2787, 0.4282),
            "BENDR": (0.4899, 0.3199, 0.4836),
        },
        differs=_WINDOW,
    ),
    "bcic-2b": Preset(
        source="moabb:BNCI2014_004",
        kind="moabb",
        classes=("left_hand", "right_hand"),
        protocol="loso",
        subjects=(),
        third="auroc",
        published={
            "EEGPT": (0.7212, 0.4426, 0.8059),
            "LaBraM": (0.6851, 0.3703, 0.7576),
            "BIOT": (0.6409, 0.2817, 0.7095),
            "BENDR": (0.7067, 0.4131, 0.7854),
        },
        differs=_WINDOW,
    ),
    "sleep-edfx": Preset(
        source="",
        kind="sleep-edfx",
        classes=(
            "Sleep stage W",
            "Sleep stage 1",
            "Sleep stage 2",
            "Sleep stage 3",
            "Sleep stage R",
        ),
        protocol="loso",
        subjects=(),
        third="weighted_f1",
        published={
            "EEGPT": (0.6917, 0.6857, 0.7654),
            "LaBraM": (0.6771, 0.6710, 0.7592),
            "BIOT": (0.6622, 0.6461, 0.7415),
            "BENDR": (0.6655, 0.6659, 0.7507),
        },
        differs="the first window of each stretch of one stage, not 30 s epochs; stage 4 is left "
        "out; every person is tested instead of ten folds of six",
    ),
    "kaggle-ern": Preset(
        source="",
        kind="kaggle-ern",
        classes=("correct", "error"),
        protocol="loso",
        subjects=(),
        third="auroc",
        published={
            "EEGPT": (0.5837, 0.1882, 0.6621),
            "LaBraM": (0.5439, 0.0944, 0.5693),
            "BIOT": (0.5118, 0.0297, 0.5495),
            "BENDR": (0.5672, 0.1461, 0.6030),
        },
        differs="windows begin at the feedback instead of 0.7 s before; the paper tests ten fixed "
        "people; the labels of the feedback are in a file of the competition, which must be made "
        "events first",
    ),
    "physio-p300": Preset(
        source="",
        kind="physionet-p300",
        classes=("target", "nontarget"),
        protocol="loso",
        subjects=("1", "2", "3", "4", "5", "6", "7", "9", "11"),
        third="auroc",
        published={
            "EEGPT": (0.6502, 0.2999, 0.7168),
            "LaBraM": (0.6477, 0.2935, 0.7068),
            "BIOT": (0.5485, 0.0968, 0.5308),
            "BENDR": (0.6114, 0.2227, 0.6588),
        },
        differs="windows are as long as the encoder's instead of 2.1 s; its events name what was "
        "lit, and must be made target and nontarget first",
    ),
}
"""By the names of the command line."""


def as_published(name: str) -> str:
    """Return what the paper reported, as Markdown."""
    from training.evaluation.report.scoring import WORDS

    preset = PRESETS[name]
    lines = [["paper", WORDS["balanced_accuracy"], WORDS["kappa"], WORDS[preset.third]]]
    lines.append(["---", "---:", "---:", "---:"])
    lines += [
        [model, *(f"{number:.3f}" for number in numbers)]
        for model, numbers in preset.published.items()
    ]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## {name}, as published\n\n{table}\n\nNot the same as ours: {preset.differs}.\n"
