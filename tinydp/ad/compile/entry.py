"""The door from Python to machine code: a function in LLVM's language that Python calls as one of its own.

It takes floats, bools and arrays apart, gives back the interpreter's lock while the program runs, and makes
floats, bools and arrays of the results; or raises. That is about 0.1 microseconds, where Numba's dispatcher
takes 0.7: the kinds and shapes of all arguments are known, so there is nothing to find out.

What it calls of Python and NumPy is in their public C interfaces.
"""

import ctypes
import sys
from typing import Any

import numpy as np
from llvmlite import binding, ir

from .expressions import Buffer, Memory
from .llvm import NO_MEMORY, Module
from .machine_types import (
    BYTE,
    CONDITION,
    ELEMENT,
    INTEGER,
    NUMBER,
    POINTER,
    STATUS,
    eighth,
    room,
)
from .memory import allocate
from .storage import BYTES, bytes_of

NUMPYS = {"f": 12, "b": 0, "i": np.dtype(np.int64).num}          # NPY_DOUBLE, NPY_BOOL, and that of int64
CONTIGUOUS_AND_ALIGNED = 0x0101                  # NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_ALIGNED
ARITHMETIC_ERROR, TYPE_ERROR, NDARRAY = range(3)
SELF = (ArithmeticError, TypeError, np.ndarray)  # what the function gets as its `self`
MISFIT = "a compiled function was called with other arguments than it was compiled for"
SWAPPED = ord(">" if sys.byteorder == "little" else "<")         # the order of the bytes, where it is another
LINE = 64                                        # bytes: each array begins a line of the processor's cache


class ArrayObject(ctypes.Structure):
    """An array as it lies in memory (PyArrayObject_fields)."""

    _fields_ = [("head", ctypes.c_char * object.__basicsize__), ("data", ctypes.c_void_p),
                ("nd", ctypes.c_int), ("dimensions", ctypes.c_void_p), ("strides", ctypes.c_void_p),
                ("base", ctypes.c_void_p), ("descr", ctypes.c_void_p), ("flags", ctypes.c_int)]


class Descriptor(ctypes.Structure):
    """The beginning of a dtype as it lies in memory (PyArray_Descr)."""

    _fields_ = [("head", ctypes.c_char * object.__basicsize__), ("type", ctypes.c_void_p),
                ("kind", ctypes.c_char), ("letter", ctypes.c_char), ("order", ctypes.c_char),
                ("former_flags", ctypes.c_char), ("number", ctypes.c_int)]


def layout_is_known() -> bool:
    """Whether arrays lie in memory as it says here."""
    x = np.zeros((2, 3), np.bool_)
    seen = ArrayObject.from_address(id(x))
    return (seen.data == x.ctypes.data and seen.nd == 2 and seen.descr == id(x.dtype)
            and seen.flags & CONTIGUOUS_AND_ALIGNED == CONTIGUOUS_AND_ALIGNED
            and Descriptor.from_address(id(np.zeros(1).dtype)).number == NUMPYS["f"]
            and Descriptor.from_address(id(np.zeros(1).dtype)).order == b"=")


def add_numpys_symbols() -> None:
    """Tell LLVM where NumPy makes arrays: PyArray_New is the 93rd of its functions."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = pointer(np._core._multiarray_umath._ARRAY_API, None)         # type: ignore[attr-defined]
    place = table + 93 * ctypes.sizeof(ctypes.c_void_p)
    binding.add_symbol("PyArray_New", ctypes.c_void_p.from_address(place).value)


def write_entry(module: Module) -> None:
    """Add the function `entry` to a module: what Python calls."""
    Entry(module).write()


class Entry:
    """Writes the entry of a module."""

    def __init__(self, module: Module):
        self.module, self.main = module, module.main
        kind = ir.FunctionType(POINTER, [POINTER, POINTER, INTEGER])
        self.function = ir.Function(module.ir, kind, "entry")
        self.builder = ir.IRBuilder(self.function.append_basic_block())
        self.failed = self.function.append_basic_block("failed")
        self.objects: list[Any] = []             # places of arrays, to be given back after a failure

    def write(self) -> None:
        """Write all of it."""
        module, builder = self.module, self.builder
        arrays = len(module.storage.results)
        self.objects = [room(builder, POINTER) for _ in range(arrays)]
        for place in self.objects:
            builder.store(POINTER(None), place)
        self.require(builder.icmp_signed("==", self.function.args[2], INTEGER(len(self.main.parameters))),
                     TYPE_ERROR, MISFIT)
        args = [self.argument(k, x) for k, x in enumerate(self.main.parameters)]
        results = []
        for (k, _), place in zip(module.storage.results.items(), self.objects, strict=True):
            made = self.new_array(self.main.results[k])
            builder.store(made, place)
            results.append(self.field(made, ArrayObject.data))
        memory, parts = self.workspace()
        places = [1 + len(x.shape) for x in self.main.results]
        out = room(builder, INTEGER, sum(places))
        lock = self.call("PyEval_SaveThread", POINTER, [])
        status = builder.call(module.functions[self.main], [*args, *parts, *results, out])
        self.call("PyEval_RestoreThread", ir.VoidType(), [lock])
        if memory is not None:
            self.call("free", ir.VoidType(), [memory])
        self.check(status)
        builder.ret(self.results(out))
        builder.position_at_end(self.failed)
        for place in self.objects:
            self.call("Py_DecRef", ir.VoidType(), [builder.load(place, typ=POINTER)])
        builder.ret(POINTER(None))

    # -- small parts

    def call(self, name: str, result: Any, args: list) -> Any:
        """Call a function of Python's, NumPy's or C's."""
        return self.builder.call(self.module.library(name, result, [x.type for x in args]), args)

    def text(self, text: str) -> Any:
        """The address of a text."""
        content = bytearray(text.encode() + b"\0")
        kind = ir.ArrayType(BYTE, len(content))
        constant = ir.GlobalVariable(self.module.ir, kind, self.module.ir.get_unique_name("text"))
        constant.global_constant, constant.linkage, constant.initializer = True, "internal", kind(content)
        constant.type = POINTER
        return constant

    def field(self, address: Any, field: Any, kind: Any = POINTER) -> Any:
        """A field of an object."""
        place = self.builder.gep(address, [INTEGER(field.offset)], source_etype=BYTE)
        return self.builder.load(place, typ=kind)

    def own(self, k: int) -> Any:
        """An object that the function knows by its `self`."""
        return self.call("PyTuple_GetItem", POINTER, [self.function.args[0], INTEGER(k)])

    def require(self, condition: Any, error: int | None = None, text: str = "") -> None:
        """Raise unless the condition holds; with no `error`, one is set already."""
        fails, on = (self.function.append_basic_block(name) for name in ("fails", "on"))
        self.builder.cbranch(condition, on, fails)
        self.builder.position_at_end(fails)
        if error is not None:
            self.call("PyErr_SetString", ir.VoidType(), [self.own(error), self.text(text)])
        self.builder.branch(self.failed)
        self.builder.position_at_end(on)

    def is_there(self, made: Any) -> Any:
        self.require(self.builder.icmp_unsigned("!=", made, POINTER(None)))
        return made

    # -- arguments

    def argument(self, k: int, x: Any) -> Any:
        """An argument as the program takes it: a number, a condition, or where an array's elements are."""
        builder = self.builder
        place = builder.gep(self.function.args[1], [INTEGER(k)], source_etype=POINTER)
        given = builder.load(place, typ=POINTER)
        if isinstance(x, Buffer):
            return self.array(given, x)
        if x.kind == "b":
            truth = self.call("PyObject_IsTrue", STATUS, [given])
            self.require(builder.icmp_signed(">=", truth, STATUS(0)))
            return builder.trunc(truth, CONDITION)
        if x.kind == "i":
            number = self.call("PyLong_AsLongLong", INTEGER, [given])
            with builder.if_then(builder.icmp_signed("==", number, INTEGER(-1)), likely=False):
                self.require_no_error()
            return number
        number = self.call("PyFloat_AsDouble", NUMBER, [given])
        with builder.if_then(builder.fcmp_ordered("==", number, NUMBER(-1.0)), likely=False):
            self.require_no_error()
        return number

    def require_no_error(self) -> None:
        """Raise what Python has raised."""
        error = self.call("PyErr_Occurred", POINTER, [])
        self.require(self.builder.icmp_unsigned("==", error, POINTER(None)))

    def array(self, given: Any, x: Buffer) -> Any:
        """The address of the elements of an array, which is what the program was compiled for."""
        builder, field = self.builder, self.field
        is_array = self.call("PyObject_IsInstance", STATUS, [given, self.own(NDARRAY)])
        self.misfit(builder.icmp_signed("==", is_array, STATUS(1)))
        self.misfit(builder.icmp_signed("==", field(given, ArrayObject.nd, STATUS), STATUS(len(x.shape))))
        descriptor, sides = field(given, ArrayObject.descr), field(given, ArrayObject.dimensions)
        flags = builder.and_(field(given, ArrayObject.flags, STATUS), STATUS(CONTIGUOUS_AND_ALIGNED))
        fits = builder.icmp_signed("==", flags, STATUS(CONTIGUOUS_AND_ALIGNED))
        number = field(descriptor, Descriptor.number, STATUS)
        order = field(descriptor, Descriptor.order, BYTE)
        fits = builder.and_(fits, builder.icmp_signed("!=", order, BYTE(SWAPPED)))
        fits = builder.and_(fits, builder.icmp_signed("==", number, STATUS(NUMPYS[x.kind])))
        for k, n in enumerate(x.shape):
            side = builder.load(eighth(builder, sides, k), typ=INTEGER)
            fits = builder.and_(fits, builder.icmp_signed("==", side, INTEGER(n)))
        self.misfit(fits)
        return field(given, ArrayObject.data)

    def misfit(self, fits: Any) -> None:
        self.require(fits, TYPE_ERROR, MISFIT)

    # -- memory, and results

    def workspace(self) -> tuple[Any, list]:
        """One piece of memory for all that the program needs, and where each array begins in it."""
        offsets, total = [], 0
        for x in self.module.storage.scratch:
            offsets.append(total)
            total += -(-bytes_of(x) // LINE) * LINE
        if not total:
            return None, []
        memory = self.builder.call(allocate(self.module), [INTEGER(total + LINE)])
        with self.builder.if_then(self.builder.icmp_unsigned("==", memory, POINTER(None)), likely=False):
            self.call("PyErr_NoMemory", POINTER, [])
        self.is_there(memory)
        first = self.builder.add(self.builder.ptrtoint(memory, INTEGER), INTEGER(LINE - 1))
        first = self.builder.inttoptr(self.builder.and_(first, INTEGER(-LINE)), POINTER)
        return memory, [self.builder.gep(first, [INTEGER(k)], source_etype=BYTE) for k in offsets]

    def new_array(self, x: Memory, sides: Any = None) -> Any:
        """A new array; the sides are those of `x`, or where they are stored."""
        rank = len(x.shape)
        if sides is None:
            sides = room(self.builder, INTEGER, rank)
            for k, n in enumerate(x.shape):
                self.builder.store(INTEGER(n), eighth(self.builder, sides, k))
        null = POINTER(None)
        return self.is_there(self.call("PyArray_New", POINTER, [
            self.own(NDARRAY), STATUS(rank), sides, STATUS(NUMPYS[x.buffer.kind]), null, null, STATUS(0),
            STATUS(0), null]))

    def check(self, status: Any) -> None:
        """Raise what a status says."""
        with self.builder.if_then(self.builder.icmp_signed("==", status, STATUS(NO_MEMORY)), likely=False):
            self.call("PyErr_NoMemory", POINTER, [])
        self.require(self.builder.icmp_signed("!=", status, STATUS(NO_MEMORY)))
        for k, reason in enumerate(self.module.reasons):
            self.require(self.builder.icmp_signed("!=", status, STATUS(1 + k)), ARITHMETIC_ERROR, reason)

    def results(self, out: Any) -> Any:
        """What is returned: one object, or a tuple of several."""
        made = list[Any]()
        arrays = iter(self.objects)
        for x, k in zip(self.main.results, self.module.places(self.main), strict=True):
            if k is None:
                made.append(self.builder.load(next(arrays), typ=POINTER))
            elif isinstance(x, Memory):
                made.append(self.late_array(x, out, k))
            else:
                value = self.builder.load(eighth(self.builder, out, k), typ=ELEMENT[x.kind])
                made.append(self.number(value, x.kind))
        if len(made) == 1:
            return made[0]
        found = self.call("PyTuple_New", POINTER, [INTEGER(len(made))])
        for k, x in enumerate(made):
            self.call("PyTuple_SetItem", STATUS, [found, INTEGER(k), x])
        return found

    def number(self, value: Any, kind: str) -> Any:
        """A number or a condition as one of Python's."""
        if kind == "f":
            return self.call("PyFloat_FromDouble", POINTER, [value])
        if kind == "i":
            return self.call("PyLong_FromLongLong", POINTER, [value])
        return self.call("PyBool_FromLong", POINTER, [self.builder.zext(value, INTEGER)])

    def late_array(self, x: Memory, out: Any, k: int) -> Any:
        """An array whose length the program has found; its elements are copied to memory of NumPy's."""
        builder = self.builder
        memory = builder.load(eighth(self.builder, out, k), typ=POINTER)
        made = self.new_array(x, eighth(self.builder, out, k + 1))
        size: Any = INTEGER(BYTES[x.buffer.kind])
        for n in range(len(x.shape)):
            size = builder.mul(size, builder.load(eighth(self.builder, out, k + 1 + n), typ=INTEGER))
        self.call("memcpy", POINTER, [self.field(made, ArrayObject.data), memory, size])
        self.call("free", ir.VoidType(), [memory])
        return made
