// Attention over a picture, in three views. Python's side is vision.py; the results and the words must agree with it.

const TIE = 1e-6;
const LEVELS = 12;
const SHARPNESS = 8;
const NO_OBJECT = "no object";

// ---------------------------------------------------------------- numbers that Python sent

const memory = new WeakMap();
/** A value worked out once for these facts under a name. */
function once(facts, name, make) {
  if (!memory.has(facts)) memory.set(facts, new Map());
  const kept = memory.get(facts);
  if (!kept.has(name)) kept.set(name, make());
  return kept.get(name);
}
const imageOf = (facts) => once(facts, "image", () => floats(facts.image));
const sentWeights = (facts) => once(facts, "weights", () => floats(facts.weights));

/** The map (rows of weights) of one head, or the mean of all where head is null. */
function headMap(facts, head) {
  return once(facts, `map ${head}`, () => {
    const [heads, n, m] = facts.shape;
    const all = sentWeights(facts);
    const at = (h, i, j) => all[(h * n + i) * m + j];
    const mean = (i, j) => sum(Array.from({ length: heads }, (_, h) => at(h, i, j))) / heads;
    return Array.from({ length: n }, (_, i) => Array.from({ length: m }, (_, j) => (head === null ? mean(i, j) : at(head, i, j))));
  });
}

const foundAt = (row) => {
  const top = Math.max(...row);
  return row.findIndex((w) => w >= top - TIE);
};
const gridOf = ({ size: [height, width] }, P) => ({ rows: height / P, columns: width / P });
const patchName = (facts, index, P) => {
  const { columns } = gridOf(facts, P);
  return `patch ${index + 1} in row ${Math.floor(index / columns) + 1}, column ${(index % columns) + 1}`;
};
const capital = (text) => text[0].toUpperCase() + text.slice(1);

// ---------------------------------------------------------------- the picture and what lies on it

/** Pixels as one path for each level of grey; place(row, column) says where a pixel lies, in pixels. */
function inkPaths(facts, place) {
  const paths = Array.from({ length: LEVELS + 1 }, () => []);
  const width = facts.size[1];
  imageOf(facts).forEach((v, i) => {
    const [x, y] = place(Math.floor(i / width), i % width);
    paths[Math.floor(v * LEVELS + 0.5)].push(`M${round2(x)} ${round2(y)}h1v1h-1z`);
  });
  return paths.map((path) => path.join(""));
}
const round2 = (v) => Math.round(v * 100) / 100;

const painted = (paths, x, y, unit) =>
  s("g", { transform: `translate(${round2(x)} ${round2(y)}) scale(${unit})`, style: "fill:var(--cx-ink)", "shape-rendering": "crispEdges" }, paths.map((d, level) => level > 0 && d && s("path", { d, "fill-opacity": round2(level / LEVELS) })));

/** The whole picture with a thin edge; fainter where a heat layer comes on top. */
function drawn(facts, x, y, side, faint = false) {
  const unit = side / facts.size[1];
  const paths = once(facts, "ink", () => inkPaths(facts, (row, column) => [column, row]));
  return [s("g", { opacity: faint ? 0.5 : 1 }, painted(paths, x, y, unit)), s("rect", { x, y, width: side, height: unit * facts.size[0], class: "cx-clear", style: "stroke:var(--cx-faint)" })];
}

/** A blue layer over the picture: the darkest patch has the largest of these weights. */
function heat(facts, row, P, x, y, side) {
  const { columns } = gridOf(facts, P);
  const unit = (side / facts.size[1]) * P;
  const most = Math.max(1e-9, ...row);
  return row.map((w, k) => w / most >= 0.02 && s("rect", { x: x + (k % columns) * unit, y: y + Math.floor(k / columns) * unit, width: unit, height: unit, style: "fill:var(--cx-key)", "fill-opacity": round2((0.75 * w) / most) }));
}

/** Weights printed on patches that are large enough. */
function printedWeights(facts, row, P, x, y, side) {
  const { columns } = gridOf(facts, P);
  const unit = (side / facts.size[1]) * P;
  return unit < 34 ? [] : row.map((w, k) => w >= 0.05 && label(x + ((k % columns) + 0.5) * unit, y + (Math.floor(k / columns) + 0.5) * unit + 4, num(w), { anchor: "middle", class: "cx-clear-of cx-small cx-strong" }));
}

function gridLines(facts, P, x, y, side) {
  const unit = side / facts.size[1];
  const [height, width] = facts.size;
  const cuts = (length) => Array.from({ length: length / P - 1 }, (_, k) => (k + 1) * P * unit);
  const d = [...cuts(height).map((v) => `M${round2(x)} ${round2(y + v)}h${round2(side)}`), ...cuts(width).map((v) => `M${round2(x + v)} ${round2(y)}v${round2(height * unit)}`)].join("");
  return s("path", { d, fill: "none", style: "stroke:var(--cx-masked-line);stroke-opacity:0.4" });
}

function frameOf(facts, index, P, x, y, side) {
  const { columns } = gridOf(facts, P);
  const unit = (side / facts.size[1]) * P;
  return s("rect", { x: x + (index % columns) * unit, y: y + Math.floor(index / columns) * unit, width: unit, height: unit, class: "cx-frame", style: "stroke-width:2.5" });
}

/** The patch under the pointer. */
function patchUnder(event, facts, P) {
  const box = event.currentTarget.getBoundingClientRect();
  const { rows, columns } = gridOf(facts, P);
  const row = clamp(Math.floor(((event.clientY - box.top) / box.height) * rows), 0, rows - 1);
  return row * columns + clamp(Math.floor(((event.clientX - box.left) / box.width) * columns), 0, columns - 1);
}

const inFrame = ([cx, cy, w, h], x, y, side, high, style) => s("rect", { x: x + (cx - w / 2) * side, y: y + (cy - h / 2) * high, width: w * side, height: h * high, fill: "none", style });

const title = (x, y, text) => label(x, y, text, { class: "cx-strong" });
const note = (x, y, text, more = {}) => label(x, y, text, { class: "cx-small cx-soft", ...more });
const mark = (x, y, width, height) => [s("rect", { x, y, width, height, class: "cx-wash" }), label(x + width / 2, y + height / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" })];
const heightOf = (facts, side) => (side * facts.size[0]) / facts.size[1];

// ---------------------------------------------------------------- view 1: patches look at patches

/** Attention without a model: cosines of the patches' pixels less the mean patch, times 8, softmax. */
function similarity(facts, P) {
  return once(facts, `similar ${P}`, () => {
    const { rows, columns } = gridOf(facts, P);
    const image = imageOf(facts);
    const width = facts.size[1];
    const pixel = (k, p) => image[(Math.floor(k / columns) * P + Math.floor(p / P)) * width + (k % columns) * P + (p % P)];
    const patches = Array.from({ length: rows * columns }, (_, k) => Array.from({ length: P * P }, (_, p) => pixel(k, p)));
    const mean = patches[0].map((_, p) => sum(patches.map((patch) => patch[p])) / patches.length);
    const alike = patches.map((patch) => {
      const centred = patch.map((v, p) => v - mean[p]);
      const length = Math.sqrt(dot(centred, centred));
      return length > 1e-9 ? centred.map((v) => v / length) : centred.map(() => 0);
    });
    return alike.map((a) => softmax(alike.map((b) => SHARPNESS * dot(a, b))));
  });
}

const tokenMap = (facts, { patch, head }) => (facts.weights ? headMap(facts, head) : similarity(facts, patch));
const heldQuery = (facts, state) => Math.min(state.query, tokenMap(facts, state).length - 1);

/** The mean distance in pixels from each patch to what it looks at. */
function reaches(facts, state) {
  return once(facts, `reaches ${state.patch} ${state.head}`, () => {
    const { patch: P } = state;
    const { columns } = gridOf(facts, P);
    const c = facts.class_token;
    const map = tokenMap(facts, state).slice(c).map((row) => row.slice(c));
    const apart = (a, b) => P * Math.hypot(Math.floor(a / columns) - Math.floor(b / columns), (a % columns) - (b % columns));
    return map.map((row, i) => {
      const total = sum(row);
      return total > 0 ? sum(row.map((w, j) => w * apart(i, j))) / total : 0;
    });
  });
}

const tokenName = (facts, index, P) => (index < facts.class_token ? "the class token" : patchName(facts, index - facts.class_token, P));

function placesOfPatches(width, facts, P) {
  const n = gridOf(facts, P).rows * gridOf(facts, P).columns + facts.class_token;
  const three = width >= 760;
  const side = three ? Math.min(300, (width - 75) / 3) : Math.min(330, (width - 30) / 2);
  const high = heightOf(facts, side);
  const gap = three ? 36 : 28;
  const slot = Math.min(40, (width - 2) / n);
  const bars = 24 + high + 52;
  return { n, three, side, high, gap, slot, top: 24, second: side + gap, third: 2 * (side + gap), bars, base: bars + 82, bottom: bars + 82 + Math.max(slot, 8) + 30 };
}

/** The sequence in one row: pixels of all patches, each patch at its place, in units of a patch's side and a gap. */
function sequencePaths(facts, P) {
  return once(facts, `sequence ${P}`, () => {
    const { columns } = gridOf(facts, P);
    const gap = P * 0.16;
    return inkPaths(facts, (row, column) => {
      const k = Math.floor(row / P) * columns + Math.floor(column / P) + facts.class_token;
      return [k * (P + gap) + (column % P), row % P];
    });
  });
}

function sequence(ctx, at, P, q) {
  const { facts, results, hidden } = ctx;
  const { n, slot, bars, base } = at;
  const unit = slot / (P * 1.16);
  const size = P * unit;
  const row = results.weights;
  const most = Math.max(1e-9, ...row);
  const x = (k) => clamp(k * slot + size / 2, 14, ctx.width - 14);
  const taken = [];
  const shown = row.map((_, k) => k).sort((a, b) => row[b] - row[a] || a - b).filter((k) => row[k] >= 0.015 && taken.every((j) => Math.abs(x(j) - x(k)) > 30) && taken.push(k)).slice(0, 8);
  const tops = (k) => base - (50 * row[k]) / most;
  const many = n - facts.class_token;
  return [
    title(0, bars, `The same ${many} ${many === 1 ? "patch" : "patches"} as a sequence`),
    hidden
      ? mark(0, bars + 12, Math.min(ctx.width, n * slot), base - bars - 16)
      : [row.map((w, k) => bar(k * slot + Math.max(0, size - 26) / 2, base, Math.max(0.7, Math.min(size, 26)), (50 * w) / most, { class: k === q ? "cx-query" : "" })), shown.map((k) => label(x(k), tops(k) - 4, num(row[k]), { anchor: "middle", class: "cx-small " + (k === q ? "cx-query-text" : "cx-strong") }))],
    line(0, base, Math.min(ctx.width, n * slot), base),
    s("rect", { x: 0, y: base + 4, width: n * slot - (slot - size), height: size, class: "cx-wash" }),
    facts.class_token === 1 && s("rect", { x: 0.5, y: base + 4.5, width: size - 1, height: Math.max(size - 1, 4), class: "cx-key-wash", style: "stroke:var(--cx-masked-line)" }),
    painted(sequencePaths(facts, P), 0, base + 4, unit),
    s("rect", { x: q * slot - 1, y: base + 3, width: size + 2, height: size + 2, class: "cx-frame" }),
    note(0, base + size + 20, facts.class_token ? "class token, then patch 1" : "patch 1"),
    n * slot > 200 && note(n * slot - (slot - size), base + size + 20, `patch ${many}`, { "text-anchor": "end" }),
  ];
}

/** What the arrow keys move: the query over the picture; up and left of patch 1 lies the class token. */
function stepQuery(ctx, dx, dy) {
  const { facts, live } = ctx;
  const { rows, columns } = gridOf(facts, live.patch);
  const c = facts.class_token;
  const k = heldQuery(facts, live) - c;
  if (k < 0) return ctx.set({ query: c });
  const [row, column] = [Math.floor(k / columns), k % columns];
  if (c && row === 0 && column === 0 && (dx < 0 || dy > 0)) return ctx.set({ query: 0 });
  ctx.set({ query: c + clamp(row - dy, 0, rows - 1) * columns + clamp(column + dx, 0, columns - 1) });
}

function patchKeys(ctx, at, P, q) {
  if (ctx.frozen) return null;
  const { facts } = ctx;
  const c = facts.class_token;
  const pick = (event) => ctx.set({ query: c + patchUnder(event, facts, P) });
  return s(
    "g",
    {
      key: "query", class: "cx-press", tabindex: 0, role: "slider", "data-lm-suppress-shortcuts": "true", "aria-label": "Query patch",
      "aria-valuetext": tokenName(facts, q, P), "aria-valuenow": q, "aria-valuemin": 0, "aria-valuemax": at.n - 1,
      onkeydown: (event) => {
        const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
        if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        event.stopPropagation();
        stepQuery(ctx, ...by);
      },
    },
    s("rect", { x: -1, y: at.top - 1, width: at.side + 2, height: at.high + 2, class: "cx-chip", style: "pointer-events:none" }),
    s("rect", { x: 0, y: at.top, width: at.side, height: at.high, class: "cx-pick", onpointerdown: pick, onpointermove: (event) => event.buttons && pick(event) }),
  );
}

function patchPicture(ctx) {
  const { facts, results, hidden, state } = ctx;
  const P = state.patch;
  const at = placesOfPatches(ctx.width, facts, P);
  const c = facts.class_token;
  const q = heldQuery(facts, state);
  const row = results.weights;
  const { top, side, high, second, third } = at;
  const overPatches = row.slice(c);
  const press = !ctx.frozen && !hidden;
  const pickAt = (event) => ctx.set({ query: c + patchUnder(event, facts, P) });
  const slotUnder = (event) => clamp(Math.floor((event.clientX - event.currentTarget.getBoundingClientRect().left) / at.slot), 0, at.n - 1);
  return [
    s("g", {},
      title(0, 13, at.side < 240 ? `Patches of ${P} × ${P}` : `${facts.size[0]} × ${facts.size[1]} pixels, patches of ${P} × ${P}`),
      drawn(facts, 0, top, side),
      gridLines(facts, P, 0, top, side),
      q >= c && frameOf(facts, q - c, P, 0, top, side),
      title(second, 13, at.side < 240 ? "Where it looks" : q < c ? "Where the class token looks" : "Where the framed patch looks"),
    ),
    s("g", {},
      hidden
        ? mark(second, top, side, high)
        : [drawn(facts, second, top, side, true), heat(facts, overPatches, P, second, top, side), q >= c && frameOf(facts, q - c, P, second, top, side), printedWeights(facts, overPatches, P, second, top, side)],
    ),
    s("g", {}, !hidden && note(second, top + high + 16, `strongest: ${num(Math.max(...overPatches))}`)),
    s("g", {}, at.three && patchMap(ctx, at, q, third)),
    s("g", {}, sequence(ctx, at, P, q)),
    patchKeys(ctx, at, P, q),
    press && s("rect", { x: second, y: top, width: side, height: high, class: "cx-pick", onpointerdown: pickAt, onpointermove: (event) => event.buttons && pickAt(event) }),
    press && s("rect", { x: 0, y: at.bars + 12, width: at.n * at.slot, height: at.base - at.bars + at.slot, class: "cx-pick", onpointerdown: (event) => ctx.set({ query: slotUnder(event) }), onpointermove: (event) => event.buttons && ctx.set({ query: slotUnder(event) }) }),
  ];
}

/** All queries at once: row = query, column = key. */
function patchMap(ctx, at, q, x) {
  const { facts, state, hidden } = ctx;
  const side = at.side;
  const heading = title(x, 13, `All ${at.n} × ${at.n} weights${facts.heads > 1 ? (state.head === null ? ", mean" : `, head ${state.head + 1}`) : ""}`);
  if (hidden) return [heading, mark(x, at.top, side, side)];
  const shades = once(facts, `shades ${state.patch} ${state.head}`, () => {
    const map = tokenMap(facts, state);
    const most = Math.max(1e-9, ...map.map((row) => Math.max(...row)));
    return map.map((row) => row.map((w) => w / most));
  });
  return [
    heading,
    heatMap(ctx, shades, { x, y: at.top, width: side, height: side, print: false, pick: (i) => ctx.set({ query: i }) }),
    s("rect", { x: x - 1.5, y: at.top + ((q + 0.5) / at.n) * side - Math.max(side / at.n, 3) / 2 - 1.5, width: side + 3, height: Math.max(side / at.n, 3) + 3, class: "cx-frame" }),
    note(x, at.top + side + 16, "row: query, column: key"),
  ];
}

const patchesView = {
  compute(state, facts) {
    const map = tokenMap(facts, state);
    const far = reaches(facts, state);
    const q = heldQuery(facts, state);
    const at = q - facts.class_token;
    const row = map[q];
    return {
      weights: row,
      found: foundAt(row),
      largest: Math.max(...row),
      tokens: row.length,
      reach: at >= 0 ? far[at] : 0,
      farther: at >= 0 ? far.filter((v) => v > far[at] + TIE).length : far.length,
    };
  },

  line(state, { weights: row, tokens: n, found: top, largest, reach }, facts) {
    const P = state.patch;
    const q = heldQuery(facts, state);
    const name = capital(tokenName(facts, q, P));
    const ties = row.filter((w) => w >= largest - TIE).length;
    let said = `${name} looks most at ${tokenName(facts, top, P)} (${num(row[top])})`;
    if (n === 1) said = "The only patch looks at itself (1.00)";
    else if (largest - Math.min(...row) < 0.02 * largest) said = `${name} looks at all ${n} tokens alike (${num(row[q])} each)`;
    else if (ties > 1) said = `${name} looks most at ${ties} tokens alike (${num(row[top])} each)`;
    else if (top === q) {
      const others = row.filter((_, k) => k !== q);
      const first = foundAt(others);
      const second = first + Number(first >= q);
      said = `${name} looks most at itself (${num(row[q])}), then at ${tokenName(facts, second, P)} (${num(row[second])})`;
    }
    if (q >= facts.class_token && n > 1) said += `; on average ${num(reach, 1)} pixels away`;
    const many = n === 1 ? "1 token, so 1 weight" : `${n} tokens, so ${n} × ${n} = ${(n * n).toLocaleString("en-US")} weights`;
    return `${said}. ${P} × ${P} pixels make a patch: ${many}.`;
  },

  height: (width, state, facts) => placesOfPatches(width, facts, state.patch).bottom,
  picture: patchPicture,
};

/** The same place in the picture, cut into other patches. */
function withPatch(facts, state, P) {
  const before = gridOf(facts, state.patch).columns;
  const k = heldQuery(facts, state);
  const half = Math.floor(state.patch / 2);
  const [y, x] = [Math.floor(k / before) * state.patch + half, (k % before) * state.patch + half];
  return { patch: P, query: Math.floor(y / P) * gridOf(facts, P).columns + Math.floor(x / P) };
}

// ---------------------------------------------------------------- view 2: object queries and boxes

const cornersOf = ([cx, cy, w, h]) => [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
const areaOf = ([x0, y0, x1, y1]) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);

function overlapOf(a, b) {
  const [p, q] = [cornersOf(a), cornersOf(b)];
  const inner = areaOf([Math.max(p[0], q[0]), Math.max(p[1], q[1]), Math.min(p[2], q[2]), Math.min(p[3], q[3])]);
  const union = areaOf(p) + areaOf(q) - inner;
  return union > 0 ? inner / union : 0;
}

const scoreOf = (prob) => Math.max(...prob.slice(0, -1));

/** Query i answers for object j; where i answered for another object, the two exchange their queries. */
function rematched(matched, i, j) {
  const next = matched.slice();
  const other = next.indexOf(i);
  if (other >= 0) next[other] = next[j];
  next[j] = i;
  return next;
}

function placesOfBoxes(width, facts) {
  const [n, m] = [facts.boxes.length, facts.objects.length];
  const beside = width >= 560;
  const side = beside ? Math.min(370, width * 0.45) : Math.min(340, width - 2);
  const high = heightOf(facts, side);
  const left = beside ? side + 30 : 0;
  const gutter = 136;
  const cell = m ? Math.min(78, (width - left - gutter - 2) / m) : 0;
  const top = beside ? 24 : high + 82;
  const row = clamp((Math.max(high, 200) - 56) / n, 15, 27);
  return { n, m, side, high, left, gutter, cell, row, top, grid: top + 34, bottom: Math.max(24 + high + 26, top + 34 + row * n + 34) };
}

function boxesOverPicture(ctx, at) {
  const { facts, state, results, hidden } = ctx;
  const { side, high } = at;
  const q = state.query;
  const others = facts.boxes.map((_, i) => i).filter((i) => i !== q && scoreOf(facts.class_prob[i]) >= state.threshold);
  const labelled = (box, text, colour, below) => ({ x: clamp((box[0] - box[2] / 2) * side + 2, 0, side - textWidth(text, 12)), y: 24 + (below ? (box[1] + box[3] / 2) * high + 13 : (box[1] - box[3] / 2) * high - 5), text, colour });
  const names = facts.targets.map((box, j) => labelled(box, `${j + 1}: ${facts.objects[j]}`, "cx-value-text", false));
  const place = facts.places?.[q];
  const answered = results.object;
  return [
    drawn(facts, 0, 24, side, results.weights && !hidden),
    results.weights && !hidden && heat(facts, results.weights, facts.patch, 0, 24, side),
    others.map((i) => inFrame(facts.boxes[i], 0, 24, side, high, "stroke:var(--cx-soft);stroke-width:1.5")),
    facts.targets.map((box) => inFrame(box, 0, 24, side, high, "stroke:var(--cx-value);stroke-width:2;stroke-dasharray:5 4")),
    inFrame(facts.boxes[q], 0, 24, side, high, "stroke:var(--cx-query);stroke-width:3"),
    answered >= 0 && !hidden && line(facts.boxes[q][0] * side, 24 + facts.boxes[q][1] * high, facts.targets[answered][0] * side, 24 + facts.targets[answered][1] * high, "cx-guide", { style: "stroke:var(--cx-ink);stroke-dasharray:2 3" }),
    place && s("path", { d: `M${round2(place[0] * side - 6)} ${round2(24 + place[1] * high)}h12m-6 -6v12`, style: "stroke:var(--cx-query);stroke-width:2.5" }),
    names.map(({ x, y, text, colour }) => label(x, clamp(y, 36, 22 + high), text, { class: `cx-clear-of ${colour}`, style: "font-size:12px" })),
  ];
}

function costTable(ctx, at) {
  const { facts, state, hidden } = ctx;
  const { n, m, left, gutter, cell, row, top, grid } = at;
  const x = left + gutter;
  const costs = facts.cost.flat();
  const [low, high] = [Math.min(...costs), Math.max(...costs)];
  const shade = (v) => Math.round((255 * (high - v)) / Math.max(high - low, 1e-9));
  const names = facts.class_prob.map((prob) => {
    const k = prob.indexOf(Math.max(...prob));
    return [facts.classes[k], prob[k], k === prob.length - 1];
  });
  const short = (text, room) => (textWidth(text, 12) > room ? text.slice(0, Math.max(1, Math.floor(room / 6.8) - 1)) + "…" : text);
  const rows = names.map(([name, prob, none], i) => {
    const y = grid + i * row + row / 2 + 4;
    const look = i === state.query ? "cx-query-text" : none ? "cx-soft" : "";
    return [
      i === state.query && s("rect", { x: left - 4, y: grid + i * row + 1, width: gutter, height: row - 2, rx: 3, class: "cx-query-wash" }),
      label(left, y, `${i + 1}`, { class: `cx-small ${look}` }),
      label(left + 20, y, short(name, 72), { class: `cx-small ${look}` }),
      label(left + gutter - 12, y, num(prob), { anchor: "end", class: `cx-small ${look}` }),
    ];
  });
  const fitting = (texts, room) => texts.find((text) => textWidth(text, 12.5) <= room) ?? texts.at(-1);
  const heads = facts.objects.map((name, j) => label(x + (j + 0.5) * cell, grid - 6, fitting([`${j + 1}: ${name}`, name, String(j + 1)], cell - 4), { anchor: "middle", class: "cx-value-text", style: "font-size:12px" }));
  const heading = title(left, top - 11, m ? "What each query says and costs" : "What each query says");
  if (!m) return [heading, s("g", {}, rows)];
  const cells = hidden
    ? mark(x, grid, m * cell, n * row)
    : facts.cost.map((line, i) =>
        line.map((v, j) => [
          s("rect", { x: x + j * cell, y: grid + i * row, width: cell, height: row, fill: `rgb(${ctx.ramp.slice(shade(v) * 3, shade(v) * 3 + 3).join(",")})` }),
          cell >= 34 && label(x + (j + 0.5) * cell, grid + i * row + row / 2 + 4, num(v), { anchor: "middle", class: shade(v) > ctx.rampTurn ? "cx-on-strong" : "cx-on-weak" }),
        ]),
      );
  const chosen = hidden ? null : state.matched.map((i, j) => s("rect", { x: x + j * cell + 1, y: grid + i * row + 1, width: cell - 2, height: row - 2, fill: "none", style: `stroke:var(--cx-value);stroke-width:3` }));
  const box = (event) => event.currentTarget.getBoundingClientRect();
  const press = (event) => {
    const [i, j] = [Math.floor(((event.clientY - box(event).top) / box(event).height) * n), Math.floor(((event.clientX - box(event).left) / box(event).width) * m)];
    ctx.set({ query: clamp(i, 0, n - 1), matched: rematched(ctx.live.matched, clamp(i, 0, n - 1), clamp(j, 0, m - 1)) });
  };
  return [
    heading,
    s("g", {}, rows),
    heads,
    s("g", {}, cells),
    s("g", {}, chosen),
    !hidden && note(left, grid + n * row + 18, "framed: the matching; press to change it"),
    !ctx.frozen && !hidden && s("rect", { x, y: grid, width: m * cell, height: n * row, class: "cx-pick", onpointerdown: press }),
  ];
}

const boxesView = {
  compute(state, facts) {
    const q = state.query;
    const prob = facts.class_prob[q];
    const object = state.matched.indexOf(q);
    const total = sum(state.matched.map((i, j) => facts.cost[i][j]));
    return {
      weights: facts.weights ? headMap(facts, state.head)[q] : null,
      answer: prob.indexOf(Math.max(...prob)),
      score: scoreOf(prob),
      shown: facts.class_prob.filter((p) => scoreOf(p) >= state.threshold).length,
      object,
      iou: object >= 0 ? overlapOf(facts.boxes[q], facts.targets[object]) : 0,
      total,
      least: facts.least,
      excess: Math.max(0, total - facts.least),
    };
  },

  line(state, { answer, shown, object, iou, total, least, excess }, facts) {
    const q = state.query;
    let said = `Query ${q + 1} says '${facts.classes[answer]}' (${num(facts.class_prob[q][answer])})`;
    if (facts.objects.length && object < 0) said += `; no object is matched with it, so it should say '${NO_OBJECT}'`;
    else if (facts.objects.length) said += `; it is matched with object ${object + 1}, '${facts.objects[object]}' (cost ${num(facts.cost[q][object])}, overlap ${num(iou)})`;
    said += `. ${shown} of ${facts.boxes.length} boxes reach the threshold ${num(state.threshold)}.`;
    if (!facts.objects.length) return said;
    return excess < 1e-4 ? `${said} The matching costs ${num(total)}, the least there is.` : `${said} The matching costs ${num(total)}; the least is ${num(least)}.`;
  },

  height: (width, state, facts) => placesOfBoxes(width, facts).bottom,

  picture(ctx) {
    const { facts, state } = ctx;
    const at = placesOfBoxes(ctx.width, facts);
    const { side, high } = at;
    // The query whose box is the smallest under the pointer.
    const pick = (event) => {
      const frame = event.currentTarget.getBoundingClientRect();
      const [x, y] = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
      const under = facts.boxes.map((_, i) => i).filter((i) => {
        const [x0, y0, x1, y1] = cornersOf(facts.boxes[i]);
        return x0 <= x && x <= x1 && y0 <= y && y <= y1 && (scoreOf(facts.class_prob[i]) >= ctx.live.threshold || i === ctx.live.query);
      });
      const size = (i) => facts.boxes[i][2] * facts.boxes[i][3];
      if (under.length) ctx.set({ query: under.sort((a, b) => size(a) - size(b))[0] });
    };
    const pickRow = (event) => {
      const frame = event.currentTarget.getBoundingClientRect();
      ctx.set({ query: clamp(Math.floor(((event.clientY - frame.top) / frame.height) * at.n), 0, at.n - 1) });
    };
    const press = !ctx.frozen && !ctx.hidden;
    const cross = facts.places ? ", + reference point" : "";
    return [
      s("g", {}, title(0, 13, `Query ${state.query + 1}: its box${cross}`)),
      s("g", {}, boxesOverPicture(ctx, at)),
      s("g", {}, note(0, 24 + high + 18, facts.objects.length ? "dashed: objects; grey: other boxes found" : "grey: other boxes found")),
      s("g", {}, costTable(ctx, at)),
      press && s("rect", { x: 0, y: 24, width: side, height: high, class: "cx-pick", onpointerdown: pick }),
      press && s("rect", { x: at.left - 4, y: at.grid, width: at.gutter - 4, height: at.n * at.row, class: "cx-pick", onpointerdown: pickRow }),
    ];
  },
};

// ---------------------------------------------------------------- view 3: the words of a caption

const spreads = (facts) => once(facts, "spreads", () => Array.from({ length: facts.heads }, (_, h) => headMap(facts, h).map(entropy)).flat());

/** The fewest patches that hold half of the weight. */
function forHalf(row) {
  const sorted = row.slice().sort((a, b) => b - a);
  const half = sum(sorted) / 2;
  let held = 0;
  return sorted.filter((w) => (held += w) < half - TIE).length + 1;
}

function placesOfCaption(width, facts) {
  const n = facts.words.length;
  const beside = width >= 560;
  const side = beside ? Math.min(380, width * 0.46) : Math.min(340, width - 2);
  const high = heightOf(facts, side);
  const left = beside ? side + 30 : 0;
  const columns = Math.min(n, Math.max(2, Math.min(4, n > 9 ? 4 : 3)));
  const gap = 14;
  const small = Math.min(128, (width - 2 - left - gap * (columns - 1)) / columns);
  const row = heightOf(facts, small) + 28;
  const top = beside ? 24 : high + 82;
  return { n, side, high, left, columns, gap, small, row, top, bottom: Math.max(24 + high + 26, top + row * Math.ceil(n / columns) + 4) };
}

function thumbnails(ctx, at) {
  const { facts, state, hidden } = ctx;
  const { left, columns, small, gap, row, top } = at;
  const high = heightOf(facts, small);
  const map = headMap(facts, state.head);
  return facts.words.map((word, t) => {
    const [x, y] = [left + (t % columns) * (small + gap), top + Math.floor(t / columns) * row];
    if (t > state.word) return hatch(x, y, small, high);
    const now = t === state.word;
    const text = textWidth(word) > small ? word.slice(0, Math.floor(small / 7.3) - 1) + "…" : word;
    return [
      drawn(facts, x, y, small, !hidden),
      !hidden && heat(facts, map[t], facts.patch, x, y, small),
      now && s("rect", { x: x - 1, y: y - 1, width: small + 2, height: high + 2, class: "cx-frame" }),
      label(x + small / 2, y + high + 16, text, { anchor: "middle", class: now ? "cx-query-text" : "" }),
    ];
  });
}

const captionView = {
  compute(state, facts) {
    const row = headMap(facts, state.head)[state.word];
    const mine = entropy(row);
    const results = { weights: row, found: foundAt(row), largest: Math.max(...row), entropy: mine, half: forHalf(row), narrower: spreads(facts).filter((v) => v < mine - TIE).length };
    return facts.boxes ? { ...results, inside: facts.boxes.shares.map((share) => dot(share, row)) } : results;
  },

  line({ word: t, head }, { weights: row, found, largest, half, inside }, facts) {
    const which = facts.heads === 1 ? "" : head === null ? `, mean of ${facts.heads} heads` : `, head ${head + 1}`;
    let said = `Word ${t + 1} of ${facts.words.length}${which}: to write '${facts.words[t]}' the decoder looks `;
    if (largest - Math.min(...row) < 0.02 * largest) said += `at all ${row.length} patches alike (${num(row[0])} each)`;
    else said += `most at ${patchName(facts, found, facts.patch)} (${num(row[found])}); half of its weight lies on ${half} of ${row.length} patches`;
    if (facts.boxes) said += "; in the box of " + facts.boxes.names.map((name, j) => `'${name}' ${num(inside[j])}`).join(", ");
    return said + ".";
  },

  height: (width, state, facts) => placesOfCaption(width, facts).bottom,

  picture(ctx) {
    const { facts, state, results, hidden } = ctx;
    const at = placesOfCaption(ctx.width, facts);
    const { side, high, left, columns, small, gap, row, top } = at;
    const boxes = facts.boxes ?? { targets: [], names: [] };
    const pick = (event) => {
      const frame = event.currentTarget.getBoundingClientRect();
      const column = Math.floor((event.clientX - frame.left) / (small + gap));
      ctx.set({ word: clamp(Math.floor((event.clientY - frame.top) / row) * columns + clamp(column, 0, columns - 1), 0, at.n - 1) });
    };
    const labelOf = (box, j) => {
      const text = hidden ? boxes.names[j] : `${boxes.names[j]} ${num(results.inside[j])}`;
      const [x, y] = [(box[0] - box[2] / 2) * side, 24 + (box[1] - box[3] / 2) * high - 5];
      return label(clamp(x, 0, side - textWidth(text, 13)), Math.max(y, 36), text, { class: "cx-clear-of cx-value-text", style: "font-size:12px" });
    };
    return [
      s("g", {}, title(0, 13, `Where '${facts.words[state.word]}' looks`), title(left, top - 11, "Word by word")),
      s("g", {}, drawn(facts, 0, 24, side, !hidden), !hidden && heat(facts, results.weights, facts.patch, 0, 24, side), !hidden && !facts.boxes && printedWeights(facts, results.weights, facts.patch, 0, 24, side)),
      s("g", {}, boxes.targets.map((box) => inFrame(box, 0, 24, side, high, "stroke:var(--cx-value);stroke-width:2;stroke-dasharray:5 4"))),
      s("g", {}, boxes.targets.map(labelOf)),
      s("g", {}, hidden ? label(side / 2, 24 + high / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" }) : note(0, 24 + high + 18, `strongest: ${num(results.largest)}${boxes.names.length ? "; green: weight in the box" : ""}`)),
      s("g", {}, thumbnails(ctx, at)),
      !ctx.frozen && !hidden && s("rect", { x: left, y: top, width: ctx.width - left, height: at.bottom - top, class: "cx-pick", onpointerdown: pick }),
    ];
  },
};

// ---------------------------------------------------------------- the family

const VIEWS = { patches: patchesView, boxes: boxesView, caption: captionView };
const viewOf = (facts) => VIEWS[facts.view];

const isView = (name) => (facts) => facts.view === name;

const headsOf = (ctx) => choice({ trait: "head", label: "Head", options: () => [[null, "mean of all"], ...Array.from({ length: ctx.facts.heads }, (_, i) => [i, String(i + 1)])] })(ctx);

/** For each object the query that answers for it; the keyboard's way to change the matching. */
const matchedOf = (ctx) => {
  const { objects, boxes } = ctx.facts;
  const options = () => boxes.map((_, i) => [i, `query ${i + 1}`]);
  const selects = objects.map((name, j) => {
    const select = h("select", { "data-trait": `matched ${j}`, onchange: () => ctx.set({ query: select.selectedIndex, matched: rematched(ctx.live.matched, select.selectedIndex, j) }) }, options().map(([, text]) => h("option", {}, text)));
    return { select, node: h("label", { class: "cx-control" }, h("span", { class: "cx-label" }, `${j + 1}: ${name}`), select) };
  });
  return {
    node: h("span", { class: "cx-controls", style: "margin-top:0" }, selects.map(({ node }) => node)),
    update: (state) => selects.forEach(({ select }, j) => (select.selectedIndex = state.matched[j])),
  };
};

const visionFamily = {
  compute: (state, facts) => viewOf(facts).compute(state, facts),
  line: (state, results, facts) => viewOf(facts).line(state, results, facts),
  still: ["patch", "query", "head", "word", "matched"],
  height: (width, state, hidden, facts) => viewOf(facts).height(width, state, facts) + 4,
  picture: (ctx) => viewOf(ctx.facts).picture(ctx),

  controls: [
    within(isView("patches"), (ctx) =>
      slider({ trait: "query", label: "Query", min: 0, max: (state) => tokenMap(ctx.facts, state).length - 1, step: 1, get: (state) => heldQuery(ctx.facts, state), format: (v) => (v < ctx.facts.class_token ? "class token" : `patch ${v - ctx.facts.class_token + 1}`) })(ctx),
    ),
    within(
      (facts) => facts.view === "patches" && facts.sizes.length > 1,
      (ctx) => {
        const sizes = ctx.facts.sizes;
        return slider({ trait: "patch", label: "Patch size", min: 0, max: sizes.length - 1, step: 1, get: (state) => sizes.indexOf(state.patch), put: (k, state) => withPatch(ctx.facts, state, sizes[k]), format: (k) => `${sizes[k]} × ${sizes[k]}` })(ctx);
      },
    ),
    within(isView("boxes"), (ctx) => slider({ trait: "query", label: "Object query", min: 0, max: ctx.facts.boxes.length - 1, step: 1, format: (v) => num(v + 1, 0) })(ctx)),
    within(isView("boxes"), slider({ trait: "threshold", label: "Threshold", min: 0, max: 1, step: 0.01, format: (v) => num(v) })),
    within((facts) => facts.view === "boxes" && facts.objects.length > 0, matchedOf),
    within((facts) => facts.view === "caption" && facts.words.length > 1, (ctx) => slider({ trait: "word", label: "Word", min: 0, max: ctx.facts.words.length - 1, step: 1, format: (v) => num(v + 1, 0) })(ctx)),
    within(isView("caption"), (ctx) => action({ label: "Write the next", name: "Write the next word", run: () => ctx.set({ word: Math.min(ctx.live.word + 1, ctx.facts.words.length - 1) }) })(ctx)),
    within((facts) => facts.heads > 1 && Boolean(facts.weights), headsOf),
  ],
};

export default explorer(visionFamily);
