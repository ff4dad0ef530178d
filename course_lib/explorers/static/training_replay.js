// A training run, step by step. Python's side is training_replay.py; the results and the words must agree with it.

// ---------------------------------------------------------------- the run that Python sent

const runs = new WeakMap();

/** Losses, accuracies and all maps of the run among the facts, unpacked once. */
function runOf(facts) {
  if (!runs.has(facts)) {
    runs.set(facts, {
      losses: Array.from(floats(facts.losses)),
      accuracies: facts.accuracies && Array.from(floats(facts.accuracies)),
      maps: floats(facts.maps),
    });
  }
  return runs.get(facts);
}

/** The map (rows of weights) of one head at one step. */
function mapAt(facts, step, head) {
  const [, heads, n, m] = facts.sizes;
  const first = (step * heads + head) * n * m;
  const { maps } = runOf(facts);
  return Array.from({ length: n }, (_, i) => Array.from(maps.subarray(first + i * m, first + (i + 1) * m)));
}

/** The place of the first largest weight; -1 where one is not finite. */
function looksAt(row) {
  if (!row.every(Number.isFinite)) return -1;
  let top = 0;
  for (let j = 1; j < row.length; j++) if (row[j] > row[top]) top = j;
  return top;
}

const rateWords = (rate) => String(rate);
/** A place in words: numbers get a word in front, other names quotation marks. */
const placeName = (kind, name) => (/^[0-9]+$/.test(name) ? `${kind} ${name}` : `'${name}'`);
const rowName = (facts, i) => placeName("output place", facts.rows[i]);
const columnName = (facts, j) => placeName("input place", facts.columns[j]);
const numbered = (names) => names.every((name) => /^[0-9]+$/.test(name));

/** Is Python still training at the rate that was chosen? */
const waiting = (state, results, facts) => Boolean(facts.rates) && results.rate !== state.learning_rate;

// ---------------------------------------------------------------- the map

const short = (text) => (text.length > 14 ? text.slice(0, 13) + "…" : text);
const widest = (names) => Math.max(...names.map((t) => textWidth(t)));

/** The map's part of the card: above the curves on a narrow one. */
const mapWidth = (width) => (width < 540 ? width : width * (width < 700 ? 0.5 : 0.46));

/** Where the map of this width stands: names of rows and columns, left margin, size of a cell, top and whole height. */
function mapPlace({ sizes: [, , n, m], rows, columns, top }, width) {
  const names = { rows: rows.map(short), columns: columns.map(short) };
  const margin = 12 + widest(names.rows);
  const room = width - margin;
  const cell = Math.min(room / m, 336 / Math.max(n, m));
  // Numbers that do not fit over their column leave some out; names stand aslant and need room above.
  const fit = widest(names.columns) < cell - 2;
  const above = 50 + (fit || numbered(columns) ? 16 : 12 + 0.87 * widest(names.columns));
  return { names, every: fit ? 1 : Math.ceil((widest(names.columns) + 6) / cell), margin, cell, above, height: above + cell * n + (top < 1 ? 42 : 24) };
}

function mapPanel(ctx, x, width) {
  const { state, results, facts, hidden } = ctx;
  const [, heads, n, m] = facts.sizes;
  const { names, every, margin, cell, above, height } = mapPlace(facts, width);
  const [left, w, ht] = [x + margin, cell * m, cell * n];
  const head = heads > 1 ? `, head ${state.head + 1} of ${heads}` : "";
  const parts = [
    label(x, 13, `Map at step ${state.step}${head}`, { class: "cx-strong" }),
    label(x, 31, numbered(facts.rows) ? "row: output place, column: input place" : "row: query, column: key", { class: "cx-small cx-soft" }),
  ];
  if (hidden) {
    parts.push(s("rect", { x: left, y: above, width: w, height: ht, class: "cx-wash" }), label(left + w / 2, above + ht / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" }));
    return { parts, height };
  }
  const finite = results.weights.map((row) => row.map(Number.isFinite));
  const shown = facts.top < 1 ? results.weights.map((row) => row.map((v) => v / facts.top)) : results.weights;
  const note = finite.every((row) => row.every(Boolean)) ? `${results.found} of ${n} rows as in the finished map` : "hatched: not a finite number";
  const few = every > 1 && numbered(facts.columns);
  parts.push(
    few && s("g", {}, names.columns.map((text, j) => j % every === 0 && label(left + (j + 0.5) * cell, above - 6, text, { anchor: "middle" }))),
    heatMap(ctx, shown, { x: left, y: above, width: w, height: ht, mask: finite, chosen: state.query, rows: names.rows, columns: few ? [] : names.columns, print: facts.top === 1, pick: (i) => ctx.set({ query: i }) }),
    label(x, above + ht + 19, note, { class: "cx-small cx-soft" }),
    facts.top < 1 && label(x, above + ht + 36, `darkest: a weight of ${num(facts.top)}`, { class: "cx-small cx-soft" }),
  );
  return { parts: parts.filter(Boolean), height };
}

// ---------------------------------------------------------------- the curves

/** Runs of neighbouring steps whose values are all finite, or all not: [[finite, [steps]], ...]. */
function stretches(values) {
  const parts = [];
  values.forEach((v, step) => {
    const finite = Number.isFinite(v);
    if (!parts.length || parts.at(-1)[0] !== finite) parts.push([finite, []]);
    parts.at(-1)[1].push(step);
  });
  return parts;
}

/** One curve over the steps with a marker at the present one; a press or a drag goes to the step under it. */
function curve(ctx, { x, y, width, height, title, values, most, format, ticks }) {
  const last = values.length - 1;
  const now = ctx.state.step;
  const floor = y + 28 + height;
  const at = (step) => x + 44 + ((width - 52) * step) / last;
  const up = (v) => floor - (height * v) / most;
  const value = values[now];
  const jump = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    ctx.set({ step: clamp(Math.round(((event.clientX - box.left) / box.width) * last), 0, last) });
  };
  return s(
    "g",
    {},
    label(x, y + 13, title, { class: "cx-strong" }),
    label(x + width - 8, y + 13, format(value), { anchor: "end", class: "cx-strong" }),
    [0, most].map((v) => label(x + 35, up(v) + 4, format(v, v === 0), { anchor: "end", class: "cx-small cx-soft" })),
    line(at(0), floor, at(last), floor),
    line(at(0), up(most), at(last), up(most), "cx-grid"),
    stretches(values).map(([finite, steps]) =>
      finite
        ? s("polyline", { points: steps.map((i) => `${at(i).toFixed(1)},${up(values[i]).toFixed(1)}`).join(" "), fill: "none", style: "stroke:var(--cx-ink);stroke-width:2" })
        : hatch(at(Math.max(0, steps[0] - 0.5)), floor - height, at(steps.at(-1)) - at(Math.max(0, steps[0] - 0.5)) || 1, height),
    ),
    line(at(now), floor - height, at(now), floor, "cx-guide"),
    Number.isFinite(value) && s("circle", { cx: at(now), cy: up(value), r: 5.5, style: "fill:var(--cx-ink)" }),
    ticks && [...new Set([0, Math.floor(last / 2), last])].map((i) => label(at(i), floor + 17, i === 0 ? "step 0" : i, { anchor: i === last ? "end" : "middle", class: "cx-small cx-soft" })),
    s("rect", { x: at(0), y: floor - height, width: at(last) - at(0), height, class: "cx-pick", onpointerdown: ctx.frozen ? undefined : jump, onpointermove: ctx.frozen ? undefined : (e) => e.buttons && jump(e) }),
  );
}

const largest = (values) => Math.max(1e-9, ...values.filter(Number.isFinite));
const lossWords = (v, zero) => (zero ? "0" : Math.abs(v) >= 1000 ? num(v, 0) : num(v));

function curves(ctx, x, y, width, height) {
  const { losses, accuracies } = ctx.results;
  const both = Boolean(accuracies);
  const tall = both ? Math.round((height - 98) * 0.58) : height - 46;
  return [
    curve(ctx, { x, y, width, height: tall, title: "Loss", values: losses, most: largest(losses), format: lossWords, ticks: !both }),
    both && curve(ctx, { x, y: y + tall + 50, width, height: height - 98 - tall, title: "Share right", values: accuracies, most: 1, format: (v) => `${num(100 * v, 0)} %`, ticks: true }),
  ];
}

// ---------------------------------------------------------------- controls

/** The step: a slider over the recorded steps. */
const stepSlider = (ctx) => slider({ trait: "step", label: "Step", min: 0, max: ctx.facts.sizes[0] - 1, step: 1, format: (v) => num(v, 0) })(ctx);

/** Plays the run in about five seconds; with prefers-reduced-motion nothing moves by itself: a press is one step. */
const play = (ctx) => {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const last = () => ctx.facts.sizes[0] - 1;
  let timer = 0;
  let shown = 0;
  const stop = () => {
    clearTimeout(timer);
    if (timer) ctx.busy(false);
    timer = 0;
    button.textContent = calm.matches ? "Next step" : "Play";
  };
  const go = () => {
    // Somebody else moved the step, or the card is gone: the film is over.
    if (!button.isConnected || ctx.live.step !== shown || shown >= last()) return stop();
    shown += 1;
    ctx.set({ step: shown });
    timer = setTimeout(go, clamp(5000 / last(), 50, 400));
  };
  const press = () => {
    if (timer) return stop();
    const step = ctx.live.step;
    if (calm.matches) return ctx.set({ step: step < last() ? step + 1 : 0 });
    shown = step < last() ? step : 0;
    if (shown !== step) ctx.set({ step: shown });
    ctx.busy(true);
    button.textContent = "Pause";
    timer = setTimeout(go, 200);
  };
  const button = h("button", { type: "button", class: "cx-button cx-play", onclick: press }, calm.matches ? "Next step" : "Play");
  return { node: button, update() {} };
};

/** A choice that is there only where there is more than one to choose from. */
const headChoice = (ctx) => {
  const heads = ctx.facts.sizes[1];
  if (heads === 1) return { node: document.createComment("one head"), update() {} };
  return choice({ trait: "head", label: "Head", options: () => Array.from({ length: heads }, (_, i) => [i, String(i + 1)]) })(ctx);
};

const rowChooser = (ctx) => {
  const rows = ctx.facts.rows.map((name, i) => [i, name]);
  return choice({ trait: "query", label: "Row", options: () => rows })(ctx);
};

/** The learning rate, in round numbers; Python trains again. Without Python the slider is not there. */
const rateSlider = (ctx) => {
  const rates = ctx.facts.rates;
  if (!rates) return { node: document.createComment("training again needs Python"), update() {} };
  const nearest = (rate) => rates.reduce((best, r, i) => (Math.abs(Math.log(r / rate)) < Math.abs(Math.log(rates[best] / rate)) ? i : best), 0);
  return slider({
    trait: "learning_rate", label: "Learning rate", min: 0, max: rates.length - 1, step: 1,
    get: (state) => nearest(state.learning_rate),
    put: (i) => ({ learning_rate: rates[i] }),
    format: (i) => rateWords(rates[i]),
  })(ctx);
};

// ---------------------------------------------------------------- the family

const trainingReplayFamily = {
  compute({ step, head, query }, facts) {
    const { losses, accuracies } = runOf(facts);
    const weights = mapAt(facts, step, head);
    const settled = facts.settled[head];
    const goal = facts.goal[head];
    const latest = Math.max(...settled);
    return {
      step,
      rate: facts.rate ?? NaN,
      loss: losses[step],
      weights,
      found: weights.filter((row, i) => goal[i] >= 0 && looksAt(row) === goal[i]).length,
      since: step - settled[query],
      last: settled[query] === latest && latest < losses.length ? 1 : 0,
      losses,
      ...(accuracies ? { accuracy: accuracies[step], accuracies } : {}),
    };
  },

  line(state, results, facts) {
    const { step, loss, losses, accuracy, found } = results;
    if (waiting(state, results, facts)) return `Training again at learning rate ${rateWords(state.learning_rate)} …`;
    const start = Number.isNaN(results.rate) ? "Step" : `Learning rate ${rateWords(results.rate)}, step`;
    const finite = Number.isFinite(loss);
    const diverged = losses.findIndex((v) => !Number.isFinite(v));
    const aboutLoss = finite
      ? `loss ${num(loss)}${loss > losses[0] ? " (more than at step 0)" : ""}`
      : `the run diverged (no finite loss from step ${diverged} on)`;
    const right = accuracy !== undefined && finite ? `, ${num(100 * accuracy, 0)} % right` : "";
    const said = `${start} ${step} of ${losses.length - 1}: ${aboutLoss}${right}`;
    const within = facts.sizes[1] > 1 ? `in head ${state.head + 1} ` : "";
    const row = results.weights[state.query];
    const j = looksAt(row);
    if (j < 0) return `${said}; ${within}the weights of ${rowName(facts, state.query)} are not finite numbers.`;
    return `${said}; ${within}${rowName(facts, state.query)} looks most at ${columnName(facts, j)} (${num(row[j])}); ${found} of ${facts.sizes[2]} rows look most where the finished map does.`;
  },

  still: ["step", "head", "query", "learning_rate"],

  height(width, state, hidden, facts) {
    const narrow = width < 540;
    const map = mapPlace(facts, mapWidth(width)).height;
    return narrow ? map + 280 : Math.max(map, 240);
  },

  picture(ctx) {
    const narrow = ctx.width < 540;
    const map = mapPanel(ctx, 0, mapWidth(ctx.width));
    const left = narrow ? 0 : mapWidth(ctx.width) + 36;
    const top = narrow ? map.height + 24 : 0;
    const behind = waiting(ctx.state, ctx.results, ctx.facts);
    // Most runs are back within two frames: only a long wait is shown.
    const fade = behind && "opacity:0.35;transition:opacity 0.1s 0.25s";
    return [s("g", { style: fade }, map.parts, curves(ctx, left, top, ctx.width - left, narrow ? 250 : ctx.height - 4))];
  },

  controls: [play, stepSlider, headChoice, rowChooser, rateSlider],
};

export default explorer(trainingReplayFamily);
