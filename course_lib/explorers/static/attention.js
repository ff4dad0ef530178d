// Queries find keys, values are mixed. Python's side is attention.py; the maths and the words must agree with it.

const MOST_IN_PLANE = 10;

// ---------------------------------------------------------------- maths

/** softmax(Q K^T * scale) row by row; Q and K are flat (n, d), the result flat (n, n). */
function attentionWeights(Q, K, n, d, scale, causal) {
  const weights = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = weights.subarray(i * n, i * n + (causal ? i + 1 : n));
    let peak = -Infinity;
    for (let j = 0; j < row.length; j++) {
      let score = 0;
      for (let a = 0; a < d; a++) score += Q[i * d + a] * K[j * d + a];
      row[j] = score * scale;
      peak = Math.max(peak, row[j]);
    }
    let total = 0;
    for (let j = 0; j < row.length; j++) total += row[j] = Math.exp(row[j] - peak);
    for (let j = 0; j < row.length; j++) row[j] /= total;
  }
  return weights;
}

/** weights V, flat (n, d_v). */
function mixed(weights, V, n, dV) {
  const output = new Float64Array(n * dV);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const w = weights[i * n + j];
      if (w > 0) for (let a = 0; a < dV; a++) output[i * dV + a] += w * V[j * dV + a];
    }
  return output;
}

/** Weights that Python sent as whole numbers, 65,535 for a weight of 1. */
const shares = (text) => new Uint16Array(bytesOf(text).buffer);

const VECTORS = ["queries", "key_vectors", "values"];
const inRows = (flat, width) => Array.from({ length: flat.length / width }, (_, i) => Array.from(flat.subarray(i * width, (i + 1) * width)));

/** Weights and output of one head from flat vectors. */
function attend([Q, K, V], { scaled, causal, temperature }, { d_head: d, d_v: dV }) {
  const n = Q.length / d;
  const weights = attentionWeights(Q, K, n, d, (scaled ? 1 / Math.sqrt(d) : 1) / temperature, causal);
  return { weights: inRows(weights, n), output: inRows(mixed(weights, V, n, dV), dV) };
}

// A map's vectors come once, among the facts; its results stay until a control changes them.
const unpacked = new WeakMap();

function mapResults(state, facts) {
  if (!unpacked.has(facts)) unpacked.set(facts, { vectors: VECTORS.map((name) => floats(facts[name])), key: "" });
  const kept = unpacked.get(facts);
  const key = [state.head, state.scaled, state.causal, state.temperature].join(" ");
  if (kept.key !== key) {
    const size = [facts.d_head, facts.d_head, facts.d_v].map((d) => d * facts.names.length);
    kept.results = attend(kept.vectors.map((flat, i) => flat.subarray(state.head * size[i], (state.head + 1) * size[i])), state, facts);
    kept.key = key;
  }
  return { ...kept.results, largest: Math.max(...kept.results.weights[state.query]) };
}

/** A model's weights of the chosen layer and head, as they are. */
function givenResults(state, facts) {
  if (!unpacked.has(facts)) unpacked.set(facts, { all: shares(facts.weights), key: "" });
  const kept = unpacked.get(facts);
  const place = state.layer * facts.n_heads + state.head;
  if (kept.key !== place) {
    const n = facts.names.length;
    const map = kept.all.subarray(place * n * n, (place + 1) * n * n);
    kept.weights = Array.from({ length: n }, (_, i) => Array.from(map.subarray(i * n, (i + 1) * n), (v) => v / 65535));
    kept.key = place;
  }
  return { weights: kept.weights, largest: Math.max(...kept.weights[state.query]) };
}

function planeResults(state, facts) {
  const head = (given) => VECTORS.map((name) => given[name][state.head].flat());
  const { weights, output } = attend(head(state), state, facts);
  const before = attend(head(facts.start), state, facts);
  return {
    weights,
    output,
    largest: Math.max(...weights[state.query]),
    weights_moved: Math.max(...weights.flatMap((row, i) => row.map((w, j) => Math.abs(w - before.weights[i][j])))),
    output_moved: Math.hypot(...output[state.query].map((v, a) => v - before.output[state.query][a])),
  };
}

// ---------------------------------------------------------------- what both pictures share

const quoted = (name) => `'${name}'`;
const hasPlanes = (state) => Array.isArray(state.queries);
const isGiven = (facts) => Boolean(facts.weights);
const isCausal = (state, facts) => (isGiven(facts) ? facts.causal : state.causal);
const titled = (x, y, text) => label(x, y, text, { class: "cx-strong" });
const widest = (names) => Math.max(...names.map((name) => textWidth(name)));

/** Which cells can be painted: allowed ones, and of an own function's only numbers. */
const paintable = (weights, causal) => weights.map((row, i) => row.map((w, j) => Number.isFinite(w) && !(causal && j > i)));

// Colours of a large map: by the root of the weight over the largest, so that small ones are told from none.
const coloured = new WeakMap();
function colouring(weights, causal) {
  if (!coloured.has(weights)) {
    const mask = paintable(weights, causal);
    const most = Math.max(1e-9, ...weights.map((row, i) => row.reduce((top, w, j) => (mask[i][j] && w > top ? w : top), 0)));
    coloured.set(weights, { mask, most, shades: weights.map((row) => row.map((w) => Math.sqrt(Math.max(0, w) / most))) });
  }
  return coloured.get(weights);
}

/** Column names above a map: level where all fit, else in two rows by turns, else leaning. */
const columnStyle = (names, cell) => (widest(names) < cell - 4 ? "level" : widest(names) < 2 * cell - 8 ? "turns" : "leaning");
const columnRoom = (names, cell) => ({ level: 20, turns: 36, leaning: widest(names) * 0.77 + 14 })[columnStyle(names, cell)];

function columnNames(names, x, y, cell) {
  const style = columnStyle(names, cell);
  return names.map((name, j) => {
    const middle = x + (j + 0.5) * cell;
    if (style === "leaning") return label(0, 0, name, { transform: `translate(${middle + 4} ${y}) rotate(-50)` });
    return label(middle, style === "turns" && j % 2 === 0 ? y - 16 : y, name, { anchor: "middle" });
  });
}

function question(x, y, width, height) {
  return [s("rect", { x, y, width, height, class: "cx-wash" }), label(x + width / 2, y + height / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" })];
}

// ---------------------------------------------------------------- two planes and the map between them

function arrangement(width, names) {
  const n = names.length;
  const gap = 28;
  const gutter = Math.max(30, widest(names) * 1.12 + 12);
  const side = Math.min(290, (width - 2 * gap - gutter - 33 * n) / 2);
  if (side >= 205 && widest(names) < 2 * 33 - 8) {
    const cell = (width - 2 * side - 2 * gap - gutter) / n;
    const rows = Math.max(20, Math.min(26, (side - 70 - columnRoom(names, cell)) / n));
    const tall = Math.max(side, 96 + columnRoom(names, cell) + rows * n);
    return { side, cell, rows, gutter, query: [0, 24], map: [side + gap, 24], values: [width - side, 24], mapHeight: tall, height: Math.max(side + 26, tall) + 28 };
  }
  const narrow = Math.min(330, (width - gap) / 2);
  const cell = Math.min(66, (width - gutter - 2) / n);
  const mapHeight = 84 + columnRoom(names, cell) + 24 * n;
  return { side: narrow, cell, rows: 24, gutter, query: [0, 24], values: [Math.min(width - narrow, narrow + 70), 24], map: [0, narrow + 84], mapHeight, height: narrow + 88 + mapHeight };
}

/** A copy of the vectors with one of them at another place. */
const withVector = (vectors, head, i, place) => vectors.with(head, vectors[head].with(i, place));

/** A point that can be dragged: `draw` is how it looks. */
function point(ctx, p, trait, i, reach, { name, colour, draw }) {
  const { state, frozen } = ctx;
  const [x, y] = state[trait][state.head][i];
  const to = (place) => ctx.set({ [trait]: withVector(ctx.live[trait], state.head, i, place.map((v) => clamp(snap(v, 0.01), -reach, reach))) });
  return frozen
    ? draw
    : handle(ctx, {
        x: p.px(x), y: p.py(y), name, text: `across ${num(x, 1)}, up ${num(y, 1)}`, value: x, low: num(-reach, 1).replace("−", "-"), high: num(reach, 1),
        class: colour, key: `${trait} ${i}`, hit: 14, knob: draw,
        move: (px, py) => to(p.at(px, py)),
        step: (dx, dy) => {
          const [lx, ly] = ctx.live[trait][state.head][i]; // not the painted x, y: several presses may come within one frame
          to([snap(lx + 0.1 * dx, 0.01), snap(ly + 0.1 * dy, 0.01)]);
        },
      });
}

const cross = (p) => s("g", { "aria-hidden": "true" }, line(p.x, p.cy, p.x + p.width, p.cy, "cx-grid"), line(p.cx, p.y, p.cx, p.y + p.height, "cx-grid"));
const round = (v) => Math.round(v * 10) / 10;

/** Lines of equal score across the query: from one to the next the weight grows by the factor e. */
function scoreLines(p, [qx, qy], unit) {
  const length = Math.hypot(qx, qy);
  const step = (unit / length) * p.unit;
  if (!(length > 0.05) || step < 9) return [];
  const [ux, uy] = [qx / length, -qy / length];
  const half = p.width / 2;
  const strokes = [];
  for (let k = -40; k <= 40; k++) {
    const [x, y] = [ux * k * step, uy * k * step];
    // The part of the line x + t (-uy, ux) inside the square.
    const ends = [[-uy, x], [ux, y]].map(([slope, at]) => (Math.abs(slope) < 1e-6 ? (Math.abs(at) < half ? [-1e4, 1e4] : [1, -1]) : [(-half - at) / slope, (half - at) / slope].sort((a, b) => a - b)));
    const [from, until] = [Math.max(ends[0][0], ends[1][0]), Math.min(ends[0][1], ends[1][1])];
    if (from < until) strokes.push(`M${round(p.cx + x - uy * from)} ${round(p.cy + y + ux * from)}L${round(p.cx + x - uy * until)} ${round(p.cy + y + ux * until)}`);
  }
  return [s("path", { d: strokes.join(""), class: "cx-grid", fill: "none", "stroke-dasharray": "2 4", style: "opacity:1" })];
}

function queryPlane(ctx, [x, y], side) {
  const { state, results, facts, hidden } = ctx;
  const p = plane(x, y, side, side, facts.reach);
  const [Q, K] = [state.queries[state.head], state.key_vectors[state.head]];
  const me = state.query;
  const row = results.weights[me];
  const unit = (state.scaled ? Math.sqrt(facts.d_head) : 1) * state.temperature;
  const tip = [p.px(Q[me][0]), p.py(Q[me][1])];
  const weightOf = (j) => (hidden ? 0 : clamp(Number.isFinite(row[j]) ? row[j] : 0, 0, 1));
  const spot = (j) => [p.px(K[j][0]), p.py(K[j][1])];
  const away = ([vx, vy]) => (Math.hypot(vx, vy) > 0.01 ? [vx, -vy] : [0.3, -1]);
  const keyLabels = K.map((key, j) => {
    const [px, py] = spot(j);
    const reach = 14 * Math.sqrt(weightOf(j));
    const [ax, ay] = away(key);
    const size = Math.hypot(ax, ay);
    return { x: px + (ax / size) * reach, y: py + (ay / size) * reach, text: facts.names[j] + (j === me ? " (its key)" : ""), away: [ax, ay], class: "cx-key-text" };
  });
  const queryLabel = { x: (p.cx + tip[0]) / 2, y: (p.cy + tip[1]) / 2, text: `query of ${quoted(facts.names[me])}`, away: [tip[1] - p.cy || 1, -(tip[0] - p.cx) || 0], class: "cx-query-text" };
  const taken = [...K.map((_, j) => [spot(j)[0] - 8, spot(j)[1] - 8, 16, 16]), [tip[0] - 10, tip[1] - 10, 20, 20]];
  for (let t = 0.1; t < 1; t += 0.15) taken.push([p.cx + (tip[0] - p.cx) * t - 4, p.cy + (tip[1] - p.cy) * t - 4, 8, 8]);
  const lines = facts.own || hidden ? [] : scoreLines(p, Q[me], unit);
  // What can be dragged stands in a group of its own: its place in the tree, and so its focus, stays.
  return [
    s("g", {},
      titled(x, y - 11, side < 220 ? "Query and keys" : "The query meets the keys"),
      cross(p),
      lines,
      K.map((_, j) => s("circle", { cx: spot(j)[0], cy: spot(j)[1], r: 6 + 16 * Math.sqrt(weightOf(j)), style: "fill:var(--cx-key);opacity:0.2" })),
      arrow(p.cx, p.cy, ...tip, { class: "cx-query", width: 3, head: 12 }),
      labelsBeside([...keyLabels, queryLabel], { taken, inside: [x, y, side, side], distance: 11, size: 14.5 }),
      lines.length > 0 && label(x, y + side + 16, "Next dotted line: weight × 2.7", { class: "cx-small cx-soft" }),
    ),
    s("g", {},
      K.map((_, j) =>
        point(ctx, p, "key_vectors", j, facts.reach, { name: `Key of ${quoted(facts.names[j])}`, colour: "cx-key", draw: s("circle", { cx: spot(j)[0], cy: spot(j)[1], r: 5.5, style: "fill:var(--cx-key)" }) }),
      ),
      point(ctx, p, "queries", me, facts.reach, { name: `Query of ${quoted(facts.names[me])}`, colour: "cx-query", draw: s("circle", { cx: tip[0], cy: tip[1], r: 11, class: "cx-halo", style: "fill:var(--cx-query)" }) }),
    ),
  ];
}

function valuePlane(ctx, [x, y], side) {
  const { state, results, facts, hidden } = ctx;
  const p = plane(x, y, side, side, facts.value_reach);
  const V = state.values[state.head];
  const me = state.query;
  const output = results.output[me];
  const shown = !hidden && output.every(Number.isFinite);
  const tip = shown ? [p.px(output[0]), p.py(output[1])] : [p.cx, p.cy];
  const spot = (j) => [p.px(V[j][0]), p.py(V[j][1])];
  const middle = [0, 1].map((a) => sum(V.map((v) => v[a])) / V.length);
  const away = (v) => (Math.hypot(v[0] - middle[0], v[1] - middle[1]) > 0.01 ? [v[0] - middle[0], middle[1] - v[1]] : [0, -1]);
  const labels = V.map((v, j) => ({ x: spot(j)[0], y: spot(j)[1], text: facts.names[j], away: away(v), class: "cx-value-text" }));
  const taken = V.map((_, j) => [spot(j)[0] - 8, spot(j)[1] - 8, 16, 16]);
  for (let t = 0; shown && t <= 1; t += 0.2) taken.push([p.cx + (tip[0] - p.cx) * t - 6, p.cy + (tip[1] - p.cy) * t - 6, 12, 12]);
  if (shown) labels.push({ x: tip[0], y: tip[1], text: "output", away: [tip[0] - p.cx, tip[1] - p.cy || -1], class: "cx-strong" });
  return [
    s("g", {},
      titled(x, y - 11, side < 220 ? "Values and output" : "The output mixes the values"),
      cross(p),
      shown && V.map((_, j) => s("line", { x1: tip[0], y1: tip[1], x2: spot(j)[0], y2: spot(j)[1], "stroke-linecap": "round", "stroke-width": Math.max(0.4, 12 * clamp(results.weights[me][j] || 0, 0, 1)), style: "stroke:var(--cx-value);opacity:0.4" })),
      shown && arrow(p.cx, p.cy, ...tip, { class: "cx-value", width: 4, head: 13 }),
      labelsBeside(labels, { taken, inside: [x, y, side, side], distance: 11, size: 14.5 }),
      shown && label(x, y + side + 16, "Thicker: a larger weight", { class: "cx-small cx-soft" }),
    ),
    s("g", {},
      V.map((_, j) =>
        point(ctx, p, "values", j, facts.value_reach, { name: `Value of ${quoted(facts.names[j])}`, colour: "cx-value", draw: s("rect", { x: spot(j)[0] - 5, y: spot(j)[1] - 5, width: 10, height: 10, style: "fill:var(--cx-value)" }) }),
      ),
    ),
  ];
}

function smallMap(ctx, [x, y], { cell, rows, gutter, mapHeight }) {
  const { state, results, facts, hidden } = ctx;
  const n = facts.names.length;
  const [left, width] = [x + gutter, cell * n];
  const room = columnRoom(facts.names, cell);
  const top = y + mapHeight - rows * n;
  const base = top - room;
  const me = state.query;
  const head = titled(x, y - 11, `Weights of ${quoted(facts.names[me])}`);
  if (hidden) return [head, question(left, y, width, mapHeight)];
  const row = results.weights[me];
  const tall = base - y - 16;
  return [
    head,
    row.map((w, j) => bar(left + (j + 0.2) * cell, base, cell * 0.6, tall * clamp(w || 0, 0, 1.2))),
    row.map((w, j) => w > 0.1 && label(left + (j + 0.5) * cell, base - tall * clamp(w, 0, 1.2) - 4, num(w), { anchor: "middle", class: "cx-small cx-strong" })),
    line(left, base, left + width, base),
    columnNames(facts.names, left, top - 6, cell),
    heatMap(ctx, results.weights, { x: left, y: top, width, height: rows * n, mask: paintable(results.weights, state.causal), chosen: me, rows: facts.names, pick: (i) => ctx.go({ query: i }) }),
  ];
}

// ---------------------------------------------------------------- one large map

function mapPlaces(width, facts) {
  const n = facts.names.length;
  const gutter = Math.min(120, Math.max(44, widest(facts.names) * 1.12 + 14));
  const beside = width >= 720;
  const room = (beside ? width - 290 : width) - gutter;
  // From 256 tokens on, one cell is one pixel where that fits: a shrunken canvas would drop rows.
  const side = n > 256 && n <= room ? n : Math.min(room, n > 256 ? 512 : 440);
  const top = n <= 32 ? columnRoom(facts.names, side / n) + 24 : 36;
  const list = beside ? [gutter + side + 36, 24] : [0, top + side + 52];
  return { n, gutter, side, top, beside, list, listWidth: beside ? width - gutter - side - 36 : width, height: beside ? Math.max(top + side + 30, 460) : top + side + 470 };
}

function headingOf({ head, layer }, { n_heads: heads, n_layers: layers = 1 }) {
  const which = [layers > 1 && `layer ${layer + 1} of ${layers}`, heads > 1 && `head ${head + 1} of ${heads}`].filter(Boolean);
  return which.length ? `Weights of ${which.join(", ")}` : "Weights";
}

function largeMap(ctx) {
  const { state, results, facts, width, hidden } = ctx;
  const { n, gutter, side, top, list, listWidth } = mapPlaces(width, facts);
  const cell = side / n;
  const me = state.query;
  const few = n <= MOST_IN_PLANE;
  const { mask, most, shades } = colouring(results.weights, isCausal(state, facts));
  const every = Math.max(1, Math.ceil(15 / cell));
  const middle = top + (me + 0.5) * cell;
  const names = facts.names.map((name, i) => i % every === 0 && Math.abs((i - me) * cell) >= 15 && label(gutter - 8, top + (i + 0.5) * cell + 4, name, { anchor: "end", class: "cx-small cx-soft" }));
  const head = titled(0, 13, headingOf(state, facts));
  if (hidden) return [head, question(gutter, top, side, side), label(list[0], list[1] + 20, "The keys it finds: after your guess", { class: "cx-soft" })];
  return [
    s("g", {},
      head,
      n <= 32 ? columnNames(facts.names, gutter, top - 6, cell) : label(gutter + side, top - 8, `keys 1 to ${n} →`, { anchor: "end", class: "cx-small cx-soft" }),
      heatMap(ctx, few ? results.weights : shades, { x: gutter, y: top, width: side, height: side, mask, print: few, pick: (i) => ctx.set({ query: i }) }),
      names,
      label(gutter - 8, middle + 4, facts.names[me], { anchor: "end", class: "cx-query-text" }),
      s("rect", { x: gutter - 1.5, y: middle - Math.max(cell, 3) / 2 - 1.5, width: side + 3, height: Math.max(cell, 3) + 3, class: "cx-frame" }),
      !few && scale(ctx, gutter, top + side + 10, most),
      rowOfMap(ctx, list, listWidth),
    ),
    handle(ctx, {
      x: gutter + side, y: middle, name: "Chosen query", text: facts.names[me], value: me, low: 0, high: n - 1, class: "cx-query", hit: 12,
      move: (_, py) => ctx.set({ query: clamp(Math.floor((py - top) / cell), 0, n - 1) }),
      step: (dx, dy) => ctx.set({ query: clamp(ctx.live.query + dx - dy, 0, n - 1) }),
    }),
  ];
}

/** What the colours of a large map mean: five equal steps of weight. */
function scale(ctx, x, y, most) {
  const steps = [0, 0.2, 0.4, 0.6, 0.8, 1].map((w) => Math.round(255 * Math.sqrt(w)));
  const colour = (at) => `rgb(${ctx.ramp.slice(at * 3, at * 3 + 3).join(",")})`;
  return s("g", {}, label(x, y + 11, "0", { class: "cx-small cx-soft" }), steps.map((at, k) => s("rect", { x: x + 12 + 18 * k, y, width: 18, height: 12, fill: colour(at) })), label(x + 126, y + 11, num(most, most < 0.1 ? 3 : 2), { class: "cx-small cx-soft" }));
}

/** The keys that the chosen query finds, and the output that comes of them. */
function rowOfMap({ state, results, facts }, [x, y], width) {
  const row = results.weights[state.query];
  const best = row.map((_, j) => j).sort((a, b) => (row[b] || 0) - (row[a] || 0) || a - b).slice(0, 8);
  const gutter = Math.min(120, widest(best.map((j) => facts.names[j])) + 12);
  const length = width - gutter - 44;
  const rest = 1 - sum(best.map((j) => row[j]));
  return [
    titled(x, y - 11, `${quoted(facts.names[state.query])} looks at`),
    best.map((j, k) => {
      const at = y + 12 + 27 * k;
      return [
        label(x + gutter - 8, at + 13, facts.names[j], { anchor: "end", class: "cx-key-text" }),
        s("rect", { x: x + gutter, y: at, width: length, height: 18, class: "cx-wash" }),
        barRight(x + gutter, at, length * clamp(row[j] || 0, 0, 1), 18),
        label(x + width, at + 13, num(row[j]), { anchor: "end" }),
      ];
    }),
    row.length > 8 && label(x + gutter, y + 246, `and ${row.length - 8} other keys, ${num(rest)} together`, { class: "cx-small cx-soft" }),
    results.output && outputBars(results.output[state.query], x, y + 276, width),
  ];
}

function outputBars(output, x, y, width) {
  const tallest = Math.max(1e-9, ...output.map(Math.abs));
  const step = width / output.length;
  const base = y + 54;
  return [
    titled(x, y, `its output: ${output.length} numbers`),
    output.map((v, a) => Number.isFinite(v) && bar(x + a * step, base, Math.max(1, step - 1), (38 * v) / tallest, { class: "cx-value" })),
    line(x, base, x + width, base),
  ];
}

// ---------------------------------------------------------------- the family

/** Are the weights worked out here, neither given nor an own function's? */
const isComputed = (facts) => !facts.own && !isGiven(facts);

const attentionFamily = {
  compute: (state, facts) => (isGiven(facts) ? givenResults : hasPlanes(state) ? planeResults : mapResults)(state, facts),

  line(state, results, facts) {
    const { names } = facts;
    const row = results.weights[state.query];
    const allowed = isCausal(state, facts) ? state.query + 1 : names.length;
    let [top, low] = [0, 0];
    for (let j = 1; j < allowed; j++) {
      if (row[j] > row[top]) top = j;
      if (row[j] < row[low]) low = j;
    }
    let said = `${quoted(names[state.query])} looks most at ${quoted(names[top])} (${num(row[top])})`;
    if (allowed === 1) said = `${quoted(names[state.query])} may look only at itself (${num(row[0])})`;
    else if (row[top] - row[low] < 0.005 && allowed <= 100) said = `${quoted(names[state.query])} looks at all ${allowed} keys alike (${num(row[top])} each)`;
    if (isGiven(facts)) {
      const layer = facts.n_layers > 1 ? `layer ${state.layer + 1}, ` : "";
      return facts.n_layers * facts.n_heads > 1 ? `${said} in ${layer}head ${state.head + 1}.` : `${said}.`;
    }
    const at = hasPlanes(state) ? ` (${results.output[state.query].map((v) => num(v, 1)).join(", ")})` : "";
    const many = hasPlanes(state) ? "all values" : `${allowed} values`;
    const shares = allowed === 1 ? "the one value it sees" : `${many} mixed in these shares`;
    return `${said}; its output${at} is ${shares}.${results.remark ? " " + results.remark : ""}`;
  },

  still: ["query", "head", "layer"],

  height(width, state, hidden, facts) {
    return hasPlanes(state) ? arrangement(width, facts.names).height : mapPlaces(width, facts).height;
  },

  picture(ctx) {
    if (!hasPlanes(ctx.state)) return largeMap(ctx);
    const places = arrangement(ctx.width, ctx.facts.names);
    return [queryPlane(ctx, places.query, places.side), s("g", {}, smallMap(ctx, places.map, places)), valuePlane(ctx, places.values, places.side)];
  },

  controls: [
    (ctx) => choice({ trait: "query", label: "Query", options: () => ctx.facts.names.map((name, i) => [i, name]) })(ctx),
    within((facts) => facts.n_layers > 1, (ctx) => choice({ trait: "layer", label: "Layer", options: () => Array.from({ length: ctx.facts.n_layers }, (_, i) => [i, String(i + 1)]) })(ctx)),
    within((facts) => facts.n_heads > 1, (ctx) => choice({ trait: "head", label: "Head", options: () => Array.from({ length: ctx.facts.n_heads }, (_, i) => [i, String(i + 1)]) })(ctx)),
    within(isComputed, toggle({ trait: "scaled", label: "Divide by √d" })),
    within(isComputed, toggle({ trait: "causal", label: "Causal mask" })),
    within(isComputed, slider({ trait: "temperature", label: "Temperature", min: 0.1, max: 10, step: 0.01, log: true, format: (v) => num(v) })),
  ],
};

export default explorer(attentionFamily);
