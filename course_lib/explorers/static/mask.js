// Who may look at whom. Python's side is mask.py; the maths and the words must agree with it.

const quoted = (name) => `'${name}'`;

// ---------------------------------------------------------------- maths

/** The mask of padding, causal and window, rows of booleans: true = may be attended. */
const rulesOf = ({ real, causal, window: wide }, n) =>
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => j < real && !(causal && j > i) && (!wide || Math.abs(i - j) < wide)));

/** The rules with the painted cells over them. */
function maskOf(state, n) {
  const mask = rulesOf(state, n);
  for (const [i, j, allowed] of state.painted) mask[i][j] = Boolean(allowed);
  return mask;
}

/** Queries, keys, values: padding is zeros, the word `changed` is replaced by another. */
const vectorsOf = ({ words }, real, changed) =>
  words.map((part) => part.map((v, i) => (i === changed ? v.map((x) => -x) : i < real ? v : v.map(() => 0))));

/** Weights before the mask, weights, output; the mask comes before softmax, or after it (wrong). */
function attendMasked([Q, K, V], mask, after) {
  const scores = Q.map((q) => K.map((k) => dot(q, k) / Math.sqrt(q.length)));
  const unmasked = scores.map(softmax);
  const weights = after
    ? unmasked.map((row, i) => row.map((w, j) => (mask[i][j] ? w : 0)))
    : scores.map((row, i) => softmax(row.map((x, j) => (mask[i][j] ? x : -Infinity))));
  return { unmasked, weights, output: weights.map((row) => V[0].map((_, a) => sum(row.map((w, j) => w * V[j][a])))) };
}

/** The first index whose value is the wanted one but for rounding. */
const firstNear = (values, wanted) => values.findIndex((v) => Math.abs(v - wanted) < 1e-9);
const count = (flags) => flags.filter(Boolean).length;

function maskResults(state, facts) {
  const n = facts.names[0].length;
  const { changed, real, after } = state;
  const rules = rulesOf(state, n);
  const mask = maskOf(state, n);
  const before = attendMasked(vectorsOf(facts, real, null), mask, after).output;
  const { unmasked, weights, output } = attendMasked(vectorsOf(facts, real, changed), mask, after);
  const moved = output.map((out, i) => Math.hypot(...out.map((v, a) => v - before[i][a]))).map((far) => (far < 1e-12 ? 0 : far));
  const leaking = moved.map((far, i) => changed !== null && i !== changed && far > 0 && !rules[i][changed]);
  const sums = weights.map(sum);
  return {
    mask: mask.map((row) => row.map(Number)), // numbers, so that a challenge can ask for a cell
    weights, row_sums: sums, output, moved, unmasked, leaking,
    leaks: count(leaking),
    opened: count(mask.flatMap((row, i) => row.map((open, j) => open && !rules[i][j]))),
    lowest_sum: Math.min(...sums),
  };
}

// ---------------------------------------------------------------- words

function aboutMask({ after, real }, { mask, row_sums: sums }, facts) {
  const names = facts.names[real];
  const n = names.length;
  const hidden = n * n - count(mask.flat());
  const filled = mask.map((row) => row.some(Boolean));
  const lowest = Math.min(...sums.filter((_, i) => filled[i]));
  let said = hidden ? `${hidden} of ${n * n} cells are hidden` : "No cell is hidden";
  if (after && hidden && lowest < 0.995) {
    const low = firstNear(sums.map((v, i) => (filled[i] ? v : 2)), lowest);
    said += `, but after softmax: row ${quoted(names[low])} sums to ${num(sums[low])}, not to 1.`;
  } else if (count(filled)) said += `; every ${count(filled) === n ? "" : "other "}row sums to 1.`;
  else said += ".";
  const empty = names.filter((_, i) => !filled[i]);
  if (empty.length === 1) said += ` ${quoted(empty[0])} may look at nothing: its weights and its output are all 0.`;
  else if (empty.length) said += ` ${empty.length} tokens may look at nothing: their weights and outputs are all 0.`;
  return said;
}

function aboutChange({ changed, real }, { moved, leaking, leaks }, facts) {
  if (changed === null) return "";
  const names = facts.names[real];
  const movers = moved.filter((far) => far > 0).length;
  const said = ` ${quoted(names[changed])} became ${quoted(facts.replacement)}: ${movers || "none"} of ${names.length} outputs moved`;
  if (!leaks) return `${said}${movers ? ", no leak." : "."}`;
  const far = moved.map((v, i) => (leaking[i] ? v : 0));
  const worst = firstNear(far, Math.max(...far));
  const most = `${quoted(names[worst])} by ${num(moved[worst])}`;
  return `${said}, ${leaks} through a leak (${leaks === 1 ? "" : "most "}${most}).`;
}

// ---------------------------------------------------------------- the picture

const strong = (x, y, text) => label(x, y, text, { class: "cx-strong" });
const small = (x, y, text, anchor = "start") => label(x, y, text, { anchor, class: "cx-small cx-soft" });

function places(width, facts, state) {
  const names = facts.names[state.real];
  const n = names.length;
  const [narrow, wide] = [width < 520, width >= 700];
  const widest = Math.max(...[...names, facts.replacement].map((name) => textWidth(name, 16)));
  const gutter = Math.max(40, widest + 12);
  const gap = narrow ? 12 : wide ? 26 : 18;
  const track = narrow ? 0 : wide ? 74 : 40; // the bar beside a sum
  const sums = narrow ? 34 : 38 + track;
  const least = narrow ? 74 : wide ? 150 : 118;
  const cell = Math.max(20, Math.min(66, (width - gutter - sums - least - 2 * gap) / n));
  const level = widest < cell - 2;
  const top = level ? 58 : 40 + widest * 0.77;
  const right = gutter + n * cell;
  const row = 34;
  return { names, n, narrow, track, gutter, cell, row, level, top, right, sums: right + gap, moved: right + 2 * gap + sums, movedWidth: width - right - 2 * gap - sums, bottom: top + n * row };
}

/** Names of the keys; the replaced one stands struck out above its replacement. */
function keyNames(at, { state, facts }) {
  return at.names.map((name, j) => {
    const middle = at.gutter + (j + 0.5) * at.cell;
    const now = j === state.changed ? facts.replacement : name;
    const look = { class: j === state.changed ? "cx-strong" : j < state.real ? "cx-key-text" : "cx-soft" };
    if (!at.level) return label(0, 0, now, { ...look, transform: `translate(${middle + 4} ${at.top - 8}) rotate(-50)` });
    return [
      j === state.changed && label(middle, at.top - 25, name, { anchor: "middle", class: "cx-small cx-soft", "text-decoration": "line-through" }),
      label(middle, at.top - 8, now, { ...look, anchor: "middle" }),
    ];
  });
}

const queryNames = (at, { state, facts }) =>
  at.names.map((name, i) =>
    label(at.gutter - 9, at.top + (i + 0.5) * at.row + 4, i === state.changed ? facts.replacement : name, { anchor: "end", class: i === state.changed ? "cx-strong" : i < state.real ? "cx-query-text" : "cx-soft" }),
  );

// Where the keyboard stands and what a drag paints, by explorer: nothing that Python need know.
const brushes = new WeakMap();
function brushOf(facts) {
  if (!brushes.has(facts)) brushes.set(facts, { at: [0, 0], value: null });
  return brushes.get(facts);
}

/** Paints one cell; a cell painted as the rules have it is no longer painted. */
function paintCell(ctx, i, j, open) {
  const { live, facts } = ctx;
  const asRuled = rulesOf(live, facts.names[0].length)[i][j] === open;
  const rest = live.painted.filter(([a, b]) => a !== i || b !== j);
  const painted = asRuled ? rest : [...rest, [i, j, Number(open)]].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  ctx.set({ painted });
}

const isOpen = (ctx, i, j) => maskOf(ctx.live, ctx.facts.names[0].length)[i][j];

/** Handlers of the whole grid: press a cell to turn it over, drag to give others the same. */
function brushHandlers(ctx, at) {
  const brush = brushOf(ctx.facts);
  const cellAt = (event) => {
    const box = event.currentTarget.ownerSVGElement.getBoundingClientRect();
    const [j, i] = [Math.floor((event.clientX - box.left - at.gutter) / at.cell), Math.floor((event.clientY - box.top - at.top) / at.row)];
    return i >= 0 && j >= 0 && i < at.n && j < at.n ? [i, j] : null;
  };
  const done = () => ((brush.value = null), ctx.busy(false));
  return {
    onpointerdown: (event) => {
      const cell = cellAt(event);
      if (event.button !== 0 || !cell) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      brush.value = !isOpen(ctx, ...cell);
      brush.at = cell;
      ctx.busy(true);
      paintCell(ctx, ...cell, brush.value);
    },
    onpointermove: (event) => {
      const cell = brush.value !== null && cellAt(event);
      if (cell && isOpen(ctx, ...cell) !== brush.value) paintCell(ctx, ...cell, brush.value);
    },
    onpointerup: done,
    onpointercancel: done,
    onkeydown: (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      const press = event.key === "Enter" || event.key === " ";
      if ((!step && !press) || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      if (press) return paintCell(ctx, ...brush.at, !isOpen(ctx, ...brush.at));
      brush.at = brush.at.map((v, axis) => clamp(v + step[axis], 0, at.n - 1));
      event.currentTarget.querySelector(`[data-cell="${brush.at}"]`).focus();
      ctx.set({}); // one cell can be reached with Tab, and it is another one now
    },
  };
}

function cells(at, ctx) {
  const { state, results, facts, hidden, frozen, ramp, rampTurn } = ctx;
  const still = hidden || frozen;
  const brush = brushOf(facts);
  const byHand = new Set(state.painted.map(([i, j]) => `${i},${j}`));
  const one = (i, j) => {
    const [x, y, w, h] = [at.gutter + j * at.cell, at.top + i * at.row, at.cell, at.row];
    const open = Boolean(results.mask[i][j]);
    const weight = results.weights[i][j];
    const shade = Math.round(255 * clamp(weight, 0, 1));
    const words = (text, look) => at.cell >= 27 && label(x + w / 2, y + h / 2 + 4, text, { anchor: "middle", ...look });
    const lost = state.after && !hidden;
    const tight = at.cell < 40;
    const pill = tight ? 22 : 30;
    const parts = open
      ? [
          s("rect", { x, y, width: w, height: h, ...(hidden ? { class: "cx-wash" } : { fill: `rgb(${ramp.slice(shade * 3, shade * 3 + 3).join(",")})` }) }),
          words(hidden ? "?" : num(weight), { class: hidden ? "cx-soft" : shade > rampTurn ? "cx-on-strong" : "cx-on-weak" }),
        ]
      : [
          hatch(x, y, w, h),
          // The mistake: the share that softmax had given to this cell, now thrown away.
          lost && at.cell >= 27 && s("rect", { x: x + w / 2 - pill / 2, y: y + h / 2 - 8, width: pill, height: 16, rx: 3, style: "fill:var(--cx-paper)" }),
          lost && words(num(results.unmasked[i][j]).slice(tight ? 1 : 0), { class: "cx-small cx-soft", "text-decoration": "line-through" }),
        ];
    parts.push(s("rect", { x: x + 0.5, y: y + 0.5, width: w - 1, height: h - 1, class: "cx-cell-edge" }));
    if (byHand.has(`${i},${j}`)) parts.push(s("path", { d: `M${x + 2} ${y + 2}h9l-9 9z`, style: "fill:var(--cx-ink)" }));
    if (still) return s("g", {}, parts);
    const name = `${quoted(at.names[i])} looks at ${quoted(at.names[j])}, weight ${num(weight)}`;
    const focusable = { tabindex: i === brush.at[0] && j === brush.at[1] ? 0 : -1, role: "button", "aria-pressed": String(open), "aria-label": name, "data-cell": `${i},${j}`, "data-lm-suppress-shortcuts": "true" };
    return s("g", { class: "cx-brush", ...focusable }, parts, s("rect", { x: x + 2, y: y + 2, width: w - 4, height: h - 4, class: "cx-ring" }));
  };
  const all = at.names.map((_, i) => at.names.map((_, j) => one(i, j)));
  return s("g", { key: still ? "still" : "brush", ...(still ? {} : brushHandlers(ctx, at)) }, all);
}

function sumsPanel(at, { results, hidden }) {
  const { sums: x, track } = at;
  return at.names.map((_, i) => {
    const y = at.top + (i + 0.5) * at.row;
    const total = results.row_sums[i];
    const empty = !results.mask[i].some(Boolean);
    const short = total < 0.995;
    if (hidden) return label(x, y + 4, "?", { class: "cx-soft" });
    return [
      label(x, y + 4, empty ? "0" : num(total), { class: short ? "cx-strong" : "cx-soft" }),
      !at.narrow && (empty ? small(x + 38, y + 4, "empty") : [short && hatch(x + 38, y - 6, track, 12), barRight(x + 38, y - 6, track * clamp(total, 0, 1), 12)]),
    ];
  });
}

function movedPanel(at, { state, results, facts, hidden }) {
  const x = at.moved;
  const longest = Math.max(0, at.movedWidth - 44 - 40);
  return at.names.map((_, i) => {
    const y = at.top + (i + 0.5) * at.row;
    const far = results.moved[i];
    if (hidden || state.changed === null) return label(x, y + 4, state.changed === null ? "–" : "?", { class: "cx-soft" });
    const length = at.narrow ? 0 : Math.max(2, (longest * far) / facts.reach);
    return [
      label(x, y + 4, far ? (far < 0.005 ? "<.01" : num(far)) : "0", { class: far ? "cx-value-text" : "cx-soft" }),
      far > 0 && !at.narrow && barRight(x + 44, y - 6, length, 12, { class: "cx-value" }),
      results.leaking[i] && strong(x + (at.narrow ? 36 : 44 + length + 6), y + 4, "leak"),
    ];
  });
}

function notes(at, { state, facts, hidden, frozen }) {
  const y = at.bottom + 19;
  if (hidden) return [];
  const told = state.changed === null ? "replace a token" : `${quoted(at.names[state.changed])} is now ${quoted(facts.replacement)}`;
  return [
    !frozen && small(at.gutter, y, at.right - at.gutter > 290 ? "Press or drag over cells to hide or open them" : "press or drag to paint"),
    !at.narrow && (textWidth(told) < at.movedWidth ? small(at.moved, y, told) : small(at.moved + at.movedWidth, y, told, "end")),
  ];
}

// ---------------------------------------------------------------- the family

const sizeOf = ({ facts }) => facts.names[0].length;

const maskFamily = {
  compute: maskResults,

  line: (state, results, facts) => aboutMask(state, results, facts) + aboutChange(state, results, facts),

  still: ["causal", "real", "window", "after", "changed", "painted"],

  height: (width, state, hidden, facts) => places(width, facts, state).bottom + 28,

  picture(ctx) {
    const at = places(ctx.width, ctx.facts, ctx.state);
    const column = ctx.state.changed;
    return [
      s("g", {}, strong(at.gutter, 13, "Weights"), strong(at.sums, 13, at.narrow ? "Sum" : "Row sum"), strong(at.moved, 13, at.narrow ? "Moved" : "Output moved")),
      s("g", {}, keyNames(at, ctx), queryNames(at, ctx)),
      cells(at, ctx),
      s("g", {}, column !== null && s("rect", { x: at.gutter + column * at.cell, y: at.top, width: at.cell, height: at.n * at.row, class: "cx-column" })),
      s("g", {}, sumsPanel(at, ctx)),
      s("g", {}, movedPanel(at, ctx)),
      s("g", {}, notes(at, ctx)),
    ];
  },

  controls: [
    toggle({ trait: "causal", label: "Causal" }),
    (ctx) => slider({ trait: "real", label: "Padding", min: 0, max: sizeOf(ctx) - 1, step: 1, format: (v) => num(v, 0), get: (state) => sizeOf(ctx) - state.real, put: (v) => ({ real: sizeOf(ctx) - v }) })(ctx),
    (ctx) => slider({ trait: "window", label: "Window", min: 0, max: sizeOf(ctx), step: 1, format: (v) => (v ? num(v, 0) : "off") })(ctx),
    (ctx) => choice({ trait: "changed", label: "Replace", options: (state) => [[null, "nothing"], ...ctx.facts.names[state.real].map((name, i) => [i, name])] })(ctx),
    toggle({ trait: "after", label: "Mask after softmax" }),
    action({ label: "Clear paint", run: (ctx) => ctx.set({ painted: [] }), enabled: ({ painted }) => painted.length > 0 }),
  ],
};

export default explorer(maskFamily);
