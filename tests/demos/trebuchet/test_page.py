"""The page of the trebuchet: exported programs that aim as the demo does, and what a browser can do."""

import json

import numpy as np
import pytest

import tinydp as dp
from demos import page as pages
from demos.page.browser import CHROMIUM, opened
from demos.trebuchet import page as trebuchet
from demos.trebuchet.learning import loss
from demos.trebuchet.machine import NET, TRAINING_DT, controller
from tests.ad.export.engines import NODE, in_node
from tests.demos.page.test_page import uniform
from tinydp.ad.export.modules import prepared, script
from tinydp.sims.trebuchet import CORRECTED, shoot, simulate

pytest.importorskip("wasmtime", reason="WebAssembly is exported by wasmtime: pip install 'tinydp[browser]'")
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
ALIKE = (1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def programs():
    return script(prepared(trebuchet.programs()))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(pages.text_of(trebuchet.page()), encoding="utf-8")
    return path


def params():
    return NET.init(np.random.default_rng(0))


def test_the_programs_are_a_fresh_export_and_the_rest_has_no_physics(path, programs):
    text = path.read_text()
    assert text.count(programs) == 1
    assert len(text.encode()) < pages.LARGEST
    assert "http" not in text.replace("http://www.w3.org", "")
    rest = text.replace(programs, "")
    written = rest[rest.index('id="learning"'):]
    for what in ("Math.tanh", "gravity", "9.8066", "density", "acceler", "0.4535", "slope"):
        assert what not in written, what


def test_its_loss_is_that_of_the_demo():
    winds, targets = np.array([-3.0, 0.0, 4.5]), np.array([30.0, 55.0, 80.0])
    found = trebuchet.loss(params(), winds, targets, trebuchet.physics(*ALIKE))
    assert found == pytest.approx(loss(params(), winds, targets), rel=1e-12)


def test_tasks_are_drawn_within_their_ranges():
    winds, targets = trebuchet.drawn_tasks(1.0 - np.random.default_rng(1).random((3, 4000)))
    assert np.abs(winds).max() == trebuchet.STRONGEST
    assert np.std(winds) == pytest.approx(5.0, rel=0.05)
    assert 20.0 <= targets.min() < 21.0
    assert 99.0 < targets.max() <= 100.0


@pytest.mark.parametrize("machine", [ALIKE, (1.7, 1.05, 0.8)])
def test_the_throw_that_is_shown_ends_where_a_shot_lands(machine):
    physics = trebuchet.physics(*machine)
    shown = trebuchet.throw(2.0, 50.0, 180.0, *machine)
    assert shown.flight[0][-1] == pytest.approx(shoot(2.0, 50.0, 180.0, physics), abs=2e-3)
    assert shown.flight[1][-1] == pytest.approx(-CORRECTED.pivot_height, abs=2e-3)
    assert shown.events == pytest.approx(simulate(2.0, 50.0, 180.0, physics, dt=TRAINING_DT).events, abs=1e-6)
    steps = trebuchet.SLIDING + trebuchet.HANGING
    sling = shown.pouch[:, steps - 1] - shown.tip[:, steps - 1]
    assert np.hypot(*sling) == pytest.approx(CORRECTED.sling)
    flying = trebuchet.trebuchet.stages(2.0, 50.0, 180.0, physics, TRAINING_DT)[2]
    states, step = np.concatenate([shown.flight, shown.velocity]), np.diff(shown.events)[1] / trebuchet.FLYING
    after = flying.step(trebuchet.Ball(0.0, *states[:, :-1]), step)      # a step leads to the next state
    assert np.stack(after[1:]) == pytest.approx(states[:, 1:], rel=1e-9)
    assert np.isfinite(np.stack([shown.tip, shown.elbow, shown.load])).all()


def test_the_fan_lands_where_shots_do():
    fan = trebuchet.fan(params(), 1.5, *ALIKE)
    for k in (0, 8):
        angle, weight = controller(params(), 1.5, trebuchet.FAN[k])
        wanted = shoot(1.5, float(angle), float(weight), dt=TRAINING_DT)
        assert fan["landing"][k] == pytest.approx(wanted, abs=1e-6)
        assert fan["x"][k][-1] == pytest.approx(fan["landing"][k], abs=2e-3)


def test_a_push_moves_the_landing_as_the_arrows_say():
    at = [np.array([x]) for x in (10.0, 12.0, 15.0, 4.0)]
    found = trebuchet.pull(*at, 1.0, *ALIKE)
    flying = trebuchet.trebuchet.stages(1.0, 45.0, 200.0, CORRECTED, TRAINING_DT)[2]

    def landing(vx, vy):
        return flying.run(trebuchet.Ball(0.0, 10.0, 12.0, vx, vy)).x

    assert found["along"][0] == pytest.approx((landing(15.001, 4.0) - landing(14.999, 4.0)) / 0.002, rel=1e-5)
    assert found["up"][0] == pytest.approx((landing(15.0, 4.001) - landing(15.0, 3.999)) / 0.002, rel=1e-5)


def test_a_new_network_begins_with_about_the_same_aim_for_all():
    weights = sum(n * m for n, m in zip(NET.sizes, NET.sizes[1:], strict=False))
    begun = trebuchet.begin(np.array(uniform(7, weights)))
    angles, _ = controller(begun.params, np.array([-5.0, 0.0, 5.0]), np.array([30.0, 60.0, 90.0]))
    assert np.ptp(angles) < 25.0


LEARN = """
globalThis.postMessage = () => {};
const DATA = %s;
%s
%s
commands.begin({ seed: 7, values: { drag: 1.3, arm: 1.05, ball: 0.9 } });
const costs = [];
for (let k = 0; k < 5; k++) {
  draw(update);
  update.run().next();
  costs.push(update.get("cost"));
}
console.log(JSON.stringify([costs, judge.run(DATA.starts.judged).get("mean")]));
process.exit();
"""


@pytest.mark.skipif(NODE is None, reason="there is no Node on this machine")
def test_it_learns_in_node_as_in_python(path, programs, tmp_path):
    learning = path.read_text().partition('id="learning">')[2].partition("</script>")[0]
    page, machine = trebuchet.page(), (1.3, 1.05, 0.9)
    costs, median = in_node(LEARN % (json.dumps(page.data), programs, learning), tmp_path)
    weights = sum(n * m for n, m in zip(NET.sizes, NET.sizes[1:], strict=False))
    draws = np.array(uniform(7, weights + 5 * 3 * trebuchet.SHOTS))
    made, update = trebuchet.begin(draws[:weights]), dp.compile(trebuchet.update)
    for cost, here in zip(costs, draws[weights:].reshape(5, 3, -1), strict=True):
        made = trebuchet.Learned(*update(made.params, made.average, made.optimiser, here, *machine))
        assert cost == pytest.approx(made.cost, rel=1e-10)
    judged = page.data["starts"]["judged"]
    found = trebuchet.judge(made.average, np.array(judged["wind"]), np.array(judged["target"]), *machine)
    assert median == pytest.approx(found["mean"], rel=1e-9)


@in_chromium
def test_it_learns_to_aim_and_shows_what_programs_return(path):
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with opened(path) as (page, said):
        page.wait_for_function("shown !== null")
        before = page.evaluate("shown.landing")
        assert -page.evaluate("points[0][1]") > 5.0
        page.click("#learn")
        page.wait_for_function("judgement.value > -1.0", timeout=60_000)
        assert page.evaluate("judgement.of") <= 600
        page.click("#learn")
        page.evaluate("slid('target', 75)")
        page.wait_for_function(f"shown.landing !== {before} && !stale")
        aim, landing, wind = page.evaluate("[decision, shown.landing, windy()]")
        assert landing == pytest.approx(shoot(wind, aim["angle"], aim["weight"], dt=TRAINING_DT), abs=2e-3)
        assert landing == pytest.approx(75.0, rel=0.1)
        page.focus("#field")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("target()") == 76
        page.evaluate("learner.learn(true)")  # another machine: learned anew from there
        page.evaluate("learner.learn(false), slid('drag', 1.5)")
        page.wait_for_function("judgement.of === 0")
        assert page.evaluate("judgement.value") < -1.0
        assert page.evaluate("progress.step") == 0
        page.wait_for_function("$('said').textContent.startsWith('Target 76 m, wind 2.0 m/s: lets go at')")
        page.evaluate("learner.worker.onmessage({ data: { kind: 'done' } })")
        page.wait_for_selector("#learn:disabled")
        page.evaluate("slid('arm', 1.05)")
        page.wait_for_selector("#learn:enabled")
        assert not page.is_visible("#error")
        assert said == []


@in_chromium
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1366, "light")])
def test_it_fits_the_screen(path, width, scheme):
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with opened(path, width, color_scheme=scheme, reduced_motion="reduce") as (page, said):
        page.wait_for_function("shown !== null")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_attribute("#motion", "aria-pressed") == "false"
        assert said == []
