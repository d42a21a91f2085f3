"""What a function changes beside its result: read again, it is refused; else it does no harm."""

import itertools
import random
import time

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import SideEffectError

pytestmark = pytest.mark.usefixtures("interpreted")


# ---------------------------------------------------------------------------- things that change

class Clock:
    def __init__(self):
        self.t = 0.0

    def tick(self):
        self.t += 0.1
        return self.t


def ticking_dict():
    clock = {"t": 0.0}

    def tick():
        clock["t"] += 0.1
        return clock["t"]
    return tick


def ticking_attribute():
    return Clock().tick


def ticking_list():
    clock = [0.0]

    def tick():
        clock[0] += 0.1
        return clock[0]
    return tick


def ticking_array():
    clock = np.zeros(())

    def tick():
        clock[...] += 0.1
        return clock
    return tick


def ticking_closure():
    t = 0.0

    def tick():
        nonlocal t
        t += 0.1
        return t
    return tick


def ticking_global():
    globals()["TIME"] = 0.0

    def tick():
        global TIME  # noqa: PLW0603
        TIME += 0.1
        return TIME
    return tick


def ticking_default():
    def tick(clock=[0.0]):  # noqa: B006
        clock[0] += 0.1
        return clock[0]
    return tick


def ticking_function():
    def tick():
        tick.t = getattr(tick, "t", 0.0) + 0.1
        return tick.t
    return tick


def iterator():
    numbers = itertools.count()
    return lambda: float(next(numbers))


def short_iterator():
    numbers = iter([0.5])
    return lambda: next(numbers)


def popped():
    numbers = [4.0, 3.0, 2.0, 1.0, 0.5, 7.0, 8.0, 9.0] * 10
    return numbers.pop


def growing():
    seen = []

    def length():
        seen.append(1.0)
        return float(len(seen))
    return length


def numpy_generator():
    return np.random.default_rng(0).normal


def numpy_array_generator():
    generator = np.random.default_rng(0)
    return lambda: np.asarray(generator.normal())


def python_generator():
    return random.Random(0).random


def global_generator():
    return np.random.uniform


def coroutine():
    def numbers():
        while True:
            yield 0.5
            yield 1.5
    return numbers().__next__


def toggle():
    """Its second value is the first one again after two runs."""
    state = [False]

    def turned():
        state[0] = not state[0]
        return 1.0 if state[0] else 2.0
    return turned


def slow_toggle():
    """Two runs in a row see the same, three do not."""
    count = itertools.count()
    return lambda: 1.0 if next(count) % 4 < 2 else 2.0


def wall_clock():
    return time.perf_counter


CHANGING = [
    ticking_dict, ticking_attribute, ticking_list, ticking_array, ticking_closure, ticking_global,
    ticking_default, ticking_function, iterator, short_iterator, popped, growing, numpy_generator,
    numpy_array_generator, python_generator, global_generator, coroutine, toggle, slow_toggle, wall_clock]


def in_a_step(change):
    return lambda x: dp.scan(lambda s, _: (s * 0.9 + x * change(), None), x, length=5)[0]


def as_a_carry(change):
    """It stands alone, in no operation."""
    return lambda x: dp.scan(lambda s, _: ((s[0] + s[1], change()), None), (x, 1.0), length=5)[0][0]


def as_a_row(change):
    return lambda x: np.sum(dp.scan(lambda s, _: (s * 0.9, change()), x, length=5)[1]) * x


def beside_the_loop(change):
    """The values of the surroundings alone meet it: the step only uses the result."""
    return lambda x: dp.scan(lambda s, _: (s + np.sin(x) * change(), None), x, length=5)[0]


def with_rows(change):
    return lambda x: dp.scan(lambda s, row: (s + row * change(), None), x, np.arange(1.0, 6.0) * x)[0]


def in_a_nested_step(change):
    def outer(s, _):
        return dp.scan(lambda z, _: (z * 0.5 + change(), None), s, length=3)[0], None
    return lambda x: dp.scan(outer, x, length=4)[0]


def around_a_nested_step(change):
    def outer(s, _):
        return dp.scan(lambda z, _: (z * 0.5 + x, None), s, length=3)[0] * change(), None
    x = 2.0
    return lambda y: dp.scan(outer, y, length=4)[0]


def in_a_segment(change):
    return lambda x: dp.scan(lambda s, _: (s * 0.9 + change(), None), x, length=6, segment=2)[0]


def in_a_step_to_an_event(change):
    return lambda x: dp.integrate(lambda s, dt: (s[0] - dt * (1.0 + 0.1 * change()) * x, s[1] + dt),
                                  (2.0, 0.0), until=lambda s: s[0], dt=0.3)[1]


def in_until(change):
    return lambda x: dp.integrate(lambda s, dt: (s[0] - dt * x, s[1] + dt), (9.0, 0.0),
                                  until=lambda s: s[0] - 0.01 * change(), dt=0.3)[1]


def in_the_body(change):
    return lambda x: x * change()


def in_a_branch(change):
    return lambda x: np.sin(x) if change() < 1.2 else np.cos(x)


def as_a_result(change):
    return lambda x: (np.sum(x * x), change())


def read_after_the_loop(change):
    """The step does not read what it changes."""
    def f(x):
        seen = []

        def step(s, _):
            seen.append(change())
            return np.sin(s), None
        last = dp.scan(step, x, length=5)[0]
        return last * len(seen)
    return f


PLACES = [in_a_step, as_a_carry, as_a_row, beside_the_loop, with_rows, in_a_nested_step, around_a_nested_step,
          in_a_segment, in_a_step_to_an_event, in_until, in_the_body, as_a_result, read_after_the_loop]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("changing", CHANGING)
@pytest.mark.parametrize("differentiated", [False, True])
def test_what_changes_between_two_runs_is_refused(changing, place, differentiated):
    f = dp.compile(place(changing()))
    first = f if not differentiated or place is as_a_result else dp.grad(f)
    with pytest.raises(SideEffectError, match="not the same when it is run again"):
        first(1.5)


@pytest.mark.parametrize("changing", [toggle, slow_toggle])
def test_a_branch_of_the_surroundings(changing):
    with pytest.raises(SideEffectError):
        dp.compile(in_a_branch(changing()))(1.5)


def test_a_step_of_which_there_is_one():
    """Python runs it once, too."""
    def f(x):
        clock = [0.0]

        def step(s, _):
            clock[0] += 0.1
            return s * clock[0], None
        return dp.scan(step, x, length=1)[0] * clock[0]
    assert dp.compile(f)(2.0) == f(2.0)
    assert dp.grad(dp.compile(f))(2.0) == dp.grad(f)(2.0)


# ---------------------------------------------------------------------------- the message

def controller(gain):
    """A PID controller with a clock that is not in the carry."""
    clock = {"t": 0.0}

    def step(carry, _):
        position, speed, total = carry
        clock["t"] += .1
        error = np.sin(clock["t"]) - position
        speed = speed + 0.1 * (gain * error - speed)
        return (position + 0.1 * speed, speed, total + error**2), None
    return dp.scan(step, (0.0, 0.0, 0.0), length=50)[0][2]


@pytest.mark.parametrize("use", [lambda f: f, dp.grad, dp.value_and_grad])
def test_it_names_what_changed_and_where(use):
    with pytest.raises(SideEffectError) as caught:
        use(dp.compile(controller))(2.0)
    assert f"the constant {float(np.sin(0.1))!r} became {float(np.sin(0.2))!r}" in str(caught.value)
    assert caught.value.place.text == 'error = np.sin(clock["t"]) - position'
    assert "carry" in caught.value.advice


RNG, OLD, PYTHONS = np.random.default_rng(0), np.random.RandomState(0), random.Random(0)


@pytest.mark.parametrize("draw", [
    lambda x: x * (1 + (RNG.random() > 2.0)),
    lambda x: x * (1 + (OLD.rand() > 2.0)),
    lambda x: x * (1 + (PYTHONS.random() > 2.0)),
    lambda x: x * (1 + (np.random.rand() > 2.0)),  # noqa: NPY002
    lambda x: x * (1 + (random.random() > 2.0)),
], ids=["Generator", "RandomState", "Random", "np.random", "random"])
def test_a_coin_that_falls_alike_each_time(draw):
    """Another time it may not, so it is enough that it was thrown."""
    with pytest.raises(SideEffectError, match="drew from a random generator"):
        dp.compile(draw)(3.0)


def test_what_it_advises_works():
    def controlled(gain):
        def step(carry, _):
            position, speed, total, t = carry
            t = t + .1
            error = np.sin(t) - position
            speed = speed + 0.1 * (gain * error - speed)
            return (position + 0.1 * speed, speed, total + error**2, t), None
        return dp.scan(step, (0.0, 0.0, 0.0, 0.0), length=50)[0][2]
    assert np.isclose(dp.compile(controlled)(2.0), controller(2.0), rtol=1e-12)
    assert np.isclose(dp.grad(dp.compile(controlled))(2.0), dp.grad(controller)(2.0), rtol=1e-12)


def test_a_constant_of_the_body():
    clock = [0.1]

    def f(x):
        y = x * clock[0]
        clock[0] += 0.1
        return y
    with pytest.raises(SideEffectError, match=r"the constant 0\.1 became 0\.2") as caught:
        dp.compile(f)(2.0)
    assert caught.value.place.text == "y = x * clock[0]"
    assert "argument" in caught.value.advice


def test_a_value_that_was_left_behind():
    kept = []

    def step(s, _):
        kept.append(s)
        return s + kept[0], None
    with pytest.raises(SideEffectError):
        dp.compile(lambda x: dp.scan(step, x, length=4)[0])(1.0)


def test_a_table_that_is_made_of_an_argument_once():
    """Its content would be that of the first call for ever."""
    made = {}

    def f(x):
        if "y" not in made:
            made["y"] = np.exp(x)
        return made["y"] * x
    with pytest.raises(SideEffectError):
        dp.compile(f)(1.0)


# ---------------------------------------------------------------------------- what does no harm

def logging(log):
    def f(x):
        def step(s, _):
            log.append("a step")
            return np.sin(s) * x, None
        log.append(x)
        return dp.scan(step, x, length=4)[0]
    return f


def counting(log):
    counts = {"runs": 0}

    def f(x):
        counts["runs"] += 1
        log.append(counts["runs"])
        return x * x
    return f


def filling_a_table_of_constants(log):
    def f(x):
        if not log:
            log.append(np.arange(3.0))
        return np.sum(log[0] * x)
    return f


def a_local_clock(log):
    """Each run begins anew."""
    def f(x):
        clock, parts = {"t": 0.0}, []
        for _ in range(3):
            clock["t"] += 0.1
            parts.append(x * clock["t"])
        return np.sum(np.stack(parts))
    return f


def a_seeded_generator(log):
    return lambda x: np.sum(x * np.random.default_rng(3).normal(size=4))


def printing(log):
    def f(x):
        print("running", file=log_file(log))
        return x * 3.0
    return f


def log_file(log):
    class File:
        write = staticmethod(log.append)
    return File()


@pytest.mark.parametrize("harmless", [
    logging, counting, filling_a_table_of_constants, a_local_clock, a_seeded_generator, printing])
def test_what_does_no_harm(harmless):
    compiled, plain = dp.compile(harmless([])), harmless([])
    for x in (0.5, 0.7):
        assert np.isclose(compiled(x), plain(x), rtol=1e-14)
        assert np.isclose(dp.grad(compiled)(x), dp.grad(plain)(x), rtol=1e-14)
