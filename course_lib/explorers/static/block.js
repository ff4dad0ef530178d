// A stack of blocks whose parts can be switched off. Python's side is block.py; the numbers come from there.

const [DEPTH, ALIKE] = [24, 0.05];
const NORMS = ["none", "pre", "post"];

const runs = new WeakMap();
function runsOf(facts) {
  if (!runs.has(facts)) runs.set(facts, { lengths: floats(facts.lengths), differences: floats(facts.differences), gradients: floats(facts.gradients) });
  return runs.get(facts);
}

/** A positive number as a person would say it. */
function said(value) {
  if (value >= 999500) return `${num(value / 1e6, 1)} million`;
  if (value >= 999.5) return num(value, 0).replace(/(\d{3})$/, ",$1");
  if (value >= 99.95) return num(value, 0);
  if (value >= 9.995) return num(value, 1);
  return value >= 0.005 ? num(value) : "less than 0.01";
}

const power = (e) => (e > -3 && e < 4 ? (e < 0 ? num(10 ** e, -e) : e === 3 ? "1,000" : num(10 ** e, 0)) : "10" + [...String(e)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join(""));

// ---------------------------------------------------------------- one block as a row of parts

/** The parts in the order in which a token passes through them; a residual leads from `from` to its plus. */
function partsOf({ residual, norm, feed_forward: ff }) {
  const one = (name, on) => [
    ...(norm === "pre" ? [{ text: "norm", on }] : []),
    { text: name, on },
    { text: "+", on: residual && on },
    ...(norm === "post" ? [{ text: "norm", on }] : []),
  ];
  return [one("attention", true), one("feed-forward", ff)];
}

function diagram({ state, width }, y) {
  const groups = partsOf(state);
  const narrow = width < 520;
  const wide = (text) => (text === "+" ? 22 : narrow ? textWidth(text, 12) + 10 : textWidth(text) + 18);
  const gap = narrow ? 6 : 20;
  const all = groups.flat();
  const times = `× ${state.depth}`;
  const total = sum(all.map((p) => wide(p.text))) + gap * (all.length + 1) + 40;
  let x = Math.max(0, (width - total) / 2);
  const marks = [];
  const low = y + 26;
  marks.push(label(x, low + 4, "x", { class: "cx-strong" }));
  x += 10;
  for (const group of groups) {
    const start = x + gap / 2;
    for (const { text, on } of group) {
      marks.push(line(x, low, x + gap, low, "cx-thin", on || text === "+" ? {} : { "stroke-dasharray": "2 3" }));
      x += gap;
      const w = wide(text);
      const middle = x + w / 2;
      if (text === "+") {
        marks.push(on ? [s("path", { d: `M${start} ${low}V${y + 2}H${middle}V${low - 11}`, class: "cx-thin", style: "stroke:var(--cx-ink);stroke-width:2" }), s("circle", { cx: middle, cy: low, r: 10, style: "fill:var(--cx-paper);stroke:var(--cx-ink);stroke-width:2" }), label(middle, low + 5, "+", { anchor: "middle", class: "cx-strong" })] : line(x, low, x + w, low, "cx-thin"));
      } else {
        marks.push(
          s("rect", { x, y: low - 14, width: w, height: 28, rx: 5, class: on ? "cx-wash" : "cx-clear", style: `stroke:var(--cx-masked-line);${on ? "" : "stroke-dasharray:3 3"}` }),
          label(middle, low + 4, text, { anchor: "middle", class: (on ? "cx-strong" : "cx-soft") + (narrow ? " cx-small" : "") }),
        );
      }
      x += w;
    }
  }
  marks.push(line(x, low, x + gap, low, "cx-thin"), label(x + gap + 4, low + 4, times, { class: "cx-strong" }));
  return s("g", {}, marks);
}

// ---------------------------------------------------------------- three curves

/** One curve over the blocks. Lengths and gradients stand on a scale of powers of ten that widens as needed. */
function curve(ctx, { x, y, width, height, title, note, values, at: marked, linear, format }) {
  const logs = values.map((v) => (linear ? v : Math.log10(Math.max(v, 1e-12))));
  const [low, high] = linear ? [0, 1] : [Math.min(-1, Math.floor(Math.min(...logs))), Math.max(2, Math.ceil(Math.max(...logs) + 0.5))];
  const left = x + (linear ? 22 : 44);
  const floor = y + 44 + height;
  const across = (b) => left + ((x + width - 8 - left) * b) / DEPTH;
  const up = (v) => floor - (height * (v - low)) / (high - low);
  const every = Math.ceil((high - low) / 5);
  const ticks = linear ? [0, 0.5, 1] : Array.from({ length: high - low + 1 }, (_, i) => low + i).filter((e) => e % every === 0);
  const spot = [across(marked), up(logs[marked])];
  const text = format(values[marked]);
  // The number stands where the curve is not: behind its end, or above or below it.
  const behind = marked > 0 && spot[0] + 10 + textWidth(text) < x + width;
  const before = marked > 0 ? logs.slice(-4, -1) : logs.slice(1, 4);
  const above = !before.length || sum(before) / before.length < logs[marked] ? spot[1] - y > 54 : spot[1] > floor - 24;
  const beside = behind ? { x: 10, y: spot[1] > floor - 12 ? -7 : 5, anchor: "start" } : { x: 6, y: above ? -12 : 23, anchor: marked > 0 ? "end" : "start" };
  return s(
    "g",
    {},
    label(x, y + 13, title, { class: "cx-strong" }),
    label(x, y + 30, note, { class: "cx-small cx-soft" }),
    ticks.map((v) => [line(left, up(v), x + width - 8, up(v), "cx-grid"), label(left - 6, up(v) + 4, linear ? (v === 0.5 ? ".5" : num(v, 0)) : power(v), { anchor: "end", class: "cx-small cx-soft" })]),
    line(left, floor, x + width - 8, floor),
    [0, 12, 24].map((b) => label(across(b), floor + 17, b === 24 && across(24) - across(12) > 84 ? "24 blocks" : b, { anchor: b === 24 ? "end" : "middle", class: "cx-small cx-soft" })),
    ctx.hidden
      ? label((left + x + width) / 2, y + 44 + height / 2, "?", { anchor: "middle", class: "cx-big cx-soft" })
      : [
          s("polyline", { points: logs.map((v, b) => `${across(b).toFixed(1)},${up(v).toFixed(1)}`).join(" "), fill: "none", style: "stroke:var(--cx-ink);stroke-width:2.25" }),
          s("circle", { cx: spot[0], cy: spot[1], r: 5.5, style: "fill:var(--cx-ink)" }),
          label(spot[0] + beside.x, spot[1] + beside.y, text, { anchor: beside.anchor, class: "cx-strong cx-clear-of" }),
        ],
  );
}

const blockFamily = {
  compute({ residual, norm, feed_forward, depth }, facts) {
    const { lengths, differences, gradients } = runsOf(facts);
    const at = (Number(residual) * 3 + NORMS.indexOf(norm)) * 2 + Number(feed_forward);
    const row = DEPTH + 1;
    const part = (all, first) => Array.from(all.subarray(first, first + depth + 1));
    const results = { blocks: depth, lengths: part(lengths, at * row), differences: part(differences, at * row), gradients: part(gradients, (at * DEPTH + depth - 1) * row) };
    return { ...results, length: results.lengths[depth], difference: results.differences[depth], gradient: results.gradients[0] };
  },

  line({ residual, norm, feed_forward, depth }, { length, difference, gradient }) {
    return (
      `${depth === 1 ? "1 block" : `${depth} blocks`} of ${feed_forward ? "attention and feed-forward" : "attention alone"}, ${residual ? "with" : "no"} residual, ${norm === "none" ? "no norm" : norm + "-norm"}: ` +
      `the vectors' length goes from 4 to ${said(length)}, the tokens ${difference < ALIKE ? "have become nearly alike" : "still differ"} (${num(difference)} of their length), ` +
      `and the first block gets ${said(gradient)} times the gradient of the output.`
    );
  },

  still: ["residual", "norm", "feed_forward", "depth"],

  height: (width) => (width < 540 ? 60 + 3 * 206 : 60 + 252),

  picture(ctx) {
    const { results, width, state } = ctx;
    const narrow = width < 540;
    const gap = 30;
    const third = narrow ? width : (width - 2 * gap) / 3;
    const place = (i) => (narrow ? { x: 0, y: 64 + 206 * i, width, height: 118 } : { x: i * (third + gap), y: 66, width: third, height: 176 });
    const tight = !narrow && third < 200;
    return [
      diagram(ctx, 6),
      curve(ctx, { ...place(0), title: tight ? "Length" : "Length of the vectors", note: "after each block", values: results.lengths, at: state.depth, format: said }),
      curve(ctx, { ...place(1), title: tight ? "Tokens differ" : "How much the tokens differ", note: "0: all alike", values: results.differences, at: state.depth, linear: true, format: (v) => num(v) }),
      curve(ctx, { ...place(2), title: "Gradient", note: tight ? "at the output: 1" : "at each block; 1 at the output", values: results.gradients, at: 0, format: said }),
    ];
  },

  controls: [
    toggle({ trait: "residual", label: "Residual" }),
    choice({ trait: "norm", label: "Norm", options: () => [["none", "none"], ["pre", "before each part"], ["post", "after the residual"]] }),
    toggle({ trait: "feed_forward", label: "Feed-forward" }),
    slider({ trait: "depth", label: "Blocks", min: 1, max: DEPTH, step: 1, format: (v) => num(v, 0) }),
  ],
};

export default explorer(blockFamily);
