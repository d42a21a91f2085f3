"""What a module exports, for TypeScript and for editors."""

from .programs import Exported, NamedLeaf

COMMON = '''/** A program failed where plain Python would raise, or was given what it was not made for. */
export declare class Failure extends Error {}

type Nested = number | boolean | ArrayLike<number> | Nested[] | { [part: string]: Nested };

/** A program with its arguments `A` and results `R`, by their names. */
export declare class Program<A, R> {
  /** Set arguments: by full names, `{"params.0.weight": [...]}`, or nested as they are in Python. */
  set(values: Partial<A> | { [argument: string]: Nested }): this;
  /** Run it, with these arguments if there are any; the others are what they were. */
  run(values?: Partial<A> | { [argument: string]: Nested }): this;
  /** A result, or an argument: a number, or an array that the next run fills anew. */
  get<K extends keyof (A & R)>(name: K): (A & R)[K];
  /** The results that have the names of arguments become these, without a copy. */
  next(): this;
  /** Set the arguments that have the names of another program's results, all or those that begin so. */
  take(other: Program<any, any>, name?: string): this;
  /** From now on, arguments of both that have this name, or begin with it, are the same memory. */
  share(name: string, other: Program<any, any>): this;
  /** Copies of the arguments that have this name, or begin with it. */
  copy(name?: string): { [argument: string]: number | boolean | Float64Array | Uint8Array };
  /** The same program with memory of its own. */
  another(): Program<A, R>;
  /** Set the arguments to those of the example that it was exported with. */
  example(): this;
  /** The largest difference to Python's results of the example; throws if it is beyond the tolerance. */
  check(tolerance?: number): number;
}
'''


def declared(programs: list[Exported]) -> str:
    """The declarations of a module."""
    parts = [COMMON]
    for p in programs:
        parts.append(f"/** {p.source} */\nexport declare const {p.name}: Program<{{\n"
                     f"{_fields(p.inputs)}}}, {{\n{_fields(p.results)}}}>;\n")
    names = " ".join(f"{p.name}: typeof {p.name};" for p in programs)
    parts.append(f"export declare const programs: {{ {names} }};\n")
    parts.append("/** The largest difference to Python's results of all examples. */\n"
                 "export declare function check(tolerance?: number): number;\n")
    return "\n".join(parts)


def _fields(leaves: list[NamedLeaf]) -> str:
    return "".join(f'  /** {x.kind}{list(x.shape) or ""} */\n  "{x.name}": {_type(x)};\n' for x in leaves)


def _type(x: NamedLeaf) -> str:
    if x.shape:
        return "Uint8Array" if x.kind == "b" else "Float64Array"
    return "boolean" if x.kind == "b" else "number"
