"""Beliefs: the equations and their slopes, records in pieces, and known machines found again."""

import numpy as np
import pytest

from demos.cartpole import world as cartpole
from demos.pendulum import world as pendulum
from demos.worlds.belief import LENGTH, Equations, Record, Refinery, Unknown, cut, prior
from tinydp.sims import worlds


@pytest.fixture(scope="module")
def refineries():
    """They compile at their first use: so one serves all tests."""
    return {"pendulum": Refinery(pendulum.MODEL), "cartpole": Refinery(cartpole.MODEL),
            "richer": Refinery(pendulum.RICHER)}


def _pendulum(steps, **truth):
    """A record of a pendulum that is driven round and then left to itself."""
    world = worlds.make("pendulum", **truth)
    seen, actions = [world.reset(seed=1)[0]], []
    for k in range(steps):
        actions.append(2.0 * np.sign(seen[-1][2]) if k % 50 < 40 else 0.0)
        seen.append(world.step(np.array([actions[-1]]))[0])
    return Record(np.array(seen, float), np.array(actions))


def _cartpole(steps, **truth):
    """Records of a cart-pole that falls now and then."""
    world, rng, records = worlds.make("cartpole", **truth), np.random.default_rng(0), []
    seen, actions = [world.reset(seed=1)[0]], []
    for _ in range(steps):
        x, v, theta, rate = seen[-1] + rng.normal(0.0, 0.3, 4)
        actions.append(1.0 if theta + 0.3 * rate + 0.05 * x + 0.1 * v > 0 else -1.0)
        after, _, ended, *_ = world.step(int(actions[-1] > 0))
        seen.append(after)
        if ended:
            records.append(Record(np.array(seen, float), np.array(actions)))
            seen, actions = [world.reset()[0]], []
    return [*records, Record(np.array(seen, float), np.array(actions))]


def test_an_unknown_is_positive_or_cut_at_zero():
    length, friction = Unknown("length", 2.0, 0.5), Unknown("friction", 0.0, 0.5)
    assert length.at(0.0) == 2.0
    assert 0.0 < length.at(-100.0) < 1e-20
    assert friction.at(0.0) == friction.at(-1.0) == 0.0
    assert friction.at(2.0) == 1.0


def test_the_prior_is_the_nominal_machine():
    belief = prior(cartpole.MODEL)
    known = cartpole.MODEL.at(belief.z)
    assert known._replace(friction=None) == cartpole.STANDARD
    assert known.friction == 0.0
    assert belief.odds.argmax() == 0
    assert np.all(belief.odds > 0)
    low, high = cartpole.MODEL.between(belief)["push"]
    assert low < 10.0 < high
    assert low * high == pytest.approx(100.0)


def test_records_are_cut_where_an_episode_ends():
    first = Record(np.arange(4.0 * (LENGTH + 3)).reshape(-1, 4), np.ones(LENGTH + 2))
    second = Record(-np.ones((2, 4)), -np.ones(1))
    pieces = cut([first, second], cartpole.MODEL, delay=0)
    assert pieces.counts.sum(axis=0)[:4].tolist() == [LENGTH, 3, 2, 0]
    assert pieces.joined[:4].tolist() == [1, 0, 0, 0]
    assert pieces.states[:3, 1].tolist() == first.seen[LENGTH:].tolist()
    assert pieces.actions[:3, 1].tolist() == [1, 1, 0]
    assert pieces.actions[:2, 2].tolist() == [-1, 0]
    late = cut([first, second], cartpole.MODEL, delay=2)
    assert late.actions[:4, 0].tolist() == [0, 0, 1, 1]
    assert late.actions[:2, 2].tolist() == [0, 0]


def test_the_oldest_pieces_are_forgotten():
    records = [Record(np.full((2, 4), float(k)), np.ones(1)) for k in range(cartpole.MODEL.pieces + 5)]
    pieces = cut(records, cartpole.MODEL, delay=0)
    assert pieces.states[0, 0].tolist() == [5.0] * 4
    assert pieces.counts.sum() == 2 * cartpole.MODEL.pieces


def test_measured_angles_count_turns():
    angles = np.linspace(0.0, 20.0, 80)
    seen = np.stack([np.cos(angles), np.sin(angles), np.ones(80)], axis=1)
    assert np.allclose(pendulum.MODEL.measured(seen)[:, 0], angles)


@pytest.mark.parametrize("name", ["pendulum", "cartpole", "richer"])
def test_the_jacobian_is_that_of_the_residuals(refineries, name):
    model = refineries[name].model
    records = ([*_cartpole(LENGTH + 5, friction=0.3), *_cartpole(3)] if name == "cartpole"
               else [_pendulum(LENGTH + 5, coulomb=0.1)])
    equations = Equations(refineries[name], model.sensors, cut(records, model, model.delays[-1]))
    rng = np.random.default_rng(0)
    z = np.abs(0.3 * rng.normal(size=model.size)) + 0.1
    x = np.concatenate([z, (equations.measured + 0.02 * rng.normal(size=equations.measured.shape)).ravel()])
    found, h = equations.jacobian(x), 1e-6
    for k, column in enumerate(found.T):
        e = h * (np.arange(len(x)) == k)
        differences = (equations.residuals(x + e) - equations.residuals(x - e)) / (2 * h)
        assert np.allclose(column, differences, rtol=1e-4, atol=1e-4 * np.abs(found).max())


def test_a_noisy_pendulum_is_found(refineries):
    record = _pendulum(120, length=1.2, mass=0.8, viscous=0.1, coulomb=0.2, angle_noise=0.01, rate_noise=0.05)
    belief = refineries["pendulum"].refine(prior(pendulum.MODEL), [record])
    found = pendulum.MODEL.at(belief.z)
    assert found.length == pytest.approx(1.2, rel=0.03)
    assert found.mass == pytest.approx(0.8, rel=0.06)
    assert found.friction.viscous == pytest.approx(0.1, abs=0.05)
    assert found.friction.coulomb == pytest.approx(0.2, abs=0.15)
    assert np.all(np.diag(belief.covariance) < 0.5)
    assert belief.noise == pytest.approx([0.01, 0.05], rel=0.4)
    assert belief.work > 120


def test_a_late_cart_pole_is_found_with_its_delay(refineries):
    records = _cartpole(100, half_length=1.3, gain=1.2, friction=0.5, delay=2, noise=1.0)
    assert len(records) > 1
    belief = refineries["cartpole"].refine(prior(cartpole.MODEL), records)
    found = cartpole.MODEL.at(belief.z)
    assert belief.odds.argmax() == 2
    assert belief.odds[2] > 0.999
    assert found.half_length == pytest.approx(0.65, rel=0.1)
    assert found.push == pytest.approx(12.0, rel=0.1)
    assert found.friction == pytest.approx(0.5, abs=0.3)


def test_what_does_not_fit_makes_unsure(refineries):
    sure = _pendulum(100, angle_noise=0.01, rate_noise=0.05)
    odd = Record(sure.seen * [1.0, 1.0, 1.5], sure.actions)          # its tachometer is wrong
    beliefs = []
    for record in (sure, odd):
        belief = prior(pendulum.MODEL)
        for _ in range(2):
            belief = refineries["pendulum"].refine(belief, [record])
        beliefs.append(belief)
    assert beliefs[1].noise[1] > 3 * beliefs[0].noise[1]
    assert beliefs[1].covariance[0, 0] > 3 * beliefs[0].covariance[0, 0]


def test_what_parameters_cannot_explain_a_network_foretells(refineries):
    """Three quarters of an episode tell of the rest."""
    record = _pendulum(160, cogging=1.0, angle_noise=0.01, rate_noise=0.05)
    known, errors = Record(record.seen[:121], record.actions[:120]), {}
    for name in ("pendulum", "richer"):
        belief = prior(refineries[name].model)
        for _ in range(2):
            belief = refineries[name].refine(belief, [known])
        parts = [Record(record.seen[:k + 1], record.actions[:k]) for k in (130, 140, 150, 160)]
        errors[name] = np.mean([refineries[name].surprise(belief, part, 10) for part in parts])
        assert len(refineries[name].model.between(belief)) == 4
    assert errors["richer"] < 0.7 * errors["pendulum"]


def test_surprise_is_the_gap_in_standard_deviations_of_the_data_sheet(refineries):
    record = _pendulum(30)
    assert refineries["pendulum"].surprise(prior(pendulum.MODEL), record, 10) < 1e-3
    off = record.seen.copy()
    off[-1, 2] += 0.5
    found = refineries["pendulum"].surprise(prior(pendulum.MODEL), Record(off, record.actions), 10)
    assert found == pytest.approx(10.0 / np.sqrt(20), rel=1e-3)


def test_surprise_knows_of_delays(refineries):
    record = _cartpole(30, delay=2)[-1]
    odds = np.array([0.0, 0.0, 1.0])
    late = prior(cartpole.MODEL)._replace(odds=odds)
    assert refineries["cartpole"].surprise(late, record, 8) < 0.01
    assert refineries["cartpole"].surprise(prior(cartpole.MODEL), record, 8) > 1.0
