"""A network inside a simulator: none before data, and its numbers in their places."""

import numpy as np

from demos.worlds.network import new_network
from tinydp.nn import MLP


def test_a_network_begins_as_none_and_its_weights_have_their_places():
    network = new_network(MLP((2, 3, 1)), spread=0.5, size=2.0)
    n = len(network.begin)
    assert n == 2 * 3 + 3 + 3 + 1
    first, last = network.at(np.zeros(n))
    assert np.all(last.weight == 0.0)
    assert np.all(last.bias == 0.0)
    assert np.all(first.weight != 0.0)
    first, last = network.at(np.arange(n) - network.begin / network.spread)
    assert np.allclose(first.weight / 0.5, [[0, 1, 2], [3, 4, 5]])
    assert np.allclose(first.bias / 0.5, [6, 7, 8])
    assert np.allclose(last.weight[:, 0] / (2.0 / np.sqrt(3)), [9, 10, 11])
    assert np.allclose(last.bias / (2.0 / np.sqrt(3)), [12])
