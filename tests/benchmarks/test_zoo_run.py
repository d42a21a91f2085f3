"""The table of the zoo says what is so: who compiles, who agrees, what is refused."""

import json

import numpy as np
import pytest

from benchmarks import harness, zoo, zoo_run, zoo_sides

PROGRAM = '''
"""Compound interest."""

import numpy as np
import tinydp as dp

CHANGED = ""


def loss(money, rates):
    return np.sum(dp.scan(lambda m, r: (m * (1 + r["rate"]), m), money, {{"rate": rates}})[1] ** 2) {extra}


def arguments():
    return 2.0, np.array([0.1, 0.2, -0.1])
'''


def written(folder, extra=""):
    """A program in a file of its own."""
    path = folder / "interest.py"
    path.write_text(PROGRAM.format(extra=extra))
    return str(path)


@pytest.mark.parametrize("name", zoo.names())
def test_each_program_is_what_the_zoo_says_that_it_is(name):
    program = zoo.load(name)
    assert isinstance(program.CHANGED, str)
    assert len(program.__doc__.splitlines()) > 2
    assert callable(program.loss)
    assert hasattr(program, "in_jax") or program.NOT_IN_JAX
    first, second = program.arguments(), program.arguments()
    assert isinstance(first, tuple)
    np.testing.assert_array_equal(zoo_sides.flat(first), zoo_sides.flat(second))


def test_a_program_in_new_processes(tmp_path):
    name = written(tmp_path)
    row = zoo_run.measure(name, jax=False, rounds=1, kernels=str(tmp_path))
    assert zoo_run.compiled(row) == "as written"
    assert row["found"] == {"tinydp": ["value", "gradient", "hvp"], "tape": ["value", "gradient", "hvp"]}
    assert all(x < 1e-10 for x in row["differences"]["tape"].values())
    assert row["said"] == {}
    assert row["seconds"]["tinydp"] > 0
    assert row["first"]["tinydp"] > 0


def test_what_is_refused_is_said(tmp_path):
    row = zoo_sides.judge(written(tmp_path, "+ np.sum(np.fft.fft(rates))"), ["tinydp", "tape"])
    assert row["found"]["tinydp"] == []
    assert "fft" in row["said"]["tinydp"][0]
    assert row["seconds"] == {}
    assert zoo_run.compiled(row | {"changed": ""}) == "no"


def test_a_process_that_dies_is_a_line_of_the_table(tmp_path):
    row = zoo_run.measure(written(tmp_path, "+ exit()"), jax=False, rounds=1, kernels=str(tmp_path))
    assert zoo_run.compiled(row) == "no"
    assert zoo_run.notes(row)[0].startswith("the process: ")


def test_bytecode_is_written_once_as_by_an_installation(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("OTHER", "x")
    found = harness.environment("folder")
    assert (found["TINYDP_CACHE"], found["OTHER"]) == ("folder", "x")
    assert "PYTHONDONTWRITEBYTECODE" not in found


def test_differences():
    a = np.array([1.0, 100.0, np.nan])
    assert zoo_sides.difference(a, a * (1 + 1e-8)) == pytest.approx(1e-8)
    assert zoo_sides.difference(a, np.array([1.0, 100.0, 3.0])) == np.inf
    assert zoo_sides.difference(a, a[:2]) == np.inf
    assert zoo_sides.difference(np.zeros(2), np.zeros(2)) == 0.0


def test_numbers_of_dictionaries_are_in_the_order_of_the_keys():
    assert zoo_sides.flat({"b": (1.0, None), "a": [np.array([2.0, 3.0])]}).tolist() == [2.0, 3.0, 1.0]


def row(found=3, seconds=(1.0, 2.0), **others):
    """What is known of a program that compiles, unless it says otherwise."""
    sides = {"tinydp": seconds[0], "JAX": seconds[1]}
    return {"changed": "", "not in JAX": "", "found": {"tinydp": ["value", "gradient", "hvp"][:found]},
            "said": {}, "differences": {}, "by Python": [], "seconds": sides, "first": sides} | others


def test_the_summary():
    rows = {"a": row(), "b": row(changed="an index"), "c": row(2), "d": row(**{"by Python": ["hvp"]}),
            "e": row(0, seconds=(3.0, 2.0), differences={"tape": {"value": np.inf}, "JAX": {"hvp": 1e-12}})}
    kinds = ["as written", "changed", "in part", "in part", "no"]
    assert [zoo_run.compiled(x) for x in rows.values()] == kinds
    text = zoo_run.summary(rows)
    assert text[0] == "of 5 programs, compiled as written: 1, changed: 1, in part: 2, no: 1"
    assert text[1:3] == ["further than 1e-10 from tape: e", "further than 1e-09 from JAX: none"]
    assert text[3] == "a gradient: 0.50 times JAX's in the median, at most 1.50; slower: e 1.50"


def test_the_command(monkeypatch, tmp_path, capsys):
    def child(task, *words, **_):
        return {} if task == "compile_kernels" else row(**{"by Python": ["hvp"]})

    monkeypatch.setattr(zoo_run, "child", child)
    monkeypatch.setattr(zoo_run, "firsts", lambda *_: {"tinydp": 0.5})
    file = tmp_path / "figures.json"
    figures = zoo_run.main([written(tmp_path), "--no-jax", "--json", str(file)])
    assert json.loads(file.read_text()) == figures
    assert list(figures) == ["interest"]
    said = capsys.readouterr().out
    assert "  interest                in part" in said
    assert "      Python runs it for: hvp" in said
    with pytest.raises(SystemExit):
        zoo_run.main(["no_such_program"])
