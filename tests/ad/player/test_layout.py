"""Where the graph is drawn."""

import itertools
import random
import re

import pytest

from tinydp.ad.player.description import described
from tinydp.ad.player.layout import ROW_HEIGHT, layout

from .tapes import TAPES, every_tape


def random_graph(seed, n=80, inputs=5):
    chance = random.Random(seed)
    return [[]] * inputs + [[chance.randrange(max(0, i - 12), i) for _ in range(chance.randint(1, 3))]
                            for i in range(inputs, n)], inputs


GRAPHS = {
    "one input": ([[]], 1),
    "chain": ([[], *([i] for i in range(200))], 1),
    "fan": ([[]] * 50 + [list(range(50))], 50),
    "twice the same": ([[], [0, 0]], 1),
    "diamond": ([[], [0], [0], [1, 2]], 1),
    "long edge": ([[], [0], [1], [2], [3, 0]], 1),
    **{f"random {seed}": random_graph(seed) for seed in range(5)},
}


@pytest.mark.parametrize("name", GRAPHS)
def test_boxes_are_below_their_parents_and_never_overlap(name):
    parents, inputs = GRAPHS[name]
    boxes, edges = layout(parents, inputs, width=120)
    for child, ps in enumerate(parents):
        assert all(boxes[child][1] - boxes[p][1] >= ROW_HEIGHT + 20 for p in ps)
    for (x0, y0), (x1, y1) in itertools.combinations(boxes, 2):
        assert abs(x0 - x1) >= 120 + 20 or abs(y0 - y1) >= ROW_HEIGHT + 20
    assert min(x for x, _ in boxes) >= 60
    assert sorted((e["from"], e["to"], e["k"]) for e in edges) == sorted(
        (p, child, k) for child, ps in enumerate(parents) for k, p in enumerate(ps))


@pytest.mark.parametrize("name", GRAPHS)
def test_an_edge_runs_from_the_foot_of_its_parent_to_the_top_of_its_child(name):
    parents, inputs = GRAPHS[name]
    boxes, edges = layout(parents, inputs, width=120)
    for edge in edges:
        numbers = [float(x) for x in re.findall(r"-?[\d.]+", edge["path"])]
        (x0, y0), (x1, y1) = boxes[edge["from"]], boxes[edge["to"]]
        assert numbers[-1] == y1 - ROW_HEIGHT // 2
        assert abs(numbers[-2] - x1) < 60
        if not edge["tag"]:
            assert numbers[:2] == [x0, y0 + ROW_HEIGHT // 2]


def drawn(data, scene):
    """The edges of a scene: from which row, to which, by which operand; and whether it is a tag."""
    rows = [*scene["outer"], *range(scene["first"], scene["last"])]
    shape = data["shapes"][scene["shape"]]
    assert len(shape["boxes"]) == len(rows)
    return [(rows[e["from"]], rows[e["to"]], e["k"], e["tag"]) for e in shape["edges"]]


@every_tape
def test_there_is_an_edge_for_each_operand_and_each_share(name):
    data = described(TAPES[name]())
    edges = [edge for scene in data["scenes"] for edge in drawn(data, scene)]
    ends = {(to, k): start for start, to, k, _ in edges}
    assert len(ends) == len(edges)
    assert ends == {(i, k): x for i, row in enumerate(data["rows"]) for k, x in enumerate(row["of"])
                    if type(x) is int}
    assert all((i, share[0]) in ends for i, row in enumerate(data["rows"]) for share in row["shares"])


def test_an_input_is_right_above_what_uses_it_first():
    boxes, _ = layout([[], [], [0], [2], [3, 1]], inputs=2, width=120)
    assert boxes[1][1] == boxes[3][1]


def test_a_chain_is_straight():
    boxes, _ = layout(*GRAPHS["chain"], width=120)
    assert len({x for x, _ in boxes}) == 1


def test_in_a_long_tape_far_edges_are_tags():
    data = described(TAPES["loop"]())
    tags = {(data["rows"][start]["name"], tag) for start, to, _, tag in drawn(data, data["scenes"][0])
            if to > 1000}
    assert ("dt", True) in tags
    assert ("torque", True) in tags
    assert ("dt", False) not in tags
    arrays = described(TAPES["arrays"]())
    assert not any(tag for *_, tag in drawn(arrays, arrays["scenes"][0]))
