"""The gradient rules of `scipy.special`, one function a line.

They are SciPy's ufuncs, which ask a traced argument as NumPy's do:

    >>> from scipy import special
    >>> from tinydp import grad
    >>> f"{grad(special.erf)(0.5):.6f} {grad(grad(special.gammaln))(3.0):.6f}"
    '0.878783 0.394934'

`None` stands where SciPy knows no derivative either, as by the order of a function. What is made of NumPy's
functions can be compiled, too; for the others there is no machine code.
"""

from collections.abc import Callable

import numpy as np
from scipy import special as sc

from ..compile.expansions import EXPANSIONS
from ..primitives import Primitive
from ..registry import defvjp

UFUNCS: dict[Callable, Primitive] = {}              # of SciPy, each with its primitive
ROOT_PI, ROOT_2PI = np.sqrt(np.pi), np.sqrt(2.0 * np.pi)


def defufunc(f, *rules, of_numpys=None):
    """Add a function; `of_numpys` is the same by functions that can be compiled."""
    primitive = UFUNCS[f] = Primitive(f, f"scipy.special.{f.__name__}")
    defvjp(primitive, *rules)
    if of_numpys:
        EXPANSIONS[primitive.name] = of_numpys


def _ratio(x, y):
    """x / y, which is 0 where x is."""
    return np.where(x == 0.0, 0.0, x / np.where(x == 0.0, 1.0, y))


def _j1_over(x):
    """J1(x) / x, 1/2 at 0."""
    return np.where(x == 0.0, 0.5, sc.j1(x) / np.where(x == 0.0, 1.0, x))


def _i1_over(x):
    return np.where(x == 0.0, 0.5, sc.i1(x) / np.where(x == 0.0, 1.0, x))


def _expit(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def _log_expit(x):
    return -np.logaddexp(0.0, -x)


# ---------------------------------------------------------------------------- errors, logistic

defufunc(sc.erf,       lambda g, y, x: g * (2.0 / ROOT_PI) * np.exp(-x * x))
defufunc(sc.erfc,      lambda g, y, x: g * (-2.0 / ROOT_PI) * np.exp(-x * x))
defufunc(sc.erfcx,     lambda g, y, x: g * (2.0 * x * y - 2.0 / ROOT_PI))
defufunc(sc.erfinv,    lambda g, y, x: g * (0.5 * ROOT_PI) * np.exp(y * y))
defufunc(sc.erfcinv,   lambda g, y, x: g * (-0.5 * ROOT_PI) * np.exp(y * y))
defufunc(sc.ndtr,      lambda g, y, x: g * np.exp(-0.5 * x * x) / ROOT_2PI)
defufunc(sc.ndtri,     lambda g, y, p: g * ROOT_2PI * np.exp(0.5 * y * y))
defufunc(sc.log_ndtr,  lambda g, y, x: g * np.exp(-0.5 * x * x - y) / ROOT_2PI)
defufunc(sc.dawsn,     lambda g, y, x: g * (1.0 - 2.0 * x * y))
defufunc(sc.expit,     lambda g, y, x: g * y * sc.expit(-x), of_numpys=_expit)
defufunc(sc.logit,     lambda g, y, p: g / (p * (1.0 - p)), of_numpys=lambda p: np.log(p) - np.log1p(-p))
defufunc(sc.log_expit, lambda g, y, x: g * sc.expit(-x), of_numpys=_log_expit)

# ---------------------------------------------------------------------------- logarithms, powers

defufunc(sc.xlogy,     lambda g, y, a, x: g * np.log(x),
                       lambda g, y, a, x: g * _ratio(a, x),
                       of_numpys=lambda a, x: a * np.log(np.where(a == 0.0, 1.0, x)))
defufunc(sc.xlog1py,   lambda g, y, a, x: g * np.log1p(x),
                       lambda g, y, a, x: g * _ratio(a, 1.0 + x),
                       of_numpys=lambda a, x: a * np.log1p(np.where(a == 0.0, 1.0, x)))
defufunc(sc.entr,      lambda g, y, x: -g * (np.log(x) + 1.0), of_numpys=lambda x: -x * np.log(x))
defufunc(sc.rel_entr,  lambda g, y, x, p: g * (np.log(x / p) + 1.0),
                       lambda g, y, x, p: -g * x / p)
defufunc(sc.kl_div,    lambda g, y, x, p: g * np.log(x / p),
                       lambda g, y, x, p: g * (1.0 - x / p))
defufunc(sc.exp10,     lambda g, y, x: g * y * np.log(10.0), of_numpys=lambda x: np.exp(x * np.log(10.0)))
defufunc(sc.exp2,      lambda g, y, x: g * y * np.log(2.0), of_numpys=np.exp2)
defufunc(sc.expm1,     lambda g, y, x: g * (y + 1.0), of_numpys=np.expm1)
defufunc(sc.log1p,     lambda g, y, x: g / (1.0 + x), of_numpys=np.log1p)
defufunc(sc.cbrt,      lambda g, y, x: g / (3.0 * y * y), of_numpys=np.cbrt)
defufunc(sc.boxcox,    lambda g, y, x, p: g * x ** (p - 1.0))
defufunc(sc.inv_boxcox, lambda g, y, x, p: g * y ** (1.0 - p))
defufunc(sc.huber,     None, lambda g, y, d, x: g * np.clip(x, -d, d))
defufunc(sc.pseudo_huber, None, lambda g, y, d, x: g * x / np.sqrt(1.0 + (x / d) ** 2))

# ---------------------------------------------------------------------------- gamma and its family

defufunc(sc.gamma,     lambda g, y, x: g * y * sc.psi(x))
defufunc(sc.gammaln,   lambda g, y, x: g * sc.psi(x))
defufunc(sc.psi,       lambda g, y, x: g * sc.zeta(2.0, x))          # for x > 0
defufunc(sc.rgamma,    lambda g, y, x: -g * y * sc.psi(x))
# SciPy's `zeta` is a function around the ufunc of two arguments, which is what psi' is made of.
defufunc(sc._ufuncs._zeta, None, lambda g, y, s, x: -g * s * sc._ufuncs._zeta(s + 1.0, x))
defufunc(sc.beta,      lambda g, y, a, b: g * y * (sc.psi(a) - sc.psi(a + b)),
                       lambda g, y, a, b: g * y * (sc.psi(b) - sc.psi(a + b)))
defufunc(sc.betaln,    lambda g, y, a, b: g * (sc.psi(a) - sc.psi(a + b)),
                       lambda g, y, a, b: g * (sc.psi(b) - sc.psi(a + b)))
defufunc(sc.gammainc,  None, lambda g, y, a, x: g * np.exp((a - 1.0) * np.log(x) - x - sc.gammaln(a)))
defufunc(sc.gammaincc, None, lambda g, y, a, x: -g * np.exp((a - 1.0) * np.log(x) - x - sc.gammaln(a)))
defufunc(sc.betainc,   None, None,
                       lambda g, y, a, b, x: g * np.exp((a - 1.0) * np.log(x) + (b - 1.0) * np.log1p(-x)
                                                        - sc.betaln(a, b)))

# ---------------------------------------------------------------------------- integrals, Bessel functions

defufunc(sc.exp1,      lambda g, y, x: -g * np.exp(-x) / x)
defufunc(sc.expi,      lambda g, y, x: g * np.exp(x) / x)
defufunc(sc.i0,        lambda g, y, x: g * sc.i1(x))
defufunc(sc.i1,        lambda g, y, x: g * (sc.i0(x) - _i1_over(x)))
defufunc(sc.i0e,       lambda g, y, x: g * (sc.i1e(x) - np.sign(x) * y))
defufunc(sc.i1e,       lambda g, y, x: g * (np.exp(-np.abs(x)) * (sc.i0(x) - _i1_over(x)) - np.sign(x) * y))
defufunc(sc.j0,        lambda g, y, x: -g * sc.j1(x))
defufunc(sc.j1,        lambda g, y, x: g * (sc.j0(x) - _j1_over(x)))
defufunc(sc.y0,        lambda g, y, x: -g * sc.y1(x))
defufunc(sc.y1,        lambda g, y, x: g * (sc.y0(x) - y / x))
defufunc(sc.k0,        lambda g, y, x: -g * sc.k1(x))
defufunc(sc.k1,        lambda g, y, x: -g * (sc.k0(x) + y / x))
