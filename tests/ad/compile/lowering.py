"""Random programs over all operations, run by `interpret` and as the source that they are lowered to."""

import operator
import random

import numpy as np

import tinydp  # noqa: F401  (fills the registry)
from tinydp.ad.compile.loops import SCAN, scan_options
from tinydp.ad.compile.lower import lowered
from tinydp.ad.compile.numba import printed
from tinydp.ad.compile.program import Value, example_of, verify
from tinydp.ad.compile.record import Builder
from tinydp.ad.parts import scatter
from tinydp.ad.registry import registered
from tinydp.ad.rules.shaping import joined, stacked

UNARY = [np.sin, np.cos, np.tanh, np.exp, np.negative, np.abs, np.square, np.arctan, np.expm1, np.sign,
         np.sinh, np.arcsinh, np.cbrt, np.floor, np.isfinite, np.rint, np.degrees, np.logical_not, np.signbit]
BINARY = [np.add, np.subtract, np.multiply, np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.hypot,
          np.arctan2, np.copysign, np.less, np.greater_equal, np.equal, np.logical_and, np.logical_or,
          np.logaddexp, np.logical_xor]
REDUCING = [np.sum, np.sum, np.mean, np.max, np.min, np.prod, np.any, np.all]
GETITEM = registered(operator.getitem)
SHAPES = [(), (), (3,), (2, 3), (3, 2), (1, 3), (2, 1), (4,), (3, 3), (2, 2, 3), (1,), (5, 9), (9, 5), (1, 1)]
LARGEST = 100


class Random:
    """Chooses operations, and records those that work and stay moderate."""

    def __init__(self, r, builder, values):
        self.r, self.builder, self.values = r, builder, list(values)

    def pick(self, *shapes):
        found = [x for x in self.values if not shapes or np.ndim(example_of(x)) in shapes]
        return self.r.choice(found) if found else self.r.choice(self.values)

    def record(self, prim, args, options=None):
        if not any(type(x) is Value for x in args):
            return
        prim = registered(prim)
        args = tuple(args)
        try:
            with np.errstate(all="ignore"):
                y = prim.fn(*map(example_of, args), **(options or {}))
        except (ValueError, IndexError, TypeError, ArithmeticError, AttributeError):
            return
        y = np.asarray(y)
        natural = prim.name in CONDITIONS or y.dtype == np.float64
        if y.size > LARGEST or not np.all(np.isfinite(y)) or (y.size and abs(y).max() > 30) or not natural:
            return
        self.values += self.builder.record(prim, args, options or {})

    def step(self, deep=True):
        kinds = [self.unary] * 3 + [self.binary] * 5 + [self.reduce] * 3 + [self.shape] * 4 + [self.index] * 3
        kinds += [self.join] * 2 + [self.product] * 3 + [self.where, self.power, self.running]
        kinds += [self.scan] * 3 if deep else []
        self.r.choice(kinds)()

    def unary(self):
        self.record(self.r.choice(UNARY), [self.pick()])

    def binary(self):
        b = self.pick() if self.r.random() < 0.9 else self.constant()
        args = [self.pick(), b]
        self.r.shuffle(args)
        self.record(self.r.choice(BINARY), args)

    def constant(self):
        shape = self.r.choice(SHAPES)
        if not shape:
            return self.r.choice([0.5, -2.0, 1, 3, 0.0])
        return np.random.default_rng(self.r.randrange(100)).normal(size=shape)

    def where(self):
        conditions = [x for x in self.values if type(x) is Value and x.kind == "b"]
        if conditions:
            self.record(np.where, [self.r.choice(conditions), self.pick(), self.pick()])

    def power(self):
        x = self.pick()
        exponent = self.r.choice([2, 3, 4, 2.0, -1, 0.5, 3.0, self.pick()])
        if type(x) is Value and x.kind == "f" and (exponent != 0.5 or np.all(np.asarray(x.example) > 0)):
            self.record(np.power, [x, exponent])

    def reduce(self):
        x = self.pick(1, 2, 3)
        n = np.ndim(example_of(x))
        if not np.size(example_of(x)):
            return
        axes = [None, *range(-n, n)] + ([(0, n - 1)] if n > 1 else [])
        self.record(self.r.choice(REDUCING), [x], {"axis": self.r.choice(axes),
                                                   "keepdims": self.r.random() < 0.3})

    def shape(self):
        x, r = self.pick(1, 2, 3), self.r
        shape = np.shape(example_of(x))
        n, size = len(shape), int(np.prod(shape))
        f, rest = r.choice([
            (np.transpose, ()), (np.reshape, ((size,),)), (np.ravel, ()), (np.reshape, ((size, 1),)),
            (np.reshape, ((-1, shape[-1] if shape else 1),)), (np.squeeze, ()), (np.flip, ()),
            (np.expand_dims, (r.randrange(n + 1),)), (np.broadcast_to, ((2, *shape),)),
            (np.transpose, ()), (np.swapaxes, (0, n - 1)), (np.moveaxis, (0, n - 1)), (np.copy, ())])
        self.record(f, [x, *rest])

    def index(self):
        x, r = self.pick(1, 2, 3), self.r
        n = np.ndim(example_of(x))
        choices = [0, -1, slice(None, None, -1), slice(1, None), slice(None, -1), Ellipsis, None, [0, -1, 0],
                   (Ellipsis, 0), (slice(None), 0), (Ellipsis, slice(None, None, 2)), (0,) * n,
                   (slice(None), None), np.array([1, 0]), np.array([[0, 1], [1, 0]])]
        self.record(GETITEM, [x, r.choice(choices)])

    def join(self):
        x = self.pick()
        alike = [y for y in self.values if np.shape(example_of(y)) == np.shape(example_of(x))]
        parts = [x, *self.r.choices(alike, k=self.r.randrange(3))]
        n = np.ndim(example_of(x))
        kind = self.r.randrange(3)
        if kind == 0:
            self.record(stacked, parts, {"axis": self.r.randrange(n + 1)})
        elif kind == 1 and n:
            self.record(joined, parts, {"axis": self.r.randrange(n)})
        elif type(x) is Value and x.kind == "f" and all(type(y) is Value and y.kind == "f" for y in parts):
            shape = np.shape(x.example)
            indices = [self.r.randrange(4) if n == 0 else (self.r.randrange(2), Ellipsis) for _ in parts]
            if n and self.r.random() < 0.3:
                parts, indices, whole = parts[:1], [slice(None)], shape
            else:
                whole = (4,) if n == 0 else (2, *shape)
            self.record(scatter, parts, {"shape": whole, "indices": tuple(indices)})

    def product(self):
        a, b = self.pick(1, 2), self.pick(1, 2)
        if self.r.random() < 0.4 and type(a) is Value:
            before = len(self.values)
            self.record(np.transpose, [a])
            a = self.values[-1] if len(self.values) > before else a
        self.record(np.matmul, [a, b])

    def running(self):
        x = self.pick(1, 2)
        n = np.ndim(example_of(x))
        if n:
            self.record(self.r.choice([np.cumsum, np.cumprod]), [x], {"axis": self.r.randrange(n)})

    def scan(self):
        r = self.r
        length = r.choice([0, 1, 2, 5])
        carry = [x for x in (self.pick() for _ in range(r.choice([0, 1, 2, 3, 20])))
                 if type(x) is not int]
        xs = [x for x in self.values if np.shape(example_of(x))[:1] == (length,) and length][:2]
        inner = Builder(self.builder)
        inits = [inner.input(example_of(x), r.choice(["x", "v", ""])) for x in carry]
        rows = [inner.input(example_of(x)[0]) for x in xs]
        body = Random(r, inner, [*inits, *rows, *r.sample(self.values, min(3, len(self.values)))])
        for _ in range(r.randrange(1, 12)):
            body.step(deep=r.random() < 0.15)
        new = []
        for x in inits:
            alike = [y for y in body.values if type(y) is Value and y.kind == x.kind
                     and y.shape == x.shape]
            new.append(r.choice(alike) if alike else x)
        squashed = [inner.record(registered(np.tanh), (y,), {})[0] if y.kind == "f" and r.random() < 0.5
                    and y not in inits else y for y in map(inner.lift, new)]
        ys = [inner.lift(r.choice(body.values)) for _ in range(r.choice([0, 1, 2, 4]))]
        ys = [float(y) if type(y) is int else y for y in ys]
        program, captured = inner.closed([*squashed, *ys])
        outs = self.builder.record(SCAN, (*carry, *xs, *captured), scan_options(
            program, len(carry), len(xs), length, r.random() < 0.5))
        self.values += [x for x in outs if np.size(x.example) <= LARGEST]


CONDITIONS = {"less", "greater_equal", "equal", "logical_and", "logical_or", "logical_xor", "logical_not",
              "isfinite", "signbit", "any", "all"}


def random_program(seed, lines=12):
    """A program and arguments for it."""
    r = random.Random(seed)
    rng = np.random.default_rng(seed)
    builder = Builder()
    examples = [rng.normal(size=r.choice(SHAPES)) for _ in range(r.randrange(1, 4))] + [float(rng.normal())]
    examples = [x if np.ndim(x) else float(x) for x in examples]
    if r.random() < 0.3:
        examples.append(rng.normal(size=r.choice(SHAPES)) > 0)
    inputs = [builder.input(x, r.choice(["x", "y", "a b", "sin"])) for x in examples]
    writer = Random(r, builder, inputs)
    for _ in range(lines):
        writer.step()
    outputs = r.choices(writer.values[-8:], k=r.randrange(1, 5))
    return verify(builder.program(outputs)), examples


def plain(program):
    """The source of a program, run by Python; only the kernels are machine code."""
    made = printed(lowered(program, "f", pools=True), "A program.")
    text, space = made.text.replace("from numba import njit", "njit = lambda **options: lambda f: f"), {}
    exec(compile(text, "<lowered>", "exec"), space)
    return lambda *args: space[made.name](*args, *made.constants)


def results(y):
    return list(y) if isinstance(y, tuple) else [y]


def assert_equal(found, wanted):
    """Equal up to the order of sums, and of the same kinds."""
    assert len(found) == len(wanted)
    for x, y in zip(found, wanted, strict=True):
        assert np.shape(x) == np.shape(y), (np.shape(x), np.shape(y))
        kinds = np.asarray(x).dtype.kind, np.asarray(y).dtype.kind
        assert kinds[0] == kinds[1], kinds
        np.testing.assert_allclose(np.asarray(x, float), np.asarray(y, float), rtol=1e-7, atol=1e-9)





def compiled(program):
    """The source of a program, compiled by Numba."""
    made = printed(lowered(program, "f", pools=True), "A program.")
    space = {}
    exec(compile(made.text.replace("cache=True, ", ""), "<lowered>", "exec"), space)
    return lambda *args: space[made.name](*args, *made.constants)
