// Where a token stands. Python's side is positions.py; the maths and the words must agree with it.

const quoted = (name) => `'${name}'`;
const range = (n) => Array.from({ length: n }, (_, i) => i);
const TURNING = ["sinusoidal", "rotary"];
const WITH_PAIRS = ["sinusoidal", "rotary", "learned"];

// ---------------------------------------------------------------- maths

// The random numbers come once, among the facts, as float32.
const unpacked = new WeakMap();
function numbersOf(facts) {
  if (!unpacked.has(facts)) unpacked.set(facts, Object.fromEntries(["table", "words", "W_Q", "W_K"].map((name) => [name, floats(facts[name])])));
  return unpacked.get(facts);
}

const rateOf = (base, pair, d) => base ** ((-2 * pair) / d);
const slopeOf = ({ head }, { n_heads }) => 2 ** ((-8 * head) / n_heads);

/** The position and the pair that are followed: the last ones where n or d has become too small for them. */
const placeOf = ({ position, pair, n, d }) => [Math.min(position, n - 1), Math.min(pair, d / 2 - 1)];

/** The vector turned pair by pair, as position p turns it. */
const turned = (x, p, base) =>
  x.map((v, a) => {
    const angle = p * rateOf(base, a >> 1, x.length);
    return a % 2 ? x[a - 1] * Math.sin(angle) + v * Math.cos(angle) : v * Math.cos(angle) - x[a + 1] * Math.sin(angle);
  });

/** The table of the first n positions, as far as there is one. */
function rowsOf(state, facts, n) {
  const { scheme, base, d } = state;
  if (scheme === "sinusoidal") return range(n).map((p) => range(d).map((a) => (a % 2 ? Math.cos : Math.sin)(p * rateOf(base, a >> 1, d))));
  if (scheme === "learned") return range(Math.min(n, facts.length)).map((p) => Array.from(numbersOf(facts).table.subarray(p * facts.most_d, p * facts.most_d + d)));
  if (scheme === "rotary") return range(n).map((p) => turned(range(d).map((a) => 1 - (a % 2)), p, base));
  if (scheme === "alibi") return range(n).map((i) => range(n).map((j) => 0 - slopeOf(state, facts) * Math.abs(i - j)));
  return range(n).map(() => Array(d).fill(0));
}

/** Queries and keys of tokens, by random matrices. */
function queriesKeys(X, { d }, facts) {
  const { W_Q, W_K } = numbersOf(facts);
  const by = (W) => X.map((x) => range(d).map((a) => x.reduce((total, v, b) => total + W[a * facts.most_d + b] * v, 0) / Math.sqrt(d)));
  return [by(W_Q), by(W_K)];
}

const wordsOf = (order, { d }, facts) => order.map((i) => Array.from(numbersOf(facts).words.subarray(facts.kinds[i] * facts.most_d, facts.kinds[i] * facts.most_d + d)));

/** Product, score or bias of each position with each. */
function productsOf(table, state, facts) {
  const { scheme, base, d } = state;
  if (scheme === "alibi") return table;
  if (scheme === "rotary") {
    const [[q], [, k]] = queriesKeys(wordsOf(facts.asked, state, facts), state, facts);
    const [Q, K] = [q, k].map((x) => table.map((_, p) => turned(x, p, base)));
    return Q.map((a) => K.map((b) => dot(a, b) / Math.sqrt(d)));
  }
  return table.map((a) => table.map((b) => dot(a, b)));
}

/** Outputs of attention over the sentence in an order, its first word at position 0. */
function outputsOf(order, state, facts) {
  const { scheme, base, d } = state;
  const rows = rowsOf(state, facts, order.length);
  let X = wordsOf(order, state, facts);
  if (scheme === "sinusoidal" || scheme === "learned") X = X.map((x, p) => x.map((v, a) => v + rows[p][a]));
  let [Q, K] = queriesKeys(X, state, facts);
  if (scheme === "rotary") [Q, K] = [Q, K].map((part) => part.map((x, p) => turned(x, p, base)));
  return Q.map((q, i) => {
    const weights = softmax(K.map((k, j) => dot(q, k) / Math.sqrt(d) + (scheme === "alibi" ? rows[i][j] : 0)));
    return range(d).map((a) => sum(weights.map((w, j) => w * X[j][a])));
  });
}

/** The order of the words after the swap. */
function swappedOrder({ sentence, swap: [a, b] }) {
  const order = range(sentence.length);
  [order[a], order[b]] = [b, a];
  return order;
}

function movedBySwap(state, facts) {
  const order = swappedOrder(facts);
  const [before, after] = [range(order.length), order].map((o) => outputsOf(o, state, facts));
  return before.map((out, i) => Math.hypot(...out.map((v, a) => after[order[i]][a] - v))).map((far) => (far < 1e-9 ? 0 : far));
}

/** The largest difference between two entries that stand equally far apart. */
function spreadOf(products) {
  const n = products.length;
  let most = 0;
  for (let k = 1 - n; k < n; k++) {
    let [low, high] = [Infinity, -Infinity];
    for (let i = Math.max(0, -k); i < Math.min(n, n - k); i++) [low, high] = [Math.min(low, products[i][i + k]), Math.max(high, products[i][i + k])];
    most = Math.max(most, high - low);
  }
  return most < 1e-9 ? 0 : most;
}

function positionsResults(state, facts) {
  const [p, pair] = placeOf(state);
  const table = rowsOf(state, facts, state.n);
  const products = productsOf(table, state, facts);
  const rate = rateOf(state.base, pair, state.d);
  const turning = TURNING.includes(state.scheme);
  const here = p < table.length;
  const moved = movedBySwap(state, facts);
  return {
    table,
    products,
    by_distance: here ? products[p] : [],
    spread: spreadOf(products),
    wavelength: turning ? (2 * Math.PI) / rate : 0,
    degrees: turning ? ((p * rate * 180) / Math.PI) % 360 : 0,
    hand: here && WITH_PAIRS.includes(state.scheme) ? table[p].slice(2 * pair, 2 * pair + 2) : [],
    moved,
    changed: moved.filter((far) => far > 0).length,
  };
}

// ---------------------------------------------------------------- words

/** A number of positions as a person would say it. */
function spoken(x) {
  if (x < 10) return num(x, 1);
  if (x < 1000) return num(x, 0);
  const step = 10 ** (Math.floor(Math.log10(x)) - 1);
  return (Math.floor(x / step + 0.5) * step).toLocaleString("en-US");
}

function aboutPlace(state, results, facts) {
  const [p, pair] = placeOf(state);
  const everywhere = (what) => `at one distance the ${what} is the same everywhere.`;
  if (state.scheme === "none") return "Without positions every row is the same: nothing says where a word stands.";
  if (state.scheme === "alibi") return `Head ${state.head} of ${facts.n_heads} takes ${num(slopeOf(state, facts), 3)} off the score per position; ${everywhere("bias")}`;
  if (state.scheme === "learned") {
    if (p >= results.table.length) return `Position ${p} has no row: the learned table ends at ${facts.length - 1}.`;
    return `Row ${p} of the table, not yet learned, follows no rule: at one distance products differ by up to ${num(results.spread, 1)}.`;
  }
  return `The hand of pair ${pair} turns once in ${spoken(results.wavelength)} positions; ${everywhere(state.scheme === "rotary" ? "score of one query and one key" : "product")}`;
}

function aboutSwap({ moved, changed }, { sentence, swap }) {
  const words = swap.map((i) => quoted(sentence[i])).join(" and ");
  if (!changed) return `When ${words} trade places, their outputs go with them and no output changes.`;
  return `When ${words} trade places, ${changed} of ${moved.length} outputs change.`;
}

// ---------------------------------------------------------------- places

function places(width) {
  const top = 28;
  if (width >= 520) {
    const gap = width >= 800 ? 48 : 30;
    const left = Math.round((width - gap) * 0.56);
    const right = width - gap - left;
    const tall = Math.min(300, Math.round(left * 0.66));
    const second = top + tall + 58;
    return { table: [30, top, left - 30, tall], clock: [left + gap, top, right, tall], curve: [0, second, left, 150], swap: [left + gap, second, right, 150], height: second + 160 };
  }
  const tall = 220;
  const row = (i) => top + i * (tall + 60);
  return { table: [30, top, width - 30, tall], clock: [0, row(1), width, tall], curve: [0, row(2), width, 150], swap: [0, row(2) + 206, width, 150], height: row(2) + 366 };
}

/** The first of several wordings that fits the width, else the last. */
const fitting = (texts, width, size) => texts.find((text) => textWidth(text, size) <= width) ?? texts.at(-1);
const titled = (x, y, width, ...texts) => label(x, y - 14, fitting(texts, width, 14.6), { class: "cx-strong" });
const soft = (x, y, text, anchor = "start") => label(x, y, text, { anchor, class: "cx-small cx-soft" });

// ---------------------------------------------------------------- the table

const TITLES = {
  sinusoidal: () => ["Added to each token: a row of waves", "Added: a row of waves"],
  learned: () => ["Added: a table to be learned, still random", "A table to be learned", "To be learned"],
  rotary: () => ["What rotary makes of (1, 0, 1, 0, …)", "(1, 0, 1, 0, …), turned"],
  alibi: ({ head }) => [`Bias of head ${head}: query by key`, `Bias of head ${head}`],
  none: () => ["No positions: nothing is added"],
};

/** The table as numbers from 0 to 1 for the ramp. */
function shadesOf(scheme, table) {
  const low = scheme === "alibi" ? Math.min(-1e-9, ...table.map((row) => Math.min(...row))) : 0;
  const reach = scheme === "learned" ? 2.5 : 1;
  return table.map((row) => row.map((v) => (scheme === "alibi" ? 1 - v / low : clamp((v + reach) / (2 * reach), 0, 1))));
}

function tablePanel(ctx, at) {
  const { state, results, frozen, facts } = ctx;
  const [x, y, width, height] = at.table;
  const [p, pair] = placeOf(state);
  const table = results.table;
  const [n, m] = [state.n, state.scheme === "alibi" ? state.n : state.d];
  const [cw, ch] = [width / m, height / n];
  const paired = WITH_PAIRS.includes(state.scheme);
  const pick = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const row = clamp(Math.floor(((event.clientY - box.top) / box.height) * n), 0, n - 1);
    const column = clamp(Math.floor(((event.clientX - box.left) / box.width) * m), 0, m - 1);
    ctx.set({ position: row, ...(paired ? { pair: column >> 1 } : {}) });
  };
  const rowLabel = clamp(y + (p + 0.5) * ch + 4, y + 10, y + height);
  const ends = [[0, y + 10], [n - 1, y + height]].filter(([, ly]) => Math.abs(ly - rowLabel) > 15);
  const middle = clamp(x + 2 * cw * (pair + 0.5), x + 22, x + width - 22);
  return [
    s("g", { key: state.scheme },
      titled(x - 30, y, width + 30, ...TITLES[state.scheme](state)),
      state.scheme === "none"
        ? [s("rect", { x, y, width, height, class: "cx-wash" })]
        : heatMap(ctx, shadesOf(state.scheme, table), { x, y, width, height: ch * table.length, print: false }),
      table.length < n && hatch(x, y + ch * table.length, width, ch * (n - table.length)),
      table.length < n && note(x + width / 2, y + (ch * (table.length + n)) / 2, `no row after position ${facts.length - 1}`),
    ),
    s("g", {},
      ends.map(([text, ly]) => soft(x - 8, ly, text, "end")),
      label(x - 8, rowLabel, p, { anchor: "end", class: "cx-query-text" }),
      paired && [
        ["cx-pair-ground", "cx-pair"].map((name) => s("rect", { x: x + 2 * cw * pair, y, width: 2 * cw, height, class: name })),
        soft(middle, y + height + 17, `pair ${pair}`, "middle"),
      ],
      state.scheme === "alibi" && soft(x + width / 2, y + height + 17, fitting(["the diagonal is 0; nothing is masked, both directions count", "the diagonal is 0; nothing is masked"], width, 12.5), "middle"),
      s("rect", { x, y: y + ch * p, width, height: ch, class: "cx-frame" }),
      s("rect", { x, y, width, height, class: frozen ? "cx-clear" : "cx-pick", onpointerdown: frozen ? undefined : pick, onpointermove: frozen ? undefined : (event) => event.buttons && pick(event) }),
    ),
  ];
}

/** Words on a hatched ground. */
function note(x, y, text) {
  const width = textWidth(text, 14) + 12;
  return [s("rect", { x: x - width / 2, y: y - 11, width, height: 22, rx: 3, style: "fill:var(--cx-paper)" }), label(x, y + 4.5, text, { anchor: "middle" })];
}

// ---------------------------------------------------------------- the hand of a pair, or ALiBi's heads

function clockPanel(ctx, at) {
  const { state, results, facts } = ctx;
  if (state.scheme === "alibi") return headsPanel(ctx, at);
  const [x, y, width, height] = at.clock;
  const [p, pair] = placeOf(state);
  const span = state.scheme === "learned" ? 3.2 : 1.27;
  const c = plane(x, y - 4, width, height - 18, span);
  const turning = TURNING.includes(state.scheme);
  const foot = y + height + 17;
  if (state.scheme === "none") return s("g", { key: "none" }, titled(x, y, width, "No hand"), s("circle", { cx: c.cx, cy: c.cy, r: c.unit, class: "cx-thin", "stroke-dasharray": "3 4" }), label(c.cx, c.cy + 5, "nothing turns", { anchor: "middle", class: "cx-soft" }));
  // The table has (sin, cos) for sinusoids and (cos, sin) for rotary: across is the cosine, up the sine.
  const spot = ([a, b]) => (state.scheme === "sinusoidal" ? [c.px(b), c.py(a)] : [c.px(a), c.py(b)]);
  const spots = results.table.map((row) => spot(row.slice(2 * pair, 2 * pair + 2)));
  const tip = spots[p];
  const titles = [`The hand of pair ${pair}`];
  if (!tip) return s("g", { key: "gone" }, titled(x, y, width, `Pair ${pair} of each row`), dots(spots, -1), label(c.cx, c.y + 10, `position ${p} has no row`, { anchor: "middle", class: "cx-query-text" }));
  const [ux, uy] = [tip[0] - c.cx, tip[1] - c.cy];
  const far = Math.hypot(ux, uy) || 1;
  const beyond = turning ? 16 : 13;
  const names = [[p, tip[0] + (ux / far) * beyond, tip[1] + (uy / far) * beyond + 4, "cx-query-text"]];
  const zero = spots[0];
  const clear = Math.hypot(zero[0] - tip[0], zero[1] - tip[1]) > 26;
  if (turning && clear) names.push([0, zero[0] + 15, zero[1] + 4, "cx-key-text"]);
  return s("g", { key: "hand" },
    titled(x, y, width, ...(turning ? titles : [`Pair ${pair} of each row`])),
    turning && [s("circle", { cx: c.cx, cy: c.cy, r: c.unit, class: "cx-ring-thin" }), line(c.px(-1), c.cy, c.px(1), c.cy, "cx-grid"), line(c.cx, c.py(-1), c.cx, c.py(1), "cx-grid")],
    !turning && [line(c.x, c.cy, c.x + c.width, c.cy, "cx-grid"), line(c.cx, c.y, c.cx, c.y + c.height, "cx-grid")],
    turning && [line(tip[0], tip[1], tip[0], c.cy, "cx-guide"), line(tip[0], tip[1], c.cx, tip[1], "cx-guide")],
    dots(spots, p),
    arrow(c.cx, c.cy, ...tip, { class: "cx-query", width: 3, head: 12 }),
    names.map(([text, lx, ly, look]) => label(lx, ly, text, { anchor: "middle", class: "cx-clear-of " + look })),
    soft(c.cx, foot, turning ? `sin ${num(state.scheme === "sinusoidal" ? results.hand[0] : results.hand[1])}, cos ${num(state.scheme === "sinusoidal" ? results.hand[1] : results.hand[0])}; once round in ${spoken(results.wavelength)}` : "no rule leads from row to row", "middle"),
  );
}

const dots = (spots, p) => spots.map(([x, y], i) => i !== p && s("circle", { cx: x, cy: y, r: 3, class: "cx-dot" }));

function headsPanel({ state, facts }, at) {
  const [x, y, width, height] = at.clock;
  const [left, right, base] = [x + 6, x + width - 58, y + 16];
  const deep = height - 40;
  const low = 8;
  const end = (head) => {
    const slope = 2 ** ((-8 * head) / facts.n_heads);
    const reach = Math.min(state.n - 1, low / slope);
    return [left + ((right - left) * reach) / (state.n - 1), base + (deep * slope * reach) / low];
  };
  const heads = range(facts.n_heads).map((i) => i + 1);
  const others = heads.filter((head) => head !== state.head);
  const [cx, cy] = end(state.head);
  const beside = (head) => (end(head)[0] < right - 2 ? [end(head)[0], end(head)[1] + 14, "middle"] : [end(head)[0] + 6, end(head)[1] + 4, "start"]);
  const name = (head, look) => {
    const [lx, ly, anchor] = beside(head);
    return label(lx, ly, `head ${head}`, { anchor, class: look });
  };
  const shown = [1, facts.n_heads].filter((head) => Math.hypot(beside(head)[0] - beside(state.head)[0], 2 * (beside(head)[1] - beside(state.head)[1])) > 50);
  return s("g", { key: "heads" },
    titled(x, y, width, "Each head has its slope"),
    line(left, base, right, base), line(left, base, left, base + deep),
    others.map((head) => s("line", { x1: left, y1: base, x2: end(head)[0], y2: end(head)[1], style: "stroke:var(--cx-key);stroke-width:1.5;opacity:0.35" })),
    s("line", { x1: left, y1: base, x2: cx, y2: cy, style: "stroke:var(--cx-query);stroke-width:3", "stroke-linecap": "round" }),
    shown.map((head) => name(head, "cx-soft")),
    name(state.head, "cx-query-text"),
    soft((left + right) / 2, base - 7, "distance 0 to " + (state.n - 1), "middle"),
  );
}

// ---------------------------------------------------------------- the curve by distance

function curvePanel(ctx, at) {
  const { state, results, facts } = ctx;
  const [x, y, width, height] = at.curve;
  const [p] = placeOf(state);
  const products = results.products;
  const all = products.flat();
  const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)];
  const [top, bottom] = [y + 8, y + height - 34];
  const unit = (bottom - top) / Math.max(high - low, 1e-9);
  const base = state.scheme === "none" ? (top + bottom) / 2 : top + high * unit;
  const middle = x + width / 2;
  const step = (width - 20) / (2 * state.n - 2);
  const path = (row, i) => "M" + row.map((v, j) => `${Math.round((middle + step * (j - i)) * 10) / 10} ${Math.round((base - v * unit) * 10) / 10}`).join("L");
  const every = Math.ceil(products.length / 16);
  const [q, k] = facts.asked.map((i) => quoted(facts.sentence[i]));
  const titles = {
    rotary: [`Score of ${q} for ${k}, by distance`, "Score by distance"],
    alibi: [`Bias of head ${state.head}, by distance`, "Bias by distance"],
  }[state.scheme] ?? [`Product of row ${p} with each row, by distance`, `Row ${p} · each row, by distance`];
  const here = results.by_distance.length > 0;
  const own = here ? results.by_distance[p] : 0;
  const verdicts = { none: ["0 at every distance"] }[state.scheme] ?? (results.spread ? ["every position has a curve of its own", "each row its own curve"] : ["the same curve from every position", "the same from every row"]);
  const verdict = fitting(verdicts, width - 150, 12.5);
  return s("g", {},
    titled(x, y, width, ...titles),
    line(x + 10, base, x + width - 10, base, "cx-grid", { style: "opacity:1" }), line(middle, top - 4, middle, bottom + 4, "cx-grid", { style: "opacity:1" }),
    state.scheme !== "none" && products.filter((_, i) => i % every === 0).map((row, i) => s("path", { d: path(row, i * every), class: "cx-others" })),
    here ? s("path", { d: path(results.by_distance, p), class: "cx-curve" }) : note(middle, (top + bottom) / 2, `position ${p} has no row`),
    here && s("circle", { cx: middle, cy: base - own * unit, r: 4.5, style: "fill:var(--cx-query)" }),
    here && label(middle + 10, clamp(base - own * unit + 4, top + 6, bottom), num(own, own % 1 ? 1 : 0), { class: "cx-clear-of cx-query-text" }),
    soft(x + 10, bottom + 20, "← before"), soft(x + width - 10, bottom + 20, "after →", "end"),
    soft(middle, bottom + 20, verdict, "middle"),
  );
}

// ---------------------------------------------------------------- the shuffle test

function swapPanel({ state, results, facts, hidden }, at) {
  const [x, y, width, height] = at.swap;
  const words = facts.sentence;
  const order = swappedOrder(facts);
  const cell = width / words.length;
  const middle = (i) => x + cell * (i + 0.5);
  const base = y + height - 14;
  const tall = base - y - 84;
  const full = Math.max(0.25 * Math.sqrt(state.d), ...results.moved); // a bar of this length fills the panel
  return s("g", {},
    titled(x, y, width, "Two words trade places: which outputs change?", "Two words trade places"),
    words.map((word, i) => label(middle(i), y + 12, word, { anchor: "middle", class: facts.swap.includes(i) ? "" : "cx-soft" })),
    order.map((from, i) => from !== i && line(middle(from), y + 17, middle(i), y + 35, "cx-thin")),
    order.map((from, i) => label(middle(i), y + 48, words[from], { anchor: "middle", class: from !== i ? "cx-strong" : "cx-soft" })),
    line(x, base, x + width, base),
    hidden
      ? [s("rect", { x, y: y + 60, width, height: base - y - 60, class: "cx-wash" }), label(x + width / 2, (base + y + 60) / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" })]
      : order.map((from, i) => {
          const moved = results.moved[from];
          const length = moved ? clamp((tall * moved) / full, 1.5, tall) : 0;
          return [
            moved > 0 && bar(middle(i) - Math.min(17, cell * 0.3), base, 2 * Math.min(17, cell * 0.3), length, { class: "cx-value" }),
            label(middle(i), base - length - 6, moved ? (moved < 0.005 ? "<.01" : num(moved)) : "0", { anchor: "middle", class: "cx-value-text" }),
          ];
        }),
    soft(x + width / 2, base + 18, fitting(["how far the output of each word moved", "how far each output moved"], width - 20, 12.5), "middle"),
  );
}

// ---------------------------------------------------------------- the family

/** A control that only some schemes have. */
const onlyFor = (schemes, make) => (ctx) => {
  const control = make(ctx);
  return {
    node: control.node,
    update(state) {
      control.node.hidden = !schemes.includes(state.scheme);
      control.update(state);
    },
  };
};

const whole = (v) => num(v, 0);

const positionsFamily = {
  compute: positionsResults,
  line: (state, results, facts) => `${aboutPlace(state, results, facts)} ${aboutSwap(results, facts)}`,
  still: ["scheme", "position", "pair", "head", "d", "n"],
  height: (width) => places(width).height,

  picture(ctx) {
    const at = places(ctx.width);
    return [tablePanel(ctx, at), clockPanel(ctx, at), curvePanel(ctx, at), swapPanel(ctx, at)];
  },

  controls: [
    choice({ trait: "scheme", label: "Positions", options: () => [["sinusoidal", "sinusoids"], ["learned", "learned"], ["rotary", "rotary"], ["alibi", "ALiBi"], ["none", "none"]] }),
    slider({ trait: "position", label: "Position", min: 0, max: (state) => state.n - 1, step: 1, format: whole, get: (state) => placeOf(state)[0] }),
    onlyFor(WITH_PAIRS, slider({ trait: "pair", label: "Pair", min: 0, max: (state) => state.d / 2 - 1, step: 1, format: whole, get: (state) => placeOf(state)[1] })),
    (ctx) => onlyFor(["alibi"], slider({ trait: "head", label: "Head", min: 1, max: ctx.facts.n_heads, step: 1, format: whole }))(ctx),
    onlyFor(TURNING, slider({ trait: "base", label: "Base", min: 10, max: 100000, step: 1, log: true, format: (v) => v.toLocaleString("en-US", { maximumFractionDigits: 0 }) })),
    (ctx) => onlyFor(WITH_PAIRS, slider({ trait: "d", label: "Size d", min: 4, max: ctx.facts.most_d, step: 2, format: whole }))(ctx),
    slider({ trait: "n", label: "Rows n", min: 8, max: 64, step: 1, format: whole }),
  ],
};

export default explorer(positionsFamily);
