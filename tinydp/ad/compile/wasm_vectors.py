"""Loops over two elements at a time: what a processor of WebAssembly does as fast as over one.

A loop is written so if each round computes elements of its own, which lie beside those of the next round,
from such elements and from numbers that are the same in all rounds. The results have the bits of the loop
over single elements. What is left over, if the number of rounds is odd, is done as there.

    >>> from .expressions import Apply
    >>> from .statements import Function
    >>> from .wasm import text_of
    >>> x, y, i, a = Buffer("x", (4,), "f"), Buffer("y", (4,), "f"), Local("i", "i"), Local("a", "f")
    >>> scaled = Apply("multiply", (a, Load(x, (i,))), "f")
    >>> text = text_of(Function("f", [x, y, a], [For(i, 4, [Store(Load(y, (i,)), scaled)])]))
    >>> text.count("f64x2.mul"), text.count("f64.mul"), text.count("v128.store")
    (1, 0, 1)
"""

from collections import Counter
from typing import Any

from .expressions import Affine, Buffer, Const, Load, Local, variables_of
from .statements import Comment, For, Let, Store, expressions
from .storage import every
from .wasm_pairs import PAIR, PairValues, Scalar


def count_reads(statements: list, more: Any = ()) -> Counter:
    """How often each variable is read."""
    found = [leaf for s in every(statements) for x in expressions(s) for leaf in variables_of(x)]
    found += [leaf for x in more for leaf in variables_of(x)]
    return Counter(x for x in found if isinstance(x, Local))


class Pairs(PairValues):
    """One loop over pairs of elements, by the writer of its function."""

    def __init__(self, writer: Any, loop: For):
        self.writer, self.loop, self.index, self.module = writer, loop, loop.index, writer.module
        self.made: dict[Local, str] = {}         # variables of the body, as pairs
        self.fixed: dict[Any, str] = {}          # what is the same in all rounds
        self.before: list[str] = []
        self.lines: list[str] = []
        self.body = [s for s in loop.body if not isinstance(s, Comment)]
        self.stored = {s.buffer.root: s.place for s in self.body if isinstance(s, Store)}
        self.locals = {x for s in self.body if isinstance(s, Let) for x in s.locals}

    def write(self) -> tuple[list[str], list[str]]:
        """What is done before the loop, and in a round; raises `Scalar` if it cannot be done so."""
        if not self.stored or self.loop.reverse:
            raise Scalar
        inside = count_reads(self.body)
        if any(inside[x] != self.writer.reads[x] for x in self.locals):
            raise Scalar                         # it is needed elsewhere
        for s in self.body:
            if isinstance(s, Let) and len(s.locals) == 1:
                self.let(s.locals[0], s.values[0])
            elif isinstance(s, Store):
                self.store(s)
            else:
                raise Scalar
        return self.before, self.lines

    # -- statements

    def let(self, x: Local, value: Any) -> None:
        if x in self.made or x.kind == "i":
            raise Scalar
        text = self.pair(value, x.kind)
        self.made[x] = self.variable(x.label or "t")
        self.lines.append(f"(local.set ${self.made[x]} {text})")

    def store(self, s: Store) -> None:
        place, kind = s.place, s.place.kind
        if self.stored[s.buffer.root] != place or not self.is_row(place) or kind == "i":
            raise Scalar
        value, at = self.pair(s.value, kind), self.writer.place_of(place.buffer, place.index)
        if kind == "f":
            self.lines.append(f"(v128.store {at} {value})")
            return
        mask = self.kept(value)
        for lane in range(PAIR):
            one = f"(i64.sub (i64.const 0) (i64x2.extract_lane {lane} {mask}))"
            self.lines.append(f"(i64.store8 {self.shifted(place, lane)} {one})")

    # -- expressions

    def is_row(self, x: Load) -> bool:
        """Whether an element is beside that of the next round."""
        *others, last = x.index
        start = last.of if isinstance(last, Affine) and last.stride == 1 else last
        return start is self.index and not any(self.depends(i) for i in others)

    def depends(self, x: Any) -> bool:
        """Whether something is another one in each round."""
        if type(x) is int:
            return False
        return any(leaf is self.index or leaf in self.locals or (
            isinstance(leaf, Buffer) and leaf.root in self.stored) for leaf in variables_of(x))

    def local(self, x: Local) -> str | None:
        return self.made.get(x)

    def same(self, x: Any, kind: str) -> str:
        """What is the same in all rounds, made before the loop."""
        if not isinstance(x, Const) and "i" in (kind, getattr(x, "kind", "i")):
            raise Scalar
        key = (x, kind)
        if key not in self.fixed:
            value = self.writer.as_kind(x, kind)
            splat = f"(f64x2.splat {value})" if kind == "f" else (
                f"(i64x2.splat (i64.sub (i64.const 0) (i64.extend_i32_u {value})))")
            self.fixed[key] = self.variable("same")
            self.before.append(f"(local.set ${self.fixed[key]} {splat})")
        return f"(local.get ${self.fixed[key]})"

    def loaded(self, x: Load) -> str:
        if not self.is_row(x) or self.stored.get(x.buffer.root, x) != x or x.kind == "i":
            raise Scalar
        if x.kind == "f":
            return f"(v128.load {self.writer.place_of(x.buffer, x.index)})"
        masks = [f"(i64.sub (i64.const 0) (i64.load8_u {self.shifted(x, lane)}))" for lane in range(PAIR)]
        return f"(i64x2.replace_lane 1 (i64x2.splat {masks[0]}) {masks[1]})"

    def shifted(self, x: Load, lane: int) -> str:
        """The place of the element that is so many further on."""
        *others, last = x.index
        start, of = (last.start, last.of) if isinstance(last, Affine) else (0, last)
        return self.writer.place_of(x.buffer, (*others, Affine(start + lane, 1, of)))

    def variable(self, label: str) -> str:
        return str(self.writer.variable(label, "v128"))

    def single(self, name: str, args: list[str]) -> str:
        return str(self.writer.of_numbers(name, args))


def write_pairs(writer: Any, loop: For) -> bool:
    """Write a loop over two elements at a time, if it can be one."""
    known = loop.count.value if isinstance(loop.count, Const) else loop.count
    if type(known) is int and known < PAIR:
        return False
    names, types = dict(writer.names), dict(writer.types)
    try:
        before, lines = Pairs(writer, loop).write()
    except Scalar:
        writer.names, writer.types = names, types
        return False
    name, limit, k = writer.name(loop.index), writer.limit(loop.count), len(writer.loops)
    index = f"(local.get ${name})"
    following = f"(i32.add {index} (i32.const {PAIR}))"
    for line in [*before, f"(local.set ${name} (i32.const 0))", f"(block $end{k} (loop $again{k}"]:
        writer.line(line)
    if type(known) is not int:
        writer.line(f"  (br_if $end{k} (i32.gt_s {following} {limit}))")
    ending = [f"(local.set ${name} {following})", f"(br_if $again{k} (i32.le_s {following} {limit}))))"]
    for line in [*lines, *ending]:
        writer.line(f"  {line}")
    if type(known) is not int or known % PAIR:
        writer.line(f"(if (i32.lt_s {index} {limit}) (then")
        writer.statements(loop.body, writer.indent + "  ")
        writer.line("))")
    return True
