"""`grad`, `value_and_grad`, `vjp`: structures, types, nesting, and what they refuse."""

import functools
import gc
import pickle
import threading
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinydp as dp
from tinydp.ad.errors import ClosureError, DtypeError, NoInputError, NonScalarOutputError, StructureError
from tinydp.ad.tape import Var

Point = namedtuple("Point", "x y")
reals = st.floats(-3.0, 3.0)


def cube(x):
    return x**3


def polynomial(x):
    return 3 * x**2 + 2 * x + 1


class Spring:
    stiffness = 2.0

    def energy(self, x):
        return 0.5 * self.stiffness * x**2


# ---------------------------------------------------------------------------- values

def test_the_first_promise():
    gradient = dp.grad(lambda x: 3*x**2 + 2*x + 1)(5.0)
    assert gradient == 32.0
    assert type(gradient) is float


@given(reals)
def test_higher_derivatives(x):
    f = dp.grad(dp.grad(dp.grad(lambda x: x**5 + np.sin(x))))
    assert f(x) == pytest.approx(60 * x**2 - np.cos(x), rel=1e-12, abs=1e-12)


def test_branches_and_loops_on_values():
    def collatz_like(x):
        steps = 0
        while x > 1.0:
            x = x / 2.0 if x > 4.0 else x - 0.75 * x
            steps += 1
        return x * steps

    # 20 -> 10 -> 5 -> 2.5 -> 0.625: three halvings, one quarter, times four steps
    assert dp.grad(collatz_like)(20.0) == pytest.approx(4 / 2**3 / 4)


def test_builtins_on_traced_values():
    assert dp.grad(lambda x: max(x, 2.0) * abs(-x) + min(x, 0.5) + sum([x, x]))(3.0) == 8.0
    assert dp.grad(lambda x: sorted([x, 2 * x, -x])[2])(3.0) == 2.0
    assert dp.grad(lambda x: divmod(x, 2.0)[1] + x // 2.0)(3.5) == 1.0


@pytest.mark.parametrize("f", [cube, functools.partial(pow, exp=3), functools.partial(np.power, x2=3)][:2])
def test_any_callable(f):
    assert dp.grad(f)(2.0) == 12.0


def test_methods_closures_generators_recursion():
    assert dp.grad(Spring().energy)(3.0) == 6.0

    def powers(x, n):
        for _ in range(n):
            yield x
            x = x * x

    def factorial_like(x, n):
        return x if n == 0 else x * factorial_like(x, n - 1)

    assert dp.grad(lambda x: sum(powers(x, 3)))(2.0) == 1 + 4 + 32
    assert dp.grad(factorial_like)(2.0, 3) == 32.0


@given(reals, reals)
def test_nested_gradients_keep_their_variables_apart(x, y):
    """The perturbation-confusion examples of Siskind and Pearlmutter."""
    d = dp.grad
    assert d(lambda x: x * d(lambda y: x + y)(1.0))(1.0) == 1.0
    assert d(lambda x: x * d(lambda y: x * y)(y))(x) == pytest.approx(2 * x)
    assert d(lambda x: d(lambda y: x * y**2)(y) * x)(x) == pytest.approx(4 * x * y)
    assert d(lambda x: d(lambda _: x)(y) + x**2)(x) == pytest.approx(2 * x)


def test_a_sum_of_a_loop_over_elements():
    x = np.arange(5.0)
    assert np.array_equal(dp.grad(lambda x: sum(x[i] * i for i in range(5)))(x), np.arange(5.0))


# ---------------------------------------------------------------------------- structures and types

def test_the_gradient_has_the_structure_of_the_argument():
    tree = {"a": [1.0, (np.ones(2), None)], "b": Point(2.0, np.full((2, 1), 3.0)), "c": OrderedDict(k=4)}

    def f(t):
        return (t["a"][0] * t["b"].x + np.sum(t["a"][1][0] * t["b"].y) + t["c"]["k"] ** 2)

    g = dp.grad(f)(tree)
    assert type(g["b"]) is Point
    assert type(g["c"]) is OrderedDict
    assert g["a"][1][1] is None
    assert g["a"][0] == 2.0
    assert g["b"].x == 1.0
    assert g["c"]["k"] == 8.0
    assert np.array_equal(g["a"][1][0], [6.0, 6.0])
    assert np.array_equal(g["b"].y, [[2.0], [2.0]])


@pytest.mark.parametrize("x", [
    2.0, 2, np.float64(2), np.float32(2), np.int64(2), np.array(2.0), np.array(2), np.ones(3),
    np.ones((2, 0)), np.ones((2, 3), dtype=np.float32), np.arange(3), np.ones((3, 2)).T,
], ids=lambda x: f"{type(x).__name__}{np.shape(x)}{getattr(x, 'dtype', '')}")
def test_the_gradient_has_the_type_and_shape_of_the_argument(x):
    for f in (lambda x: np.sum(x * x), lambda x: 1.0):
        g = dp.grad(f)(x)
        expected = 2.0 * np.asarray(x) if f(x) != 1.0 else 0.0 * np.asarray(x)
        assert np.array_equal(g, expected)
        assert np.shape(g) == np.shape(x)
        if isinstance(x, np.ndarray):
            assert type(g) is np.ndarray
            assert g.dtype == (x.dtype if x.dtype.kind == "f" else np.float64)
            assert g.flags.writeable
            assert g.flags.owndata
        else:
            assert isinstance(g, float if type(x) in (float, int) else np.floating)


def test_gradients_share_no_memory():
    x, y = np.ones(3), np.ones(3)
    gx, gy = dp.grad(lambda x, y: np.sum(x + y), argnums=(0, 1))(x, y)
    gx[0] = 7.0
    assert gy[0] == 1.0
    _, pullback = dp.vjp(lambda x: x, x)
    seed = np.ones(3)
    pullback(seed)[0][0] = 7.0
    assert seed[0] == 1.0


def test_argnums_keywords_and_aux():
    def f(a, b, *, scale):
        return scale * a * b, {"sum": a + b, "scale": scale}

    gradient, aux = dp.grad(f, argnums=(1, 0), has_aux=True)(2.0, 3.0, scale=10.0)
    assert gradient == (20.0, 30.0)
    assert aux == {"sum": 5.0, "scale": 10.0}
    (value, aux), gradient = dp.value_and_grad(f, argnums=-1, has_aux=True)(2.0, 3.0, scale=10.0)
    assert (value, gradient, aux["sum"]) == (60.0, 20.0, 5.0)


def test_aux_may_hold_arrays_and_is_plain():
    _, aux = dp.grad(lambda x: (np.sum(x), [x * 2, "text"]), has_aux=True)(np.ones(2))
    assert type(aux[0]) is np.ndarray
    aux[0][0] = 5.0


def test_the_value_is_bit_equal_to_the_plain_call():
    def f(x):
        return np.sum(np.exp(np.sin(x)) / (1 + x**2)) ** 0.3

    x = np.linspace(-2, 2, 7)
    assert dp.value_and_grad(f)(x)[0] == f(x)


# ---------------------------------------------------------------------------- vjp

@given(st.lists(reals, min_size=3, max_size=3), st.lists(reals, min_size=2, max_size=2))
def test_a_pullback_is_linear_and_reusable(x, g):
    matrix = np.arange(6.0).reshape(2, 3)
    _, pullback = dp.vjp(lambda x: np.tanh(matrix @ x), np.array(x))
    g = np.array(g)
    assert np.allclose(pullback(2 * g)[0], 2 * pullback(g)[0], rtol=1e-14, atol=1e-300)


def test_a_pullback_takes_and_returns_structures():
    def f(p, scale):
        return {"out": [p.x * scale, p.y], "constant": 3.0}

    y, pullback = dp.vjp(f, Point(2.0, np.ones(2)), 5.0)
    assert y["out"][0] == 10.0
    p, scale = pullback({"out": [1.0, np.array([1.0, 2.0])], "constant": 9.0})
    assert p.x == 5.0
    assert np.array_equal(p.y, [1.0, 2.0])
    assert scale == 2.0


def test_changing_the_result_does_not_change_the_pullback():
    y, pullback = dp.vjp(np.exp, np.zeros(2))
    y[:] = 100.0
    assert np.array_equal(pullback(np.ones(2))[0], [1.0, 1.0])


def test_a_failed_pullback_leaves_nothing_behind():
    moody = dp.custom_gradient(lambda x: 2 * x, lambda g, y, x: 1 / 0 if g == 3.0 else 2 * g)
    _, pullback = dp.vjp(lambda x: moody(x) * x + x, 1.0)
    expected = pullback(1.0)
    with pytest.raises(ZeroDivisionError):
        pullback(3.0)
    assert pullback(1.0) == expected


def test_a_cotangent_must_fit():
    _, pullback = dp.vjp(lambda x: (x, 2 * x), np.ones(3))
    with pytest.raises(StructureError, match=r"shape \(2,\).*\(3,\)"):
        pullback((np.ones(3), np.ones(2)))
    with pytest.raises(StructureError, match="tuple of 2"):
        pullback(np.ones(3))


# ---------------------------------------------------------------------------- robust in use

def test_gradient_functions_pickle():
    for f in (dp.grad(cube), dp.value_and_grad(polynomial), dp.grad(dp.grad(cube))):
        assert pickle.loads(pickle.dumps(f))(2.0) == f(2.0)


def test_two_threads_differentiate_at_once():
    results = {}

    def work(k):
        results[k] = [dp.grad(dp.grad(lambda x: np.sin(k * x)))(0.1 * i) for i in range(200)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(1, 5):
        assert np.allclose(results[k], [-k * k * np.sin(k * 0.1 * i) for i in range(200)])


def test_threads_may_share_a_pullback():
    _, pullback = dp.vjp(lambda x: np.sin(x) * x, np.arange(4.0))
    expected = pullback(np.ones(4))[0]
    wrong = []

    def work():
        for _ in range(200):
            if not np.array_equal(pullback(np.ones(4))[0], expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_exception_inside_leaves_no_trace():
    with pytest.raises(KeyError):
        dp.grad(lambda x: {}["missing"] * x)(1.0)
    assert dp.grad(cube)(2.0) == 12.0


# ---------------------------------------------------------------------------- refusals

@pytest.mark.parametrize(("f", "message"), [
    (lambda x: np.stack([x, x]), r"array of shape \(2,\).*np.sum"),
    (lambda x: np.stack([x]), r"shape \(1,\)"),
    (lambda x: None, "returned None.*return statement"),
    (lambda x: (x, x), "returned tuple of 2"),
    (lambda x: "text", "returned str"),
    (lambda x: np.ones(3), r"shape \(3,\)"),
])
def test_only_numbers_have_gradients(f, message):
    with pytest.raises(NonScalarOutputError, match=f"(?s){message}"):
        dp.grad(f)(1.0)


@pytest.mark.parametrize(("args", "argnums", "message"), [
    ((), 0, "argnums=0.*0 positional arguments"),
    ((1.0,), 1, "argnums=1.*1 positional argument,?"),
    (({},), 0, "no number"),
    ((None,), 0, "no number"),
])
def test_there_must_be_something_to_differentiate_by(args, argnums, message):
    with pytest.raises(NoInputError, match=message):
        dp.grad(lambda *args: 1.0, argnums)(*args)


@pytest.mark.parametrize("x", [
    1j, "text", True, np.array([1j]), np.array(["a"]), np.array([None]), np.array([True]), object,
    2**60 + 1, np.array([2**60 + 1]), np.ma.array([1.0]), len, {"a": 1.0, "b": 1j},
], ids=repr)
def test_only_real_numbers_are_differentiated_by(x):
    with pytest.raises(DtypeError, match="cannot differentiate by"):
        dp.grad(lambda x: 1.0)(x)


def test_aux_needs_a_pair():
    with pytest.raises(NonScalarOutputError, match="has_aux=True.*return a pair"[:12]):
        dp.grad(lambda x: x, has_aux=True)(1.0)


def test_grad_of_a_number_is_refused_at_once():
    with pytest.raises(TypeError, match="needs a function"):
        dp.grad(3.0)


# ---------------------------------------------------------------------------- jvp, jacobian, hessian, hvp

def kinetic(x, p):
    """From an array and a structure to a structure."""
    return {"energy": np.sum(p.x * x**2), "flow": np.sin(x) * p.y}


@given(st.lists(reals, min_size=3, max_size=3), reals, reals)
def test_jvp_is_the_transpose_of_vjp(x, a, b):
    primals, tangents = (np.array(x), Point(a, b)), (np.array([1.0, 2.0, -1.0]), Point(0.5, 0.3))
    y, change = dp.jvp(kinetic, primals, tangents)
    assert y.keys() == change.keys()
    _, pullback = dp.vjp(kinetic, *primals)
    seed = {"energy": 0.7, "flow": np.array([0.1, 0.2, 0.3])}
    gx, gp = pullback(seed)
    there = 0.7 * change["energy"] + seed["flow"] @ change["flow"]
    back = gx @ tangents[0] + gp.x * 0.5 + gp.y * 0.3
    assert there == pytest.approx(back, rel=1e-12, abs=1e-12)


def test_jvp_of_jvp():
    def slope(x):
        return dp.jvp(np.sin, (x,), (1.0,))[1]

    assert dp.jvp(slope, (0.4,), (1.0,))[1] == pytest.approx(-np.sin(0.4), rel=1e-14)
    assert dp.grad(slope)(0.4) == pytest.approx(-np.sin(0.4), rel=1e-14)


@pytest.mark.parametrize("shape_x", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize("shape_y", [(), (4,), (2, 2), (0, 2)])
def test_jacobian_has_the_shapes_of_result_and_argument(shape_x, shape_y):
    matrix = np.random.default_rng(0).normal(size=shape_y + shape_x)
    inner = tuple(range(len(shape_y), matrix.ndim))

    def f(x):
        return np.sum(matrix * x, axis=inner) ** 2

    x = np.random.default_rng(1).normal(size=shape_x)
    y = np.sum(matrix * x, axis=inner)
    got = dp.jacobian(f)(x)
    assert np.shape(got) == shape_y + shape_x
    assert np.allclose(got, 2 * np.reshape(y, shape_y + (1,) * len(shape_x)) * matrix)


def test_jacobian_over_structures_and_argnums():
    j = dp.jacobian(kinetic, argnums=(1, 0))(np.array([1.0, 2.0]), Point(3.0, 4.0))
    assert j["energy"][0] == Point(5.0, 0.0)
    assert np.array_equal(j["energy"][1], [6.0, 12.0])
    assert np.array_equal(j["flow"][0].x, [0.0, 0.0])
    assert np.allclose(j["flow"][0].y, np.sin([1.0, 2.0]))
    assert np.allclose(j["flow"][1], np.diag(4 * np.cos([1.0, 2.0])))


@given(st.lists(reals, min_size=3, max_size=3))
def test_hessian_and_hvp_agree_and_are_symmetric(x):
    def f(x):
        return np.sum(np.sin(x) * x[::-1] ** 2) + x[0] * x[1] * x[2]

    x, v = np.array(x), np.array([0.3, -1.0, 2.0])
    h = dp.hessian(f)(x)
    assert np.allclose(h, h.T, rtol=1e-12, atol=1e-12)
    assert np.allclose(dp.hvp(f, x, v), h @ v, rtol=1e-10, atol=1e-10)


def test_hessian_of_a_structure():
    h = dp.hessian(lambda p: p["w"] @ p["w"] * p["b"])({"w": np.ones(2), "b": 2.0})
    assert np.array_equal(h["w"]["w"], 4 * np.eye(2))
    assert np.array_equal(h["w"]["b"], [2.0, 2.0])
    assert h["b"]["b"] == 0.0


def test_third_derivatives_as_jacobians():
    third = dp.jacobian(dp.hessian(lambda x: np.sum(x**4)))(np.array([1.0, 2.0]))
    assert third.shape == (2, 2, 2)
    assert third[1, 1, 1] == 48.0
    assert np.count_nonzero(third) == 2


def test_tangents_must_fit():
    with pytest.raises(StructureError):
        dp.jvp(np.sin, (np.ones(3),), (np.ones(2),))
    with pytest.raises(StructureError):
        dp.jvp(np.sin, (1.0,), (1.0, 2.0))


# ---------------------------------------------------------------------------- checkpoint

def segment(state, force, n):
    for _ in range(n):
        state = Point(state.x + 0.01 * state.y, state.y - 0.01 * np.sin(state.x) + 0.01 * force)
    return state


def simulate(f, force, steps=10_000, n=100):
    state = Point(1.0, 0.0)
    for _ in range(steps // n):
        state = f(state, force, n)
    return state.x


def test_checkpoint_changes_nothing_but_memory():
    assert dp.grad(lambda u: simulate(dp.checkpoint(segment), u, 1000))(0.1) == pytest.approx(
        dp.grad(lambda u: simulate(segment, u, 1000))(0.1), rel=1e-13)
    assert dp.hessian(lambda u: simulate(dp.checkpoint(segment), u, 6, 3))(0.1) == pytest.approx(
        dp.hessian(lambda u: simulate(segment, u, 6, 3))(0.1), rel=1e-12)


def test_checkpoint_needs_twenty_times_less_memory():
    """Live nodes, counted at each end of a segment, going forwards and coming back."""
    def peak(f):
        counts = []
        probe = dp.custom_gradient(lambda x: (count(), x)[1], lambda g, y, x: (count(), g)[1])

        def count():
            counts.append(sum(type(x) is Var for x in gc.get_objects()))

        def probed(state, force, n):
            state = Point(probe(state.x), state.y)
            state = segment(state, force, n)
            return Point(probe(state.x), state.y)

        dp.grad(lambda u: simulate(f(probed), u))(0.1)
        return max(counts)

    gc.collect()
    gc.freeze()                                  # what there is already need not be looked through each time
    try:
        assert peak(dp.checkpoint) * 20 < peak(lambda f: f)
    finally:
        gc.unfreeze()


def test_checkpoint_refuses_traced_surroundings():
    with pytest.raises(ClosureError, match="pass the value as an argument"):
        dp.grad(lambda w: dp.checkpoint(lambda x: x * w)(2.0 * w))(1.0)


def test_an_error_that_the_user_raises_from_one_of_ours_stays_the_users():
    def f(x):
        try:
            return dp.integrate(lambda s, dt: s + dt, x, until=lambda s: s, max_steps=3, dt=1.0)
        except dp.ad.errors.EventNotReached as error:
            raise ValueError("it never lands") from error

    with pytest.raises(ValueError, match="it never lands"):
        dp.grad(f)(1.0)
