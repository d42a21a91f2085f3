"""What notebooks show: tapes, reports, compiled functions and results as HTML, for `_repr_html_`.

Each piece stands by itself: it has its style with it, and takes the colours of the page around.

    >>> from typing import NamedTuple
    >>> class Result(NamedTuple):
    ...     distance: float
    ...     path: list
    ...     _repr_html_ = fields_html
    >>> "<td>distance</td><td>97.5</td>" in Result(97.5, [0.0, 1.0])._repr_html_()
    True
"""

import html
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .show import RecordedTape, brief

SHOWN_ROWS = 60                           # of a table; of more, the first and the last are shown
PLAYED_NODES = 3000                        # of a tape that is shown with its player
CELL_STYLE = "padding:2px 10px;text-align:left;white-space:pre;vertical-align:top"
HEAD_STYLE = f"{CELL_STYLE};font-weight:600;border-bottom:1px solid #8886"
CODE_STYLE = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12.5px;line-height:1.45"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Rows of text as a table; of many, those in the middle are left out, and it says how many."""
    shown = list(rows)
    if len(rows) > SHOWN_ROWS:
        first = 2 * SHOWN_ROWS // 3
        shown = [*rows[:first], [f"... {len(rows) - SHOWN_ROWS} more"], *rows[first - SHOWN_ROWS:]]
    titles = "".join(f'<th scope="col" style="{HEAD_STYLE}">{html.escape(x)}</th>' for x in head)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(x)}</td>' for x in row)}</tr>" for row in shown)
    title = f'<caption style="{CELL_STYLE}">{html.escape(caption)}</caption>' * bool(caption)
    style = f"<style>.tinydp td{{{CELL_STYLE};background:none}}</style>"
    return (f'{style}<div class="tinydp" style="overflow-x:auto">'
            f'<table style="border-collapse:collapse;{CODE_STYLE}">'
            f'{title}<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>')


def folded(title: str, content: str, is_open: bool = False) -> str:
    """Content that opens at a click."""
    return f"<details{' open' * is_open}><summary>{html.escape(title)}</summary>{content}</details>"


def python_html(text: str) -> str:
    """A piece of Python."""
    return f'<pre style="{CODE_STYLE};overflow-x:auto;margin:4px 0">{html.escape(text.rstrip())}</pre>'


# ---------------------------------------------------------------------------- what is shown

def tape_html(self: RecordedTape) -> str:
    """The table of a tape, and the player if it is not too long."""
    rows = [(row.name, row.op, ", ".join(row.operands), brief(row.value), brief(row.adjoint),
             f"{os.path.basename(row.place.file)}:{row.place.line}: {row.place.text}" if row.place else "")
            for row in self.rows]
    shown = table(("node", "op", "of", "value", "adjoint", "at"), rows)
    is_short = sum(1 for _ in self.nodes()) <= PLAYED_NODES
    return shown + folded("play it, step by step", _player(self)) if is_short else shown


def _player(tape: RecordedTape) -> str:
    from .player import page  # noqa: PLC0415  (a page takes longer to make than a table)

    return (f'<iframe srcdoc="{html.escape(page(tape))}" sandbox="allow-scripts" loading="lazy" '
            'title="the tape, step by step" style="width:100%;height:900px;border:1px solid #8886"></iframe>')


def report_html(self: Any) -> str:
    """A check's report: its verdict in words, and every derivative that was compared."""
    color = {"right": "#2e7d32", "wrong": "#c62828"}.get(self.verdict, "#b26a00")
    first, *rest = str(self).splitlines()
    rows = [(check.where, check.verdict, f"{check.rule:.10g}", f"{check.value:.10g}", f"{check.error:.1g}")
            for check in self.checks]
    checks = table(("derivative", "verdict", "the gradient says", "measured", "+-"), rows)
    parts = [f"<b>{html.escape(first)}</b>"]
    parts += [python_html("\n".join(rest))] * bool(rest)
    parts += [folded("all that was compared", checks)] * bool(rows)
    return f'<div style="border-left:4px solid {color};padding:2px 10px">{"".join(parts)}</div>'


def compiled_html(self: Any) -> str:
    """The programs that a compiled function has become so far. Nothing is compiled for this."""
    programs = [(active, program) for (_, active), variants in self.made.programs.items()
                for program in variants]
    title = f"<code>{html.escape(repr(self))}</code>"
    if not programs:
        return f"{title}: not called yet; what it becomes depends on the arguments."
    shown = [folded("the program" if active is None else f"with its gradient by {_listed(len(active))}",
                    python_html(program.source), is_open=k == 0)
             for k, (active, program) in enumerate(programs)]
    return title + "".join(shown)


def _listed(n: int) -> str:
    return f"{n} number{'s' * (n != 1)} or array{'s' * (n != 1)} in the arguments"


def fields_html(self: Any) -> str:
    """A named tuple of results: its fields, and of an array the shape and the range."""
    return table(("field", "value"), list(_rows(self)), type(self).__name__)


def _rows(x: Any, path: str = "") -> Iterable[tuple[str, str]]:
    for name, value in zip(x._fields, x, strict=True):
        if hasattr(value, "_fields"):
            yield from _rows(value, f"{path}{name}.")
        else:
            yield path + name, _value(value)


def _value(x: Any) -> str:
    if not isinstance(x, np.ndarray):
        return f"{x:.6g}" if isinstance(x, float) else f"{x!r:.100}"
    if x.dtype.kind not in "fiu" or x.size <= 3:
        return np.array2string(x, precision=6, threshold=10)
    return f"{x.shape} from {np.min(x):.6g} to {np.max(x):.6g}, mean {np.mean(x):.6g}"
