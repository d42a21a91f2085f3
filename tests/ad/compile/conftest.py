"""Compiled programs go to a folder of the test session; most are run by Python, which is faster to start."""

import numpy as np
import pytest

from tinydp.ad.compile import cache

SWITCHED_OFF = "njit = lambda **options: lambda f: f"


@pytest.fixture(autouse=True)
def folder(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.getbasetemp() / "compiled"
    monkeypatch.setenv("TINYDP_CACHE", str(folder))
    monkeypatch.setenv("TINYDP_VERIFY", "always")    # each call is compared with the tape's
    return folder


@pytest.fixture
def interpreted(monkeypatch):
    """The written programs are run by Python; only the kernels are machine code."""
    monkeypatch.setenv("TINYDP_ENGINE", "numba")
    monkeypatch.setattr(cache, "load", by_python)


load = cache.load


def by_python(name, text):
    """The function of this name in a text, run by Python; infinities and nan are made in silence."""
    return np.errstate(all="ignore")(load(name, text.replace("from numba import njit", SWITCHED_OFF)))
