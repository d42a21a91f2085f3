"""The user's source in a page."""

import tinydp as dp
from tinydp.ad.player.description import described

from .tapes import TAPES, data_of, f, module_from, page_of


def places_of(data):
    """For each operation the text that is marked, line by line."""
    marked = []
    for row in data["rows"][data["inputs"]:]:
        file, line, span = data["places"][row["at"]]
        lines = dict(entry for entry in data["files"][file]["lines"] if entry)
        first, start, last, stop = span
        assert first <= line <= last
        texts = [units(lines[k]) for k in range(first, last + 1)]
        texts[-1] = texts[-1][:2 * stop]
        texts[0] = texts[0][2 * start:]
        marked.append("\n".join(text.decode("utf-16-le").strip() for text in texts))
    return marked


def units(text):
    return text.encode("utf-16-le")


def test_the_expression_of_each_operation_is_marked():
    data = described(TAPES["scalars"]())
    assert places_of(data) == ["x * w", "np.sin(x * w)", "hidden + x"]
    assert [file["name"] for file in data["files"]] == ["tapes.py"]


def test_marks_are_right_after_any_letters_and_over_several_lines(tmp_path):
    module = module_from(
        "def f(x):\n"
        '    ä, y = "\N{GRINNING FACE}ö", (x + 1.0) * (\n'
        "        x -\n"
        "        2.0)\n"
        "    return y\n", tmp_path / "letters.py")
    data = described(dp.record(module.f, 3.0))
    assert places_of(data) == ["x + 1.0", "x -\n2.0", "(x + 1.0) * (\nx -\n2.0)"]


def test_the_source_around_is_quoted_and_gaps_are_marked(tmp_path):
    filler = "".join(f"    n{k} = {k}\n" for k in range(100))
    module = module_from(f"import math\n\n\ndef f(x):\n{filler}    y = x * x\n{filler}    return y + x\n",
                         tmp_path / "long.py")
    lines = described(dp.record(module.f, 3.0))["files"][0]["lines"]
    numbers = [entry and entry[0] for entry in lines]
    assert numbers == [4, None, 103, 104, 105, 106, 107, None, 204, 205, 206]


def test_a_short_function_is_quoted_whole():
    (file,) = described(TAPES["scalars"]())["files"]
    first = f.__code__.co_firstlineno
    assert [first, "def f(x, w):"] in file["lines"]
    assert [first + 2, "    return hidden + x"] in file["lines"]


def test_files_of_the_same_name_are_told_apart(tmp_path):
    modules = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        modules.append(module_from("def f(x):\n    return x * x\n", tmp_path / folder / "same.py"))
    data = described(dp.record(lambda x: modules[0].f(x) + modules[1].f(x), 3.0))
    assert {file["name"] for file in data["files"]} == {"a/same.py", "b/same.py", "test_sources.py"}


def test_a_program_without_source_has_a_page(tmp_path):
    scope = {}
    exec("def g(x):\n    return x * x\n", scope)
    data = data_of(page_of(dp.record(scope["g"], 3.0), tmp_path))
    assert data["files"] == [{"name": "<string>", "lines": []}]
