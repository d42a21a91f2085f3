"""A recorded tape as one HTML page that plays the forward pass and the sweep, node by node.

`RecordedTape.to_html` calls `write_page`. The page is `page.html`, in this folder, with the tape
filled in as JSON: all that is shown is computed here, as text; the page decides what to show
when. It loads nothing from anywhere, so it can be kept, mailed and opened without a network.

    >>> from tinydp import record
    >>> data = described(record(lambda x: x * x + x, 3.0))
    >>> [row["op"] for row in data["rows"]]
    ['input', 'multiply', 'add']
    >>> data["rows"][1]["shares"]                # operand, amount, its adjoint before and after
    [[0, '3', '1', '4'], [1, '3', '4', '7']]
"""

import itertools
import json
import linecache
import os
import secrets
from importlib import resources
from types import CodeType
from typing import Any

import numpy as np

from .errors import Spot
from .show import RecordedTape, brief
from .values import plain, shape


def write_page(tape: RecordedTape, path: str | os.PathLike) -> None:
    """Write the page. A file that is there is replaced in one step, or left as it was."""
    before, after = resources.files(__package__).joinpath("page.html").read_text("utf-8").split("{{data}}")
    title = f"A tape of {len(tape)} operation{'s' * (len(tape) != 1)}"
    data = json.dumps(described(tape), separators=(",", ":"), allow_nan=False)
    page = before.replace("{{title}}", title) + data.replace("<", "\\u003c") + after     # no </script> in it
    target = os.path.realpath(os.fsdecode(path))
    part = f"{target}.{secrets.token_hex(4)}.part"
    try:
        with open(part, "x", encoding="utf-8", newline="\n") as file:
            file.write(page)
        os.replace(part, target)
    except OSError as error:
        if error.filename == part:
            error.filename = os.fspath(path)
        raise
    finally:
        if os.path.exists(part):
            os.remove(part)


def described(tape: RecordedTape) -> dict[str, Any]:
    """All that the page shows, ready for JSON: numbers that are shown are text already.

    A node is named by its index in `rows`: the inputs, then the nodes of the tape.
    """
    table = tape.rows
    nodes = [*(x for _, x in tape.inputs), *tape]
    index = {id(node): i for i, node in enumerate(nodes)}
    totals = _Totals(len(nodes))
    seeds = [[index[id(y)], *totals.add(index[id(y)], np.ones(shape(y)) if shape(y) else 1.0)]
             for y in tape.results]
    shares = _shares(tape, index, totals)
    traced = [[k for k, x in enumerate(node.args) if node.op and id(x) in index] for node in nodes]
    parents = [[index[id(node.args[k])] for k in ks] for node, ks in zip(nodes, traced, strict=True)]
    names = [row.name if row.op == "input" else f"{row.op} {row.name}" for row in table]
    width = min(170, max(104, 18 + round(7.3 * max(map(len, names), default=0))))
    boxes, edges = layout(parents, len(tape.inputs), width)
    sources = _Sources()
    ops: dict[Any, int] = {}
    rows = []
    for i, (row, node) in enumerate(zip(table, nodes, strict=True)):
        n_args = len(node.args) if node.op else 0
        spot = tape.spots[i - len(tape.inputs)] if node.op else None
        rows.append({
            "name": row.name,
            "op": row.op,
            "rules": None if node.op is None else ops.setdefault((node.op, n_args), len(ops)),
            "of": [index.get(id(x), text) for x, text in zip(node.args, row.operands, strict=False)]
                  if node.op else [],
            "options": row.operands[n_args:],
            "value": brief(row.value),
            "adjoint": brief(row.adjoint),
            "reached": id(node) in tape.adjoints,
            "at": sources.place(spot) if spot else None,
            "text": row.place.text if row.place else "",
            "shares": shares[i],
            "stretched": _stretched(node, index),
            "box": boxes[i],
        })
    return {
        "inputs": len(tape.inputs),
        "results": sorted({index[id(y)] for y in tape.results}),
        "seeds": seeds,
        "rows": rows,
        "size": [width, ROW_HEIGHT],
        "edges": [{**edge, "k": traced[edge["to"]][edge["k"]]} for edge in edges],
        "rules": [_rules(op, n) for op, n in ops],
        "places": list(sources.places),
        "files": sources.excerpts(),
    }


# ---------------------------------------------------------------------------- running adjoints

class _Totals:
    """The adjoint gathered so far in each of `n` nodes; None is nothing yet."""

    def __init__(self, n: int):
        self.totals: list = [None] * n

    def add(self, i: int, amount: Any) -> list[str]:
        """Add to that of node `i`: the amount, the total before and after, as text."""
        before = self.totals[i]
        self.totals[i] = amount if before is None else _plus(before, amount)
        return [brief(amount), "0" if before is None else brief(before), brief(self.totals[i])]


def _plus(a: Any, b: Any) -> Any:
    return tuple(map(_plus, a, b)) if isinstance(a, tuple) else a + b


def _shares(tape: RecordedTape, index: dict[int, int], totals: _Totals) -> list[list]:
    """For each node what its rule adds, in the order of the sweep: from the last node to the first.

    Each share is [which operand, amount, adjoint of that operand before, and after].
    """
    found: list[list] = [[] for _ in index]
    for node in reversed(tape):
        traced = (k for k, x in enumerate(node.args) if id(x) in index)
        for x, c in tape.shares.get(id(node), ()):
            k = next(k for k in traced if node.args[k] is x)
            found[index[id(node)]].append([k, *totals.add(index[id(x)], plain(c))])
    return found


def _stretched(node: Any, index: dict[int, int]) -> list[int]:
    """The operands that broadcasting stretched: the registry sums their shares to their shape."""
    fn = getattr(node.op, "fn", None)
    by_element = fn in (np.where, np.clip) or (isinstance(fn, np.ufunc) and fn.signature is None)
    return [k for k, x in enumerate(node.args)
            if by_element and id(x) in index and shape(x) != shape(node.value)]


# ---------------------------------------------------------------------------- the rules, as written

def _rules(op: Any, n_args: int) -> dict[str, Any]:
    """What the rules of an operation call its operands, and what they say, as far as can be found."""
    rules = list(getattr(op, "rules", ()))
    if len(rules) == n_args:
        read = [_formula(rule) if rule else None for rule in rules]
        names: list[str] = next((names for _, names in filter(None, read)), [])
        return {"symbols": names[:n_args], "formulas": [found and found[0] for found in read]}
    for_all = getattr(op, "each", None) or getattr(op, "vjp", None)
    found = _formula(for_all) if callable(for_all) else None
    return {"symbols": [], "formulas": [found and found[0]] * n_args}


def _formula(rule: Any) -> tuple[str, list[str]] | None:
    """The body of a lambda (or the call of a function), and the names after `g, y`."""
    code = getattr(rule, "__code__", None)
    if code is None:
        return None
    if rule.__qualname__ == "steep.<locals>.rule":               # defpartials: the rule is g * partial
        found = _formula(dict(zip(code.co_freevars, rule.__closure__, strict=True))["partial"].cell_contents)
        return found and (f"g * ({found[0]})", found[1])
    names = list(code.co_varnames[:code.co_argcount])
    after = [name for name in names if name not in ("g", "y")]
    if "<lambda>" not in code.co_name:
        return f"{code.co_name}({', '.join(names)})", after
    ends = [((a, c), (b, d)) for a, b, c, d in code.co_positions()
            if a is not None and b is not None and c is not None and d is not None and (a, c) != (b, d)]
    if not ends:
        return None
    (first, start), (last, stop) = min(start for start, _ in ends), max(stop for _, stop in ends)
    lines = [line.encode() for line in linecache.getlines(code.co_filename)[first - 1:last]]
    if not lines:
        return None
    lines[-1] = lines[-1][:stop]
    lines[0] = lines[0][start:]
    text = " ".join(b" ".join(lines).decode(errors="replace").split())
    return ("g there, 0 elsewhere" if text.startswith("Parts(") else text), after


# ---------------------------------------------------------------------------- the user's source

class _Sources:
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


# ---------------------------------------------------------------------------- the graph's layout

ROW_HEIGHT = 54                          # of a node, in pixels
GAP = 26                                 # between two nodes of a layer
PITCH = 90                               # from a layer to the next
FAR = 10                                 # an edge over more layers than this is a tag at its end
MANY_NODES = 60                          # ... in a graph of more nodes than this


def layout(parents: list[list[int]], inputs: int, width: int) -> tuple[list[tuple[int, int]], list[dict]]:
    """Where to draw a graph: the centre of each node, and the path of each edge, in pixels.

    Layered: a node is below all its parents, an input right above the first node that uses it.
    An edge that passes a layer goes through a point in it. Within a layer the order is by
    barycentre, and the places then minimise the squared distances to the neighbours. The
    first `inputs` nodes are inputs; all are `width` wide. An edge says which of the parents of
    its child it comes from, `k`, and whether it is only a `tag` at the child, with a name on.
    Source: Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
    structures", 1981.
    """
    depth = _depths(parents)
    far = FAR if len(parents) > MANY_NODES else len(parents)
    layer, above = list(depth), [list(ps) for ps in parents]     # of the nodes, then of the points
    points: dict[tuple[int, int], int] = {}      # the edges that leave a node share their points
    for child, ps in enumerate(parents):
        for k, p in enumerate(ps):
            if depth[child] - depth[p] > far:
                continue
            for d in range(depth[p] + 1, depth[child]):
                if (p, d) not in points:
                    points[p, d] = len(layer)
                    layer.append(d)
                    above.append([above[child][k]])
                above[child][k] = points[p, d]
    near = [[p for p in ps if layer[i] - layer[p] == 1] for i, ps in enumerate(above)]
    passing = len(layer) - len(parents)
    kinds = "i" * inputs + "n" * (len(parents) - inputs) + "p" * passing
    x = _across(near, layer, [width + GAP] * len(parents) + [GAP] * passing, kinds)
    left = min(x, default=0) - width / 2
    centres = [(round(x[i] - left), layer[i] * PITCH + ROW_HEIGHT // 2) for i in range(len(layer))]
    edges = []
    for child, ps in enumerate(parents):
        for k, entry in _entries(centres, above[child], centres[child][0], width):
            tag = depth[child] - depth[ps[k]] > far
            trail = [] if tag else [above[child][k]]
            while trail and trail[-1] >= len(parents):           # up to the parent
                trail.append(above[trail[-1]][0])
            way = [*(centres[i] for i in reversed(trail)), (entry, centres[child][1])]
            edges.append({"from": ps[k], "to": child, "k": k, "tag": tag,
                          "path": _path(way), "label": _label(way)})
    return centres[:len(parents)], edges


def _depths(parents: list[list[int]]) -> list[int]:
    """The layer of each node: the longest path to it, or further down where that shortens edges."""
    depth = [0] * len(parents)
    children: list[set[int]] = [set() for _ in parents]
    for i, ps in enumerate(parents):
        depth[i] = 1 + max((depth[p] for p in ps), default=-1)
        for p in ps:
            children[p].add(i)
    most = 8 if len(parents) > MANY_NODES else len(parents)      # what more nodes use becomes tags anyway
    for i in reversed(range(len(parents))):
        stretched = sum(1 < len(children[p]) <= most for p in set(parents[i]))   # the others come along
        if stretched < len(children[i]):
            depth[i] = min(depth[child] for child in children[i]) - 1
    return depth


STRAIGHT = {"ii": 0.1, "in": 0.1, "ip": 0.1, "nn": 4.0, "np": 1.0, "pp": 8.0}    # how much an edge wants it


def _across(above: list[list[int]], layer: list[int], widths: list[int], kinds: str) -> list[float]:
    """The horizontal place of each input, node and passing point, for these links to the layer above."""
    near: list[list[tuple[int, float]]] = [[] for _ in above]
    below: list[list[tuple[int, float]]] = [[] for _ in above]
    for i, ps in enumerate(above):
        for p in ps:
            weight = STRAIGHT["".join(sorted(kinds[i] + kinds[p]))]
            near[i].append((p, weight))
            below[p].append((i, weight))
    layers: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    x = [0.0] * len(above)
    for i, d in enumerate(layer):
        x[i] = float(len(layers[d]) * widths[i])
        layers[d].append(i)
    for turn in range(40 if len(x) > 400 else 100):
        downwards = turn % 2 == 0
        for row in layers if downwards else reversed(layers):
            wishes = {}
            for i in row:
                links = near[i] + below[i] if turn >= 10 else near[i] if downwards else below[i]
                total = sum(weight for _, weight in links)
                wishes[i] = (sum(x[j] * w for j, w in links) / total, total) if links else (x[i], 0.1)
            if turn < 12:                        # the order settles first
                row.sort(key=lambda i: wishes[i][0])
            spread = _spread([wishes[i] for i in row], [widths[i] for i in row])
            for i, place in zip(row, spread, strict=True):
                x[i] = place
    return x


def _spread(wishes: list[tuple[float, float]], widths: list[int]) -> list[float]:
    """Places in this order and at least (w1 + w2) / 2 apart, as near to (wish, weight) as can be.

    Least squares with an order is isotonic regression: neighbours that conflict are pooled.
    """
    offsets = [0.0, *itertools.accumulate((a + b) / 2 for a, b in itertools.pairwise(widths))]
    pools: list[tuple[float, float, int]] = []   # mean wish less offset, weight, how many
    for (wish, weight), offset in zip(wishes, offsets, strict=False):
        mean, total, count = wish - offset, weight, 1
        while pools and pools[-1][0] >= mean:
            other, its_total, its_count = pools.pop()
            mean = (mean * total + other * its_total) / (total + its_total)
            total, count = total + its_total, count + its_count
        pools.append((mean, total, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]


def _entries(centres: list, points: list[int], x: int, width: int) -> list[tuple[int, float]]:
    """Where each operand's edge enters a node, from left to right as they come in."""
    order = sorted(range(len(points)), key=lambda k: (centres[points[k]][0], k))
    step = min(width * 0.3, (width - 20) / max(len(points), 1))
    return [(k, round(x + (place - (len(order) - 1) / 2) * step, 1)) for place, k in enumerate(order)]


def _path(way: list[tuple[float, int]]) -> str:
    """An SVG path from the foot of the first point, down through the others, to the top of the last.

    Written as pairs of coordinates only, so that its bounds are easily read. Of one point: a tag.
    """
    half = ROW_HEIGHT // 2
    x0, y0 = way[0]
    if len(way) == 1:
        return f"M{x0:g} {y0 - half - 14}L{x0:g} {y0 - half}"
    path = f"M{x0:g} {y0 + half}"
    for x, y in way[1:]:
        middle = (y0 + y) / 2
        path += f"C{x0:g} {middle:g} {x:g} {middle:g} {x:g} {y - half}"
        if (x, y) != way[-1]:
            path += f"L{x:g} {y + half}"
        x0, y0 = x, y
    return path


def _label(way: list[tuple[float, int]]) -> tuple[int, int]:
    """Where to write the share on an edge: amid its last stretch."""
    x, y = way[-1]
    return round((way[-2:][0][0] + x) / 2), y - PITCH // 2
