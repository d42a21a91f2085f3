/* ------------------------------------------------------------------ the graph */
/* One scene at a time is drawn: the tape, or one step of a loop below what it takes from around it. */
const svg = $("#graph svg"), world = $("#world"), [W, H] = data.size;
let scene = -1, boxes = new Map(), edges = [], edgesOf = new Map(), isOuter = new Set(), size = [W, H];
const drawnNodes = new Map(), drawnEdges = new Map();
let view = {x: 0, y: 0, zoom: 1, width: 0, height: 0, whole: true}, dragged = false;

function setScene(to) {
  if (to === scene) return;
  scene = to;
  const {outer, first, shape} = scenes[to], plan = shapes[shape];
  const rowOf = k => k < outer.length ? outer[k] : first + k - outer.length;
  isOuter = new Set(outer);
  boxes = new Map(plan.boxes.map((box, k) => [rowOf(k), box]));
  edges = plan.edges.map(edge => {
    const at = edge.path.match(/-?[\d.]+/g).map(Number), even = (_, i) => i % 2 === 0;
    const xs = at.filter(even), ys = at.filter((_, i) => !even(_, i));
    const bounds = [Math.min(...xs) - 40, Math.min(...ys) - 30, Math.max(...xs) + 40, Math.max(...ys) + 10];
    const from = rowOf(edge.from), to = rowOf(edge.to);
    const share = rows[to].shares.find(share => share[0] === edge.k)?.[1];
    return {...edge, from, to, share, bounds};
  });
  edgesOf = new Map([...boxes.keys()].map(r => [r, []]));
  for (const edge of edges) edgesOf.get(edge.to).push(edge);
  size = [W, H];
  for (const [x, y] of boxes.values()) size = [Math.max(size[0], x + W / 2), Math.max(size[1], y + H / 2)];
  drawnNodes.clear();
  drawnEdges.clear();
  for (const id of ["#nodes", "#edges", "#labels"]) $(id).replaceChildren();
  fit();
}
/* Where this scene is: the nodes that it is inside of, and the step of the innermost. */
function drawPath() {
  const path = $("#path"), at = loopStep(), around = [];
  for (let r = current(); r >= 0 && ownerOf[r] >= 0; r = ownerOf[r]) around.unshift(ownerOf[r]);
  const parts = around.map(r => make("span", {}, "› ", rows[r].op, " ", link(r), " "));
  const label = at?.inside.steps[at.k].label;
  if (label) {
    const button = (by, sign, name) => make("button", {
      class: "by", "data-by": by, "aria-label": name, title: `${name} (Shift ${sign})`,
      ...at.inside.steps[at.k + by] ? {} : {disabled: ""}}, sign);
    const before = button(-1, "←", "the step before"), next = button(1, "→", "the next step");
    parts.push(make("span", {}, `› ${label} `, before, next));
  }
  path.replaceChildren(...parts);
}

function nodeElement(r) {
  const {name, op, value} = rows[r], [x, y] = boxes.get(r), outer = isOuter.has(r), isInput = r < inputs;
  const box = inset => ({x: -W / 2 + inset, y: -H / 2 + inset, width: W - 2 * inset, height: H - 2 * inset,
                         rx: (outer ? H / 2 : 7) - inset});
  const at = {class: "node", "data-row": r, transform: `translate(${x} ${y})`};
  const g = make("g", at, make("rect", box(0)));
  if (isResult.has(r)) g.append(make("rect", {class: "inner", ...box(4)}));
  else if (insideOf.has(r) || rows[r].size) g.append(make("rect", {class: "inner holds", ...box(4)}));
  const once = isInput && `${name} = ${value}`.length <= ROOM;     // an input in one line, if it fits
  g.append(make("text", {class: "op", y: once ? -4 : -11}, isInput ? once ? name + " = " : tail(name)
                  : fitted(op, ROOM - name.length - 1) + " " + name),
           make("text", {class: "v", y: 4.5}), make("text", {class: "a", y: once ? 14 : 19}));
  if (once) {
    g.classList.add("once");
    g.querySelector(".v").remove();
    g.querySelector(".op").append(make("tspan", {class: "v"}, value));
  }
  return g;
}
function edgeElement(edge) {
  const g = make("g", {class: "edge"}, make("path", {d: edge.path, "marker-end": "url(#tip)"}));
  if (edge.tag) {
    g.append(make("text", {x: edge.label[0], y: edge.label[1] + 5}, fitted(rows[edge.from].name, 9)));
    g.dataset.to = edge.from;
    g.style.cursor = "pointer";
  }
  return g;
}
/* A value short enough for a box: of an array the shape and a first number. */
const ROOM = Math.floor((W - 14) / 7.2);
const tail = text => text.length <= ROOM ? text : "…" + text.slice(text.length - ROOM + 1);
const short = text => text.length <= ROOM ? text : fitted(text.replace(/^(\S+ \[\S+) .*/, "$1 …]"), ROOM);

function fit() {
  const {width, height} = svg.getBoundingClientRect(), margin = 18;
  const zoom = Math.min((width - 2 * margin) / size[0], (height - 2 * margin) / size[1]);
  view.width = width; view.height = height;
  view.whole = zoom >= .7;
  view.zoom = view.whole ? Math.min(1.15, zoom) : .9;
  view.x = (width - size[0] * view.zoom) / 2;
  view.y = view.whole || size[1] * view.zoom < height ? (height - size[1] * view.zoom) / 2 : margin;
  world.classList.remove("smooth");
  svg.classList.toggle("wide", !view.whole);
  set($("#graph small"), view.whole ? "" : "a part of it; drag to look around");
}
/* In a graph that does not fit, keep the current node, and what it is computed from, in the middle. */
function follow() {
  if (view.whole) return;
  const r = current() >= 0 ? current() : sweeping() && step < LAST ? data.results[0] ?? 0 : 0;
  const [x, y] = boxes.get(r) ?? [0, 0], at = [view.x + x * view.zoom, view.y + y * view.zoom];
  const off = (at, size) => at < size * .42 ? size * .42 - at : at > size * .68 ? size * .68 - at : 0;
  const within = (offset, seen, all) => Math.max(seen - all - 18, Math.min(18, offset));
  const wide = size[0] * view.zoom, high = size[1] * view.zoom;
  const aside = Math.abs(at[0] / view.width - .5) < .2 ? 0 : view.width / 2 - at[0];
  if (wide > view.width) view.x = within(view.x + aside, view.width, wide);
  if (high > view.height) view.y = within(view.y + off(at[1], view.height), view.height, high);
}
function drawGraph() {
  world.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
  const now = current(), slack = view.whole ? 1e9 : view.height / 2, over = sweeping();
  const left = (-view.x - slack) / view.zoom, right = (view.width - view.x + slack) / view.zoom;
  const top = (-view.y - slack) / view.zoom, bottom = (view.height - view.y + slack) / view.zoom;
  for (const [r, [x, y]] of boxes) {
    const inside = x + W > left && x - W < right && y + H > top && y - H < bottom;
    let g = drawnNodes.get(r);
    if (!inside) { if (g) { g.remove(); drawnNodes.delete(r); } continue; }
    if (!g) { g = nodeElement(r); drawnNodes.set(r, g); $("#nodes").append(g); }
    const known = step >= computed[r], {sum, since} = gathered(r), has = since >= 0, gets = since === step;
    const done = over && step >= swept[r] && (rows[r].reached || r < inputs);
    const dead = over && r >= inputs && step >= swept[r] && !rows[r].reached;
    const states = {known, has, swept: done, dead, gets, now: r === now, once: g.classList.contains("once")};
    const state = ["node", ...Object.keys(states).filter(name => states[name])].join(" ");
    if (g.getAttribute("class") !== state) g.setAttribute("class", state);
    const [v, a] = g.querySelectorAll(".v, .a");
    set(v, known ? states.once ? rows[r].value : short(rows[r].value) : "");
    set(a, has || done ? short(sum) : "");
    v.classList.toggle("bad", known && isBad(rows[r].value)); a.classList.toggle("bad", isBad(sum));
  }
  edges.forEach((edge, e) => {
    const [x0, y0, x1, y1] = edge.bounds, inside = x1 > left && x0 < right && y1 > top && y0 < bottom;
    let g = drawnEdges.get(e);
    if (!inside) { if (g) { g.remove(); drawnEdges.delete(e); } return; }
    if (!g) { g = edgeElement(edge); drawnEdges.set(e, g); $("#edges").append(g); }
    const at = edge.to === now, adds = edge.share && part() !== "enter";
    const past = over && step >= swept[edge.to] && edge.share;
    const state = "edge" + (at ? (!over ? " now" : adds ? " carry" : " live")
                            : past ? " past" : step >= computed[edge.to] ? " live" : "");
    if (g.getAttribute("class") !== state) { g.setAttribute("class", state); if (at) g.parentNode.append(g); }
  });
  drawShares(now);
  const there = now < 0 ? "" : `; now at ${rows[now].name}, ${rows[now].op}`;
  svg.setAttribute("aria-label", `graph of ${boxes.size} nodes${there}`);
}
/* What the rule adds, written on the edges that carry it; beside each other where they would overlap. */
function drawShares(now) {
  const labels = [], carrying = edgesOf.get(now) ?? [];
  if (sweeping() && part() !== "enter" && carrying.length <= 12)
    for (const edge of carrying) {
      if (!edge.share) continue;
      const whose = edge.tag ? rows[edge.from].name + " " : "";
      const text = whose + (edge.share[0] === "-" ? "" : "+") + short(edge.share);
      labels.push({text, width: text.length * 6.75 + 12, x: edge.label[0], y: edge.label[1]});
    }
  labels.sort((a, b) => a.x - b.x);
  for (let i = 1; i < labels.length; i++) {
    const overlap = (labels[i - 1].width + labels[i].width) / 2 + 4 - (labels[i].x - labels[i - 1].x);
    if (overlap > 0) labels.forEach((label, j) => { label.x += j < i ? -overlap / 2 : overlap / 2; });
  }
  $("#labels").replaceChildren(...labels.map(({text, width, x, y}) =>
    make("g", {class: "share", transform: `translate(${x} ${y})`},
         make("rect", {x: -width / 2, y: -9, width, height: 18, rx: 9}), make("text", {y: 4}, text))));
}
let from = null;
svg.addEventListener("pointerdown", event => { from = [event.clientX, event.clientY]; dragged = false; });
addEventListener("pointermove", event => {
  if (!from || view.whole || !event.buttons) return;
  const dx = event.clientX - from[0], dy = event.clientY - from[1];
  if (!dragged && Math.hypot(dx, dy) < 4) return;
  dragged = true;
  from = [event.clientX, event.clientY];
  view.x += dx; view.y += dy;
  world.classList.remove("smooth");
  drawGraph();
});
addEventListener("pointerup", () => { from = null; setTimeout(() => { dragged = false; }); });
