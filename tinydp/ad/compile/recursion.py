"""A function that calls itself, while it is traced: each call is written down anew, and no `scan` fits.

Now and then the calls that are under way are looked at. Where some function of the user's is there `DEEP`
times or more in half of the looks, it is what makes the program long.

    >>> def halved(x, k):
    ...     calls.look()
    ...     return halved(x / 2.0, k - 1) if k else x
    >>> def root():
    ...     return halved(1024.0, 10)
    >>> calls = Calls(root.__code__, every=1)
    >>> root()
    1.0
    >>> calls.recursive().co_name
    'halved'
"""

import sys
from collections import Counter
from types import CodeType

from .paths import is_engine

EVERY, DEEP = 256, 3                             # operations from one look to the next; calls of one function
ADVICE = """\
keep what is still to be done in an array, and do the last of it in each round of a loop (docs/compile.md, \
"A function that calls itself"):
    def step(state):
        todo, n, total = state
        assert n < len(todo)
        {names} = todo[n - 1]
        ...  # what {name} does until it calls itself: is it done, its result, or the arguments of two calls
        return dp.cond(done, lambda: (todo, n - 1, total + result), lambda: (
            dp.set_at(dp.set_at(todo, n - 1, np.stack(first)), n, np.stack(second)), n + 1, total))
    todo = dp.set_at(np.zeros((64, {count})), 0, np.stack(start))
    total = dp.while_loop(lambda state: state[1] > 0, step, (todo, 1, 0.0))[2]"""


class Calls:
    """The calls under way, between the function `root`, which calls the user's, and whoever looks."""

    def __init__(self, root: CodeType, every: int = EVERY):
        self.root, self.every = root, every
        self.asked = self.looks = 0
        self.found: Counter[CodeType] = Counter()

    def look(self) -> None:
        """Look at them, if it is time."""
        self.asked += 1
        if self.asked % self.every:
            return
        self.looks += 1
        frame, codes = sys._getframe(1), Counter[CodeType]()
        while frame is not None and frame.f_code is not self.root:
            codes[frame.f_code] += 1
            frame = frame.f_back                 # type: ignore[assignment]
        self.found.update({code: 1 for code, n in codes.items()
                           if n >= DEEP and not is_engine(code.co_filename)})

    def recursive(self) -> CodeType | None:
        """The function that calls itself all the time, if there is one."""
        code, n = next(iter(self.found.most_common(1)), (None, 0))
        return code if 2 * n > self.looks else None


def advice_for_recursion(code: CodeType) -> str:
    """What to write instead of a function that calls itself."""
    names = code.co_varnames[: code.co_argcount]
    return ADVICE.format(name=code.co_name, names=", ".join(names) or "...", count=len(names))
