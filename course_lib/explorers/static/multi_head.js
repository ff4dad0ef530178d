// Heads at equal width. Python's side is multi_head.py; the results and the words must agree with it.

const HEAD_COUNTS = [1, 2, 4, 8];
const D_MODEL = 8;

// ---------------------------------------------------------------- maths

/** The place at which each head is aimed: one between A and B; of several, half at each. */
function aimsOf(count, aimed, { wanted }) {
  const places = count > 1 ? Array.from({ length: count }, (_, h) => wanted[h < count / 2 ? 0 : 1]) : [(wanted[0] + wanted[1]) / 2];
  for (const [head, place] of aimed) if (head < count) places[head] = place;
  return places;
}

/** Weights of the example's heads for one question, and their values: as Q K^T / sqrt(d_head) with its matrices gives them. */
function fetched(count, aimed, facts) {
  const d = D_MODEL / count;
  const heads = aimsOf(count, aimed, facts);
  return {
    weights: heads.map((p) => [softmax(facts.contents.map((_, j) => facts.sharpness * (2 * p * j - j * j)))]),
    values: heads.map((_, h) => facts.contents.map((content) => Array.from({ length: d }, (_, r) => content[(h * d + r) % 4]))),
  };
}

const unpackedHeads = new WeakMap();

/** Weights and values of a real model, unpacked once; values may be null. */
function givenHeads(facts) {
  if (!unpackedHeads.has(facts)) {
    const [H, n, m, d] = facts.sizes;
    const nest = (text, rows, columns) => {
      const flat = floats(text);
      return Array.from({ length: H }, (_, h) => Array.from({ length: rows }, (_, i) => Array.from(flat.subarray((h * rows + i) * columns, (h * rows + i + 1) * columns))));
    };
    unpackedHeads.set(facts, { weights: nest(facts.weights, n, m), values: facts.values && nest(facts.values, m, d) });
  }
  return unpackedHeads.get(facts);
}

const mean = (xs) => sum(xs) / xs.length;

function headResults({ n_heads: count, aimed, off, query }, facts) {
  const { weights, values } = facts.sizes ? givenHeads(facts) : fetched(count, aimed, facts);
  const H = weights.length;
  const results = { n_heads: H, weights, heads_on: H - off.filter((h) => h < H).length, peak: Math.max(0, ...weights.flatMap((map, h) => (off.includes(h) ? [] : map[query]))) };
  if (!values) return results;
  const slices = values.map((rows, h) => rows[0].map((_, r) => (off.includes(h) ? 0 : sum(weights[h][query].map((w, j) => w * rows[j][r])))));
  const output = slices.flat();
  Object.assign(results, { slices, output, parameters: 4 * output.length ** 2 });
  if (!facts.sizes) {
    const halves = [output.slice(0, 4), output.slice(4)];
    const gaps = halves.map((half, i) => half.map((v, a) => v - facts.contents[facts.wanted[i]][a]));
    results.miss = gaps.map((gap) => mean(gap.map(Math.abs)));
    results.brought = halves.map((half) => mean(half.map(Math.abs)));
    results.error = mean(gaps.flat().map((v) => v * v));
  }
  return results;
}

// ---------------------------------------------------------------- words

const grouped = (x) => String(x).replace(/\B(?=(\d{3})+$)/g, ",");
const counted = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;

function arrival(name, miss, brought) {
  if (brought < 0.005) return `nothing arrives for ${name}`;
  return miss < 0.005 ? `${name} arrives whole` : `${name} is off by ${num(miss)} on average`;
}

function looksOf({ query }, { weights, n_heads: H }, { rows, columns }) {
  const looks = weights.slice(0, 4).map((map, h) => {
    const top = Math.max(...map[query]);
    return `head ${h} ${h ? "" : "looks most "}at '${columns[map[query].indexOf(top)]}' (${num(top)})`;
  });
  return `'${rows[query]}': ${looks.join(", ")}${H > 4 ? " ..." : ""}`;
}

// ---------------------------------------------------------------- pieces that both pictures share

const strong = (x, y, text, anchor = "start") => label(x, y, text, { anchor, class: "cx-strong" });
const soft = (x, y, text, anchor = "start") => label(x, y, text, { anchor, class: "cx-small cx-soft" });

const question = (x, y, width, height) => [s("rect", { x, y, width, height, class: "cx-wash" }), label(x + width / 2, y + height / 2 + 7, "?", { anchor: "middle", class: "cx-big cx-soft" })];

const flip = (off, head) => (off.includes(head) ? off.filter((h) => h !== head) : [...off, head].sort((a, b) => a - b));

/** The name of a head: a press switches it off or on. */
function headName(ctx, head, middle, y, room) {
  const on = !ctx.state.off.includes(head);
  const words = room > 58 ? `head ${head}` : String(head);
  const said = on || room < 92 ? words : `${words} is off`;
  const width = textWidth(said) + 16;
  const parts = [
    s("rect", { x: middle - width / 2, y: y - 15, width, height: 21, rx: 10.5, class: `cx-chip ${on ? "cx-on" : ""}` }),
    label(middle, y, said, { anchor: "middle", class: on ? "cx-strong" : "cx-soft", "text-decoration": on || room >= 92 ? null : "line-through" }),
  ];
  if (ctx.frozen || ctx.hidden) return s("g", { key: "still" }, parts);
  const turn = () => ctx.go({ off: flip(ctx.live.off, head) });
  return s(
    "g",
    {
      key: "press", class: "cx-press", tabindex: 0, role: "button", "aria-pressed": String(on), "aria-label": `Head ${head}`, "data-head": head, "data-lm-suppress-shortcuts": "true",
      onclick: turn,
      onkeydown: (event) => {
        if ((event.key !== "Enter" && event.key !== " ") || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        event.stopPropagation();
        turn();
      },
    },
    parts,
  );
}

/** What a head brings: bars up and down from `base`; hatched where it is off. */
function slicePanel(ctx, head, x, base, width, unit, tall) {
  const off = ctx.state.off.includes(head);
  const values = ctx.results.slices[head];
  const step = width / values.length;
  return [
    off ? hatch(x, base - tall, width, 2 * tall) : s("rect", { x, y: base - tall, width, height: 2 * tall, class: "cx-wash" }),
    values.map((v, r) => !off && Math.abs(v) > 1e-3 && bar(x + (r + 0.22) * step, base, Math.max(0.6, 0.56 * step), unit * v, { class: "cx-value" })),
    line(x, base, x + width, base),
  ];
}

// ---------------------------------------------------------------- the example: six parcels

const ROWS = { parcels: 62, names: 106, chip: 158, cells: 192, cell: 28, track: 237, base: 328, tall: 46, unit: 13.5 };
const roomFor = (width, count) => {
  const gap = count > 4 ? 10 : count > 2 ? 18 : 28;
  return { gap, column: (width - gap * (count - 1)) / count };
};

/** The parcels on the table, their four numbers as bars. */
function table({ facts, width }) {
  const pitch = width / facts.contents.length;
  const size = Math.min(88, pitch - 10);
  return facts.contents.map((content, j) => {
    const middle = (j + 0.5) * pitch;
    const wanted = facts.wanted.includes(j);
    const x = middle - size / 2;
    return [
      s("rect", { x, y: 26, width: size, height: 62, rx: 4, class: wanted ? "cx-key-wash" : "cx-wash" }),
      content.map((v, r) => bar(x + 8 + (r + 0.2) * ((size - 16) / 4), 57, 0.6 * ((size - 16) / 4), 8.5 * v, { class: "cx-value" })),
      line(x + 6, 57, x + size - 6, 57),
      label(middle, ROWS.names, facts.columns[j], { anchor: "middle", class: wanted ? "cx-key-text" : "cx-soft" }),
    ];
  });
}

function oneHead(ctx, head, x, column) {
  const { state, results, facts, width } = ctx;
  const n = facts.contents.length;
  const off = state.off.includes(head);
  const cell = Math.min(46, column / n);
  const left = x + (column - cell * n) / 2;
  const middle = x + column / 2;
  const row = results.weights[head][0];
  const place = aimsOf(state.n_heads, state.aimed, facts)[head];
  const at = (p) => left + (p + 0.5) * cell;
  const pitch = width / n;
  const aimTo = (p) => ctx.set({ aimed: [...ctx.live.aimed.filter(([h]) => h !== head), [head, clamp(snap(p, 0.05), 0, n - 1)]].sort((a, b) => a[0] - b[0]) });
  const beams = row.map((w, j) => !off && w > 0.02 && s("line", { x1: (j + 0.5) * pitch, y1: ROWS.names + 6, x2: middle, y2: ROWS.chip - 17, "stroke-width": 1 + 7 * w, "stroke-linecap": "round", style: "stroke:var(--cx-key);opacity:0.45" }));
  const map = [
    heatMap(ctx, [row], { x: left, y: ROWS.cells, width: cell * n, height: ROWS.cell, mask: off ? [row.map(() => false)] : null }),
    cell >= 9 && facts.columns.map((name, j) => label(at(j), ROWS.cells - 5, name, { anchor: "middle", class: facts.wanted.includes(j) ? "cx-small cx-key-text" : "cx-small cx-soft" })),
    line(at(0), ROWS.track, at(n - 1), ROWS.track),
    !ctx.frozen && !ctx.hidden && column - cell * n > 240 && soft(at(n - 1) + 18, ROWS.track + 4, "drag to aim"),
    ctx.frozen || ctx.hidden ? s("circle", { cx: at(place), cy: ROWS.track, r: 6, style: "fill:var(--cx-query)" }) : null,
  ];
  const knob = ctx.hidden
    ? null
    : handle(ctx, {
        x: at(place), y: ROWS.track, name: `Aim of head ${head}`, text: `place ${num(place + 1)} of ${n}`, value: place, low: 0, high: n - 1, class: "cx-query", hit: Math.min(16, Math.max(12, cell)), key: `aim ${head}`,
        move: (px) => aimTo((px - left) / cell - 0.5),
        step: (dx, dy) => aimTo(aimsOf(ctx.live.n_heads, ctx.live.aimed, facts)[head] + 0.1 * (dx + dy)),
      });
  return { beams, map, name: headName(ctx, head, middle, ROWS.chip, column), knob };
}

/** The concatenation: a slice under each head, black lines where the wanted numbers are. */
function together(ctx, column, gap) {
  const { results, facts, state, width } = ctx;
  const d = D_MODEL / state.n_heads;
  const step = column / d;
  const { base, tall, unit } = ROWS;
  const xOf = (i) => Math.floor(i / d) * (column + gap) + (i % d) * step;
  const goal = facts.wanted.flatMap((j) => facts.contents[j]);
  const words = (i) => {
    const name = "AB"[i];
    const [miss, brought] = [results.miss[i], results.brought[i]];
    if (brought < 0.005) return `nothing for ${name}`;
    return miss < 0.005 ? `${name} whole` : `${name} off by ${num(miss)}`;
  };
  return [
    strong(0, base - tall - 12, `The slices side by side: ${D_MODEL} numbers`),
    width > 520 && soft(width, base - tall - 12, "bold lines: what is wanted", "end"),
    results.slices.map((_, h) => slicePanel(ctx, h, h * (column + gap), base, column, unit, tall)),
    goal.map((v, i) => line(xOf(i) + 0.1 * step, base - unit * v, xOf(i) + 0.9 * step, base - unit * v, "cx-wanted", { style: "stroke:var(--cx-ink);stroke-width:2.5" })),
    [0, 1].map((i) => {
      const middle = (xOf(4 * i) + xOf(4 * i + 3) + step) / 2;
      const whole = results.miss[i] < 0.005;
      return label(middle, base + tall + 18, words(i), { anchor: "middle", class: whole ? "cx-value-text" : "cx-strong" });
    }),
  ];
}

/** The four matrices, cut by heads: as many numbers as ever. */
function parameters(ctx, y) {
  const { state, results, width, hidden } = ctx;
  const [size, pitch] = width < 540 ? [38, 50] : [50, 70];
  const part = size / state.n_heads;
  return [
    ["Q", "K", "V", "O"].map((name, k) => {
      const x = k * pitch;
      return [
        s("text", { x: x + size / 2, y: y - 6, "text-anchor": "middle", class: "cx-text cx-small" }, "W", s("tspan", { dy: 3, "font-size": 9 }, name)),
        Array.from({ length: state.n_heads }, (_, h) => {
          const [px, py, w, ht] = k < 3 ? [x, y + h * part, size, part] : [x + h * part, y, part, size];
          return state.off.includes(h) ? hatch(px, py, w, ht) : s("rect", { x: px, y: py, width: w, height: ht, style: "fill:var(--cx-wash);stroke:var(--cx-masked-line);stroke-width:1" });
        }),
      ];
    }),
    hidden
      ? label(4 * pitch + 4, y + size / 2 + 6, "?", { class: "cx-big cx-soft" })
      : [
          strong(4 * pitch + 4, y + size / 2 - 4, `${width < 540 ? "" : "4 × 8 × 8 = "}${results.parameters} parameters`),
          label(4 * pitch + 4, y + size / 2 + 15, width < 540 ? "cut by heads" : "the same matrices, cut by heads", { class: "cx-soft" }),
        ],
  ];
}

const matricesTop = ROWS.base + ROWS.tall + 54;

function exampleView(ctx) {
  const { gap, column } = roomFor(ctx.width, ctx.state.n_heads);
  const heads = Array.from({ length: ctx.state.n_heads }, (_, h) => oneHead(ctx, h, h * (column + gap), column));
  return [
    s("g", {}, strong(0, 13, ctx.width < 460 ? "One question wants parcels A and B" : "Six parcels of four numbers: one question wants A and B"), table(ctx)),
    s("g", {}, heads.map((head) => head.beams)),
    s("g", {}, heads.map((head) => head.map)),
    s("g", {}, together(ctx, column, gap)),
    s("g", {}, parameters(ctx, matricesTop)),
    s("g", {}, heads.map((head) => head.name)),
    s("g", {}, heads.map((head) => head.knob)),
  ];
}

// ---------------------------------------------------------------- the heads of a real model

const widest = (names) => Math.max(...names.map((name) => textWidth(name)));
const short = (name) => (name.length > 12 ? name.slice(0, 11) + "…" : name);

/** Names of keys above a map: level where all fit, else all leaning; of many, every second or third. */
function keyNames(names, x, y, cell) {
  if (widest(names) < cell - 2) return names.map((name, j) => label(x + (j + 0.5) * cell, y, name, { anchor: "middle", class: "cx-small" }));
  const every = Math.ceil(13 / cell);
  return names.map((name, j) => j % every === 0 && label(0, 0, name, { transform: `translate(${x + (j + 0.5) * cell + 3} ${y}) rotate(-50)`, class: "cx-small" }));
}

function mapPlaces(width, facts) {
  const [H, n, m, d] = facts.sizes;
  const perRow = width < 520 ? Math.min(H, 2) : Math.min(H, H === 6 || H === 5 ? 3 : 4);
  const gutter = Math.min(110, widest(facts.rows.map(short)) * 1.1 + 12);
  const names = facts.columns.map(short);
  const cellOf = (aside) => Math.min((width - gutter - aside - 18 * (perRow - 1)) / perRow / m, 260 / Math.max(n, m), 46);
  const level = widest(names) < cellOf(2) - 2;
  const lean = level ? 2 : widest(names) * 0.62; // how far leaning names reach beyond the last map
  const cell = cellOf(lean);
  const column = (width - gutter - lean - 18 * (perRow - 1)) / perRow;
  const above = level ? 22 : widest(names) * 0.76 + 16;
  const high = above + 22 + cell * n + 16;
  const rows = Math.ceil(H / perRow);
  return { H, n, m, d, names, perRow, gutter, column, cell, above, high, strip: rows * high + 26, height: rows * high + (d ? 176 : 8) };
}

function mapsView(ctx) {
  const { state, results, facts, width } = ctx;
  const at = mapPlaces(width, facts);
  const { H, n, m, cell } = at;
  const maps = results.weights.map((map, h) => {
    const x = at.gutter + (h % at.perRow) * (at.column + 18);
    const y = Math.floor(h / at.perRow) * at.high;
    const off = state.off.includes(h);
    const first = h % at.perRow === 0;
    return {
      name: headName(ctx, h, x + (cell * m) / 2, y + 17, at.column),
      map: ctx.hidden ? question(x, y + 22 + at.above, cell * m, cell * n) : s("g", {}, keyNames(at.names, x, y + 16 + at.above, cell), heatMap(ctx, map, {
        x, y: y + 22 + at.above, width: cell * m, height: cell * n, mask: off ? map.map((row) => row.map(() => false)) : null,
        chosen: state.query, rows: first ? facts.rows.map(short) : [], pick: (i) => ctx.set({ query: i }),
      })),
    };
  });
  const strip = [];
  if (at.d && !ctx.hidden) {
    const [gap, base, tall] = [6, at.strip + 70, 46];
    const piece = (width - gap * (H - 1)) / H;
    const unit = tall / Math.max(1e-9, ...results.output.map(Math.abs));
    strip.push(
      strong(0, at.strip + 10, `What they bring to '${facts.rows[state.query]}', side by side: ${results.output.length} numbers`),
      results.slices.map((slice, h) => [
        slicePanel(ctx, h, h * (piece + gap), base, piece, unit, tall),
        soft(h * (piece + gap) + piece / 2, base + tall + 17, state.off.includes(h) ? "off" : piece > 110 ? `head ${h}: length ${num(Math.hypot(...slice))}` : num(Math.hypot(...slice)), "middle"),
      ]),
    );
  }
  return [s("g", {}, maps.map((one) => one.map)), s("g", {}, strip), s("g", {}, maps.map((one) => one.name))];
}

// ---------------------------------------------------------------- the family

const nothing = (why) => ({ node: document.createComment(why), update() {} });

const multiHeadFamily = {
  compute: headResults,

  line(state, results, facts) {
    const { n_heads: H, heads_on: on, output, miss, brought } = results;
    const gone = on < H ? `, ${H - on} switched off` : "";
    if (!output) return `${looksOf(state, results, facts)}; ${counted(H, "head")}${gone}.`;
    const d = output.length;
    const said = `${counted(H, "head")} of ${counted(d / H, "number")}${gone}`;
    const count = `4 × ${d} × ${d} = ${grouped(results.parameters)} parameters, with any number of heads.`;
    if (facts.sizes) return `${looksOf(state, results, facts)}; ${said}. ${count}`;
    return `${said}: ${[0, 1].map((i) => arrival("AB"[i], miss[i], brought[i])).join(", ")}. ${count}`;
  },

  still: ["n_heads", "aimed", "off", "query"],

  height: (width, state, hidden, facts) => (facts.sizes ? mapPlaces(width, facts)[hidden ? "strip" : "height"] : matricesTop + 56),

  picture: (ctx) => (ctx.facts.sizes ? mapsView(ctx) : exampleView(ctx)),

  controls: [
    (ctx) =>
      ctx.facts.sizes
        ? nothing("a model's heads are as many as they are")
        : slider({
            trait: "n_heads", label: "Heads", min: 0, max: HEAD_COUNTS.length - 1, step: 1,
            get: (state) => HEAD_COUNTS.indexOf(state.n_heads), put: (i) => ({ n_heads: HEAD_COUNTS[i], aimed: [], off: [] }), format: (i) => String(HEAD_COUNTS[i]),
          })(ctx),
    (ctx) => (ctx.facts.sizes ? choice({ trait: "query", label: "Query", options: () => ctx.facts.rows.map((name, i) => [i, name]) })(ctx) : nothing("one question")),
    action({ label: "All heads on", run: (ctx) => ctx.go({ off: [] }), enabled: ({ off }) => off.length > 0 }),
    (ctx) => (ctx.facts.sizes ? nothing("nothing to aim") : action({ label: "Aim as before", run: (ctx) => ctx.go({ aimed: [] }), enabled: ({ aimed }) => aimed.length > 0 })(ctx)),
  ],
};

export default explorer(multiHeadFamily);
