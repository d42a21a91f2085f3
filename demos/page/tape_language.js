// The language of the page: numbers, names, arithmetic, functions. It is parsed here; nothing is evaluated as JavaScript.

const SYMBOLS = { "+": "add", "-": "subtract", "*": "multiply", "/": "divide" };
const COMPARED = { "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b };
const FUNCTIONS = ["sin", "cos", "tan", "tanh", "exp", "log", "sqrt", "abs", "max", "min", "where"];
const OTHERS = { ln: "log", maximum: "max", minimum: "min", fabs: "abs", arctan: "tan" };

/** What does not fit the language, with its place. */
class Wrong extends Error {
  constructor(text, line, column) { super(`line ${line}, column ${column}: ${text}`); }
}

function tokens(text, line) {
  const pattern = /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|<=|>=|==|!=|[-+*\/()<>=,^]))/y;
  const found = [];
  let at = 0;
  const code = text.replace(/#.*/, "").trimEnd();
  while (at < code.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(code);
    if (!match) {
      const rest = code.slice(at), skip = rest.length - rest.trimStart().length;
      throw new Wrong(`“${code[at + skip]}” is not of this language: write + - * / ** ( ) and names`, line, at + skip + 1);
    }
    const word = match[1] ?? match[2] ?? match[3];
    found.push({ kind: match[1] ? "number" : match[2] ? "name" : "sign", word, column: pattern.lastIndex - word.length + 1 });
    at = pattern.lastIndex;
  }
  return [...found, { kind: "end", word: "", column: code.length + 1 }];
}

/** A program's tape: nodes of an operation, operands, a value. The last line is the result. */
function record(text) {
  const tape = [], names = new Map();
  const add = (op, args, value, name = null) => tape.push({ op, args, value, name }) - 1;
  const apply = (op, ...args) => add(op, args, MADE[op].value(...args.map(k => tape[k].value)));
  let last = null;
  text.split("\n").forEach((source, index) => {
    const line = index + 1, all = tokens(source, line);
    if (all.length === 1) return;
    let k = 0;
    const wrong = (what, token = all[k]) => { throw new Wrong(what, line, token.column); };
    const is = word => all[k].kind !== "number" && all[k].word === word;
    const take = word => is(word) ? (k++, true) : false;
    const need = word => take(word) || wrong(`write “${word}” here${all[k].word && `, not “${all[k].word}”`}`);

    function choice() {
      const a = comparison();
      if (!take("if")) return a;
      const c = condition(comparison());
      need("else");
      return apply("where", c, a, choice());
    }
    function condition(c) {
      return tape[c].op in COMPARED ? c : wrong("a condition compares two values: write x > 0");
    }
    function comparison() {
      const a = sum();
      if (is("==") || is("!=")) wrong("numbers are not compared for equality here: write < or >");
      if (!(all[k].word in COMPARED)) return a;
      const sign = all[k++].word, b = sum();
      if (all[k].word in COMPARED) wrong("compare two values at a time: write a < b");
      return add(sign, [a, b], COMPARED[sign](tape[a].value, tape[b].value) ? 1 : 0);
    }
    function value(a, token) {
      return tape[a].op in COMPARED ? wrong("a comparison is no number: write where(x > 0, a, b)", token) : a;
    }
    function sum() {
      let a = product();
      while (is("+") || is("-")) {
        const token = all[k++];
        a = apply(SYMBOLS[token.word], value(a, token), value(product(), token));
      }
      return a;
    }
    function product() {
      let a = signed();
      while (is("*") || is("/")) {
        const token = all[k++];
        a = apply(SYMBOLS[token.word], value(a, token), value(signed(), token));
      }
      return a;
    }
    function signed() {
      const token = all[k];
      if (take("+")) return value(signed(), token);
      return take("-") ? apply("negative", value(signed(), token)) : power();
    }
    function power() {
      const a = atom(), token = all[k];
      if (is("^")) wrong("a power is written with two stars: x**2");
      if (!take("**")) return a;
      const b = signed();
      const two = tape[b].op === "constant" && tape[b].value === 2;
      if (!two) return apply("power", value(a, token), value(b, token));
      if (b === tape.length - 1) tape.pop();
      return apply("square", value(a, token));
    }
    function atom() {
      const token = all[k++];
      if (token.kind === "number") return add("constant", [], Number(token.word));
      if (token.word === "(") { const a = choice(); need(")"); return a; }
      if (token.kind !== "name") wrong("a number, a name or “(” is missing here", token);
      return is("(") ? call(token) : names.get(token.word) ?? wrong(
        FUNCTIONS.includes(token.word) ? `write ${token.word}(...)` : `“${token.word}” has no value yet: write ${token.word} = 1 in a line above`, token);
    }
    function call(token) {
      if (!FUNCTIONS.includes(token.word)) {
        const other = OTHERS[token.word];
        wrong(`there is no function “${token.word}”: write ${other ?? `one of ${FUNCTIONS.join(", ")}`}`, token);
      }
      need("(");
      const args = [];
      do args.push(choice()); while (take(","));
      need(")");
      const wanted = MADE[token.word].backs.length;
      if (args.length !== wanted) wrong(`${token.word} takes ${wanted} argument${wanted > 1 ? "s" : ""}, not ${args.length}`, token);
      args.forEach((x, n) => token.word === "where" && n === 0 ? condition(x) : value(x, token));
      return apply(token.word, ...args);
    }

    if (all[0].kind !== "name") wrong("a line is a name, =, and an expression: write f = ...", all[0]);
    const name = all[0].word;
    k = 1;
    if (FUNCTIONS.includes(name) || ["if", "else"].includes(name)) wrong(`“${name}” is taken: choose another name`, all[0]);
    need("=");
    const first = tape.length, token = all[k], a = value(choice(), token);
    if (all[k].kind !== "end") wrong(`“${all[k].word}” was not expected: write an operator before it`);
    const plain = all.length <= 5 && all.slice(2, -1).every(x => x.kind === "number" || x.word === "-");
    if (plain && !names.has(name)) {
      const number = tape[a].value;
      tape.length = first;
      names.set(name, last = add("input", [], number, name));
    } else {
      names.set(name, last = a);
      tape[a].name ??= name;
    }
  });
  if (last === null) throw new Wrong("write a program, such as x = 1", 1, 1);
  return { tape, last };
}

/** The way back, a step for each node that has operands: what its rule adds to each. */
function sweep({ tape, last }) {
  const adjoints = tape.map(() => 0), reached = new Set([last]), steps = [];
  adjoints[last] = 1;
  for (let k = last; k >= 0; k--) {
    const node = tape[k], backs = MADE[node.op]?.backs;
    if (!reached.has(k) || !backs) continue;
    const values = node.args.map(x => tape[x].value), shares = [];
    node.args.forEach((x, n) => {
      if (!backs[n] || tape[x].op === "constant") return;
      const share = backs[n](adjoints[k], ...values);
      adjoints[x] += share;
      reached.add(x);
      shares.push({ to: x, share, operand: n });
    });
    steps.push({ of: k, shares, after: [...adjoints] });
  }
  return { steps, adjoints };
}

/** The same program with other values of its inputs. */
function again({ tape, last }, inputs) {
  const values = [];
  tape.forEach((node, k) => {
    const args = node.args.map(x => values[x]);
    values[k] = node.op === "input" ? inputs[k] ?? node.value : node.op === "constant" ? node.value
      : node.op in COMPARED ? (COMPARED[node.op](...args) ? 1 : 0) : MADE[node.op].value(...args);
  });
  return values[last];
}

/** Central differences of each input. */
function differences(recorded) {
  return recorded.tape.flatMap((node, k) => {
    if (node.op !== "input") return [];
    const h = 6e-6 * Math.max(1, Math.abs(node.value));
    return [{ of: k, slope: (again(recorded, { [k]: node.value + h }) - again(recorded, { [k]: node.value - h })) / (2 * h) }];
  });
}

/** The tape and its way back as straight lines, of the statements that the rules were printed as. */
function straight({ tape, last }, steps) {
  const lines = [], label = k => tape[k].op === "constant" ? (tape[k].value < 0 ? `(${tape[k].value})` : `${tape[k].value}`) : `v${k}`;
  let fresh = 0;
  const inlined = (made, operands) => {
    const names = new Map(made.parameters.map((name, n) => [name, operands[n]]));
    for (const line of made.body) { const name = /^(?:const|let) (\w+)/.exec(line)?.[1]; if (name) names.set(name, `t${fresh++}`); }
    const renamed = line => line.replace(/(?<![\w.])[A-Za-z_]\w*/g, name => names.get(name) ?? name);
    const last = made.body.at(-1), alone = `const ${made.result} = `;
    if (last?.startsWith(alone)) {
      lines.push(...made.body.slice(0, -1).map(renamed));
      return renamed(last.slice(alone.length).replace(/;$/, ""));
    }
    lines.push(...made.body.map(renamed));
    return renamed(made.result);
  };
  tape.forEach((node, k) => {
    if (node.op === "constant") return;
    const args = node.args.map(label);
    const made = node.op === "input" ? node.value : node.op in COMPARED ? `${args.join(` ${node.op} `)} ? 1 : 0`
      : inlined(TABLE[node.op].value, args);
    lines.push(`const v${k} = ${made};${node.name ? `  // ${node.name}` : ""}`);
  });
  lines.push("// the way back");
  tape.forEach((node, k) => node.op !== "constant" && lines.push(`let g${k} = ${k === last ? 1 : 0};`));
  for (const { of, shares } of steps)
    for (const { to, operand } of shares)
      lines.push(`g${to} += ${inlined(TABLE[tape[of].op].backs[operand], [`g${of}`, ...tape[of].args.map(label)])};`);
  return lines.join("\n");
}
