"""Conditions that are compared by identity, which no condition can see: refused, never taken for false."""

import numbers
import sys
from typing import NamedTuple

import numpy as np
import pytest

import tinydp as dp
from tinydp.ad.errors import BranchError


class Ball(NamedTuple):
    height: float
    flies: bool


def choose(c, a, b):
    return a if c is True else b


def is_low(x):
    return x < 0.5


def by_name(x):
    low = x < 0.5
    return 2.0 * x if low is True else x


def at_once(x):
    return 2.0 * x if (x < 0.5) is True else x


def of_a_call(x):
    return 2.0 * x if is_low(x) is True else x


def of_numpys(x):
    return 2.0 * x if np.any(np.stack([x, x]) > 0.5) is not True else x


def assigned_within(x):
    return 2.0 * x if (low := x < 0.5) is not False else low * x


def as_an_argument(x):
    return choose(x < 0.5, 2.0 * x, x)


def in_a_tuple(x):
    found = (x, x < 0.5)
    return 2.0 * x if found[1] is False else x


def by_match(x):
    match x < 0.5:
        case True:
            return 2.0 * x
        case _:
            return x


def by_match_of_a_tuple(x):
    match (x, x < 0.5):
        case (_, False):
            return 2.0 * x
    return x


def both_known(x):
    return x if (x < 0.5 and x > 0.1) is True else 2.0 * x


def carried(x):
    def step(ball, _):
        if ball.flies is True:
            return Ball(ball.height - 0.1, ball.height > 0.3), None
        return Ball(ball.height + 0.5, ball.height > 0.3), None

    return dp.scan(step, Ball(x, x > 0.0), length=4)[0].height


def in_a_method(x):
    class Rule:
        def of(self, c):
            return 1.0 if c is not False else 2.0

    return Rule().of(x < 0.5) * x


def by_another_name(x):
    low, wanted = x < 0.5, True
    return 2.0 * x if low is wanted else x


def not_another(x):
    return 2.0 * x if (x < 0.5) is not is_low(x + 0.4) else x


def of_two_carried(x):
    def step(c, _):
        up, down, x = c
        return (x > 0.3, x < 0.4, x - 0.1 if up is down else x + 0.1), None

    return dp.scan(step, (True, False, x), length=4)[0][2]


ASKED = [by_name, at_once, of_a_call, of_numpys, assigned_within, as_an_argument, in_a_tuple, by_match,
         by_match_of_a_tuple, both_known, carried, in_a_method, by_another_name, not_another, of_two_carried]


@pytest.mark.parametrize("f", ASKED, ids=lambda f: f.__name__)
def test_a_condition_is_not_asked_whether_it_is_true_itself(f):
    before = sys.gettrace()
    for x in (0.2, 0.7):                         # whichever way plain Python goes
        with pytest.raises(BranchError, match=r"asked whether it is (True|False|another one) ") as error:
            dp.compile(f)(x)
        assert error.value.place.file == __file__
    assert sys.gettrace() is before


HINTS = [
    (by_name, "write low.", lambda x: 2.0 * x if x < 0.5 else x),
    (at_once, "write (x < 0.5).", lambda x: 2.0 * x if (x < 0.5) else x),
    (of_a_call, "write is_low(x).", lambda x: 2.0 * x if is_low(x) else x),
    (in_a_tuple, "write not found[1].", lambda x: 2.0 * x if not (x, x < 0.5)[1] else x),
    (carried, "write ball.flies.", None),
    (by_another_name, "write low == wanted.", lambda x: 2.0 * x if (x < 0.5) == True else x),   # noqa: E712
    (not_another, "write (x < 0.5) != is_low(x + 0.4).",
     lambda x: 2.0 * x if (x < 0.5) != is_low(x + 0.4) else x),
    (by_match, "write `if c:` and `else:` instead of `match c:`, with the condition as c.", None),
]


@pytest.mark.parametrize(("f", "advice", "mended"), HINTS, ids=lambda x: getattr(x, "__name__", ""))
def test_what_is_advised_works(f, advice, mended):
    with pytest.raises(BranchError) as error:
        dp.compile(f)(0.2)
    assert error.value.advice == advice
    for x in (0.2, 0.7) if mended else ():
        assert dp.grad(dp.compile(mended))(x) == dp.grad(f)(x)


def test_what_is_known_may_be_compared_by_identity():
    class Options(NamedTuple):
        fast: bool = True

    options = Options()

    def f(x, flag=None):
        low = x < 0.5
        y = 2.0 * x if options.fast is True else x
        y = y if flag is not False else -y
        match options.fast:
            case True:
                y = y + 1.0
        return np.where(low, y, x)

    assert dp.compile(f)(0.2) == f(0.2)
    assert dp.compile(f, static="flag")(0.2, flag=False) == f(0.2, False)


def test_what_is_no_condition_may_be_compared_by_identity():
    missing, names = object(), {"low": "low"}

    def f(x, given=missing):
        low = x < 0.5
        if low is missing or given is not missing or type(names) is type(x) or names["low"] is low:
            return x
        return 2.0 * x if low else x

    for x in (0.2, 0.7):
        assert dp.compile(f)(x) == f(x)


def by_class(c):
    return isinstance(c, bool)


def by_one_of_several(c):
    return isinstance(c, (str, int))


def by_an_abstract_class(c):
    return isinstance(c, numbers.Integral)


def by_case(c):
    match c:
        case float():
            return False
        case bool():
            return True
    return False


@pytest.mark.parametrize("is_one", [by_class, by_one_of_several, by_an_abstract_class, by_case])
def test_a_condition_is_of_the_class_that_it_is_of_in_plain_python(is_one):
    def f(x):
        def step(c, _):
            low = c[0] < 0.5
            y = 2.0 if is_one(low) else 3.0
            return (y * c[0] if low else c[0] - 0.4, low, c[2] + (1.0 if is_one(c[1]) else 4.0)), None
        x, _, n = dp.scan(step, (x, False, 0.0), length=3)[0]
        return x + n * (1.0 if is_one(x > 1.0) else 2.0)

    for x in (0.2, 0.7, -0.3):
        assert dp.compile(f)(x) == f(x)
    assert dp.compile(lambda x: 1.0 if is_one(np.all(x > 0.0)) else 2.0)(np.ones(2)) == 2.0


def of_its_class(x):
    low = x < 0.5
    return 2.0 * x if type(low) is bool else x


def of_the_class_at_once(x):
    return 2.0 * x if bool is not type(x < 0.5) else x


def of_an_equal_class(x):
    found = (x, x < 0.5)
    return 2.0 * x if type(found[1]) == bool else x               # noqa: E721


def of_one_of_several_classes(x):
    ball = Ball(x, x < 0.5)
    return 2.0 * x if type(ball.flies) not in (int, bool) else x


def of_the_class_of_a_call(x):
    return 2.0 * x if type(is_low(x)) is bool else x


def of_a_class_by_another_name(x):
    kind, low = bool, x < 0.5
    return 2.0 * x if type(low) is kind else x


def of_numpys_class(x):
    low = np.stack([x, x]) < 0.5
    return 2.0 * x if type(low[0]) is np.bool_ else x


CLASSES = [
    (of_its_class, "write isinstance(low, bool).", lambda x: 2.0 * x if isinstance(x < 0.5, bool) else x),
    (of_the_class_at_once, "write not isinstance(x < 0.5, bool).",
     lambda x: 2.0 * x if not isinstance(x < 0.5, bool) else x),
    (of_an_equal_class, "write isinstance(found[1], bool).", None),
    (of_one_of_several_classes, "write not isinstance(ball.flies, (int, bool)).", None),
    (of_the_class_of_a_call, "write isinstance(is_low(x), bool).",
     lambda x: 2.0 * x if isinstance(is_low(x), bool) else x),
    (of_a_class_by_another_name, "write isinstance(low, kind).", None),
    (of_numpys_class, "write isinstance(low[0], np.bool_).",
     lambda x: 2.0 * x if isinstance((np.stack([x, x]) < 0.5)[0], np.bool_) else x),
]


@pytest.mark.parametrize(("f", "advice", "mended"), CLASSES, ids=lambda x: getattr(x, "__name__", ""))
def test_a_condition_is_not_asked_whether_its_class_is_bool(f, advice, mended):
    with pytest.raises(BranchError, match="asked whether its class is one that") as error:
        dp.compile(f)(0.2)
    assert (error.value.advice, error.value.place.file) == (advice, __file__)
    for x in (0.2, 0.7) if mended else ():
        assert dp.compile(mended)(x) == f(x)


def test_the_class_of_anything_else_may_be_asked_for():
    def f(x, flag=True):
        low = x < 0.5
        if type(flag) is bool and type(None) is not bool and bool is type(flag) and str not in (bool,):
            x = x + 1.0 if type(low) is not str and type(low) is not np.bool_ else x
        return x if type(x) is bool or type(low) is type(flag) is int else 2.0 * x + (1.0 if low else 0.0)

    for x in (0.2, 0.7):
        assert dp.compile(f, static="flag")(x, flag=True) == f(x)


def test_where_nothing_is_compared_nobody_looks_on():
    seen = []

    def f(x):
        seen.append(sys.gettrace())
        return x

    before = sys.gettrace()
    dp.compile(f)(1.0)
    assert all(x is before for x in seen)
