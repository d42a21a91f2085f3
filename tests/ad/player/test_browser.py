"""What a browser makes of the page."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

import tinydp as dp

from .tapes import TAPES, f, module_from, page_of

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


@needs_chromium
def test_browser_shows_a_step_of_a_loop_and_says_it_in_words(tmp_path):
    dom = browsed(page_of(TAPES["scan"](), tmp_path), tmp_path, "#step=39&open=2")
    (path,) = dom.texts(id="path")
    assert re.findall(r"scan #0|step \d", path) == ["scan #0", "step 1"]
    nodes = {e["data-row"]: e["class"].split() for e in dom.find("g", "node")}
    assert set(nodes) == {"0", "8", "10", "11", "12"}            # all that it takes from around, and its own
    assert [row for row, classes in nodes.items() if "now" in classes] == ["12"]         # node #0.5
    assert dom.texts("tr", "label")[:2] == ["step 0", "step 1"]
    assert dom.texts("mark") == ["money * rate"]
    (said,) = dom.find(id="said")
    assert (said["role"], said["aria-live"]) == ("status", "polite")
    assert said["text"] == ("Step 39 of 46, sweep, step 1: #0.5, multiply, cotangent 1, "
                            "adds 0.05 to #0.1, now 0.05; 105 to rate, now 834.304.")
    assert dom.find("input", id="slider")[0]["aria-valuetext"] == said["text"]
    assert all(button["text"].strip() or button.get("aria-label") for button in dom.find("button"))
    assert [row["data-row"] for row in dom.find("tr", aria_current="step")] == ["12"]


@needs_chromium
def test_browser_opens_and_closes_by_keys_and_stays_where_it_was(tmp_path):
    script = """{
        const seen = [];
        const press = (key, shiftKey = false) => {
            document.body.dispatchEvent(new KeyboardEvent("keydown", {key, shiftKey, bubbles: true}));
            seen.push(step + "/" + LAST + (current() < 0 ? "" : rows[current()].name));
        };
        ["ArrowRight", "Enter", "ArrowRight"].forEach(key => press(key));
        press("ArrowRight", true); press("ArrowLeft", true); press("Enter"); press("End"); press("ArrowLeft");
        press("Enter"); press("ArrowRight"); press("ArrowRight", true);
        document.title = seen.join(" ");
    }"""
    dom = browsed(page_of(TAPES["scan"](), tmp_path), tmp_path, "#step=0", script)
    assert dom.texts("title") == [
        "1/12#0 1/46#0 2/46#0.0 5/46#0.3 2/46#0.0 1/12#0 12/12 11/12#0 28/46#0 29/46#0.15 30/46#0.14"]


@needs_chromium
def test_browser_passes_through_all_that_is_inside(tmp_path):
    script = """{
        for (let k = 0; k <= LAST; k++) go(k);
        const wrong = rows.filter((row, r) => row.reached && gathered(r).sum !== row.adjoint);
        document.title = LAST + " " + wrong.map(row => row.name);
    }"""
    dom = browsed(page_of(TAPES["nested"](), tmp_path), tmp_path, "#step=0&open=all", script)
    assert dom.texts("title") == ["144"]


@needs_chromium
def test_browser_puts_every_row_on_paper(tmp_path):
    script = 'dispatchEvent(new Event("beforeprint"));'
    dom = browsed(page_of(TAPES["loop"](), tmp_path), tmp_path, "#step=last", script)
    assert len([row for row in dom.find("tr") if "data-row" in row]) == 2004
