// One hidden word, guessed from both sides and from the left. Python's side is bert_vs_gpt.py; results and words must agree.

const ALIKE = 0.005;
const MASK = "[MASK]";
const SHOWN = 6;
const MODELS = ["bert", "gpt"];
const NAMES = { bert: "BERT", gpt: "GPT" };
const NOTES = { bert: "fills a gap in a finished text", gpt: "writes what comes next" };

// ---------------------------------------------------------------- what Python sent

/** Is Python still asking the models about the text that was written? */
const asking = (state, facts) => !(state.text in facts.known);
/** The guesses for the present text; while a text is on its way, those of the last one. */
const guessesOf = (state, facts) => facts.known[asking(state, facts) ? facts.text : state.text];
const placeOf = (state, known) => Math.min(state.position, known.tokens.length - 1);

// ---------------------------------------------------------------- words

const quoted = (token) => `'${token.replaceAll(" ", "␣")}'`;
const counted = (n, side) => (n === 1 ? `1 token ${side}` : `${n} tokens ${side}`);
function sides(before, after) {
  if (before && after) return `${counted(before, "on the left")} and ${after} on the right`;
  if (!before && !after) return "no token";
  return before ? counted(before, "on the left") : counted(after, "on the right");
}

function guessWords(known, name, at) {
  const { words, chances, right, own } = known[name];
  const top = `${quoted(words[at][0])} (${num(chances[at][0])})`;
  return right[at] ? `${top}, which is right` : `${top}; ${quoted(known.tokens[at])} gets ${num(own[at])}`;
}

// ---------------------------------------------------------------- where things stand

const seenToken = (token) => {
  const text = token.replaceAll(" ", "␣") || "∅";
  return text.length > 14 ? text.slice(0, 13) + "…" : text;
};

const cut = (text, width, size = 15) => {
  const room = Math.max(2, Math.floor(width / (size * 0.56) + 0.01));
  return text.length > room ? text.slice(0, room - 1) + "…" : text;
};

/** The tokens in view: all where they fit, else those around the hidden one. */
function inView(texts, at, room) {
  const wide = texts.map((t) => textWidth(t, 14) + 16);
  let [first, last, used] = [at, at + 1, wide[at]];
  for (let grown = true; grown; ) {
    grown = false;
    if (first > 0 && used + wide[first - 1] <= room) [used, first, grown] = [used + wide[first - 1], first - 1, true];
    if (last < texts.length && used + wide[last] <= room) [used, last, grown] = [used + wide[last], last + 1, true];
  }
  return { first, last, wide: wide.slice(first, last), used };
}

function stand(width, known, at) {
  const gutter = width < 520 ? 0 : 56;
  const texts = known.tokens.map((token, i) => (i === at ? MASK : seenToken(token)));
  const edge = 18; // room for the dots of tokens out of view
  const view = inView(texts, at, width - gutter - 2 * edge);
  const grow = Math.min((width - gutter - 2 * edge) / view.used, 1.7);
  let end = gutter + edge;
  const chips = view.wide.map((w) => w * grow);
  const x = chips.map((w) => ((end += w), end - w / 2));
  const arcs = clamp(0.08 * width, 38, 60);
  const bertRow = arcs + (gutter ? 0 : 14);
  const gptRow = bertRow + 28 + arcs + (gutter ? 10 : 22);
  const bars = gptRow + 28 + 44;
  const narrow = width < 560;
  const list = bars + (narrow ? 30 : 14);
  return { gutter, texts, ...view, x, chips, right: end, left: gutter + edge, rows: { bert: bertRow, gpt: gptRow }, bars, narrow, list, height: list + 23 * SHOWN + 42 };
}

// ---------------------------------------------------------------- the two rows

const round = (v) => Math.round(v * 100) / 100;

/** A hatch with strokes as far apart as on small cells. */
function hatchOf(x, y, width, height) {
  const strokes = [];
  for (let d = 8; d < width + height; d += 8) strokes.push(`M${round(x + Math.max(0, d - height))} ${round(y + Math.min(d, height))}L${round(x + Math.min(d, width))} ${round(y + Math.max(0, d - width))}`);
  return s("g", { class: "cx-masked" }, s("rect", { x, y, width, height, rx: 4 }), s("path", { d: strokes.join("") }));
}

/** Arcs from the place that asks to every place it may see. */
function arcs(stands, name, at, y) {
  const { x, first, last } = stands;
  const from = name === "bert" || at === first ? at : at - 1; // GPT asks from the last token that it has read
  const top = clamp(y - 8, 0, 60);
  return x.map((to, k) => {
    const i = first + k;
    if (i === from || i === at || (name === "gpt" && i > from)) return null;
    const start = x[from - first];
    const high = y - 4 - Math.min(top * 1.2, 14 + 0.1 * Math.abs(to - start));
    return s("path", { d: `M${round(start)} ${y - 3}C${round(start)} ${round(high)} ${round(to)} ${round(high)} ${round(to)} ${y - 3}`, fill: "none", style: "stroke:var(--cx-key);stroke-width:1.75;opacity:0.7" });
  });
}

function tokenRow(ctx, stands, name, at) {
  const { x, chips, first, last, texts, gutter, right, left } = stands;
  const y = stands.rows[name];
  const gpt = name === "gpt";
  const chip = (k, look, text, style) => [
    s("rect", { x: x[k] - chips[k] / 2 + 2, y, width: chips[k] - 4, height: 28, rx: 5, ...look }),
    label(x[k], y + 19, text, { anchor: "middle", class: style, style: "font-size:14px" }),
  ];
  const shown = x.map((_, k) => {
    const i = first + k;
    if (gpt && i > at) return null;
    if (i === at) return chip(k, { class: "cx-query-wash", style: "stroke:var(--cx-query);stroke-width:2" }, gpt ? "?" : MASK, "cx-query-text");
    return chip(k, { class: "cx-key-wash" }, texts[i], "cx-key-text");
  });
  const from = at - first + 1;
  const start = gpt && from < x.length && x[from] - chips[from] / 2 + 2;
  const told = "hidden by the causal mask";
  const room = textWidth(told, 12) + 14;
  const wide = right - 2 - start;
  const hidden = start && [
    hatchOf(start, y, wide, 28),
    wide > room + 16 && [
      s("rect", { x: start + wide / 2 - room / 2, y: y + 4, width: room, height: 20, rx: 4, style: "fill:var(--cx-paper)" }),
      label(start + wide / 2, y + 18, told, { anchor: "middle", class: "cx-small cx-soft" }),
    ],
  ];
  const nothing = gpt && at === 0 && label(x[0] - chips[0] / 2 + 2, y - 8, "no token to see", { class: "cx-small cx-soft" });
  return [
    label(0, gutter ? y + 19 : y - stands.rows.bert + 12, NAMES[name], { class: "cx-strong" }),
    arcs(stands, name, at, y),
    shown,
    hidden,
    nothing,
    first > 0 && label(left - 4, y + 19, "…", { anchor: "end", class: "cx-soft" }),
    last < texts.length && label(right + 4, y + 19, "…", { class: "cx-soft" }),
  ];
}

// ---------------------------------------------------------------- the two distributions

function panel(ctx, stands, known, name, at, x, width) {
  const { bars: y, list, narrow } = stands;
  const heading = [label(x, y, NAMES[name], { class: "cx-strong" }), label(narrow ? x : x + 46, narrow ? y + 17 : y, NOTES[name], { class: "cx-small cx-soft" })];
  if (ctx.hidden) return [heading, s("rect", { x, y: list, width, height: 23 * SHOWN, class: "cx-wash" }), label(x + width / 2, list + 11.5 * SHOWN + 7, "?", { anchor: "middle", class: "cx-big cx-soft" })];
  const word = known.tokens[at];
  const { words, chances, own, entropy: entropies } = known[name];
  const each = MODELS.flatMap((model) => known[model].words[at].filter((_, i) => known[model].chances[at][i] >= ALIKE));
  const gutter = Math.min(width * 0.42, Math.max(...each.map((t) => textWidth(seenToken(t), 15))) + 10);
  const scale = ctx.hold("scale", Math.max(0.25, ...MODELS.map((model) => known[model].chances[at][0])));
  const longest = width - gutter - 40;
  const rows = words[at].map((text, i) => {
    const p = chances[at][i];
    if (p < ALIKE) return null;
    const [mine, top, long] = [text === word, list + 23 * i, Math.max(1.5, (longest * Math.min(p, scale)) / scale)];
    return [
      label(x + gutter - 8, top + 13, cut(seenToken(text), gutter - 8), { anchor: "end", class: mine ? "cx-query-text" : "" }),
      barRight(x + gutter, top + 1, long, 16, { class: mine ? "cx-query" : "" }),
      label(x + gutter + long + 6, top + 13, num(p), { class: mine ? "cx-query-text" : "cx-small" }),
    ];
  });
  const notes = [`${quoted(seenToken(word))} gets ${num(own[at])}`, `entropy ${num(entropies[at])} nats`];
  return [heading, rows, notes.map((text, i) => label(x, list + 23 * SHOWN + 16 + 17 * i, text, { class: "cx-small cx-soft" }))];
}

// ---------------------------------------------------------------- controls

/** The position, from 1; made anew when another sentence has another length. */
const positionSlider = (ctx) => {
  const node = h("span", { class: "cx-group" });
  let made = null;
  let length = 0;
  return {
    node,
    update(state) {
      const n = guessesOf(state, ctx.facts).tokens.length;
      if (n !== length) {
        made = n > 1 ? slider({ trait: "position", label: "Hide token", min: 0, max: n - 1, step: 1, format: (v) => num(v + 1, 0) })(ctx) : null;
        node.replaceChildren(...(made ? [made.node] : []));
        length = n;
      }
      made?.update(state);
    },
  };
};

/** The reader's own sentence: Python asks both models; without a kernel the field says why it is shut. */
const ownText = (ctx) => {
  if (!ctx.facts.field) return { node: document.createComment("no functions to ask"), update() {} };
  const shut = ctx.facts.field !== "live";
  const input = h("input", { type: "text", "data-trait": "text", style: "width:310px;min-width:0", maxlength: 200, disabled: shut, spellcheck: "false", autocomplete: "off", onkeydown: (event) => event.key === "Enter" && (event.preventDefault(), run()) });
  const button = h("button", { type: "button", class: "cx-button", disabled: shut, onclick: () => run() }, "Ask both");
  function run() {
    const text = input.value.trim();
    if (text && text !== ctx.live.text) ctx.set({ text, position: 0 });
  }
  let shown = null;
  return {
    node: h("span", { class: "cx-group cx-own", style: "flex-wrap:wrap;max-width:100%" }, h("label", { class: "cx-control", style: "max-width:100%" }, h("span", { class: "cx-label" }, "Your sentence"), input), button, shut && h("span", { class: "cx-why" }, "needs a running kernel")),
    update(state) {
      if (state.text !== shown) input.value = shown = state.text;
    },
  };
};

// ---------------------------------------------------------------- the family

const bertVsGptFamily = {
  compute(state, facts) {
    const known = guessesOf(state, facts);
    const at = placeOf(state, known);
    const results = { distance: known.distance[at] };
    for (const name of MODELS) {
      const { chances, own, right, entropy: entropies } = known[name];
      Object.assign(results, { [name]: chances[at], [`${name}_own`]: own[at], [`${name}_right`]: right[at], [`${name}_entropy`]: entropies[at] });
    }
    return results;
  },

  line(state, results, facts) {
    if (asking(state, facts)) return `Python is asking both models about '${state.text}' …`;
    const known = guessesOf(state, facts);
    const at = placeOf(state, known);
    const n = known.tokens.length;
    const said = `Token ${at + 1} of ${n}, ${quoted(known.tokens[at])}, is hidden.`;
    if (results.distance < ALIKE) return `${said} Both say ${guessWords(known, "bert", at)}: ${at === n - 1 ? "no token stands on the right" : "the right side does not help here"}.`;
    return `${said} BERT sees ${sides(at, n - 1 - at)} and says ${guessWords(known, "bert", at)}. GPT sees ${sides(at, 0)} and says ${guessWords(known, "gpt", at)}.`;
  },

  still: ["text", "position"],

  height(width, state, hidden, facts) {
    const known = guessesOf(state, facts);
    return stand(width, known, placeOf(state, known)).height;
  },

  picture(ctx) {
    const { state, facts, width } = ctx;
    const known = guessesOf(state, facts);
    const at = placeOf(state, known);
    const stands = stand(width, known, at);
    const half = (width - 36) / 2;
    const pick = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const x = event.clientX - event.currentTarget.ownerSVGElement.getBoundingClientRect().left;
      const far = stands.x.map((v) => Math.abs(v - x));
      ctx.set({ position: stands.first + far.indexOf(Math.min(...far)) });
    };
    const press = ctx.frozen || ctx.hidden ? undefined : pick;
    return [
      s("g", { style: asking(state, facts) && "opacity:0.35;transition:opacity 0.1s 0.25s" },
        MODELS.map((name) => s("g", {}, tokenRow(ctx, stands, name, at))),
        MODELS.map((name, i) => s("g", {}, panel(ctx, stands, known, name, at, i * (half + 36), half))),
        MODELS.map((name) => s("rect", { x: stands.left, y: stands.rows[name] - 4, width: stands.right - stands.left, height: 36, class: "cx-pick", onpointerdown: press, onpointermove: press })),
      ),
    ];
  },

  controls: [positionSlider, ownText],
};

export default explorer(bertVsGptFamily);
