"""No name means two things in one package.

A reader who searches for a name finds one definition of it. Names that begin with an underscore are their
module's own, and may come again; demos and benchmarks are commands, each a program by itself.
"""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# An operation has one name at all levels: of the user, as a primitive, in a traced program, lowered, as a
# kernel, and as SciPy's function of that name, which a twin calls.
OPERATIONS = {
    "add_at", "all_finite", "argsort", "beyond", "cholesky", "clip", "cond", "dot", "eigh", "exactly", "expm",
    "fits", "gather", "getitem", "guess", "in_range", "integrate", "inv", "joined", "lu_factor", "lu_solve",
    "matmul", "narrowed", "nonzero", "of_full_rank", "passed", "scan", "scatter", "scatter_at",
    "searchsorted", "sign", "solve", "solve_sylvester", "solve_triangular", "sqrtm", "to_integer",
    "while_loop"}

# A page has kernels of its own, which take and return what those of the processor do.
KERNELS = {
    "cholesky_into", "cos_into", "determinant_into", "eigh_into", "lu_into", "lu_solve_into", "matmul_nt",
    "matmul_tn", "power", "product_into", "sin_into", "sum_rows", "triangular_into"}

# There is a printer for each target, and they have one interface: `Printer` and `printed` for a language with
# expressions, `Module` and `Writer` for one of instructions, and tables of how it spells what.
PRINTERS = {
    "FORMS", "INFIX", "Kernel", "LONGEST_FUNCTION", "Module", "PART", "Printer", "RESERVED", "Writer",
    "printed", "text_of"}

# What a decorator takes is called P wherever types are written so.
TYPES = {"P"}

# Simulators have one interface, and so have the machines of worlds. A world is written without the simulator,
# constants and all: it is what the simulator is tried against.
SIMULATORS = {
    "EPISODE", "Params", "STANDARD", "State", "cost", "energy", "failed", "observe", "rates", "start", "step"}
WORLDS = {"CART_MASS", "DT", "GRAVITY", "HALF_LENGTH", "MAX_X", "POLE_MASS", "POUND", "PUSH", "Truth", "draw"}

HONEST = {
    "tinydp/ad": OPERATIONS | KERNELS | PRINTERS | TYPES, "tinydp/testing": set(),
    "tinydp/sims": SIMULATORS | WORLDS}


def names_of(statement):
    """The names that a statement of a module defines."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return [statement.name]
    targets = {ast.Assign: lambda: statement.targets, ast.AnnAssign: lambda: [statement.target]}
    return [x.id for target in targets.get(type(statement), list)() for x in ast.walk(target)
            if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)]


def twins(folder):
    """The names that more than one module of a package defines, with these modules."""
    where = defaultdict(list)
    for file in sorted(folder.rglob("*.py")):
        for statement in ast.parse(file.read_text()).body:
            for name in names_of(statement):
                where[name].append(str(file.relative_to(folder)))
    return {name: files for name, files in where.items() if len(set(files)) > 1 and name[0] != "_"}


@pytest.mark.parametrize("package", HONEST)
def test_a_name_is_defined_in_one_module(package):
    found = twins(ROOT / package)
    new = [f"{name}: {', '.join(files)}" for name, files in found.items() if name not in HONEST[package]]
    if new:
        pytest.fail("a name stands for two things: give one of them a more precise name, or import it. If "
                    "both are the same operation, or a part of the same interface, say so in "
                    "tests/test_names.py.\n" + "\n".join(new), pytrace=False)


def test_what_is_listed_is_still_found_in_several_modules():
    listed = HONEST["tinydp/ad"]                 # simulators are still to be added
    assert twins(ROOT / "tinydp/ad").keys() >= listed, "no twins any more: take them off the list"


def test_a_twin_is_found(tmp_path):
    (tmp_path / "one.py").write_text("LONG, SHORT = 1, 2\n_own = 3\ndef f(): pass\n")
    (tmp_path / "two.py").write_text("LONG: int = 3\n_own = 4\n")
    assert twins(tmp_path) == {"LONG": ["one.py", "two.py"]}
