// What is seen and heard: the program, its tape, the step, the check. `tape_language.js` computes.

const $ = id => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const shown = x => Number.isInteger(x) ? `${x}` : x.toPrecision(8).replace(/\.?0+(e|$)/, "$1");
const label = k => recorded.tape[k].name ?? (recorded.tape[k].op === "constant" ? shown(recorded.tape[k].value) : `v${k}`);
let recorded = null, swept = null, at = 0, timer = null;

function cells(place, rows) {
  place.replaceChildren(...rows.map(({ texts, kind }) => {
    const row = document.createElement("tr");
    row.className = kind ?? "";
    row.append(...texts.map(text => Object.assign(document.createElement("td"), { textContent: text })));
    return row;
  }));
}

function read() {
  stop();
  try {
    recorded = record($("program").value);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    $("wrong").textContent = error.message;
    return;
  }
  swept = sweep(recorded);
  $("wrong").textContent = [...recorded.tape.map(x => x.value), ...swept.adjoints].every(Number.isFinite) ? ""
    : "A number here is not finite: at such a point the tape in Python looks closer than this page does.";
  at = 0;
  $("code").textContent = straight(recorded, swept.steps);
  cells($("checked"), differences(recorded).map(({ of, slope }) => ({
    texts: [label(of), shown(swept.adjoints[of]), shown(slope), Math.abs(swept.adjoints[of] - slope).toExponential(1)] })));
  draw();
}

function draw() {
  const step = swept.steps[at - 1], fed = new Set(step?.shares.map(x => x.to));
  const seed = recorded.tape.map((_, k) => k === recorded.last ? 1 : 0);
  const adjoints = step?.after ?? seed;
  cells($("tape"), recorded.tape.map((node, k) => ({
    texts: [`v${k}${node.name ? ` ${node.name}` : ""}`, `${node.op} ${node.args.map(label).join(", ")}`, shown(node.value),
      node.op === "constant" ? "" : shown(adjoints[k])],
    kind: step?.of === k ? "here" : fed.has(k) ? "fed" : "" })));
  $("rule").textContent = step ? said(step)
    : `The way back starts at ${label(recorded.last)} = ${shown(recorded.tape[recorded.last].value)}, whose adjoint is 1.`;
  $("backward").disabled = $("first").disabled = at === 0;
  $("forward").disabled = at === swept.steps.length;
}

function said({ of, shares, after }) {
  const { op } = recorded.tape[of];
  const each = shares.map(({ to, share, operand }) =>
    `${label(to)} gets ${TABLE[op].formulas[operand] ?? "its share"} = ${shown(share)}`);
  return `Step ${at} of ${swept.steps.length}: ${label(of)} = ${op}(${recorded.tape[of].args.map(label).join(", ")}), g = ${shown(after[of])}. ${each.join("; ")}.`;
}

function go(to) {
  at = Math.min(Math.max(to, 0), swept.steps.length);
  if (at === swept.steps.length) stop();
  draw();
}

function stop() {
  clearInterval(timer);
  timer = null;
  $("play").textContent = "Play";
  $("play").setAttribute("aria-pressed", "false");
}

function play() {
  if (timer) return stop();
  if (at === swept.steps.length) at = 0;
  if (still.matches) return go(swept.steps.length);
  timer = setInterval(() => go(at + 1), 900);
  $("play").textContent = "Pause";
  $("play").setAttribute("aria-pressed", "true");
}

const ours = { ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0), " ": play };
addEventListener("keydown", event => {
  if (["TEXTAREA", "SELECT", "BUTTON"].includes(event.target.tagName) && (event.key === " " || event.target.tagName !== "BUTTON")) return;
  if (!(event.key in ours) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  ours[event.key]();
});
$("choose").append(...Object.keys(PROGRAMS).map(name => new Option(name)));
$("choose").onchange = () => { $("program").value = PROGRAMS[$("choose").value]; read(); };
$("program").oninput = read;
$("first").onclick = () => { stop(); go(0); };
$("backward").onclick = () => { stop(); go(at - 1); };
$("forward").onclick = () => { stop(); go(at + 1); };
$("play").onclick = play;
$("choose").onchange();
