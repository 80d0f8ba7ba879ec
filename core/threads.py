"""How many threads the numerical libraries may take."""

from __future__ import annotations

import os


def one_blas_thread() -> None:
    """Keep NumPy's linear algebra to one thread; called before NumPy is first imported.

    The matrices here are small. Threads that meet at every one of them cost several times what
    they save, and far more when another program wants the core. A value that the person has set
    stays.
    """
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(name, "1")


def one_torch_thread() -> None:
    """Keep torch to one thread as well: what a live program does.

    A single patch is too little work to share; two threads were up to thirty times slower as
    soon as anything else ran.
    """
    import torch

    torch.set_num_threads(1)
