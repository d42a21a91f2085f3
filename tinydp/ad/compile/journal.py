"""What the compiler says while it works: a line a step with `TINYDP_LOG=1`, and "compiling" if it takes long.

    >>> import sys
    >>> journal = Journal("f", sys.stdout, all_of_it=True)
    >>> with journal.step("trace") as note:
    ...     note("12 operations")
    tinydp: f: trace, 12 operations, 0.000 s
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

PATIENCE, TICK = 1.0, 1.0                # seconds, after which people wonder, and between two signs of life
AGAIN = "\r\x1b[K"                       # to a terminal: what comes next takes the place of this line


class Journal:
    """The steps of compiling one function."""

    def __init__(self, name: str, stream: Any = None, all_of_it: bool | None = None):
        self.name, self.stream = name, stream or sys.stderr
        wanted = os.environ.get("TINYDP_LOG", "0") not in ("", "0")
        self.all_of_it = wanted if all_of_it is None else all_of_it

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[Callable[[str], None]]:
        """A context in which a step is done; it yields the function that notes a size."""
        start, notes = time.perf_counter(), [f"{self.name}: {what}"]
        yield notes.append
        if self.all_of_it:
            self.say(f"{', '.join(notes)}, {time.perf_counter() - start:.3f} s")

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        """A context that says "compiling" if it takes long, and how long by now."""
        if not self.stream.isatty():                     # nobody waits
            yield
            return
        over = threading.Event()
        teller = threading.Thread(target=self.tell, args=(over,), daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()

    def tell(self, over: threading.Event) -> None:
        """One line in a terminal, whose seconds count until it is over."""
        start, told = time.perf_counter(), False
        while not over.wait(TICK if told else PATIENCE):
            self.stream.write(f"{AGAIN}tinydp: compiling {self.name} ... {time.perf_counter() - start:.0f} s")
            self.stream.flush()
            told = True
        if told:
            self.stream.write("\n")
            self.stream.flush()

    def say(self, text: str) -> None:
        print(f"tinydp: {text}", file=self.stream, flush=True)
