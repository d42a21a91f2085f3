"""The page of a tape: its rules are a fresh print, and its gradients those of the package."""

import json
import re

import numpy as np
import pytest

import tinydp as dp
from demos.page import tape
from demos.page.browser import CHROMIUM
from tests.ad.export.engines import NODE, in_node

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node on this machine")
SPACE = {"max": np.maximum, "min": np.minimum, **{name: getattr(np, name) for name in (
    "sin", "cos", "tan", "tanh", "exp", "log", "sqrt", "abs", "where")}}
OURS = [*tape.PROGRAMS.values(), "x = 0.4\ny = x if x > 1 else min(x, 3) / tan(x)\nf = -y**3 + 2**x",
        "x = 0.5\ny = 0.5\nf = max(x, y) * x"]


def drawn(rng, depth):
    """A random expression of x and y, which is smooth where it is tried."""
    if not depth:
        return str(rng.choice(["x", "y", "0.7"]))
    a, b = drawn(rng, depth - 1), drawn(rng, depth - 1)
    return str(rng.choice([f"({a} + {b})", f"({a} - {b})", f"{a} * {b}", f"{a} / (1 + ({b})**2)", f"sin({a})",
                           f"tanh({a})", f"log(1 + ({a})**2)", f"max({a}, 2 * {b} + 0.1)",
                           f"where({a} < {b} + 0.1, {a}, {b})"]))


def random_programs():
    rng = np.random.default_rng(0)
    return [f"x = {rng.uniform(0.1, 2):.3f}\ny = -{rng.uniform(0.1, 2):.3f}\nf = x * y + {drawn(rng, 3)}"
            for _ in range(30)]


def scripted():
    return tape.text_of().partition('id="language">')[2].partition("</script>")[0]


def by_tinydp(text):
    """Value and gradient of the same text, which is Python as well."""
    lines = text.split("\n")
    inputs = {a: float(b) for a, b in (x.split(" = ") for x in lines) if re.fullmatch(r"-?[\d.]+", b)}
    rest = "\n".join(x for x in lines if x.partition(" = ")[0] not in inputs)

    def f(*values):
        space = {**SPACE, **dict(zip(inputs, values, strict=True))}
        exec(rest, space)
        return space[lines[-1].partition(" = ")[0]]

    value, gradient = dp.value_and_grad(f, tuple(range(len(inputs))))(*inputs.values())
    return [float(value), *map(float, gradient)]


ASK = """
const told = %s.map(text => {
  const made = record(text), { adjoints, steps } = sweep(made);
  const inputs = [...made.tape.keys()].filter(k => made.tape[k].op === "input");
  const code = straight(made, steps) + `\\nreturn [v${made.last}, ${inputs.map(k => `g${k}`)}];`;
  return [[made.tape[made.last].value, ...inputs.map(k => adjoints[k])], eval(`(() => { ${code} })()`)];
});
console.log(JSON.stringify(told));
"""


def test_values_and_gradients_are_the_packages(tmp_path):
    programs = OURS + random_programs()
    found = in_node(scripted() + ASK % json.dumps(programs), tmp_path)
    for text, (swept, shown) in zip(programs, found, strict=True):
        np.testing.assert_allclose(swept, by_tinydp(text), rtol=1e-12, atol=1e-13, err_msg=text)
        np.testing.assert_allclose(shown, swept, rtol=1e-14, err_msg=text)


@pytest.mark.parametrize(("text", "place", "advice"), [
    ("x = 1\nf = x^2", "line 2, column 6", "two stars"), ("f = y", "line 1, column 5", "y = 1"),
    ("f = ln(2)", "line 1, column 5", "write log"), ("f = alert(1)", "line 1, column 5", "no function"),
    ("f = sin(1, 2)", "line 1, column 5", "1 argument"), ("f = (1 + 2", "line 1, column 11", "“)”")])
def test_errors_are_advice(text, place, advice, tmp_path):
    ask = "let told; try { record(%s); } catch (e) { told = e.message; } console.log(JSON.stringify(told));"
    told = in_node(scripted() + ask % json.dumps(text), tmp_path)
    assert place in told
    assert advice in told


def test_the_table_is_fresh_and_the_page_small():
    text = tape.text_of()
    tape.rules.cache_clear()
    assert tape.text_of() == text
    assert len(text.encode()) < 500_000
    assert not re.findall(r'(?:src|href)="(?!#)', text)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1366, "light")])
def test_in_chromium(width, scheme, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = tmp_path / "page.html"
    path.write_text(tape.text_of(), encoding="utf-8")
    said = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme,
                                reduced_motion="reduce")
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        for name, text in tape.PROGRAMS.items():
            page.select_option("#choose", name)
            found = page.evaluate("[recorded.tape[recorded.last].value, ...recorded.tape.flatMap("
                                  "(node, k) => node.op === 'input' ? [swept.adjoints[k]] : [])]")
            np.testing.assert_allclose(found, by_tinydp(text), rtol=1e-12, atol=1e-13, err_msg=name)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.focus("#code")
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#rule").startswith("Step 1 of")
        page.keyboard.press(" ")
        assert page.evaluate("at === swept.steps.length")
        page.fill("#program", "f = ln(2)")
        assert "write log" in page.inner_text("#wrong")
        assert said == []
        page.evaluate("setTimeout(() => { throw new Error('a wheel came off'); })")
        page.wait_for_selector("#error:not([hidden])")
        assert "a wheel came off" in page.inner_text("#error")
        browser.close()
