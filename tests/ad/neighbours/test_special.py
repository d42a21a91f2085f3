"""The rules of `scipy.special`: values, first and second derivatives, by differences with an error bar."""

import inspect

import numpy as np
import pytest
from scipy import special as sc

import tinydp as dp
from tinydp.ad.compile.expansions import EXPANSIONS
from tinydp.ad.errors import NotCompiledError, NotDifferentiableError
from tinydp.ad.neighbours.special import UFUNCS

REAL, POSITIVE, UNIT = (-1.7, -0.3, 0.4, 1.6), (0.3, 0.9, 1.7, 3.2), (0.1, 0.35, 0.6, 0.9)
INSIDE = (-0.8, -0.2, 0.3, 0.7)
# The domain of each argument; those without derivative are constants.
DOMAINS = {
    **dict.fromkeys(
        [
            sc.erf,
            sc.erfc,
            sc.erfcx,
            sc.ndtr,
            sc.log_ndtr,
            sc.dawsn,
            sc.expit,
            sc.log_expit,
            sc.exp10,
            sc.exp2,
            sc.expm1,
            sc.cbrt,
            sc.i0,
            sc.i1,
            sc.i0e,
            sc.i1e,
            sc.j0,
            sc.j1,
        ],
        (REAL,),
    ),
    **dict.fromkeys(
        [
            sc.entr,
            sc.gamma,
            sc.gammaln,
            sc.psi,
            sc.rgamma,
            sc.exp1,
            sc.expi,
            sc.y0,
            sc.y1,
            sc.k0,
            sc.k1,
            sc.log1p,
        ],
        (POSITIVE,),
    ),
    **dict.fromkeys([sc.logit, sc.ndtri, sc.erfcinv], (UNIT,)),
    sc.erfinv: (INSIDE,),
    **dict.fromkeys([sc.xlogy, sc.rel_entr, sc.kl_div, sc.beta, sc.betaln], (POSITIVE, POSITIVE)),
    sc.xlog1py: (REAL, POSITIVE),
    sc.boxcox: (POSITIVE, REAL),
    sc.inv_boxcox: (POSITIVE, UNIT),
    sc.huber: (POSITIVE, REAL),
    sc.pseudo_huber: (POSITIVE, REAL),
    sc._ufuncs._zeta: ((2.0, 3.0, 2.5, 4.0), POSITIVE),
    sc.gammainc: (POSITIVE, POSITIVE),
    sc.gammaincc: (POSITIVE, POSITIVE),
    sc.betainc: (POSITIVE, POSITIVE, UNIT),
}
CASES = [(f, i) for f, primitive in UFUNCS.items() for i, rule in enumerate(primitive.rules) if rule]


def name(x):
    return getattr(x, "__name__", str(x))


def test_every_function_has_a_domain():
    assert DOMAINS.keys() == UFUNCS.keys()


@pytest.mark.parametrize(("f", "i"), CASES, ids=name)
def test_first_and_second_derivative(f, i):
    args = [np.array(x) for x in DOMAINS[f]]

    def total(x):
        return np.sum(np.cos(np.arange(4.0)) * f(*args[:i], x, *args[i + 1 :]))

    assert dp.grad(total)(args[i]).shape == (4,)
    dp.testing.check_grads(total, (args[i],), order=2)


@pytest.mark.parametrize(
    ("f", "i"), [case for case in CASES if UFUNCS[case[0]].name in EXPANSIONS], ids=name
)
def test_compiled(f, i, wrap):
    args = [np.array(x) for x in DOMAINS[f]]

    def total(x):
        return np.sum(f(*args[:i], x, *args[i + 1 :]))

    value, gradient = dp.value_and_grad(wrap(total))(args[i])
    assert value == pytest.approx(total(args[i]), rel=1e-13)
    np.testing.assert_allclose(gradient, dp.grad(total)(args[i]), rtol=1e-12)


def test_what_has_no_machine_code_says_so():
    with pytest.raises(NotCompiledError, match="erf cannot be compiled"):
        dp.compile(lambda x: sc.erf(x))(0.5)


def test_an_order_has_no_derivative():
    with pytest.raises(NotDifferentiableError, match="argument 0"):
        dp.grad(lambda a: sc.gammainc(a, 1.0))(2.0)


@pytest.mark.parametrize(
    ("f", "x", "right"),
    [
        (lambda x: sc.xlogy(x, 0.0) + x, 0.0, None),
        (sc.i1, 0.0, 0.5),
        (sc.j1, 0.0, 0.5),
        (lambda p: sc.xlogy(0.0, p), 0.0, 0.0),
        (sc.digamma, 1.0, np.pi**2 / 6),
    ],
)
def test_special_points(f, x, right):
    with np.errstate(all="ignore"):
        found = dp.grad(f)(x)
    assert right is None or found == pytest.approx(right, rel=1e-14)


def test_every_rule_takes_what_its_function_takes():
    for f, primitive in UFUNCS.items():
        for rule in filter(None, primitive.rules):
            assert len(inspect.signature(rule).parameters) == 2 + f.nin
