"""Where the nodes of a graph are drawn, and along which paths its edges run.

    >>> places, edges = layout([[], [0, 0]], inputs=1, width=100)        # y = x * x
    >>> places
    [(50, 27), (50, 117)]
    >>> [(edge["from"], edge["to"], edge["k"]) for edge in edges]
    [(0, 1, 0), (0, 1, 1)]
"""

import itertools

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
