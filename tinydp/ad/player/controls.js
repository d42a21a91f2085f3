/* ------------------------------------------------------------------ going from step to step */
function drawControls() {
  const half = sweeping() ? "sweep" : "forward";
  if (document.body.dataset.half !== half) document.body.dataset.half = half;
  document.body.dataset.step = step;
  const slider = $("#slider"), at = 100 * step / LAST, middle = 100 * (SEED - .5) / LAST;
  slider.max = LAST;
  slider.value = step;
  slider.style.setProperty("--track", sweeping()
    ? `linear-gradient(90deg, var(--value) ${middle}%, var(--adjoint) ${middle}% ${at}%, var(--line) ${at}%)`
    : `linear-gradient(90deg, var(--value) ${at}%, var(--line) ${at}%)`);
  $("#half1").className = sweeping() ? "" : "on"; $("#half2").className = sweeping() ? "on" : "";
  $("#half2").style.left = middle + "%";
  const what = step === 0 ? "start" : step < SEED ? "forward" : step === LAST ? "the gradient" : "sweep";
  const where = current() >= 0 ? `${what}, ${rows[current()].name}` : what, said = sentence();
  $("#where").replaceChildren(make("b", {}, where), ` · step ${step} of ${LAST}`);
  slider.setAttribute("aria-valuetext", said);
  set($("#said"), said);
  $("#first").disabled = $("#back").disabled = step === 0;
  $("#last").disabled = $("#forward").disabled = step === LAST;
}
function draw() {
  const r = current();
  drawControls();
  drawSource();
  drawStep();
  setScene(r < 0 ? 0 : sceneOf[r]);
  drawPath();
  follow();
  drawGraph();
  drawTape();
}
let remembering = 0, shownOpen = "";
/* What is focused may be drawn anew: then its successor is focused. */
function keepingFocus(draw) {
  const had = document.activeElement, names = ["open", "by", "to"];
  const name = names.find(name => had?.dataset?.[name] !== undefined);
  const within = had?.closest("section")?.id, value = name && had.dataset[name];
  draw();
  if (!name || !within || had.isConnected) return;
  $(`#${within} [data-${name}="${value}"]:not(:disabled)`)?.focus({preventScroll: true});
}
function go(to, remember = true) {
  step = Math.max(0, Math.min(LAST, to));
  const opened = [...open].sort((a, b) => a - b).join(",");
  if (opened !== shownOpen || !placeOf.size) { shownOpen = opened; listRows(); }
  world.classList.add("smooth");
  keepingFocus(draw);
  clearTimeout(remembering);
  const address = "#step=" + step + (opened && "&open=" + opened);
  if (remember) remembering = setTimeout(() => {
    try { history.replaceState(null, "", address); } catch { /* a sandbox */ }
  }, 200);
}
let playing = 0;
function play(on) {
  clearInterval(playing);
  playing = 0;
  if (on) {
    if (step === LAST) go(0);
    const pause = LAST <= 62 ? 1000 : LAST <= 402 ? 450 : 150;
    playing = setInterval(() => { go(step + 1); if (step === LAST) play(false); }, pause);
  }
  $("#play path").setAttribute("d", on ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2v12l10-6z");
  $("#play").setAttribute("aria-label", on ? "pause" : "play");
}
const moves = {
  first: () => go(0), back: () => go(step - 1), forward: () => go(step + 1), last: () => go(LAST),
};
for (const [id, move] of Object.entries(moves))
  $("#" + id).addEventListener("click", () => { play(false); move(); });
$("#play").addEventListener("click", () => play(!playing));
$("#slider").addEventListener("input", event => { play(false); go(+event.target.value); });
const isButton = target => target.closest?.("button, summary");
const keys = {ArrowLeft: "back", ArrowRight: "forward", Home: "first", End: "last"};
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " || event.key === "Enter") {
    if (isButton(event.target)) return;          // this is the keyboard's click on it
    if (event.key === " ") play(!playing);
    else if (insideOf.has(current())) toggle(current());
    else if (ownerOf[current()] >= 0) toggle(ownerOf[current()]);
    else return;
  } else if (event.shiftKey && event.key.startsWith("Arrow")) {
    if (!loopStep()) return;
    play(false);
    goLoopStep((event.key === "ArrowRight") === !sweeping() ? 1 : -1);
  } else if (keys[event.key]) { play(false); moves[keys[event.key]](); }
  else return;
  event.preventDefault();
});
addEventListener("keyup", event => {
  if (event.key === " " && !isButton(event.target)) event.preventDefault();
});
function fromAddress() {
  const wanted = /step=(\d+|last)/.exec(location.hash), opened = /open=([\d,]+|all)/.exec(location.hash);
  open.clear();
  if (opened) for (const {owner} of insides)
    if (opened[1] === "all" || opened[1].split(",").includes(String(owner))) open.add(owner);
  build();
  placeOf.clear();
  go(wanted ? (wanted[1] === "last" ? LAST : +wanted[1]) : 0, false);
}
addEventListener("hashchange", fromAddress);

/* ------------------------------------------------------------------ on paper */
/* All rows of the tape, and the whole graph, if it can be read. */
function onPaper(on) {
  all = on;
  firstRow = -1;
  const readable = on && boxes.size <= MANY;
  if (readable) {
    view = {...view, x: 0, y: 0, zoom: 1, whole: true};
    svg.setAttribute("viewBox", `-4 -4 ${size[0] + 8} ${size[1] + 8}`);
    svg.style.maxWidth = size[0] + 8 + "px";
  } else { svg.removeAttribute("viewBox"); svg.style.maxWidth = ""; fit(); }
  drawGraph();
  placeRows();
  fillRows();
}
addEventListener("beforeprint", () => onPaper(true));
addEventListener("afterprint", () => { onPaper(false); draw(); });

const measure = () => { fit(); columns(); };
if (innerWidth < 700) $("#about").open = false;
$("#loopkeys").hidden = !insides.length;
const most = rows.reduce((most, row) => Math.max(most, row.of.length), 1);
document.body.style.setProperty("--step", 216 + 47 * Math.min(2, most) + "px");   // one height for all steps
measure();
fromAddress();
new ResizeObserver(() => { if (all) return; measure(); follow(); drawGraph(); drawTape(); }).observe(svg);
