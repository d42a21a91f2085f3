"""Second derivatives at the tip of a kink: of smooth functions of a length, f(|x|).

The gradient of f(y), y = |x|, is (g / y) x with the cotangent g = f'(y). At x = 0 that is 0 / 0 times 0. Its
value is 0 by the convention of `docs/kinks.md`; but where the gradient is differentiated again, its slope at
the tip counts, and this is the limit of g / y: by l'Hopital's rule the derivative of g by y there. The
operations from y to g are on the tape that will be swept for the second derivative, so it is known: g is
swept back to y, and the limit is what arrives. If g is not zero at the tip, or depends to first order on
anything but this y, then the gradient has a jump or an edge there, and its derivative is nan. So it is
where that cannot be told: if g is on another tape than y, as in the derivative of a jvp, or comes out of a
node with an inside of its own. The limit holds at the tip alone: its own derivative, the third one, is nan as
well, unless g is y times a plain number.

    >>> from tinydp import hessian
    >>> hessian(lambda x: np.cosh(np.linalg.norm(x)))(np.zeros(2))
    array([[1., 0.],
           [0., 1.]])
    >>> hessian(np.linalg.norm)(np.zeros(2))
    array([[nan, nan],
           [nan, nan]])
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import cast

import numpy as np

from ..parts import Keeping, dense
from ..primitives import Primitive
from ..registry import PRIMITIVES, defvjp
from ..selected import bare
from ..selected import seed as masked
from ..tape import Var
from ..values import abstract, is_on, plain, shape

TIPS: set[Primitive] = set()                     # the primitives with a tip where their value is 0
TIES: dict[Primitive, Callable] = {}             # ... with ties, and how to see where: f(y, *args, **options)


def differentiated(x):
    """Whether what a rule computes of `x` will be differentiated itself, by a tape."""
    return type(x) is Var and not abstract(x)


def at_tip(x, y):
    """Where the length `y` of `x` is 0, as a mask; None if it is nowhere, or does not matter."""
    if not differentiated(x):
        return None
    tip = np.equal(plain(y), 0.0)
    return tip if np.any(tip) else None


def direction(x, y):
    """x / y, and 0 at the tip."""
    return unsure(np.where(y == 0, 0.0, x / np.where(y == 0, 1.0, y)), x, y == 0)


def unsure(c, x, where):
    """The factor `c`. In a program, its derivative by `x` is nan there, so that a tape takes over."""
    return _unsure(c, x, where) if abstract(x) else c


def bend(c, g, y, x, tip, wide=lambda z: z, axis=(), other=None):
    """The cotangent c = (g / y) x, with the right derivative at the tip, where its value is 0.

    `wide` brings the shape of `y` to that of `x`, of which `y` is the length along `axis`, or together with
    the `other`. The limit k of g / y is that at the tip alone: what is differentiated once more is nan,
    unless g is k y everywhere.
    """
    k, smooth, linear = growth(g, y, tip)
    at, torn_at = wide(tip & smooth), wide(tip & ~smooth)
    together = x if other is None else x + other
    if axis != ():
        together = np.sum(together, axis=axis, keepdims=True)
    if np.any(torn_at):
        c = c + wide(g) * edge(together, torn_at)
    bent = np.where(at, x, 0.0) * wide(np.where(smooth, k, 0.0))
    if not linear:
        bent = bent + later_edge(together + wide(g), at)
    return np.where(np.broadcast_to(at, shape(x)), bent, c)


def _zeros(x, where):
    return np.zeros(np.broadcast_shapes(shape(x), shape(where)))


# 0, but without derivative; also behind a cotangent that is 0 here, unless no path leads there
edge = Primitive(_zeros, "edge")
defvjp(edge, lambda h, y, x, where: h * np.where(where, np.nan, 0.0), None)

# 0, with the derivative 0, but without a second one
later_edge = Primitive(_zeros, "later_edge")
defvjp(later_edge, lambda h, y, x, where: h * edge(x, where), None)
edge.elementwise = later_edge.elementwise = True

met: ContextVar[list | None] = ContextVar("met", default=None)   # whether an interpreted program was unsure


def _kept(c, x, where):
    found = met.get()
    if found is not None and np.any(where):
        found.append(True)
    return c


_unsure = Primitive(_kept, "unsure")
defvjp(_unsure, lambda h, y, c, x, where: h, lambda h, y, c, x, where: h * np.where(where, np.nan, 0.0), None)
_unsure.elementwise = True


# ---------------------------------------------------------------------------- ties


def torn(c, g, y, x, tie, of_y=None, wide=lambda z: z, same=False):
    """The share `c` of `x` that ties to be `y`; without a derivative if the tie can part while `g` varies.

    The gradient shares `g` among those that tie. A moment later one of them has all of it: if `g` is a
    constant that is the kink of the first derivative, and nothing new. But what `g` changes by is not
    shared. Values that are one and the same, as in np.maximum(x, x), never part. Whether `g` or the gap
    between those that tie changes is seen to first order only, so that the derivatives after the next one
    are nan, unless they are the `same` by construction. `of_y` says in the shape of `y` where a tie is.
    """
    if type(g) is not Var or same:
        return c
    gap = x - wide(y)
    varying = tie & wide(_varies(g, y.tape, tie if of_y is None else of_y))
    parting = varying & _varies(gap, y.tape, varying, kinks=False) if np.any(varying) else varying
    c, wide_g = bare(c), wide(g)
    if np.any(parting):
        c = c + wide_g * edge(gap, parting)
    if is_on(y.tape, g) and type(g.value) is Var:
        c = c + later_edge(wide_g + gap, tie)
    return c


MOST_ONE_BY_ONE = 32                             # elements that are looked at one by one


def _varies(z, tape, where, kinks=True):
    """Which elements of `z` depend on anything on this tape; all alike if they are many."""
    if newer(z, tape):
        return np.ones(shape(z), dtype=bool)
    places, found = np.flatnonzero(where), np.zeros(shape(z), dtype=bool)
    groups = np.reshape(places, (-1, 1)) if len(places) <= MOST_ONE_BY_ONE else [places]
    for group in groups if is_on(tape, z) else []:
        seed = np.zeros(shape(z))
        seed.flat[group] = np.sin(1.0 + np.arange(len(group)))
        found.flat[group] = not swept_back(z, None, seed, kinks)[1]
    return found


# ---------------------------------------------------------------------------- the limit


def newer(g, tape):
    """Whether `g` is on a younger tape than this one, which cannot tell how `g` depends on its values.

    So it is in a jvp, which differentiates a pullback by its cotangent, while another tape is around.
    """
    return type(g) is Var and g.tape.age > tape.age


def growth(g, y, tip):
    """The derivative of each element of `g` by that of `y` where `tip`; and where it is the limit of g / y.

    Two sweeps with different seeds tell whether an element depends on others. The last result says whether
    `g` is nothing but `y` times that number, near the tip as well.
    """
    zero, vanishes = np.zeros(shape(y)), np.broadcast_to(np.equal(plain(g), 0.0), shape(y))
    if newer(g, y.tape):
        return zero, np.zeros(shape(y), dtype=bool), False
    if not is_on(y.tape, g):                     # g is a constant
        return zero, vanishes, type(g) is not Var
    seeds = np.where(tip, 1.0, 0.0), np.where(tip, np.sin(1.0 + np.arange(zero.size)).reshape(shape(y)), 0.0)
    (k, alone), (other, _) = [swept_back(g, y, seed) for seed in seeds]
    far = np.abs(plain(other) - plain(k) * seeds[1]) > 1e-9 * np.max(np.abs(plain(k)), initial=0.0)
    return k, vanishes & ~far & alone, type(k) is not Var and _is_linear(g, y)


def _is_linear(g, y):
    """Whether `g` is computed from `y` and plain numbers alone; if its slope is a plain one, it is linear."""
    return all(_same(node, y) or not (node.op is None or isinstance(node.op, Keeping)
                                      or any(type(x) is Var and x.tape is not y.tape for x in node.args))
               for node in _consumers_first(g, y))


def swept_back(g, y, seed, kinks=True):
    """What arrives at `y` from the cotangent `seed` at `g`; and whether it arrived nowhere else.

    Where it meets another kink it counts as arrived, whatever the derivative there by convention; and so it
    does at a node that has others inside, or a user's rule: there may be kinks that are not seen from here.
    """
    cotangents = {id(g): masked(seed if shape(g) else float(seed))}
    landed, elsewhere, largest = np.zeros(shape(g)), 0.0, 0.0
    for node in _consumers_first(g, y):
        c = cotangents.pop(id(node), None)
        if c is None:
            continue
        arrived = dense(c)
        c = bare(arrived)
        size = _largest(c)
        if np.isnan(size):
            return landed, False
        largest = max(largest, size)
        if _same(node, y):
            landed = landed + c
        elif node.op is None or isinstance(node.op, Keeping) or (kinks and _is_kink(node, c)):
            elsewhere = max(elsewhere, size)
        else:
            for x, share in node.op.pull(node, arrived):
                cotangents[id(x)] = cotangents[id(x)] + share if id(x) in cotangents else share
    return landed, not elsewhere > 1e-9 * largest


def _is_kink(node, c):
    """Whether a cotangent arrived where this operation has a kink."""
    if node.op in TIPS:
        at = np.equal(plain(node.value), 0.0)
    elif node.op in TIES:
        at = TIES[node.op](plain(node.value), *map(plain, node.args), **node.kwargs)
    else:
        return False
    return np.any(at & np.not_equal(plain(c), 0.0))


def _largest(c):
    parts = c if isinstance(c, tuple) else (c,)
    return max(float(np.max(np.abs(plain(part)), initial=0.0)) for part in parts)


def _same(node, y):
    """Whether it is `y`, or was computed by the same operation of the same operands."""
    return node is y or (y is not None and node.op is y.op and node.op in TIPS and same_value(node, y))


def same_value(a, b, depth=4):
    """Whether two operands are the same value: one node, equal constants, or the same operation of such."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if type(a) is tuple:
        return len(a) == len(b) and all(same_value(x, z, depth) for x, z in zip(a, b, strict=True))
    if type(a) is not Var:
        return type(a) in (int, float, bool, str, slice) and a == b
    return (depth > 0 and a.op is b.op is not None and a.kwargs.keys() == b.kwargs.keys()
            and same_value((*a.args, *a.kwargs.values()), (*b.args, *b.kwargs.values()), depth - 1))


def _consumers_first(g, y):
    """The nodes between `g` and `y`, each after all those that use it."""
    order, seen, stack = [], set(), [(g, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            if node.op is not None and not node.op.loop and not _same(node, y):
                stack += [(x, False) for x in node.args if is_on(g.tape, x)]
    return reversed(order)


def tips(*functions):
    """Declare functions whose value is 0 at the tip of a kink."""
    for f in functions:
        registered = f if isinstance(f, Primitive) else PRIMITIVES[f]
        TIPS.add(cast(Primitive, registered))


def ties(where, *functions):
    """Declare functions in which arguments can tie; `where(y, *args, **options)` is a mask like `y`."""
    TIES.update((cast(Primitive, PRIMITIVES[f]), where) for f in functions)
