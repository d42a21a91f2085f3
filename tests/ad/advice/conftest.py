"""What is advised is for lines that are run as they stand."""

import pytest


@pytest.fixture(autouse=True)
def _as_it_stands(no_source):
    """See `no_source`."""
