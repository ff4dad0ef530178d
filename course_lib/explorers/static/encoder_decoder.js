// A decoder, step by step. Python's side is encoder_decoder.py; the results and the words must agree with it.

const ALIKE = 0.005;

// ---------------------------------------------------------------- the weights that Python sent

const sent = new WeakMap();
const weightsSent = (facts) => {
  if (!sent.has(facts)) sent.set(facts, { cross: floats(facts.cross), own: facts.own && floats(facts.own) });
  return sent.get(facts);
};

/** Row t of one head: its weights on the source. */
function crossRow({ cross }, [, n, m], head, t) {
  const first = (head * n + t) * m;
  return Array.from(cross.subarray(first, first + m));
}
const crossMap = (facts, head) => Array.from({ length: facts.sizes[1] }, (_, t) => crossRow(weightsSent(facts), facts.sizes, head, t));

const entropies = new WeakMap();
/** Entropies of all rows of all heads, [head][step], worked out once. */
function entropiesOf(facts) {
  if (!entropies.has(facts)) entropies.set(facts, Array.from({ length: facts.sizes[0] }, (_, h) => crossMap(facts, h).map(entropy)));
  return entropies.get(facts);
}

const largestAt = (values) => values.indexOf(Math.max(...values));
/** Is Python still translating the text that was written? */
const translating = (state, facts) => Boolean(facts.field) && state.text !== facts.text;
/** The state, fitted to the translation that is here: while a text is on its way, another may be shown. */
const fitted = ({ step, head, chosen }, { sizes: [, n, m] }) => ({ head, step: Math.min(step, n - 1), chosen: chosen !== null && chosen < m ? chosen : null });

// ---------------------------------------------------------------- where things stand

const seenToken = (token) => {
  const text = token.replaceAll(" ", "␣") || "∅";
  return text.length > 14 ? text.slice(0, 13) + "…" : text;
};
const cut = (text, width, size = 14) => {
  const room = Math.max(2, Math.floor(width / (size * 0.56) + 0.01));
  return text.length > room ? text.slice(0, room - 1) + "…" : text;
};

/**
 * The tokens of a row: middles x and cell widths, in the room from `left`. Where they do not fit side by side they take
 * turns on two levels; where that is not enough either they stand aslant (`tall` rows) or are cut.
 */
function rowPlaces(tokens, left, width, tall) {
  const texts = tokens.map(seenToken);
  const pad = texts.every((t) => t.length === 1) ? 7 : 12;
  const natural = texts.map((t) => textWidth(t, 14) + pad);
  const total = sum(natural);
  if (total <= width) {
    const grow = Math.min(width / total, pad === 7 ? 4 : 2.2);
    let at = left;
    const chips = natural.map((w) => (pad === 7 ? Math.min(w * grow - 1, 23) : Math.min(w * grow, w + 6)));
    return { mode: "level", texts, cells: natural.map((w) => w * grow), chips, x: natural.map((w) => ((at += w * grow), at - (w * grow) / 2)), right: left + total * grow };
  }
  const fits = natural.every((w) => w - 2 <= (2 * width) / tokens.length);
  const mode = fits || !tall ? "turns" : "aslant";
  if (mode === "aslant") width -= 0.66 * Math.max(...texts.map((t) => textWidth(t))); // the last one leans out
  const cell = width / tokens.length;
  const x = tokens.map((_, i) => left + (i + 0.5) * cell);
  const short = mode === "turns" ? texts.map((t) => cut(t, 2 * cell - 6)) : texts;
  const chips = short.map((t) => textWidth(t, 14) + (mode === "turns" ? 10 : 0));
  return { mode, texts: short, cells: x.map(() => cell), chips, x, right: left + width };
}

const rise = (row) => (row.mode === "aslant" ? 12 + 0.78 * Math.max(...row.texts.map((t) => textWidth(t, 14))) : row.mode === "turns" ? 50 : 26);

/** All places of the picture at this width. */
function stand(width, facts) {
  const { source, target, own, sizes: [, n, m] } = facts;
  const words = [...source, ...target].some((t) => seenToken(t).length > 1);
  const gutter = width < 520 ? 0 : 52;
  // The map: beside the rows where both have room, else under them.
  const widest = (tokens, most) => Math.min(most, Math.max(...tokens.map((t) => textWidth(seenToken(t)))));
  const names = widest(target, 90) + 12;
  const steps = own ? ["start", ...target] : target;
  const need = Math.max(...[source, steps].map((row) => sum(row.map((t) => textWidth(seenToken(t), 14) + (words ? 12 : 7)))));
  const cell = clamp((width * 0.31 - names) / m, 9, 34);
  const level = (size) => widest(source, 99) < size - (words ? 3 : 1);
  const leans = level(cell) ? 2 : Math.max(2, 4 + 0.5 * widest(source.slice(-2), 92) - cell / 2);
  const mapWidth = Math.max(names + m * cell + leans, 156);
  const beside = width >= 560 && width - gutter - mapWidth - 28 >= need;
  const room = (beside ? width - mapWidth - 28 : width) - gutter;
  const from = rowPlaces(source, gutter, room, true);
  const all = rowPlaces(steps, gutter, room, false);
  // The start symbol stands in front where something is known about looks at it.
  const first = own ? 1 : 0;
  const to = { ...all, first, start: { x: all.x[0], chip: all.chips[0] }, ...Object.fromEntries(["x", "cells", "chips", "texts"].map((name) => [name, all[name].slice(first)])) };
  const top = 32 + (gutter ? 0 : 16) + rise(from); // bottom of the source tokens
  const fan = top + 22;
  const line = fan + (own ? 150 : 170) + (gutter ? 0 : 6); // top of the target tokens
  const low = line + (to.mode === "turns" ? 50 : 28);
  const bottom = low + (own ? 74 : 26);
  const under = { x: 0, top: bottom + 14, cell: Math.min(34, (width - names - 40) / m), row: 20 };
  const aside = { x: width - mapWidth, top: 0, cell, row: clamp((bottom - 110) / n, 13, 26) };
  const map = { ...(beside ? aside : under), names, n, m, level: level(beside ? cell : under.cell) };
  map.grid = map.top + (map.level ? 58 : 50 + 0.87 * widest(source, 92));
  // Where the map stands alone, there is room for its notes beside it.
  map.aside = !beside && width - names - m * map.cell > 200;
  map.bottom = map.grid + map.row * n + (map.aside ? 6 : 40);
  return { gutter, from, to, top, fan, line, low, bottom, map, height: Math.max(bottom, map.bottom) };
}

// ---------------------------------------------------------------- tokens

const chip = (x, y, width, look) => s("rect", { x: x - width / 2, y, width, height: 26, rx: 5, ...look });

/** Of many words that stand aslant, those with room for a name: the chosen one and the largest weights first. */
function namedAslant(ctx, from, chosen) {
  const need = (j) => (j === chosen ? 2 : ctx.hidden || chosen !== null ? 0 : ctx.results.weights[j]);
  const order = from.x.map((_, j) => j).sort((a, b) => need(b) - need(a) || a - b);
  const named = new Set();
  for (const j of order) if ([...named].every((k) => Math.abs(from.x[k] - from.x[j]) > 16.5)) named.add(j);
  return named;
}

/** The source: all of it in sight; the one that is asked about has a frame. */
function sourceRow(ctx, at, chosen) {
  const { from, top } = at;
  const named = from.mode === "aslant" ? namedAslant(ctx, from, chosen) : null;
  return from.texts.map((text, j) => {
    const on = j === chosen;
    const look = { class: on ? "cx-strong" : "cx-key-text" };
    if (from.mode === "aslant") {
      return [
        s("circle", { cx: from.x[j], cy: top - 4, r: on ? 5 : 3, style: "fill:var(--cx-key)" }),
        named.has(j) && label(0, 0, text, { ...look, transform: `translate(${from.x[j] + 4} ${top - 12}) rotate(-50)` }),
      ];
    }
    const y = top - 26 - (from.mode === "turns" && j % 2 === 0 ? 24 : 0);
    const x = clamp(from.x[j], at.gutter + from.chips[j] / 2, from.right - from.chips[j] / 2);
    return [
      from.mode === "turns" && j % 2 === 0 && line(from.x[j], y + 26, from.x[j], top, "cx-grid"),
      chip(x, y, Math.max(from.chips[j], 13) - 3, { class: "cx-key-wash", ...(on ? { style: "stroke:var(--cx-key);stroke-width:2" } : {}) }),
      label(x, y + 18, text, { ...look, anchor: "middle", style: "font-size:14px" }),
    ];
  });
}

/** What is written so far, the token of this step in its frame, and the wall before all that comes later. */
function targetRow(ctx, at, { step }, aloneLast) {
  const { to, line: y } = at;
  const last = to.x.length - 1;
  const front = Math.max(to.start.x, at.gutter + to.start.chip / 2);
  const start = to.first === 1 && [
    chip(front, y, to.start.chip - 2, { class: "cx-clear", style: "stroke:var(--cx-masked-line);stroke-dasharray:3 3" }),
    label(front, y + 18, "start", { anchor: "middle", class: "cx-soft", style: "font-size:14px" }),
  ];
  const written = to.texts.slice(0, step + 1).map((text, i) => {
    const now = i === step;
    const down = y + (to.mode === "turns" && (i + to.first) % 2 ? 24 : 0);
    const x = clamp(to.x[i], at.gutter + to.chips[i] / 2, to.right - to.chips[i] / 2);
    return [
      down > y && line(to.x[i], y, to.x[i], down, "cx-grid"),
      chip(x, down, Math.max(to.chips[i], 14) - 2, now ? { class: "cx-query-wash", style: "stroke:var(--cx-query);stroke-width:2" } : { class: "cx-wash" }),
      label(x, down + 18, text, { anchor: "middle", class: now ? "cx-query-text" : "", style: "font-size:14px" }),
    ];
  });
  if (step === last) return [start, written];
  const x = wallAt(at, step);
  const [top, height] = [y - 22, at.low - y + 44];
  const wide = to.right - x;
  const told = wide > 190 ? `${last - step} token${last - step > 1 ? "s" : ""} not yet written` : "not yet written";
  const room = textWidth(told, 12) + 16;
  return [
    hatchOf(x, top, wide, height),
    line(x, top - 6, x, top + height + 6, "cx-wall", { style: "stroke:var(--cx-ink);stroke-width:3" }),
    wide > room && [
      s("rect", { x: x + wide / 2 - room / 2, y: top + height / 2 - 11, width: room, height: 22, rx: 4, style: "fill:var(--cx-paper)" }),
      label(x + wide / 2, top + height / 2 + 4, told, { anchor: "middle", class: "cx-small cx-soft" }),
    ],
    start,
    written,
  ];
}

/** A hatch with strokes as far apart as on small cells. */
function hatchOf(x, y, width, height) {
  const strokes = [];
  for (let d = 8; d < width + height; d += 8) strokes.push(`M${x + Math.max(0, d - height)} ${y + Math.min(d, height)}L${x + Math.min(d, width)} ${y + Math.max(0, d - width)}`);
  return s("g", { class: "cx-masked" }, s("rect", { x, y, width, height }), s("path", { d: strokes.join("") }));
}

const wallAt = ({ to }, step) => Math.max(to.x[step] + to.cells[step] / 2, to.x[step] + to.chips[step] / 2 - 1) + 3;

// ---------------------------------------------------------------- who looks where

const round = (v) => Math.round(v * 100) / 100;

/** A band between two level stretches: [x, width] above at y0 and below at y1. */
function band([a, wide], y0, [b, broad], y1, style) {
  const middle = (y0 + y1) / 2;
  const [x0, x1, x2, x3] = [a - wide / 2, a + wide / 2, b - broad / 2, b + broad / 2].map(round);
  return s("path", { d: `M${x0} ${y0}C${x0} ${middle} ${x2} ${middle} ${x2} ${y1}L${x3} ${y1}C${x3} ${middle} ${x1} ${middle} ${x1} ${y0}Z`, style });
}

/** Printed weights, the largest first; one that would stand on another is left out. */
function printed(values, places, y, colour, width) {
  const xs = places.map((x) => clamp(x, 13, width - 13));
  const taken = [];
  const top = Math.max(...values);
  return values
    .map((_, j) => j)
    .sort((a, b) => values[b] - values[a] || a - b)
    .filter((j) => values[j] >= ALIKE && taken.every((x) => Math.abs(x - xs[j]) > 31) && taken.push(xs[j]))
    .map((j) => label(xs[j], y, num(values[j]), { anchor: "middle", class: "cx-small " + (values[j] === top ? colour + " cx-strong" : values[j] < 0.1 ? "cx-soft" : "") }));
}

/** One band to each source token, as wide as its weight; they leave the present target token side by side. */
function fanOut(ctx, at, { step }) {
  const row = ctx.results.weights;
  const { from, to, fan, line: y } = at;
  const whole = clamp(to.chips[step] * 0.8, 26, 56);
  let edge = to.x[step] - (whole * Math.min(1, sum(row))) / 2;
  const bands = row.map((w, j) => {
    edge += whole * w;
    return w >= ALIKE && band([from.x[j], Math.max(1, Math.min(whole, from.cells[j] * 0.9) * w)], fan, [edge - (whole * w) / 2, Math.max(1, whole * w)], y - 1, "fill:var(--cx-key);opacity:0.45");
  });
  return [bands, printed(row, from.x, at.top + 16, "cx-key-text", ctx.width)];
}

/** The other way round: which written tokens looked at the chosen source token, and how much. */
function fanIn(ctx, at, { chosen }) {
  const column = ctx.results.column;
  const { from, to, fan, line: y } = at;
  const whole = Math.min(26, 60 / Math.max(1, sum(column)));
  let edge = from.x[chosen] - (whole * sum(column)) / 2;
  const bands = column.map((w, i) => {
    edge += whole * w;
    return w >= ALIKE && band([edge - (whole * w) / 2, Math.max(1, whole * w)], fan - 18, [to.x[i], Math.max(1, Math.min(whole, to.cells[i] * 0.9) * w)], y - 20, "fill:var(--cx-query);opacity:0.42");
  });
  return [bands, printed(column, to.x, y - 6, "cx-query-text", ctx.width)];
}

/** What the decoder looks at among its own tokens: arcs under the row, back from the present one. */
function backwards(ctx, at, { step }) {
  const { to, low } = at;
  const weights = ctx.results.own;
  // Column 0 is the start symbol, column j the token j - 1.
  const xs = weights.map((_, j) => (j ? to.x[j - 1] : to.start.x));
  const arcs = weights.map((w, j) => {
    if (w < ALIKE) return null;
    const depth = low + 26 + Math.min(36, 12 + Math.abs(to.x[step] - xs[j]) * 0.14);
    return s("path", { d: `M${round(to.x[step])} ${low + 4}C${round(to.x[step])} ${depth + 10} ${round(xs[j])} ${depth + 10} ${round(xs[j])} ${low + 20}`, fill: "none", style: `stroke:var(--cx-key);stroke-width:${round(Math.max(1, 12 * w))};opacity:0.45` });
  });
  return [arcs, printed(weights, xs, low + 14, "cx-key-text", ctx.width)];
}

// ---------------------------------------------------------------- the whole map

function mapPanel(ctx, at, { step, head, chosen }) {
  const { facts, hidden } = ctx;
  const { x, top, grid, cell, row, names, n, m, level, aside } = at.map;
  const [left, width, height] = [x + names, cell * m, row * n];
  const title = `All steps${facts.sizes[0] > 1 ? `, head ${head + 1} of ${facts.sizes[0]}` : ""}`;
  const heading = [label(x, top + 13, title, { class: "cx-strong" }), label(x, top + 31, "row: step, column: source", { class: "cx-small cx-soft" })];
  if (hidden) return [heading, s("rect", { x: left, y: grid, width, height, class: "cx-wash" }), label(left + width / 2, grid + height / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" })];
  const rows = facts.target.map((token, t) => (t > step ? "" : cut(seenToken(token), names - 12, 13)));
  const columns = facts.source.map((t) => cut(seenToken(t), 92, 13));
  const notes = [`entropy of this row: ${num(ctx.results.entropy)}`, `equal shares: ${num(Math.log(m))}`];
  return [
    heading,
    heatMap(ctx, crossMap(facts, head), { x: left, y: grid, width, height, chosen: step, rows, print: false, pick: (t) => ctx.set({ step: t }) }),
    columns.map((text, j) => {
      if (j % Math.ceil((level ? 8 : 14) / cell)) return null;
      const x = left + (j + 0.5) * cell;
      return level ? label(x, grid - 6, text, { anchor: "middle" }) : label(0, 0, text, { transform: `translate(${x + 4} ${grid - 6}) rotate(-60)` });
    }),
    step < n - 1 && hatchOf(left - Math.min(names - 8, 34), grid + (step + 1) * row + 1, Math.min(names - 8, 34) - 4, height - (step + 1) * row - 1),
    chosen !== null && s("rect", { x: left + chosen * cell, y: grid - 1, width: cell, height: height + 2, class: "cx-column" }),
    notes.map((text, i) => (aside ? label(left + width + 20, grid + 12 + 17 * i, text, { class: "cx-small cx-soft" }) : label(left + width, grid + height + 18 + 17 * i, text, { anchor: "end", class: "cx-small cx-soft" }))),
  ];
}

// ---------------------------------------------------------------- controls

/** The step, from 1; made anew when another translation has another length. */
const stepSlider = (ctx) => {
  const node = h("span", { class: "cx-group" });
  let made = null;
  let length = 0;
  return {
    node,
    update(state) {
      const n = ctx.facts.sizes[1];
      if (n !== length) {
        made = n > 1 ? slider({ trait: "step", label: "Step", min: 0, max: n - 1, step: 1, format: (v) => num(v + 1, 0) })(ctx) : null;
        node.replaceChildren(...(made ? [made.node] : []));
        length = n;
      }
      made?.update(state);
    },
  };
};

const headOf = (ctx) => {
  const heads = ctx.facts.sizes[0];
  if (heads === 1) return { node: document.createComment("one head"), update() {} };
  return choice({ trait: "head", label: "Head", options: () => Array.from({ length: heads }, (_, i) => [i, String(i + 1)]) })(ctx);
};

/** The reader's own text: Python translates it; without a kernel the field says why it is shut. */
const ownText = (ctx) => {
  if (!ctx.facts.field) return { node: document.createComment("no function to translate"), update() {} };
  const shut = ctx.facts.field !== "live";
  const input = h("input", { type: "text", "data-trait": "text", maxlength: 200, disabled: shut, spellcheck: "false", autocomplete: "off", onkeydown: (event) => event.key === "Enter" && (event.preventDefault(), run()) });
  const button = h("button", { type: "button", class: "cx-button", disabled: shut, onclick: () => run() }, "Translate");
  function run() {
    const text = input.value.trim();
    if (text && text !== ctx.live.text) ctx.set({ text, step: 0, chosen: null });
  }
  let shown = null;
  return {
    node: h("span", { class: "cx-group cx-own" }, h("label", { class: "cx-control" }, h("span", { class: "cx-label" }, "Your source"), input), button, shut && h("span", { class: "cx-why" }, "needs a running kernel")),
    update(state) {
      if (state.text !== shown) input.value = shown = state.text;
    },
  };
};

// ---------------------------------------------------------------- the family

const encoderDecoderFamily = {
  compute(state, facts) {
    const { step, head, chosen } = fitted(state, facts);
    const both = weightsSent(facts);
    const n = facts.sizes[1];
    const weights = crossRow(both, facts.sizes, head, step);
    const first = (head * n + step) * n;
    const mine = entropiesOf(facts)[head][step];
    return {
      weights,
      found: largestAt(weights),
      largest: Math.max(...weights),
      total: sum(weights),
      column: chosen === null ? null : Array.from({ length: step + 1 }, (_, t) => crossRow(both, facts.sizes, head, t)[chosen]),
      own: both.own ? Array.from(both.own.subarray(first, first + step + 1)) : null,
      entropy: mine,
      wider: sum(entropiesOf(facts).flat().map((v) => Number(v > mine + 1e-6))),
    };
  },

  line(state, results, facts) {
    if (translating(state, facts)) return `Python is translating '${state.text}' …`;
    const { step, head, chosen } = fitted(state, facts);
    const [heads, n, m] = facts.sizes;
    const { weights: row, own, column } = results;
    const { source_names: sources, target_names: targets } = facts;
    let said = `Step ${step + 1} of ${n}${heads > 1 ? `, head ${head + 1} of ${heads}` : ""}: ${step ? facts.prefixes[step] : "nothing"} is written; to write ${targets[step]}, `;
    if (m > 1 && Math.max(...row) - Math.min(...row) < ALIKE) said += `the decoder looks at all ${m} source tokens alike (${num(row[0])} each)`;
    else said += `the decoder looks most at ${sources[results.found]} (${num(row[results.found])})`;
    if (Math.abs(results.total - 1) > ALIKE) said += `, and the row sums to ${num(results.total)}, not to 1`;
    const later = n - 1 - step;
    if (later) said += later === 1 ? "; the token after it is hidden" : `; the ${later} tokens after it are hidden`;
    said += ".";
    if (own) {
      const at = largestAt(own);
      said += ` Back in its own tokens it looks most at ${at ? targets[at - 1] : "the start symbol"} (${num(own[at])}).`;
    }
    if (column) said += ` So far ${sources[chosen]} got most from ${targets[largestAt(column)]} (${num(column[largestAt(column)])}).`;
    return said;
  },

  still: ["text", "step", "head", "chosen"],

  height: (width, state, hidden, facts) => stand(width, facts).height + 4,

  picture(ctx) {
    const at = stand(ctx.width, ctx.facts);
    const now = fitted(ctx.state, ctx.facts);
    const { gutter, from, to, top, line: y, low } = at;
    const pickSource = (event) => {
      const x = event.clientX - event.currentTarget.ownerSVGElement.getBoundingClientRect().left;
      const j = largestAt(from.x.map((v) => -Math.abs(v - x)));
      ctx.set({ chosen: j === ctx.live.chosen ? null : j });
    };
    const pickTarget = (event) => {
      const x = event.clientX - event.currentTarget.ownerSVGElement.getBoundingClientRect().left;
      ctx.set({ step: largestAt(to.x.map((v) => -Math.abs(v - x))) });
    };
    const inside = ctx.facts.own && now.chosen === null;
    const names = gutter
      ? [
          label(0, top - 8, "source", { class: "cx-small cx-soft" }),
          label(0, y + 18, "written", { class: "cx-small cx-soft" }),
        ]
      : [label(0, 30, "source", { class: "cx-small cx-soft" }), label(0, y - 26, "written", { class: "cx-small cx-soft" })];
    const heading = now.chosen === null ? `Where step ${now.step + 1} looks` : `Who looked at ${ctx.facts.source_names[now.chosen]}?`;
    const looks = ctx.hidden
      ? label((to.x[now.step] + gutter + at.from.right) / 2 - gutter / 2, (at.fan + y) / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" })
      : now.chosen === null
        ? [fanOut(ctx, at, now), inside && backwards(ctx, at, now)]
        : fanIn(ctx, at, now);
    const press = !ctx.frozen && !ctx.hidden;
    return [
      s("g", { style: translating(ctx.state, ctx.facts) && "opacity:0.35;transition:opacity 0.1s 0.25s" },
        label(0, 13, heading, { class: "cx-strong" }),
        s("g", {}, looks),
        s("g", {}, names),
        s("g", {}, sourceRow(ctx, at, now.chosen)),
        s("g", {}, targetRow(ctx, at, now)),
        s("g", {}, mapPanel(ctx, at, now)),
        s("rect", { x: gutter, y: 20, width: from.right - gutter, height: top - 20, class: "cx-pick", onpointerdown: press ? pickSource : undefined }),
        s("rect", { x: gutter, y, width: to.right - gutter, height: low - y, class: "cx-pick", onpointerdown: press ? pickTarget : undefined }),
      ),
    ];
  },

  controls: [
    stepSlider,
    action({ label: "Write the next", name: "Write the next token", run: (ctx) => ctx.set({ step: Math.min(ctx.live.step + 1, ctx.facts.sizes[1] - 1) }) }),
    headOf,
    (ctx) => choice({ trait: "chosen", label: "Who looked at", options: () => [[null, "–"], ...ctx.facts.source_names.map((name, j) => [j, name])] })(ctx),
    ownText,
  ],
};

export default explorer(encoderDecoderFamily);
