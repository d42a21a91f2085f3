"""The trebuchet against independent numbers, against physics, and its gradient against differences."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.sims import trebuchet
from tinydp.sims.trebuchet import (
    CORRECTED,
    POUND,
    PUBLISHED,
    Machine,
    at_rest,
    energy,
    ground_force,
    hang,
    height,
    in_sling,
    joints,
    published_shoot,
    shoot,
    simulate,
    slide,
    stages,
    still_to_turn,
)

CASES = json.loads(Path(__file__).with_name("trebuchet_cases.json").read_text())["cases"]
PRESETS = {"corrected": CORRECTED, "published": PUBLISHED}


def _inputs(case):
    return case["wind"], case["angle"], case["weight"]


def _name(case):
    return "{:g} m/s, {:g}°, {:g} lb".format(*_inputs(case))


# ---------------------------------------------------------------------------- independent numbers

@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("case", CASES[::33], ids=_name)
def test_distance_and_gradient(case, preset):
    params = PRESETS[preset]
    distance, gradient = dp.value_and_grad(shoot, argnums=(0, 1, 2))(*_inputs(case), params)
    assert distance == pytest.approx(shoot(*_inputs(case), params), rel=1e-12)
    assert distance == pytest.approx(case[preset][0], abs=1e-6)
    np.testing.assert_allclose(gradient, case[preset][1:4], rtol=1e-5)


@dp.compile
def _compiled_shot(wind, angle, weight, arm_inertia, weight_inertia):
    return shoot(wind, angle, weight, CORRECTED._replace(
        arm_inertia=arm_inertia, weight_inertia=weight_inertia))


@pytest.mark.parametrize("preset", PRESETS)
def test_distance_and_gradient_of_all_cases_compiled(preset):
    inertias = PRESETS[preset].arm_inertia, PRESETS[preset].weight_inertia
    shot = dp.value_and_grad(_compiled_shot, argnums=(0, 1, 2))
    for case in CASES:
        distance, gradient = shot(*map(float, _inputs(case)), *inertias)
        assert distance == pytest.approx(case[preset][0], abs=1e-6), _name(case)
        np.testing.assert_allclose(gradient, case[preset][1:4], rtol=1e-5, err_msg=_name(case))


def test_compiled_equals_plain():
    plain = dp.value_and_grad(shoot, argnums=(0, 1, 2))(3.0, 60.0, 150.0)
    inertias = CORRECTED.arm_inertia, CORRECTED.weight_inertia
    compiled = dp.value_and_grad(_compiled_shot, argnums=(0, 1, 2))(3.0, 60.0, 150.0, *inertias)
    assert compiled[0] == pytest.approx(plain[0], rel=1e-11)
    np.testing.assert_allclose(compiled[1], plain[1], rtol=1e-9)


def test_all_parameters_are_arguments_of_a_compiled_shot():
    shot = dp.compile(lambda wind, angle, weight, params: shoot(wind, angle, weight, params, 3e-3))
    params = CORRECTED._replace(drag=1.4, pivot_friction=2.0)
    slopes = dp.grad(shot, argnums=3)(3.0, 60.0, 150.0, params)
    plain = dp.grad(lambda params: shoot(3.0, 60.0, 150.0, params, 3e-3))(params)
    np.testing.assert_allclose(slopes, plain, rtol=1e-8)


def test_compiled_refuses_the_same():
    inertias = CORRECTED.arm_inertia, CORRECTED.weight_inertia
    with pytest.raises(ValueError, match="angle must be from 1 to 89 degrees, but it is 89"):
        dp.grad(_compiled_shot, argnums=(0, 1, 2))(0.0, 89.5, 200.0, *inertias)


@pytest.mark.parametrize("case", CASES[:12:3], ids=_name)
def test_events(case):
    throw = simulate(*_inputs(case))
    assert throw.distance == shoot(*_inputs(case))
    np.testing.assert_allclose(throw.events, case["corrected"][4:], atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_published_program(case):
    distance, gradient = dp.value_and_grad(published_shoot, argnums=(0, 1, 2))(*_inputs(case))
    assert distance == pytest.approx(case["published_shoot"][0], abs=1e-9)
    np.testing.assert_allclose(gradient, case["published_shoot"][1:4], rtol=1e-8)


def test_the_articles_gradient():
    assert dp.grad(published_shoot, argnums=(0, 1, 2))(-2, 45, 200) == pytest.approx(
        (4.022, -0.992, 0.0519), abs=5e-4)


def test_the_published_inertias_are_the_corrected_ones_swapped():
    assert CORRECTED.arm_inertia == pytest.approx(2.7288719786, rel=1e-10)
    assert CORRECTED.weight_inertia == pytest.approx(0.0421401101, rel=1e-8)
    assert (PUBLISHED.arm_inertia, PUBLISHED.weight_inertia) == (
        CORRECTED.weight_inertia, CORRECTED.arm_inertia)


# ---------------------------------------------------------------------------- physics

def test_a_throw_begins_with_tip_and_sling_on_the_ground():
    start = joints(at_rest())
    a, b, c, d, e = CORRECTED[:5]
    assert start.tip == pytest.approx((-np.sqrt(b**2 - a**2), -a))
    assert start.pouch == pytest.approx((e - np.sqrt(b**2 - a**2), -a))
    assert np.hypot(*start.elbow) == pytest.approx(c)
    assert np.subtract(start.weight, start.elbow) == pytest.approx((0, -d))


@pytest.mark.parametrize("weight", [60.0, 200.0, 400.0])
@pytest.mark.parametrize("preset", PRESETS)
def test_energy_is_conserved_until_the_release(weight, preset):
    params = PRESETS[preset]
    sliding, hanging, _ = stages(0.0, 45.0, weight, params, trebuchet.DT)
    slid = sliding.path(at_rest(params))
    energies = np.array([energy(m, POUND * weight, params) for m in slid + hanging.path(slid[-1])])
    assert np.max(np.abs(energies / energies[0] - 1)) < 1e-6
    at_start = [joints(at_rest(params), params).weight[1], joints(slid[-1], params).weight[1]]
    assert at_start[1] < at_start[0] - 0.1                       # while energy was converted


def test_the_equations_of_motion_are_lagranges():
    """d/dt (dL/dq') = dL/dq, all derivatives taken by tinydp from the energies alone."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        angles, rates = rng.uniform(-3, 3, 3), rng.uniform(-5, 5, 3)
        mass = rng.uniform(20, 200)

        def lagrangian(q, v, mass=mass):
            moving = Machine(0.0, *(q[i] for i in range(3)), *(v[i] for i in range(3)))
            still = moving._replace(arm_rate=0.0, hanger_rate=0.0, sling_rate=0.0)
            total, potential = energy(moving, mass), energy(still, mass)
            return total - 2 * potential

        accelerations = np.array(hang(Machine(0.0, *angles, *rates), mass)[4:])
        momentum = lambda q, v: dp.grad(lagrangian, argnums=1)(q, v)
        _, rate_of_momentum = dp.jvp(momentum, (angles, rates), (rates, accelerations))
        force = dp.grad(lagrangian)(angles, rates)
        np.testing.assert_allclose(rate_of_momentum, force, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rates", [slide, hang])
def test_friction_at_the_pivot_takes_its_power_and_no_more(rates):
    params, mass = CORRECTED._replace(pivot_friction=3.0), 200 * POUND
    sliding, hanging, _ = stages(0.0, 45.0, 200.0, params, trebuchet.DT)
    slid = sliding.path(at_rest(params))
    for machine in slid[::60] if rates is slide else hanging.path(slid[-1])[::90]:
        _, power = dp.jvp(lambda now: energy(now, mass, params), (machine,), (rates(machine, mass, params),))
        assert power == pytest.approx(-3.0 * machine.arm_rate**2, rel=1e-8, abs=1e-6)


def test_the_projectile_stays_on_the_ground_until_it_lifts_off():
    sliding, hanging, _ = stages(0.0, 45.0, 200.0, CORRECTED, trebuchet.DT)
    slid = sliding.path(at_rest())
    assert max(abs(height(in_sling(machine))) for machine in slid) < 1e-8
    assert ground_force(slid[0], 200 * POUND) < CORRECTED.gravity
    assert ground_force(slid[-1], 200 * POUND) == pytest.approx(0.0, abs=1e-9)
    lifted = hanging.path(slid[-1])
    assert min(height(in_sling(machine)) for machine in lifted[1:]) > 0


def test_the_stages_meet_without_a_jump_in_acceleration():
    sliding, *_ = stages(0.0, 45.0, 200.0, CORRECTED, trebuchet.DT)
    lifted = sliding.run(at_rest())
    np.testing.assert_allclose(slide(lifted, 200 * POUND), hang(lifted, 200 * POUND), rtol=1e-6)


def test_release_is_at_the_angle_asked_for():
    for angle in (1.0, 30.0, 89.0):
        throw = simulate(0.0, angle, 150.0)
        k = np.searchsorted(throw.ball.time, throw.events[1])
        assert np.degrees(np.arctan2(throw.ball.vy[k], throw.ball.vx[k])) == pytest.approx(angle, abs=1e-9)
        released = Machine(*(field[k] for field in throw.machine))
        assert still_to_turn(released, angle) == pytest.approx(0.0, abs=1e-9)


def test_without_air_the_flight_is_a_parabola():
    params = CORRECTED._replace(air_density=0.0)
    throw = simulate(5.0, 40.0, 200.0, params)
    k = np.searchsorted(throw.ball.time, throw.events[1])
    _, x, y, vx, vy = (field[k] for field in throw.ball)
    g = params.gravity
    seconds = (vy + np.sqrt(vy**2 + 2 * g * (y + params.pivot_height))) / g
    assert throw.distance == pytest.approx(x + vx * seconds, rel=1e-12)
    assert shoot(-5.0, 40.0, 200.0, params) == pytest.approx(throw.distance, rel=1e-12)


def test_the_error_falls_with_the_fourth_power_of_the_step():
    exact = CASES[0]["corrected"][0]
    errors = [abs(shoot(-2.0, 45.0, 200.0, dt=dt) - exact) for dt in (2e-3, 1e-3)]
    assert errors[0] < 1e-4
    assert errors[0] / errors[1] == pytest.approx(2**4, rel=0.4)


def test_many_short_steps_reach_the_events():
    assert shoot(-2.0, 45.0, 200.0, dt=1e-4) == pytest.approx(CASES[0]["corrected"][0], abs=1e-9)
    assert published_shoot(-2.0, 45.0, 200.0, dt=1 / 3840) == pytest.approx(
        CASES[0]["published"][0], abs=0.02)
    for stage in stages(0.0, 45.0, 200.0, CORRECTED, 1e-6):
        assert trebuchet.most_steps(stage.dt) * stage.dt == pytest.approx(trebuchet.LONGEST)


def test_a_throw_for_pictures_ends_where_the_shot_lands():
    throw = simulate(-2.0, 45.0, 200.0)
    n = len(throw.ball.time)
    assert all(field.shape == (n,) for field in (*throw.machine, *throw.ball))
    assert np.all(np.diff(throw.ball.time) > 0)
    np.testing.assert_allclose(throw.machine.time, throw.ball.time, rtol=1e-12)
    assert throw.ball.x[-1] == throw.distance
    assert height(throw.ball)[-1] == pytest.approx(0.0, abs=1e-9)
    held = throw.ball.time <= throw.events[1]
    pouch = joints(throw.machine).pouch
    np.testing.assert_allclose(pouch[0][held], throw.ball.x[held], rtol=1e-12)
    assert np.hypot(pouch[0] - throw.ball.x, pouch[1] - throw.ball.y)[-1] > 50     # it was let go


# ---------------------------------------------------------------------------- gradients

def test_gradient_equals_differences():
    """In all inputs and some parameters, through the shifts of all three events."""
    def f(x):
        return shoot(x[0], x[1], x[2], CORRECTED._replace(
            projectile_mass=x[3], sling=x[4], drag=x[5], pivot_friction=x[6]))

    x = np.array([3.0, 50.0, 180.0, 0.15, 2.0, 1.1, 2.0])
    steps = 1e-5 * np.abs(x)
    differences = [(f(x + h) - f(x - h)) / (2 * np.sum(h)) for h in np.diag(steps)]
    np.testing.assert_allclose(dp.grad(f)(x), differences, rtol=1e-6)


@given(wind=st.floats(-15.0, 15.0), angle=st.floats(2.0, 75.0), weight=st.floats(60.0, 260.0))
def test_gradient_equals_differences_everywhere(wind, angle, weight):
    inertias = CORRECTED.arm_inertia, CORRECTED.weight_inertia
    x = np.array([wind, angle, weight])
    gradient = dp.grad(_compiled_shot, argnums=(0, 1, 2))(*x.tolist(), *inertias)
    steps = np.diag([1e-2, 1e-2, 1e-1])
    differences = [sum(c * _compiled_shot(*(x + k * h).tolist(), *inertias) for k, c in (
        (1, 8), (-1, -8), (2, -1), (-2, 1))) / (12 * np.sum(h)) for h in steps]
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7)


def test_gradient_of_the_release_time_equals_differences():
    def release(angle, weight):
        sliding, hanging, _ = stages(0.0, angle, weight, CORRECTED, trebuchet.DT)
        return hanging.run(sliding.run(at_rest())).time

    angle, weight = dp.grad(release, argnums=(0, 1))(45.0, 200.0)
    assert angle == pytest.approx((release(45.01, 200.0) - release(44.99, 200.0)) / 0.02, rel=1e-5)
    assert weight == pytest.approx((release(45.0, 200.1) - release(45.0, 199.9)) / 0.2, rel=1e-5)


def test_integers_are_taken_as_numbers():
    assert shoot(-2, 45, 200) == shoot(-2.0, 45.0, 200.0)


# ---------------------------------------------------------------------------- what cannot be thrown

@pytest.mark.parametrize("throw", [shoot, published_shoot, simulate])
@pytest.mark.parametrize(("inputs", "message"), [
    ((0.0, 0.9, 200.0), "angle must be from 1 to 89 degrees, but it is 0.9"),
    ((0.0, 89.1, 200.0), "angle must be from 1 to 89 degrees, but it is 89.1"),
    ((0.0, np.nan, 200.0), "angle must be from 1 to 89 degrees, but it is nan"),
    ((np.nan, 45.0, 200.0), "wind must be from -100 to 100 m/s, but it is nan"),
    ((np.inf, 45.0, 200.0), "wind must be from -100 to 100 m/s, but it is inf"),
    ((0.0, 45.0, np.nan), "weight must be more than 15.34 lb, which only balances the arm, and at most"),
    ((0.0, 45.0, 15.34), "weight must be more than 15.34 lb, which only balances the arm"),
    ((0.0, 45.0, -200.0), "weight must be more than 15.34 lb, which only balances the arm"),
    ((0.0, 45.0, 1001.0), "at most 1,000 lb, but it is 1001.0"),
])
def test_inputs_out_of_range(throw, inputs, message):
    with pytest.raises(ValueError, match=message):
        throw(*inputs)


def test_inputs_out_of_range_are_refused_under_a_gradient_too():
    with pytest.raises(ValueError, match="angle must be from 1 to 89 degrees, but it is 90"):
        dp.grad(shoot, argnums=1)(0.0, 90.0, 200.0)


@pytest.mark.parametrize(("changed", "message"), [
    ({"projectile_mass": 0.0}, "projectile_mass must be positive, but it is 0.0"),
    ({"arm_mass": -1.0}, "arm_mass must be positive, but it is -1.0"),
    ({"weight_inertia": np.nan}, "weight_inertia must be positive, but it is nan"),
    ({"sling": np.inf}, "sling must be positive, but it is inf"),
    ({"pivot_friction": -0.1}, "pivot_friction must be 0 or more, but it is -0.1"),
    ({"drag": -0.1}, "drag must be 0 or more, but it is -0.1"),
    ({"pivot_height": 2.1}, "long_arm must be longer than pivot_height, 2.1 m, to reach the ground"),
])
def test_impossible_machines(changed, message):
    with pytest.raises(ValueError, match=message):
        shoot(0.0, 45.0, 200.0, CORRECTED._replace(**changed))


def test_a_step_must_have_a_length():
    with pytest.raises(ValueError, match="dt must be positive and at most"):
        shoot(0.0, 45.0, 200.0, dt=0)


@pytest.mark.parametrize("throw", [
    lambda weight: shoot(0.0, 45.0, weight, dt=4e-3),
    dp.grad(lambda weight: shoot(0.0, 45.0, weight, dt=4e-3)),
    lambda weight: simulate(0.0, 45.0, weight, dt=4e-3),
    lambda weight: published_shoot(0.0, 45.0, weight),
])
def test_a_weight_that_moves_but_does_not_lift(throw):
    with pytest.raises(ValueError, match=r"weight is too light, at 15\.36 lb, to lift the projectile"):
        throw(15.36)


def test_the_lightest_weights_throw_backwards():
    assert shoot(0.0, 45.0, 17.0, dt=4e-3) < 0 < shoot(0.0, 45.0, 20.0, dt=4e-3)
