"""Dataclasses, dicts with any keys, what is static: on the tape, and compiled, alike."""

import dataclasses
import enum
import functools
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad import tree
from tinydp.ad.errors import DtypeError, LoopError, StructureError

BOTH = pytest.mark.parametrize("wrap", [lambda f: f, dp.compile], ids=["eager", "compiled"])


class Mode(enum.Enum):
    RISE = 1
    FALL = 2


class Motion:
    def moved(self, dt):
        return dataclasses.replace(self, x=self.x + dt * self.v, v=self.v - dt * 3.0 * self.height)

    @property
    def height(self):
        return self.x if self.mode is Mode.RISE else -self.x

    def energy(self):
        return np.sum(self.v**2) / 2 + 1.5 * np.sum(self.height**2)


@dataclasses.dataclass
class Ball(Motion):
    x: Any
    v: Any = 2.0
    mode: Mode = Mode.RISE


@dataclasses.dataclass(frozen=True)
class Frozen(Motion):
    x: Any
    v: Any = 2.0
    mode: Mode = Mode.RISE

    def __post_init__(self):
        assert np.ndim(self.x) < 2


@dataclasses.dataclass(slots=True)
class Slotted(Ball):
    mass: float = 1.5
    clock: float = dataclasses.field(default=0.0, init=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrozenSlotted(Motion):
    x: Any
    v: Any = 2.0
    inner: Any = None
    mode: Mode = Mode.RISE


class Named(NamedTuple):
    x: Any
    v: Any = 2.0
    mode: Mode = Mode.RISE
    height, energy = Motion.height, Motion.energy

    def moved(self, dt):
        return self._replace(x=self.x + dt * self.v, v=self.v - dt * 3.0 * self.height)


KINDS = [Ball, Frozen, Slotted, FrozenSlotted, Named]
BALLS = [kind(x=x, v=v, mode=mode) for kind in KINDS
         for x, v, mode in [(0.5, 1.5, Mode.FALL), (np.array([0.5, -0.25]), np.array([1.0, 2.0]), Mode.RISE)]]
KIND = pytest.mark.parametrize("ball", BALLS, ids=lambda ball: type(ball).__name__)


def same(a, b, rtol=1e-11):
    assert type(a) is type(b)
    assert tree.alike(a, b)
    for x, y in zip(tree.flatten(a)[0], tree.flatten(b)[0], strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=1e-13)


def course(ball):
    """A loop that is written out."""
    total = 0.0
    for _ in range(5):
        ball = ball.moved(0.1)
        total = total + ball.energy()
    return total, ball


def scanned(ball):
    """The same by `scan`."""
    last, (energies, _) = dp.scan(lambda ball, _: (b := ball.moved(0.1), (b.energy(), b)), ball, length=5)
    return np.sum(energies), last


@BOTH
@KIND
def test_values_and_gradients(ball, wrap):
    same(wrap(scanned)(ball), course(ball))
    value, gradient = dp.value_and_grad(lambda ball: course(ball)[0])(ball)
    found = dp.value_and_grad(wrap(lambda ball: scanned(ball)[0]))(ball)
    same(found, (value, gradient))
    assert type(gradient) is type(ball)
    assert gradient.mode is ball.mode


@BOTH
@pytest.mark.parametrize("ball", [BALLS[k] for k in (1, 2, 4, 7, 9)], ids=lambda ball: type(ball).__name__)
def test_all_transformations(ball, wrap):
    f, plain = wrap(lambda ball: scanned(ball)[0]), lambda ball: course(ball)[0]
    t = tree.map(lambda x: 0.5 * x, ball)
    same(dp.jvp(f, (ball,), (t,)), dp.jvp(plain, (ball,), (t,)))
    same(dp.vjp(f, ball)[1](1.0), dp.vjp(plain, ball)[1](1.0))
    same(dp.vjp(wrap(scanned), ball)[1]((1.0, t)), dp.vjp(course, ball)[1]((1.0, t)))
    same(dp.jacobian(wrap(scanned))(ball), dp.jacobian(course)(ball))
    same(dp.hessian(f)(ball), dp.hessian(plain)(ball), 1e-9)
    same(dp.hvp(f, ball, t), dp.hvp(plain, ball, t), 1e-9)
    same(dp.grad(dp.checkpoint(f))(ball), dp.grad(plain)(ball))
    dp.testing.check_grads(f, ball)


@BOTH
@KIND
def test_a_compiled_gradient_and_a_loop_around(ball, wrap):
    def descended(ball):
        step = lambda ball, _: (tree.map(lambda x, g: x - 0.01 * g, ball,
                                         dp.grad(lambda ball: course(ball)[0])(ball)), ball.energy())
        return dp.scan(step, ball, length=3)

    plain = ball
    for _ in range(3):
        plain = tree.map(lambda x, g: x - 0.01 * g, plain, dp.grad(lambda ball: course(ball)[0])(plain))
    same(wrap(descended)(ball)[0], plain)


@BOTH
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_state_of_integrate(kind, wrap):
    def landing(x):
        last = dp.integrate(lambda ball, dt: ball.moved(dt), kind(x=x, v=0.5), lambda ball: ball.x, dt=0.1)
        assert type(last) is kind
        return last.v

    plain = lambda x: dp.integrate(
        lambda s, dt: (s[0] + dt * s[1], s[1] - dt * 3.0 * s[0]), (x, 0.5), lambda s: s[0], dt=0.1)[1]
    assert dp.value_and_grad(wrap(landing))(1.0) == pytest.approx(dp.value_and_grad(plain)(1.0), rel=1e-10)


@BOTH
def test_a_rule_of_ones_own(wrap):
    energy = dp.custom_gradient(lambda ball: ball.energy(), lambda g, y, ball: Ball(7.0 * g, 0.0 * g, None))
    assert dp.grad(wrap(lambda x: energy(Ball(x, 2.0)) * 2.0))(3.0) == 14.0


@BOTH
def test_calls_of_a_function_with_a_rule_differ_by_what_is_static(wrap):
    scaled = dp.custom_gradient(lambda x, mode: x * mode.value, lambda g, y, x, mode: (g * mode.value, None))
    f = wrap(lambda x: scaled(x, Mode.RISE) * scaled(x, Mode.FALL))
    assert dp.value_and_grad(f)(3.0) == (18.0, 12.0)


def test_optimisers_leave_what_is_static():
    params = {"layer": Ball(np.ones(2), 1.0), "kind": "relu", "train": True, 3: (1.0, None)}
    g = dp.grad(lambda p: p["layer"].energy() + p[3][0]**2)(params)
    assert g["kind"] == "relu"
    assert g["train"] is True
    assert dp.optim.norm(g) == pytest.approx(np.sqrt(9.0 + 9.0 + 1.0 + 4.0))
    assert dp.optim.clip_by_norm(g, 1.0)["layer"].v == pytest.approx(g["layer"].v / np.sqrt(23.0))
    assert dp.optim.clip_by_norm(g, 1.0)["train"] is True
    for optimiser in (dp.optim.SGD(0.1), dp.optim.SGD(0.1, 0.9), dp.optim.Adam(0.1)):
        moved, state = optimiser.step(params, g, optimiser.init(params))
        moved, _ = optimiser.step(moved, g, state)
        assert moved["train"] is True
        assert moved["layer"].mode is Mode.RISE
        assert tree.alike(moved, params)
        assert moved[3][0] < 1.0


def changing(ball, _):
    """A step that changes the object that it is given, and returns it twice."""
    ball.x = ball.x + 0.1 * ball.v
    ball.v = ball.v - 0.1 * ball.x
    return ball, ball


@BOTH
@pytest.mark.parametrize("segment", [None, 2])
def test_a_step_may_change_the_object_that_it_is_given(wrap, segment):
    def f(x):
        ball = Ball(x, 0.5)
        last, ys = dp.scan(changing, ball, length=5, segment=segment)
        return last.x + np.sum(ys.x) * ball.x

    def plain(x):
        v, first, total = 0.5, x, 0.0
        for _ in range(5):
            x = x + 0.1 * v
            v = v - 0.1 * x
            total = total + x
        return x + total * first

    assert wrap(f)(1.5) == pytest.approx(plain(1.5), rel=1e-13)
    assert dp.grad(wrap(f))(1.5) == pytest.approx(dp.grad(plain)(1.5), rel=1e-13)


@BOTH
def test_an_object_changed_until_an_event(wrap):
    """It falls by 0.2 in each step of 0.1, so the event is at x / 2."""
    def falling(ball, dt):
        ball.x = ball.x - 2.0 * dt
        ball.v = ball.v + dt
        return ball

    def f(x):
        ball = Ball(x, 0.0)
        return dp.integrate(falling, ball, lambda ball: ball.x, dt=0.1).v * ball.x

    value, slope = dp.value_and_grad(wrap(f))(1.5)
    assert value == pytest.approx(1.5**2 / 2, rel=1e-12)
    assert slope == pytest.approx(1.5, rel=1e-12)

    def on_the_line(x):
        ball = Ball(x, 0.0)
        return dp.integrate(lambda ball: falling(ball, 0.1), ball, lambda ball: ball.x).v * ball.x

    assert dp.value_and_grad(wrap(on_the_line))(1.45) == pytest.approx((1.45**2 / 2, 1.45), rel=1e-12)


# ---------------------------------------------------------------------------- what is static

@BOTH
@pytest.mark.parametrize("flag", [True, np.True_, "yes", b"yes", None, Mode.FALL, np.tanh, len, np.sum,
                                  float])
def test_what_is_static_stays(flag, wrap):
    def f(p):
        assert p["flag"] is flag
        return np.sum(p["w"]**2)

    p = {"w": np.array([1.0, 2.0]), "flag": flag}
    g = dp.grad(wrap(f))(p)
    assert g["flag"] is flag
    np.testing.assert_array_equal(g["w"], [2.0, 4.0])
    np.testing.assert_array_equal(dp.hessian(wrap(f))(p)["w"]["w"], 2 * np.eye(2))
    same(dp.hvp(wrap(f), p, p)["w"], np.array([2.0, 4.0]))
    dp.testing.check_grads(f, p)


def test_another_static_part_is_another_variant():
    traces = []

    @dp.compile
    def f(p):
        traces.append(p["mode"])
        return p["x"] * (2.0 if p["mode"] is Mode.RISE else 3.0)

    for _ in range(3):
        assert f({"x": 1.0, "mode": Mode.RISE}) == 2.0
        assert f({"x": 1.0, "mode": Mode.FALL}) == 3.0
        assert dp.grad(f)({"x": 1.0, "mode": Mode.FALL}) == {"x": 3.0, "mode": Mode.FALL}
    n = len(traces)
    f({"x": 1.0, "mode": Mode.RISE})
    assert len(traces) == n


@pytest.mark.parametrize(("a", "b"), [("r", "f"), (True, False), (Mode.RISE, Mode.FALL), (None, "x"),
                                      (np.sin, np.cos), (int, float)])
def test_static_parts_of_arguments(a, b):
    f = dp.compile(lambda ball: (ball.x, str(ball.mode)))
    for mode in (a, b, a):
        assert f(Ball(1.0, 2.0, mode)) == (1.0, str(mode))


def test_a_static_field():
    @dataclasses.dataclass
    class Horizon:
        n: int = dataclasses.field(metadata={"static": True})
        rate: float = 0.1

    f = lambda h: dp.scan(lambda s, _: (s * h.rate, None), 1.0, length=h.n)[0]
    for g in (f, dp.compile(f)):
        assert dp.grad(g)(Horizon(3, 2.0)) == Horizon(3, 12.0)
        assert dp.grad(g)(Horizon(2, 2.0)) == Horizon(2, 4.0)
    with pytest.raises(StructureError, match=r"at \[0\].n, 3 does not match 4"):
        tree.map(lambda a, b: a, [Horizon(3)], [Horizon(4)])
    with pytest.raises(LoopError, match=r"step 0 changed carry\.n from 3 to 4, which is no number"):
        dp.scan(lambda h, _: (dataclasses.replace(h, n=4), None), Horizon(3), length=2)


@BOTH
def test_a_state_may_not_change_what_is_static(wrap):
    def f(x):
        turned = lambda ball: dataclasses.replace(ball, x=ball.x - 1.0, mode=Mode.FALL)
        return dp.integrate(lambda c, dt: {"ball": turned(c["ball"])}, {"ball": Ball(x)},
                            lambda c: c["ball"].x, dt=0.1)

    with pytest.raises(LoopError, match=r"step 0 changed carry\['ball'\].mode from <Mode.RISE: 1> to "
                                        r"<Mode.FALL: 2>, which is no number(.|\n)*False and True") as caught:
        wrap(f)(1.0)
    assert __file__ in str(caught.value)


@BOTH
def test_a_condition_in_its_place_works(wrap):
    f = wrap(lambda x: dp.scan(lambda c, _: ((c[0] * np.where(c[1], 2.0, 3.0), c[0] > 3.0), None), (x, False),
                               length=3)[0][0])
    assert dp.value_and_grad(f)(1.0) == (18.0, 18.0) or f(1.0) == dp.scan(
        lambda c, _: ((c[0] * (2.0 if c[1] else 3.0), c[0] > 3.0), None), (1.0, False), length=3)[0][0]


def test_ys_may_not_change_what_is_static():
    modes = iter([Mode.RISE, Mode.FALL])
    with pytest.raises(LoopError, match=r"y's that are not built alike: at \[0\], <Mode.RISE: 1> does not"):
        dp.scan(lambda c, _: (c, [next(modes), c]), 1.0, length=2)
    assert dp.scan(lambda c, _: (c, [Mode.RISE, c]), 1.0, length=2)[1][0] is Mode.RISE


# ---------------------------------------------------------------------------- dicts and lists

KEYS = [3, Mode.RISE, (1, "a"), "name", 2.5, None, b"x", True, frozenset((1, 2))]


@BOTH
def test_any_keys(wrap):
    d = {key: float(k + 1) for k, key in enumerate(KEYS)}

    def f(d):
        assert list(d) == KEYS
        last, _ = dp.scan(lambda d, _: (dict(reversed([(key, 1.1 * x) for key, x in d.items()])), None), d,
                          length=3)
        assert list(last) == KEYS
        return sum(k * x**2 for k, x in enumerate(last.values()))

    g = dp.grad(wrap(f))(d)
    assert list(g) == KEYS
    same(g, {key: 2 * k * (k + 1) * 1.1**6 for k, key in enumerate(KEYS)})


def test_keys_that_are_equal_and_not_the_same():
    f = dp.compile(lambda d: {key: 2.0 * x for key, x in d.items()})
    for key in (1, True, 1.0):
        assert repr(f({key: 1.0})) == repr({key: 2.0})


class Stack(list):
    pass


class Params(dict):
    pass


class Point(tuple):
    __slots__ = ()


@BOTH
@pytest.mark.parametrize("x", [Stack([1.0, 2.0]), Params(a=1.0, b=2.0), Point((1.0, 2.0)),
                               OrderedDict(b=1.0, a=2.0), defaultdict(list, a=1.0, b=2.0),
                               Counter(a=1.0, b=2.0)],
                         ids=lambda x: type(x).__name__)
def test_subclasses_stay(x, wrap):
    def f(x):
        last, _ = dp.scan(lambda x, _: (tree.map(lambda a: 2.0 * a, x), None), x, length=2)
        assert type(last) is kind
        return sum(a**2 for a in tree.flatten(last)[0])

    kind = type(x)
    same(dp.grad(wrap(f))(x), tree.map(lambda a: 32.0 * a, x))


# ---------------------------------------------------------------------------- what is refused

class Tagged(list):
    def __init__(self, items, tag):
        super().__init__(items)
        self.tag = tag


class Attributes(dict):
    def __init__(self, **items):
        super().__init__(**items)
        self.__dict__ = self


@dataclasses.dataclass
class Box:
    side: float

    def __post_init__(self):
        self.area = self.side**2


@dataclasses.dataclass
class Computed:
    side: float
    area: float = dataclasses.field(init=False)

    def __post_init__(self):
        self.area = self.side**2


@dataclasses.dataclass
class Unset:
    x: float
    y: float = dataclasses.field(init=False)


REFUSED = [
    (Tagged([1.0], "a"), "a Tagged has the attribute tag beside its items"),
    (Attributes(w=1.0), "a Attributes has the attribute w beside its items"),
    (Box(2.0), "a Box has the attribute area beside its fields"),
    (Computed(2.0), "Computed computes its field area in __post_init__"),
    (Unset(2.0), "a field of Unset has no value yet"),
]


@BOTH
@pytest.mark.parametrize(("x", "message"), REFUSED, ids=lambda x: type(x).__name__)
def test_what_cannot_be_put_together_again(x, message, wrap):
    with pytest.raises(StructureError, match=message):
        dp.grad(wrap(lambda x: 1.0))(x)
    with pytest.raises(StructureError, match=message):
        wrap(lambda s: dp.scan(lambda c, _: (c, None), x, length=2)[0])(1.0)


@BOTH
def test_what_is_advised_for_them_works(wrap):
    @dataclasses.dataclass
    class Square:
        side: float

        @property
        def area(self):
            return self.side**2

    assert dp.grad(wrap(lambda x: 3.0 * x.area))(Square(2.0)) == Square(12.0)


def test_what_is_cached_is_computed_anew():
    @dataclasses.dataclass
    class Square:
        side: float

        @functools.cached_property
        def area(self):
            return self.side**2

    square = Square(2.0)
    assert square.area == 4.0
    for wrap in (lambda f: f, dp.compile):
        assert dp.grad(wrap(lambda x: 3.0 * x.area))(square).side == 12.0


class Plain:
    def __init__(self, x):
        self.x = x


@pytest.mark.parametrize("x", [Plain(1.0), {1.0, 2.0}, deque([1.0])], ids=lambda x: type(x).__name__)
def test_objects_that_are_no_trees(x):
    with pytest.raises(DtypeError, match="cannot differentiate by"):
        dp.grad(lambda p: 1.0)({"w": 1.0, "x": x})
    for wrap in (lambda f: f, dp.compile):
        with pytest.raises((LoopError, DtypeError)):
            wrap(lambda w: np.sum(dp.scan(lambda c, _: ((c[0], x), None), (w, x), length=2)[0][0]))(1.0)
        with pytest.raises((LoopError, DtypeError)):
            wrap(lambda w: np.sum(dp.scan(lambda c, _: (x, None), w, length=2)[0][0]))(1.0)


# ---------------------------------------------------------------------------- registered

def test_registered_classes():
    class Spring:
        def __init__(self, length, name):
            self.length, self.name = length, name

    class Label:
        pass

    label = Label()
    assert tree.register(Spring, lambda s: (s.length, s.name), Spring) is Spring
    tree.register(Label)
    f = lambda s: dp.scan(lambda s, _: (Spring(s.length**2, s.name), None), s, length=2)[0].length
    for wrap in (lambda f: f, dp.compile):
        g = dp.grad(wrap(f))(Spring(2.0, label))
        assert (g.length, g.name) == (32.0, label)
    assert [path for path, _ in tree.leaves([Spring(2.0, label)])] == ["[0][0]"]
    with pytest.raises(StructureError, match=r"at \[1\], 'a' does not match 'b'"):
        tree.map(lambda a, b: a, Spring(1.0, "a"), Spring(1.0, "b"))
    with pytest.raises(TypeError, match="both functions"):
        tree.register(Spring, lambda s: ())


# ---------------------------------------------------------------------------- random structures

numbers = st.floats(-2, 2).map(lambda x: round(x, 3))
leaves = (numbers | st.integers(-3, 3) | st.lists(numbers, min_size=1, max_size=3).map(np.array) | st.none()
          | st.sampled_from([Mode.RISE, Mode.FALL, "text", True, np.tanh]))
trees = st.recursive(leaves, lambda t: (
    st.lists(t, max_size=3) | st.tuples(t, t) | st.builds(Named, t, t) | st.builds(Ball, t, t)
    | st.builds(FrozenSlotted, x=t, inner=t) | st.builds(Slotted, t, mass=t)
    | st.dictionaries(st.sampled_from(KEYS), t, max_size=3)
    | st.dictionaries(st.sampled_from(KEYS), t, max_size=3).map(OrderedDict)
    | st.lists(t, max_size=2).map(Stack)), max_leaves=8)


@given(trees)
def test_flatten_and_unflatten_are_inverse(t):
    found, unflatten = tree.flatten(t)
    again = unflatten(found)
    assert repr(again) == repr(t)
    assert type(again) is type(t)
    assert [id(leaf) for _, leaf in tree.leaves(t)] == [id(leaf) for leaf in found]
    assert tree.alike(t, again)
    assert repr(tree.map(lambda a, b: b, t, again)) == repr(t)


def energy(t):
    total = 0.5
    for k, leaf in enumerate(tree.flatten(t)[0]):
        total = total + np.sum(np.sin(leaf * (0.5 + k)))
    return total


@settings(max_examples=20, deadline=None)
@given(trees)
def test_eager_equals_compiled(t):
    def f(t, s):
        last, ys = dp.scan(lambda c, _: ((c[0], c[1] * np.cos(energy(c[0]))), (c[0], c[1])), (t, s), length=2)
        return last[1] + 0.1 * energy(ys[0])

    eager = dp.value_and_grad(f, (0, 1))(t, 0.7) if any(
        type(x) is not bool for x in tree.flatten(t)[0]) and tree.children(t) is not None else None
    compiled = dp.compile(f)
    np.testing.assert_allclose(compiled(t, 0.7), f(t, 0.7), rtol=1e-12)
    if eager:
        same(dp.value_and_grad(compiled, (0, 1))(t, 0.7), eager, 1e-10)
