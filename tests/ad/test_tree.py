"""Nested structures."""

from collections import OrderedDict, defaultdict, namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinydp.ad import tree
from tinydp.ad.errors import StructureError

Pair = namedtuple("Pair", "left right")
trees = st.recursive(
    st.integers() | st.none(),
    lambda t: st.lists(t, max_size=3) | st.tuples(t, t) | st.builds(Pair, t, t)
    | st.dictionaries(st.text(max_size=3), t, max_size=3),
    max_leaves=10)


@given(trees)
def test_flatten_and_unflatten_are_inverse(t):
    found, unflatten = tree.flatten(t)
    assert unflatten(found) == t
    assert [leaf for _, leaf in tree.leaves(t)] == found
    assert type(unflatten(found)) is type(t)


@given(trees)
def test_map_over_several(t):
    assert tree.map(lambda a, b, c: (a, b, c), t, t, t) == tree.map(lambda a: (a, a, a), t)


def test_kinds_of_dicts_survive():
    d = defaultdict(list, a=1)
    assert tree.map(float, d).default_factory is list
    assert type(tree.map(float, OrderedDict(b=1, a=2))) is OrderedDict


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_dicts_are_matched_by_key(kind):
    a, b = kind(x=1.0, y=2.0), kind(y=20.0, x=10.0)
    assert tree.map(lambda a, b: a + b, a, b) == kind(x=11.0, y=22.0)


def test_paths():
    assert list(tree.leaves({"w": [1, Pair(2, None)]})) == [("['w'][0]", 1), ("['w'][1].left", 2)]


@pytest.mark.parametrize(("a", "b", "message"), [
    ([1, 2], [1], "list of 2 does not match list of 1"),
    ([1], (1,), "list of 1 does not match tuple of 1"),
    ({"x": [1, {"y": 2}]}, {"x": [1, {"z": 2}]}, r"at \['x'\]\[1\], dict with the keys y does not match"),
    ([None], [1], r"at \[0\], None does not match int"),
    (Pair(1, 2), (1, 2), "Pair of 2 does not match tuple of 2"),
    ([Pair(1.0, 2.0)], [Pair(1.0, [2.0])], r"at \[0\].right, float does not match list of 1"),
    ({"w": [1.0]}, {"w": 1.0}, r"at \['w'\], list of 1 does not match float"),
])
def test_structures_must_match(a, b, message):
    with pytest.raises(StructureError, match=message):
        tree.map(lambda *x: x, a, b)


def test_unflatten_knows_what_was_flattened_whatever_became_of_it():
    t = {"a": [1, 2], "b": (3, {"c": None})}
    _, unflatten = tree.flatten(t)
    t["a"].append(4)
    t["b"][1]["d"] = 5
    t["e"] = t.pop("a")
    assert unflatten([10, 20, 30]) == {"a": [10, 20], "b": (30, {"c": None})}
