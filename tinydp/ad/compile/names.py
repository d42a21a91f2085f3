"""Names in a source: all that is written down, of whatever kind, has its name from here.

What the user calls something is a label: any text, which may be met anywhere else. An identifier is made of
it that nothing else has in the whole module:

    >>> names = Names(frozenset(("sin", "lambda")))
    >>> [names.fresh(label) for label in ("x", "x", "params['a b']", "sin", "lambda", "ﬁ", "")]
    ['x', 'x_1', 'params_a_b', 'sin_1', 'lambda_1', 'fi', 't']
"""

import unicodedata

LONGEST_NAME = 60                        # characters; file systems have limits, and so have eyes


def identifier(label: str) -> str:
    """What of a label can stand in an identifier, as Python reads it: in the form NFKC."""
    letters = unicodedata.normalize("NFKC", label)
    words = "".join(c if f"_{c}".isidentifier() else " " for c in letters).split()
    name = "_".join(words).strip("_")[:LONGEST_NAME] or "t"
    return unicodedata.normalize("NFKC", name if name.isidentifier() else f"v_{name}")


class Names:
    """The names of a module; those that are `reserved` are given to nobody."""

    def __init__(self, reserved: frozenset[str] = frozenset()):
        self.taken = set(reserved)
        self._counts: dict[str, int] = {}

    def fresh(self, label: str) -> str:
        """An identifier that is not taken yet."""
        wanted = identifier(label)
        name, k = wanted, self._counts.get(wanted, 1)
        while name in self.taken:
            name, k = f"{wanted}_{k}", k + 1
        self._counts[wanted] = k                 # from one again, a long program would take forever
        self.taken.add(name)
        return name
