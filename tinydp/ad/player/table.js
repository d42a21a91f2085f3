/* ------------------------------------------------------------------ the tape */
const ROW = 26, MANY = 70, table = $("table"), tbody = $("tbody"), tapeBox = $("#tape .scroll");
let firstRow = -1, tapeRows = [], all = false;   // all: on paper, every row is there
for (const row of rows) {
  row.operands = row.of.map(x => typeof x === "number" ? rows[x].name : x).concat(row.options).join(", ");
  row.where = itsPlace(row);
}
const widest = texts => texts.reduce((most, text) => Math.max(most, text.length), 0);
const totals = rows.flatMap(({shares, adjoint}) => [adjoint, ...shares.map(([, , , after]) => after)]);
const natural = [rows.map(row => row.name), rows.map(row => row.op), rows.map(row => row.operands),
                 rows.map(row => row.value), totals, rows.map(row => row.where)].map(widest);
const deepest = rows.reduce((most, _, r) => Math.max(most, depthOf(r)), 0);
natural[0] += 3 * deepest + (insides.length ? 2 : 0);
/* The columns are as wide as their contents, if there is room; else the widest give way. */
function columns() {
  const hidden = innerWidth < 700 ? [2, 5] : [];           // see the style
  const narrow = hidden.length > 0, padding = narrow ? 1.6 : 2.8, number = narrow ? 8 : 13;
  const least = [Math.max(7, Math.min(24, natural[0])), narrow ? 8 : 9, 12, number, number, 7];
  const room = tapeBox.clientWidth / 7.6 - (7 - hidden.length) * padding;
  const chars = natural.map((width, i) => hidden.includes(i) ? -padding : Math.max(least[i], width));
  let total = chars.reduce((a, b) => a + b);
  for (let spare; total > room; total--) {
    spare = chars.map((width, i) => hidden.includes(i) ? 0 : width - least[i]);
    const most = Math.max(...spare);
    if (most <= 0) break;
    chars[spare.indexOf(most)]--;
  }
  document.querySelectorAll("col").forEach((col, i) => { col.style.width = chars[i] + padding + "ch"; });
  table.style.width = total + 6 * padding + "ch";
}
/* Where row r stands in the table; a node inside of a closed one is not there. */
let placeOf = new Map();
function listRows() {
  placeOf = new Map(listed.map(({r}, i) => [r, i]));
  table.setAttribute("aria-rowcount", 1 + listed.length);
  firstRow = -1;
}
function drawTape() {
  const r = current() >= 0 ? placeOf.get(current()) : step === 0 || step === LAST ? 0 : listed.length - 1;
  const top = r * ROW, height = tapeBox.clientHeight - ROW, margin = 2 * ROW;
  if (top - margin < tapeBox.scrollTop) tapeBox.scrollTop = Math.max(0, top - margin);
  else if (top + ROW + margin > tapeBox.scrollTop + height)
    tapeBox.scrollTop = Math.ceil((top + ROW + margin - height) / ROW) * ROW;
  placeRows();
  fillRows();
}
/* Only some seventy rows exist, around those in view; they are filled anew as the window moves. */
const pads = [0, 1].map(() => make("tr", {class: "pad"}, make("td", {colspan: 6})));
function placeRows() {
  const first = all ? 0 : Math.floor(tapeBox.scrollTop / ROW), seen = Math.ceil(tapeBox.clientHeight / ROW);
  const many = all ? listed.length : Math.min(listed.length, Math.max(MANY, seen + 30));
  const end = firstRow + tapeRows.length, isAbove = firstRow === 0 || firstRow <= first - 5;
  const isBelow = end === listed.length || end >= first + seen + 5;
  if (!all && firstRow >= 0 && isAbove && isBelow) return;
  firstRow = Math.max(0, Math.min(first - Math.floor((many - seen) / 2), listed.length - many));
  if (tapeRows.length !== many) {
    tapeRows = Array.from({length: many}, () => make("tr", {}, ...Array.from({length: 6}, () => make("td"))));
    tbody.replaceChildren(pads[0], ...tapeRows, pads[1]);
  }
  tapeRows.forEach((tr, i) => {
    tr.setAttribute("aria-rowindex", 2 + firstRow + i);
    (listed[firstRow + i].label ? placeLabel : placeRow)(tr, listed[firstRow + i]);
  });
  pads[0].hidden = firstRow === 0;
  pads[0].cells[0].style.height = firstRow * ROW + "px";
  pads[1].hidden = firstRow + many === listed.length;
  pads[1].cells[0].style.height = (listed.length - firstRow - many) * ROW + "px";
}
function placeRow(tr, {r}) {
  const row = rows[r];
  tr.dataset.row = r;
  const sign = !insideOf.has(r) ? [] : [make("button", {
    class: "sign", "data-open": r, "aria-expanded": open.has(r), "aria-label": `the inside of ${row.name}`,
    title: "Enter"}, open.has(r) ? "▾" : "▸")];
  const indent = 14 + 22 * depthOf(r) + (insides.length ? 12 : 0) - (sign.length ? 18 : 0);
  tr.cells[0].replaceChildren(...sign, link(r));
  tr.cells[0].style.paddingLeft = indent + "px";
  for (const [k, text] of [[1, row.op], [2, row.operands], [5, row.where]]) {
    set(tr.cells[k], text);
    tr.cells[k].title = text;
  }
  tr.cells[5].title = row.text;
}
/* The head of a step: where its rows begin. */
function placeLabel(tr, {label, first, owner}) {
  delete tr.dataset.row;
  tr.cells[0].replaceChildren(make("button", {class: "link", "data-to": first}, label));
  tr.cells[0].style.paddingLeft = 14 + 22 * depthOf(owner) + 22 + "px";
  for (const cell of [...tr.cells].slice(1)) { set(cell, ""); cell.title = ""; }
}
function fillRows() {
  const now = current();
  tapeRows.forEach((tr, i) => {
    const {r, label} = listed[firstRow + i];
    if (label) { tr.className = "label"; return; }
    const known = step >= computed[r], {sum, since} = gathered(r), gets = since === step;
    const state = (known ? "" : "waiting ") + (r === now ? "now " : "") + (gets ? "gets" : "");
    if (tr.className !== state) tr.className = state;
    if (r === now) tr.setAttribute("aria-current", "step"); else tr.removeAttribute("aria-current");
    const value = tr.cells[3], adjointCell = tr.cells[4];
    set(value, known ? rows[r].value : "");
    set(adjointCell, sum);
    value.title = value.textContent; adjointCell.title = sum;
    const kind = "adjoint" + (isBad(sum) ? " bad" : step >= swept[r] ? "" : " partial");
    if (adjointCell.className !== kind) adjointCell.className = kind;
    value.className = isBad(value.textContent) ? "bad" : "value";
  });
}
tapeBox.addEventListener("scroll", () => { placeRows(); fillRows(); }, {passive: true});
