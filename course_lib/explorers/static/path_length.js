// Many hops of a recurrent network beside the one hop of attention. Python's side is path_length.py; maths and words must agree.

const WINDOWS = [6, 12, 25, 60, 100];

// ---------------------------------------------------------------- maths

function pathResults({ distance, gate, n, d_model: d }) {
  const signals = Array.from({ length: distance + 1 }, (_, k) => gate ** k);
  return {
    hops: distance,
    signal: signals[distance],
    signals,
    equal_share: 1 / n,
    steps_recurrent: n,
    steps_attention: 1,
    operations_recurrent: n * d * d,
    operations_attention: n * n * d,
    ratio: (n * d * d) / (n * n * d),
  };
}

// ---------------------------------------------------------------- words

/** The gate with two digits, or with as many as tell it from 1. */
const kept = (gate) => num(gate, gate === 1 || gate < 0.995 ? 2 : 4);

/** A share with two digits, small ones with one that counts; below 0.001 as a power of ten. */
function share(value) {
  if (value === 0) return "0";
  if (value >= 0.001) return num(value, value >= 0.01 ? 2 : 3);
  const [digit, exponent] = value.toExponential(0).split("e");
  return `${digit}·10${[...String(Number(exponent))].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;
}

const grouped = (x) => String(x).replace(/\B(?=(\d{3})+$)/g, ",");

/** A number of things as one says it: 100, 65,536, 26.2 million. */
function amount(value) {
  for (const [size, name] of [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]]) if (value >= size) return `${num(value / size, 1)} ${name}`;
  return grouped(value);
}

const hopsOf = (distance) => `${distance} ${distance === 1 ? "hop" : "hops"}`;

// ---------------------------------------------------------------- the chain of hops and the one hop

const strong = (x, y, text, more = {}) => label(x, y, text, { class: "cx-strong", ...more });
const small = (x, y, text, anchor = "start") => label(x, y, text, { anchor, class: "cx-small cx-soft" });
/** Where the bars begin and end and where the tokens stand, down from the top. */
function lanes(width) {
  const top = 42;
  const base = top + clamp(0.19 * width, 118, 170);
  return { top, base, row: base + 24 };
}

function places(ctx) {
  const { state, width } = ctx;
  const fit = WINDOWS.find((w) => w >= 1.1 * state.distance) ?? 100;
  const held = ctx.hold("window", fit); // while something is dragged the scale stands still
  const hops = held >= state.distance ? held : fit;
  const [left, right] = [width < 520 ? 86 : 96, width - (width < 520 ? 84 : 110)];
  const hop = (right - left) / hops;
  return { ...lanes(width), left, right, hop, hops, end: left + hop * state.distance, bar: Math.min(28, hop * 0.72), at: (k) => left + hop * k };
}

/** Bars of what is left after each hop, from the word to the token that asks, or the gradient on its way back. */
function chain(at, { state, results, hidden }) {
  const { distance, backward, gate } = state;
  const { base, top } = at;
  const tall = (value) => (base - top) * value;
  const place = (k) => at.at(backward ? distance - k : k);
  const [side, far] = backward ? ["end", -1] : ["start", 1];
  const beside = at.bar / 2 + 8;
  if (hidden) return [s("rect", { x: at.left - 14, y: top, width: at.end - at.left + 28, height: base - top, class: "cx-wash" }), label((at.left + at.end) / 2, (top + base) / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" })];
  const y = clamp(base - tall(results.signal) + 9, top + 9, base - 18);
  return [
    results.signals.map((value, k) => value > 0.002 && bar(place(k) - at.bar / 2, base, at.bar, tall(value))),
    label(place(0) - far * beside, top + 11, "1", { anchor: backward ? "start" : "end", class: "cx-key-text" }),
    label(place(distance) + far * beside, y, share(results.signal), { anchor: side, class: "cx-key-text" }),
    label(place(distance) + far * beside, y + 16, backward ? "gets back" : "arrives", { anchor: side, class: "cx-soft" }),
    distance > 1 && label(place(1) + far * 15, base - tall(gate) - 7, `${kept(gate)} kept per hop`, { anchor: side }),
  ];
}

/** The row of tokens: the word, the hops, the token that asks, later tokens. */
function tokens(at, { state }) {
  const { row } = at;
  const { distance, backward } = state;
  const later = Array.from({ length: Math.min(at.hops, state.n - 1) - distance }, (_, i) => at.at(distance + 1 + i)).filter((x) => x > at.end + 52);
  const size = clamp(at.hop / 4, 1.2, 3.5);
  const steps = Array.from({ length: distance }, (_, k) => [at.at(k), at.at(k + 1)]);
  return [
    later.map((x) => s("circle", { cx: x, cy: row, r: size, style: "fill:var(--cx-faint)" })),
    at.hop >= 15
      ? steps.map(([from, to]) => (backward ? arrow(to - 6, row, from + 6, row, { width: 1.5, head: 6 }) : arrow(from + 6, row, to - 6, row, { width: 1.5, head: 6 })))
      : line(at.left, row, at.end, row),
    steps.slice(1).map(([x]) => s("circle", { cx: x, cy: row, r: size, style: "fill:var(--cx-soft)" })),
    s("circle", { cx: at.left, cy: row, r: 7, style: "fill:var(--cx-key)" }),
    s("circle", { cx: at.end, cy: row, r: 7, style: "fill:var(--cx-query)" }),
    label(at.left - 14, row + 4, "the word", { anchor: "end", class: "cx-key-text" }),
    label(at.end + 17, row + 4, "asks", { class: "cx-query-text" }),
  ];
}

/** Attention's one hop: an arc below the row. */
function oneHop(at, { state, width }) {
  const y = at.row + 13;
  const deep = y + 60;
  const tip = state.backward ? at.left : at.end;
  const round = (v) => Math.round(v * 100) / 100;
  const more = `carries its weight: 1/${grouped(state.n)} at equal scores, near 1 once it looks there`;
  const brief = `carries its weight: 1/${grouped(state.n)} at equal scores, up to 1`;
  const roomy = width >= 680;
  return [
    s("path", { d: `M${round(at.left)} ${y - (state.backward ? -5 : 4)}C${round(at.left)} ${deep} ${round(at.end)} ${deep} ${round(at.end)} ${y + (state.backward ? -4 : 5)}`, fill: "none", style: "stroke:var(--cx-key);stroke-width:3.5" }),
    s("polygon", { points: `${round(tip)},${y - 5} ${round(tip - 6)},${y + 9} ${round(tip + 6)},${y + 9}`, style: "fill:var(--cx-key)" }),
    strong(0, y + 72, "Attention: 1 hop, at any distance"),
    roomy ? small(256, y + 72, more) : small(0, y + 90, width < 520 ? brief : more),
  ];
}

// ---------------------------------------------------------------- what can be dragged

function handles(ctx, at) {
  const { state, hidden } = ctx;
  if (hidden) return [];
  const { distance, gate, backward } = state;
  const { base, top, row } = at;
  const first = at.at(backward ? distance - 1 : 1);
  const setGate = (value) => ctx.set({ gate: clamp(snap(value, 0.01), 0, 1) });
  return [
    handle(ctx, {
      x: at.end, y: row, name: "Token that asks", text: `${hopsOf(distance)} after the word`, value: distance, low: 1, high: 100, class: "cx-query",
      knob: [s("circle", { cx: at.end, cy: row, r: 12, class: "cx-halo" })],
      move: (px) => ctx.set(withDistance(clamp(Math.round((px - at.left) / at.hop), 1, at.hops), ctx.live)),
      step: (dx, dy) => ctx.set(withDistance(clamp(ctx.live.distance + dx + dy, 1, 100), ctx.live)),
    }),
    handle(ctx, {
      x: first, y: base - (base - top) * gate, name: "Share kept per hop", text: kept(gate), value: gate, low: 0, high: 1, class: "cx-key",
      move: (_, py) => setGate((base - py) / (base - top)),
      step: (dx, dy) => setGate(ctx.live.gate + 0.01 * (dx + dy)),
    }),
  ];
}

/** Both tokens must be there: n follows where it is too small, and the distance where n becomes so. */
const withDistance = (distance, { n }) => ({ distance, n: Math.max(n, distance + 1) });
const withN = (n, { distance }) => ({ n, distance: Math.min(distance, n - 1) });

// ---------------------------------------------------------------- the cost

function costs({ results }, x, y, width, title, formulas, what) {
  const kinds = ["recurrent", "attention"];
  const values = kinds.map((kind) => results[`${what}_${kind}`]);
  const gutter = 76 + Math.max(...formulas.map((f) => textWidth(f, 12.5)));
  const longest = width - gutter - Math.max(...values.map((v) => textWidth(amount(v), 14))) - 10;
  return [
    strong(x, y, title),
    kinds.map((kind, i) => {
      const at = y + 26 + 25 * i;
      const length = Math.max(1.5, (longest * values[i]) / Math.max(...values));
      const cheaper = values[i] < values[1 - i];
      return [
        label(x, at, kind),
        label(x + 66, at, formulas[i], { class: "cx-soft" }),
        barRight(x + gutter, at - 12, length, 15, { class: "cx-plain" }),
        label(x + gutter + length + 7, at, amount(values[i]), { class: cheaper ? "cx-strong" : "" }),
      ];
    }),
  ];
}

// ---------------------------------------------------------------- the family

const costTop = (width) => lanes(width).row + (width >= 680 ? 124 : 142);

const pathFamily = {
  compute: (state) => pathResults(state),

  line({ distance, gate, n, backward }, results) {
    const left = results.signal ? share(results.signal) : "nothing";
    const way = backward ? "of the gradient gets back" : "of the signal arrives";
    return (
      `Recurrent network: ${hopsOf(distance)} that ${distance === 1 ? "keeps" : "keep"} ${kept(gate)}${distance === 1 ? "" : " each"}, ${left} ${way}; attention: 1 hop. ` +
      `${grouped(n)} tokens: ${grouped(n)} steps one after another against 1, ` +
      `${amount(results.operations_recurrent)} operations against ${amount(results.operations_attention)}.`
    );
  },

  still: ["distance", "n", "d_model", "backward"],

  height: (width) => costTop(width) + (width < 520 ? 146 : 62),

  picture(ctx) {
    const at = places(ctx);
    const { width, state } = ctx;
    const y = costTop(width);
    const half = width < 520 ? width : (width - 44) / 2;
    const chainWords = `Recurrent network: ${hopsOf(state.distance)}${state.backward ? " back" : ""}${state.backward && width < 520 ? "" : ", one after another"}`;
    return [
      s("g", {}, strong(0, 13, chainWords), chain(at, ctx)),
      s("g", {}, line(at.left - 20, at.base, at.right + 6, at.base, "cx-grid")),
      s("g", {}, tokens(at, ctx)),
      s("g", {}, oneHop(at, ctx)),
      s("g", {}, costs(ctx, 0, y, half, "Steps one after another", ["n", "1"], "steps")),
      s("g", {}, width < 520 ? costs(ctx, 0, y + 84, half, "Operations of one layer", ["n·d²", "n²·d"], "operations") : costs(ctx, half + 44, y, half, "Operations of one layer", ["n·d²", "n²·d"], "operations")),
      s("g", {}, handles(ctx, at)),
    ];
  },

  controls: [
    slider({ trait: "distance", label: "Distance", min: 1, max: 100, step: 1, format: (v) => num(v, 0), put: (v, state) => withDistance(v, state) }),
    slider({ trait: "gate", label: "Gate", min: 0, max: 1, step: 0.01, format: kept }),
    slider({ trait: "n", label: "Tokens n", min: 2, max: 10000, step: 1, log: true, format: grouped, put: (v, state) => withN(v, state) }),
    slider({ trait: "d_model", label: "Size d", min: 3, max: 12, step: 1, get: (state) => Math.log2(state.d_model), put: (v) => ({ d_model: 2 ** v }), format: (v) => grouped(Math.round(2 ** v)) }),
    toggle({ trait: "backward", label: "Show the gradient" }),
  ],
};

export default explorer(pathFamily);
