"""A recorded tape: its rows, the printed table, the graph in DOT."""

from collections import namedtuple

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import DtypeError, EndedTapeError
from tinydp.ad.show import Share, brief


def f(x, w):
    hidden = np.sin(x * w)
    return hidden + x


Layer = namedtuple("Layer", "weight bias")


def network(params, x):
    for layer in params:
        x = np.tanh(x @ layer.weight + layer.bias)
    return np.sum(x)


def layers(seed=0):
    rng = np.random.default_rng(seed)
    return [Layer(rng.normal(size=(2, 3)), rng.normal(size=3)), Layer(rng.normal(size=(3, 1)), np.zeros(1))]


def by_name(tape):
    return {row.name: row for row in tape.rows}


# ---------------------------------------------------------------------------- rows

def test_rows_are_the_inputs_and_then_the_operations():
    tape = dp.record(f, 0.5, 2.0)
    assert [row.name for row in tape.rows] == ["x", "w", "#0", "#1", "#2"]
    assert [row.op for row in tape.rows] == ["input", "input", "multiply", "sin", "add"]
    assert [row.operands for row in tape.rows] == [(), (), ("x", "w"), ("#0",), ("#1", "x")]
    assert [row.value for row in tape.rows] == [0.5, 2.0, 1.0, np.sin(1.0), np.sin(1.0) + 0.5]


def test_adjoints_are_those_of_grad():
    tape = dp.record(f, 0.5, 2.0)
    rows = by_name(tape)
    assert (rows["x"].adjoint, rows["w"].adjoint) == dp.grad(f, argnums=(0, 1))(0.5, 2.0)
    assert [rows[f"#{k}"].adjoint for k in range(3)] == [np.cos(1.0), 1.0, 1.0]


def test_adjoints_of_structures_of_arrays_are_those_of_grad():
    params, x = layers(), np.array([0.3, -0.7])
    rows = by_name(dp.record(network, params, x))
    gradient, dx = dp.grad(network, argnums=(0, 1))(params, x)
    for k, layer in enumerate(gradient):
        np.testing.assert_array_equal(rows[f"params[{k}].weight"].adjoint, layer.weight)
        np.testing.assert_array_equal(rows[f"params[{k}].bias"].adjoint, layer.bias)
    np.testing.assert_array_equal(rows["x"].adjoint, dx)


def test_shares_say_what_each_rule_adds_and_sum_to_the_adjoint():
    tape = dp.record(f, 0.5, 2.0)
    rows = by_name(tape)
    assert rows["#0"].shares == (Share("x", 2.0 * np.cos(1.0)), Share("w", 0.5 * np.cos(1.0)))
    assert rows["#2"].shares == (Share("#1", 1.0), Share("x", 1.0))
    arrived = [share.amount for row in tape.rows for share in row.shares if share.to == "x"]
    assert sum(arrived) == rows["x"].adjoint


def test_places_are_the_users_lines():
    tape = dp.record(f, 0.5, 2.0)
    first = f.__code__.co_firstlineno
    places = [row.place for row in tape.rows]
    assert places[:2] == [None, None]
    assert [place.line for place in places[2:]] == [first + 1, first + 1, first + 2]
    assert [place.expression for place in places[2:]] == ["x * w", "np.sin(x * w)", "hidden + x"]
    assert all(place.file == __file__ for place in places[2:])


def test_an_element_of_an_array_gives_its_share_as_an_array():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    rows = by_name(dp.record(lambda x: x[0, 1] * x[1, 1] + x[0, 1], x))
    np.testing.assert_array_equal(rows["x"].adjoint, [[0.0, 5.0], [0.0, 2.0]])
    arrived = [share.amount for row in rows.values() for share in row.shares if share.to == "x"]
    assert [type(c) for c in arrived] == [np.ndarray] * 3
    np.testing.assert_array_equal(sum(arrived), rows["x"].adjoint)
    np.testing.assert_array_equal(arrived[0], [[0.0, 4.0], [0.0, 0.0]])      # not what was added later


def test_several_results_are_swept_as_their_sum():
    tape = dp.record(lambda x: {"square": x * x, "both": (x, x * x), "count": 3}, 3.0)
    assert len(tape.results) == 3
    assert tape.rows[0].adjoint == 6.0 + 1.0 + 6.0


def test_array_results_are_swept_as_the_sum_of_their_elements():
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(dp.record(lambda x: x * x, x).rows[0].adjoint, 2 * x)


def test_what_does_not_matter_has_the_adjoint_zero():
    def g(x, unused, array):
        np.exp(x)
        return x * x

    rows = by_name(dp.record(g, 3.0, 1.0, np.ones(2)))
    assert rows["unused"].adjoint == 0.0
    np.testing.assert_array_equal(rows["array"].adjoint, [0.0, 0.0])
    assert (rows["#0"].op, rows["#0"].adjoint, rows["#0"].shares) == ("exp", 0.0, ())


def test_a_result_may_be_an_input_or_a_constant():
    assert dp.record(lambda x: x, 3.0).rows[0].adjoint == 1.0
    tape = dp.record(lambda x: 5.0, 3.0)
    assert (tape.results, tape.rows[0].adjoint) == ([], 0.0)


def test_a_function_with_several_results_is_a_node_that_they_are_picked_from():
    swap = dp.custom_gradient(lambda a, b: (b, a), lambda g, y, a, b: (g[1], g[0]))
    tape = dp.record(lambda a, b: 3.0 * swap(a, b)[0], 1.0, 2.0)
    rows = by_name(tape)
    assert rows["#0"].value == (2.0, 1.0)
    assert rows["#0"].adjoint == (3.0, 0.0)
    assert (rows["a"].adjoint, rows["b"].adjoint) == (0.0, 3.0)


def test_a_gradient_can_be_recorded_too():
    rows = by_name(dp.record(dp.grad(lambda x: x**3), 2.0))
    assert rows["x"].adjoint == 12.0


def test_recording_inside_a_gradient():
    seen = []

    def g(x):
        seen.append(dp.record(lambda y: x * y, 3.0).rows)
        return x * x

    assert dp.grad(g)(2.0) == 4.0
    assert [(row.value, row.adjoint) for row in seen[0]] == [(3.0, 2.0), (6.0, 1.0)]


def test_record_refuses_what_grad_refuses():
    with pytest.raises(DtypeError):
        dp.record(f, "0.5", 2.0)


def test_a_value_that_outlives_its_tape_raises():
    kept = []
    dp.record(lambda x: kept.append(x) or x * x, 3.0)
    with pytest.raises(EndedTapeError):
        kept[0] * 2.0


def test_keyword_arguments_are_passed_on():
    tape = dp.record(lambda x, *, power: x**power, 3.0, power=2)
    assert tape.rows[0].adjoint == 6.0
    assert len(tape.inputs) == 1


# ---------------------------------------------------------------------------- names

def test_structured_arguments_are_named_as_they_are_reached():
    tape = dp.record(network, layers(), np.ones(2))
    assert [name for name, _ in tape.inputs] == [
        "params[0].weight", "params[0].bias", "params[1].weight", "params[1].bias", "x"]


def test_dicts_nothings_and_starred_arguments_are_named():
    tape = dp.record(lambda a, *rest: a["w"] * rest[0] * rest[1][0], {"w": 2.0, "none": None}, 3.0, [4.0])
    assert [name for name, _ in tape.inputs] == ["a['w']", "rest[0]", "rest[1][0]"]


def test_arguments_of_a_builtin_are_named():
    tape = dp.record(np.arctan2, 1.0, 2.0)
    assert len({name for name, _ in tape.inputs}) == 2
    assert tape.rows[2].operands == tuple(name for name, _ in tape.inputs)


def test_a_constant_is_told_from_a_node():
    tape = dp.record(lambda x: ((x + 1) * 2.0 - 0) ** 2, 3.0)
    assert [row.operands for row in tape.rows[1:]] == [("x", "1"), ("#0", "2"), ("#1", "0"), ("#2", "2")]


def test_options_are_operands_too():
    tape = dp.record(lambda x: np.sum(x, axis=0)[1:], np.ones((2, 3)))
    assert tape.rows[1].operands == ("x", "axis=0")
    assert tape.rows[2].operands == ("#0", "slice(1, None, None)")


# ---------------------------------------------------------------------------- the table

def test_the_table_is_aligned_and_names_the_lines():
    first = f.__code__.co_firstlineno
    assert str(dp.record(f, 0.5, 2.0)).splitlines() == [
        "node  op        of        value   adjoint  at",
        "x     input                 0.5    2.0806",
        "w     input                   2  0.270151",
        f"#0    multiply  x, w          1  0.540302  test_show.py:{first + 1}: hidden = np.sin(x * w)",
        f"#1    sin       #0     0.841471         1  test_show.py:{first + 1}: hidden = np.sin(x * w)",
        f"#2    add       #1, x   1.34147         1  test_show.py:{first + 2}: return hidden + x",
    ]


def test_every_cell_of_the_table_begins_or_ends_in_its_column():
    lines = str(dp.record(network, layers(), np.ones(2))).splitlines()
    head = lines[0]
    for title in ("op", "of"):
        start = head.index(title)
        assert {line[start - 2:start] for line in lines} == {"  "}
    end = head.index("value") + len("value")
    assert {line[end:end + 2] for line in lines} == {"  "}
    assert all(line[end - 1] != " " for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_arrays_are_shown_by_their_shape_and_first_numbers():
    table = str(dp.record(lambda x: np.sum(x * x), np.arange(6.0).reshape(2, 3)))
    assert "2x3 [0 1 2 ...]" in table
    assert "2x3 [0 2 4 ...]" in table


def test_nan_and_infinity_are_shown():
    with np.errstate(all="ignore"):
        table = str(dp.record(lambda x: np.exp(1000 * x) * 0.0, 1.0))
    assert "inf" in table
    assert "nan" in table


def test_a_program_without_source_is_shown_too():
    scope = {}
    exec("def g(x):\n    return x * x\n", scope)
    tape = dp.record(scope["g"], 3.0)
    assert str(tape).splitlines()[-1].endswith("<string>:2:")


@pytest.mark.parametrize(("x", "text"), [
    (1.0, "1"), (1 / 3, "0.333333"), (-1e-12, "-1e-12"), (np.float64(2.5), "2.5"), (float("nan"), "nan"),
    (np.ones(3), "3 [1 1 1]"), (np.zeros((2, 2)), "2x2 [0 0 0 ...]"), (np.zeros(0), "0 []"),
    ((1.0, np.ones(2)), "(1, 2 [1 1])"),
])
def test_brief(x, text):
    assert brief(x) == text


# ---------------------------------------------------------------------------- the graph

def test_dot_has_a_box_for_each_node_and_an_arrow_for_each_operand():
    lines = [line.strip() for line in dp.record(f, 0.5, 2.0).to_dot().splitlines()]
    assert lines[0] == "digraph tape {"
    assert lines[-1] == "}"
    assert '"x" [label="x = 0.5", style=rounded];' in lines
    assert '"#0" [label="multiply\\n1"];' in lines
    assert '"#2" [label="add\\n1.34147", peripheries=2];' in lines
    arrows = [line for line in lines if "->" in line]
    assert arrows == ['"x" -> "#0";', '"w" -> "#0";', '"#0" -> "#1";', '"#1" -> "#2";', '"x" -> "#2";']


def test_dot_escapes_names():
    dot = dp.record(lambda a: a["it's"] * 2.0, {"it's": 3.0}).to_dot()
    name = r"""a[\"it's\"]"""
    assert f'"{name}" [label="{name} = 3", style=rounded];' in dot
    assert f'"{name}" -> "#0";' in dot


# ---------------------------------------------------------------------------- loops

def saved(rate, start):
    return dp.scan(lambda money, _: (money * (1 + rate), None), start, length=3)[0]


LOOPS = {
    "scan": (saved, (0.1, 100.0), ("start", "rate")),
    "scan in segments": (lambda w, x: dp.scan(lambda s, _: (s * w, None), x, length=5, segment=2)[0],
                         (0.9, 2.0), ("x", "w")),
    "while_loop": (lambda w, x: dp.while_loop(lambda s: s > 1.0, lambda s: s * w, x), (0.5, 9.0), ("x", "w")),
    "integrate": (lambda a, x: dp.integrate(lambda s, h: s - h * a, x, until=lambda s: s, dt=0.3), (2.0, 1.0),
                  ("x", "a")),
    "vmap": (lambda w, x: np.sum(dp.vmap(lambda row: row * w)(x)), (0.9, np.ones(3)), ("x", "w")),
    "loop in a loop": (lambda w, x: dp.scan(
        lambda s, _: (dp.scan(lambda t, _: (t * w, None), s, length=2)[0], None), x, length=2)[0],
        (0.9, 2.0), ("x", "w")),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_shows_what_its_steps_take_from_around(name):
    program, args, operands = LOOPS[name]
    tape = dp.record(program, *args)
    rows = by_name(tape)
    assert rows["#0"].operands == operands
    assert {share.to for share in rows["#0"].shares} == set(operands)
    gradients = dp.grad(program, argnums=(0, 1))(*args)
    for parameter, g in zip(program.__code__.co_varnames, gradients, strict=False):
        np.testing.assert_allclose(rows[parameter].adjoint, g, rtol=1e-15)
        arrived = [share.amount for row in tape.rows for share in row.shares if share.to == parameter]
        np.testing.assert_allclose(sum(arrived), g, rtol=1e-13)
    arrows = {line.strip() for line in tape.to_dot().splitlines() if "->" in line}
    assert {f'"{x}" -> "#0";' for x in operands} <= arrows


def test_a_carry_that_passes_through_gets_its_share():
    tape = dp.record(lambda x, w: dp.scan(lambda s, _: (s, s * w), x * 1.0, length=3)[1][0], 3.0, 2.0)
    assert by_name(tape)["#0"].adjoint == 2.0

    def untouched(x, w):
        return dp.scan(lambda s, _: ((s[0], s[1] * w), None), (x, x * 1.0), length=3)[0][0]

    untouched = dp.record(untouched, 3.0, 2.0)
    assert by_name(untouched)["x"].adjoint == 1.0


def test_what_is_inside_of_a_node_has_names():
    tape = dp.record(saved, 0.1, 100.0)
    inside = tape.insides[id(tape[0])].tape
    assert [tape.names()[id(node)] for node in inside][:3] == ["#0.0", "#0.1", "#0.2"]
