"""What a loop carries: a variable for each number, a buffer for each array.

It is written once a step, after all of it; or in place, where each element is read for the last time.

    >>> import numpy as np
    >>> import tinydp as dp
    >>> from .lower import lowered
    >>> from .numba import text_of
    >>> from .trace import traced
    >>> def f(x):
    ...     return dp.scan(lambda x, _: (2.0 * x, None), x, length=5)[0]
    >>> text = text_of(lowered(traced(f, np.ones(3)), "f").functions)
    >>> print(*[line for line in text.splitlines() if "#" not in line], sep="\\n")
    def f(x):
        carry = np.empty((3,))
        for i in range(3):
            carry[i] = x[i]
        for step in range(5):
            for i in range(3):
                t = 2.0 * carry[i]
                carry[i] = t
        return carry
"""

from typing import Any

from .emitter import Emitter, of_kind
from .expressions import Local
from .parts import Carry
from .program import Program, Value
from .statements import Let
from .views import View, broadcast, reads_of


class Carried:
    """What a loop carries: `values` has a variable for each number, a view for each array.

    (Many numbers in one array instead took three times as long to compile, and to run.)
    """

    def __init__(self, to: Emitter, carries: list[Carry]):
        self.to, self.carries, self.values = to, carries, list[Any]()
        for inner, init in [(c.input, to.get(c.init)) for c in carries]:
            if inner.shape:
                value: Any = to.allocate(to.local(inner, "carry"), inner.shape, inner.kind)
                to.copy(init, value)
            else:
                value = to.let(to.local(inner, "carry"), of_kind(init, inner.kind))
            to.bind(inner, value)
            self.values.append(value)

    def renewed(self, body: Program) -> dict[Value, tuple[Value, View]]:
        """The arrays that a step may write over what they take the place of: which carry, and where it is."""
        handed_on = [x for x in body.outputs if type(x) is Value]
        return {c.output: (c.input, value) for c, value in zip(self.carries, self.values, strict=True)
                if c.input.shape and type(c.output) is Value and c.output.kind == c.input.kind
                and handed_on.count(c.output) == 1 and c.input not in handed_on}

    def step(self) -> None:
        """Set all to the next values, as if at once."""
        to, arrays, numbers = self.to, [], []
        for old, new in zip(self.values, [to.get(c.output) for c in self.carries], strict=True):
            if isinstance(old, View) and new is not old:
                arrays.append((old, new))
            elif new is not old:
                numbers.append((old, of_kind(new, old.kind)))
        set_before = {old for old, _ in numbers}
        arrays = [(old, self.aside(old, new) if _reads(new) & (set_before | _reads(old)) else new)
                  for old, new in arrays]
        if numbers:
            to.emit(Let([old for old, _ in numbers], [new for _, new in numbers]))
        while arrays:                            # first what no other becomes; in a circle, one is put aside
            for k, (old, _) in enumerate(arrays):
                if not any(_reads(old) & _reads(other) for _, other in arrays[:k] + arrays[k + 1:]):
                    break
            else:
                old, new = arrays[0]
                arrays[0] = old, self.aside(old, new)
                continue
            old, new = arrays.pop(k)
            to.copy(new, old)

    def aside(self, old: View, new: Any) -> View:
        """A copy of what an array becomes, since that is changed before."""
        return self.to.copied(Local("copy", new.kind), broadcast(new, old.shape))


def _reads(x: Any) -> set:
    return x.reads if isinstance(x, View) else reads_of(x)
