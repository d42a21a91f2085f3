"""Random programs, as text that can be read, run eagerly and compiled.

A program is a function `f` of a few numbers and arrays. Each of its lines is tried while it is
chosen, so that shapes fit and values stay moderate. The chooser is a `random.Random`, or one
that Hypothesis draws, and then it is Hypothesis that shrinks.
"""

import itertools
import linecache
import math

import numpy as np

import tinydp as dp

UNARY = [
    "np.sin({a})", "np.cos({a})", "np.tanh({a})", "np.exp(0.3 * {a})", "np.sqrt({a} * {a} + 0.5)",
    "-{a}", "np.log({a} ** 2 + 1.0)", "abs({a})", "{a} ** 2", "{a} ** 3", "np.square({a})",
    "1.0 / ({a} * {a} + 1.0)", "np.arctan({a})", "np.log1p({a} * {a})", "np.expm1(0.3 * {a})",
    "np.sign({a}) * {a}", "2.0 - {a}", "{a} / 3", "np.clip({a}, -0.5, 0.7)", "np.sinh(0.3 * {a})",
    "np.where({a} > 0.2, {a}, 0.5 * {a})", "({a} + 10.0) % 3.0",
    "np.where({a} > 0, np.sqrt(np.where({a} > 0, {a}, 1.0)), 0.0)", "np.arcsinh({a})", "0.5 * {a} - 1",
    "np.reciprocal(2.0 + {a} ** 2)", "np.logaddexp({a}, 0.3)", "np.cbrt(2.0 + {a} ** 2)", "{a} * True",
]
BINARY = [
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / ({b} * {b} + 1.0)", "np.maximum({a}, {b})",
    "np.minimum({a}, {b})", "np.hypot({a}, {b} * {b} + 1.0)", "np.arctan2({a}, {b} * {b} + 1.0)",
    "np.where({a} > {b}, {a}, {b} * 0.5)", "np.where({a} < 0.3, {b}, {a} * {b})",
    "np.power({a} * {a} + 1.0, 0.3 * {b})", "{a} - ({b} - {a})", "{a} / (2.0 + {b} ** 2) / 1.5",
    "-({a} + {b}) ** 2", "np.clip({a}, -1.0, {b} ** 2)", "np.logaddexp({a}, {b})",
    "np.where(({a} > 0) & ({b} > 0), {a}, {b})", "np.where(np.logical_not({a} > {b}), {a}, 0.1)",
    "np.copysign({a}, {b})",
]
REDUCING = ["np.sum", "np.mean", "np.max", "np.min", "np.prod", "np.sum", "np.var", "np.std",
            "np.linalg.norm"]
SHAPES = [(), (), (3,), (2, 3), (3, 2), (1, 3), (2, 1), (4,), (3, 3), (2, 2, 3), (1,), (5, 9), (9, 5)]
LARGEST = 100                            # elements; the tile of a product is 4 x 8
LAYOUTS = [np.asarray, np.asarray, np.asfortranarray, lambda x: np.rint(2 * x).astype(int)]
PRODUCTS = ["{a} @ {b}", "np.dot({a}, {b})", "{a}.T @ {b}", "{a} @ {b}.T", "np.matmul({a}, {b})",
            "{a} @ {a}.T"]
COUNTER = itertools.count()
LOOPS = {"straight": [], "scan": ["scan"] * 3, "event": ["event"] * 2, "while": ["while_loop"] * 3,
    "root": ["root", "root", "while_loop", "scan"],
    "all": ["scan", "scan", "event", "while_loop", "root", "branch"]}


class Text:
    """A program while it is chosen: lines, and the values of its variables for the examples."""

    def __init__(self, chooser, values, indent="    ", names=None):
        self.r, self.values, self.indent = chooser, dict(values), indent
        self.lines, self.names = [], names or itertools.count()

    def pick(self, *shapes_of):
        return self.r.choice(sorted(self.values))

    def try_line(self, expression):
        """Append `t = expression` if it works and stays moderate; the name, or None."""
        try:
            with np.errstate(all="raise"):
                value = eval(expression, {"np": np, "dp": dp, **self.values})
        except (ValueError, IndexError, TypeError, ArithmeticError, AttributeError, RuntimeError):
            return None
        value = np.asarray(value, dtype=float)
        if value.size > LARGEST or not np.all(np.isfinite(value)) or (value.size and np.max(abs(value)) > 30):
            return None
        name = f"t{next(self.names)}"
        self.lines.append(f"{self.indent}{name} = {expression}")
        self.values[name] = value if value.ndim else value.item()
        return name

    def line(self, loops):
        """One more line, of any kind."""
        kinds = ["unary"] * 3 + ["binary"] * 5 + ["reduce"] * 2 + ["shape"] * 3 + ["index"] * 2
        kinds += ["join"] * 2 + ["product"] * 3 + loops
        kind = self.r.choice(kinds)
        return getattr(self, kind)()

    def unary(self):
        return self.try_line(self.r.choice(UNARY).format(a=self.pick()))

    def binary(self):
        return self.try_line(self.r.choice(BINARY).format(a=self.pick(), b=self.pick()))

    def branch(self):
        a, b = self.pick(), self.pick()
        return self.try_line(f"{a} * 2.0 if np.sum({b}) > 0.1 else {a} - 1.0")

    def reduce(self):
        a = self.pick()
        n = np.ndim(self.values[a])
        if not n:
            return None
        axis = self.r.choice([None, 0, -1, n - 1, tuple(range(n))[-2:]])
        options = f", axis={axis}" if axis is not None else ""
        options += self.r.choice(["", ", keepdims=True"])
        return self.try_line(f"{self.r.choice(REDUCING)}({a}{options})")

    def product(self):
        matrices = [name for name in sorted(self.values) if np.ndim(self.values[name])]
        form = self.r.choice(PRODUCTS)
        for _ in range(8 if matrices else 0):    # few pairs fit
            if name := self.try_line(form.format(a=self.r.choice(matrices), b=self.r.choice(matrices))):
                return name
        return None

    def shape(self):
        a = self.pick()
        x = np.asarray(self.values[a])
        sizes = {1: [(1,), (1, 1)], 2: [(2,), (2, 1)], 3: [(3,), (1, 3)], 4: [(2, 2), (4,)],
                 6: [(2, 3), (6,), (3, 2)], 9: [(3, 3), (9,)], 12: [(2, 6), (4, 3)]}
        forms = [
            "{a}.T", "np.expand_dims({a}, 0)", "{a}[None]", "{a}[..., None]", "np.squeeze({a})",
            "np.flip({a})", "np.swapaxes({a}, 0, -1)", "np.ravel({a})", "{a}[::-1]",
            "np.broadcast_to({a}, (3, 3))", "np.flip({a}, axis=-1)", "np.moveaxis({a}, 0, -1)",
            "np.transpose({a})", "np.tril({a})", "np.broadcast_to({a}, (2, *np.shape({a})))",
        ]
        forms += [f"np.reshape({{a}}, {shape})" for shape in sizes.get(x.size, [(-1,)])]
        return self.try_line(self.r.choice(forms).format(a=a))

    def index(self):
        forms = ["{a}[0]", "{a}[-1]", "{a}[1:]", "{a}[:, 0]", "{a}[..., 0]", "{a}[[0, 1, 0]]",
                 "{a}[::2]", "{a}[0, 1]",
                 "{a}[:, ::-1]", "{a}[..., 1:]", "{a}[:, None]", "{a}[1:2]", "{a}[::-2]", "{a}[:, [1, 0, 1]]",
                 "{a}[np.array([True, False, True])]"]
        return self.try_line(self.r.choice(forms).format(a=self.pick()))

    def join(self):
        a, b = self.pick(), self.pick()
        forms = [
            "np.stack([{a}, {b}])", "np.stack([{a}, {b}, {a}], axis=-1)", "np.concatenate([{a}, {b}])",
            "np.concatenate([{a}, {b}], axis=-1)", "np.stack([{a}, 1.0])", "np.hstack([{a}, {b}])",
            "np.vstack([{a}, {b}])",
        ]
        return self.try_line(self.r.choice(forms).format(a=a, b=b))

    def scan(self):
        """A loop, perhaps with another one in its step."""
        r, n = self.r, self.r.choice([1, 2, 3, 5])
        label = next(self.names)
        carried = [self.pick() for _ in range(r.choice([1, 2, 2, 3]))]
        rows = [name for name in sorted(self.values) if np.shape(self.values[name])[:1] == (n,)]
        along = r.choice(rows) if rows and r.random() < 0.7 else None
        inner = dict(self.values)
        carry = [f"c{label}_{k}" for k in range(len(carried))]
        for name, start in zip(carry, carried, strict=True):
            inner[name] = self.values[start]
        if along:
            row = np.asarray(self.values[along])[0]
            inner[f"x{label}"] = row if row.ndim else row.item()
        body = Text(r, inner, self.indent + "    ", self.names)
        nested = ["scan", "root"] if len(self.indent) < 9 else []
        for _ in range(r.choice([1, 3, 6, 12])):
            body.line(nested)
        new, local = [], sorted(body.values)
        for name in carry:
            same = [v for v in local if np.shape(body.values[v]) == np.shape(body.values[name])]
            forms = ["np.tanh({c} + 0.5 * {v})", "{v} * 0.5", "{c} * 0.9 + 0.1 * np.sin({v})", "{v}"]
            forms += ["np.flip({v})", "{c}[::-1]"] if np.ndim(body.values[name]) else []
            new.append(r.choice(forms).format(c=name, v=r.choice(same)))
        fresh = [v for v in local if v not in self.values]
        y = r.choice(["None", r.choice(fresh), f"({r.choice(fresh)}, {r.choice(local)})"])
        pad = self.indent
        head = [f"{pad}def step{label}(carry, x{label}):", f"{pad}    {', '.join(carry)}, = carry"]
        call = f"({', '.join(carried)},)" + (f", {along}" if along else f", length={n}")
        if r.random() < 0.3:
            call += ", segment=2"
        last = [f"l{label}_{k}" for k in range(len(carried))]
        text = [*head, *body.lines, f"{pad}    return ({', '.join(new)},), {y}",
                f"{pad}({', '.join(last)},), ys{label} = dp.scan(step{label}, {call})"]
        results = list(last)
        if y.startswith("("):
            text.append(f"{pad}a{label}, b{label} = ys{label}")
            results += [f"a{label}", f"b{label}"]
        elif y != "None":
            results.append(f"ys{label}")
        return self.run(text, results)

    def event(self):
        """A fall that ends on the ground."""
        label = next(self.names)
        numbers = [name for name in sorted(self.values) if not np.shape(self.values[name])]
        if len(numbers) < 2:
            return None
        a, b = self.r.choice(numbers), self.r.choice(numbers)
        pad, dt = self.indent, self.r.choice(["0.11", f"0.1 + 0.02 * np.tanh({a})"])
        drag = Text(self.r, self.values | {f"h{label}": 1.0, f"v{label}": -0.5}, pad + "    ", self.names)
        for _ in range(self.r.choice([0, 2, 4])):
            drag.line([])
        inside = [n for n in sorted(drag.values) if not np.shape(drag.values[n])]
        text = [
            f"{pad}def fall{label}(state, dt):",
            f"{pad}    h{label}, v{label}, clock = state", *drag.lines,
            f"{pad}    pull = 1.0 + 0.3 * np.tanh({self.r.choice(inside)})",
            f"{pad}    return h{label} + dt * v{label}, v{label} - dt * pull, clock + dt",
            f"{pad}start{label} = (1.0 + 0.2 * np.tanh({a}), 0.3 * np.sin({b}), 0.0)",
            f"{pad}e{label}, w{label}, time{label} = dp.integrate("
            f"fall{label}, start{label}, lambda s: s[0] + 0.1 * np.cos({b}) - 0.1, 200, {dt})",
        ]
        return self.run(text, [f"e{label}", f"w{label}", f"time{label}"])

    def root(self):
        """What an equation, or a smallest value, says."""
        a, b = self.pick(), self.pick()
        if np.size(self.values[b]) > 6:
            return None
        forms = ["dp.root(lambda z: z + 0.3 * np.sin(z) * np.tanh(np.sum({a})) - {b}, 0.5 * {b})",
                 "dp.root(lambda z: z ** 3 + 2.0 * z + np.sin({a}) * z[::-1] - {b}, {b})",
                 "dp.argmin(lambda z: np.sum((z - {b}) ** 2 + 0.1 * z ** 4) + np.sum(np.cos({a}) * z), {b})"]
        return self.try_line(self.r.choice(forms).format(a=a, b=b))

    def while_loop(self):
        """A loop that goes on while something holds, that falls from round to round."""
        r, label, pad = self.r, next(self.names), self.indent
        carried = [self.pick() for _ in range(r.choice([1, 2]))]
        names = [f"c{label}_{k}" for k in range(len(carried))]
        inner = self.values | {f"k{label}": 0.7} | {
            name: self.values[start] for name, start in zip(names, carried, strict=True)}
        body = Text(r, inner, pad + "    ", self.names)
        for _ in range(r.choice([0, 2, 5])):
            body.line(["scan", "while_loop", "root"] if len(pad) < 9 else [])
        local = sorted(body.values)
        new = []
        for name in names:
            same = [v for v in local if np.shape(body.values[v]) == np.shape(body.values[name])]
            new.append(r.choice(["np.tanh({c} + 0.5 * {v})", "{v} * 0.5", "{c} * 0.9 + 0.1 * np.sin({v})"])
                       .format(c=name, v=r.choice(same)))
        start = r.choice(["0.0", "0.9", "2.5", f"np.tanh(np.sum({self.pick()}))"])
        more = r.choice([f" + 0.1 * np.cos(np.sum(s[{r.randrange(len(names))}]))", ""])
        options = r.choice(["", ", max_steps=20", ", segment=2", ", 30, 3"])
        last = [f"l{label}_{k}" for k in range(len(carried))]
        call = f"lambda s: s[-1]{more} > 0.2, body{label}, ({', '.join(carried)}, {start}){options}"
        text = [f"{pad}def body{label}(state):", f"{pad}    {', '.join(names)}, k{label} = state",
                *body.lines, f"{pad}    return {', '.join(new)}, k{label} - 0.3",
                f"{pad}{', '.join(last)}, end{label} = dp.while_loop({call})"]
        return self.run(text, [*last, f"end{label}"])

    def run(self, text, results):
        """Append these lines if they work."""
        depth = len(self.indent)
        space = {"np": np, "dp": dp, **self.values}
        try:
            with np.errstate(all="raise"):
                exec("\n".join(line[depth:] for line in text), space)
        except (FloatingPointError, ZeroDivisionError, dp.ad.errors.TinydpError, TypeError, ValueError):
            return None
        found = {name: np.asarray(space[name], dtype=float) for name in results}
        if any(x.size > LARGEST or not np.max(abs(x), initial=0) < 30 for x in found.values()):
            return None
        self.lines += text
        self.values |= {name: x if x.ndim else x.item() for name, x in found.items()}
        return results[0]


def random_arguments(chooser, shapes):
    """Numbers and arrays between -1.5 and 1.5, without two alike."""
    def number():
        return round(chooser.uniform(-1.5, 1.5), 4)
    return [np.array([number() for _ in range(math.prod(s))]).reshape(s) if s else number() for s in shapes]


def random_program(chooser, loops=(), length=12):
    """A function, its source, and two lists of arguments of the same shapes.

    It may use arrays of its surroundings, too, of any layout.
    """
    often_large = [*SHAPES[2:], *4 * SHAPES[-2:]]
    around = random_arguments(chooser, [chooser.choice(often_large) for _ in range(chooser.randrange(3))])
    around = {f"around{k}": chooser.choice(LAYOUTS)(x) for k, x in enumerate(around)}
    shapes = [chooser.choice(SHAPES) for _ in range(chooser.choice([2, 3, 4]))]
    arguments = random_arguments(chooser, shapes)
    names = [f"x{k}" for k in range(len(shapes))]
    known = dict(zip(names, arguments, strict=True)) | around
    text = Text(chooser, known, names=itertools.count(len(shapes)))
    for _ in range(length):
        text.line(list(loops))
    made = [name for name in text.values if name not in known][-6:] or names
    terms = [f"{round(0.3 + 0.1 * k, 1)} * np.sum(np.sin({name}))" for k, name in enumerate(made)]
    source = "\n".join([f"def f({', '.join(names)}):", *text.lines, f"    total = {' + '.join(terms)}",
                        f"    return total, {made[0]}, {{'last': {made[-1]}, 'fixed': 2}}"]) + "\n"
    file = f"program_{next(COUNTER)}.py"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space = {"np": np, "dp": dp, **around}
    exec(compile(source, file, "exec"), space)
    return space["f"], source, [arguments, random_arguments(chooser, shapes)]


def assert_equal(compiled, eager, tolerance=1e-12):
    """Equal in structure, shapes and, relative to the largest number in there, in values."""
    (mine, _), (theirs, _) = dp.ad.tree.flatten(compiled), dp.ad.tree.flatten(eager)
    assert dp.ad.tree.alike(compiled, eager)
    assert [np.shape(x) for x in mine] == [np.shape(x) for x in theirs]
    scale = max([1.0, *(np.max(abs(np.asarray(x, float)), initial=0) for x in theirs)])
    for x, y in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=tolerance * scale)


def cotangent(y):
    """A cotangent for a result."""
    return dp.ad.tree.map(
        lambda x: np.cos(np.arange(np.size(x)) + 1.0).reshape(np.shape(x)) if np.shape(x) else 0.7, y)


def check_map(chooser, f, lists):
    """The map of `f` over some of its arguments, its gradient, and that of each row, compiled and eager."""
    axes = [chooser.choice([0, 0, None]) for _ in lists[0]]
    axes = (0, *axes[1:]) if axes == [None] * len(axes) else tuple(axes)
    arguments = [a if axis is None else np.stack([a, b, a]) for a, b, axis in zip(*lists, axes, strict=True)]
    everything, first = tuple(range(len(axes))), lambda *xs: f(*xs)[0]
    mapped, each = dp.vmap(lambda *xs: f(*xs)[:2], axes), dp.vmap(dp.grad(first, everything), axes)
    total = lambda *xs: np.sum(np.sin(mapped(*xs)[0]))
    with np.errstate(all="ignore"):
        try:
            assert_equal(dp.compile(mapped)(*arguments), mapped(*arguments))
            assert_equal(dp.compile(each)(*arguments), each(*arguments))
        except dp.ad.errors.BranchError:         # on a value that differs from row to row
            return
        assert_equal(dp.value_and_grad(dp.compile(total), everything)(*arguments),
                     dp.value_and_grad(total, everything)(*arguments))


def check(f, lists):
    """Value, gradient and pullback of `f`, compiled and eager, at each list of arguments."""
    compiled = dp.compile(f)
    for arguments in lists:
        everything = tuple(range(len(arguments)))
        with np.errstate(all="ignore"):
            assert_equal(compiled(*arguments), f(*arguments))
            of_first = dp.compile(lambda *xs: f(*xs)[0])
            assert_equal(dp.value_and_grad(of_first, everything)(*arguments),
                         dp.value_and_grad(lambda *xs: f(*xs)[0], everything)(*arguments))
            (y, pull), (y_compiled, pull_compiled) = dp.vjp(f, *arguments), dp.vjp(compiled, *arguments)
            g = cotangent(y)
            assert_equal(y_compiled, y)
            assert_equal(pull_compiled(g), pull(g))
