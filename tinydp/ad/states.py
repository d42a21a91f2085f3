"""What is static in a carry and changes: the states of a machine, such as enums and texts.

A loop in Python may carry anything. Of what is no number, a compiled program has to know each value that it
can take: they are found by running the step from each, and numbered. In the loop the number is carried, and
each step begins by asking which it is. So all that the user's program does with the state works, as
`mode is Mode.OFF`, `mode.name` or `POWERS[mode]`.

    >>> known = States({"mode": "off", "t": 20.0})
    >>> known.number({"mode": "on", "t": 21.0}), known.number({"mode": "off", "t": 22.0})
    (1, 0)
    >>> known.put({"mode": "off", "t": 23.0}, 1)
    {'mode': 'on', 't': 23.0}
"""

from typing import Any, NamedTuple

from . import tree
from .errors import LoopError

MOST_STATES = 16                         # states of one carry, in a program that is compiled


class State(NamedTuple):
    """A static part, as a leaf."""

    value: Any


tree.KINDS[State] = None


def as_leaves(x: Any) -> Any:
    """The same tree, in which what is static is a leaf."""
    kind = tree.KINDS[type(x)]
    if kind is None:
        return x
    return State(x) if kind is tree.STATIC else kind.rebuild(x, [as_leaves(y) for y in kind.children(x)])


def as_parts(x: Any) -> Any:
    """The same tree, in which the leaves for what is static are that again."""
    return tree.map(lambda leaf: leaf.value if type(leaf) is State else leaf, x)


def of(carry: Any) -> tuple:
    """All that is static in a carry, part by part."""
    return tuple([leaf.value for _, leaf in tree.leaves(as_leaves(carry)) if type(leaf) is State])


class States:
    """The states that a carry is known to take, the one that it begins with first."""

    def __init__(self, carry: Any):
        self.found = [of(carry)]

    def __len__(self) -> int:
        return len(self.found)

    def number(self, carry: Any) -> int:
        """Which state this carry is in, which may be a new one."""
        state = of(carry)
        for k, known in enumerate(self.found):
            if all(map(tree.same, state, known)):
                return k
        if len(self.found) == MOST_STATES:
            shown = ", ".join([f"{part!r:.40}" for part in state])
            raise LoopError(
                f"what is no number in the carry takes more than {MOST_STATES} values, "
                f"the last of them {shown}.",
                "a number that changes is to be carried as a number, and not in a text or a new function.")
        self.found.append(state)
        return len(self.found) - 1

    def put(self, carry: Any, k: int) -> Any:
        """This carry in the k-th state."""
        parts = iter(self.found[k])
        return as_parts(tree.map(lambda leaf: State(next(parts)) if type(leaf) is State else leaf,
                                 as_leaves(carry)))
