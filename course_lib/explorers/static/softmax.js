// Scores become weights. Python's side is softmax.py; the maths and the words must agree with it.

const LOW = -10;
const HIGH = 10;

const softmaxFamily = {
  compute({ scores, temperature, shift, chosen }) {
    const weights = softmax(scores.map((x) => (x + shift) / temperature));
    const at = Math.min(chosen, weights.length - 1);
    const gradient = weights.map((w, i) => (weights[at] * ((i === at ? 1 : 0) - w)) / temperature);
    return { weights, entropy: entropy(weights), gradient };
  },

  line({ shift }, { weights, entropy: h }, { labels }) {
    const n = weights.length;
    const most = Math.max(...weights);
    const first = most - Math.min(...weights) < 0.005 ? `All ${n} weigh the same: ${num(1 / n)} each.` : `‘${labels[weights.indexOf(most)]}’ takes ${num(most)} of the weight.`;
    const moved = shift ? ` Every score is ${num(Math.abs(shift), 1)} ${shift > 0 ? "higher" : "lower"}, and no weight has moved.` : "";
    return `${first} Entropy ${num(h)}, where 0 is one winner and ${num(Math.log(n))} is all equal.${moved}`;
  },

  still: ["chosen"],

  height: (width, state, hidden) => (hidden ? 386 : width < 640 ? 546 : 456),

  picture(ctx) {
    const { state, results, width, facts, hidden } = ctx;
    const { scores, shift } = state;
    const n = scores.length;
    const beside = width >= 640;
    const left = 84;
    const column = Math.min(180, (width - left - (beside ? 232 : 0)) / n);
    const right = left + n * column;
    const middle = (i) => left + (i + 0.5) * column;
    const thick = Math.min(64, column * 0.56);
    const chosen = Math.min(state.chosen, n - 1);

    // The scores: bars from the line of the constant, so that adding a constant lifts all of them together.
    const [top, bottom] = [26, 196];
    const shown = [...scores.map((x) => x + shift), shift];
    const [lowest, highest] = ctx.hold("scores", [Math.min(-0.5, Math.min(...shown) - 1), Math.max(4, Math.max(...shown) + 1)]);
    const unit = (bottom - top) / (highest - lowest);
    const zero = bottom + lowest * unit;
    const base = zero - shift * unit;
    const scoreOf = (i) => {
      const x = middle(i);
      const y = base - scores[i] * unit;
      const put = (value) => ctx.set({ scores: ctx.live.scores.with(i, clamp(snap(value, 0.1), LOW, HIGH)) });
      return [
        bar(x - thick / 2, base, thick, scores[i] * unit, { class: "cx-plain" }),
        label(x, (scores[i] < 0 ? y + 24 : y - 14), num(scores[i] + shift, 1), { anchor: "middle", class: "cx-strong" }),
        handle(ctx, {
          key: "score" + i, x, y, hit: 14, name: `score ${facts.labels[i]}`, text: num(scores[i], 1), value: scores[i], low: LOW, high: HIGH,
          knob: [s("rect", { x: x - thick / 2 - 5, y: y - 6, width: thick + 10, height: 12, rx: 6, class: "cx-halo" }), s("rect", { x: x - thick / 2 + 2, y: y - 3, width: thick - 4, height: 6, rx: 3, class: "cx-knob" })],
          move: (_, py) => put((base - clamp(py, top, bottom)) / unit),
          step: (dx, dy) => put(ctx.live.scores[i] + 0.1 * (dx + dy)),
        }),
      ];
    };

    // The weights: parts of 1, on a pale column that stands for the whole.
    const [floor, tall] = [354, 106];
    const weightOf = (i) => {
      const x = middle(i);
      const w = results.weights[i];
      return [
        s("rect", { x: x - thick / 2, y: floor - tall, width: thick, height: tall, rx: 1.5, class: "cx-wash" }),
        !hidden && bar(x - thick / 2, floor, thick, w * tall),
        label(x, hidden ? floor - tall / 2 : floor - w * tall - 6, hidden ? "?" : num(w), { anchor: "middle", class: "cx-strong" }),
        pickable(ctx, i, x, floor + 20, facts.labels[i], column, i === chosen),
      ];
    };

    // The gradient: what one more on each score would do to the chosen weight.
    const still = 420;
    const steep = 84;
    const slopeOf = (i) => {
      const g = results.gradient[i];
      const length = clamp(g * steep, -24, 24);
      return [
        bar(middle(i) - thick / 2, still, thick, length, { class: "cx-plain" }),
        label(middle(i), length < 0 ? still - 6 : still + 16, (g > 0.005 ? "+" : "") + num(g), { anchor: "middle" }),
      ];
    };

    const share = results.entropy / Math.log(n);
    const [ex, ey, ew] = beside ? [width - 196, floor - tall + 10, 196] : [left, 496, width - left];
    const caption = (y, name, note) => [label(0, y, name, { class: "cx-strong" }), note && label(0, y + 17, note, { class: "cx-soft cx-small" })];
    return [
      s("g", {}, caption(bottom - 70, "scores", ctx.frozen ? "" : "drag the tips")),
      line(left, zero, right, zero),
      s("g", {}, Math.abs(shift) > 0.04 && [
        s("rect", { x: left, y: Math.min(base, zero), width: right - left, height: Math.abs(base - zero), class: "cx-wash" }),
        line(left, base, right, base, "cx-guide"),
        beside && label(right + 10, (base + zero) / 2 + 4, `${shift > 0 ? "+" : ""}${num(shift, 1)} on every score`, { class: "cx-soft" }),
      ]),
      s("g", {}, scores.map((_, i) => scoreOf(i))),
      s("g", {}, caption(floor - 44, "weights", "sum to 1")),
      line(left, floor, right, floor),
      s("g", {}, scores.map((_, i) => weightOf(i))),
      s("g", {}, !hidden && [
        caption(still - 2, "gradient", `of ‘${facts.labels[chosen]}’`),
        line(left, still, right, still),
        scores.map((_, i) => slopeOf(i)),
      ]),
      s("g", {}, !hidden && [
        label(ex, ey, "entropy", { class: "cx-soft" }),
        label(ex, ey + 25, num(results.entropy), { class: "cx-big" }),
        label(ex + ew, ey + 25, `of at most ${num(Math.log(n))}`, { anchor: "end", class: "cx-soft" }),
        s("rect", { x: ex, y: ey + 35, width: ew, height: 8, rx: 1.5, class: "cx-wash" }),
        barRight(ex, ey + 35, ew * clamp(share, 0, 1), 8, { class: "cx-plain" }),
        beside && [label(ex, ey + 60, "one winner", { class: "cx-soft cx-small" }), label(ex + ew, ey + 60, "all equal", { anchor: "end", class: "cx-soft cx-small" })],
      ]),
    ];
  },

  controls: [
    slider({ trait: "shift", label: "Add to every score", min: -10, max: 10, step: 0.1 }),
    slider({ trait: "temperature", label: "Temperature", min: 0.1, max: 10, step: 0.01, log: true, format: (v) => num(v, 2) }),
    group(
      action({ label: "− score", name: "one score fewer", run: (ctx) => ctx.set({ scores: ctx.state.scores.slice(0, -1), chosen: Math.min(ctx.state.chosen, ctx.state.scores.length - 2) }), enabled: ({ scores }) => scores.length > 3 }),
      action({ label: "+ score", name: "one more score", run: (ctx) => ctx.set({ scores: [...ctx.state.scores, 0] }), enabled: ({ scores }) => scores.length < 8 }),
    ),
  ],
};

/** The name of a weight; pressing it chooses whose gradient is shown. */
function pickable(ctx, i, x, y, text, column, chosen) {
  const wide = Math.min(column - 4, textWidth(text) + 20);
  const choose = () => ctx.set({ chosen: i });
  const parts = [
    s("rect", { x: x - wide / 2, y: y - 15, width: wide, height: 21, rx: 10.5, class: chosen ? "cx-chip cx-on" : "cx-chip" }),
    label(x, y, text, { anchor: "middle", class: chosen ? "cx-strong" : "" }),
  ];
  if (ctx.frozen || ctx.hidden) return label(x, y, text, { anchor: "middle", class: chosen && !ctx.hidden ? "cx-strong" : "" });
  const press = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    choose();
  };
  return s("g", { class: "cx-press", role: "button", tabindex: 0, "aria-pressed": String(chosen), "aria-label": `gradient of ${text}`, "data-lm-suppress-shortcuts": "true", onclick: choose, onkeydown: press }, parts);
}

export default explorer(softmaxFamily);
