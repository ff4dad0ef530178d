// Scores of random vectors, divided by the root of d or not. Python's side is sqrt_d.py; maths and words must agree with it.

const SIZES = Array.from({ length: 11 }, (_, i) => 2 ** i);
const [BIN, EDGE] = [4, 100];
const scoresOf = new WeakMap();

/** The undivided scores of one size, one row per query. */
function rawScores(facts, d) {
  const [, rows, keys] = facts.sizes;
  if (!scoresOf.has(facts)) scoresOf.set(facts, floats(facts.scores));
  const first = SIZES.indexOf(d) * rows * keys;
  const flat = scoresOf.get(facts);
  return Array.from({ length: rows }, (_, r) => Array.from(flat.subarray(first + r * keys, first + (r + 1) * keys)));
}

const mean = (xs) => sum(xs) / xs.length;

function spreadOf(xs) {
  const middle = mean(xs);
  return Math.sqrt(mean(xs.map((x) => (x - middle) ** 2)));
}

/** Size (Frobenius norm) of the Jacobian diag(p) - p p^T. */
const jacobianSize = (p) => Math.sqrt(sum(p.flatMap((a, i) => p.map((b, j) => (a * ((i === j ? 1 : 0) - b)) ** 2))));

function histogram(scores) {
  const counts = new Array((2 * EDGE) / BIN + 1).fill(0);
  for (const score of scores) counts[Math.floor(clamp(score, -EDGE, EDGE) / BIN + 0.5) + EDGE / BIN]++;
  return counts;
}

/** A slider over the powers of two. */
const sizeSlider = (ctx) => {
  const input = h("input", {
    type: "range", min: 0, max: SIZES.length - 1, step: 1, "data-trait": "d",
    oninput: () => ctx.set({ d: SIZES[input.value] }),
    onpointerdown: () => ctx.busy(true),
    onpointerup: () => ctx.busy(false),
    onpointercancel: () => ctx.busy(false),
  });
  const output = h("span", { class: "cx-number" });
  return {
    node: h("label", { class: "cx-control" }, h("span", { class: "cx-label" }, "Size d"), input, output),
    update({ d }) {
      const at = SIZES.indexOf(d);
      if (Number(input.value) !== at) input.value = at;
      output.textContent = d;
      input.setAttribute("aria-valuetext", `d = ${d}`);
      input.style.setProperty("--cx-filled", (100 * at) / (SIZES.length - 1) + "%");
    },
  };
};

const heading = (x, text) => label(x, 13, text, { class: "cx-strong" });
const note = (x, y, text, anchor = "middle") => label(x, y, text, { anchor, class: "cx-small cx-soft" });
const [TOP, FLOOR] = [44, 214];

function scoresPanel({ results, state }, x, width) {
  const counts = results.histogram;
  const cell = width / counts.length;
  const at = (score) => x + (score / BIN + EDGE / BIN + 0.5) * cell;
  const tallest = Math.max(...counts);
  const reach = results.scores_std;
  return s("g", {},
    heading(x, state.scaled ? "Scores, divided by √d" : "Scores"),
    counts.map((c, i) => c > 0 && s("rect", { x: x + i * cell, y: FLOOR - ((FLOOR - TOP) * c) / tallest, width: Math.max(1, cell - 0.5), height: ((FLOOR - TOP) * c) / tallest, class: "cx-bar cx-plain" })),
    line(x, FLOOR, x + width, FLOOR),
    [-EDGE, 0, EDGE].map((v) => note(at(v), FLOOR + 17, num(v, 0), v < 0 ? "start" : v > 0 ? "end" : "middle")),
    line(at(-reach), FLOOR + 25, at(reach), FLOOR + 25, "cx-axis", { "stroke-width": 3 }),
    label(x + width / 2, FLOOR + 43, `spread ± ${num(reach, 1)}`, { anchor: "middle" }),
  );
}

function weightsPanel({ results, hidden }, x, width) {
  const column = width / results.shares.length;
  const height = FLOOR - TOP;
  return s("g", {},
    heading(x, "Weights, largest first"),
    s("rect", { x, y: TOP, width, height, class: "cx-wash" }),
    hidden
      ? label(x + width / 2, TOP + height / 2, "?", { anchor: "middle", class: "cx-big cx-soft" })
      : [
          results.shares.map((w, i) => bar(x + i * column + 1, FLOOR, column - 2, height * w)),
          label(x + column + 5, Math.max(TOP + 14, FLOOR - height * results.peak + 12), num(results.peak), { class: "cx-strong" }),
        ],
    line(x, FLOOR, x + width, FLOOR),
    line(x, FLOOR - height / results.shares.length, x + width, FLOOR - height / results.shares.length, "cx-guide"),
    note(x + width, FLOOR - height / results.shares.length - 6, "equal share 0.06", "end"),
    note(x + width / 2, FLOOR + 17, "16 keys of one query"),
    note(x + width / 2, FLOOR + 43, "mean of 64 queries"),
  );
}

function gradientPanel({ results, state, facts, hidden }, x, width) {
  const top = 0.36;
  const at = (i) => x + 4 + ((width - 12) * i) / (SIZES.length - 1);
  const up = (v) => FLOOR - ((FLOOR - TOP) * v) / top;
  const curve = (values, on) =>
    s("polyline", { points: values.map((v, i) => `${at(i).toFixed(1)},${up(v).toFixed(1)}`).join(" "), fill: "none", style: `stroke:var(${on ? "--cx-ink" : "--cx-masked-line"});stroke-width:${on ? 2.25 : 1.5}` });
  const { plain, scaled } = facts.gradients;
  const end = SIZES.length - 1;
  const marks = width < 200 ? [0, 4, 7, 10] : [0, 2, 4, 6, 8, 10];
  const now = SIZES.indexOf(state.d);
  return s("g", {},
    heading(x, width < 200 ? "Gradient" : "Gradient of the weights"),
    hidden
      ? label(x + width / 2, (TOP + FLOOR) / 2, "?", { anchor: "middle", class: "cx-big cx-soft" })
      : [
          curve(plain, !state.scaled),
          curve(scaled, state.scaled),
          label(at(end), up(scaled[end]) - 10, "divided", { anchor: "end", class: state.scaled ? "cx-strong" : "cx-soft" }),
          label(x, up(plain[8]) + 6, "not divided", { class: state.scaled ? "cx-soft" : "cx-strong" }),
          s("circle", { cx: at(now), cy: up(results.gradient), r: 5.5, style: "fill:var(--cx-ink)" }),
          label(at(now) + (now > end - 2 ? 6 : 9), up(results.gradient) + (state.scaled ? 20 : -10), num(results.gradient), { anchor: now > end - 2 ? "end" : "start", class: "cx-strong" }),
        ],
    line(x, FLOOR, x + width, FLOOR),
    marks.map((i) => note(at(i), FLOOR + 17, SIZES[i], i === end ? "end" : "middle")),
    note(x + width / 2, FLOOR + 43, "size d"),
  );
}

const sqrtDFamily = {
  compute({ d, scaled }, facts) {
    const factor = scaled ? 1 / Math.sqrt(d) : 1;
    const rows = rawScores(facts, d).map((row) => row.map((x) => x * factor));
    const weights = rows.map(softmax);
    const ranked = weights.map((row) => row.slice().sort((a, b) => b - a));
    return {
      scores_std: spreadOf(rows.flat()),
      peak: mean(ranked.map((row) => row[0])),
      entropy: mean(weights.map(entropy)),
      gradient: mean(weights.map(jacobianSize)),
      shares: ranked[0].map((_, i) => mean(ranked.map((row) => row[i]))),
      histogram: histogram(rows.flat()),
    };
  },

  line({ d, scaled }, { scores_std: std, peak, gradient }) {
    return `d = ${d}, ${scaled ? "divided by √d" : "not scaled"}: standard deviation of the scores ${num(std, 1)}, the largest weight ${num(peak)}, gradient ${num(gradient)}.`;
  },

  still: ["d"],

  height: (width) => (width < 540 ? 540 : 264),

  picture(ctx) {
    const gap = 36;
    if (ctx.width < 540) {
      const half = (ctx.width - gap) / 2;
      return [scoresPanel(ctx, 0, half), weightsPanel(ctx, half + gap, half), s("g", { transform: "translate(0 276)" }, gradientPanel(ctx, 0, ctx.width))];
    }
    const third = (ctx.width - 2 * gap) / 3;
    return [scoresPanel(ctx, 0, third), weightsPanel(ctx, third + gap, third), gradientPanel(ctx, 2 * (third + gap), third)];
  },

  controls: [sizeSlider, toggle({ trait: "scaled", label: "Divide by √d" })],
};

export default explorer(sqrtDFamily);
