"""What an error says to write works, when it is pasted into the line that it names: see `misuses.py`."""

import numpy as np
import pytest

from tinydp.ad.errors import TinydpError

from .misuses import ELSEWHERE, HEAD, MISUSES, run


def test_there_are_sixty():
    assert len({misuse.old for misuse in MISUSES}) >= 60


@pytest.mark.parametrize("misuse", MISUSES, ids=[misuse.old[:50] for misuse in MISUSES])
def test_what_it_says_to_write_runs(misuse):
    source = HEAD + misuse.program.format(misuse.old)
    with pytest.raises(TinydpError) as caught:
        run(source)
    error = caught.value
    assert misuse.new in str(error)
    line = source.splitlines()[error.place.line - 1]
    assert error.place.file == "misuse.py"
    assert misuse.old in line or misuse.old in ELSEWHERE
    y = run(HEAD + misuse.program.format(misuse.paste or misuse.new))
    assert same(y, misuse.value), y


def same(y, value):
    if value is None:
        return True
    if isinstance(value, tuple):
        return len(y) == len(value) and all(map(same, y, value))
    return np.allclose(np.asarray(y, float), value, rtol=1e-6) if not isinstance(value, list) or np.ndim(
        value[0]) == 0 or isinstance(value[0], list) else [*y] == value
