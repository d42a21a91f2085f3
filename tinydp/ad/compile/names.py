"""Names in the source: all that is written down, of whatever kind, has its name from here.

What the user calls something is a label: any text, which may be met anywhere else. An identifier is
made of it that nothing else has, in the same function, around it or inside of it:

    >>> module = Names()
    >>> f = module.fresh("f")
    >>> inside = Names(module)
    >>> [inside.fresh(label) for label in ("x", "x", "params['a b']", "sin", "f", "lambda", "ﬁ")]
    ['x', 'x_1', 'params_a_b', 'sin_1', 'f_1', 'lambda_1', 'fi']
    >>> module.fresh("x")
    'x_2'

Names that the source uses without having made them, such as Python's own or those of kernels, are
given to nobody.
"""

import builtins
import keyword
import unicodedata

from .functions import FROM_KERNELS, FROM_MATH, HELPERS

LONGEST = 60                             # characters; file systems have limits, and so have eyes
MATHS = frozenset(FROM_MATH.values())
KERNELS = frozenset((*FROM_KERNELS, *HELPERS))
RESERVED = frozenset((*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *MATHS, *KERNELS,
                      "np", "njit", "prange"))


def identifier(label: str) -> str:
    """What of a label can stand in an identifier, as Python reads it: in the form NFKC."""
    letters = unicodedata.normalize("NFKC", label)
    words = "".join(c if f"_{c}".isidentifier() else " " for c in letters).split()
    name = "_".join(words).strip("_")[:LONGEST] or "t"
    return unicodedata.normalize("NFKC", name if name.isidentifier() else f"v_{name}")


class Names:
    """The names of one function, within those of the module `around` it."""

    def __init__(self, around: "Names | None" = None):
        self.around, self.inside = around, list[Names]()
        self.taken: set[str] = set()
        self._counts: dict[str, int] = {}
        self._axes: list[str] = []
        if around is not None:
            around.inside.append(self)

    def fresh(self, label: str) -> str:
        """An identifier that is not taken yet."""
        wanted = identifier(label)
        name, k = wanted, self._counts.get(wanted, 1)
        while self._is_taken(name):
            name, k = f"{wanted}_{k}", k + 1
        self._counts[wanted] = k                 # from one again, a long program would take forever
        self.taken.add(name)
        return name

    def axes(self, n: int) -> list[str]:
        """The indices of `n` nested loops; loops that are not nested share them."""
        while len(self._axes) < n:
            k = len(self._axes)
            self._axes.append(self.fresh("ijkl"[k] if k < 4 else f"i{k}"))
        return self._axes[:n]

    def _is_taken(self, name: str) -> bool:
        return (name in RESERVED or name in self.taken or any(name in scope.taken for scope in self.inside)
                or (self.around is not None and name in self.around.taken))
