"""Write docs/coverage.md: which functions of NumPy are differentiable here, and in autograd.

    python docs/coverage.py            rewrites the page
    python docs/coverage.py --check    exits with 1 if that would change it

Both columns are read from the registries of the two engines.
"""

import sys

sys.path.pop(0)                                  # or Numba would find this file as the package coverage

import pathlib
from importlib.metadata import version

import autograd.numpy
import numpy as np
from autograd.core import VJPNode, primitive_vjps
from autograd.tracer import notrace_primitives

from tinydp.ad import rules
from tinydp.ad.primitives import FlatPrimitive, Primitive
from tinydp.ad.registry import PRIMITIVES

PAGE = pathlib.Path(__file__).with_suffix(".md")

INTRODUCTION = """\
# Coverage of NumPy

**{total} functions of NumPy are differentiable in tinydp: {rule} by a rule, {others} made of others that
have one, and {zero} whose derivative is zero. Autograd has {shared} of these, and {left} more; {neither} are
in neither registry. Both are listed at the end, with what to write instead.**

A *rule* is a gradient rule of the function's own; *by others* means that a traced call is computed
by functions that have one; *zero* is for functions that are constant wherever they have a
derivative. Methods (`x.sum()`) and operators (`x @ y`) are the same functions. Rules are recorded
like any program, so all of it has second derivatives. An option that a rule does not know raises.

Written by `python docs/coverage.py` from the registries of tinydp, with NumPy {numpy}, and of autograd
{autograd}, which may know a function for some of its arguments only.
"""

# What only autograd has: why, and what to write instead. A module stands for all of its functions.
LEFT_OUT = {
    "np.fft":        ("made for complex numbers", "sums over sines and cosines; `np.convolve`"),
    "np.linalg.eig": ("the results are complex numbers", "`np.linalg.eigh` of a symmetric matrix"),
    "np.array":      ("NumPy asks a traced value for a plain array", "`np.stack([...])`"),
    "np.full":       ("NumPy asks a traced value for a plain array", "`np.broadcast_to(x, shape)`"),
    "np.isscalar":   ("NumPy does not ask a traced value", "`np.ndim(x) == 0`"),
    "np.row_stack":  ("NumPy has deprecated the name", "`np.vstack`"),
}


# What neither has: why, what to write instead, and which functions. Of any other, nobody has written a rule.
NEITHER = (
    ("not a function of numbers: types, texts, files, settings", "", """
        array2string array_repr array_str base_repr binary_repr busday_count busday_offset can_cast
        common_type datetime_as_string datetime_data einsum_path format_float_positional
        format_float_scientific from_dlpack frombuffer fromfile fromregex fromstring genfromtxt
        get_include get_printoptions getbufsize geterr geterrcall info is_busday isdtype isfortran isnat
        issubdtype iterable load loadtxt may_share_memory min_scalar_type mintypecode nested_iters
        printoptions promote_types require save savetxt savez savez_compressed set_printoptions
        setbufsize seterr seterrcall shares_memory show_config show_runtime test typename"""),
    ("the arguments are integers, or Python functions that make the array", "", """
        arange bartlett bitwise_and bitwise_count bitwise_invert bitwise_left_shift bitwise_or
        bitwise_right_shift bitwise_xor blackman broadcast_shapes diag_indices empty eye fft.fftfreq
        fft.rfftfreq fromfunction fromiter frompyfunc gcd hamming hanning identity indices ix_ kaiser
        lcm left_shift mask_indices ones packbits ravel_multi_index right_shift tri tril_indices
        triu_indices unpackbits unravel_index zeros"""),
    ("NumPy asks a traced value for a plain array", "the value itself, or `np.stack([...])`", """
        asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray asmatrix bmat"""),
    ("changes an array in place", "`np.where`, `np.concatenate`", """
        copyto fill_diagonal place put put_along_axis putmask"""),
    ("the results are integers, or places of elements", "the same of `dp.value(x)`", """
        frexp histogram histogram2d histogram_bin_edges histogramdd isin lexsort nanargmax nanargmin"""),
    ("how many results there are depends on the values", "`x[k]`, with k from `dp.value(x)`", """
        intersect1d setdiff1d setxor1d trim_zeros union1d unique unique_all unique_counts unique_inverse
        unique_values"""),
    ("made for complex numbers", "sums over sines and cosines; `np.convolve`", """
        fft.hfft fft.ifftshift fft.ihfft fft.irfft2 fft.rfft2 linalg.eigvals poly roots sort_complex"""),
    ("calls a Python function for each row", "`dp.vmap`, or `np.where` for the pieces", """
        apply_along_axis apply_over_axes piecewise"""),
    ("made of others in one line", "`x // y, x % y`", "divmod"),
    ("made of others in one line", "`x * 2.0**n`", "ldexp"),
    ("made of others in one line", "`x - np.trunc(x), np.trunc(x)`", "modf"),
    ("made of others in one line", "`a + t * (b - a)` and its power, with `t = np.linspace(0, 1, n)`",
     "geomspace logspace"),
    ("made of others in one line", "the same without `nan`, of `x[~np.isnan(dp.value(x))]`", """
        nanmedian nanpercentile nanquantile nanstd nanvar"""),
    ("NumPy has newer functions for polynomials", "`np.polyval`, `np.convolve`, `np.linalg.lstsq`", """
        polyadd polyder polydiv polyfit polyint polymul polysub"""),
    ("what it means is one unit in the last place", "`x`", "nextafter spacing"),
    ("SciPy's is there: [neighbours](neighbours.md)", "`scipy.special.i0(x)`", "i0"),
)


def in_numpy(f):
    """The public name of a function of NumPy; "" for any other."""
    module, name = getattr(f, "__module__", None) or "numpy", getattr(f, "__name__", "")
    space = {"numpy": np, "numpy.linalg": np.linalg, "numpy.fft": np.fft}.get(module)
    return f"{module.replace('numpy', 'np')}.{name}" if f and getattr(space, name, None) is f else ""


def kind(rule):
    if isinstance(rule, FlatPrimitive):
        return "zero"
    return "rule" if isinstance(rule, Primitive) else "by others"


def ours():
    """Our functions by the module of their rules: {module: {name: kind}}.

    Modules register one after the other, so a rule made elsewhere belongs to the module before it.
    """
    groups, module = {name: {} for name in rules.__all__}, ""
    for f, rule in PRIMITIVES.items():
        made = rule.rules[0] if getattr(rule, "rules", None) else rule
        *_, last = getattr(made, "__module__", "").rpartition(f"{rules.__name__}.")
        module = last if last in groups else module
        if in_numpy(f):
            groups[module][in_numpy(f)] = kind(rule)
    return groups


def autograds():
    """The names of the functions of NumPy that autograd differentiates, some made of others."""
    known = {getattr(f, "fun", f) for f in (*primitive_vjps, *notrace_primitives[VJPNode])}
    made_of_others = {getattr(np, name, None) for name, f in vars(autograd.numpy).items()
                      if type(f) is type(ours) and f.__module__ == "autograd.numpy.numpy_wrapper"}
    return {in_numpy(f) for f in known | made_of_others} - {""}


def all_of_numpy():
    """The names of all public functions of NumPy."""
    return {f"np.{prefix}{name}": f for prefix, module in (("", np), ("linalg.", np.linalg), ("fft.", np.fft))
            for name in module.__all__ if callable(f := getattr(module, name)) and not isinstance(f, type)}


def in_neither(theirs):
    """Rows for the functions that have no rule in either: (functions, why, what to write instead)."""
    known = {f for f in PRIMITIVES if in_numpy(f)}
    first = {f: name for name, f in sorted(all_of_numpy().items(), reverse=True)}     # of several names, one
    missing = {name for f, name in first.items() if f not in known and name not in theirs}
    rows, told = [], set()
    for why, instead, names in NEITHER:
        group = sorted(missing & {f"np.{name}" for name in names.split()})
        told |= {*group}
        rows += [(", ".join(f"`{name}`" for name in group), why, instead)] if group else []
    rows += [(f"`{name}`", "nobody has written the rule: [add it](add-a-rule.md)", "")
             for name in sorted(missing - told)]
    return rows, len(missing)


def table(head, rows):
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def page():
    groups, theirs = ours(), autograds()
    kinds = {name: how for group in groups.values() for name, how in group.items()}
    counts = {how: list(kinds.values()).count(how) for how in ("rule", "by others", "zero")}
    left = {name: next(why for start, why in LEFT_OUT.items() if name.startswith(start))
            for name in sorted(theirs - kinds.keys())}
    neither, count = in_neither(theirs)
    sections = [INTRODUCTION.format(
        neither=count,
        total=len(kinds), rule=counts["rule"], others=counts["by others"], zero=counts["zero"],
        shared=len(theirs & kinds.keys()), left=len(left),
        numpy=version("numpy").rpartition(".")[0], autograd=version("autograd").rpartition(".")[0])]
    for module, group in groups.items():
        if not group:                            # of functions that other rules call
            continue
        rows = [(f"`{name}`", how, "yes" if name in theirs else "no") for name, how in sorted(group.items())]
        sections.append(f"## rules/{module}.py\n\n{table(('function', 'tinydp', 'autograd'), rows)}\n")
    rows = [(f"`{name}`", *why) for name, why in left.items()]
    sections.append(f"## Only in autograd\n\n{table(('function', 'why not here', 'write instead'), rows)}\n")
    sections.append(f"## In neither\n\n{table(('functions', 'why not here', 'write instead'), neither)}\n")
    return "\n".join(sections)


def main():
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit(f"{PAGE.name} is out of date: run python docs/coverage.py")


if __name__ == "__main__":
    main()
