"""Labels of subjects, sessions and tasks, as BIDS has them and the programs take them."""

from __future__ import annotations

import re

from core.errors import InputError

_LABEL = re.compile(r"[A-Za-z0-9]+")
_PREFIX = {"Subject": "sub-", "Session": "ses-", "Task": "task-"}


def bids_label(text: str, of: str = "Subject", most: int | None = 40) -> str:
    """Return a label without its prefix, if it follows BIDS 1.10, "Entities".

    Parameters
    ----------
    text : str
        ``01`` or ``sub-01``.
    of : str
        "Subject", "Session" or "Task".
    most : int, optional
        How many letters and digits there may be.

    Raises
    ------
    InputError
        If it is empty, has anything but letters and digits, or more than that of them: longer ones
        make names of files too long for some systems.
    """
    label = text.removeprefix(_PREFIX[of])
    if not _LABEL.fullmatch(label) or (most is not None and len(label) > most):
        shown = ascii(text if len(text) <= 60 else text[:59] + "…")[1:-1]
        raise InputError(
            f'{of} "{shown}" is no BIDS label: use letters and digits only, such as 01 or S001'
            + ("." if most is None else f", and at most {most} of them.")
        )
    return label
