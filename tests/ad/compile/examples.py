"""Random programs with loops in loops, and programs that are run to be compared."""

import random

import numpy as np

from tinydp.ad.compile.loops import EVENT, SCAN, WHILE, event_options, scan_options, while_options
from tinydp.ad.compile.program import Value, interpret
from tinydp.ad.compile.record import Builder
from tinydp.ad.parts import scatter
from tinydp.ad.registry import PRIMITIVES, registered
from tinydp.ad.rules.shaping import getitem, joined, stacked

UNARY = [np.sin, np.tanh, np.exp, np.negative, np.positive, np.square, np.sqrt, np.abs]
BINARY = [np.add, np.add, np.subtract, np.multiply, np.multiply, np.divide, np.maximum, np.arctan2]
NUMBERS = [1.0, -1.0, 0.0, -0.0, 2.0, 0.5, 1, 0, np.ones(3), np.zeros((2, 3)), np.array([0.5, -0.0, 1.0])]


class Writer:
    """Writes random operations down."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def program(self, size=12):
        builder = Builder()
        shapes = [(), (), (3,), (2, 3), (3, 3)]
        values = [builder.input(np.full(shape, 0.7) if shape else 0.7, f"x{k}")
                  for k, shape in enumerate(shapes)]
        outputs = self.fill(builder, values, size, depth=2)
        return builder.program(outputs)

    def arguments(self, program):
        rng = np.random.default_rng(self.random.randrange(2**32))
        return [rng.normal(size=x.shape) if x.shape else float(rng.normal()) for x in program.inputs]

    def fill(self, builder, values, size, depth):
        """Append operations; returns some of the values."""
        values = list(values)
        for _ in range(size):
            choice = self.random.random()
            if depth and choice < 0.1:
                made = self.scan(builder, values, depth)
            elif depth and choice < 0.15:
                made = self.there_and_back(builder, values, depth)
            elif depth and choice < 0.2:
                made = self.event(builder, values, depth)
            elif depth and choice < 0.25:
                made = self.while_loop(builder, values, depth)
            else:
                made = self.operation(builder, values)
            values += made
        return [self.any(values) for _ in range(self.random.randint(1, 4))]

    def any(self, values, **wanted):
        """One of the values, rather a late one."""
        found = [x for x in values if all(getattr(x, name) == want for name, want in wanted.items())]
        late = found[-6:] if self.random.random() < 0.7 else found
        return self.random.choice(late)

    def operand(self, values):
        return self.random.choice(NUMBERS) if self.random.random() < 0.2 else self.any(values, kind="f")

    def record(self, builder, f, *args, **options):
        prim = f if not callable(f) or f not in PRIMITIVES else PRIMITIVES[f]
        return builder.record(prim if hasattr(prim, "fn") else registered(f), args, options)

    def operation(self, builder, values):
        choice, r = self.random.random(), self.random
        x = self.any(values, kind="f")
        try:
            if choice < 0.2:
                return self.record(builder, r.choice(UNARY), x)
            if choice < 0.55:
                args = [x, self.operand(values)]
                r.shuffle(args)
                return self.record(builder, r.choice(BINARY), *args)
            if choice < 0.6:
                return self.record(builder, r.choice([np.less, np.equal]), x, self.operand(values))
            if choice < 0.67:
                conditions = [c for c in values if c.kind == "b"]
                if not conditions:
                    return []
                c = r.choice(conditions)
                return self.record(builder, np.where, c, x, self.operand(values)) if r.random() < 0.7 else \
                    self.record(builder, np.logical_not, c)
            if choice < 0.72:
                return self.record(builder, np.sum, x, axis=r.choice([None, 0]))
            if choice < 0.84:
                return self.shaped(builder, x)
            if choice < 0.9:
                a, b = self.any(values, kind="f", ndim=2), self.any(values, kind="f", ndim=2)
                return self.record(builder, np.matmul, a, b)
            if choice < 0.95:
                a, b = self.any(values, kind="f", shape=()), self.any(values, kind="f", shape=())
                options = {"shape": (2,), "indices": r.choice([[0, 1], [1, 1], [-1, 0]])}
                made = r.choice([(stacked, (a, b), {"axis": 0}), (scatter, (a, b), options)])
                (whole,) = builder.record(*made)
                return [whole, *builder.record(getitem, (whole, r.choice([0, 1, -1])), {})]
            return builder.record(joined, (x, x), {"axis": 0})
        except (ValueError, IndexError, TypeError):
            return []                            # shapes that do not fit

    def shaped(self, builder, x):
        r, n = self.random, int(np.prod(x.shape))
        return r.choice([
            lambda: self.record(builder, np.reshape, x, shape=(n, 1)),
            lambda: self.record(builder, np.reshape, x, shape=(n,)),
            lambda: self.record(builder, np.swapaxes, x, -1, -2),
            lambda: self.record(builder, np.transpose, x),
            lambda: self.record(builder, np.expand_dims, x, r.choice([0, -1])),
            lambda: self.record(builder, np.broadcast_to, x, shape=(4, *x.shape)),
            lambda: builder.record(getitem, (x, 0), {}),
        ])()

    def scan(self, builder, values, depth):
        r, n = self.random, self.random.choice([0, 1, 3, 4])
        real = [x for x in values if x.kind == "f"]
        inside = Builder(builder)
        inits = [r.choice([*real, 1.0]) for _ in range(r.randint(0, 3))]
        stacks = [x for x in real if x.shape[:1] == (n,)]
        stacks = [r.choice(stacks) for _ in range(r.randint(0, 2))] if stacks else []
        carry = [inside.input(getattr(x, "example", x), "c") for x in inits]
        rows = [inside.input(self.first(x), "r") for x in stacks]
        around = r.sample(values, min(4, len(values)))
        known = [*carry, *rows, *map(inside.lift, around)]
        outputs = self.fill(inside, known, r.randint(1, 7), depth - 1)
        after = self.next_carry(inside, carry, known + self.made(inside))
        body, captured = inside.closed(after + outputs)
        return builder.record(SCAN, (*inits, *stacks, *captured), scan_options(
            body, len(inits), len(stacks), n, r.random() < 0.4))

    def there_and_back(self, builder, values, depth):
        """A loop that stacks its carry, and one that runs over the stacks, as adjoints are made."""
        r, n = self.random, self.random.choice([1, 3, 4])
        real = [x for x in values if x.kind == "f"]
        inside = Builder(builder)
        inits = [r.choice([*real, 1.0]) for _ in range(r.randint(1, 3))]
        stacks = [x for x in real if x.shape[:1] == (n,)]
        stacks = [r.choice(stacks)] if stacks and r.random() < 0.5 else []
        carry = [inside.input(getattr(x, "example", x), "c") for x in inits]
        rows = [inside.input(self.first(x), "r") for x in stacks]
        known = [*carry, *rows, *map(inside.lift, r.sample(values, min(4, len(values))))]
        outputs = self.fill(inside, known, r.randint(2, 9), depth - 1)
        after = self.next_carry(inside, carry, known + self.made(inside))
        body, captured = inside.closed([*after, *outputs, *carry])
        there = builder.record(SCAN, (*inits, *stacks, *captured), scan_options(
            body, len(inits), len(stacks), n, r.random() < 0.4))
        if r.random() < 0.3:                     # others over the same steps, and back from there
            return there + self.back(builder, r, n, body, there, inits, stacks, captured, depth) + self.back(
                builder, r, n, body, there, inits, stacks, captured, depth)
        return there + self.back(builder, r, n, body, there, inits, stacks, captured, depth)

    def back(self, builder, r, n, body, there, inits, stacks, captured, depth):
        inside = Builder()
        k = len(inits)
        gs = [inside.input(x.example, "g") for x in body.inputs[:k]]
        sums = [inside.input(np.zeros(shape), "s") for shape in [(3,), (2, 3), (3, 3)]]
        read = [inside.input(x.example, x.label) for x in body.inputs[: k + len(stacks)]]
        around = [inside.input(x.example, x.label) for x in body.inputs[k + len(stacks):]]
        inside.emit(body, [*read, *around])
        values = [*gs, *read, *around, *self.made(inside)]
        outputs = self.fill(inside, values, r.randint(2, 7), depth - 1)
        values = [*values, *self.made(inside)]
        after = self.next_carry(inside, gs, values)
        body = inside.program([*after, *(self.summed(inside, s, values) for s in sums), *outputs])
        zeros = [np.zeros(x.shape) if x.shape else 0.5 for x in gs]
        return builder.record(SCAN, (*zeros, *(np.zeros(s.shape) for s in sums), *there[len(there) - k:],
                                     *stacks, *captured),
                              scan_options(body, k + len(sums), k + len(stacks), n, r.random() < 0.6))

    def summed(self, inside, s, values):
        """A sum with a share, as the gradients of weights and biases have them."""
        def rec(f, *args, **options):
            return self.record(inside, f, *args, **options)[0]

        late = [x for x in values if x.kind == "f"][-12:]
        if s.ndim == 1:
            rows = [x for x in late if x.shape == s.shape]
            matrices = [x for x in late if x.shape[1:] == s.shape]
            share = rec(np.sum, matrices[-1], axis=0) if matrices else rows[-1] if rows else 1.0
            return rec(np.add, s, share)
        total = s
        for a in [x for x in late if x.shape == s.shape[:1]][:2]:
            for b in [x for x in late if x.shape == s.shape[1:]][:2]:
                total = rec(np.add, total, rec(np.multiply, rec(np.expand_dims, a, -1), b))
        for a in [x for x in late if x.ndim == 2][:2]:
            for b in [x for x in late if x.ndim == 2 and x.shape == (a.shape[0], s.shape[1])][:1]:
                if a.shape[1] == s.shape[0]:
                    total = rec(np.add, rec(np.matmul, rec(np.swapaxes, a, 0, 1), b), total)
        return total

    def made(self, builder):
        return [x for op in builder.ops for x in (
            op.outs[: op.options["states"] * (1 + (op.prim is EVENT))] if op.prim.open_ended else op.outs)]

    def first(self, x):
        return np.asarray(x.example)[0] if x.shape[0] else np.zeros(x.shape[1:]) if x.ndim > 1 else 0.5

    def next_carry(self, inside, carry, values):
        """What the carry becomes: itself, or something of its shape."""
        after = []
        for c in carry:
            like = [x for x in values if x.shape == c.shape and x.kind == c.kind]
            y = self.random.choice([c, *like, *like[-3:]])
            if self.random.random() < 0.3:       # a sum
                (y,) = inside.record(registered(np.add), (c, y), {})
            after.append(y)
        return after

    def event(self, builder, values, depth):
        """A loop up to an event, which comes: the first part of the state falls."""
        inside = Builder(builder)
        others = [self.any(values, kind="f") for _ in range(self.random.randint(0, 2))]
        x = inside.input(1.0, "x")
        carry = [inside.input(y.example, "c") for y in others]
        h = inside.input(0.3, "h")
        known = [x, h, *carry, *map(inside.lift, self.random.sample(values, min(3, len(values))))]
        outputs = self.fill(inside, known, self.random.randint(1, 5), depth - 1)
        after = self.next_carry(inside, carry, known + self.made(inside))
        (lower,) = inside.record(registered(np.subtract), (x, h), {})
        body, captured = inside.closed([lower, *after, lower, *outputs])
        made = builder.record(EVENT, (1.0, *others, 1.0, 0.3, *captured),
                              event_options(body, 1 + len(others), 10))
        n = 2 * (1 + len(others)) + 2
        return made[: n - 1]                     # nobody knows how many rows the stacks have


    def while_loop(self, builder, values, depth):
        """A loop that ends: after at most six rounds, or when the first part of the state has fallen."""
        r, inside = self.random, Builder(builder)
        start, most = r.choice([-1.0, 0.35, 2.0]), r.choice([6, 6, 1, 0, None])
        others = [self.any(values, kind="f") for _ in range(r.randint(0, 2))]
        x = inside.input(1.0, "x")
        carry = [inside.input(y.example, "c") for y in others]
        known = [x, *carry, *map(inside.lift, r.sample(values, min(3, len(values))))]
        outputs = self.fill(inside, known, r.randint(1, 5), depth - 1)
        after = self.next_carry(inside, carry, known + self.made(inside))
        (lower,) = inside.record(registered(np.subtract), (x, 0.4), {})
        (go,) = inside.record(registered(np.less), (0.0, lower), {})
        conditions = [c for c in [*known, *self.made(inside)] if c.kind == "b" and c.shape == ()]
        if conditions and r.random() < 0.5:
            (go,) = inside.record(registered(np.logical_and), (go, r.choice(conditions)), {})
        body, captured = inside.closed([lower, *after, go, *outputs])
        first = [c for c in values if c.kind == "b" and c.shape == ()]
        go = r.choice(first) if first and r.random() < 0.5 else start > 0.0
        options = while_options(body, 1 + len(others), most)
        made = builder.record(WHILE, (start, *others, go, *captured), options)
        return made[: len(others) + 2]           # nobody knows how many rows the stacks have


def same(xs, ys, exactly=True):
    """Whether results are the same; exactly: to the bit, but for the bits of nan."""
    for x, y in zip(map(np.asarray, xs), map(np.asarray, ys), strict=True):
        if x.shape != y.shape or x.dtype.kind != y.dtype.kind:
            return False
        if not exactly:
            if not np.allclose(x, y, rtol=1e-9, atol=1e-9, equal_nan=True):
                return False
        elif not np.array_equal(x, y, equal_nan=x.dtype.kind == "f") or (x.dtype.kind == "f" and np.any(
                (np.signbit(x) != np.signbit(y)) & ~np.isnan(x))):
            return False
    return True


def count(program, *names):
    """How many operations of these names there are, in the loops as well; all of them without names."""
    return sum((op.name in names or not names) + (count(op.body, *names) if op.body else 0)
               for op in program.ops)


__all__ = ["Value", "Writer", "count", "interpret", "same"]
