"""Threads of numerical libraries are few while we compute, and as they were afterwards."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from core.machine.threads import few_threads

LINEAR_ALGEBRA = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def linear_algebra():
    return {entry["num_threads"] for entry in threadpool_info() if entry["user_api"] == "blas"}


def test_linear_algebra_and_torch_have_one_thread_only_meanwhile(monkeypatch):
    for name in LINEAR_ALGEBRA:
        monkeypatch.delenv(name, raising=False)
    before, threads = dict(os.environ), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with threadpool_limits(2, user_api="blas"):
            with few_threads():
                assert (linear_algebra(), torch.get_num_threads()) == ({1}, 3)
            with few_threads(live=True):
                assert (linear_algebra(), torch.get_num_threads()) == ({1}, 1)
            assert (linear_algebra(), torch.get_num_threads()) == ({2}, 3)
    finally:
        torch.set_num_threads(threads)
    assert dict(os.environ) == before


def test_what_the_person_has_set_stays(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with threadpool_limits(2, user_api="blas"), few_threads():
        assert linear_algebra() == {2}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2"


@pytest.mark.slow
def test_what_is_loaded_meanwhile_has_one_thread_too():
    """As where a fit is what imports SciPy."""
    code = (
        "import sys, numpy\n"
        "from core.machine.threads import few_threads\n"
        "with few_threads():\n"
        "    import scipy.linalg, threadpoolctl\n"
        "    counts = {e['num_threads'] for e in threadpoolctl.threadpool_info()"
        " if e['user_api'] == 'blas'}\n"
        "sys.exit(counts != {1})"
    )
    given = {name: value for name, value in os.environ.items() if name not in LINEAR_ALGEBRA}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=given)


def test_a_failure_leaves_nothing_limited():
    threads = torch.get_num_threads()
    with threadpool_limits(2, user_api="blas"):
        try:
            with few_threads(live=True):
                np.linalg.inv(np.zeros((2, 2)))
        except np.linalg.LinAlgError:
            pass
        assert linear_algebra() == {2}
    assert torch.get_num_threads() == threads
