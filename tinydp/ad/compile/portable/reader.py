"""Plain Python functions as loops and buffers, to be printed in any language.

A small part of Python is read, that in which kernels are written: numbers, elements of arrays, loops,
conditions, and calls of one another. For the processor Numba compiles them; for a page they are read here.

    >>> from ..javascript import text_of
    >>> source = ast.parse("def larger(a: float, b: float) -> float: return a if a > b else b")
    >>> print(text_of([Reader(source.body[0], {}, None).function()]))
    function larger(a, b) {
      return a > b ? a : b;
    }

An array is an argument whose letter says what it is: "v" a vector, "m" a matrix, "i" a vector of integers.
Its sides are variables. An early `return` ends a branch: what follows an `if` goes on with its sides.
"""

import ast
from typing import Any

from ..emitter import of_kind
from ..expressions import Apply, Buffer, Const, Load, Local, Memory
from ..statements import Call, For, Forever, Function, If, Leave, Let, Store

ARRAYS = {"v": ("f", ("size",)), "m": ("f", ("rows", "columns")), "i": ("i", ("size",))}
KINDS_OF_TYPES = {"float": "f", "int": "i", "bool": "b"}
OPERATOR_NODES = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide",
                  ast.FloorDiv: "floor_divide", ast.Mod: "remainder"}
COMPARISON_NODES = {ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal",
                    ast.Eq: "equal", ast.NotEq: "not_equal"}
NATIVE = {"sqrt": "sqrt", "floor": "floor", "isnan": "isnan", "isfinite": "isfinite", "fabs": "abs",
          "abs": "abs", "float": "float", "int": "int", "copysign": "copysign",
          "_power_of_two": "_power_of_two", "_exponent": "_exponent"}


class Reader:
    """Reads one function; `known` are the constants around it, `library` has the other functions."""

    def __init__(self, node: Any, known: dict[str, Any], library: Any, letters: str = ""):
        self.node, self.known, self.library = node, known, library
        self.names: dict[str, Any] = {}
        self.results: list[Any] = []
        self.body: list[Any] = []
        self.letters = iter(letters)

    def function(self) -> Function:
        """The function."""
        parameters = [x for arg in self.node.args.args for x in self.parameter(arg)]
        *nodes, last = self.node.body
        if isinstance(last, ast.Return) and not any(map(_returns, nodes)):
            self.body = body = self.block(nodes)
            return Function(self.node.name, parameters, body, self.returned(last.value))
        return Function(self.node.name, parameters, self.block(self.node.body), self.results)

    def parameter(self, arg: Any) -> list:
        """A number; or an array, which is its elements and then its sides."""
        annotation = ast.unparse(arg.annotation)
        if annotation in KINDS_OF_TYPES:
            self.names[arg.arg] = Local(arg.arg, KINDS_OF_TYPES[annotation])
            return [self.names[arg.arg]]
        kind, sides = ARRAYS[next(self.letters)]
        shape = tuple([Local(f"{arg.arg}_{side}", "i") for side in sides])
        self.names[arg.arg] = Buffer(arg.arg, shape, kind, "input")
        return [self.names[arg.arg], *shape]

    # -- statements

    def block(self, nodes: list) -> list:
        """Some statements; those after an `if` in which something returns go on with each of its sides."""
        body, self.body = self.body, []
        for k, node in enumerate(nodes):
            if isinstance(node, ast.If) and _returns(node):
                condition = self.condition(node.test)
                after = nodes[k + 1:]            # of either side, up to its own return
                self.body.append(If(condition, *[self.block([*x, *after]) for x in (node.body, node.orelse)]))
                break
            self.statement(node)
            if isinstance(node, ast.Return):
                break
        found, self.body = self.body, body
        return found

    def statement(self, node: Any) -> None:
        """One statement."""
        if isinstance(node, ast.Expr):
            if isinstance(node.value, ast.Call):
                self.called(node.value, [])
        elif isinstance(node, ast.Assign):
            for target in node.targets[::-1]:
                self.assign(target, node.value)
        elif isinstance(node, ast.AugAssign):
            self.assign(node.target, ast.BinOp(node.target, node.op, node.value))
        elif isinstance(node, ast.If):
            self.body.append(If(self.condition(node.test), self.block(node.body), self.block(node.orelse)))
        elif isinstance(node, ast.While):
            condition, rounds = self.condition(node.test), self.block(node.body)
            self.body.append(Forever([If(Apply("logical_not", (condition,), "b"), [Leave()]), *rounds]))
        elif isinstance(node, ast.For):
            self.loop(node)
        elif isinstance(node, ast.Return):
            self.finish(node.value)
        else:
            raise NotImplementedError(ast.unparse(node))

    def finish(self, value: Any) -> None:
        """Set what is returned."""
        values = self.returned(value)
        self.results = self.results or [Local(f"result_{k}" if k else "result", x.kind)
                                        for k, x in enumerate(values)]
        if values:
            kinds = [x.kind for x in self.results]
            self.body.append(Let(self.results, [of_kind(x, k) for x, k in zip(values, kinds, strict=True)]))

    def returned(self, value: Any) -> list:
        """What is returned, as expressions."""
        parts = value.elts if isinstance(value, ast.Tuple) else [value] if value else []
        return [self.expression(x) for x in parts]

    def loop(self, node: Any) -> None:
        """A loop over a range."""
        limits = [self.expression(x) for x in node.iter.args]
        limits = [Const(0), *limits] if len(limits) == 1 else limits
        start, stop, step = [*limits, Const(1)][:3]
        index = self.names[node.target.id] = Local(node.target.id, "i")
        if start == Const(0) and step == Const(1):
            self.body.append(For(index, position(stop), self.block(node.body)))
            return
        k = Local("k", "i")
        width = stop if start == Const(0) else Apply("subtract", (stop, start), "i")
        if step != Const(1):
            ahead = Apply("add", (width, Apply("subtract", (step, Const(1)), "i")), "i")
            width = Apply("floor_divide", (ahead, step), "i")
        count, first = self.kept(width, "count"), self.kept(start, "start")
        scaled = k if step == Const(1) else Apply("multiply", (k, step), "i")
        at = Let([index], [Apply("add", (first, scaled), "i")])
        self.body.append(For(k, position(count), [at, *self.block(node.body)]))

    def kept(self, x: Any, label: str) -> Any:
        """A value in a variable, so that it stays what it is now."""
        if isinstance(x, Const):
            return x
        local = Local(label, x.kind)
        self.body.append(Let([local], [x]))
        return local

    def assign(self, target: Any, value: Any) -> None:
        """Set variables or elements."""
        if isinstance(target, ast.Tuple):
            self.assign_several(target.elts, value)
        elif isinstance(target, ast.Subscript):
            place = self.expression(target)
            self.body.append(Store(place, of_kind(self.expression(value), place.kind)))
        elif not _is_flat_view(value):
            x = self.expression(value)
            self.body.append(Let([self.local(target.id, x.kind)], [x]))

    def assign_several(self, targets: list, value: Any) -> None:
        if isinstance(value, ast.Attribute):                         # rows, columns = w.shape
            for target, side in zip(targets, self.names[value.value.id].shape, strict=True):     # type: ignore
                self.names[target.id] = side
        elif isinstance(value, ast.Call):
            self.called(value, [target.id for target in targets])
        elif not all(map(_is_flat_view, value.elts)):
            values = [self.expression(x) for x in value.elts]
            names = [x for x in targets if isinstance(x, ast.Name)]
            locals = [self.local(x.id, y.kind) if x in names else Local("old", y.kind)
                      for x, y in zip(targets, values, strict=True)]
            self.body.append(Let(locals, values))
            for x, local in zip(targets, locals, strict=True):
                if x not in names:
                    self.body.append(Store(self.expression(x), local))

    def local(self, name: str, kind: str) -> Local:
        """The variable of this name, which keeps its kind."""
        known = self.names.get(name)
        if not isinstance(known, Local) or known.kind != kind:
            known = self.names[name] = Local(name, kind)
        return known

    def called(self, node: Any, names: list[str]) -> list:
        """Call another function; its results are in variables of these names."""
        name, f = node.func.id, self.library.function(node.func.id)
        args = [self.memory(x) if isinstance(x, ast.Name) and isinstance(self.names.get(x.id), Buffer)
                else self.expression(x) for x in node.args]
        into = [x.buffer for x in args if isinstance(x, Memory)]
        results = [self.local(label, x.kind) for label, x in zip(names, f.results, strict=False)] or [
            Local("t", x.kind) for x in f.results]
        self.body.append(Call(name, args, results, into))
        return results

    def memory(self, node: Any) -> Memory:
        buffer = self.names[node.id]
        return Memory(buffer, (), buffer.shape)

    # -- expressions

    def condition(self, node: Any) -> Any:
        return self.expression(node)

    def expression(self, node: Any) -> Any:
        """An expression."""
        return getattr(self, f"of_{type(node).__name__.lower()}")(node)

    def of_constant(self, node: Any) -> Any:
        return Const(node.value)

    def of_name(self, node: Any) -> Any:
        return self.names[node.id] if node.id in self.names else Const(self.known[node.id])

    def of_attribute(self, node: Any) -> Any:
        text = ast.unparse(node)
        if text in ("np.inf", "math.inf", "np.nan", "math.nan"):
            return Const(float(text[-3:]))
        assert node.attr == "size", text
        return self.names[node.value.id].shape[0]

    def of_subscript(self, node: Any) -> Any:
        if isinstance(node.value, ast.Attribute):                    # w.shape[0]
            return self.names[node.value.value.id].shape[node.slice.value]       # type: ignore[attr-defined]
        index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return Load(self.names[node.value.id], tuple([position(self.expression(x)) for x in index]))

    def of_binop(self, node: Any) -> Any:
        name, args = OPERATOR_NODES[type(node.op)], [self.expression(node.left), self.expression(node.right)]
        kind = "f" if name == "divide" or any(x.kind == "f" for x in args) else "i"
        if name == "remainder" and kind == "f":
            name = "_remainder"
        return Apply(name, tuple([of_kind(x, kind) for x in args]), kind)

    def of_unaryop(self, node: Any) -> Any:
        x = self.expression(node.operand)
        if isinstance(node.op, ast.Not):
            return Apply("logical_not", (x,), "b")
        return Const(-x.value) if isinstance(x, Const) else Apply("negative", (x,), x.kind)

    def of_boolop(self, node: Any) -> Any:
        name = "logical_and" if isinstance(node.op, ast.And) else "logical_or"
        first, *others = [self.expression(x) for x in node.values]
        for x in others:
            first = Apply(name, (first, x), "b")
        return first

    def of_compare(self, node: Any) -> Any:
        found, left = None, node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In):                               # middle in (a, b)
                parts: list[Any] = [ast.Compare(left, [ast.Eq()], [x]) for x in right.elts]
                return self.of_boolop(ast.BoolOp(ast.Or(), parts))
            a, b = self.expression(left), self.expression(right)
            kind = "f" if "f" in (a.kind, b.kind) else a.kind
            name = "logical_xor" if kind == "b" and isinstance(op, ast.NotEq) else COMPARISON_NODES[type(op)]
            one = Apply(name, (of_kind(a, kind), of_kind(b, kind)), "b")
            found, left = one if found is None else Apply("logical_and", (found, one), "b"), right
        return found

    def of_ifexp(self, node: Any) -> Any:
        a, b = self.expression(node.body), self.expression(node.orelse)
        kind = "f" if "f" in (a.kind, b.kind) else a.kind
        return Apply("where", (self.condition(node.test), of_kind(a, kind), of_kind(b, kind)), kind)

    def of_call(self, node: Any) -> Any:
        """A function of numbers; one of arrays is called before the statement."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        if any(isinstance(x, ast.Name) and isinstance(self.names.get(x.id), Buffer) for x in node.args):
            (result,) = self.called(node, [])
            return result
        args = [self.expression(x) for x in node.args]
        if name in ("min", "max") and len(args) == 2:
            kind = "f" if "f" in (args[0].kind, args[1].kind) else "i"
            a, b = (of_kind(x, kind) for x in args)
            comes_first = Apply("less" if name == "min" else "greater", (b, a), "b")
            return Apply("where", (comes_first, b, a), kind)
        if name in NATIVE:
            kind = "b" if name.startswith("is") else {"float": "f", "int": "i"}.get(name, args[0].kind)
            return Apply(NATIVE[name], tuple(args), kind)
        f = self.library.function(name)
        return Apply(name, tuple([of_kind(x, p.kind) for x, p in zip(args, f.parameters, strict=True)]),
                     f.results[0].kind)


def _is_flat_view(node: Any) -> bool:
    """Whether it is `x.ravel()`: an array is flat already."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "ravel"


def position(x: Any) -> Any:
    """An index: a plain integer where it is known."""
    return x.value if isinstance(x, Const) else x


def _returns(node: Any) -> bool:
    """Whether there is a `return` in it."""
    return any(isinstance(x, ast.Return) for x in ast.walk(node))
