// What is seen of the trebuchet, and what is done to it; how it throws and learns is in the programs.

const FIELD = [-12, 112], [SLIDING, HANGING, FLYING, SWINGING] = DATA.steps;
const REST = 0.8;                                // s between a landing and the next throw
let seed = 1, moves = !isStill.matches, shown = null, clock = 0, fanned = null, decision = null, stale = true;

const settings = () => ({ drag: drag(), arm: arm(), ball: ball() });
const rows = (values, count) => Array.from({ length: count }, (_, k) => values.slice(k * values.length / count, (k + 1) * values.length / count));

// ---------------------------------------------------------------------------- what is computed

/** The throw at the target of the moment, and those at nine targets. */
function hurled() {
  stale = false;
  const wind = windy();
  aim.run({ wind, target: target() });
  decision = { angle: aim.get("angle"), weight: aim.get("weight") };
  hurl.run({ wind, ...decision, ...settings() });
  const pair = name => rows(Array.from(hurl.get(name)), 2), events = Array.from(hurl.get("events"));
  shown = { tip: pair("tip"), elbow: pair("elbow"), load: pair("load"), pouch: pair("pouch"), flight: pair("flight"), velocity: pair("velocity"), events };
  shown.landing = shown.flight[0].at(-1);
  shown.miss = shown.landing - target();
  fan.run({ wind, ...settings() });
  fanned = { x: rows(Array.from(fan.get("x")), DATA.fan.length), y: rows(Array.from(fan.get("y")), DATA.fan.length) };
  shown.arrows = pushes(wind);
  $("decided").textContent = `lets go at ${number(decision.angle, 1)}°, with a weight of ${number(decision.weight)} lb; lands `
    + `${number(shown.landing, 2)} m away, ${number(Math.abs(shown.miss), 2)} m ${shown.miss > 0 ? "too far" : "too near"}`;
}

/** The gradient along the flight: which push, at each place, would bring the landing nearer to the target. */
function pushes(wind) {
  const [x, y] = shown.flight, [vx, vy] = shown.velocity;
  const at = Array.from({ length: DATA.arrows }, (_, k) => 1 + Math.floor(k * (FLYING - 8) / DATA.arrows));
  const state = { x: at.map(k => x[k]), y: at.map(k => y[k]), vx: at.map(k => vx[k]), vy: at.map(k => vy[k]) };
  pull.run({ ...state, wind, ...settings() });
  const [along, up] = [pull.get("along"), pull.get("up")];
  return at.map((k, n) => [x[k], y[k], -shown.miss * along[n], -shown.miss * up[n]]);
}

// ---------------------------------------------------------------------------- what is drawn

/** Which of a path's points the ball is at, of the machine's and of the flight's. */
function moment() {
  const [lifted, released, landed] = shown.events;
  const share = clock < lifted ? SLIDING * clock / lifted
    : clock < released ? SLIDING + HANGING * (clock - lifted) / (released - lifted)
      : SLIDING + HANGING + Math.min(SWINGING, (clock - released) / DATA.swing);
  const flown = clock < released ? -1 : FLYING * Math.min(1, (clock - released) / (landed - released));
  return { machine: Math.min(SLIDING + HANGING + SWINGING - 1, Math.floor(share)), flown: flown < 0 ? -1 : Math.min(FLYING - 1, Math.floor(flown)) };
}

const place = new Stage($("field"), 2.3, (g, width, height, c) => {
  const scale = width / (FIELD[1] - FIELD[0]), floor = height - 26;
  const at = (x, y) => [(x - FIELD[0]) * scale, floor - (y - DATA.ground) * scale];
  const line = (xs, ys, count = xs.length) => {
    g.beginPath();
    for (let k = 0; k < count; k++) g.lineTo(...at(xs[k], ys[k]));
    g.stroke();
  };
  g.strokeStyle = c.pale;
  g.fillStyle = c.grey;
  g.lineWidth = 1;
  g.beginPath(); g.moveTo(0, floor); g.lineTo(width, floor); g.stroke();
  g.font = "12px system-ui, sans-serif";
  g.textAlign = "center"; g.textBaseline = "top";
  for (let x = 0; x <= 100; x += 20) g.fillText(`${x} m`, at(x, 0)[0], floor + 6);
  if (!shown) return;
  g.globalAlpha = 0.55;
  g.strokeStyle = c.grey;
  fanned.x.forEach((xs, k) => {
    line(xs, fanned.y[k]);
    g.beginPath(); g.arc(...at(DATA.fan[k], DATA.ground), 2.5, 0, 7); g.fill();
  });
  g.globalAlpha = 1;
  const { flown } = moment();
  g.strokeStyle = c.blue;
  g.lineWidth = 2;
  line(...shown.flight, moves ? flown + 1 : FLYING);
  g.strokeStyle = g.fillStyle = c.orange;
  const longest = Math.max(1e-9, ...shown.arrows.map(([, , a, b]) => Math.hypot(a, b)));
  const size = Math.min(46, 0.07 * width, 8 + 5 * Math.abs(shown.miss)) / longest;       // pixels
  for (const [x, y, a, b] of shown.arrows) {
    const [u, v] = at(x, y), [du, dv] = [a * size, -b * size], length = Math.hypot(du, dv);
    if (length < 3 || Math.abs(shown.miss) < 0.05) continue;
    g.beginPath(); g.moveTo(u, v); g.lineTo(u + du, v + dv); g.stroke();
    const [ex, ey] = [du / length, dv / length];
    g.beginPath(); g.moveTo(u + du + 5 * ex, v + dv + 5 * ey);
    g.lineTo(u + du - 4 * ey, v + dv + 4 * ex); g.lineTo(u + du + 4 * ey, v + dv - 4 * ex); g.fill();
  }
  g.fillStyle = c.ink;
  const spot = !moves ? [shown.landing, DATA.ground]
    : flown >= 0 ? [shown.flight[0][flown], shown.flight[1][flown]] : shown.pouch.map(v => v[moment().machine]);
  g.beginPath(); g.arc(...at(...spot), 4, 0, 7); g.fill();
  const [tx, ty] = at(target(), DATA.ground);    // the target, and the wind
  g.fillStyle = c.orange;
  g.beginPath(); g.moveTo(tx, ty); g.lineTo(tx - 8, ty - 18); g.lineTo(tx + 8, ty - 18); g.fill();
  label(g, `${number(target())} m`, tx, ty - 36, c);
  const [middle, high, long] = [width / 2, 30, windy() * width / 60];
  g.strokeStyle = g.fillStyle = c.blue;
  g.lineWidth = 3;
  g.beginPath(); g.moveTo(middle, high); g.lineTo(middle + long, high); g.stroke();
  const tip = Math.sign(long) * 9;
  if (tip) { g.beginPath(); g.moveTo(middle + long + tip, high); g.lineTo(middle + long, high - 6); g.lineTo(middle + long, high + 6); g.fill(); }
  label(g, `wind ${number(windy(), 1)} m/s`, middle, high - 23, c);
});

const close = new Stage($("machine"), 1.35, (g, width, height, c) => {
  if (!shown) return;
  const scale = height / 7.4, at = ([xs, ys], k) => [width / 2 + xs[k] * scale, height - 20 - (ys[k] - DATA.ground) * scale];
  const k = moves ? moment().machine : SLIDING + HANGING - 1, { flown } = moment();
  const pivot = [width / 2, height - 20 + DATA.ground * scale], tip = at(shown.tip, k), elbow = at(shown.elbow, k);
  g.strokeStyle = c.pale; g.lineWidth = 1;
  g.beginPath(); g.moveTo(0, height - 20); g.lineTo(width, height - 20); g.stroke();
  g.strokeStyle = c.grey; g.lineWidth = 4; g.lineCap = g.lineJoin = "round";
  g.beginPath(); g.moveTo(pivot[0] - 30, height - 20); g.lineTo(...pivot); g.lineTo(pivot[0] + 30, height - 20); g.stroke();
  g.strokeStyle = c.ink; g.lineWidth = 6;
  g.beginPath(); g.moveTo(...tip); g.lineTo(...elbow); g.stroke();
  const load = at(shown.load, k), side = 6 + 0.09 * decision.weight;
  g.lineWidth = 2;
  g.beginPath(); g.moveTo(...elbow); g.lineTo(...load); g.stroke();
  g.fillStyle = c.ink;
  g.fillRect(load[0] - side / 2, load[1] - side / 2, side, side);
  const pouch = at(shown.pouch, k);
  g.strokeStyle = c.grey; g.lineWidth = 1.5;
  g.beginPath(); g.moveTo(...tip); g.lineTo(...pouch); g.stroke();
  if (!moves || flown < 0) { g.fillStyle = c.blue; g.beginPath(); g.arc(...pouch, 6, 0, 7); g.fill(); }
});

const curve = new Stage($("curve"), 1.35, (g, width, height, c) => {
  const last = Math.max(100, Math.ceil((points.at(-1)?.[0] ?? 0) / 100) * 100), log = v => Math.log10(Math.max(1e-3, -v));
  const marks = [100, 10, 1, 0.3, 0.1].map(value => [Math.log10(value), `${value} %`]);
  const axes = { x: [0, last], y: [-1.5, 2], title: "updates", marks };
  plot(g, width, height, c, [[points.map(([k, , newest]) => [k, log(newest)]), c.grey], [points.map(([k, v]) => [k, log(v)]), c.blue]], axes);
});

// ---------------------------------------------------------------------------- how it goes on

let drawn = 0;
const frames = new Frames(past => {
  if (stale && judgement.average) hurled();
  if (moves && shown) {
    clock += past;
    if (clock > shown.events[2] + REST) clock = 0;
  }
  place.draw();
  close.draw();
  if (++drawn % 6 === 0) status();
});

function status() {
  const gradients = isLearning ? `${number(progress.rate * DATA.shots)} gradients a second` : "not learning";
  $("status").textContent = `${progress.step} of ${DATA.updates} updates · median miss ${number(-judgement.value, 2)} %`
    + ` with the network of update ${judgement.of} · ${gradients} · ${frames.rate.toFixed(0)} frames a second`;
}

const learner = new Learner(settings, data => {
  aim.set(data.average);
  fan.set(data.average);
  stale = true;
  curve.draw();
  say(`${data.step} updates, median miss ${number(-data.value, 2)} %`);
});

function fresh() { learner.begin("begin", { seed }); }

/** What came of a change is said when it is over, and not for every pixel of it. */
let telling = 0;
function told() {
  clearTimeout(telling);
  telling = setTimeout(() => {
    saidAt = 0;                                  // it was asked for, and goes before what is said of the learning
    say(`Target ${number(target())} m, wind ${number(windy(), 1)} m/s: ${$("decided").textContent}`);
  }, 700);
}

// ---------------------------------------------------------------------------- what can be done

const again = () => { stale = true; told(); };
const changed = () => { again(); learner.begin("settings"); };
const target = slider("target", "m", 0, again), windy = slider("wind", "m/s", 1, again);
const drag = slider("drag", "×", 2, changed), arm = slider("arm", "×", 2, changed), ball = slider("ball", "×", 2, changed);
$("again").onclick = () => { seed++; fresh(); };
$("shoot").onclick = () => { clock = 0; };
$("motion").onclick = () => {
  moves = !moves;
  $("motion").setAttribute("aria-pressed", moves);
};
$("motion").setAttribute("aria-pressed", moves);

/** Move a slider, as a hand would. */
function slid(id, value) {
  const input = $(id);
  input.value = value;
  input.dispatchEvent(new Event("input"));
}
$("field").addEventListener("keydown", event => {
  const [id, by] = { ArrowLeft: ["target", -1], ArrowRight: ["target", 1], ArrowUp: ["wind", 0.5], ArrowDown: ["wind", -0.5] }[event.key] ?? [];
  if (!id) return;
  event.preventDefault();
  slid(id, Number($(id).value) + by);
});
let held = null;
function dragged(event) {
  const [x] = place.at(event);
  if (held === "wind") slid("wind", (x - place.width / 2) * 60 / place.width);
  else slid("target", FIELD[0] + x * (FIELD[1] - FIELD[0]) / place.width);
}
$("field").addEventListener("pointerdown", event => {
  held = place.at(event)[1] < 60 ? "wind" : "target";
  $("field").setPointerCapture(event.pointerId);
  dragged(event);
});
$("field").addEventListener("pointermove", event => { if (held) dragged(event); });
for (const end of ["pointerup", "pointercancel"]) $("field").addEventListener(end, () => { held = null; });

fresh();
