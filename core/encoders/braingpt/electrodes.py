"""The electrodes that BrainGPT has a token for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.encoders.base import rows_of

ELECTRODES = tuple(
    """
    FP1 FPZ FP2 AF9 AF7 AF5 AF3 AF1 AFZ AF2 AF4 AF6 AF8 AF10
    F9 F7 F5 F3 F1 FZ F2 F4 F6 F8 F10 FT9 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 FT10
    T9 T7 C5 C3 C1 CZ C2 C4 C6 T8 T10 TP9 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 TP10
    P9 P7 P5 P3 P1 PZ P2 P4 P6 P8 P10 PO9 PO7 PO5 PO3 PO1 POZ PO2 PO4 PO6 PO8 PO10
    O1 OZ O2 O9 CB1 CB2 IZ O10 M1 M2 A1 A2 T1 T2 I1 I2
    CFC1 CFC2 CFC3 CFC4 CFC5 CFC6 CFC7 CFC8 CCP1 CCP2 CCP3 CCP4 CCP5 CCP6 CCP7 CCP8
    FTT9H TTP7H TPP9H FTT10H TPP8H TPP10H
    """.split()
)
"""118 electrodes; the position of a name is its row in the table of electrode tokens.

The paper speaks of 138 and lists none. These are the single electrodes that LaBraM (Jiang et al.
2024, ICLR) was trained on, with I1 and I2. T3, T4, T5 and T6 are other names of T7, T8, P7 and P8
(`core.electrodes.ALIASES`), not electrodes of their own.
"""


def electrode_rows(ch_names: Sequence[str]) -> Tensor:
    """Return the rows of electrodes in the table of electrode tokens, in the order given.

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
    return torch.tensor(rows_of(ch_names, ELECTRODES, "BrainGPT"), dtype=torch.int64)
