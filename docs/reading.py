"""What to read for which question, with true line counts: the table at the end of the tour.

    python docs/reading.py             prints it
    python docs/reading.py --write     writes it into docs/tour.md
    python docs/reading.py --check     fails if the page says anything else
"""

import pathlib
import sys

DOCS = pathlib.Path(__file__).parent
PAGE = DOCS / "tour.md"
BEGIN, END = "<!-- by reading.py -->", "<!-- until here -->"

SCALARS, ARRAYS = "numbers", "arrays"

# question, files: the first rows are the reading list, in its order
LIST = (
    (SCALARS, "how a program is recorded, and swept", ("tinydp/ad/tape.py",)),
    (SCALARS, "the rules, one a line", ("tinydp/ad/rules/elementwise.py",)),
    (ARRAYS, "what a primitive is: how a call is recorded and a cotangent pulled back",
     ("tinydp/ad/primitives.py",)),
    (ARRAYS, "broadcasting's way back", ("tinydp/ad/broadcasting.py",)),
)
QUESTIONS = (
    ("why numbers are fast", ("tinydp/ad/fast.py",)),
    ("how a rule is added, and what NumPy functions are looked up in",
     ("docs/add-a-rule.md", "tinydp/ad/registry.py")),
    ("how a simulator is added", ("docs/add-a-simulator.md",)),
    ("arguments by name, options, defaults", ("tinydp/ad/binding.py", "tinydp/ad/asking.py")),
    ("what a tape keeps, and copies of constants", ("tinydp/ad/values.py",)),
    ("cotangents of single elements, and of several results", ("tinydp/ad/parts.py",)),
    ("0 times infinity: whether a path leads there", ("tinydp/ad/selected.py", "tinydp/ad/reach.py")),
    ("`a * b`, `x[i]`, `np.sin(x)`: how Python and NumPy come to the tape", ("tinydp/ad/operators.py",)),
    ("`grad`, `vjp`, `jvp`, `jacobian`, `hvp`, `checkpoint`", ("tinydp/ad/transforms.py",)),
    ("custom gradients and surrogates", ("tinydp/ad/custom.py",)),
    ("lists, dicts, dataclasses", ("tinydp/ad/tree.py",)),
    ("loops as one node, and events", ("tinydp/ad/loops.py", "tinydp/ad/events.py")),
    ("`while_loop`", ("tinydp/ad/whiles.py",)),
    ("`root`, `argmin` and the implicit function theorem", ("tinydp/ad/implicit.py",)),
    ("`vmap`", ("tinydp/ad/mapping.py",)),
    ("what `record` keeps of a sweep, and shows", ("tinydp/ad/swept.py", "tinydp/ad/show.py")),
    ("the page that plays a tape", ("tinydp/ad/player/description.py",)),
    ("kinks: what is returned there", ("docs/kinks.md",)),
    ("what is refused, and what to write instead", ("docs/errors.md",)),
    ("the compiler: one program after every pass", ("docs/compile.md",)),
    ("how a gradient is checked", ("docs/checking.md",)),
)


def lines(file):
    """How many lines a file has, with its docstrings and blanks."""
    return len((DOCS.parent / file).read_text().splitlines())


def linked(files):
    """The files as the page links them."""
    return ", ".join(f"[`{pathlib.Path(file).name}`]({file.removeprefix('docs/')})"
                     .replace("](tinydp", "](../tinydp") for file in files)


def table():
    """The text between the marks."""
    rows, so_far = ["| to read | for | lines | in all |", "| --- | --- | --- | --- |"], 0
    for kind, question, files in LIST:
        so_far += sum(map(lines, files))
        rows.append(f"| {linked(files)} | {question} ({kind}) | {sum(map(lines, files))} | {so_far} |")
    rows += ["", "| question | to read | lines |", "| --- | --- | --- |"]
    rows += [f"| {question} | {linked(files)} | {sum(map(lines, files))} |" for question, files in QUESTIONS]
    return "\n".join(rows)


def main(arguments):
    """Print, write or check it; returns an exit status."""
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    wanted = f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}"
    if "--write" in arguments:
        PAGE.write_text(wanted)
    elif "--check" in arguments:
        if page != wanted:
            print("docs/tour.md counts other lines: run python docs/reading.py --write")
            return 1
    else:
        print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
