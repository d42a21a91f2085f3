// What is seen of the pendulum, and what is done to it; how it moves and learns is in the programs.

const DT = 0.05, LIMIT = 2, FASTEST = 8;         // s, N m, rad/s: of the drawing; the physics has its own
const TRAIL = 60;
let now = { theta: 3.0, rate: 0, torque: 0 }, before = { ...now }, due = 0, trail = [], held = null;
let map = null, image = null, seed = 1, moves = !isStill.matches;
const turned = theta => Math.atan2(Math.sin(theta), Math.cos(theta));

// ---------------------------------------------------------------------------- what is drawn

const rod = new Stage($("pendulum"), 1, (g, width, height, c) => {
  const share = held ? 1 : clamp(due / DT, 0, 1), theta = before.theta + (now.theta - before.theta) * share;
  const length = 0.38 * width, [x, y] = [width / 2, height / 2];
  g.strokeStyle = c.pale;
  g.lineWidth = 1;
  g.beginPath(); g.arc(x, y, length, 0, 7); g.stroke();
  g.lineCap = "round";
  g.strokeStyle = c.ink;
  g.lineWidth = 0.055 * width;
  g.beginPath(); g.moveTo(x, y); g.lineTo(x - length * Math.sin(theta), y - length * Math.cos(theta)); g.stroke();
  g.fillStyle = c.panel;
  g.beginPath(); g.arc(x, y, 0.012 * width, 0, 7); g.fill();
  const pull = now.torque / LIMIT;               // as an arc around the pivot
  g.strokeStyle = pull < 0 ? c.blue : c.orange;
  g.lineWidth = 0.02 * width;
  g.beginPath(); g.arc(x, y, 0.1 * width, -Math.PI / 2, -Math.PI / 2 - 2 * pull, pull > 0); g.stroke();
});

const field = new Stage($("map"), 1, (g, width, height, c) => {
  if (map && (image?.of !== map || image.colours !== c)) {
    image = { of: map, colours: c, canvas: picture(map, ...DATA.grid, c) };
  }
  if (image) g.drawImage(image.canvas, 0, 0, width, height);
  const at = ([theta, rate]) => [width * (turned(theta) / (2 * Math.PI) + 0.5), height * (0.5 - rate / (2 * FASTEST))];
  g.fillStyle = c.ink;
  trail.forEach((state, k) => {
    const [x, y] = at(state);
    g.globalAlpha = 0.7 * (k + 1) / trail.length;
    g.beginPath(); g.arc(x, y, 2, 0, 7); g.fill();
  });
  g.globalAlpha = 1;
  const [x, y] = at([now.theta, now.rate]);
  g.beginPath(); g.arc(x, y, 6, 0, 7); g.fill();
  g.textAlign = "center";
  for (const place of [24, width - 24]) label(g, "hangs", place, height / 2 - 12, c);
  label(g, "upright", width / 2, height - 8, c);
});

const curve = new Stage($("curve"), 4, (g, width, height, c) => {
  const last = Math.max(100, Math.ceil((points.at(-1)?.[0] ?? 0) / 100) * 100);
  const marks = [-145, -500, -1000, -1500].map(value => [value, number(value)]);
  const axes = { x: [0, last], y: [-1600, 0], title: "updates", marks };
  plot(g, width, height, c, [[points.map(([k, , newest]) => [k, newest]), c.grey], [points, c.blue]], axes);
});

// ---------------------------------------------------------------------------- how it goes on

const settings = () => ({ mass: mass(), gravity: gravity() });

/** One step of the simulator. */
function advance() {
  move.run({ theta: now.theta, rate: now.rate, ...settings() });
  before = now;
  now = { theta: move.get("theta"), rate: move.get("rate"), torque: move.get("torque") };
  trail.push([now.theta, now.rate]);
  if (trail.length > TRAIL) trail.shift();
}

let drawn = 0;
const frames = new Frames(past => {
  if (moves && !held) {
    due += past;
    while (due >= DT) { due -= DT; advance(); }
  }
  rod.draw();
  field.draw();
  if (++drawn % 6 === 0) status();
});

function status() {
  const gradients = isLearning ? `${progress.rate.toFixed(0)} gradients a second` : "not learning";
  $("status").textContent = `${progress.step} of ${DATA.updates} updates · mean return ${number(judgement.value, 1)}`
    + ` with the network of update ${judgement.of} · ${gradients} · ${frames.rate.toFixed(0)} frames a second`;
}

/** Another controller is shown. */
function show(average) {
  move.set(average);
  map = Array.from(strategy.run(average).get("torque"), x => x / LIMIT);
}

const learner = new Learner(settings, data => {
  show(data.average);
  curve.draw();
  say(`${data.step} updates, mean return ${number(data.value)}`);
});

function fresh() { learner.begin("begin", { seed }); }

// ---------------------------------------------------------------------------- what can be done

const mass = slider("mass", "kg", 2, () => learner.begin("settings"));
const gravity = slider("gravity", "m/s²", 1, () => learner.begin("settings"));
$("again").onclick = () => { seed++; fresh(); };
$("hang").onclick = () => { now = before = { theta: 3.05, rate: 0, torque: 0 }; trail = []; };
$("motion").onclick = () => {
  moves = !moves;
  $("motion").setAttribute("aria-pressed", moves);
};
$("motion").setAttribute("aria-pressed", moves);
$("pendulum").addEventListener("keydown", event => {
  const push = { ArrowLeft: 1.5, ArrowRight: -1.5 }[event.key];
  if (push) {
    event.preventDefault();
    now = { ...now, rate: clamp(now.rate + push, -FASTEST, FASTEST) };
  }
});

/** The angle of a pointer from upright, counter-clockwise. */
const angle = event => {
  const [x, y] = rod.at(event);
  return Math.atan2(rod.width / 2 - x, rod.height / 2 - y);
};
$("pendulum").addEventListener("pointerdown", event => {
  held = { time: event.timeStamp };
  $("pendulum").setPointerCapture(event.pointerId);
  now = before = { theta: angle(event), rate: 0, torque: 0 };
});
$("pendulum").addEventListener("pointermove", event => {
  if (!held) return;
  const seconds = Math.max(1e-3, (event.timeStamp - held.time) / 1000), turn = turned(angle(event) - now.theta);
  const rate = 0.5 * now.rate + 0.5 * clamp(turn / seconds, -FASTEST, FASTEST);
  held = { time: event.timeStamp };
  now = before = { theta: now.theta + turn, rate, torque: 0 };
});
for (const end of ["pointerup", "pointercancel"]) {
  $("pendulum").addEventListener(end, event => {
    if (held && event.timeStamp - held.time > 100) now = { ...now, rate: 0 };      // it was held still
    held = null;
    due = 0;
  });
}

fresh();
