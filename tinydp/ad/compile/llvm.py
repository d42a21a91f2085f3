"""From loops and buffers to LLVM's own language: what runs, where `numba.py` prints what is read.

Every function becomes one of LLVM that returns a status: 0, or the number of the `Fail` that it met. Arrays
are passed as their addresses, and since two buffers never share memory, LLVM may know that ("noalias").
A number that is returned is stored in a row of eight-byte places behind the last parameter.

    >>> from .expressions import Apply, Buffer, Load, Local
    >>> from .statements import Function, Store
    >>> x, y, i = Buffer("x", (3,), "f", "input"), Buffer("y", (3,), "f", "input"), Local("i", "i")
    >>> twice = Apply("add", (Load(x, (i,)), Load(x, (i,))), "f")
    >>> module = Module([Function("f", [x, y], [For(i, 3, [Store(Load(y, (i,)), twice)])])])
    >>> print(module.ir.get_global("program.f").function_type)
    i32 (ptr, ptr, ptr)

Variables that are set more than once have a place in memory (`storage.py`); LLVM makes values of these
itself.
"""

import math
from typing import Any

from llvmlite import ir

from .arithmetic import Arithmetic
from .brief import brief_loops, that_stays
from .expressions import Buffer, Local, Memory
from .llvm_sums import is_small, write_sums
from .machine_types import BYTE, ELEMENT, INTEGER, POINTER, STATUS, VALUE, eighth, room
from .memory import allocate
from .operations import FLAT
from .statements import (
    Again,
    Alloc,
    Call,
    Comment,
    Fail,
    For,
    Forever,
    Function,
    If,
    Leave,
    Let,
    See,
    Store,
    targets,
)
from .storage import BYTES, every, in_memory, storage

NO_MEMORY = -1                                   # a status


class Module:
    """The functions of a program in LLVM's language; the last one is the program itself.

    `storage` says where its arrays live, `reasons` what each status means; `kernels` names what is called.
    """

    def __init__(self, functions: list[Function]):
        self.ir = ir.Module(functions[-1].label)
        self.functions: dict[Function, ir.Function] = {}
        self.kernels: dict[str, None] = {}
        self.reasons: list[str] = []
        self.main = main = functions[-1]
        self.storage = storage(main)
        self.brief = brief_loops(functions)
        for f in functions:
            self.functions[f] = self.declared(f)
            Writer(self, f).write()

    def declared(self, f: Function) -> ir.Function:
        """A function with its parameters."""
        parameters = self.parameters(f)
        kinds = [POINTER if isinstance(x, Buffer) else VALUE[x.kind] for x in parameters]
        name = self.ir.get_unique_name(f"program.{f.label}")         # none of C's, as `sin` would be
        function = ir.Function(self.ir, ir.FunctionType(STATUS, [*kinds, POINTER]), name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        function.attributes.add("nounwind")
        written = {x.root for s in every(f.body) for x in targets(s) if isinstance(x, Buffer)}
        roots = [x.root for x in parameters if isinstance(x, Buffer)]
        for x, arg in zip(parameters, function.args, strict=False):
            if isinstance(x, Buffer) and (roots.count(x.root) == 1 or x.root not in written):
                arg.add_attribute("noalias")
        function.args[-1].add_attribute("noalias")
        return function

    def parameters(self, f: Function) -> list:
        """What a function is given: the program gets the memory that it needs as well."""
        return ([*f.parameters, *self.storage.scratch, *self.storage.results.values()] if f is self.main
                else f.parameters)

    def places(self, f: Function) -> list[int | None]:
        """In which of the eight-byte places each result is stored; after an address follow the sides."""
        found, k = list[int | None](), 0
        for number, x in enumerate(f.results):
            is_fixed = f is self.main and number in self.storage.results
            found.append(None if is_fixed else k)
            k += 0 if is_fixed else 1 + len(x.shape)
        return found

    def library(self, name: str, result: Any, args: list) -> ir.Function:
        """A function of the C library, or an intrinsic one."""
        known = self.ir.globals.get(name)
        return known or ir.Function(self.ir, ir.FunctionType(result, args), name)

    def kernel(self, name: str, args: list) -> ir.Function:
        """A kernel as Numba compiles it: it gets two places, for its result and an exception."""
        self.kernels[name] = None
        return self.library(f"tinydp.{name}", STATUS, [POINTER, POINTER, *(x.type for x in args)])


class Writer(Arithmetic):
    """Writes one function."""

    def __init__(self, module: Module, f: Function):
        self.module, self.f, self.function = module, f, module.functions[f]
        self.head = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.builder = ir.IRBuilder(self.function.append_basic_block("start"))
        self.failed = self.function.append_basic_block("failed")
        self.values: dict[Local, Any] = {}
        self.slots: dict[Any, Any] = {x: room(self.head, VALUE[x.kind]) for x in in_memory(f)}
        self.status = room(self.head, STATUS)
        self.pointers: dict[Buffer, Any] = {}
        self.lengths: dict[Buffer, Any] = {}     # of arrays that grow, or whose length is known late: places
        self.loops: list[tuple] = []
        self.returned: Any = None

    def write(self) -> None:
        """Write all of it."""
        is_main = self.f is self.module.main
        for x, arg in zip(self.module.parameters(self.f), self.function.args, strict=False):
            if isinstance(x, Buffer):
                self.pointers[x] = arg
            elif x in self.slots:
                self.head.store(arg, self.slots[x])
            else:
                self.values[x] = arg
        for x in self.module.storage.stack if is_main else ():
            self.pointers[x] = room(self.head, ELEMENT[x.kind], math.prod(x.shape))
            self.pointers[x].align = 64
        for x in self.module.storage.growing if is_main else ():
            self.slots[x], self.lengths[x] = room(self.head, POINTER), room(self.head, INTEGER)
            self.head.store(POINTER(None), self.slots[x])
        self.statements(self.f.body)
        self.results()
        self.head.branch(self.function.basic_blocks[1])
        self.builder.position_at_end(self.failed)
        self.leave(set(self.lengths), self.builder.load(self.status, typ=STATUS))

    def results(self) -> None:
        """Store what is returned, free the rest, and return."""
        out, kept = self.function.args[-1], set()
        for x, k in zip(self.f.results, self.module.places(self.f), strict=True):
            if k is None:
                continue
            parts = [self.value(x)] if not isinstance(x, Memory) else [
                self.pointer(x.buffer), *(self.constant(self.count(n)) for n in x.shape)]
            for n, part in enumerate(parts):
                self.builder.store(part, eighth(self.builder, out, k + n))
            if isinstance(x, Memory):
                kept.add(x.buffer.root)
        self.leave(set(self.lengths) - kept, STATUS(0))

    def leave(self, freed: set, status: Any) -> None:
        for x in self.lengths:
            if x in freed:
                self.free(x)
        self.builder.ret(status)

    # -- memory

    def pointer(self, x: Buffer) -> Any:
        """The address of an array."""
        if x in self.pointers:
            return self.pointers[x]
        return self.builder.load(self.slots[x], typ=POINTER)

    def place(self, x: Buffer, index: tuple) -> Any:
        """The address of an element, or of a part of an array."""
        at: Any = 0
        for k, side in enumerate(x.shape):
            at = self.times(at, self.count(side)) if k else 0
            at = self.plus(at, self.count(index[k]) if k < len(index) else 0)
        if at == 0 and type(at) is int:
            return self.pointer(x)
        kind = ELEMENT[x.kind]
        return self.builder.gep(self.pointer(x), [self.constant(at)], inbounds=True, source_etype=kind)

    def length(self, x: Buffer) -> Any:
        """The first side."""
        if x in self.lengths:
            return self.builder.load(self.lengths[x], typ=INTEGER)
        return self.count(x.shape[0])

    def size(self, shape: tuple) -> Any:
        """How many elements there are."""
        size: Any = 1
        for n in shape:
            size = self.times(size, self.count(n))
        return size

    def free(self, x: Buffer) -> None:
        release = self.module.library("free", ir.VoidType(), [POINTER])
        self.builder.call(release, [self.builder.load(self.slots[x], typ=POINTER)])

    def array(self, x: Memory) -> list:
        """An array as Numba's functions get it: no owner, no parent, size, bytes, address, sides, strides."""
        shape = [self.count(n) for n in x.shape]
        strides: list[Any] = [BYTES[x.buffer.kind]]
        for n in shape[:0:-1]:
            strides.insert(0, self.times(strides[0], n))
        numbers = [self.size(x.shape), BYTES[x.buffer.kind]]
        return [POINTER(None), POINTER(None), *map(self.constant, numbers), self.place(x.buffer, x.prefix),
                *map(self.constant, shape), *map(self.constant, strides)]

    # -- statements

    def statements(self, body: list) -> None:
        """Write some statements, up to one that leads elsewhere."""
        for s in body:
            if self.builder.block.is_terminated:
                return
            getattr(self, f"write_{type(s).__name__.lower()}")(s)

    def block(self, name: str) -> ir.Block:
        return self.function.append_basic_block(name)

    def go(self, block: ir.Block) -> None:
        """Go on there, unless the way leads elsewhere."""
        if not self.builder.block.is_terminated:
            self.builder.branch(block)

    def require(self, condition: Any, status: Any) -> None:
        """Fail with this status unless the condition holds."""
        fails, on = self.block("fails"), self.block("on")
        self.builder.cbranch(condition, on, fails)
        self.builder.position_at_end(fails)
        self.fail(status)
        self.builder.position_at_end(on)

    def fail(self, status: Any) -> None:
        self.builder.store(status, self.status)
        self.builder.branch(self.failed)

    def set(self, x: Local, value: Any) -> None:
        """Set a variable."""
        if x in self.slots:
            self.builder.store(value, self.slots[x])
        else:
            self.values[x] = value

    def write_comment(self, s: Comment) -> None:
        pass

    def write_let(self, s: Let) -> None:
        values = [self.as_kind(x, local.kind) for local, x in zip(s.locals, s.values, strict=True)]
        for local, value in zip(s.locals, values, strict=True):
            self.set(local, value)

    def write_store(self, s: Store) -> None:
        value = self.as_kind(s.value, s.place.kind)
        value = self.builder.zext(value, BYTE) if s.place.kind == "b" else value
        self.builder.store(value, self.place(s.place.buffer, s.place.index))

    def write_alloc(self, s: Alloc) -> None:
        x = s.buffer
        if x not in self.lengths:                # its memory is there
            return
        self.free(x)
        self.builder.store(self.constant(self.count(x.shape[0])), self.lengths[x])
        size = self.plus(self.times(self.size(x.shape), BYTES[x.kind]), 1)       # more than nothing
        self.keep(x, self.builder.call(allocate(self.module), [self.constant(size)]))

    def keep(self, x: Buffer, memory: Any) -> None:
        """From now on this is the memory of an array."""
        self.builder.store(memory, self.slots[x])
        self.require(self.builder.icmp_unsigned("!=", memory, POINTER(None)), STATUS(NO_MEMORY))

    def grow(self, x: Buffer) -> None:
        """Make an array twice as long."""
        longer = self.builder.mul(self.length(x), INTEGER(2))
        size = self.builder.mul(longer, INTEGER(BYTES[x.kind] * math.prod(x.shape[1:])))
        function = self.module.library("realloc", POINTER, [POINTER, INTEGER])
        memory = self.builder.call(function, [self.pointer(x), self.builder.add(size, INTEGER(1))])
        self.require(self.builder.icmp_unsigned("!=", memory, POINTER(None)), STATUS(NO_MEMORY))
        self.builder.store(memory, self.slots[x])
        self.builder.store(longer, self.lengths[x])

    def write_see(self, s: See) -> None:
        self.pointers[s.buffer] = self.place(s.memory.buffer, s.memory.prefix or (s.first or 0,))

    def write_call(self, s: Call) -> None:
        if s.function == "grown":
            for x in s.results:
                self.grow(x)
        elif isinstance(s.function, Function):
            self.call_part(s, s.function)
        else:
            self.call_kernel(s)

    def call_part(self, s: Call, f: Function) -> None:
        """Call a function of this module."""
        args = [self.pointer(x) if isinstance(x, Buffer) else self.as_kind(x, parameter.kind)
                for x, parameter in zip(s.args, f.parameters, strict=True)]
        out = room(self.head, INTEGER, len(s.results))
        status = self.builder.call(self.module.functions[f], [*args, out])
        if any(isinstance(x, (Alloc, Call, Fail)) for x in every(f.body)):       # what may fail
            self.require(self.builder.icmp_unsigned("==", status, STATUS(0)), status)
        for k, x in enumerate(s.results):
            self.set(x, self.builder.load(eighth(self.builder, out, k), typ=VALUE[x.kind]))

    def call_kernel(self, s: Call) -> None:
        """Call a kernel, or write what it does to small arrays."""
        if s.function in ("vecmat", "sum_rows") and is_small(*(matrix := s.args[-2]).shape):
            vector = self.place(s.args[0].buffer, s.args[0].prefix) if s.function == "vecmat" else None
            places = [self.place(x.buffer, x.prefix) for x in (matrix, s.args[-1])]
            write_sums(self, vector, *places, *matrix.shape)
            return
        args = list[Any]()
        for x in s.args:
            if isinstance(x, Memory):
                args += self.array(x._replace(shape=(self.size(x.shape),)) if s.function in FLAT else x)
            else:
                args.append(self.value(x))
        out, status = self.result_of(s.function, args)
        self.require(self.builder.icmp_unsigned("==", status, STATUS(0)), STATUS(NO_MEMORY))
        for k, x in enumerate(s.results):
            self.set(x, self.loaded(eighth(self.builder, out, k), x.kind))

    def result_of(self, kernel: str, args: list) -> tuple[Any, Any]:
        """Call a kernel; returns where its results are, in eight-byte places, and its status."""
        self.returned = self.returned or room(self.head, INTEGER, 8)
        status = self.builder.call(self.module.kernel(kernel, args), [self.returned, self.returned, *args])
        return self.returned, status

    def loaded(self, place: Any, kind: str) -> Any:
        value = self.builder.load(place, typ=ELEMENT[kind])
        return self.builder.trunc(value, VALUE[kind]) if kind == "b" else value

    def write_for(self, s: For) -> None:
        count = self.count(s.count)
        if type(count) is int and count <= 0:
            return
        before = self.builder.block
        body, again, end = self.block("for"), self.block("again"), self.block("end")
        if type(count) is int:
            self.builder.branch(body)
        else:
            self.builder.cbranch(self.builder.icmp_signed(">", count, INTEGER(0)), body, end)
        self.builder.position_at_end(body)
        index = self.builder.phi(INTEGER)
        index.add_incoming(INTEGER(0), before)
        last = self.constant(self.plus(count, -1))
        self.values[s.index] = self.builder.sub(last, index, flags=("nsw",)) if s.reverse else index
        self.within(s.body, again, end)
        self.builder.position_at_end(again)
        following = self.builder.add(index, INTEGER(1), flags=("nsw",))
        index.add_incoming(following, again)
        back = self.builder.cbranch(self.builder.icmp_signed("<", following, self.constant(count)), body, end)
        if s in self.module.brief:
            back.set_metadata("llvm.loop", that_stays(self.module.ir))
        self.builder.position_at_end(end)

    def within(self, body: list, again: ir.Block, end: ir.Block) -> None:
        """The body of a loop."""
        self.loops.append((again, end))
        self.statements(body)
        self.loops.pop()
        self.go(again)

    def write_forever(self, s: Forever) -> None:
        body, end = self.block("forever"), self.block("end")
        self.builder.branch(body)
        self.builder.position_at_end(body)
        self.within(s.body, body, end)
        self.builder.position_at_end(end)

    def write_if(self, s: If) -> None:
        condition, then, end = self.value(s.condition), self.block("then"), self.block("end")
        otherwise = self.block("else") if s.otherwise else end
        self.builder.cbranch(condition, then, otherwise)
        for block, body in ((then, s.then), (otherwise, s.otherwise)):
            if block is not end:
                self.builder.position_at_end(block)
                self.statements(body)
                self.go(end)
        self.builder.position_at_end(end)

    def write_again(self, s: Again) -> None:
        self.builder.branch(self.loops[-1][0])

    def write_leave(self, s: Leave) -> None:
        self.builder.branch(self.loops[-1][1])

    def write_fail(self, s: Fail) -> None:
        if s.reason not in self.module.reasons:
            self.module.reasons.append(s.reason)
        self.fail(STATUS(1 + self.module.reasons.index(s.reason)))
