"""What a page shows of a tape: running adjoints, operands, programs inside of nodes."""

import re

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.player.description import described
from tinydp.ad.show import brief
from tinydp.ad.tape import Var

from .tapes import TAPES, every_tape, savings


def arrivals(data, opened):
    """For each row the (amount, before, after) that reach it, in the order of the sweep.

    With `opened`, what is inside of a node sweeps in its place.
    """
    found = [[] for _ in data["rows"]]
    insides = {inside["owner"]: inside for inside in data["insides"]} if opened else {}

    def sweep(scene):
        for i in reversed(range(scene["first"], scene["last"])):
            if inside := insides.get(i):
                for y, *change in inside["seeds"]:
                    found[y].append(change)
                for step in reversed(inside["steps"]):
                    sweep(data["scenes"][step["scene"]])
            else:
                for k, *change in data["rows"][i]["shares"]:
                    found[data["rows"][i]["of"][k]].append(change)

    for i, *change in data["seeds"]:
        found[i].append(change)
    sweep(data["scenes"][0])
    return found


@pytest.mark.parametrize("opened", [False, True])
@every_tape
def test_running_adjoints_start_at_zero_and_end_at_those_of_the_tape(name, opened):
    tape = TAPES[name]()
    data = described(tape)
    shown = data["rows"] if opened else data["rows"][:data["top"]]
    assert [row["adjoint"] for row in shown[:data["top"]]] == [brief(row.adjoint) for row in tape.rows]
    for row, changes in zip(shown, arrivals(data, opened), strict=False):
        totals = ["0", *(after for _, _, after in changes)]
        assert [before for _, before, _ in changes] == totals[:-1]
        assert totals[-1] == row["adjoint"] or (not changes and not re.search("[1-9]", plain(row["adjoint"])))


def plain(text):
    """The numbers of an array, without its shape."""
    return re.sub(r"[\dx]+ \[", "[", text)


@every_tape
def test_every_operand_that_is_traced_is_a_row(name):
    """What a step of a loop uses from around it, too."""
    tape = TAPES[name]()
    data = described(tape)

    def walk(tape, first):
        for i, node in enumerate(tape, first):
            traced = [x for x in tape.operands(node) if type(x) is Var and x.tape is node.tape]
            assert [type(x) for x in data["rows"][i]["of"]].count(int) == len(traced)
            if id(node) in tape.insides:
                (inside,) = (inside for inside in data["insides"] if inside["owner"] == i)
                walk(tape.insides[id(node)].tape, data["scenes"][inside["steps"][0]["scene"]]["first"])

    walk(tape, data["inputs"])


def test_a_loop_has_what_its_steps_take_from_around_as_operands():
    data = described(TAPES["scan"]())
    loop = data["rows"][2]
    assert [data["rows"][k]["name"] for k in loop["of"]] == ["start", "rate"]
    gradient = dp.grad(savings, argnums=(1, 0))(0.05, 100.0)
    assert sorted(share[:2] for share in loop["shares"]) == [[k, brief(g)] for k, g in enumerate(gradient)]


def test_the_steps_of_a_loop_are_told_apart():
    data = described(TAPES["scan"]())
    (inside,) = data["insides"]
    labels = [step["label"] for step in inside["steps"]]
    assert labels == ["step 0", "step 1", "step 2", "step 3", "step 4", "what is stacked"]
    spans = [data["scenes"][step["scene"]] for step in inside["steps"]]
    assert [span["last"] - span["first"] for span in spans] == [3] * 5 + [1]
    assert [span["first"] for span in spans[1:]] == [span["last"] for span in spans[:-1]]
    names = [[data["rows"][k]["name"] for k in span["outer"]] for span in spans]
    assert names[:2] == [["rate", "start"], ["rate", "#0.1"]]
    assert len({span["shape"] for span in spans[1:5]}) == 1


@pytest.mark.parametrize(("name", "labels"), [
    ("integrate", ["step 0", "step 1", "step 2", "step 3", "to the event"]),
    ("while", ["step 0", "step 1", "step 2", "step 3", "step 4"]),
    ("segments", ["steps 0 to 2", "steps 3 to 5", "steps 6 to 6", "what is stacked"]),
    ("vmap", ["step 0", "step 1", "step 2", "what is stacked"]),
    ("checkpoint", [""]),
])
def test_what_is_inside_has_steps(name, labels):
    inside = described(TAPES[name]())["insides"][0]
    assert [step["label"] for step in inside["steps"]] == labels


def test_what_was_computed_again_says_so():
    again = {name: {inside["again"] for inside in described(TAPES[name]())["insides"]}
             for name in ("scan", "segments", "checkpoint", "nested")}
    assert again == {"scan": {False}, "checkpoint": {True}, "segments": {False, True},
                     "nested": {False, True}}


def test_the_inputs_of_a_checkpoint_are_its_operands():
    data = described(TAPES["checkpoint"]())
    inner = data["rows"][data["top"]:]
    assert [(row["op"], row["of"]) for row in inner] == [("multiply", [0, 0]), ("add", [3, 0])]


def test_too_large_an_inside_is_not_opened_and_its_sums_are_right(monkeypatch):
    monkeypatch.setattr("tinydp.ad.player.description.MOST", 10)
    data = described(TAPES["scan"]())
    assert data["insides"] == []
    assert len(data["rows"]) == data["top"]
    assert data["rows"][2]["size"] == 16
    assert arrivals(data, opened=False)[0][-1][-1] == data["rows"][0]["adjoint"]


def test_shares_in_the_order_of_the_sweep():
    data = described(TAPES["scalars"]())
    x, w, multiply, sin, add = data["rows"]
    assert data["seeds"] == [[4, "1", "0", "1"]]
    assert add["shares"] == [[0, "1", "0", "1"], [1, "1", "0", "1"]]
    assert sin["shares"] == [[0, "0.540302", "0", "0.540302"]]
    assert multiply["shares"] == [[0, "1.0806", "1", "2.0806"], [1, "0.270151", "0", "0.270151"]]
    assert x["shares"] == w["shares"] == []


def test_a_result_that_is_returned_twice_is_seeded_twice():
    data = described(dp.record(lambda x: (x * x, [x * 1.0] * 2), 3.0))
    assert data["seeds"] == [[1, "1", "0", "1"], [2, "1", "0", "1"], [2, "1", "1", "2"]]
    assert data["results"] == [1, 2]


def test_what_the_sweep_does_not_reach_says_so():
    data = described(TAPES["several"]())
    assert [row["op"] for row in data["rows"] if not row["reached"]] == ["input", "exp"]


# ---------------------------------------------------------------------------- operands

def test_operands_are_rows_or_the_text_of_constants():
    data = described(dp.record(lambda x: np.sum(2 * x, axis=0)[1], np.ones((3, 2))))
    assert [row["of"] for row in data["rows"]] == [[], ["2", 0], [1], [2, "1"]]
    assert [list(row["options"]) for row in data["rows"]] == [[], [], ["axis=0"], []]


def test_operands_that_broadcasting_stretched_are_noted():
    data = described(dp.record(lambda x, b: np.sum(x * b), np.ones((2, 3)), 2.0))
    assert data["rows"][2]["stretched"] == [1]
    assert described(TAPES["arrays"]())["rows"][5 + 1]["stretched"] == [1]


def test_a_function_with_a_rule_by_hand_says_that_its_inside_is_not_recorded():
    opaque = {name: {row["op"] for row in described(TAPES[name]())["rows"] if row["opaque"]}
              for name in ("picked", "checkpoint", "scan")}
    assert opaque == {"picked": {"<lambda>"}, "checkpoint": set(), "scan": set()}
