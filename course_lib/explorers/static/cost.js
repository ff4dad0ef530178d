// What a text of n tokens costs: work, weights map, KV cache. Python's side is cost.py; maths and words must agree.

const WINDOWS = [320, 1280, 5120, 20480, 81920, 327680];
const MOST_TOKENS = 262144;
const WIDTHS = [64, 128, 256, 512, 768, 1024, 1600, 2048, 4096, 8192];
const HEADS = [1, 2, 4, 8, 12, 16, 25, 32, 64];

// ---------------------------------------------------------------- maths (course_lib/by_hand/costs.py)

const numbersOfKeys = ({ d_model: d, n_heads, n_kv_heads }) => (d / n_heads) * n_kv_heads;
const equalLength = (sizes) => 5 * sizes.d_model + numbersOfKeys(sizes);

/** Work of all layers on n tokens at once: what grows with n, and what grows with n². */
function workOf(n, state) {
  const { d_model: d, n_layers } = state;
  return [n_layers * n * 2 * d * equalLength(state), n_layers * 2 * n * n * d];
}

function costResults(state) {
  const { n, d_model: d, n_heads, n_kv_heads, n_layers, bytes_per_number: bytes } = state;
  const [linear, square] = workOf(n, state);
  const caches = [n_heads, n_kv_heads, 1].map((heads) => 2 * n * (d / n_heads) * heads * n_layers * bytes);
  const one = workOf(1, state)[0];
  const cached = n * one + n_layers * n * (n + 1) * d;
  const uncached = (n * (n + 1) * one) / 2 + (n_layers * (n * (n + 1) * (2 * n + 1)) * d) / 3;
  return {
    share: square / (linear + square),
    attention: square,
    per_token_work: linear,
    total: linear + square,
    longer: sum(workOf(2 * n, state)) / (linear + square),
    equal: equalLength(state),
    map_bytes: n * n * n_heads * bytes,
    cache_bytes: caches[1],
    caches,
    cached,
    uncached,
    saving: uncached / cached,
  };
}

// ---------------------------------------------------------------- words

const grouped = (x) => String(x).replace(/\B(?=(\d{3})+$)/g, ",");

/** A number of multiplications as one says it; from a quadrillion on as a power of ten. */
function amount(value) {
  if (value >= 1e15) {
    const [digits, exponent] = value.toExponential(1).split("e");
    return `${digits}·10${[...String(Number(exponent))].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("")}`;
  }
  for (const [unit, name] of [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]]) if (value >= unit) return `${num(value / unit, 1)} ${name}`;
  return grouped(Math.trunc(value));
}

/** Bytes in the unit in which they are few: 25.2 MB. */
function size(value) {
  for (const [unit, name] of [[1e15, "PB"], [1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) if (value >= unit) return `${num(value / unit, 1)} ${name}`;
  return `${Math.trunc(value)} bytes`;
}

const percent = (share) => `${num(100 * share, share >= 0.1 ? 0 : 1)} %`;
const times = (factor) => (factor < 100 ? `${num(factor, 1)} times` : `${grouped(Math.floor(factor + 0.5))} times`);

/** How the heads share keys, by its name. */
const kindOf = (heads, all) => (heads === all ? "MHA" : heads === 1 ? "MQA" : "GQA");

// ---------------------------------------------------------------- the curve

const round = (v) => Math.round(v * 100) / 100;
const small = (x, y, text, more = {}) => label(x, y, text, { ...more, class: "cx-small " + (more.class ?? "") });

/** Where the curve stands, and how wide it and the bars are. */
function stand(width) {
  const beside = width >= 720;
  const chart = beside ? width * 0.54 : width;
  const [left, top] = [98, 74];
  const high = clamp(chart * 0.5, 170, 260);
  const base = top + high;
  const columns = beside ? 1 : width >= 560 ? 2 : 1;
  return { beside, left, right: chart - 14, top, high, base, end: base + 50, columns };
}

const areaPath = (xs, upper, lower) => {
  const there = xs.map((x, i) => `${round(x)} ${round(upper[i])}`);
  const back = xs.map((x, i) => `${round(x)} ${round(lower[i])}`).reverse();
  return `M${[...there, ...back].join("L")}Z`;
};

function chartOf(ctx, at) {
  const { state, results } = ctx;
  const { left, right, top, high, base } = at;
  const fit = WINDOWS.find((w) => w >= 1.2 * state.n) ?? WINDOWS.at(-1);
  const held = ctx.hold("window", fit); // while something is dragged the scale stands still
  const most = held >= state.n ? held : fit;
  const tall = sum(workOf(most, state));
  const px = (n) => left + ((right - left) * n) / most;
  const py = (work) => base - (high * work) / tall;
  return { ...at, most, px, py, x: px(state.n), y: py(results.total), n: (x) => clamp(Math.round(((x - left) / (right - left)) * most), 16, Math.min(most, MOST_TOKENS)) };
}

function curve(ctx, at) {
  const { state, results, hidden } = ctx;
  const { left, right, top, base, most, px, py, x, y } = at;
  const swatch = (from, row, style) => s("rect", { x: from, y: row - 11, width: 12, height: 12, rx: 2, style });
  const legend = [
    label(0, 13, "Multiplications to read n tokens at once", { class: "cx-strong" }),
    swatch(0, 36, "fill:var(--cx-key);opacity:0.75"),
    small(18, 35, "between tokens: n²·2d a layer"),
    swatch(212, 36, "fill:var(--cx-soft);opacity:0.5"),
    small(230, 35, "per token: n·c a layer"),
    s("line", { x1: 0, y1: 52, x2: 13, y2: 52, class: "cx-guide", style: "stroke:var(--cx-ink)" }),
    small(18, 56, "if the cost were linear in n"),
  ];
  if (hidden) return [legend, s("rect", { x: left, y: top, width: right - left, height: base - top, class: "cx-wash" }), label((left + right) / 2, (top + base) / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" })];
  const ns = Array.from({ length: 61 }, (_, k) => (most * k) / 60);
  const work = ns.map((n) => workOf(n, state));
  const xs = ns.map(px);
  const lower = work.map(([linear]) => py(linear));
  const upper = work.map((both) => py(sum(both)));
  const reach = Math.min(right, left + ((base - top) * (x - left)) / (base - y));
  const ends = base - ((base - y) * (reach - left)) / (x - left);
  const equal = px(results.equal);
  const told = `both parts equal at ${grouped(results.equal)} tokens`;
  const half = textWidth(told, 12) / 2;
  const mark = `n = ${grouped(state.n)}`;
  const free = (middle, text) => Math.abs(middle - x) > (textWidth(mark, 14) + textWidth(text, 12)) / 2 + 16;
  return [
    legend,
    s("path", { d: areaPath(xs, lower, xs.map(() => base)), style: "fill:var(--cx-soft);opacity:0.4" }),
    s("path", { d: areaPath(xs, upper, lower), style: "fill:var(--cx-key);opacity:0.6" }),
    line(left, base, round(reach), round(ends), "cx-guide", { style: "stroke:var(--cx-ink)" }),
    line(left, base, right, base),
    line(left, top, left, base),
    line(left, y, x, y, "cx-guide"),
    line(x, y, x, base, "cx-guide"),
    small(left - 8, y + 4, amount(results.total), { anchor: "end" }),
    label(x, base + 18, mark, { anchor: "middle", class: "cx-query-text" }),
    free(left, "0") && small(left, base + 17, "0", { anchor: "middle", class: "cx-soft" }),
    free(right - textWidth(grouped(most), 12) / 2, grouped(most)) && small(right, base + 17, grouped(most), { anchor: "end", class: "cx-soft" }),
    equal <= right && [line(equal, base, equal, base + 24, "cx-thin"), line(equal, top, equal, base, "cx-guide")],
    small(clamp(equal, left + half, right - half), base + 38, told + (equal > right ? " →" : ""), { anchor: "middle", class: "cx-soft" }),
  ];
}

function lengthHandle(ctx, at) {
  if (ctx.hidden) return null;
  const by = (steps) => clamp(Math.round(ctx.live.n * 1.05 ** steps) + Math.sign(steps), 16, MOST_TOKENS);
  return handle(ctx, {
    x: at.x, y: at.y, name: "Length of the text", text: `${grouped(ctx.state.n)} tokens`, value: ctx.state.n, low: 16, high: MOST_TOKENS, class: "cx-query",
    move: (px) => ctx.set({ n: at.n(px) }),
    step: (dx, dy) => ctx.set({ n: by(dx + dy) }),
  });
}

// ---------------------------------------------------------------- the bars

/** A block of bars on one scale: rows are [name, formula, value, said, strong]. */
function block(x, y, width, title, rows, hidden) {
  const gutter = Math.min(width * 0.5, Math.max(...rows.map(([name]) => textWidth(name, 14.5))) + 12);
  const most = Math.max(...rows.map(([, , value]) => value));
  const longest = Math.min(...rows.map(([, , value, said]) => ((width - gutter - textWidth(said, 16) - 10) * most) / value));
  const tall = rows.some(([, formula]) => formula) ? 40 : 25;
  return [
    label(x, y + 13, title, { class: "cx-strong" }),
    rows.map(([name, formula, value, said, strong], i) => {
      const at = y + 38 + tall * i;
      const length = Math.max(1.5, (longest * value) / most);
      return [
        label(x, at, name, { class: strong ? "cx-strong" : "" }),
        formula && small(x, at + 15, formula, { class: "cx-soft" }),
        hidden
          ? label(x + gutter, at, "?", { class: "cx-strong cx-soft" })
          : [barRight(x + gutter, at - 12, length, 15, { class: "cx-plain" }), label(x + gutter + length + 7, at, said, { class: strong ? "cx-strong" : "" })],
      ];
    }),
  ];
}

/** The three blocks with their heights. */
function blocks({ state, results }) {
  const { n_heads, n_kv_heads } = state;
  const heads = [["MHA", n_heads], ["now", n_kv_heads], ["MQA", 1]];
  const memory = [
    ["weights map", "1 layer: n²·heads", results.map_bytes, size(results.map_bytes)],
    ["KV cache", "2n·layers·KV heads·d_head", results.cache_bytes, size(results.cache_bytes)],
  ];
  const shared = heads.map(([name, count], i) => [`${name}: ${count} KV head${count === 1 ? "" : "s"}`, "", results.caches[i], size(results.caches[i]), i === 1]);
  const written = [
    ["with KV cache", "n·c + n²·d", results.cached, amount(results.cached)],
    ["without", "n²·c/2 + n³·2d/3", results.uncached, amount(results.uncached)],
  ];
  return [["Memory", memory, 128], ["KV cache, keys shared by heads", shared, 122], ["Writing n tokens one by one", written, 116]];
}

// ---------------------------------------------------------------- controls

const atMost = (options, most) => Math.max(...options.filter((v) => v <= most));
const divisors = (n, among) => among.filter((v) => n % v === 0);
const keyHeads = (n) => divisors(n, Array.from({ length: n }, (_, i) => i + 1));

/** Sizes that fit each other: fewer heads where they do not divide d_model, keys shared where heads became fewer. */
function fitted({ d_model, n_heads, n_kv_heads }, whole) {
  const heads = atMost(divisors(d_model, [...HEADS, n_heads]), n_heads);
  return { d_model, n_heads: heads, n_kv_heads: whole ? heads : atMost(keyHeads(heads), n_kv_heads) };
}

/** A list whose choice may change several sizes. */
const pick = ({ trait, label: text, options, put }) => (ctx) => {
  const select = h("select", { "data-trait": trait, onchange: () => ctx.go(put(list[select.selectedIndex][0], ctx.live)) });
  let list = [];
  return {
    node: h("label", { class: "cx-control" }, h("span", { class: "cx-label" }, text), select),
    update(state) {
      const wanted = options(state);
      if (JSON.stringify(wanted) !== JSON.stringify(list)) select.replaceChildren(...wanted.map(([, t]) => h("option", {}, t)));
      list = wanted;
      select.selectedIndex = list.findIndex(([v]) => v === state[trait]);
    },
  };
};

const listed = (values, now) => [...new Set([...values, now])].sort((a, b) => a - b).map((v) => [v, grouped(v)]);

// ---------------------------------------------------------------- the family

const costFamily = {
  compute: (state) => costResults(state),

  line({ n }, results) {
    return (
      `${grouped(n)} tokens: ${amount(results.total)} multiplications, ${percent(results.share)} of them grow with n²; ` +
      `twice the tokens, ${num(results.longer, 1)} times the work. ` +
      `Weights map ${size(results.map_bytes)} a layer, KV cache ${size(results.cache_bytes)}. ` +
      `Writing them one by one takes ${times(results.saving)} the work without the cache.`
    );
  },

  still: ["n", "d_model", "n_heads", "n_kv_heads", "n_layers", "bytes_per_number"],

  height(width) {
    const at = stand(width);
    if (at.beside) return Math.max(at.end, 128 + 122 + 116);
    return at.end + (at.columns === 2 ? 128 + 122 : 128 + 122 + 116) + 10;
  },

  picture(ctx) {
    const at = chartOf(ctx, stand(ctx.width));
    const made = blocks(ctx);
    const gap = 36;
    const column = at.beside ? ctx.width - at.right - 14 - gap : (ctx.width - gap * (at.columns - 1)) / at.columns;
    let y = at.beside ? 0 : at.end + 10;
    const start = y;
    const placed = made.map(([title, rows, high], i) => {
      const right = !at.beside && at.columns === 2 && i === 2;
      const x = at.beside ? at.right + 14 + gap : right ? column + gap : 0;
      const here = right ? start : y;
      y += right ? 0 : high;
      return s("g", {}, block(x, here, column, title, rows, ctx.hidden));
    });
    return [s("g", {}, curve(ctx, at)), placed, s("g", {}, lengthHandle(ctx, at))];
  },

  controls: [
    slider({ trait: "n", label: "Tokens n", min: 16, max: MOST_TOKENS, step: 1, log: true, format: grouped }),
    pick({ trait: "d_model", label: "d_model", options: (state) => listed(WIDTHS, state.d_model), put: (v, state) => fitted({ ...state, d_model: v }, state.n_kv_heads === state.n_heads) }),
    pick({ trait: "n_heads", label: "Heads", options: (state) => listed(divisors(state.d_model, HEADS), state.n_heads), put: (v, state) => fitted({ ...state, n_heads: v }, state.n_kv_heads === state.n_heads) }),
    pick({ trait: "n_kv_heads", label: "KV heads", options: (state) => keyHeads(state.n_heads).map((v) => [v, `${v} (${kindOf(v, state.n_heads)})`]), put: (v) => ({ n_kv_heads: v }) }),
    slider({ trait: "n_layers", label: "Layers", min: 1, max: 128, step: 1, format: (v) => num(v, 0) }),
    choice({ trait: "bytes_per_number", label: "Bytes per number", options: () => [[1, "1"], [2, "2"], [4, "4"]] }),
  ],
};

export default explorer(costFamily);
