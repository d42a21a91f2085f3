"use strict";
/* What happens when. An event is the start; then one for each node; then the results get their adjoint 1;
   then one for each node, from the last to the first; and at the end the gradient is looked at. A node with a
   program inside, such as a loop, is one event, or, if it is open, two, with those of its nodes between. */
const data = JSON.parse(document.getElementById("data").textContent);
const {rows, inputs, insides, scenes, shapes, places} = data;
const insideOf = new Map(insides.map(inside => [inside.owner, inside]));
const isResult = new Set(data.results);
const span = (first, last) => Array.from({length: last - first}, (_, k) => first + k);
const rowsIn = scene => span(scenes[scene].first, scenes[scene].last);
const topRows = rowsIn(0);

/* Where each row is: its scene; and inside of a node, that node's row and the number of the step. */
const sceneOf = rows.map(() => 0), ownerOf = rows.map(() => -1), stepOf = rows.map(() => 0);
for (const {owner, steps} of insides)
  steps.forEach(({scene}, k) => {
    for (const r of rowsIn(scene)) { sceneOf[r] = scene; ownerOf[r] = owner; stepOf[r] = k; }
  });
const depthOf = r => ownerOf[r] < 0 ? 0 : 1 + depthOf(ownerOf[r]);

const open = new Set();                          // rows of nodes whose inside is shown
let events, SEED, LAST, computed, swept, arrivals, listed, step = 0;

function build() {
  computed = rows.map((_, r) => r < inputs ? 0 : Infinity);
  swept = rows.map(() => Infinity);
  arrivals = rows.map(() => []);                 // of each row: [event, adjoint from then on]
  events = [{r: -1}];
  listed = Array.from({length: inputs}, (_, r) => ({r}));
  const forward = r => {
    const inside = open.has(r) && insideOf.get(r);
    listed.push({r});
    if (inside) events.push({r, part: "enter"});
    for (const {label, scene} of inside ? inside.steps : []) {
      if (label) listed.push({label, first: scenes[scene].first, owner: r});
      rowsIn(scene).forEach(forward);
    }
    computed[r] = events.length;
    events.push({r, part: inside ? "leave" : "whole"});
  };
  const arrive = (r, after) => arrivals[r].push([events.length, after]);
  const backward = r => {
    const inside = open.has(r) && insideOf.get(r);
    swept[r] = events.length;
    if (inside) for (const [y, , , after] of inside.seeds) arrive(y, after);
    else for (const [k, , , after] of rows[r].shares) arrive(rows[r].of[k], after);
    events.push({r, part: inside ? "enter" : "whole"});
    for (const {scene} of inside ? [...inside.steps].reverse() : [])
      rowsIn(scene).reverse().forEach(backward);
    if (inside) events.push({r, part: "leave"});
  };
  topRows.forEach(forward);
  SEED = events.length;
  for (const [r, , , after] of data.seeds) arrive(r, after);
  events.push({r: -1});
  [...topRows].reverse().forEach(backward);
  LAST = events.length;
  events.push({r: -1});
  for (let r = 0; r < inputs; r++) swept[r] = LAST;
}
const sweeping = () => step >= SEED;
const current = () => events[step].r;
const part = () => events[step].part;
const visit = r => {                              // or the node that it is inside of, if that is closed
  if (computed[r] === Infinity) visit(ownerOf[r]);
  else go(step > SEED ? swept[r] : computed[r]);
};

/* Open or close a node, and stay where we are, or go to what is closed now. */
function toggle(r) {
  const half = sweeping(), here = current();
  if (open.has(r)) { for (const k of [...open]) if (k === r || isWithin(k, r)) open.delete(k); }
  else open.add(r);
  const before = step === SEED ? "seed" : step === LAST ? "last" : here < 0 ? "start" : "";
  build();
  const at = here >= 0 && isWithin(here, r) && !open.has(r) ? r : here;
  go(before === "seed" ? SEED : before === "last" ? LAST : before ? 0 : half ? swept[at]
     : at === r && open.has(r) ? events.findIndex(event => event.r === r) : computed[at]);
}
const isWithin = (r, owner) => ownerOf[r] >= 0 && (ownerOf[r] === owner || isWithin(ownerOf[r], owner));

/* The step of a loop that is shown, if one is: its inside and its number. */
function loopStep() {
  const r = current();
  return r < 0 || ownerOf[r] < 0 ? null : {inside: insideOf.get(ownerOf[r]), k: stepOf[r]};
}
/* To the first node, in the order of the pass, of the next step of the loop, or of that before. */
function goLoopStep(by) {
  const at = loopStep(), next = at?.inside.steps[at.k + by];
  if (!next) return;
  const {first, last} = scenes[next.scene];
  go(sweeping() ? swept[last - 1] : computed[first]);
}

/* The adjoint gathered in row r so far, as text ("" before the sweep), and when its last share arrived. */
function gathered(r) {
  if (!sweeping()) return {sum: "", since: -1};
  const all = arrivals[r];
  let low = 0, high = all.length;                // the number of arrivals up to now
  while (low < high) {
    const mid = (low + high) >> 1;
    if (all[mid][0] <= step) low = mid + 1; else high = mid;
  }
  return low ? {sum: all[low - 1][1], since: all[low - 1][0]} : {sum: "0", since: -1};
}

/* ------------------------------------------------------------------ small helpers */
const $ = selector => document.querySelector(selector);
const SVG = "http://www.w3.org/2000/svg";
function make(tag, attributes = {}, ...children) {
  const inSvg = ["g", "rect", "path", "text", "tspan"].includes(tag);
  const element = inSvg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const set = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const isBad = text => /(^|[^\w])(nan|inf)\b/.test(text);
const number = (text, kind) => make("span", {class: isBad(text) ? "bad" : kind, title: text}, text);
const fitted = (text, n) => text.length <= n ? text : text.slice(0, n - 1) + "…";
const link = r => make("button", {class: "link", "data-to": r}, rows[r].name);
const opener = r => make("button", {class: "open", "data-open": r, "aria-expanded": open.has(r)},
                         open.has(r) ? "close" : "open");
document.addEventListener("click", event => {
  const target = event.target.closest("[data-open], [data-by], [data-to], tr[data-row], .node");
  if (!target || dragged) return;
  if (target.dataset.open) toggle(+target.dataset.open);
  else if (target.dataset.by) goLoopStep(+target.dataset.by);
  else visit(+(target.dataset.to ?? target.dataset.row));
});
