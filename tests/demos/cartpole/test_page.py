"""The page of the cart-pole: exported programs that learn as in Python, and what can be done in a browser."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from demos import page as pages
from demos.cartpole import page as cartpole
from demos.cartpole.judging import balance, evaluated_starts
from demos.cartpole.learning import loss
from demos.cartpole.network import NET
from demos.page.browser import CHROMIUM, opened
from tests.ad.export.engines import NODE, in_node
from tests.demos.page.test_page import uniform
from tinydp.ad.export.modules import prepared, script
from tinydp.sims.cartpole import EPISODE, STANDARD, State, step

pytest.importorskip("wasmtime", reason="WebAssembly is exported by wasmtime: pip install 'tinydp[browser]'")
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
WEIGHTS = sum(n * m for n, m in zip(NET.sizes, NET.sizes[1:], strict=False))


@pytest.fixture(scope="module")
def text():
    return pages.text_of(cartpole.page())


@pytest.fixture(scope="module")
def path(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(text, encoding="utf-8")
    return path


# ---------------------------------------------------------------------------- what is in it

def test_the_programs_are_a_fresh_export(text):
    assert text.count(script(prepared(cartpole.programs()))) == 1


def test_the_rest_has_no_physics(text):
    """What is drawn is what a program returned: in the rest, a rate or a speed changes nothing."""
    rest = text.replace(script(prepared(cartpole.programs())), "")
    written = rest[rest.index('id="learning"'):]
    for what in ("Math.tanh", "gravity", "mass", "9.8", "acceler", "speed +", "rate +", "theta +"):
        assert what not in written, what


def test_it_is_one_small_file(text):
    assert len(text.encode()) < pages.LARGEST
    assert "<!--" not in text
    assert "http" not in text.replace("http://www.w3.org", "")


# ---------------------------------------------------------------------------- what is learned

def test_its_cost_is_that_of_the_demo():
    rng = np.random.default_rng(3)
    params, starts = NET.init(rng), cartpole.drawn_starts(rng.random((2, 4, 32)))
    wanted = loss(params, starts, cartpole.HORIZON)
    assert cartpole.mean_cost(params, starts, STANDARD.half_length) == pytest.approx(wanted, rel=1e-12)


def test_it_judges_as_the_demo_does():
    """But for Gymnasium's rounding to float32, which the page leaves out."""
    params, starts = NET.init(np.random.default_rng(0)), evaluated_starts()
    wanted = np.mean(balance(params, starts, EPISODE).lengths)
    found = cartpole.judge(params, *starts, STANDARD.half_length)["mean"]
    assert wanted < 100
    assert found == pytest.approx(wanted, abs=0.5)


LEARN = """
globalThis.postMessage = data => heard.push(data);
const heard = [];
%s
%s
commands.begin({ seed: 7, values: { half_length: 0.5 } });
const first = update.copy("params")["params.0.weight"].slice(0, 4), costs = [];
for (let k = 0; k < 40; k++) {
  draw(update);
  update.run().next();
  costs.push(update.get("cost"));
}
updates = 40;
judged();
console.log(JSON.stringify([[...first], costs, heard.map(x => x.value ?? 0)]));
process.exit();
"""


@pytest.mark.skipif(NODE is None, reason="there is no Node on this machine")
def test_it_learns_in_node_as_in_python(text, tmp_path):
    part = lambda name: text.partition(f'id="{name}">')[2].partition("</script>")[0]
    data = f"const DATA = {json.dumps(cartpole.page().data)};"
    first, costs, values = in_node(data + LEARN % (part("programs"), part("learning")), tmp_path)
    draws = uniform(7, WEIGHTS + 3 * 2 * 4 * cartpole.STARTS)
    made = cartpole.begin(draws[:WEIGHTS])
    np.testing.assert_allclose(first, made.params[0].weight.ravel()[:4], rtol=1e-13)
    for k, here in enumerate(draws[WEIGHTS:].reshape(3, 2, 4, cartpole.STARTS)):
        made = cartpole.update(made.params, made.average, made.optimiser, here, 0.5)
        assert costs[k] == pytest.approx(made.cost, rel=1e-10)
    assert values[0] < 20
    assert values[-1] == EPISODE                 # of every one of the 100 episodes


# ---------------------------------------------------------------------------- what can be done

@in_chromium
def test_it_learns_and_says_nothing(path):
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with opened(path) as (page, said):
        assert page.evaluate("judgement.value") < 20
        page.fill("#pace", "3")
        assert page.inner_text("output[for=pace]") == "at once"
        page.click("#learn")
        page.wait_for_function("progress.step >= 20", timeout=60_000)
        page.wait_for_function(f"judgement.value === {EPISODE}")
        page.wait_for_function("$('status').textContent.includes('all 100 episodes stand')")
        page.evaluate("learner.worker.onmessage({ data: { kind: 'done' } })")
        page.wait_for_selector("#learn:disabled")
        page.fill("#length", "0.6")              # another pole can be learned anew
        page.wait_for_selector("#learn:enabled")
        assert not page.is_visible("#error")
        assert said == []


@in_chromium
def test_pushes_are_those_of_the_simulator(path):
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with opened(path) as (page, _):
        page.evaluate("moves = false; anew()")
        page.fill("#strength", "8")
        page.fill("#length", "0.8")
        page.focus("#track")
        page.keyboard.down("ArrowRight")
        before = page.evaluate("network.now")
        after = page.evaluate("tick(), network.now")
        state = State(*(before[name] for name in State._fields))
        wanted = step(state, after["action"] + 0.8, STANDARD._replace(half_length=0.4))
        for name, value in wanted._asdict().items():
            assert after[name] == pytest.approx(value, rel=1e-12, abs=1e-15)
        page.keyboard.up("ArrowRight")
        assert page.evaluate("wanted(network)") == 0
        box = page.locator("#track").bounding_box()
        page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
        page.mouse.down()
        assert page.evaluate("wanted(network)") == -1
        page.mouse.up()
        assert page.evaluate("wanted(network)") == 0


@in_chromium
def test_a_game_is_lost_and_begun_anew(path):
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with opened(path) as (page, said):
        page.evaluate("moves = false")
        page.click("#play")
        assert page.evaluate("network.now.theta === you.now.theta")
        page.keyboard.down("ArrowLeft")
        page.evaluate("for (let k = 0; k < 100; k++) tick()")
        assert page.evaluate("you.fallen && you.steps < 60")
        assert page.inner_text("#told").startswith("You stood for 0.")
        page.keyboard.up("ArrowLeft")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("you.steps") == 0
        page.click("#play")
        assert page.inner_text("#play") == "Play against it"
        assert not page.is_visible("#error")
        assert said == []


@in_chromium
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1366, "light")])
def test_it_fits(path, width, scheme):
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with opened(path, width, color_scheme=scheme, reduced_motion="reduce") as (page, _):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_attribute("#motion", "aria-pressed") == "false"
        steps = page.evaluate("network.steps")
        page.wait_for_timeout(100)
        assert page.evaluate("network.steps") == steps


def test_the_controller_that_the_demo_trained_is_in_the_page(tmp_path, monkeypatch, capsys):
    """If its network has the sizes of the page's."""
    network = NET.init(np.random.default_rng(5))
    file = tmp_path / "cartpole" / "controller-3.npz"
    assert pages.trained(cartpole.page(), file) is None
    file.parent.mkdir()
    file.touch()
    loaded = [network]
    monkeypatch.setattr(pages.controllers, "load", lambda path: SimpleNamespace(params=loaded[0]))
    options = SimpleNamespace(out=tmp_path / "cartpole-page", seed=3, quiet=False)
    options.out.mkdir()
    text = cartpole.DEMO.train(options)
    assert "With the controller in" in capsys.readouterr().err
    found = json.loads(text.partition("const DATA = ")[2].partition(";\n")[0])["trained"]
    assert set(found) == {f"{k}.{name}" for k in range(len(network)) for name in ("weight", "bias")}
    assert found["1.weight"] == network[1].weight.ravel().tolist()
    loaded[0] = network[:1]
    assert '"trained": null' in cartpole.DEMO.train(options)
    assert "none of its size" in capsys.readouterr().err


@in_chromium
def test_the_trained_network_drives_at_the_press_of_a_button(tmp_path):
    network = NET.init(np.random.default_rng(5))
    named = {f"{k}.{name}": np.ravel(x).tolist() for k, layer in enumerate(network)
             for name, x in layer._asdict().items()}
    page = cartpole.page()
    path = tmp_path / "page.html"
    path.write_text(pages.text_of(page._replace(data=page.data | {"trained": named})), encoding="utf-8")
    with opened(path) as (page, said):
        page.click("#trained")
        first = "move.inputs['average.0.weight'].data[0]"
        page.wait_for_function(f"Math.abs({first} - {named['0.weight'][0]!r}) < 1e-15")
        assert page.evaluate("judgement.of") == 0
        wanted = cartpole.judge(network, *evaluated_starts(), STANDARD.half_length)["mean"]
        assert page.evaluate("judgement.value") == pytest.approx(wanted, rel=1e-9)
        page.click("#learn")                     # it learns on from there
        page.wait_for_function("judgement.of > 0")
        page.evaluate("learner.done()")
        assert page.is_disabled("#learn")
        page.click("#trained")                   # there is something to learn again
        page.wait_for_function("!$('learn').disabled && progress.step === 0")
        assert said == []
