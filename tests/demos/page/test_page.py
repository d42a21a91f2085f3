"""Pages: what is in them is exported, and learns in Node as it does in Python; a browser opens them."""

import json
import re

import numpy as np
import pytest

from demos import page as pages
from demos.pendulum import page as pendulum
from tests.ad.export.engines import NODE, in_node
from tinydp.ad.export.modules import prepared, script


@pytest.fixture(scope="module")
def text():
    return pages.text_of(pendulum.page())


@pytest.fixture(scope="module")
def programs():
    return script(prepared(pendulum.programs()))


def test_the_programs_are_a_fresh_export(text, programs):
    assert text.count(programs) == 1


def test_the_rest_has_no_physics(text, programs):
    """No network, no acceleration: the state is what `move` returns, or what the pointer says."""
    rest = text.replace(programs, "")
    written = rest[rest.index('id="learning"'):]
    for what in ("Math.tanh", "Math.exp", "gravity *", "gravity() *", "* gravity", "rate * DT", "acceler"):
        assert what not in written


def test_it_is_one_small_file(text):
    assert len(text.encode()) < pages.LARGEST
    assert not re.findall(r'(?:src|href)="(?!#)', text)
    assert not re.findall(r"\b(?:fetch|XMLHttpRequest|importScripts|import)\(", text)
    assert "<!--" not in text
    assert "/*" not in text.partition("<main>")[0].partition("<style>")[2]


def uniform(seed, count):
    """The numbers that `learning.js` draws."""
    found, mask = [], 0xFFFFFFFF
    for _ in range(count):
        seed = (seed + 0x6D2B79F5) & mask
        t = ((seed ^ seed >> 15) * (1 | seed)) & mask
        t = ((t + ((t ^ t >> 7) * (61 | t) & mask)) & mask) ^ t
        found.append(1 - (t ^ t >> 14) / 2**32)
    return np.array(found)


LEARN = """
globalThis.postMessage = data => heard.push(data);
const heard = [];
%s
%s
commands.begin({ seed: 7, values: { mass: 1, gravity: 10 } });
const first = update.copy("params")["params.0.weight"].slice(0, 4), costs = [];
for (let k = 0; k < 80; k++) {
  draw(update);
  update.run().next();
  costs.push(update.get("cost"));
}
updates = 80;
judged();
console.log(JSON.stringify([[...first], costs, heard.map(x => x.value ?? 0)]));
process.exit();
"""


@pytest.mark.skipif(NODE is None, reason="there is no Node on this machine")
def test_it_learns_in_node_as_in_python(text, programs, tmp_path):
    learning = text.partition('id="learning">')[2].partition("</script>")[0]
    data = f"const DATA = {json.dumps(pendulum.page().data)};"
    first, costs, values = in_node(data + LEARN % (programs, learning), tmp_path)
    weights = sum(layer.weight.size for layer in pendulum.example())
    draws = uniform(7, 2 * weights + 3 * 2 * pendulum.WINDOWS)
    made = pendulum.begin(draws[: 2 * weights].reshape(2, -1))
    np.testing.assert_allclose(first, made.params[0].weight.ravel()[:4], rtol=1e-13)
    for k in range(3):
        here = draws[2 * weights:][2 * pendulum.WINDOWS * k:][: 2 * pendulum.WINDOWS].reshape(2, -1)
        made = pendulum.update(made.params, made.average, made.optimiser, here, 1.0, 10.0)
        assert costs[k] == pytest.approx(made.cost, rel=1e-11)
    assert values[0] < -1000
    assert values[-1] > -200                     # after 80 updates
