"""Compiled programs go to a folder of the test session; most are run by Python, which is faster to start."""

import numba
import pytest

import tinydp.ad.compile.kernels  # noqa: F401  (it is always compiled)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.getbasetemp() / "compiled"
    monkeypatch.setenv("TINYDP_CACHE", str(folder))
    return folder


@pytest.fixture
def interpreted(monkeypatch):
    """The written programs are run by Python; only the kernels are machine code."""
    monkeypatch.setattr(numba, "njit", lambda **options: lambda f: f)
