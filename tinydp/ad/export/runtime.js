// What exported programs stand on: memory for their arguments and results, by names, and how they are run.

/** A program failed where plain Python would raise, or was given what it was not made for. */
export class Failure extends Error {
  get name() { return "Failure"; }
}

// ---------------------------------------------------------------------------- what programs call

const bits = new DataView(new ArrayBuffer(8));
const ROUND = 6755399441055744;                  // 1.5 * 2**52

/** 2**k for x = ROUND + k. */
function powerOfTwo(x) {
  bits.setInt32(0, (x - ROUND + 1023) << 20);
  bits.setInt32(4, 0);
  return bits.getFloat64(0);
}

/** k for 2**k <= x < 2**(k + 1). */
function exponentOf(x) {
  bits.setFloat64(0, x);
  return (bits.getInt32(0) >>> 20 & 2047) - 1023;
}

function copySign(x, y) {
  return (y < 0 || 1 / y < 0) === (x < 0 || 1 / x < 0) ? x : -x;
}

/** An integer, which has to remain one. */
function integer(k) {
  if (!Number.isSafeInteger(k)) throw new Failure("an integer is beyond 2**53, which JavaScript's are not");
  return k + 0;
}

function remaining(a, b) {
  const r = a % b;
  return r !== 0 && (r < 0) !== (b < 0) ? r + b : r + 0;
}

function floorDivided(a, b) {
  return (a - remaining(a, b)) / b + 0;
}

const bitwise = (a, b, f) => integer(Number(BigInt.asIntN(64, f(BigInt(a), BigInt(b)))));
const bitAnd = (a, b) => bitwise(a, b, (x, y) => x & y);
const bitOr = (a, b) => bitwise(a, b, (x, y) => x | y);
const bitXor = (a, b) => bitwise(a, b, (x, y) => x ^ y);

/** The same elements in an array twice as long. */
function grown(x) {
  const longer = new x.constructor(2 * x.length);
  longer.set(x);
  return longer;
}

// ---------------------------------------------------------------------------- memory

const decoded = (text, kind) => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  return kind === "b" ? bytes : new Float64Array(bytes.buffer);
};

/** An argument or a result: a number in `value`, or an array in `data`, flat, in C order. */
class Slot {
  constructor({ name, shape, kind }, memory) {
    this.name = name;
    this.shape = shape;
    this.kind = kind;
    this.size = shape.reduce((n, side) => n * (side ?? 0), 1);
    this.value = kind === "b" ? false : 0;
    this.held = shape.length ? memory.array(kind, this.size) : null;
  }

  get data() { return this.held.data; }

  /** The number, or the array, which the next run fills anew. */
  get now() { return this.held ? this.data : this.value; }

  put(given) {
    if (!this.held) {
      if (typeof given !== "number" && typeof given !== "boolean") this.refuse(given);
      if (this.kind === "i" && !Number.isSafeInteger(given)) this.refuse(given);
      this.value = this.kind === "b" ? Boolean(given) : Number(given);
      return;
    }
    const flat = ArrayBuffer.isView(given) ? given : Array.isArray(given) ? given.flat(Infinity) : this.refuse(given);
    if (flat.length !== this.size) this.refuse(given, ` with ${flat.length} numbers`);
    const isNumber = x => typeof x === "number" || typeof x === "boolean";
    if (Array.isArray(flat) && !flat.every(isNumber)) this.refuse(given, " with other things than numbers");
    this.held.fill(flat);
  }

  refuse(given, more = "") {
    const wanted = this.held ? `an array of shape (${this.shape.join(", ")})` : { f: "a number", i: "an integer", b: "true or false" }[this.kind];
    throw new Failure(`${this.name} is ${wanted}, and was given ${Array.isArray(given) ? "an array" : typeof given}${more}`);
  }
}

/** Arrays of JavaScript's own. */
class Heap {
  array(kind, size) {
    const data = kind === "b" ? new Uint8Array(size) : new Float64Array(size);
    return { data, fill: given => data.set(given) };
  }
}

// ---------------------------------------------------------------------------- programs

/** A program with its arguments and results. */
export class Program {
  constructor(about, engine) {
    this.about = about;
    this.engine = engine;
    this.memory = engine.memory();
    this.inputs = named(about.inputs, this.memory);
    this.results = named(about.results, this.memory);
    this.call = engine.instance(about, this.memory);
    this.runs = 0;
  }

  /** Set arguments: by full names, `{"params.0.weight": [...]}`, or nested as they are in Python. */
  set(values, before = "") {
    for (const [key, value] of Object.entries(values)) {
      const name = before + key, slot = this.inputs[name];
      if (slot) slot.put(value);
      else if (value !== null && typeof value === "object" && !ArrayBuffer.isView(value)) this.set(value, `${name}.`);
      else throw new Failure(`${this.about.name} has no argument ${name}: it has ${Object.keys(this.inputs).join(", ")}`);
    }
    return this;
  }

  /** Run it, with these arguments if there are any; the others are what they were. */
  run(values) {
    if (values) this.set(values);
    const { inputs, results } = this.about;
    const [finite, asTraced] = this.call(inputs.map(x => this.inputs[x.name]), results.map(x => this.results[x.name]));
    if (!asTraced) throw new Failure(`${this.about.name} takes another branch than with its examples: choose with dp.cond or np.where`);
    if (!finite) throw new Failure(`${this.about.name} would raise in Python, or has a gradient that is not finite`);
    this.runs++;
    return this;
  }

  /** A result: a number, or an array that the next run fills anew. */
  get(name) {
    const slot = this.results[name] ?? this.inputs[name];
    if (!slot) throw new Failure(`${this.about.name} has no result ${name}: it has ${Object.keys(this.results).join(", ")}`);
    return slot.now;
  }

  /** The results that have the names of arguments become these, without a copy. */
  next() {
    for (const name of this.about.feeds) {
      const a = this.inputs[name], b = this.results[name];
      [a.held, b.held] = [b.held, a.held];
      [a.value, b.value] = [b.value, a.value];
    }
    return this;
  }

  /** Set the arguments that have the names of another program's results, all or those that begin so. */
  take(other, name = "") {
    for (const [key, slot] of Object.entries(other.results)) {
      if ((!name || key === name || key.startsWith(`${name}.`)) && this.inputs[key]) this.inputs[key].put(slot.now);
    }
    return this;
  }

  /** From now on, arguments of both that have this name, or begin with it, are the same memory. */
  share(name, other) {
    for (const key of Object.keys(this.inputs)) {
      if ((key === name || key.startsWith(`${name}.`)) && other.inputs[key]) this.inputs[key] = other.inputs[key];
    }
    return this;
  }

  /** Copies of the arguments that have this name, or begin with it: to be kept, or sent to another thread. */
  copy(name = "") {
    const chosen = Object.values(this.inputs).filter(x => !name || x.name === name || x.name.startsWith(`${name}.`));
    return Object.fromEntries(chosen.map(x => [x.name, x.held ? x.data.slice() : x.value]));
  }

  /** The same program with memory of its own. */
  another() { return new Program(this.about, this.engine); }

  /** Set the arguments to those of the example that it was exported with. */
  example() {
    const { name, inputs, example } = this.about;
    if (!example) throw new Failure(`${name} was exported without an example`);
    inputs.forEach((x, k) => {
      const slot = this.inputs[x.name], data = decoded(example.inputs[k], x.kind);
      slot.put(slot.held ? data : x.kind === "b" ? Boolean(data[0]) : data[0]);
    });
    return this;
  }

  /** The largest difference of a result to Python's for the example, as a part of its largest element. */
  check(tolerance = 1e-12) {
    const { name, example } = this.about, other = this.another().example().run();
    let worst = 0;
    example.results.forEach((text, k) => {
      const slot = Object.values(other.results)[k], wanted = decoded(text, slot.kind);
      const found = slot.held ? slot.data : [Number(slot.value)];
      const size = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-300);
      let error = found.length === wanted.length ? 0 : Infinity;
      wanted.forEach((x, i) => {
        const off = Object.is(x, Number(found[i])) ? 0 : Math.abs(found[i] - x) / size;
        error = off <= error ? error : off;      // nan is worst
      });
      if (!(error <= tolerance)) throw new Failure(`${name}: ${slot.name} is off by ${error} of its largest element`);
      worst = Math.max(worst, error);
    });
    return worst;
  }
}

const named = (all, memory) => Object.fromEntries(all.map(x => [x.name, new Slot(x, memory)]));

/** How programs in JavaScript run: `make` returns one with its own scratch memory. */
class InJavaScript {
  constructor(make, constants) {
    this.make = make;
    this.constants = constants;
  }

  memory() { return new Heap(); }

  instance(about) {
    const f = this.make(), fixed = about.results.map(x => x.shape.length > 0 && x.shape[0] !== null);
    return (inputs, results) => {
      const given = results.filter((_, k) => fixed[k]).map(x => x.data);
      const found = f(...inputs.map(x => x.now), ...this.constants, ...given);
      let k = 0;
      results.forEach((x, n) => {
        if (fixed[n]) return;
        if (x.held) x.held = { data: found[k++], fill: x.held.fill };
        else x.value = found[k++];
      });
      return [found[k], found[k + 1]];
    };
  }
}

/** An array in a module's memory, which moves when it grows. */
class Block {
  constructor(memory, kind, size, at) {
    this.memory = memory;
    this.kind = kind;
    this.size = size;
    this.at = at;
  }

  /** The elements as they are; those of integers are 64 bits. */
  get view() {
    const { buffer } = this.memory.exports.memory;
    if (this.seen?.buffer !== buffer) {
      const type = { f: Float64Array, i: BigInt64Array, b: Uint8Array }[this.kind];
      this.seen = new type(buffer, this.at, this.size);
    }
    return this.seen;
  }

  get data() { return this.kind === "i" ? Float64Array.from(this.view, x => integer(Number(x))) : this.view; }

  fill(given) {
    if (this.kind === "i") this.view.set(Array.from(given, x => BigInt(integer(Number(x)))));
    else this.view.set(given);
  }
}

/** The memory of a module in WebAssembly, and its programs. */
class Linear {
  constructor(bytes) {
    this.exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    this.exports.top.value = this.exports.first.value;
  }

  array(kind, size) {
    const bytes = Math.max(1, size * (kind === "b" ? 1 : 8));
    return new Block(this, kind, size, this.exports.allocate(bytes));
  }
}

const OUT = 16;                                  // where numbers are returned, eight bytes each

/** How programs in WebAssembly run. All of a module share its memory. */
class InWebAssembly {
  constructor(bytes, reasons) {
    this.linear = new Linear(bytes);
    this.reasons = reasons;
  }

  memory() { return this.linear; }

  instance(about, memory) {
    const { exports } = memory, f = exports[about.name];
    const fixed = about.results.map(x => x.shape.length > 0 && x.shape[0] !== null);
    const given = x => x.held ? x.held.at : x.kind === "i" ? BigInt(x.value) : Number(x.value);
    return (inputs, results) => {
      exports.failed.value = 0;
      const top = exports.top.value;
      try {
        f(...inputs.map(given), ...results.filter((_, k) => fixed[k]).map(x => x.held.at));
      } catch (error) {
        if (exports.failed.value) throw new Failure(this.reasons[exports.failed.value - 1]);
        throw error;
      } finally {
        exports.top.value = top;
      }
      const out = new DataView(exports.memory.buffer);
      let at = OUT;
      const number = kind => {
        at += 8;
        if (kind === "f") return out.getFloat64(at - 8, true);
        return kind === "b" ? out.getInt32(at - 8, true) !== 0 : integer(Number(out.getBigInt64(at - 8, true)));
      };
      results.forEach((x, k) => {
        if (fixed[k]) return;
        if (!x.held) x.value = number(x.kind);
        else {
          const start = out.getInt32(at, true), rows = out.getInt32(at + 8, true);
          const row = x.shape.slice(1).reduce((n, side) => n * side, 1);
          at += 16;
          const copy = new Block(memory, x.kind, rows * row, start).data.slice();
          x.held = { data: copy };
        }
      });
      return [number("b"), number("b")];
    };
  }
}
