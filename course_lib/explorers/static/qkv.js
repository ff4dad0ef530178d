// Three matrices and what they make of the tokens. Python's side is qkv.py; the maths and the words must agree with it.

const MATRICES = ["W_Q", "W_K", "W_V"];
const COLOUR = { W_Q: "cx-query", W_K: "cx-key", W_V: "cx-value" };
const quoted = (name) => `'${name}'`;

// ---------------------------------------------------------------- maths

const times = (W, x) => W.map((row) => dot(row, x));
const far = (a, b) => Math.hypot(...a.map((v, i) => v - b[i]));

/** Queries, keys, values, weights, output and product = W_Q^T W_K of a state. */
function attendOf({ vectors: X, W_Q, W_K, W_V }) {
  const [queries, key_vectors, values] = [W_Q, W_K, W_V].map((W) => X.map((x) => times(W, x)));
  const weights = queries.map((q) => softmax(key_vectors.map((k) => dot(q, k) / Math.sqrt(2))));
  const output = weights.map((row) => [0, 1].map((a) => sum(row.map((w, j) => w * values[j][a]))));
  const product = [0, 1].map((a) => [0, 1].map((b) => W_Q[0][a] * W_K[0][b] + W_Q[1][a] * W_K[1][b]));
  return { queries, key_vectors, values, weights, output, product };
}

const largestGap = (a, b) => Math.max(...a.flatMap((row, i) => row.map((v, j) => Math.abs(v - b[i][j]))));

function qkvResults(state, { start }) {
  const [now, before] = [attendOf(state), attendOf(start)];
  return {
    ...now,
    largest: Math.max(...now.weights[state.query]),
    weights_moved: largestGap(now.weights, before.weights),
    output_moved: far(now.output[state.query], before.output[state.query]),
    keys_moved: Math.min(...now.key_vectors.map((k, i) => far(k, before.key_vectors[i]))),
    product_moved: largestGap(now.product, before.product),
  };
}

// ---------------------------------------------------------------- words

/** A result with 2 decimals; noise of the last digits is taken off first, as in Python. */
const shown = (x) => num(Math.round(x * 1e9) / 1e9);

/** The token whose direction is nearest to the vector's; -1 for a vector without length. */
function nearestToken(vector, tokens) {
  const length = Math.hypot(...vector);
  if (length < 0.005) return -1;
  const cosines = tokens.map((x) => (Math.hypot(...x) > 0 ? dot(x, vector) / Math.hypot(...x) / length : -2));
  const most = Math.max(...cosines);
  return cosines.findIndex((c) => c > most - 1e-9);
}

function qkvLine(state, results, facts) {
  const { names } = facts;
  const me = state.query;
  const row = results.weights[me];
  const most = Math.max(...row);
  const top = row.findIndex((w) => w > most - 1e-9);
  const alike = most - Math.min(...row) < 0.005;
  const said = alike
    ? `${quoted(names[me])} looks at all ${row.length} tokens alike (${num(row[top])} each)`
    : `${quoted(names[me])} looks most at ${top === me ? "itself" : quoted(names[top])} (${num(row[top])})`;
  const near = nearestToken(results.output[me], state.vectors);
  if (near < 0) return `${said}, but its output is 0: the values it mixes give nothing.`;
  const place = `output (${results.output[me].map(shown).join(", ")}) points most along the token ${quoted(names[near])}`;
  return `${said}${alike ? "; its" : near === top ? ", and its" : ", but its"} ${place}.`;
}

// ---------------------------------------------------------------- places

const widestName = (names) => Math.max(...names.map((name) => textWidth(name, 14)));

/** Three columns, a plane over its strip each; narrow pages take two rows of two. */
function places(width, facts) {
  const n = facts.names.length;
  const gutter = widestName(facts.names) + 10;
  const top = 30;
  const row = 24;
  const strip = 52 + row * (n + 1);
  if (width >= 520) {
    const gap = width >= 800 ? 40 : 26;
    const side = Math.min(300, (width - 2 * gap) / 3);
    const column = [0, 1, 2].map((i) => (i * (width - side)) / 2);
    const under = top + side + 22;
    return { side, gutter, row, tokens: [column[0], top], meet: [column[1], top], mix: [column[2], top], product: [column[0], under], map: [column[1], under], output: [column[2], under], mapWidth: side, height: under + strip };
  }
  const gap = 18;
  const side = (width - gap) / 2;
  const second = top + side + 44;
  const under = second + side + 22;
  return { side, gutter, row, tokens: [0, top], meet: [side + gap, top], mix: [side + gap, second], product: [0, second + strip], map: [0, second - 8], output: [side + gap, under], mapWidth: side, height: Math.max(under + strip, second + strip + 106) };
}

// ---------------------------------------------------------------- pieces

/** Words of several looks in a row: [text, class, down]; what is set lower or higher is small, as the Q of W_Q. */
function rich(x, y, parts) {
  let at = 0;
  const spans = parts.map(([text, name = "", down = 0]) => {
    const dy = down - at;
    at = down;
    return s("tspan", { class: name, dy: dy || undefined, "font-size": down ? 10 : undefined }, text);
  });
  return s("text", { x, y, class: "cx-text cx-strong cx-rich" }, spans);
}

const W = (letter, look) => [["W", look], [letter, look, 4]];

function spanFor(vectors, { spans }) {
  const most = Math.max(...vectors.flat().map(Math.abs)) * 1.08;
  return spans.find((span) => span >= most) ?? spans.at(-1);
}

/** Where the number on an axis can be read: [x, y, text], away from the arrows. */
function markAt(p, span, tips) {
  const mark = roundMark(span);
  const boxes = tips.flatMap((tip) => along([p.cx, p.cy], tip, 0));
  const places = [[p.px(mark), p.cy + 16], [p.px(mark), p.cy - 8], [p.px(-mark), p.cy + 16, -1], [p.px(-mark), p.cy - 8, -1], [p.cx - 14, p.py(mark) + 4], [p.cx + 16, p.py(-mark) + 4, -1]];
  const room = ([x, y]) => Math.min(30, ...boxes.map(([bx, by]) => Math.hypot(bx + 6 - x, by + 6 - y + 4)));
  const [x, y, sign = 1] = places.reduce((best, place) => (room(place) > room(best) + 1 ? place : best));
  return [x, y, num(sign * mark, 0)];
}

const roundMark = (span) => [1, 2, 5, 10].find((v) => v > span / 3.4);

/** Axes with a mark at a round number, so that a plane's scale can be read. */
function ruled(p, span, [x, y, text]) {
  const mark = roundMark(span);
  const ticks = [mark, -mark].flatMap((v) => [line(p.px(v), p.cy - 3, p.px(v), p.cy + 3), line(p.cx - 3, p.py(v), p.cx + 3, p.py(v))]);
  return s("g", { "aria-hidden": "true" },
    line(p.x, p.cy, p.x + p.width, p.cy, "cx-grid"), line(p.cx, p.y, p.cx, p.y + p.height, "cx-grid"), ticks,
    label(x, y, text, { anchor: "middle", class: "cx-small cx-soft" }),
  );
}

const pixels = (p, [x, y]) => [p.px(x), p.py(y)];

/** Boxes along a segment that labels keep clear of. */
function along([x1, y1], [x2, y2], from = 0.25) {
  const boxes = [];
  const steps = Math.max(2, Math.ceil(Math.hypot(x2 - x1, y2 - y1) / 14));
  for (let i = 0; i <= steps; i++) {
    const t = from + ((1 - from) * i) / steps;
    boxes.push([x1 + (x2 - x1) * t - 6, y1 + (y2 - y1) * t - 6, 12, 12]);
  }
  return boxes;
}

/** The names at the tips of arrows, clear of the arrows and of the number on the axis. */
function namesAt(p, items, [mx, my]) {
  const taken = items.flatMap(({ tip }) => along([p.cx, p.cy], tip));
  taken.push([p.cx - 10, p.cy - 10, 20, 20], [mx - 12, my - 12, 24, 16]);
  const away = ([x, y]) => (Math.hypot(x - p.cx, y - p.cy) > 2 ? [x - p.cx, y - p.cy] : [0.4, -1]);
  return labelsBeside(items.filter(({ text }) => text).map(({ tip, text, look }) => ({ x: tip[0], y: tip[1], text, away: away(tip), class: look })), { taken, inside: [p.x, p.y, p.width, p.height], distance: 10, size: 16.5 });
}

// ---------------------------------------------------------------- the three planes

function tokenPlane(ctx, at) {
  const { state, facts, hold } = ctx;
  const span = hold("tokens", spanFor(state.vectors, facts));
  const p = plane(...at.tokens, at.side, at.side, span);
  const tips = state.vectors.map((x) => pixels(p, x));
  const mark = markAt(p, span, tips);
  const asks = (i) => i === state.query;
  const put = (i, place) => ctx.set({ vectors: ctx.live.vectors.with(i, place.map((v) => clamp(snap(v, 0.05), -facts.reach, facts.reach))) });
  return [
    s("g", {},
      rich(p.x, p.y - 14, [["Tokens "], ["x", "cx-italic"]]),
      ruled(p, span, mark),
      tips.map((tip, i) => arrow(p.cx, p.cy, ...tip, { class: asks(i) ? "cx-dark" : "", width: asks(i) ? 3 : 2 })),
      namesAt(p, tips.map((tip, i) => ({ tip, text: facts.names[i], look: asks(i) ? "cx-strong" : "cx-soft" })), mark),
      !ctx.frozen && label(p.x, p.y + p.height - 3, "drag a tip", { class: "cx-small cx-soft" }),
    ),
    s("g", {}, state.vectors.map((x, i) =>
      handle(ctx, {
        x: tips[i][0], y: tips[i][1], name: `Token ${quoted(facts.names[i])}`, text: `across ${num(x[0])}, up ${num(x[1])}`, value: x[0], low: -facts.reach, high: facts.reach, key: `token ${i}`, hit: 14,
        knob: s("circle", { cx: tips[i][0], cy: tips[i][1], r: 10, class: "cx-halo" }),
        move: (px, py) => put(i, p.at(px, py)),
        step: (dx, dy) => put(i, ctx.live.vectors[i].map((v, a) => v + 0.1 * [dx, dy][a])),
      }),
    )),
  ];
}

function meetPlane(ctx, at) {
  const { state, results, facts, hidden, hold } = ctx;
  const query = results.queries[state.query];
  const span = hold("meet", spanFor([query, ...results.key_vectors], facts));
  const p = plane(...at.meet, at.side, at.side, span);
  const tips = results.key_vectors.map((k) => pixels(p, k));
  const tip = pixels(p, query);
  const mark = markAt(p, span, [...tips, tip]);
  const row = results.weights[state.query];
  const long = at.side > 235;
  const title = long
    ? [["Query ", "cx-query-text"], ...W("Q", "cx-query-text"), ["x", "cx-query-text cx-italic"], [", keys ", ""], ...W("K", "cx-key-text"), ["x", "cx-key-text cx-italic"]]
    : [...W("Q", "cx-query-text"), ["x", "cx-query-text cx-italic"], [" meets "], ...W("K", "cx-key-text"), ["x", "cx-key-text cx-italic"]];
  const items = tips.map((end, i) => ({ tip: end, text: hidden ? facts.names[i] : `${facts.names[i]} ${num(row[i])}`, look: "cx-key-text" }));
  items.push({ tip, text: long ? `query of ${quoted(facts.names[state.query])}` : "query", look: "cx-query-text" });
  return s("g", {},
    rich(p.x, p.y - 14, title),
    ruled(p, span, mark),
    !hidden && tips.map(([x, y], i) => s("circle", { cx: x, cy: y, r: 4 + 18 * Math.sqrt(row[i]), style: "fill:var(--cx-key);opacity:0.16" })),
    tips.map((end) => arrow(p.cx, p.cy, ...end, { class: "cx-key", width: 2 })),
    arrow(p.cx, p.cy, ...tip, { class: "cx-query", width: 3, head: 12 }),
    namesAt(p, items, mark),
  );
}

function mixPlane(ctx, at) {
  const { state, results, facts, hidden, hold } = ctx;
  const out = results.output[state.query];
  const row = results.weights[state.query];
  const span = hold("mix", spanFor([out, ...results.values], facts));
  const p = plane(...at.mix, at.side, at.side, span);
  const tips = results.values.map((v) => pixels(p, v));
  const tip = hidden ? [p.cx, p.cy] : pixels(p, out);
  const mark = markAt(p, span, [...tips, tip]);
  // The shares of the values, laid head to tail: their end is the output.
  let place = [0, 0];
  const shares = results.values.map((v, i) => {
    const from = place;
    place = place.map((x, a) => x + row[i] * v[a]);
    return [pixels(p, from), pixels(p, place)];
  });
  const items = tips.map((end, i) => ({ tip: end, text: facts.names[i], look: "cx-value-text" }));
  if (!hidden) items.push({ tip, text: "output", look: "cx-strong" });
  return s("g", {},
    rich(p.x, p.y - 14, [["Values ", "cx-value-text"], ...W("V", "cx-value-text"), ["x", "cx-value-text cx-italic"], [at.side > 240 ? ", mixed by the weights" : ", mixed"]]),
    ruled(p, span, mark),
    tips.map((end) => s("g", { opacity: hidden ? 1 : 0.55 }, arrow(p.cx, p.cy, ...end, { class: "cx-value", width: 1.5, head: 8 }))),
    !hidden && shares.map(([[x1, y1], [x2, y2]]) => Math.hypot(x2 - x1, y2 - y1) > 1 && s("line", { x1, y1, x2, y2, class: "cx-share" })),
    !hidden && arrow(p.cx, p.cy, ...tip, { class: "cx-value", width: 4.5, head: 14 }),
    namesAt(p, items, mark),
  );
}

// ---------------------------------------------------------------- under the planes

/** Numbers of a matrix in brackets, read only; gives its elements and its width. */
function bracketed(x, y, matrix, look = "") {
  const [cell, high] = [46, 20];
  const hook = (edge, inwards) => s("path", { d: `M${edge + inwards} ${y}H${edge}V${y + 2 * high + 4}H${edge + inwards}`, class: "cx-thin" });
  return [hook(x, 5), hook(x + 2 * cell + 10, -5), matrix.map((row, i) => row.map((v, j) => label(x + cell * (j + 1) + 1, y + 16 + i * high, num(v), { anchor: "end", class: look })))];
}

/** How a result stands to the first one; nothing while nothing was changed. */
const note = (at, x, y, text) => at.changed && typeof text === "string" && label(x, y, text, { class: "cx-small cx-soft" });

function productStrip({ results, hidden }, at) {
  const [x, y] = at.product;
  return s("g", {},
    label(x, y + 12, "The weights see only", { class: "cx-strong" }),
    rich(x, y + 53, [...W("Q", "cx-query-text"), ["⊤", "cx-query-text", -6], ["\u2009W", "cx-key-text"], ["K", "cx-key-text", 4]]),
    bracketed(x + 62, y + 26, results.product),
    note(at, x, y + 92, hidden || (results.product_moved < 0.005 ? "as at the start" : "not as at the start")),
  );
}

function mapStrip(ctx, at) {
  const { state, results, facts, hidden, frozen } = ctx;
  const [x, y] = at.map;
  const n = facts.names.length;
  const [left, width] = [x + at.gutter, at.mapWidth - at.gutter - 2];
  const cell = width / n;
  const turns = facts.names.some((name) => textWidth(name, 15) > cell - 2);
  const top = y + (turns ? 32 : 22);
  const rows = facts.names.map((name, i) => label(left - 7, top + at.row * (i + 0.5) + 4, name, { anchor: "end", class: i === state.query ? "cx-query-text" : "" }));
  const columns = facts.names.map((name, j) => label(left + (j + 0.5) * cell, top - (turns && j % 2 === 0 ? 22 : 7), name, { anchor: "middle", class: "cx-key-text" }));
  const box = { x: left, y: top, width, height: at.row * n };
  if (hidden) return s("g", {}, columns, rows, s("rect", { ...box, class: "cx-wash" }), label(left + width / 2, top + (at.row * n) / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" }));
  return s("g", {}, columns, rows, heatMap(ctx, results.weights, { ...box, chosen: state.query, pick: frozen ? null : (i) => i !== ctx.live.query && ctx.set({ query: i }) }), note(at, left, top + box.height + 20, results.weights_moved < 0.005 ? "as at the start" : `changed by up to ${shown(results.weights_moved)}`));
}

/** The mixture in numbers: each value with its weight, and their sum. */
function outputStrip({ state, results, facts, hidden }, at) {
  const [x, y] = at.output;
  const digits = at.side > 220 ? 2 : 1;
  const vector = (v) => `(${v.map((a) => num(Math.round(a * 1e9) / 1e9, digits)).join(", ")})`;
  const end = x + at.side;
  const base = (i) => y + 22 + at.row * (i + 0.5) + 4;
  const summed = base(facts.names.length) + 3;
  return s("g", {},
    label(x, y + 12, `Output of ${quoted(facts.names[state.query])}`, { class: "cx-strong" }),
    facts.names.map((name, i) => [
      label(x, base(i), hidden ? "?" : num(results.weights[state.query][i]), { class: "cx-key-text" }),
      label(x + 36, base(i), `× ${name}`),
      label(end, base(i), vector(results.values[i]), { anchor: "end", class: "cx-value-text cx-light" }),
    ]),
    line(x, summed - 17, end, summed - 17, "cx-grid", { style: "opacity:1" }),
    label(x, summed, "sum"),
    label(end, summed, hidden ? "?" : vector(results.output[state.query]), { anchor: "end", class: "cx-value-text" }),
    note(at, x, summed + 20, hidden || (results.output_moved < 0.005 ? "as at the start" : `moved by ${shown(results.output_moved)} since the start`)),
  );
}

// ---------------------------------------------------------------- controls: a matrix of number fields with a name

const matrixControl = (trait) => (ctx) => {
  const { entry, named: known } = ctx.facts;
  const letter = trait.at(-1);
  const put = (i, j, value) => {
    if (!Number.isFinite(value)) return;
    const now = ctx.live[trait];
    ctx.set({ [trait]: now.with(i, now[i].with(j, clamp(snap(value, 0.01), -entry, entry))) });
  };
  const field = (i, j) =>
    h("input", {
      type: "number", step: "any", min: -entry, max: entry, class: "cx-field", "data-trait": `${trait}[${i}][${j}]`, "aria-label": `${trait}, row ${i + 1}, column ${j + 1}`,
      oninput: (event) => put(i, j, event.target.valueAsNumber),
      onblur: () => ctx.set({}),
      onkeydown: (event) => {
        const by = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
        if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        put(i, j, snap(ctx.live[trait][i][j] + by * (event.shiftKey ? 5 : 1), 0.1));
        fields[i][j].value = ctx.live[trait][i][j];
      },
    });
  const fields = [0, 1].map((i) => [0, 1].map((j) => field(i, j)));
  const options = Object.keys(known);
  const own = h("option", { disabled: true, hidden: true }, "own numbers");
  const select = h("select", { "data-trait": trait, "aria-label": `${trait} is`, onchange: () => ctx.go({ [trait]: known[options[select.selectedIndex]] }) }, options.map((name) => h("option", {}, name)), own);
  return {
    node: h("span", { class: "cx-matrix " + COLOUR[trait] }, h("span", { class: "cx-matrix-name" }, "W", h("sub", {}, letter)), h("span", { class: "cx-brackets" }, fields.flat()), select),
    update(state) {
      fields.forEach((row, i) => row.forEach((input, j) => {
        // While one types, the field is the reader's: "-" and "0." are on the way to a number.
        if (document.activeElement === input && (input.valueAsNumber === state[trait][i][j] || !Number.isFinite(input.valueAsNumber))) return;
        const text = String(Number(state[trait][i][j].toFixed(2)));
        if (input.value !== text) input.value = text;
      }));
      const found = options.findIndex((name) => same(known[name], state[trait]));
      select.selectedIndex = found < 0 ? options.length : found;
    },
  };
};

const changedFrom = (state, start) => ["vectors", ...MATRICES].some((name) => !same(state[name], start[name]));

// ---------------------------------------------------------------- the family

const qkvFamily = {
  compute: qkvResults,
  line: qkvLine,
  still: ["query"],
  height: (width, state, hidden, facts) => places(width, facts).height,

  picture(ctx) {
    const at = { ...places(ctx.width, ctx.facts), changed: changedFrom(ctx.state, ctx.facts.start) };
    return [tokenPlane(ctx, at), meetPlane(ctx, at), mixPlane(ctx, at), productStrip(ctx, at), mapStrip(ctx, at), outputStrip(ctx, at)];
  },

  controls: [
    ...MATRICES.map(matrixControl),
    (ctx) => choice({ trait: "query", label: "Who asks", options: () => ctx.facts.names.map((name, i) => [i, name]) })(ctx),
  ],
};

export default explorer(qkvFamily);
