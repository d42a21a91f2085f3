"""What several files of tests share."""

import pytest

import tinydp as dp
from tinydp.ad.compile import cache
from tinydp.ad.twins import rewrite

from .compile.conftest import by_python


@pytest.fixture(params=["eager", "compiled"])
def wrap(request, monkeypatch, tmp_path):
    """How a program is run; compiled ones by Python, which is faster to start."""
    monkeypatch.setenv("TINYDP_CACHE", str(tmp_path))
    monkeypatch.setenv("TINYDP_ENGINE", "numba")
    monkeypatch.setattr(cache, "load", by_python)
    return dp.compile if request.param == "compiled" else lambda f: f


@pytest.fixture
def no_source(monkeypatch):
    """Functions are run as they are, as where there is no source of them."""
    monkeypatch.setattr(rewrite, "_found", lambda f: None)
    monkeypatch.setattr(rewrite, "_KNOWN", {})
