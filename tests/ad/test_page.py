"""The page that plays a tape: what is in it, how it is written, and what a browser makes of it."""

import importlib.util
import itertools
import json
import os
import random
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.page import ROW_HEIGHT, described, layout
from tinydp.ad.show import brief


def f(x, w):
    hidden = np.sin(x * w)
    return hidden + x


def network(params, x):
    for weight, bias in params:
        x = np.tanh(x @ weight + bias)
    return np.mean(x * x)


def elements(x):
    return np.sum(x[1:] * x[:-1]) + x[0] * x[0]


def several(x, unused):
    np.exp(x)
    return {"square": x * x, "both": (x, np.sqrt(x))}


def pendulum(angle, speed, torque, dt):
    for _ in range(250):
        acceleration = 14.7 * np.sin(angle) + 3.0 * torque
        speed = speed + acceleration * dt
        angle = angle + speed * dt
    return angle


swap = dp.custom_gradient(lambda a, b: (b, a), lambda g, y, a, b: (g[1], g[0]))

TAPES = {
    "scalars": lambda: dp.record(f, 0.5, 2.0),
    "arrays": lambda: dp.record(network, [(np.eye(3), np.ones(3)), (np.ones((3, 1)), np.zeros(1))],
                                np.arange(6.0).reshape(2, 3)),
    "elements": lambda: dp.record(elements, np.array([1.0, 2.0, 3.0])),
    "several": lambda: dp.record(several, 3.0, np.ones(2)),
    "picked": lambda: dp.record(lambda a, b: swap(a, b)[0] * swap(a, b)[1], 2.0, 3.0),
    "stacked": lambda: dp.record(lambda x: np.stack([x, x * 2, x]), 3.0),
    "identity": lambda: dp.record(lambda x: x, 3.0),
    "constant": lambda: dp.record(lambda x: 5.0, 3.0),
    "loop": lambda: dp.record(pendulum, 0.3, 0.0, 0.5, 0.02),
}
every_tape = pytest.mark.parametrize("name", TAPES)


def page_of(tape, folder):
    path = folder / "tape.html"
    tape.to_html(path)
    return path.read_text("utf-8")


def data_of(page):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    return json.loads(block, parse_constant=refuse)


def module_from(source, path):
    path.write_text(source, "utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------------------- the file

@every_tape
def test_the_page_holds_the_data_as_json(name, tmp_path):
    tape = TAPES[name]()
    data = data_of(page_of(tape, tmp_path))
    assert data == json.loads(json.dumps(described(tape)))
    assert len(data["rows"]) == len(tape.rows)


def test_the_page_loads_nothing(tmp_path):
    page = page_of(TAPES["scalars"](), tmp_path).replace("http://www.w3.org/2000/svg", "")
    assert "http" not in page
    assert not re.search(r"\b(src|href)\s*=|@import|\bimport\s*\(|fetch\(|XMLHttpRequest|//\w+\.\w", page)
    assert set(re.findall(r"url\((.*?)\)", page)) == {"#tip"}


def test_the_template_is_installed_with_the_package():
    template = resources.files("tinydp.ad").joinpath("page.html").read_text("utf-8")
    assert template.count("{{data}}") == 1
    assert "{{" not in page_placeholders_removed(template)


def page_placeholders_removed(template):
    return template.replace("{{data}}", "").replace("{{title}}", "")


def test_text_of_the_user_cannot_break_out_of_the_page(tmp_path):
    module = module_from(
        "def f(a, b):\n"
        '    text = "</script><script>alert(1)</script><!-- {{data}} {{title}}"\n'
        "    return (a if a < b else b) * len(text)  # a < b & <img src=x>\n", tmp_path / "hostile.py")
    tape = dp.record(lambda d, b: module.f(d["</script><b>"], b), {"</script><b>": 1.0}, 2.0)
    page = page_of(tape, tmp_path)
    template = resources.files("tinydp.ad").joinpath("page.html").read_text("utf-8")
    assert page.count("<") == template.count("<")
    data = data_of(page)
    assert data["rows"][0]["name"] == "d['</script><b>']"
    (lines,) = (dict(file["lines"]) for file in data["files"] if file["name"] == "hostile.py")
    assert "</script><script>alert(1)</script><!-- {{data}}" in lines[2]
    assert "# a < b & <img src=x>" in lines[3]


def test_numbers_that_are_not_finite_survive(tmp_path):
    with np.errstate(all="ignore"):
        tape = dp.record(lambda x: np.exp(1000.0 * x) * 0.0 - np.inf, 1.0)
    data = data_of(page_of(tape, tmp_path))
    assert [row["value"] for row in data["rows"]] == ["1", "1000", "inf", "nan", "nan"]


def test_a_long_tape_makes_a_page_of_moderate_size(tmp_path):
    tape = TAPES["loop"]()
    assert len(tape) == 2000
    assert len(page_of(tape, tmp_path).encode()) < 1.5e6


def test_long_arrays_are_abbreviated(tmp_path):
    page = page_of(dp.record(lambda x: np.sum(x * x), np.arange(1e5)), tmp_path)
    assert len(page) < 1e5
    assert "100000 [0 1 2 ...]" in page


# ---------------------------------------------------------------------------- writing it

@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_a_path_of_any_kind_will_do(kind, tmp_path):
    TAPES["scalars"]().to_html(kind(tmp_path / "a page.html"))
    assert [file.name for file in tmp_path.iterdir()] == ["a page.html"]


def test_an_old_page_is_replaced(tmp_path):
    (tmp_path / "tape.html").write_text("old")
    assert page_of(TAPES["scalars"](), tmp_path) != "old"
    assert [file.name for file in tmp_path.iterdir()] == ["tape.html"]


def test_a_failure_leaves_the_old_page_and_nothing_else(tmp_path, monkeypatch):
    def fail(source, target):
        assert Path(source).stat().st_size > 10_000          # all was written
        raise OSError("the disk is gone")

    (tmp_path / "tape.html").write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="the disk is gone"):
            TAPES["scalars"]().to_html(tmp_path / "tape.html")
    assert (tmp_path / "tape.html").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["tape.html"]


def test_a_missing_folder_is_an_error_that_names_the_path(tmp_path):
    path = tmp_path / "missing" / "tape.html"
    with pytest.raises(FileNotFoundError) as caught:
        TAPES["scalars"]().to_html(path)
    assert caught.value.filename == os.fspath(path)
    assert str(path) in str(caught.value)


def test_a_folder_is_not_overwritten(tmp_path):
    (tmp_path / "tape.html").mkdir()
    with pytest.raises(OSError, match=re.escape("tape.html")):
        TAPES["scalars"]().to_html(tmp_path / "tape.html")
    assert [file.name for file in tmp_path.iterdir()] == ["tape.html"]


# ---------------------------------------------------------------------------- adjoints, step by step

def arrivals(data):
    """For each row the (amount, before, after) that reach it, in the order of the sweep."""
    found = [[] for _ in data["rows"]]
    for i, *change in data["seeds"]:
        found[i].append(change)
    for row in reversed(data["rows"]):
        for k, *change in row["shares"]:
            found[row["of"][k]].append(change)
    return found


@every_tape
def test_running_adjoints_start_at_zero_and_end_at_those_of_the_tape(name):
    tape = TAPES[name]()
    data = described(tape)
    for row, changes in zip(tape.rows, arrivals(data), strict=True):
        totals = ["0", *(after for _, _, after in changes)]
        assert [before for _, before, _ in changes] == totals[:-1]
        if changes:
            assert totals[-1] == brief(row.adjoint)
        else:
            assert not np.any(row.adjoint)


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


# ---------------------------------------------------------------------------- operands and rules

def test_operands_are_rows_or_the_text_of_constants():
    data = described(dp.record(lambda x: np.sum(2 * x, axis=0)[1], np.ones((3, 2))))
    assert [row["of"] for row in data["rows"]] == [[], ["2", 0], [1], [2, "1"]]
    assert [list(row["options"]) for row in data["rows"]] == [[], [], ["axis=0"], []]


def rules_of(function, *args):
    data = described(dp.record(function, *args))
    return data["rules"][data["rows"][-1]["rules"]]


def test_rules_are_quoted_from_the_table():
    assert rules_of(lambda x, y: x * y, 2.0, 3.0) == {"symbols": ["a", "b"], "formulas": ["g * b", "g * a"]}
    assert rules_of(np.sin, 2.0) == {"symbols": ["x"], "formulas": ["g * np.cos(x)"]}
    assert rules_of(np.log, 2.0) == {"symbols": ["x"], "formulas": ["g * (1 / x)"]}
    assert rules_of(lambda x: x[0], np.ones(2))["formulas"] == ["g there, 0 elsewhere", None]
    assert rules_of(np.tanh, np.ones(2))["formulas"] == ["g * (1 - y * y)"]


def test_rules_of_the_user_are_quoted():
    def cube_rule(g, y, x):
        return 3 * g * x * x

    cube = dp.primitive(lambda x: x**3)
    dp.defvjp(cube, cube_rule)
    data = described(dp.record(cube, 2.0))
    assert data["rules"][0] == {"symbols": ["x"], "formulas": ["cube_rule(g, y, x)"]}
    steeper = dp.custom_gradient(lambda x: x, lambda g, y, x: g * (
        10 + x))
    data = described(dp.record(steeper, 2.0))
    assert data["rules"][0]["formulas"] == ["g * ( 10 + x)"]


def test_a_rule_without_source_is_not_quoted():
    scope = {}
    exec("rule = lambda g, y, x: 2 * g * x", scope)
    square = dp.primitive(lambda x: x * x)
    dp.defvjp(square, scope["rule"])
    assert described(dp.record(square, 2.0))["rules"][0]["formulas"] == [None]


def test_operands_that_broadcasting_stretched_are_noted():
    data = described(dp.record(lambda x, b: np.sum(x * b), np.ones((2, 3)), 2.0))
    assert data["rows"][2]["stretched"] == [1]
    assert described(TAPES["arrays"]())["rows"][5 + 1]["stretched"] == [1]


# ---------------------------------------------------------------------------- the source

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
    assert [file["name"] for file in data["files"]] == ["test_page.py"]


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
    assert {file["name"] for file in data["files"]} == {"a/same.py", "b/same.py", "test_page.py"}


def test_a_program_without_source_has_a_page(tmp_path):
    scope = {}
    exec("def g(x):\n    return x * x\n", scope)
    data = data_of(page_of(dp.record(scope["g"], 3.0), tmp_path))
    assert data["files"] == [{"name": "<string>", "lines": []}]


# ---------------------------------------------------------------------------- the graph

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


@every_tape
def test_there_is_an_edge_for_each_operand_and_each_share(name):
    data = described(TAPES[name]())
    ends = {(edge["to"], edge["k"]): edge["from"] for edge in data["edges"]}
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
    tags = {(data["rows"][edge["from"]]["name"], edge["tag"]) for edge in data["edges"] if edge["to"] > 1000}
    assert ("dt", True) in tags
    assert ("torque", True) in tags
    assert ("dt", False) not in tags
    assert not any(edge["tag"] for edge in described(TAPES["arrays"]())["edges"])


# ---------------------------------------------------------------------------- in a browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


class Dom(HTMLParser):
    """The elements of a page with their attributes and the text in them."""

    VOID = {"meta", "col", "input", "br", "link", "img"}

    def __init__(self, text):
        super().__init__()
        self.open, self.all = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **{name: value or "" for name, value in attributes}}
        self.all.append(element)
        if tag not in self.VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        while self.open and self.open.pop()["tag"] != tag:
            pass

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def find(self, tag="", name="", **attributes):
        """The elements of this tag, with this among their classes and these attributes."""
        wanted = {key.replace("_", "-"): value for key, value in attributes.items()}
        return [e for e in self.all
                if tag in ("", e["tag"]) and (not name or name in e.get("class", "").split())
                and all(e.get(key) == value for key, value in wanted.items())]

    def texts(self, *args, **kwargs):
        return [e["text"].strip() for e in self.find(*args, **kwargs)]


def browsed(page, folder, address="", script=""):
    """The elements of the page as Chromium shows it, after this script of ours."""
    path = folder / "browsed.html"
    path.write_text(page.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    run = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={folder / 'profile'}", "--window-size=1280,900", "--virtual-time-budget=3000",
         "--dump-dom", path.as_uri() + address],
        capture_output=True, text=True, timeout=180, check=True)
    return Dom(run.stdout)


@needs_chromium
def test_browser_shows_a_forward_step(tmp_path):
    dom = browsed(page_of(TAPES["scalars"](), tmp_path), tmp_path, "#step=2")
    line = str(f.__code__.co_firstlineno + 1)
    assert [e["data-line"] for e in dom.find("div", "line") if "now" in e["class"].split()] == [line]
    assert dom.texts("mark") == ["np.sin(x * w)"]
    cells = {row["data-row"]: row["text"] for row in dom.find("tr") if "data-row" in row}
    assert [row["data-row"] for row in dom.find("tr", "now")] == ["3"]
    assert "0.841471" in cells["3"]
    assert "1.34147" not in cells["4"]           # it is not computed yet
    assert [e["data-row"] for e in dom.find("g", "known")] == ["0", "1", "2", "3"]
    assert dom.texts(id="where") == ["forward, #1 · step 2 of 8"]


@needs_chromium
def test_browser_shows_a_step_of_the_sweep(tmp_path):
    dom = browsed(page_of(TAPES["scalars"](), tmp_path), tmp_path, "#step=7")
    assert dom.texts("mark") == ["x * w"]
    (panel,) = (e["text"] for e in dom.find("section", id="step"))
    assert "adds g * b = 1.0806" in panel
    assert "adjoint of x 1 → 2.0806" in panel
    assert "adjoint of w 0 → 0.270151" in panel
    assert [e["data-row"] for e in dom.find("g", "gets")] == ["0", "1"]
    assert dom.texts("g", "share") == ["+1.0806", "+0.270151"]
    assert len(dom.find("g", "carry")) == 2


@needs_chromium
def test_browser_shows_the_gradient_in_the_last_step(tmp_path):
    dom = browsed(page_of(TAPES["scalars"](), tmp_path), tmp_path, "#step=last")
    assert dom.texts(data_input="x") == ["adjoint 2.0806"]
    assert dom.texts(data_input="w") == ["adjoint 0.270151"]
    assert len(dom.find("g", "swept")) == 5
    assert [button["id"] for button in dom.find("button") if "disabled" in button] == ["forward", "last"]


@needs_chromium
def test_browser_steps_by_keys_buttons_slider_and_clicks(tmp_path):
    script = """{
        const seen = [], body = document.body;
        const note = () => seen.push(step);
        const press = key => {
            body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
            note();
        };
        ["ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home", "ArrowLeft"].forEach(press);
        for (const id of ["forward", "forward", "back", "last", "first"]) { $("#" + id).click(); note(); }
        $("#slider").value = 6;
        $("#slider").dispatchEvent(new Event("input"));
        note();
        $("tr[data-row='2']").click();
        note();
        $(".node[data-row='0']").dispatchEvent(new MouseEvent("click", {bubbles: true}));
        note();
        press(" ");
        const shown = $("#play").getAttribute("aria-label");
        setTimeout(() => { note(); document.title = shown + " " + seen; }, 1500);
    }"""
    dom = browsed(page_of(TAPES["scalars"](), tmp_path), tmp_path, "#step=0", script)
    assert dom.texts("title") == ["pause " + ",".join(map(str, [
        1, 2, 1, 8, 8, 0, 0,                     # keys
        1, 2, 1, 8, 0,                           # buttons
        6, 7, 8,                                 # the slider, a row of the table, a node of the graph
        0, 1]))]                                 # played from the start, one step a second


@needs_chromium
def test_browser_shows_text_of_the_user_as_text(tmp_path):
    module = module_from(
        "def f(a, b):\n"
        '    text = "</script><img src=x><!-- "; return (a if a < b else b) * len(text)\n',
        tmp_path / "hostile.py")
    tape = dp.record(lambda d, b: module.f(d["<img src=y>"], b), {"<img src=y>": 1.0}, 2.0)
    dom = browsed(page_of(tape, tmp_path), tmp_path, "#step=1")
    assert dom.find("img") == []
    assert dom.texts("mark") == ["(a if a < b else b) * len(text)"]
    assert '"</script><img src=x><!-- "' in dom.find("div", "line", data_line="2")[0]["text"]
    assert any("d['<img src=y>']" in text for text in dom.texts("tr", data_row="0"))


@needs_chromium
def test_browser_draws_a_part_of_a_long_tape(tmp_path):
    dom = browsed(page_of(TAPES["loop"](), tmp_path), tmp_path, "#step=2901")
    rows = [row["data-row"] for row in dom.find("tr") if "data-row" in row]
    assert "1104" in rows                        # node 1100, after four inputs
    assert len(rows) <= 100
    drawn = [e["data-row"] for e in dom.find("g", "node")]
    assert "1104" in drawn
    assert len(drawn) < 100
