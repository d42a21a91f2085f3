// The loop that learns, in a thread of its own: it draws numbers, runs `update`, and now and then judges.

const PERIOD = 12, TOLD = 60;                    // ms: of a stretch of work, and between two reports
const JUDGED = DATA.judged ?? 10;                // updates between two judgements

let going = false, seed = 1, updates = 0, told = 0, best = null, recent = [], again = new MessageChannel();
let pace = DATA.pace ?? Infinity, due = 0, timer = 0;            // updates a second, and when the next one is due
let each = 0;                                    // ms that an update takes, a running mean

/** Numbers within (0, 1], the same for a seed in every browser (mulberry32). */
function random() {
  seed = seed + 0x6D2B79F5 | 0;
  let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
  t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
  return 1 - ((t ^ t >>> 14) >>> 0) / 4294967296;
}

const draw = program => {
  const { data } = program.inputs.draws;
  for (let k = 0; k < data.length; k++) data[k] = random();
};

judge.share("average", update);

const score = starts => judge.run(starts).get("mean");

/** What the controller is worth now; the best so far is kept, and shown. */
function judged() {
  const chosen = score(DATA.starts.chosen);
  if (!best || chosen >= best.chosen) {         // of equals the one that learned for longer
    best = { chosen, value: score(DATA.starts.judged), step: updates, average: update.copy("average") };
  }
  postMessage({ kind: "judged", step: updates, now: chosen, value: best.value, of: best.step, average: best.average });
}

function report(force = false) {
  const now = performance.now();
  if (!force && now - told < TOLD) return;
  told = now;
  recent = recent.filter(([time]) => time > now - 1500);         // of the clock, with all else that is done
  const [time, before] = recent[0] ?? [now, updates];
  recent.push([now, updates]);
  const rate = now > time ? 1000 * (updates - before) / (now - time) : 0;
  postMessage({ kind: "progress", step: updates, cost: updates ? update.get("cost") : 0, rate, each });
}

function work() {
  if (!going) return;
  const start = performance.now();
  due = Math.max(due, start - 1000 / pace);      // of what was not done in time, one is made up for
  for (let now = start; now < start + PERIOD && due <= now && updates < DATA.updates; now = performance.now()) {
    draw(update);
    update.run().next();
    each += 0.1 * (performance.now() - now - each);
    updates++;
    due += 1000 / pace;
    if (updates % JUDGED === 0) judged();
  }
  report();
  if (updates >= DATA.updates) {
    going = false;
    report(true);
    postMessage({ kind: "done", step: updates });
  } else if (due > performance.now()) timer = setTimeout(work, due - performance.now());
  else again.port2.postMessage(0);               // at once; a timer would wait
}
again.port1.onmessage = work;

function set(values) {
  for (const program of [update, judge]) {
    for (const [name, value] of Object.entries(values)) if (program.inputs[name]) program.set({ [name]: value });
  }
}

const commands = {
  /** A new network, from a seed, with these settings. */
  begin(given) {
    seed = given.seed;
    set(given.values);
    draw(begin);
    update.take(begin.run());
    [updates, best, recent] = [0, null, []];
    judged();
  },
  /** The network that the demo trained, of DATA: it may learn on. */
  trained(given) {
    commands.begin({ seed: 1, values: given.values });
    for (const kind of ["params", "average"]) {
      update.set(Object.fromEntries(Object.entries(DATA.trained).map(([name, values]) => [`${kind}.${name}`, values])));
    }
    best = null;
    judged();
  },
  /** Other settings: the network stays, and learns anew from there. */
  settings(given) {
    set(given.values);
    update.take(begin, "optimiser");
    [updates, best, recent] = [0, null, []];
    judged();
  },
  start() {
    if (!going) { going = true; work(); }
  },
  pause() { going = false; clearTimeout(timer); report(true); },
  /** So many updates a second; as many as there can be without a number. */
  pace(given) { [pace, due] = [given.pace ?? Infinity, 0]; },
};

globalThis.onmessage = ({ data }) => {
  try { commands[data.kind](data); } catch (error) { postMessage({ kind: "error", text: String(error) }); }
};
