/* ------------------------------------------------------------------ the source */
const KEYWORDS = new Set(`False None True and as assert async await break case class continue def del elif
  else except finally for from global if import in is lambda match nonlocal not or pass raise return try while
  with yield`.split(/\s+/));
const STRING = /[rbuf]{0,2}(""".*?(?:"""|$)|'''.*?(?:'''|$)|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)/;
const TOKENS = new RegExp(`#.*|${STRING.source}|\\w+|\\s+|.`, "gi");
function tinted(text, inString) {
  if (inString) return [make("span", {class: "str"}, text)];
  return (text.match(TOKENS) ?? []).map(token => token[0] === "#" ? make("span", {class: "com"}, token)
    : /["']/.test(token) ? make("span", {class: "str"}, token)
    : KEYWORDS.has(token) ? make("span", {class: "kw"}, token) : token);
}
const lines = new Map();                         // "file:line" -> [element, text]
data.files.forEach((file, f) => {
  $("#code").append(make("h3", {}, file.name));
  if (!file.lines.length) $("#code").append(make("p", {class: "empty"}, "Its source is not at hand."));
  let inString = false;                          // between triple quotes
  for (const line of file.lines) {
    if (!line) { $("#code").append(make("div", {class: "gap"}, "⋯")); inString = false; continue; }
    const element = make("span", {}, ...tinted(line[1], inString), "\n");
    if ((line[1].match(/"""|'''/g) ?? []).length % 2) inString = !inString;
    const gutter = make("i", {}, String(line[0]));
    $("#code").append(make("div", {class: "line", "data-line": line[0]}, gutter, element));
    lines.set(f + ":" + line[0], [element, line[1]]);
  }
});
if (!data.files.length)
  $("#code").append(make("p", {class: "empty"}, "Nothing was computed from the inputs."));
let marked = [];
function drawSource() {
  for (const [element, text] of marked) {
    element.parentNode.classList.remove("now");
    element.replaceChildren(...tinted(text), "\n");
  }
  marked = [];
  const at = current() < 0 ? null : rows[current()].at;
  if (at === null) return;
  const [f, n, span] = places[at];
  const [l0, c0, l1, c1] = span ?? [n, 0, n, 0];
  for (let l = l0; l <= l1; l++) {
    const line = lines.get(f + ":" + l);
    if (!line) continue;
    const [element, text] = line;
    marked.push(line);
    element.parentNode.classList.add("now");
    if (!span) continue;
    const start = l === l0 ? c0 : text.search(/\S|$/), stop = l === l1 ? c1 : text.length;
    const mark = make("mark", {}, ...tinted(text.slice(start, stop)));
    element.replaceChildren(...tinted(text.slice(0, start)), mark, ...tinted(text.slice(stop)), "\n");
  }
  if (marked.length) {
    const box = $("#source .scroll"), mark = marked[0][0].querySelector("mark");
    reveal(box, marked[0][0].parentNode, 44);
    if (mark) {                                  // sideways too, unless the line can be seen from its start
      const at = mark.getBoundingClientRect(), gutter = 70;
      const left = at.left - box.getBoundingClientRect().left + box.scrollLeft;
      const least = left + at.width + 16 - box.clientWidth, most = Math.max(0, left - gutter);
      box.scrollLeft = Math.max(0, Math.min(least, most));
    }
  }
}
/* Scroll as little as shows the element, and `margin` around it. */
function reveal(box, element, margin) {
  const top = element.offsetTop - box.offsetTop - margin, height = element.offsetHeight + 2 * margin;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
}

/* ------------------------------------------------------------------ this step */
const itsPlace = row => {                        // "line 5", with the file's name if there are several
  const at = places[row.at];
  return !at ? "" : data.files.length === 1 ? "line " + at[1] : data.files[at[0]].name + ":" + at[1];
};
const word = text => make("span", {class: "word"}, text);
const code = text => make("code", text === "g" ? {class: "adjoint"} : {}, text);
const plural = (n, name) => `${n} ${name}${n === 1 ? "" : "s"}`;
const equals = r => make("span", {}, link(r), " = ", number(rows[r].value, "value"));
function item(symbol, first, second = []) {
  const parts = [make("div", {}, ...first), make("div", {}, ...second)];
  return make("li", symbol ? {} : {class: "bare"}, ...symbol ? [make("b", {}, symbol)] : [], ...parts);
}
/* Calls `show` for the first hundred of so many, and says how many are left out. */
function some(list, many, show) {
  for (let k = 0; k < Math.min(many, 100); k++) list.append(show(k));
  if (many > 100) list.append(item("", [word(`and ${many - 100} more, in the tape`)]));
}
const change = (r, before, after) =>
  make("span", {class: "right", title: `${before} → ${after}`}, word("adjoint of "), link(r), " ",
       number(before, "adjoint"), " → ", make("b", {}, number(after, "adjoint")));

/* What there is to say of a node at this step. */
function explained(r) {
  const row = rows[r], inside = insideOf.get(r), k = row.shares.length;
  const many = inside && inside.steps.filter(({label}) => label.startsWith("step")).length;
  const holds = !row.size ? [] : [` It holds ${plural(row.size, "node")}`,
    many ? ` of ${plural(many, "step")}` : "", inside ? ". " : ": too many to be opened in a page."];
  const again = inside?.again ? "They were not kept, but computed again on the way back. " : "";
  const seen = part();
  if (row.size && seen === "enter" && !sweeping()) return [`${row.op} begins.`, ...holds, again];
  if (row.size && seen === "enter")
    return ["The cotangents of its results are handed to the nodes inside that made them. ", again,
            "Then the sweep goes back through these."];
  if (row.size && seen === "leave" && !sweeping()) return [`${row.op} has ended, and its results are known.`];
  if (row.size && seen === "leave")
    return ["The sweep has gone back through the inside. In all, it has added this:"];
  if (!sweeping() && row.size)
    return [`${row.op} computes its results from what it is given and uses.`, ...holds, again];
  if (!sweeping())
    return [`${row.op} computes the output `, code("y"),
            ` from its operands. The tape keeps them, for the rule of ${row.op} to use in the sweep.`,
            row.opaque ? " What happens inside is not recorded: the rule is given by hand." : ""];
  if (!row.reached)
    return ["No cotangent arrives: nothing that was computed later added to the adjoint of this node. ",
            "Its rule does not run."];
  if (!k) return ["The cotangent ", code("g"), " that arrives is 0: there is nothing to add."];
  if (row.size)
    return ["The cotangent ", code("g"), ` has arrived. The sweep goes back through what is inside`,
            ` ${row.name}, which adds, in all, ${plural(k, "share")}.`, ...holds, again];
  const [shares, s] = k === 1 ? ["a share", ""] : [`${k} shares`, "s"];
  return ["The cotangent ", code("g"), ` has arrived, the whole adjoint of ${row.name}. `,
          `The rule of ${row.op} turns it into ${shares}, added to the adjoint${s} of the operand${s}.`];
}
const arrival = (r, verb, amount, before, after) =>
  item("", [equals(r)], [make("span", {}, word(verb), number(amount, "adjoint")), change(r, before, after)]);
/* A line for each operand, with what the rule adds to it. */
function operandItems(list, r) {
  const row = rows[r], rules = data.rules[row.rules], entering = part() === "enter";
  const shares = new Map(sweeping() && !entering ? row.shares.map(share => [share[0], share]) : []);
  some(list, row.of.length, k => {
    const operand = row.of[k], isRow = typeof operand === "number", symbol = rules.symbols[k] ?? "";
    const first = isRow ? [equals(operand)] : [make("span", {title: operand}, operand), word("a constant")];
    const share = shares.get(k), formula = rules.formulas[k], second = [];
    if (share) {
      const adds = make("span", {title: `${formula ?? "its share"} = ${share[1]}`}, word("adds "));
      const summed = row.stretched.includes(k) ? [word(", summed to its shape,")] : [];
      if (formula) adds.append(formula, ...summed, " = ");
      adds.append(number(share[1], "adjoint"));
      second.push(adds, change(operand, share[2], share[3]));
    }
    return item(isRow && symbol === rows[operand].name ? "" : symbol, first, second);
  });
  if (row.options.length) list.append(item("", [make("span", {}, row.options.join(", "))]));
  if (sweeping() && entering)
    some(list, insideOf.get(r).seeds.length, k => {
      const [y, amount, before, after] = insideOf.get(r).seeds[k];
      return arrival(y, "gets ", amount, before, after);
    });
}
function nodePanel(r, title, text, list) {
  const row = rows[r], rules = data.rules[row.rules];
  title.append(make("span", {class: "id"}, row.name), row.op, ...insideOf.has(r) ? [opener(r)] : [],
               make("small", {title: row.text}, itsPlace(row)));
  text.append(...explained(r));
  operandItems(list, r);
  const known = step >= computed[r];
  const y = make("span", {}, row.name, " = ", known ? number(row.value, "value") : word("not known yet"));
  const g = [make("b", {class: "adjoint"}, "g"), " = ", number(row.adjoint, "adjoint")];
  const output = item("y", [y, ...sweeping() && row.reached ? [make("span", {class: "right"}, ...g)] : []]);
  if (sweeping()) list.prepend(output); else list.append(output);
  if (!rules.quotes.length) return [];
  const head = rules.quotes.length === 1 ? "The rule as it is written" : "The rules as they are written";
  const quoted = rules.quotes.map(({where, text}) =>
    make("figure", {}, make("figcaption", {}, where), make("pre", {}, ...tinted(text))));
  return [make("details", {class: "rule"}, make("summary", {}, head), ...quoted)];
}
let ruleIsOpen = true;
function drawStep() {
  const r = current(), panel = $("#step .scroll"), title = make("h3"), text = make("p"), list = make("ul");
  let more = [];
  if (r >= 0) more = nodePanel(r, title, text, list);
  else if (step === 0) {
    title.append("Before the first operation");
    text.append("The inputs hold the values that the function was called with. Forward, one operation after ",
                "the other puts its output on the tape.");
    some(list, inputs, i => item("", [equals(i)]));
  } else if (step === SEED) {
    title.append("The sweep begins");
    text.append(!data.seeds.length ? "All adjoints start at 0, and stay there: no result depends on an input."
      : "All adjoints start at 0. The result is given the adjoint 1, since it changes by 1 per unit of itself"
        + (data.seeds.length > 1 ? "; of several results each is: the gradient is of their sum." : "."));
    some(list, data.seeds.length, k => {
      const [i, amount, before, after] = data.seeds[k];
      return arrival(i, "starts with ", amount, before, after);
    });
  } else {
    title.append("The gradient");
    text.append("The sweep is over. What has gathered at each input says how much the result changes ",
                "per unit of that input: the gradient.");
    some(list, inputs, i => {
      const at = {class: "right", "data-input": rows[i].name};
      return item("", [equals(i), make("span", at, word("adjoint "), number(gathered(i).sum, "adjoint"))]);
    });
  }
  for (const details of more) {
    details.open = ruleIsOpen;
    details.addEventListener("toggle", () => { ruleIsOpen = details.open; });
  }
  panel.replaceChildren(title, text, list, ...more);
  panel.scrollTop = 0;
}
/* The same in a sentence or two, for those who do not see it. */
const gradientOf = (row, i) => `${row.name}: ${gathered(i).sum}`;
function sentence() {
  const r = current(), at = `Step ${step} of ${LAST}`;
  if (step === 0) return `${at}: before the first operation.`;
  if (step === SEED) return `${at}: the sweep begins, the result has adjoint 1.`;
  if (step === LAST)
    return `${at}: the gradient. ${rows.slice(0, Math.min(inputs, 20)).map(gradientOf).join(", ")}.`;
  const row = rows[r], inside = loopStep(), label = inside?.inside.steps[inside.k].label;
  const way = (sweeping() ? "sweep" : "forward") + (label ? ", " + label : "");
  const where = `${at}, ${way}: ${row.name}, ${row.op}`;
  if (part() === "enter") return `${where}, is entered.`;
  if (!sweeping())
    return `${where} of ${row.operands || "nothing"}, gives ${row.value}. ${itsPlace(row)}: ${row.text}`;
  if (!row.shares.length) return `${where}: nothing to add.`;
  const added = row.shares.slice(0, 8).map(([k, amount, , after]) =>
    `${amount} to ${rows[row.of[k]].name}, now ${after}`);
  return `${where}, cotangent ${row.adjoint}, adds ${added.join("; ")}.`;
}
