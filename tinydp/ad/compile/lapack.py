"""Where LAPACK's routines are in memory, and that of BLAS for products, and which kernels call them.

The routines are SciPy's, which tells where they are to whoever compiles (`scipy.linalg.cython_lapack`).
Machine code names them, `tinydp.dgetrs`, and the names are bound to addresses when it is loaded: what lies on
disk has no address in it. SciPy is imported when the first program needs a routine.

    >>> sorted(addresses()) == sorted((*ROUTINES, *BLAS))
    True
"""

import ctypes
import functools

from llvmlite import binding

ROUTINES = ("dgetrs", "dgetrf", "dpotrf", "dsyevd", "dgesdd", "dgeqrf", "dorgqr", "dtrtrs")
BLAS = ("dgemm",)

# The kernels that call them (kernels/lapack.py), and what they take: m a matrix, v a vector, i an integer.
LAPACK_KERNELS = {
    "lu_into": "mmv", "lu_solve_into": "mvvmi", "determinant_into": "mmv", "cholesky_into": "mm",
    "eigh_into": "mvvvii", "svd_into": "mvmmvvi", "qr_into": "mvvmm", "triangular_into": "mmiii",
    "expm_into": "mmmmmmmv", "product_into": "mmiim"}


@functools.cache
def addresses() -> dict[str, int]:
    """Where SciPy has each routine."""
    from scipy.linalg import cython_blas, cython_lapack  # noqa: PLC0415  (not all programs need it)

    name_of, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    found = {}
    for name in (*ROUTINES, *BLAS):
        capsule = (cython_blas if name in BLAS else cython_lapack).__pyx_capi__[name]
        found[name] = pointer(capsule, name_of(capsule))
    return found


@functools.cache
def add_lapacks_symbols() -> None:
    """Tell LLVM where the routines are, so that what is loaded later may call them."""
    for name, address in addresses().items():
        binding.add_symbol(f"tinydp.{name}", address)
