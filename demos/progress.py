"""Signs of life: a bar in a terminal, a line now and then in a pipe, and how long it takes in both.

What is left is told as soon as it can be known. A line that is too wide for its terminal loses its bar first,
then the time that is left, then the number of interest at its end; nothing is cut in the middle.

    >>> with Bar(total=3, unit="throws", desc="throwing", file=sys.stdout) as bar:
    ...     for _ in range(3):
    ...         bar.update()
    throwing     0% 0/3 throws [00:00]
    throwing   100% 3/3 throws [00:00]
"""

import shutil
import sys
import threading
import time
from typing import Any, ClassVar

from tqdm import tqdm

COUNTED = "{desc:<10} {percentage:3.0f}%{bar} {n:,.0f}/{total:,.0f} {unit} [{elapsed}{left}{postfix}]"
UNCOUNTED = "{desc:<10} [{elapsed}{postfix}]"
WIDE, NARROW = " |{bar:20}|", " |{bar:8}|"
TICK = 1.0                       # seconds, after which a terminal shows that it still works
PIPE = 2.5                       # seconds between two lines in a pipe, and more ...
RARER = 20                       # ... when this share of the time so far is longer
KNOWN, SHARE = 2.0, 0.02         # seconds, and the share done, from which on the rest can be estimated


class Bar(tqdm):
    """A phase of the work; without a `total`, one whose steps are not counted.

    One that begins while another runs takes its line: the other is shown again when it is over.
    """

    running: ClassVar[list["Bar"]] = []

    def __init__(self, **options: Any) -> None:
        stream = options.get("file") or sys.stderr
        self.terminal = bool(getattr(stream, "isatty", bool)())
        self.over, self.told = threading.Event(), time.monotonic()
        options = {"miniters": 1, "mininterval": 0.1 if self.terminal else PIPE, "position": 0,
                   "nrows": 2} | options
        if Bar.running and not options.get("disable"):
            Bar.running[-1].hide()
        super().__init__(**options)
        if not self.disable:
            Bar.running.append(self)
            threading.Thread(target=self.tick, daemon=True).start()

    def tick(self) -> None:
        """Until it is over: show that time goes on, even if nothing is finished."""
        while not self.over.wait(TICK):
            if self.in_front:
                self.refresh()

    @property
    def in_front(self) -> bool:
        """Whether no other bar has its line."""
        return bool(Bar.running) and Bar.running[-1] is self     # tqdm calls all of one place equal

    def hide(self) -> None:
        """Leave the line to another bar."""
        if self.terminal:
            self.clear()

    @property
    def left(self) -> str:
        """The time that is left, if it can be known."""
        spent, done = self.format_dict["elapsed"], self.n - self.initial
        if (not self.total or self.n >= self.total or spent < KNOWN
                or done < SHARE * (self.total - self.initial)):
            return ""
        return f"<{self.format_interval(spent * max(0, self.total - self.n) / done)}"

    def __str__(self) -> str:
        """The widest form that has room."""
        room = max(20, shutil.get_terminal_size().columns - 1) if self.terminal else sys.maxsize
        known = self.format_dict | {"ncols": None}
        form = COUNTED if self.total else UNCOUNTED
        bars = (WIDE, NARROW, "", "", "") if self.terminal else ("",)
        line = ""
        for k, bar in enumerate(bars):
            now = known | {"left": self.left if k < 3 else "", "postfix": known["postfix"] if k < 4 else "",
                           "bar_format": form.replace("{bar}", bar)}
            line = self.format_meter(**now)
            if len(line) <= room:
                break
        return line

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """In a pipe, a line, unless there was one a moment ago."""
        if self.terminal:
            return bool(super().display(msg, pos))
        now = time.monotonic()
        new = all(bar is not self for bar in Bar.running)
        if new or self.over.is_set() or now - self.told >= max(PIPE, self.format_dict["elapsed"] / RARER):
            print(self, file=self.fp, flush=True)
            self.told = now
        return True

    def close(self) -> None:
        """The last line stays."""
        if self.disable:
            return
        self.over.set()
        Bar.running[:] = [bar for bar in Bar.running if bar is not self]
        if self.terminal:
            super().close()
        else:
            self.display()
            self.disable = True
            self._decr_instances(self)
