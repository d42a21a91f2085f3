"""The pendulum's page in headless Chromium: it opens, learns, and does what its buttons say."""

import pytest

from demos import page as pages
from demos.page.browser import CHROMIUM, opened
from demos.pendulum import page as pendulum
from tinydp.sims.pendulum import STANDARD, State, step

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(pages.text_of(pendulum.page()), encoding="utf-8")
    return path


def test_it_learns_and_says_nothing(path):
    with opened(path) as (page, said):
        page.click("#learn")
        page.wait_for_function("progress.step >= 80", timeout=120_000)
        assert page.evaluate("points[0][1]") < -1000
        assert page.evaluate("judgement.value") > -200
        page.click("#learn")
        assert page.inner_text("#learn") == "Learn"
        assert not page.is_visible("#error")
        assert said == []


def test_sliders_keys_and_numbers(path):
    with opened(path) as (page, _):
        page.evaluate("moves = false")
        page.fill("#gravity", "4")
        page.wait_for_function("learner && points.length === 1")
        assert page.inner_text("output[for=gravity]") == "4.0 m/s²"
        found = page.evaluate("[before, now] = [now, { theta: 2, rate: -1, torque: 0 }], advance(), now")
        wanted = step(State(2.0, -1.0), found["torque"], STANDARD._replace(gravity=4.0))
        assert found["theta"] == pytest.approx(wanted.theta, rel=1e-12)
        page.focus("#pendulum")
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("now.rate") == pytest.approx(wanted.rate + 1.5)


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1366, "light")])
def test_it_fits(path, width, scheme):
    with opened(path, width, color_scheme=scheme, reduced_motion="reduce") as (page, _):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_attribute("#motion", "aria-pressed") == "false"
        named = "[...document.querySelectorAll('canvas')].every(x => x.getAttribute('aria-label'))"
        assert page.evaluate(named)


def test_an_error_is_seen(path):
    with opened(path) as (page, _):
        page.evaluate("setTimeout(() => { throw new Error('a wheel came off'); })")
        page.wait_for_selector("#error:not([hidden])")
        assert "a wheel came off" in page.inner_text("#error")


def test_another_machine_is_counted_anew(path):
    with opened(path) as (page, said):
        page.click("#learn")
        page.wait_for_function("progress.step >= 5", timeout=120_000)
        page.evaluate("learner.worker.onmessage({ data: { kind: 'done' } })")
        page.wait_for_selector("#learn:disabled")                # there is nothing to learn any more ...
        page.fill("#mass", "1.3")
        page.wait_for_selector("#learn:enabled")
        assert page.evaluate("[progress.step, judgement.of, points.length]") == [0, 0, 1]
        assert said == []
