// A text cut by byte pairs. Python's side is tokenizer.py; the maths and the words must agree with it.

const N_BYTES = 256;

// ---------------------------------------------------------------- maths

// The merges come once, among the facts: two ids each; merge r makes the id 256 + r.
const known = new WeakMap();
function merging(facts) {
  if (!known.has(facts)) {
    const pairs = floats(facts.pairs);
    const n = pairs.length / 2;
    const ranks = new Map();
    const bytes = Array.from({ length: N_BYTES }, (_, byte) => [byte]);
    for (let r = 0; r < n; r++) {
      const [left, right] = [pairs[2 * r], pairs[2 * r + 1]];
      ranks.set(left * 2 ** 20 + right, r);
      bytes.push([...bytes[left], ...bytes[right]]);
    }
    known.set(facts, { n, pairs, ranks, bytes, counts: facts.counts && floats(facts.counts), names: new Map(), traces: new Map() });
  }
  return known.get(facts);
}

// GPT-2's words: an ending ('ll), or letters, digits or other marks with the space before them, or white space.
const WHITE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const WORDS = new RegExp(`'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\p{L}\\p{N}${WHITE}]+|[${WHITE}]+(?![^${WHITE}])|[${WHITE}]+`, "gu");
const splitText = (text) => text.match(WORDS) ?? [];

/** The merges of a word from its bytes on: [rank, tokens after it]; ranks only grow, as each merge makes a new token. */
function traceOf(word, { ranks, traces }) {
  if (traces.has(word)) return traces.get(word);
  let tokens = Array.from(new TextEncoder().encode(word));
  const steps = [[-1, tokens]];
  for (;;) {
    let first = Infinity;
    for (let i = 0; i + 1 < tokens.length; i++) first = Math.min(first, ranks.get(tokens[i] * 2 ** 20 + tokens[i + 1]) ?? Infinity);
    if (first === Infinity) break;
    const merged = [];
    for (let i = 0; i < tokens.length; i++) {
      const joins = i + 1 < tokens.length && ranks.get(tokens[i] * 2 ** 20 + tokens[i + 1]) === first;
      merged.push(joins ? N_BYTES + first : tokens[i]);
      if (joins) i++;
    }
    tokens = merged;
    steps.push([first, tokens]);
  }
  if (traces.size > 2000) traces.clear();
  traces.set(word, steps);
  return steps;
}

/** The tokens of each word with the first n merges. */
function cutWords(text, n, made) {
  return splitText(text).map((word) => {
    const steps = traceOf(word, made);
    let i = steps.length - 1;
    while (steps[i][0] >= n) i--;
    return steps[i][1];
  });
}

/** The ranks of all merges in the text, once for each two tokens that become one, from the first learnt on. */
function ranksIn(text, made) {
  const used = [];
  for (const word of splitText(text)) {
    const steps = traceOf(word, made);
    for (let i = 1; i < steps.length; i++) for (let k = steps[i][1].length; k < steps[i - 1][1].length; k++) used.push(steps[i][0]);
  }
  return used.sort((a, b) => a - b);
}

const mergesIn = (state, made) => Math.min(state.n_merges, made.n);

function tokenizerResults(state, facts) {
  const made = merging(facts);
  const words = cutWords(state.text, mergesIn(state, made), made);
  const ids = words.flat();
  const ranks = ranksIn(state.text, made);
  return {
    merges: state.n_merges,
    ids,
    ranks,
    n_tokens: ids.length,
    n_characters: Array.from(state.text).length,
    n_words: words.length,
    whole: words.filter((word) => word.length === 1).length,
    here: ranks.filter((r) => r === state.n_merges - 1).length,
  };
}

// ---------------------------------------------------------------- names and words

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function nameOfBytes(bytes) {
  try {
    return strict.decode(Uint8Array.from(bytes)).replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥");
  } catch {
    return bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ");
  }
}
function nameOf(id, made) {
  if (!made.names.has(id)) made.names.set(id, nameOfBytes(made.bytes[id]));
  return made.names.get(id);
}

const thousands = (n) => n.toLocaleString("en-US");
const counted = (n, what) => `${thousands(n)} ${what}${n === 1 ? "" : "s"}`;
const shortened = (text) => {
  const characters = Array.from(text);
  return characters.length <= 60 ? text : characters.slice(0, 59).join("") + "…";
};

function lineOf(state, results, facts) {
  if (!state.text) return "Type a text: it is cut as you write.";
  const made = merging(facts);
  const n = mergesIn(state, made);
  const words = cutWords(state.text, n, made);
  let said = `${counted(n, "merge")}: ${counted(results.n_tokens, "token")} for ${counted(results.n_characters, "character")} in ${counted(results.n_words, "word")} and marks. `;
  said += `${thousands(results.whole)} of them ${results.whole === 1 ? "is" : "are"} one token`;
  const longest = words.reduce((best, word) => (word.length > best.length ? word : best), []);
  if (longest.length > 1) said += `; '${nameOfBytes(longest.flatMap((id) => made.bytes[id]))}' is ${longest.length}: ${shortened(longest.map((id) => nameOf(id, made)).join("|"))}`;
  said += ".";
  if (n) {
    const [left, right] = [0, 1].map((side) => nameOf(made.pairs[2 * (n - 1) + side], made));
    const came = made.counts ? `${counted(made.counts[n - 1], "time")} where it was learnt, ` : "";
    said += ` Merge ${thousands(n)} joined '${left}' and '${right}': ${came}${counted(results.here, "time")} here.`;
  }
  return said;
}

// ---------------------------------------------------------------- places

const TOP = 30;
const ROW = 33;
const soft = (x, y, text, anchor = "start") => label(x, y, text, { anchor, class: "cx-small cx-soft" });
const fitting = (texts, width, size) => texts.find((text) => textWidth(text, size) <= width) ?? texts.at(-1);
/** Letters outside the Latin alphabet are wider. */
const wide = (text, size) => Array.from(text).reduce((total, c) => total + size * (c > "\u2e80" ? 1.05 : 0.6), 0);
const chipWidth = (text) => wide(text, 14) + 9;

/** Where each token stands: {id, text, x, row, width, joined}, line by line. */
function laidOut(words, made, width) {
  let [x, row] = [0, 0];
  const places = [];
  for (const word of words) {
    const all = word.map((id) => chipWidth(nameOf(id, made)) + 2).reduce((a, b) => a + b, 6);
    if (x > 0 && x + all > width && all < width) [x, row] = [0, row + 1];
    for (const [i, id] of word.entries()) {
      const text = nameOf(id, made);
      const own = Math.min(chipWidth(text), width);
      if (x > 0 && x + own > width) [x, row] = [0, row + 1];
      places.push({ id, text, x, row, width: own });
      x += own + (i < word.length - 1 ? 2 : 8);
    }
  }
  return places;
}

/** Rows of the text without merges, when it is longest: so the picture keeps its height while merges are played. */
function rowsNeeded(state, facts, width) {
  const made = merging(facts);
  const rowsOf = (n) => (laidOut(cutWords(state.text, n, made), made, width).at(-1)?.row ?? 0) + 1;
  return Math.max(rowsOf(0), rowsOf(mergesIn(state, made)));
}

const PANEL = 214;
const stacked = (width) => width < 560;

// ---------------------------------------------------------------- the text in pieces

function pieces(ctx, made, top) {
  const { state, width, hidden } = ctx;
  const n = mergesIn(state, made);
  const words = hidden ? splitText(state.text).map(() => []) : cutWords(state.text, n, made);
  const latest = n ? N_BYTES + n - 1 : -1;
  if (hidden) {
    const rows = rowsNeeded(state, ctx.facts, width);
    return [s("rect", { x: 0, y: top, width, height: rows * ROW - 8, class: "cx-wash" }), label(width / 2, top + (rows * ROW) / 2 + 3, "?", { anchor: "middle", class: "cx-big cx-soft" })];
  }
  return laidOut(words, made, width).map(({ id, text, x, row, width: own }) => {
    const y = top + row * ROW;
    const grown = id >= N_BYTES;
    const look = id === latest ? { class: "cx-query-wash", style: "stroke:var(--cx-query);stroke-width:2" } : grown ? { class: "cx-key-wash", style: "stroke:var(--cx-key)" } : { class: "cx-clear", style: "stroke:var(--cx-masked-line);stroke-dasharray:2 3" };
    return [
      s("rect", { x: x + 0.5, y: y + 0.5, width: own - 1, height: 25, rx: 4, ...look }),
      label(x + own / 2, y + 18, text, { anchor: "middle", class: id === latest ? "cx-query-text" : "", style: "font-size:14px" }),
    ];
  });
}

// ---------------------------------------------------------------- the merges, one at a time

const chip = (x, y, text, look) => [
  s("rect", { x, y: y - 15, width: chipWidth(text), height: 23, rx: 4, class: look, style: look === "cx-query-wash" ? "stroke:var(--cx-query);stroke-width:2" : "stroke:var(--cx-masked-line)" }),
  label(x + chipWidth(text) / 2, y + 1, text, { anchor: "middle", class: look === "cx-query-wash" ? "cx-query-text" : "", style: "font-size:14px" }),
];

function mergePanel(ctx, made, x, y, width) {
  const { state, results } = ctx;
  const n = mergesIn(state, made);
  const heading = label(x, y, n ? `Merge ${thousands(n)} of ${thousands(made.n)}` : "No merge yet: single bytes", { class: "cx-strong" });
  const distinct = [...new Set(results.ranks)];
  const at = distinct.filter((r) => r < n).length;
  const from = clamp(at - 3, 0, Math.max(0, distinct.length - 5));
  const rows = distinct.slice(from, from + 5);
  const short = (text, room) => (wide(text, 13) <= room ? text : Array.from(text).slice(0, Math.max(2, Math.floor(room / 7.8) - 1)).join("") + "…");
  const parts = [];
  if (n) {
    const [left, right] = [0, 1].map((side) => nameOf(made.pairs[2 * (n - 1) + side], made));
    const whole = nameOf(N_BYTES + n - 1, made);
    const [a, b] = [chipWidth(left), chipWidth(right)];
    const fits = a + b + chipWidth(whole) + 52 <= width;
    parts.push(chip(x, y + 27, left, "cx-clear"), label(x + a + 6, y + 28, "+", { class: "cx-soft" }), chip(x + a + 20, y + 27, right, "cx-clear"));
    if (fits) parts.push(label(x + a + b + 27, y + 28, "→", { class: "cx-soft" }), chip(x + a + b + 47, y + 27, whole, "cx-query-wash"));
    const came = made.counts ? `${counted(made.counts[n - 1], "time")} where it was learnt, ` : "";
    parts.push(soft(x, y + 54, fitting([`${came}${counted(results.here, "time")} in this text`, `${counted(results.here, "time")} in this text`], width, 12.2)));
  } else parts.push(soft(x, y + 28, fitting(["each byte is a token, each English letter a byte", "each byte is a token"], width, 12.2)));
  parts.push(soft(x, y + 82, rows.length ? "the merges that this text meets, first learnt first" : "no merge fits this text"));
  rows.forEach((r, i) => {
    const ly = y + 104 + i * 21;
    const done = r < n;
    const now = r === n - 1;
    const count = results.ranks.filter((v) => v === r).length;
    const name = `${nameOf(made.pairs[2 * r], made)} + ${nameOf(made.pairs[2 * r + 1], made)}`;
    parts.push(
      label(x + 38, ly, thousands(r + 1), { anchor: "end", class: "cx-small " + (now ? "cx-query-text" : done ? "" : "cx-soft") }),
      label(x + 50, ly, short(name, width - 150), { class: now ? "cx-query-text" : done ? "" : "cx-soft" }),
      label(x + width - 4, ly, done ? `${count}× joined` : "not yet", { anchor: "end", class: "cx-small cx-soft" }),
    );
  });
  return s("g", {}, heading, parts);
}

// ---------------------------------------------------------------- length against merges

function curvePanel(ctx, made, x, y, width) {
  const { state, results, frozen, hidden } = ctx;
  const n = mergesIn(state, made);
  const { ranks, n_characters, n_words } = results;
  const n_bytes = results.n_tokens + ranks.filter((r) => r < n).length;
  const [left, right, top, base] = [x + 34, x + width - 18, y + 24, y + PANEL - 46];
  const most = Math.max(1, n_bytes);
  const px = (merges) => left + ((right - left) * Math.log1p(merges)) / Math.log1p(Math.max(1, made.n));
  const py = (length) => base - ((base - top) * length) / (most * 1.06);
  let length = n_bytes;
  let path = `M${px(0).toFixed(1)} ${py(length).toFixed(1)}`;
  for (const r of new Set(ranks)) {
    path += `H${px(r + 1).toFixed(1)}`;
    length -= ranks.filter((v) => v === r).length;
    path += `V${py(length).toFixed(1)}`;
  }
  path += `H${right.toFixed(1)}`;
  const pick = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const part = clamp((event.clientX - box.left) / box.width, 0, 1);
    ctx.set({ n_merges: clamp(Math.round(Math.expm1(part * Math.log1p(made.n))), 0, made.n) });
  };
  const floor = py(n_words);
  const levels = [[n_characters, counted(n_characters, "character")], [n_words, `${counted(n_words, "word")} and marks`]];
  const close = Math.abs(py(n_characters) - floor) < 18;
  const told = counted(results.n_tokens, "token");
  const [dx, dy] = [px(n), py(results.n_tokens)];
  const room = textWidth(told, 14) + 8;
  const onRight = dx + room + 6 < right;
  const ticks = [0, 1, 10, 100, 1000, 10000].filter((v) => v <= made.n);
  return s("g", {},
    label(x, y, fitting(["Length of this text, by number of merges", "Length, by number of merges"], width, 14.4), { class: "cx-strong" }),
    line(left, base, right, base), line(left, top, left, base, "cx-grid", { style: "opacity:1" }),
    levels.map(([v, text], i) => [
      line(left, py(v), right, py(v), "cx-guide"),
      !(close && i) && label(i ? left + 6 : right - 2, i && py(v) + 19 < base ? py(v) + 15 : py(v) - 5, text, { anchor: i ? "start" : "end", class: "cx-small cx-soft cx-clear-of" }),
    ]),
    soft(left - 6, py(0) + 2, "0", "end"), soft(left - 6, py(n_bytes) + 8, n_bytes ? thousands(n_bytes) : "", "end"),
    !hidden && s("path", { d: path, class: "cx-curve" }),
    ticks.map((v) => [line(px(v), base, px(v), base + 4), (v !== 1 || px(1) - px(0) > 24) && soft(px(v), base + 18, thousands(v), "middle")]),
    soft(right + 12, base + 36, `vocabulary: 256 bytes + ${thousands(n)} = ${thousands(N_BYTES + n)}`, "end"),
    !hidden && [
      line(dx, dy, dx, base, "cx-guide", { style: "stroke:var(--cx-query)" }),
      s("circle", { cx: dx, cy: dy, r: 5.5, style: "fill:var(--cx-query)" }),
      n_bytes > 0 && label(onRight ? dx + 9 : dx - 9, onRight || dy + 22 > base ? dy - 9 : dy + 18, told, { anchor: onRight ? "start" : "end", class: "cx-query-text cx-clear-of" }),
      s("rect", { x: left, y: top, width: right - left, height: base - top, class: frozen ? "cx-clear" : "cx-pick", onpointerdown: frozen ? undefined : pick, onpointermove: frozen ? undefined : (event) => event.buttons && pick(event) }),
    ],
  );
}

// ---------------------------------------------------------------- controls

const ownText = (ctx) => {
  const wellFormed = (text) => text.toWellFormed?.() ?? text;
  const input = h("input", { type: "text", "data-trait": "text", maxlength: ctx.facts.most_text, spellcheck: "false", autocomplete: "off", style: "width:min(420px,60vw)", oninput: () => ctx.set({ text: wellFormed(input.value) }), onkeydown: (event) => event.stopPropagation() });
  return {
    node: h("label", { class: "cx-control" }, h("span", { class: "cx-label" }, "Your text"), input),
    update: (state) => input.value !== state.text && (input.value = state.text),
  };
};

const mergeSlider = (ctx) => {
  const { n } = merging(ctx.facts);
  return slider({ trait: "n_merges", label: "Merges", min: 1, max: n + 1, step: 1, log: true, format: (v) => thousands(v - 1), get: (state) => mergesIn(state, { n }) + 1, put: (v) => ({ n_merges: v - 1 }) })(ctx);
};

/** The next merge after the present ones that this text meets; null at the end. */
function nextHere(state, facts) {
  const made = merging(facts);
  const next = ranksIn(state.text, made).find((r) => r >= mergesIn(state, made));
  return next === undefined ? null : next + 1;
}

const tokenizerFamily = {
  compute: tokenizerResults,
  line: lineOf,
  still: ["text", "n_merges"],

  height(width, state, hidden, facts) {
    return TOP + rowsNeeded(state, facts, width) * ROW + 22 + (stacked(width) ? 2 : 1) * PANEL;
  },

  picture(ctx) {
    const { state, width, facts } = ctx;
    const made = merging(facts);
    const below = TOP + rowsNeeded(state, facts, width) * ROW + 22;
    const note = "blue: grown by merges; dotted: a single byte; vermilion: made by the last merge";
    const titleWidth = textWidth("The text in tokens", 14.4);
    const gap = 34;
    const half = stacked(width) ? width : Math.round((width - gap) / 2);
    return [
      label(0, 14, "The text in tokens", { class: "cx-strong" }),
      soft(width, 14, fitting([note, "dotted: a single byte; vermilion: just merged", "dotted: a byte"], width - titleWidth - 20, 12.2), "end"),
      s("g", {}, pieces(ctx, made, TOP)),
      mergePanel(ctx, made, 0, below, half),
      curvePanel(ctx, made, stacked(width) ? 0 : half + gap, stacked(width) ? below + PANEL : below, stacked(width) ? width : width - half - gap),
    ];
  },

  controls: [
    ownText,
    mergeSlider,
    group(
      action({ label: "Next merge", run: (ctx) => ctx.set({ n_merges: Math.min(merging(ctx.facts).n, ctx.live.n_merges + 1) }) }),
      action({ label: "Next in this text", run: (ctx) => ctx.set({ n_merges: nextHere(ctx.live, ctx.facts) ?? merging(ctx.facts).n }) }),
    ),
  ],
};

export default explorer(tokenizerFamily);
