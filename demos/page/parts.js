// What pages have in common: errors that are seen, colours, canvases, frames, a status line, and the learner.

const $ = id => document.getElementById(id);

/** Say in the page what went wrong. */
function fail(text) {
  $("error").hidden = false;
  $("error").textContent = `Something went wrong here: ${text}`;
}
addEventListener("error", event => fail(event.message));
addEventListener("unhandledrejection", event => fail(event.reason));

const isStill = matchMedia("(prefers-reduced-motion: reduce)");

/** The colours of the page as they are now: light or dark. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["paper", "ink", "grey", "pale", "panel", "blue", "orange", "green"].map(
    name => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/**
 * A canvas that is as sharp as the screen: `draw(context, width, height, colours)` in CSS pixels. It is `ratio`
 * times as wide as high, but for one that would be too low for its text.
 */
class Stage {
  constructor(canvas, ratio, draw) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.ratio = ratio;
    this.paint = draw;
    this.colours = colours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.colours = colours(); this.draw(); });
    // in the next frame: an observer that changes what it observes is an error in some browsers
    new ResizeObserver(() => requestAnimationFrame(() => this.fit())).observe(canvas);
    this.fit();
  }

  fit() {
    const width = this.canvas.clientWidth || 300, dots = devicePixelRatio || 1;
    [this.width, this.height] = [width, Math.max(160, width / this.ratio)];
    this.canvas.style.height = `${this.height}px`;
    this.canvas.width = Math.round(width * dots);
    this.canvas.height = Math.round(this.height * dots);
    this.context.setTransform(dots, 0, 0, dots, 0, 0);
    this.draw();
  }

  draw() {
    this.context.clearRect(0, 0, this.width, this.height);
    this.paint(this.context, this.width, this.height, this.colours);
  }

  /** Where a pointer is, in CSS pixels of the canvas. */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

/** Calls `frame(seconds since the last one)` for each picture, and counts them. */
class Frames {
  constructor(frame) {
    this.recent = [];
    this.count = 0;
    this.last = performance.now();
    const next = now => {
      const past = Math.min(0.25, (now - this.last) / 1000);
      this.last = now;
      this.count++;
      this.recent.push(now);
      while (this.recent[0] < now - 1000) this.recent.shift();
      frame(past);
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  get rate() {
    const first = this.recent[0], last = this.recent.at(-1);
    return last > first ? 1000 * (this.recent.length - 1) / (last - first) : 0;
  }
}

let points = [], progress = { step: 0, rate: 0, cost: 0 }, judgement = { value: NaN, of: 0 }, isLearning = false;

/**
 * The thread that learns: the page's programs and `learning.js`. `settings()` are those of the page's sliders,
 * and `shown(data)` is called for each controller that was judged. It has the buttons that all pages have.
 */
class Learner {
  constructor(settings, shown) {
    this.settings = settings;
    this.shown = shown;
    const text = [`const DATA = ${JSON.stringify(DATA)};`, $("programs").textContent, $("learning").textContent];
    this.worker = new Worker(URL.createObjectURL(new Blob([text.join("\n")], { type: "text/javascript" })));
    this.worker.onerror = event => fail(event.message);
    this.worker.onmessage = ({ data }) => this[data.kind](data);
    $("learn").onclick = () => this.learn(!isLearning);
    if (!DATA.trained) return;
    const button = Object.assign(document.createElement("button"), { id: "trained", textContent: "Trained network" });
    $("again").after(button);
    button.onclick = () => this.begin("trained");
  }

  send(kind, more = {}) { this.worker.postMessage({ kind, ...more }); }

  /** Learn, or pause. */
  learn(on) {
    isLearning = on;
    $("learn").textContent = on ? "Pause" : "Learn";
    this.send(on ? "start" : "pause");
  }

  /** Learn anew: "begin" from a new network, "trained" from the demo's, "settings" from what is there. */
  begin(kind, more = {}) { this.send(kind, { values: this.settings(), ...more }); }

  error(data) { fail(data.text); }

  progress(data) { progress = data; }

  judged(data) {
    judgement = data;
    if (data.step === 0) {                       // now, after what the thread had still to say of the last one
      $("learn").disabled = false;
      progress = { step: 0, rate: 0, cost: 0 };
      points = [];
    }
    points.push([data.step, data.value, data.now]);
    this.shown(data);
  }

  done() {
    this.learn(false);
    $("learn").disabled = true;
    say("learned");
  }
}

/** A slider with its value beside it; `changed(value)` while it is moved. */
function slider(id, unit, digits, changed) {
  const input = $(id), output = document.querySelector(`output[for=${id}]`);
  const show = () => { output.textContent = `${Number(input.value).toFixed(digits)} ${unit}`; };
  input.addEventListener("input", () => { show(); changed(Number(input.value)); });
  show();
  return () => Number(input.value);
}

/** Tell those who listen to the page; not more often than they can hear. */
let saidAt = 0;
function say(text) {
  if (performance.now() - saidAt < 1500) return;
  saidAt = performance.now();
  $("said").textContent = text;
}

/** Text that is legible on any ground. */
function label(g, text, x, y, colours) {
  g.font = "12px system-ui, sans-serif";
  g.lineWidth = 3;
  g.lineJoin = "round";
  g.strokeStyle = colours.paper;
  g.fillStyle = colours.ink;
  g.strokeText(text, x, y);
  g.fillText(text, x, y);
}

/** A link to a text that is folded away opens it. */
for (const link of document.querySelectorAll("a[href^='#']")) {
  link.addEventListener("click", () => { $(link.hash.slice(1)).open = true; });
}

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const mixed = (a, b, share) => a.map((x, k) => Math.round(x + (b[k] - x) * share));
/** A colour of CSS as three numbers. */
const rgb = text => [1, 3, 5].map(k => parseInt(text.slice(k, k + 2), 16));

/** A field of numbers within [-1, 1] as a picture: blue below zero, orange above. */
function picture(values, columns, rows, colours) {
  const image = new ImageData(columns, rows), ends = [rgb(colours.blue), rgb(colours.panel), rgb(colours.orange)];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = clamp(values[row * columns + column], -1, 1), at = 4 * ((rows - 1 - row) * columns + column);
      image.data.set([...mixed(ends[1], x < 0 ? ends[0] : ends[2], Math.abs(x)), 255], at);
    }
  }
  const canvas = new OffscreenCanvas(columns, rows);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** A number as in a book, with a true minus sign. */
const number = (x, digits = 0) => x.toFixed(digits).replace("-", "−");

/** Curves within axes, each of points [x, y] and a colour; `marks` are heights with a line and a name. */
function plot(g, width, height, colours, curves, { x, y, marks = [], title }) {
  const left = 52, right = 12, top = 12, bottom = 28;
  const atX = v => left + (width - left - right) * (v - x[0]) / (x[1] - x[0]);
  const atY = v => top + (height - top - bottom) * (1 - (v - y[0]) / (y[1] - y[0]));
  g.font = "12px system-ui, sans-serif";
  g.lineWidth = 1;
  for (const [value, name] of marks) {
    g.strokeStyle = colours.pale;
    g.fillStyle = colours.grey;
    g.beginPath(); g.moveTo(left, atY(value)); g.lineTo(width - right, atY(value)); g.stroke();
    g.textAlign = "right"; g.textBaseline = "middle";
    g.fillText(name, left - 6, atY(value));
  }
  g.textAlign = "center"; g.textBaseline = "alphabetic";
  g.fillStyle = colours.grey;
  g.fillText(title, (left + width - right) / 2, height - 8);
  g.textAlign = "left"; g.fillText(String(x[0]), left, height - 8);
  g.textAlign = "right"; g.fillText(String(x[1]), width - right, height - 8);
  curves.forEach(([points, colour], n) => {
    g.strokeStyle = colour;
    g.lineWidth = n + 1;                         // the last one is what it is about
    g.beginPath();
    points.forEach(([a, b], k) => g[k ? "lineTo" : "moveTo"](atX(a), atY(clamp(b, ...y))));
    g.stroke();
  });
}
