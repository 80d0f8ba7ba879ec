"""How many threads the numerical libraries may take."""

from __future__ import annotations

import os


def share_cores() -> None:
    """Make the libraries' threads good neighbours; called before NumPy is first imported.

    NumPy's linear algebra gets one thread: the matrices here are small, and threads that meet at
    every one of them cost several times what they save. Threads of torch sleep instead of
    spinning while they wait, which makes a fit on two cores four times faster when anything else
    runs. A value that the person has set stays.
    """
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def one_torch_thread() -> None:
    """Keep torch to one thread as well: what a live program does.

    A single patch is too little work to share; two threads were up to thirty times slower as
    soon as anything else ran.
    """
    import torch

    torch.set_num_threads(1)
