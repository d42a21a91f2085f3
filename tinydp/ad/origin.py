"""Whose number is it? One that came from NumPy follows NumPy in the plain program, one of Python's Python.

1 / 0.0 raises, and 1 / np.float64(0.0) is infinite. A tape computes with Python's numbers throughout, which
are three times faster; so where it matters, it asks where a number came from.

    >>> from tinydp import vjp
    >>> def look(x, a):
    ...     print(from_numpy(x * x + 1.0), from_numpy(x * np.sin(x)), from_numpy(x * a))
    ...     return x
    >>> _ = vjp(look, 2.0, np.float64(3.0))
    False True True
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from .drafts import Draft
from .parts import Keeping
from .primitives import pick
from .tape import Var


def from_numpy(x: Any) -> bool:
    """Whether this number is one of NumPy's in the plain program, and not one of Python's.

    What NumPy's functions give and what is taken from arrays is NumPy's, and so is all that Python's
    operators make of it. The tape remembers the answers while it records, for all values on the way, so that
    many questions take no longer than the program did.
    """
    found = _known(x)
    if found is not None:
        return found
    path = [(x, iter(_made_of(x)))]              # from the value asked about to the one looked at
    while path:
        x, sources = path[-1]
        for source in sources:
            known = _known(source)
            if known:
                for y, _ in path:                # each is made of the next
                    y.tape.origins[id(y)] = (y, True)
                return True
            if known is None:
                path.append((source, iter(_made_of(source))))
                break
        else:                                    # all that it was made of is Python's
            x.tape.origins[id(x)] = (x, False)
            path.pop()
    return False


def _known(x: Any) -> bool | None:
    """The answer as far as it is seen at once, or remembered."""
    if type(x) is not Var:
        return isinstance(x, np.generic)
    if x.op is None and x.b is not None:         # an input says what it was
        return True
    if x.op is not None and not _is_kept(x) and (x.op.operator is None or type(x.a) is tuple):
        return not x.op.pythons
    return x.tape.origins.get(id(x), (x, None))[1]


def _is_kept(x: Var) -> bool:
    return x.op is pick and isinstance(x.args[0].op, Keeping)


def _made_of(x: Var) -> Iterable:
    """Values of which one is NumPy's if this is."""
    if x.op is None:
        return (x.value,)                        # which may be of a differentiation around
    return x.args[0].op.sources(*x.args) if _is_kept(x) else x.args


Draft.from_numpy = staticmethod(from_numpy)
