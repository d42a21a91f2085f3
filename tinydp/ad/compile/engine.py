"""From LLVM's language to machine code, which is kept: a second process only loads it.

    >>> import numpy as np
    >>> from ..registry import registered
    >>> from .lower import lowered
    >>> from .record import Builder
    >>> builder = Builder()
    >>> x = builder.input(np.ones(3), "x")
    >>> (y,) = builder.record(registered(np.square), (x,), {})
    >>> machine_code_of(lowered(builder.program([y]), "f").functions)(np.array([1.0, 2.0, 3.0]))
    array([1., 4., 9.])

In the cache's folder lies the machine code of each program, under a digest of its text and of all else that
it depends on; a file is whole or it is none (`stored.py`). So do the kernels lie there, each compiled once:
what is small stands in LLVM's language, to be taken into the loops of a program, the rest in machine code.
"""

import ctypes
import functools
import hashlib
import weakref
from collections.abc import Callable
from typing import Any

import numba
from llvmlite import binding
from numba import _helperlib
from numba.core.runtime import _nrt_python

from . import kernels as kernel_functions
from . import lapack
from .alike import with_shared_loops
from .arithmetic import SCALAR_KERNELS
from .cache import kept_file
from .entry import SELF, add_numpys_symbols, write_entry
from .llvm import Module
from .split import split
from .stored import environment

LONGEST_FUNCTION, PART = 3000, 1500             # operations in a function: LLVM is quadratic in them
METH_FASTCALL = 0x80
FLOAT, INT = numba.types.float64, numba.types.int64
VECTOR, MATRIX = (numba.types.Array(FLOAT, n, "C") for n in (1, 2))
INDICES = numba.types.Array(INT, 1, "C")
CALLED = {                                       # kernels that are called, and what they take
    "dot": (VECTOR, VECTOR), "vecmat": (VECTOR, MATRIX, VECTOR), "matvec": (MATRIX, VECTOR, VECTOR),
    "matmul": (MATRIX,) * 3, "matmul_tn": (MATRIX,) * 3, "matmul_nt": (MATRIX,) * 3,
    "sin_into": (VECTOR,) * 2, "cos_into": (VECTOR,) * 2, "all_finite": (VECTOR,),
    "sum_rows": (MATRIX, VECTOR), "guess": (FLOAT,) * 6 + (INT,) * 2,
    "narrowed": (FLOAT,) * 6 + (INT,) * 2 + (FLOAT,) * 2,
    "passed": (INT, *(FLOAT,) * 4), "argsort_into": (VECTOR, INDICES, INDICES),
    "search_left": (VECTOR, FLOAT), "search_right": (VECTOR, FLOAT)}
OF_LETTERS = {"m": MATRIX, "v": VECTOR, "i": INT}
CALLED |= {name: tuple([OF_LETTERS[x] for x in kinds]) for name, kinds in lapack.LAPACK_KERNELS.items()}
COUNTS = dict.fromkeys(SCALAR_KERNELS.values(), 2) | {"exp": 1, "tanh": 1, "sign": 1, "clip": 3}
SUMMING = {"contract", "reassoc"}
FASTMATH: dict = {"dot": SUMMING, "matvec": SUMMING, "all_finite": SUMMING, "floor_divide": False}


def machine_code_of(functions: list) -> Callable:
    """The last of these functions, which may call the others, as one that Python calls."""
    module = Module(split(with_shared_loops(functions), LONGEST_FUNCTION, PART))
    write_entry(module)
    module.ir.triple = binding.get_process_triple()
    text = str(module.ir)
    digest = hashlib.sha256(f"{environment()}\0{text}".encode()).hexdigest()
    run = _loaded.get(digest)
    if run is None:
        _prepare()
        inlined = [kernel for kernel in module.kernels if kernel not in CALLED]
        for kernel in module.kernels:
            if kernel in CALLED:
                _address_of(kernel)
        code = kept_file(f"{module.main.label}_{digest[:32]}.o", lambda: compiled(text, inlined))
        run = _loaded[digest] = callable_from(code)
    return run


_loaded: Any = weakref.WeakValueDictionary()     # what this process has loaded


# ---------------------------------------------------------------------------- LLVM

@functools.cache
def _prepare() -> None:
    """What is done once in a process."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    add_numpys_symbols()


def target_machine() -> Any:
    """This computer's processor, with all that it can."""
    target = binding.Target.from_default_triple()
    return target.create_target_machine(
        cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=3, jit=True,
        codemodel="jitdefault")


def compiled(text: str, inlined: list[str]) -> bytes:
    """A text in LLVM's language as machine code; small kernels become part of its loops."""
    module = binding.parse_assembly(text)
    for kernel in inlined:
        module.link_in(binding.parse_bitcode(_language_of(kernel)))
        function = module.get_function(f"tinydp.{kernel}")
        function.linkage = "internal"
        function.add_function_attribute("alwaysinline")
    machine = target_machine()
    module.data_layout = str(machine.target_data)
    module.verify()
    optimise(module, machine)
    return bytes(machine.emit_object(module))


def optimise(module: Any, machine: Any) -> None:
    """Let LLVM do all it can."""
    options = binding.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.loop_interleaving = True
    options.slp_vectorization = False            # it makes chains of numbers longer, as in small simulators
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)


def engine_of(code: bytes) -> Any:
    """Machine code, loaded."""
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


# ---------------------------------------------------------------------------- Python

class MethodDef(ctypes.Structure):
    """What Python wants to know of a function written in C (PyMethodDef)."""

    _fields_ = [("name", ctypes.c_char_p), ("address", ctypes.c_void_p), ("flags", ctypes.c_int),
                ("doc", ctypes.c_char_p)]


def callable_from(code: bytes) -> Callable:
    """The entry of a program as a function of Python's; it keeps the machine code alive."""
    engine = engine_of(code)
    method = MethodDef(b"run", engine.get_function_address("entry"), METH_FASTCALL, None)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return new(ctypes.addressof(method), (*SELF, method, engine), None)


# ---------------------------------------------------------------------------- kernels

def _kernel_file(name: str, ending: str) -> str:
    return f"kernel_{name}_{hashlib.sha256(environment().encode()).hexdigest()[:32]}.{ending}"


def _language_of(name: str) -> bytes:
    """A kernel in LLVM's language, as Numba makes it: bitcode."""
    return kept_file(_kernel_file(name, "bc"), lambda: _kernel(name).as_bitcode())


def _kernel(name: str) -> Any:
    """A kernel as Numba makes it, compiled anew, under a name of ours; nothing else is seen from outside."""
    signature = CALLED.get(name) or (FLOAT,) * COUNTS[name]
    function = _function(name)
    new = numba.njit(fastmath=FASTMATH.get(name, {"contract"}), error_model="numpy")(function.py_func)
    new.compile(signature)
    result = new.overloads[signature]
    module = binding.parse_assembly(result.library.get_llvm_str())
    wanted = result.fndesc.llvm_func_name
    for function in module.functions:
        if function.name == wanted:
            function.name = f"tinydp.{name}"
        elif not function.is_declaration:
            function.linkage = "internal"
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = "internal"
    optimise(module, target_machine())
    return module


def _function(name: str) -> Any:
    """A kernel as Numba has it."""
    if name in lapack.LAPACK_KERNELS:
        from .kernels import lapack as of_matrices  # noqa: PLC0415  (imports SciPy)

        return getattr(of_matrices, name)
    return getattr(kernel_functions, name, None) or numba.njit(_floor_divide)


def _floor_divide(a: float, b: float) -> float:
    return a // b


def compile_kernels() -> None:
    """Compile all kernels that this installation has not compiled yet: about six seconds, once."""
    _prepare()
    for name in CALLED:
        _address_of(name)
    for name in COUNTS:
        _language_of(name)


@functools.cache
def _add_numbas_symbols() -> None:
    """Tell LLVM where the functions in C are that Numba's code calls for memory.

    Numba does so when it compiles for the first time in a process, and much else that takes longer.
    """
    for prefix, module in (("NRT_", _nrt_python), ("numba_", _helperlib)):
        for name, address in module.c_helpers.items():
            if not name.startswith("_"):
                binding.add_symbol(prefix + name, address)


@functools.cache
def _address_of(name: str) -> Any:
    """Load a kernel, so that what is loaded later may call it; returns what keeps it there."""
    _add_numbas_symbols()
    if name in lapack.LAPACK_KERNELS:
        lapack.add_lapacks_symbols()
    make = lambda: bytes(target_machine().emit_object(_kernel(name)))
    engine = engine_of(kept_file(_kernel_file(name, "o"), make))
    binding.add_symbol(f"tinydp.{name}", engine.get_function_address(f"tinydp.{name}"))
    return engine
