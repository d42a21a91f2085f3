"""From loops and buffers to WebAssembly, as text: the fast one in a page.

    >>> from .expressions import Apply, Buffer, Load, Local
    >>> from .statements import For, Store
    >>> x, y, i = Buffer("x", (4,), "f", "input"), Buffer("y", (4,), "f", "input"), Local("i", "i")
    >>> root = Apply("sqrt", (Load(x, (i,)),), "f")
    >>> print(text_of(Function("f", [x, y], [For(i, 4, [Store(Load(y, (i,)), root)])])))
    (func $f (param $x i32) (param $y i32)
      (local $i i32)
      (local.set $i (i32.const 0))
      (block $end0 (loop $again0
        (v128.store (i32.add (local.get $y) (i32.mul (local.get $i) (i32.const 8)))
          (f64x2.sqrt (v128.load (i32.add (local.get $x) (i32.mul (local.get $i) (i32.const 8))))))
        (local.set $i (i32.add (local.get $i) (i32.const 2)))
        (br_if $again0 (i32.le_s (i32.add (local.get $i) (i32.const 2)) (i32.const 4))))))

An array is an address. What a program makes and nobody sees lives at a fixed one, which the next program uses
again; constants are in the module. Numbers are f64, integers i64, so that they wrap around as NumPy's do;
indices, conditions and addresses are i32, and so are all integers of kernels, which are sizes and positions.
A program that fails says why in the global `failed`, and traps.
"""

from typing import Any

import numpy as np

from . import portable
from .lower import Lowered
from .names import Names
from .split import split
from .statements import Function
from .wasm_pairs import PairKernel, Scalar
from .wasm_values import as_webassembly
from .wasm_writer import OUT, Kernel, Writer, rounded

LONGEST_FUNCTION, PART = 6000, 3000              # operations in a function
PRELUDE = """(global $failed (export "failed") (mut i32) (i32.const 0))
(global $top (export "top") (mut i32) (i32.const 0))
(func $i_maximum (param i64 i64) (result i64)
  (select (local.get 0) (local.get 1) (i64.gt_s (local.get 0) (local.get 1))))
(func $i_minimum (param i64 i64) (result i64)
  (select (local.get 0) (local.get 1) (i64.lt_s (local.get 0) (local.get 1))))
(func $i_clip (param i64 i64 i64) (result i64)
  (call $i_minimum (call $i_maximum (local.get 0) (local.get 1)) (local.get 2)))
(func $i_square (param i64) (result i64) (i64.mul (local.get 0) (local.get 0)))
(func $i_abs (param i64) (result i64) (call $i_maximum (local.get 0) (i64.sub (i64.const 0) (local.get 0))))
(func $i_sign (param i64) (result i64) (i64.extend_i32_s (i32.sub
  (i64.gt_s (local.get 0) (i64.const 0)) (i64.lt_s (local.get 0) (i64.const 0)))))
(func $i_remainder (param $a i64) (param $b i64) (result i64) (local $r i64)
  (if (result i64) (i64.eq (local.get $b) (i64.const -1)) (then (i64.const 0)) (else
    (local.set $r (i64.rem_s (local.get $a) (local.get $b)))
    (i64.add (local.get $r) (select (local.get $b) (i64.const 0) (i32.and
      (i64.ne (local.get $r) (i64.const 0))
      (i64.lt_s (i64.xor (local.get $r) (local.get $b)) (i64.const 0))))))))
(func $i_floor_divide (param $a i64) (param $b i64) (result i64)
  (if (result i64) (i64.eq (local.get $b) (i64.const -1)) (then (i64.sub (i64.const 0) (local.get $a))) (else
    (i64.div_s (i64.sub (local.get $a) (call $i_remainder (local.get $a) (local.get $b))) (local.get $b)))))
(func $allocate (export "allocate") (param $bytes i32) (result i32) (local $at i32)
  (local.set $at (global.get $top))
  (global.set $top (i32.and (i32.add (i32.add (local.get $at) (local.get $bytes)) (i32.const 15))
    (i32.const -16)))
  (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))) (then
    (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 16) (i32.shr_u (i32.sub (global.get $top)
      (i32.mul (memory.size) (i32.const 65536))) (i32.const 16))))) (then (unreachable)))))
  (local.get $at))"""


class Module:
    """Several programs, of which one runs at a time; each is exported by its name."""

    def __init__(self, programs: dict[str, Lowered]):
        self.functions: list[str] = []
        self.kernels: dict[str, str] = {}
        self.pairs: dict[str, str | None] = {}   # functions of two numbers at a time
        self.splats: dict[str, str] = {}         # constants of these, as pairs: loaded faster than made
        self.data: list[tuple[int, bytes]] = []
        self.reasons: list[str] = []             # why a program may fail: `failed` counts them from 1
        self.names = Names(frozenset((*portable.names(), "allocate")))
        self.called: dict[Function, str] = {}    # the names of functions
        self._placed: dict[Any, int] = {}
        results = [len(program.functions[-1].results) for program in programs.values()]
        self.end, self.scratch = rounded(OUT + 16 * max(results, default=0)), 0
        places = {name: [*map(self.constant, program.constants)] for name, program in programs.items()}
        for name, program in programs.items():
            functions = split(program.functions, LONGEST_FUNCTION, PART)
            for f in functions:
                Writer(self, f, name if functions[-1] is f else "", places[name]).write()

    def constant(self, x: np.ndarray) -> int:
        """The address of a constant array; equal ones share it. Zeros are there anyway."""
        key = x.dtype.str, x.tobytes()
        if key not in self._placed:
            self._placed[key] = self.end
            if any(key[1]):
                self.data.append((self.end, key[1]))
            self.end += rounded(len(key[1]))
        return self._placed[key]

    def kernel(self, name: str) -> Function:
        """A function of `portable`, which will be in the module."""
        if not portable.has_function(name):
            raise portable.Unknown(name)
        f = portable.function_named(name)
        if f.label not in self.kernels:
            self.kernels[f.label] = ""
            writer = Kernel(self, f)
            self.kernels[f.label] = writer.text()
        return f

    def pair_kernel(self, name: str) -> str | None:
        """The label of such a function of two numbers at a time, which will be in the module; None if it
        cannot be written so."""
        if name not in self.pairs:
            self.pairs[name] = None
            try:
                f = portable.function_named(name) if portable.has_function(name) else None
                if f:
                    label = f"{f.label}_pair"
                    text = PairKernel(self, f, label).text()
                    self.kernels[label], self.pairs[name] = text, label
            except Scalar:
                pass
        return self.pairs[name]

    def splat(self, x: float) -> str:
        """A pair of equal constants."""
        name = self.splats.setdefault(as_webassembly(x), f"$constant_{len(self.splats)}")
        return f"(global.get {name})"

    def text(self) -> str:
        """The whole module."""
        size = self.end + self.scratch
        data = [f'(data (i32.const {at}) "{"".join([f"{chr(92)}{byte:02x}" for byte in x])}")'
                for at, x in self.data]
        first = f'(global (export "first") i32 (i32.const {size}))'
        splats = [f"(global {name} v128 (v128.const f64x2 {x} {x}))" for x, name in self.splats.items()]
        memory = f'(memory (export "memory") {size // 65536 + 1})'
        return "\n".join(["(module", memory, first, PRELUDE, *splats, *self.kernels.values(), *self.functions,
                          *data, ")"])


def text_of(f: Function) -> str:
    """A function alone."""
    return Writer(Module({}), f, "", []).text()
