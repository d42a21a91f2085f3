"""The user's source in a page: the lines that the program passed, and those around them."""

import itertools
import linecache
from types import CodeType

from ..errors import Spot


class SourceLines:
    """The lines that the program passed, and those around them."""

    def __init__(self) -> None:
        self.files: dict[str, set[int]] = {}
        self.places: dict[tuple, int] = {}       # (file, line, span), each once
        self.seen: set[CodeType] = set()

    def place(self, spot: Spot) -> int:
        """The index of the place of this spot in `places`."""
        file = spot.code.co_filename
        lines = self.files.setdefault(file, set())
        lines.update(range(spot.line - 2, spot.line + 3))
        span = _span(spot)
        if span:
            lines.update(range(span[0], span[2] + 1))
        if spot.code not in self.seen:
            self.seen.add(spot.code)
            first = spot.code.co_firstlineno
            last = max(line or first for *_, line in spot.code.co_lines())
            short = spot.code.co_name != "<module>" and last - first < 60
            lines.update(range(first, last + 1) if short else (first,))
        key = (list(self.files).index(file), spot.line, span)
        return self.places.setdefault(key, len(self.places))

    def excerpts(self) -> list[dict]:
        """For each file its name and those lines, [number, text], with None where some are left out."""
        return [{"name": name, "lines": _excerpt(file, sorted(numbers))}
                for name, (file, numbers) in zip(_short(list(self.files)), self.files.items(), strict=True)]


def _excerpt(file: str, numbers: list[int]) -> list:
    text = linecache.getlines(file)
    lines: list = []
    for number in numbers:
        if not 1 <= number <= len(text) or (not lines and not text[number - 1].strip()):
            continue
        last = lines[-1][0] if lines else number - 1
        if number - last > 3:
            lines.append(None)
            last = number - 1
        lines += [[k, text[k - 1].rstrip()[:500]] for k in range(last + 1, number + 1)]
    while lines and not lines[-1][1]:
        lines.pop()
    return lines


def _span(spot: Spot) -> tuple[int, int, int, int] | None:
    """The expression being evaluated: first line and column, last line and column.

    Columns count from 0, in the units of JavaScript's strings, UTF-16.
    """
    first, last, start, stop = next(itertools.islice(spot.code.co_positions(), spot.instruction // 2, None))
    if first is None or last is None or start is None or stop is None:
        return None
    file = spot.code.co_filename

    def column(line: int, byte: int) -> int:
        before = linecache.getline(file, line).encode()[:byte].decode(errors="replace")
        return len(before.encode("utf-16-le", "surrogatepass")) // 2

    return first, column(first, start), last, column(last, stop)


def _short(files: list[str]) -> list[str]:
    """Names for the files: no more of each path than tells them apart."""
    parts = [file.replace("\\", "/").split("/") for file in files]
    names = []
    for own in parts:
        n = 1
        while n < len(own) and sum(other[-n:] == own[-n:] for other in parts) > 1:
            n += 1
        names.append("/".join(own[-n:]))
    return names
