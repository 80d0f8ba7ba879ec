"""The rows of LaBraM's table of electrodes, and which of them a signal can be given."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.encoders.base import rows_of

ROWS = tuple(
    """
    FP1 FPZ FP2 AF9 AF7 AF5 AF3 AF1 AFZ AF2 AF4 AF6 AF8 AF10
    F9 F7 F5 F3 F1 FZ F2 F4 F6 F8 F10 FT9 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 FT10
    T9 T7 C5 C3 C1 CZ C2 C4 C6 T8 T10 TP9 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 TP10
    P9 P7 P5 P3 P1 PZ P2 P4 P6 P8 P10 PO9 PO7 PO5 PO3 PO1 POZ PO2 PO4 PO6 PO8 PO10
    O1 OZ O2 O9 CB1 CB2 IZ O10 T3 T5 T4 T6 M1 M2 A1 A2
    CFC1 CFC2 CFC3 CFC4 CFC5 CFC6 CFC7 CFC8 CCP1 CCP2 CCP3 CCP4 CCP5 CCP6 CCP7 CCP8
    T1 T2 FTT9h TTP7h TPP9h FTT10h TPP8h TPP10h
    FP1-F7 F7-T7 T7-P7 P7-O1 FP2-F8 F8-T8 T8-P8 P8-O2
    """.split()
)
"""The published list, as far as its table of positions reaches: row 1 + index; row 0 is the class
token's. Eight more derivations of that list have no row."""

_OLDER = ("T3", "T4", "T5", "T6")  # other names of T7, T8, P7 and P8, as everywhere here
_NEVER_READ = tuple(name for name in ROWS if name.endswith("h"))

ELECTRODES = tuple(name for name in ROWS if name not in _OLDER + _NEVER_READ and "-" not in name)
"""The 110 that a signal can be given. Not among them: older names, which have rows of their own
there; the names that end in "h", which the published code can never match, since it compares them
with names in upper case; and derivations, which are no electrodes."""


def electrode_rows(ch_names: Sequence[str]) -> Tensor:
    """Return the rows of electrodes in the table of positions, in the order given.

    Parameters
    ----------
    ch_names : sequence of str

    Returns
    -------
    Tensor of int64, shape (len(ch_names),)

    Raises
    ------
    InputError
        If a name is unknown, or two names mean the same electrode.
    """
    rows = rows_of(ch_names, ELECTRODES, "LaBraM")
    return torch.tensor([1 + ROWS.index(ELECTRODES[row]) for row in rows], dtype=torch.int64)
