// What is seen of cart and pole, and what is done to them; how they move and learn is in the programs.

const FULL = 10, TRAIL = 60, PAUSE = 0.8;        // N, steps, s
const DRAWN = 2.6, RATIO = 3.2;                  // m to each side of the middle; of a strip's sides
const { dt: DT, track: END, tilt: TILT, reach: REACH } = DATA;
let average = null, seed = 2, moves = !isStill.matches, isPlaying = false, wasPlayed = false, due = 0, start = 0, longest = 0;
let map = null, image = null, trail = [];
let key = 0, finger = null, button = 0;          // who pushes: -1 to the left, 1 to the right; the finger has a place

const strength = slider("strength", "N", 0, () => {});
const length = slider("length", "m", 1, () => learner.begin("settings"));
const time = slider("time", "×", 1, () => {});
const pace = slider("pace", "", 1, showPace);

/** A cart from one of Gymnasium's starts. */
const begun = () => {
  const at = name => DATA.starts.judged[name][start % DATA.starts.judged.x.length];
  const now = { x: at("x"), speed: at("speed"), theta: at("theta"), rate: at("rate"), action: 0 };
  return { now, before: now, fallen: false, steps: 0, since: 0, hand: 0 };
};
let network = begun(), you = begun();

// ---------------------------------------------------------------------------- what is drawn

const between = (cart, name) => cart.before[name] + (cart.now[name] - cart.before[name]) * clamp(due / DT, 0, 1);

/** An arrow from a point, so many pixels to the right. */
function arrow(g, x, y, long, colour) {
  if (Math.abs(long) < 8) return;
  const head = Math.min(9, Math.abs(long)) * Math.sign(long);
  g.strokeStyle = g.fillStyle = colour;
  g.lineWidth = 4;
  g.beginPath(); g.moveTo(x, y); g.lineTo(x + long - head, y); g.stroke();
  g.beginPath(); g.moveTo(x + long, y); g.lineTo(x + long - head, y - 7); g.lineTo(x + long - head, y + 7); g.fill();
}

/** One cart on its track, in a strip of the canvas. */
function lane(g, cart, width, above, height, c, name) {
  const metre = width / (2 * DRAWN), ground = above + height - 0.22 * metre - 4, x = width / 2 + metre * between(cart, "x"), theta = between(cart, "theta");
  const [wide, high] = [0.36 * metre, 0.16 * metre], top = ground - high, long = length() * metre;
  g.lineCap = "round";
  g.strokeStyle = c.pale;
  g.lineWidth = 3;
  g.beginPath(); g.moveTo(width / 2 - END * metre, ground); g.lineTo(width / 2 + END * metre, ground); g.stroke();
  g.lineWidth = 1;
  for (const end of [-END, END]) {
    const at = width / 2 + end * metre;
    g.beginPath(); g.moveTo(at, ground + 6); g.lineTo(at, ground - 14); g.stroke();
  }
  for (const end of [-TILT, TILT]) {             // beyond these it has failed
    g.beginPath(); g.moveTo(x, top); g.lineTo(x + long * Math.sin(end), top - long * Math.cos(end)); g.stroke();
  }
  g.globalAlpha = cart.fallen ? 0.45 : 1;
  g.fillStyle = c.grey;
  g.beginPath(); g.roundRect(x - wide / 2, top, wide, high, 0.2 * high); g.fill();
  g.strokeStyle = cart === you ? c.green : c.ink;
  g.lineWidth = Math.max(4, 0.05 * metre);
  g.beginPath(); g.moveTo(x, top); g.lineTo(x + long * Math.sin(theta), top - long * Math.cos(theta)); g.stroke();
  g.globalAlpha = 1;
  if (cart === network && !cart.fallen) {        // the mean of its pushes, under the track
    const force = 0.5 * metre * cart.mean;
    arrow(g, x, ground + 0.12 * metre, force, force < 0 ? c.blue : c.orange);
  }
  const pushed = 0.5 * metre * cart.hand;
  arrow(g, x - Math.sign(pushed) * (wide / 2 + Math.abs(pushed) + 2), top + high / 2, pushed, c.green);
  const stood = (cart.steps * DT).toFixed(1);
  g.textAlign = "left";
  label(g, `${name}: ${cart.fallen ? `fell after ${stood} s` : `${stood} s`}`, 8, above + 18, c);
}

const scene = new Stage($("track"), RATIO, (g, width, height, c) => {
  const high = isPlaying ? height / 2 : height;
  lane(g, network, width, 0, high, c, "network");
  if (isPlaying) lane(g, you, width, high, high, c, "you");
});

const field = new Stage($("map"), 1.5, (g, width, height, c) => {
  if (map && (image?.of !== map || image.colours !== c)) {
    image = { of: map, colours: c, canvas: picture(map, ...DATA.grid, c) };
  }
  if (image) g.drawImage(image.canvas, 0, 0, width, height);
  const at = ([theta, rate]) => [width * (0.5 + theta / (2 * REACH[0])), height * (0.5 - rate / (2 * REACH[1]))];
  g.strokeStyle = c.grey;
  g.lineWidth = 1;
  for (const end of [-TILT, TILT]) {
    const [x] = at([end, 0]);
    g.beginPath(); g.moveTo(x, 0); g.lineTo(x, height); g.stroke();
  }
  g.fillStyle = c.ink;
  trail.forEach((state, k) => {
    const [x, y] = at(state);
    g.globalAlpha = 0.7 * (k + 1) / trail.length;
    g.beginPath(); g.arc(x, y, 2, 0, 7); g.fill();
  });
  g.globalAlpha = 1;
  const [x, y] = at([network.now.theta, network.now.rate]);
  g.beginPath(); g.arc(x, y, 6, 0, 7); g.fill();
  g.textAlign = "center";
  label(g, "fails", 22, height - 8, c);
  label(g, "fails", width - 22, height - 8, c);
  label(g, "upright", width / 2, height - 8, c);
});

const curve = new Stage($("curve"), 1.5, (g, width, height, c) => {
  const last = Math.max(30, Math.ceil((points.at(-1)?.[0] ?? 0) / 30) * 30);
  const marks = [0, 100, 200, 300, 400, DATA.episode].map(value => [value, number(value)]);
  const axes = { x: [0, last], y: [0, 1.04 * DATA.episode], title: "updates", marks };
  plot(g, width, height, c, [[points.map(([k, , newest]) => [k, newest]), c.grey], [points, c.blue]], axes);
});

// ---------------------------------------------------------------------------- how it goes on

const settings = () => ({ half_length: length() / 2 });

/** Which way the user pushes this cart now. */
function wanted(cart) {
  if (finger === null) return clamp(key + button, -1, 1);
  return Math.abs(finger - cart.now.x) < 0.05 ? 0 : Math.sign(finger - cart.now.x);
}

/** One step of a cart in the simulator; what has fallen is left to itself, until it lies. */
function advance(cart, program, hand) {
  cart.before = cart.now;
  cart.hand = hand;
  if (cart.fallen) cart.since += DT;
  if (Math.abs(cart.now.theta) > Math.PI / 2) return;
  const { x, speed, theta, rate } = cart.now, driven = cart.fallen ? steer : program;
  driven.run({ x, speed, theta, rate, hand: cart.fallen ? 0 : hand, ...settings() });
  cart.now = Object.fromEntries(["x", "speed", "theta", "rate", "action"].map(name => [name, driven.get(name)]));
  cart.mean = 0.8 * (cart.mean ?? 0) + 0.2 * cart.now.action;
  if (cart.fallen) return;
  cart.steps++;
  cart.fallen = driven.get("fallen") > 0;
  if (cart.fallen) fell(cart);
}

function fell(cart) {
  if (cart !== you) return;
  longest = Math.max(longest, you.steps);
  const other = network.fallen ? `fell after ${(network.steps * DT).toFixed(1)} s` : "stands";
  tell(`You stood for ${(you.steps * DT).toFixed(1)} s, the network ${other}. Your best: ${(longest * DT).toFixed(1)} s.`
    + " An arrow key, or a finger on the track, begins anew");
  say($("told").textContent);
}

function tick() {
  advance(network, move, isPlaying ? 0 : wanted(network) * strength() / FULL);
  trail.push([network.now.theta, network.now.rate]);
  if (trail.length > TRAIL) trail.shift();
  if (isPlaying) advance(you, steer, wanted(you) * strength() / FULL);
  else if (network.fallen && network.since > PAUSE) anew();
}

/** The next start; both have the same one. */
function anew() {
  start++;
  [network, you, trail, due] = [begun(), begun(), [], 0];
  if (isPlaying) tell("You drive the green pole, with the arrow keys, or a finger or the mouse beside its cart; the network has the same start");
}

let drawn = 0;
const frames = new Frames(past => {
  if (moves) {
    due += past * time();
    while (due >= DT) { due -= DT; tick(); }
    if (drawn % 6 === 0) look();
  }
  scene.draw();
  if (drawn % 3 === 0) field.draw();
  if (++drawn % 6 === 0) status();
});

/** The map of the network that is shown, where its cart is. */
function look() {
  if (average) map = Array.from(strategy.run({ x: network.now.x, speed: network.now.speed }).get("push"));
}

function status() {
  const able = progress.each ? ` of the ${number(1000 / progress.each)} that this machine could` : "";
  const gradients = isLearning ? `${progress.rate.toFixed(0)} gradients a second${able}` : "not learning";
  const stands = judgement.value === DATA.episode ? "all 100 episodes stand for 500 steps"
    : `episodes stand for ${number(judgement.value, 1)} of ${DATA.episode} steps`;
  $("status").textContent = `${progress.step} of ${DATA.updates} updates · ${stands}, with the network of update `
    + `${judgement.of} · ${gradients} · ${frames.rate.toFixed(0)} frames a second`;
}

function tell(text) { $("told").textContent = text; }

const learner = new Learner(settings, data => {
  average = data.average;
  move.set(average);
  strategy.set(average);
  look();
  curve.draw();
  say(`${data.step} updates, ${number(data.value)} of ${DATA.episode} steps`);
});

function fresh() { learner.begin("begin", { seed }); }

// ---------------------------------------------------------------------------- what can be done

/** The slider is a logarithm; at its end there is no limit. */
function showPace() {
  const most = pace() === Number($("pace").max), rate = Math.round(10 ** pace());
  document.querySelector("output[for=pace]").textContent = most ? "at once" : `${rate} a second`;
  learner.send("pace", { pace: most ? null : rate });
}

function playing(on) {
  isPlaying = on;
  $("play").textContent = on ? "Only watch and push" : "Play against it";
  tell("The network’s cart: push it with the arrow keys, or hold a finger or the mouse beside it");
  if (on && !wasPlayed) {                        // nobody can do it at once at full speed
    $("time").value = 0.3;
    $("time").dispatchEvent(new Event("input"));
    wasPlayed = true;
  }
  scene.ratio = on ? RATIO / 2 : RATIO;
  anew();
  scene.fit();
  $("track").focus();
}

/** After a fall the user begins anew, but not by the key that is still down. */
function comeBack() {
  if (isPlaying && you.fallen && you.since > 0.3 * time()) anew();
}

$("again").onclick = () => { seed++; fresh(); };
$("play").onclick = () => playing(!isPlaying);
$("motion").onclick = () => {
  moves = !moves;
  $("motion").setAttribute("aria-pressed", moves);
};
$("motion").setAttribute("aria-pressed", moves);

const directions = { ArrowLeft: -1, ArrowRight: 1 };
addEventListener("keydown", event => {
  if (!directions[event.key] || event.target.matches("input, pre") || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (!event.repeat) comeBack();
  key = directions[event.key];
});
addEventListener("keyup", event => { if (directions[event.key] === key) key = 0; });
addEventListener("blur", () => { [key, button, finger] = [0, 0, null]; });

const placed = event => (scene.at(event)[0] / scene.width - 0.5) * 2 * DRAWN;
$("track").addEventListener("pointerdown", event => {
  $("track").setPointerCapture(event.pointerId);
  comeBack();
  finger = placed(event);
});
$("track").addEventListener("pointermove", event => { if (finger !== null) finger = placed(event); });
for (const end of ["pointerup", "pointercancel"]) $("track").addEventListener(end, () => { finger = null; });

for (const [id, direction] of [["left", -1], ["right", 1]]) {
  const let_go = () => { button = 0; };
  $(id).addEventListener("pointerdown", () => { comeBack(); button = direction; });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) $(id).addEventListener(end, let_go);
  $(id).addEventListener("click", event => {     // by a key, or by a screen reader: a short push
    if (event.detail) return;
    comeBack();
    button = direction;
    setTimeout(let_go, 200);
  });
}

fresh();
showPace();
scene.draw();
