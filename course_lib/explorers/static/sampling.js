// From scores to tokens. Python's side is sampling.py; the maths and the words must agree with it.

const ALIKE = 0.005;
const ROUNDING = 1e-9;
const quoted = (name) => `'${name}'`;

// ---------------------------------------------------------------- maths

/** The probabilities that the next token is drawn from: temperature, then top-k, then top-p. */
function distributionOf({ temperature, top_k, top_p }, { logits, order }) {
  const top = logits[order[0]];
  if (temperature === 0) return logits.map((_, i) => (i === order[0] ? 1 : 0));
  let p = order.map((i, rank) => (top_k !== null && rank >= top_k ? 0 : Math.exp((logits[i] - top) / temperature)));
  const scaled = (row) => row.map((v) => v / sum(row));
  p = scaled(p);
  if (top_p !== null && top_p < 1) {
    let mass = 0;
    const cut = p.map((v) => {
      const before = mass;
      mass += v;
      return before >= top_p - ROUNDING ? 0 : v;
    });
    p = scaled(cut);
  }
  const result = Array(p.length);
  order.forEach((i, rank) => (result[i] = p[rank]));
  return result;
}

/** Number i of a seed, from 0 to 1: the last steps of MurmurHash3 on 32 bits. */
function uniform(seed, i) {
  let x = (Math.imul(i + 1, 0x9e3779b9) + Math.imul(seed, 0x7feb352d)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}

function countsOf(p, draws, seed) {
  const edges = [];
  p.reduce((total, v, i) => (edges[i] = total + v), 0);
  const counts = Array(p.length).fill(0);
  const last = p.findLastIndex((v) => v > 0);
  for (let d = 0; d < draws; d++) {
    const u = uniform(seed, d) * edges.at(-1);
    const found = edges.findIndex((edge) => edge > u);
    counts[found < 0 ? last : Math.min(found, last)] += 1;
  }
  return counts;
}

function samplingResults(state, facts) {
  const p = distributionOf(state, facts);
  const before = softmax(facts.logits);
  const total = sum(p);
  const counts = countsOf(p, state.draws, facts.seed);
  return {
    probabilities: p,
    before,
    entropy: entropy(p),
    entropy_before: entropy(before),
    kept: p.filter((v) => v > 0).length,
    total,
    counts,
    gap: state.draws ? Math.max(...counts.map((c, i) => Math.abs(c / state.draws - p[i] / total))) : 0,
    beam_score: facts.tree.beams[state.beam - 1].score,
    best_score: facts.tree.best_score,
  };
}

// ---------------------------------------------------------------- words

const largestAt = (row) => row.indexOf(Math.max(...row));

function aboutNext({ temperature, draws }, results, { tokens }) {
  const { probabilities: p, before, counts, total, kept } = results;
  const top = largestAt(p);
  const name = quoted(tokens[top]);
  const numbers = `${num(p[top])} (${num(before[top])} before)`;
  let said = `At temperature ${num(temperature)} ${name} is ${top === largestAt(before) ? "still" : "now"} the likeliest: ${numbers}.`;
  if (temperature === 0 && kept === 1) said = `Temperature 0 is greedy: ${name} is taken every time.`;
  if (kept < tokens.length) said += ` ${kept === 1 ? "1 token is" : `${kept} tokens are`} left of ${tokens.length}, the others cannot come.`;
  said += ` Entropy ${num(results.entropy)} nats, ${num(results.entropy_before)} before.`;
  if (Math.abs(total - 1) > ALIKE) said += ` These probabilities sum to ${num(total)}, not to 1.`;
  if (draws) said += ` Of ${draws === 1 ? "1 draw" : `${draws} draws`} ${counts[top]} gave ${name}; ${num((p[top] / total) * draws, 1)} are expected.`;
  return said;
}

// ---------------------------------------------------------------- places

/** The text cut to a width. */
function cut(text, width, size = 13) {
  const seen = text.trim() ? text.replaceAll("\n", "⏎") : text.replaceAll(" ", "␣").replaceAll("\n", "⏎");
  if (textWidth(seen, size) <= width) return seen;
  return seen.slice(0, Math.max(1, Math.floor(width / (size * 0.56)) - 1)) + "…";
}
const fitting = (texts, width, size) => texts.find((text) => textWidth(text, size) <= width) ?? texts.at(-1);
const soft = (x, y, text, anchor = "start") => label(x, y, text, { anchor, class: "cx-small cx-soft" });
const probability = (p) => num(p, p >= 0.0995 || p === 0 ? 2 : 3);

const TOP = 74;
const rowHeight = (n) => clamp(330 / n, 16, 27);
const treeRow = (rows) => clamp(420 / rows, 21, 30);
const rowsOfTree = ({ nodes }) => 1 + Math.max(...nodes.map(([, , , row]) => row));

// ---------------------------------------------------------------- the next token

/** What was done to the model's probabilities, in a few words. */
function doneTo({ temperature, top_k, top_p }) {
  if (temperature === 0) return ["temperature 0: greedy", "greedy"];
  const cuts = [top_k !== null && `top-k ${top_k}`, top_p !== null && `top-p ${num(top_p)}`].filter(Boolean);
  const all = [`temperature ${num(temperature)}`, ...cuts].join(", ");
  return [all, [`temp. ${num(temperature)}`, ...cuts].join(", "), [`T ${num(temperature)}`, ...cuts].join(", ")];
}

function nextView(ctx) {
  const { state, results, facts, hidden, width } = ctx;
  const { tokens, order } = facts;
  const n = tokens.length;
  const row = rowHeight(n);
  const thick = Math.min(15, row - 5);
  const names = clamp(Math.max(...tokens.map((t) => textWidth(t, 14))) + 12, 50, Math.min(140, width * 0.22));
  const gap = width > 640 ? 26 : 14;
  const column = (width - names - 2 * gap) / 3;
  const lefts = [0, 1, 2].map((i) => names + i * (column + gap));
  const { probabilities: p, before, counts, total } = results;
  const shares = counts.map((c) => (state.draws ? c / state.draws : 0));
  const most = ctx.hold("scale", Math.max(0.4, ...before, ...(hidden ? [] : [...p, ...shares])));
  const long = (v) => ((column - 44) * v) / most;
  const bottom = TOP + n * row;
  const uncut = state.temperature > 0 ? softmax(facts.logits.map((v) => v / state.temperature)) : before;
  const top = largestAt(p);
  const heading = (i, texts, below) => [
    label(lefts[i], TOP - 26, fitting(texts, column, 14.4), { class: "cx-strong" }),
    soft(lefts[i], TOP - 9, fitting(below, column, 12.4)),
  ];
  const secret = (i) => [
    s("rect", { x: lefts[i], y: TOP, width: column, height: n * row, class: "cx-wash" }),
    label(lefts[i] + column / 2, TOP + (n * row) / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" }),
  ];
  const lineOf = (i, rank) => {
    const y = TOP + rank * row;
    const text = y + row / 2 + 4.5;
    const at = y + (row - thick) / 2;
    const [b, v, c] = [long(before[i]), long(p[i]), long(shares[i])];
    return [
      label(names - 10, text, cut(tokens[i], names - 12), { anchor: "end", class: !hidden && i === top ? "cx-strong" : "" }),
      barRight(lefts[0], at, Math.max(b, 1), thick, { class: "cx-plain" }),
      label(lefts[0] + b + 6, text, probability(before[i]), { class: "cx-small" }),
      !hidden && (p[i] > 0
        ? [barRight(lefts[1], at, Math.max(v, 1), thick), label(lefts[1] + v + 6, text, probability(p[i]), { class: "cx-small cx-strong" })]
        : [hatch(lefts[1], at, Math.max(long(uncut[i]), 7), thick), soft(lefts[1] + Math.max(long(uncut[i]), 7) + 6, text, "cut")]),
      !hidden && state.draws > 0 && [
        c > 0 && barRight(lefts[2], at, Math.max(c, 1), thick, { class: "cx-value" }),
        p[i] > 0 && line(lefts[2] + long(p[i] / total), at - 3, lefts[2] + long(p[i] / total), at + thick + 3, "cx-tick", { style: "stroke:var(--cx-ink);stroke-width:2" }),
        label(lefts[2] + Math.max(c, long(p[i] / total)) + 7, text, counts[i], { class: "cx-small " + (counts[i] ? "" : "cx-soft") }),
      ],
    ];
  };
  const foot = bottom + 21;
  const gone = tokens.length - results.kept;
  return s("g", { key: "next" },
    label(0, 14, facts.prompts[0] ? `${cut(facts.prompts[0], width - 40)} …` : "The next token", { class: "cx-strong" }),
    heading(0, ["The model says", "Model"], ["temperature 1, nothing cut", "temperature 1", "T 1"]),
    heading(1, ["You draw from"], hidden ? ["?"] : doneTo(state)),
    heading(2, [hidden || !state.draws ? "Drawn" : `Drawn ${state.draws.toLocaleString("en-US")} times`, "Drawn"], hidden ? ["?"] : state.draws ? ["how often; the line is what to expect", "line: expected"] : ["not yet"]),
    order.map(lineOf),
    hidden && [secret(1), secret(2)],
    lefts.map((x) => line(x, TOP - 2, x, bottom + 2)),
    soft(lefts[0], foot, `entropy ${num(results.entropy_before)}`),
    !hidden && [
      label(lefts[1], foot, fitting([`entropy ${num(results.entropy)}, ${gone ? `${gone} tokens cut` : "nothing cut"}`, `entropy ${num(results.entropy)}`], column, 12.4), { class: "cx-small cx-strong" }),
      state.draws > 0 ? soft(lefts[2], foot, fitting([`largest gap to the line ${num(results.gap)}`, `largest gap ${num(results.gap)}`], column, 12.4)) : drawHint(lefts[2], column, row * n),
    ],
  );
}

function drawHint(x, column, height) {
  const text = fitting(["press Draw 1 or Draw 100", "press Draw 1"], column - 12, 13);
  return [s("rect", { x: x + 1, y: TOP, width: column - 1, height, class: "cx-wash" }), soft(x + column / 2, TOP + height / 2 + 4, text, "middle")];
}

// ---------------------------------------------------------------- the tree of hypotheses

function pathTo(nodes, at) {
  const path = new Set();
  for (let i = at; i >= 0; i = nodes[i][0]) path.add(i);
  return path;
}

function treeView(ctx) {
  const { state, facts, width, hidden } = ctx;
  const { nodes, depth, beams, best, root } = facts.tree;
  const beam = beams[state.beam - 1];
  const row = treeRow(rowsOfTree(facts.tree));
  const start = clamp(textWidth(facts.prompts[1], 14) + 14, 40, Math.min(120, width * 0.18));
  const column = (width - start) / depth;
  const top = 62;
  const path = hidden ? new Set() : pathTo(nodes, beam.best);
  const y = (v) => top + (v + 0.5) * row;
  const lead = clamp(column * 0.24 - 10, 12, 50); // the room for the line that leads to a node
  const x = (d) => start + (d - 1) * column + lead;
  const room = column - lead - 4;
  const parts = nodes.map(([parent, token, d, r, p], i) => {
    const status = hidden ? 0 : beam.status[i];
    const number = num(p, p >= 0.0095 ? 2 : 3);
    const tail = i === best && !hidden ? 15 : status === 1 ? 13 : 0;
    const text = cut(token, room - textWidth(number, 12.5) - 22 - tail, 14.6);
    const wide = textWidth(text, 14.6) + textWidth(number, 12.5) + 23 + tail;
    return { parent, d, r, i, status, number, text, wide, tail, x: x(d), y: y(r) };
  });
  const colours = (node) => (path.has(node.i) ? "var(--cx-query)" : node.status === 2 ? "var(--cx-key)" : "var(--cx-masked-line)");
  const edge = (node) => {
    const from = node.parent < 0 ? [start - 8, y(root)] : [parts[node.parent].x + parts[node.parent].wide, parts[node.parent].y];
    const bend = Math.max(6, (node.x - from[0]) / 2);
    const d = `M${from[0].toFixed(1)} ${from[1].toFixed(1)}C${(from[0] + bend).toFixed(1)} ${from[1].toFixed(1)} ${(node.x - bend).toFixed(1)} ${node.y.toFixed(1)} ${node.x.toFixed(1)} ${node.y.toFixed(1)}`;
    return s("path", { d, fill: "none", style: `stroke:${colours(node)};stroke-width:${path.has(node.i) ? 3 : node.status === 2 ? 2 : 1.2};${node.status ? "" : "stroke-dasharray:2 4"}` });
  };
  const chip = (node) => {
    const high = Math.min(21, row - 2);
    const box = { x: node.x, y: node.y - high / 2, width: node.wide, height: high };
    const ground = node.status === 2
      ? s("rect", { ...box, rx: 5, class: path.has(node.i) ? "cx-query-wash" : "cx-key-wash", style: `stroke:${colours(node)};stroke-width:${path.has(node.i) ? 2 : 1}` })
      : node.status === 1
        ? hatch(box.x, box.y, box.width, box.height)
        : s("rect", { ...box, rx: 5, class: "cx-clear", style: "stroke:var(--cx-faint)" });
    const paper = node.status === 1 && s("rect", { x: box.x + 3, y: box.y + 2, width: box.width - 6, height: box.height - 4, rx: 3, style: "fill:var(--cx-paper)" });
    const right = node.x + node.wide - 7 - node.tail;
    const look = path.has(node.i) ? "cx-query-text" : node.status === 2 ? "cx-strong" : "cx-soft";
    return [
      ground,
      paper,
      label(node.x + 7, node.y + 4.5, node.text, { class: look }),
      label(right, node.y + 4.5, node.number, { anchor: "end", class: "cx-small " + (node.status === 2 ? "" : "cx-soft") }),
      node.tail > 0 && label(node.x + node.wide - 6, node.y + 4.5, node.i === best ? "★" : "×", { anchor: "end", class: "cx-small " + (node.i === best ? "cx-value-text" : "cx-soft") }),
    ];
  };
  const note = hidden ? ["?"] : ["filled: kept; hatched ×: looked at, dropped; dotted: never looked at; ★ best of all", "filled: kept; hatched ×: dropped; ★ best of all", "× dropped; ★ best of all"];
  const ends = Array.from({ length: depth }, (_, d) => soft(x(d + 1), top - 9, fitting([`step ${d + 1}: probability so far`, `step ${d + 1}`], room, 12.4)));
  return s("g", { key: "tree" },
    label(0, 14, state.beam === 1 ? "A beam of 1: greedy search" : `A beam of ${state.beam}: the ${state.beam} best beginnings go on`, { class: "cx-strong" }),
    soft(0, 32, fitting(note, width, 12.2)),
    ends,
    parts.filter((node) => !path.has(node.i)).map(edge),
    parts.filter((node) => path.has(node.i)).map(edge),
    label(start - 12, y(root) + 4.5, cut(facts.prompts[1], start - 12), { anchor: "end", class: "cx-strong" }),
    parts.map(chip),
  );
}

// ---------------------------------------------------------------- controls

/** A control of one of the two views. */
const only = (view, make) => (ctx) => {
  const control = make(ctx);
  return {
    node: control.node,
    update(state) {
      control.node.hidden = state.view !== view;
      control.update(state);
    },
  };
};

const MOST_DRAWS = 5000;
const drawButton = (more) => action({
  label: `Draw ${more}`,
  run: (ctx) => ctx.set({ draws: Math.min(MOST_DRAWS, ctx.live.draws + more) }),
  enabled: ({ draws }) => draws < MOST_DRAWS,
});

// Both cuts begin at the left with nothing cut.
const topK = (ctx) => {
  const n = ctx.facts.tokens.length;
  return slider({ trait: "top_k", label: "Top-k", min: 0, max: n - 1, step: 1, format: (v) => (v ? num(n - v, 0) : "all"), get: ({ top_k }) => (top_k === null ? 0 : n - top_k), put: (v) => ({ top_k: v ? n - v : null }) })(ctx);
};
const topP = slider({ trait: "top_p", label: "Top-p", min: 0, max: 0.95, step: 0.05, format: (v) => (v ? num(1 - v) : "all"), get: ({ top_p }) => (top_p === null ? 0 : 1 - top_p), put: (v) => ({ top_p: v ? snap(1 - v, 0.05) : null }) });

const samplingFamily = {
  compute: samplingResults,
  line: (state, results, facts) => (state.view === "next" ? aboutNext(state, results, facts) : facts.tree.beams[state.beam - 1].line),
  still: ["view", "top_k", "top_p", "draws", "beam"],
  height: (width, state, hidden, facts) => (state.view === "next" ? TOP + facts.tokens.length * rowHeight(facts.tokens.length) + 30 : 62 + rowsOfTree(facts.tree) * treeRow(rowsOfTree(facts.tree)) + 8),
  picture: (ctx) => [ctx.state.view === "next" ? nextView(ctx) : treeView(ctx)],
  controls: [
    choice({ trait: "view", label: "Show", options: () => [["next", "the next token"], ["tree", "a tree of sentences"]] }),
    only("next", slider({ trait: "temperature", label: "Temperature", min: 0, max: 3, step: 0.05, format: (v) => (v ? num(v) : "0, greedy") })),
    only("next", topK),
    only("next", topP),
    only("next", group(drawButton(1), drawButton(100), action({ label: "Clear", name: "Clear the draws", run: (ctx) => ctx.set({ draws: 0 }), enabled: ({ draws }) => draws > 0 }))),
    only("tree", slider({ trait: "beam", label: "Beam width", min: 1, max: 4, step: 1, format: (v) => num(v, 0) })),
  ],
};

export default explorer(samplingFamily);
