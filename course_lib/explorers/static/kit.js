// The explorer kit: one card, its controls and its picture, shared by every explorer.
// Python puts this file in front of the family's file, so a family uses these names without importing.
// A family ends with `export default explorer({...})`; see `explorer` below for what it must give.

// ---------------------------------------------------------------- numbers and words

/** A number as the course prints it: fixed digits, no negative zero, a real minus sign. */
function num(x, digits = 2) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "not a number" : x > 0 ? "∞" : "−∞";
  const text = Math.abs(x).toFixed(digits);
  return x < 0 && Number(text) !== 0 ? "−" + text : text;
}

const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const snap = (x, step) => Number((Math.round(x / step) * step).toFixed(10));
const sum = (xs) => xs.reduce((a, b) => a + b, 0);
const dot = (a, b) => sum(a.map((x, i) => x * b[i]));

/** The value as a Python literal. */
function python(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return String(value);
  const items = Array.from(value, python);
  return "(" + items.join(", ") + (items.length === 1 ? ",)" : ")");
}

// ---------------------------------------------------------------- maths that several families need

function softmax(x) {
  const top = Math.max(...x);
  if (top === -Infinity) return x.map(() => 0);
  const e = x.map((v) => Math.exp(v - top));
  const total = sum(e);
  return e.map((v) => v / total);
}

/** Entropy in nats; a weight of 0 adds nothing. */
const entropy = (p) => 0 - sum(p.map((v) => (v > 0 ? v * Math.log(v) : 0)));

// ---------------------------------------------------------------- a picture as a tree

const SVG = "http://www.w3.org/2000/svg";
const HTML = "http://www.w3.org/1999/xhtml";
const HTML_IN_SVG = new Set(["canvas", "div"]);

/** One SVG element of the picture: s("rect", {x: 1, class: "cx-bar"}, ...children). Strings are text. */
function s(tag, attributes = {}, ...children) {
  return { tag, attributes, children: children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false) };
}

/** Makes `parent` hold exactly `tree`, reusing elements by place and tag so that focus and drags survive. */
function patch(parent, tree) {
  const nodes = parent.childNodes;
  tree.forEach((item, i) => {
    const old = nodes[i];
    if (typeof item === "string") {
      if (old && old.nodeType === 3) {
        if (old.data !== item) old.data = item;
      } else {
        const text = document.createTextNode(item);
        old ? parent.replaceChild(text, old) : parent.appendChild(text);
      }
      return;
    }
    let node = old;
    if (!old || old.localName !== item.tag || old.__key !== item.attributes.key) {
      node = document.createElementNS(HTML_IN_SVG.has(item.tag) ? HTML : SVG, item.tag);
      node.__key = item.attributes.key;
      node.__set = {};
      old ? parent.replaceChild(node, old) : parent.appendChild(node);
    }
    setAttributes(node, item.attributes);
    patch(node, item.children);
    item.attributes.paint?.(node);
  });
  while (nodes.length > tree.length) parent.removeChild(parent.lastChild);
}

function setAttributes(node, wanted) {
  const now = node.__set;
  for (const name of Object.keys(now)) {
    if (!(name in wanted)) {
      typeof now[name] === "function" ? (node[name] = null) : node.removeAttribute(name);
      delete now[name];
    }
  }
  for (const [name, given] of Object.entries(wanted)) {
    if (name === "key" || name === "paint" || given === undefined || given === null || given === false) continue;
    const value = typeof given === "number" ? Math.round(given * 100) / 100 : given;
    if (now[name] === value) continue;
    now[name] = value;
    typeof value === "function" ? (node[name] = value) : node.setAttribute(name, value);
  }
}

// ---------------------------------------------------------------- pieces of a picture

/** Text at a point. Options: anchor start|middle|end, class, and any SVG attribute. */
function label(x, y, text, { anchor = "start", class: name = "", ...more } = {}) {
  return s("text", { x, y, "text-anchor": anchor, class: "cx-text " + name, ...more }, String(text));
}

/** A bar that grows from `base`; negative heights hang below it. Give `length` in pixels, up is positive. */
function bar(x, base, width, length, { class: name = "", ...more } = {}) {
  return s("rect", { x, y: length < 0 ? base : base - length, width, height: Math.abs(length), rx: 1.5, class: "cx-bar " + name, ...more });
}

/** A horizontal bar that grows from `x` to the right. */
function barRight(x, y, length, height, { class: name = "", ...more } = {}) {
  return s("rect", { x: length < 0 ? x + length : x, y, width: Math.abs(length), height, rx: 1.5, class: "cx-bar " + name, ...more });
}

/** An arrow from (x1, y1) to (x2, y2) with its head drawn at the end. */
function arrow(x1, y1, x2, y2, { class: name = "", width = 2.5, head = 10, ...more } = {}) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  if (length < 0.5) return s("g", { class: "cx-arrow " + name, ...more }, s("circle", { cx: x1, cy: y1, r: 3 }));
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const size = Math.min(head, length);
  const [bx, by] = [x2 - ux * size, y2 - uy * size];
  const half = size * 0.42;
  const round = (v) => Math.round(v * 100) / 100;
  const points = [[x2, y2], [bx - uy * half, by + ux * half], [bx + uy * half, by - ux * half]];
  return s(
    "g",
    { class: "cx-arrow " + name, ...more },
    s("line", { x1, y1, x2: bx, y2: by, "stroke-width": width }),
    s("polygon", { points: points.map((p) => p.map(round).join(",")).join(" ") }),
  );
}

const line = (x1, y1, x2, y2, name = "cx-axis", more = {}) => s("line", { x1, y1, x2, y2, class: name, ...more });

/** A plane with equal units on both axes; gives px(x), py(y) and the inverse at(px, py). */
function plane(x, y, width, height, span) {
  const unit = Math.min(width, height) / (2 * span);
  const [cx, cy] = [x + width / 2, y + height / 2];
  return {
    x, y, width, height, unit, cx, cy,
    px: (v) => cx + v * unit,
    py: (v) => cy - v * unit,
    at: (px, py) => [(px - cx) / unit, (cy - py) / unit],
  };
}

/** Thin axes through the origin of a plane with a faint grid at each whole unit. */
function axes(p) {
  const marks = [];
  const [left, right, top, bottom] = [p.x, p.x + p.width, p.y, p.y + p.height];
  for (let i = 1; i * p.unit < p.width / 2; i++) for (const v of [i, -i]) marks.push(line(p.px(v), top, p.px(v), bottom, "cx-grid"));
  for (let i = 1; i * p.unit < p.height / 2; i++) for (const v of [i, -i]) marks.push(line(left, p.py(v), right, p.py(v), "cx-grid"));
  return s("g", { "aria-hidden": "true" }, marks, line(left, p.cy, right, p.cy), line(p.cx, top, p.cx, bottom));
}

/** Moves wanted positions apart to at least `gap`, inside [low, high], keeping their order. */
function spread(wanted, gap, low = -Infinity, high = Infinity) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const at = wanted.slice();
  let floor = low;
  for (const i of order) floor = (at[i] = Math.max(at[i], floor)) + gap;
  let ceiling = high;
  for (const i of order.reverse()) ceiling = (at[i] = Math.min(at[i], ceiling)) - gap;
  return at;
}

/** Width of text in the card's font, near enough to place labels. */
const textWidth = (text, size = 13) => String(text).length * size * 0.56;

/**
 * Labels beside points, none on another: items are {x, y, text, away: [dx, dy], class}; `away` is the direction in which
 * the label would like to leave its point. `taken` are boxes [x, y, w, h] to keep clear of; `inside` is the box to stay in.
 */
function labelsBeside(items, { taken = [], inside = null, size = 13, distance = 12 } = {}) {
  const boxes = taken.slice();
  const overlap = (a, b) => Math.max(0, Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]));
  return items.map((item) => {
    const width = textWidth(item.text, size);
    const first = Math.atan2(item.away?.[1] ?? -1, item.away?.[0] ?? 0);
    let best = null;
    for (const far of [distance, distance * 2])
      for (const turn of [0, 0.6, -0.6, 1.2, -1.2, 1.9, -1.9, 3.1]) {
        const [ux, uy] = [Math.cos(first + turn), Math.sin(first + turn)];
        let left = item.x + ux * far + (width / 2) * (ux - 1);
        let top = item.y + uy * far + (size / 2) * (uy - 1) - size / 2 + size / 2;
        if (inside) {
          left = clamp(left, inside[0], inside[0] + inside[2] - width);
          top = clamp(top, inside[1], inside[1] + inside[3] - size);
        }
        const box = [left, top, width, size];
        const cost = sum(boxes.map((b) => overlap(box, b))) + Math.abs(turn) * 4 + far / 10;
        if (!best || cost < best.cost) best = { cost, box };
      }
    boxes.push(best.box);
    return label(best.box[0], best.box[1] + size * 0.82, item.text, { class: "cx-clear-of " + (item.class ?? "") });
  });
}

/** The hatch for masked cells, once per picture; cells use class "cx-masked" and fill "url(#...)" through `hatch`. */
const hatch = (x, y, width, height, more = {}) => {
  const step = Math.max(4, Math.min(width, height) / 4);
  const strokes = [];
  for (let d = step; d < width + height; d += step)
    strokes.push(`M${x + Math.max(0, d - height)} ${y + Math.min(d, height)}L${x + Math.min(d, width)} ${y + Math.max(0, d - width)}`);
  return s("g", { class: "cx-masked", ...more }, s("rect", { x, y, width, height }), s("path", { d: strokes.join("") }));
};

/** 256 colours from the ramp's two ends, as [r, g, b] triples in one array; made again when the theme changes. */
function rampTable(low, high) {
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) for (let c = 0; c < 3; c++) table[i * 3 + c] = low[c] + ((high[c] - low[c]) * i) / 255;
  return table;
}

function parseColour(text) {
  const hex = /^#([0-9a-f]{6})$/i.exec(text.trim());
  if (!hex) return null;
  return [0, 2, 4].map((i) => parseInt(hex[1].slice(i, i + 2), 16));
}

/**
 * A heat map of `values` (rows of numbers from 0 to 1). Options: x, y, width, height, mask (rows of booleans, true = may be
 * attended), chosen (row drawn with a frame), rows and columns (labels), print (values in the cells where they fit), pick(row, column).
 * Colours come from the ramp of the theme through the 256-entry table in ctx.ramp. More than 1,024 cells go on a canvas.
 */
function heatMap(ctx, values, { x, y, width, height, mask = null, chosen = null, rows = [], columns = [], print = true, pick = null }) {
  const [n, m] = [values.length, values[0]?.length ?? 0];
  const [cw, ch] = [width / m, height / n];
  const cellAt = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    return [clamp(Math.floor(((event.clientY - box.top) / box.height) * n), 0, n - 1), clamp(Math.floor(((event.clientX - box.left) / box.width) * m), 0, m - 1)];
  };
  const parts = [];
  if (n * m > 1024) {
    const paint = (canvas) => {
      if (canvas.width !== m || canvas.height !== n) [canvas.width, canvas.height] = [m, n];
      const context = canvas.getContext("2d");
      const image = context.createImageData(m, n);
      for (let i = 0, k = 0; i < n; i++)
        for (let j = 0; j < m; j++, k += 4) {
          const hidden = mask && !mask[i][j];
          const at = 3 * Math.round(255 * clamp(values[i][j], 0, 1));
          for (let c = 0; c < 3; c++) image.data[k + c] = hidden ? ctx.maskedColour[c] * ((i + j) % 4 ? 1 : 0.8) : ctx.ramp[at + c];
          image.data[k + 3] = 255;
        }
      context.putImageData(image, 0, 0);
    };
    parts.push(s("foreignObject", { x, y, width, height }, s("canvas", { class: "cx-canvas", style: `width:${width}px;height:${height}px`, paint })));
  } else {
    for (let i = 0; i < n; i++)
      for (let j = 0; j < m; j++) {
        const box = [x + j * cw, y + i * ch, cw, ch];
        if (mask && !mask[i][j]) {
          parts.push(hatch(...box));
          continue;
        }
        const at = Math.round(255 * clamp(values[i][j], 0, 1));
        parts.push(s("rect", { x: box[0], y: box[1], width: cw, height: ch, class: "cx-cell", fill: `rgb(${ctx.ramp.slice(at * 3, at * 3 + 3).join(",")})` }));
        if (print && cw >= 30 && ch >= 17)
          parts.push(label(box[0] + cw / 2, box[1] + ch / 2 + 4, num(values[i][j]), { anchor: "middle", class: at > ctx.rampTurn ? "cx-on-strong" : "cx-on-weak" }));
      }
  }
  const every = (size) => Math.max(1, Math.ceil(13 / size));
  rows.forEach((text, i) => i % every(ch) === 0 && parts.push(label(x - 6, y + (i + 0.5) * ch + 4, text, { anchor: "end", class: i === chosen ? "cx-query-text" : "" })));
  columns.forEach((text, j) => {
    if (textWidth(text) < cw - 2) parts.push(label(x + (j + 0.5) * cw, y - 6, text, { anchor: "middle" }));
    else if (j % every(cw) === 0) parts.push(label(0, 0, text, { transform: `translate(${x + (j + 0.5) * cw + 4} ${y - 6}) rotate(-60)` }));
  });
  if (chosen !== null) parts.push(s("rect", { x: x - 1, y: y + chosen * ch - 1, width: width + 2, height: ch + 2, class: "cx-frame" }));
  const choose = pick && !ctx.frozen ? (event) => pick(...cellAt(event)) : undefined;
  parts.push(s("rect", { x, y, width, height, class: pick ? "cx-pick" : "cx-clear", onpointerdown: choose, onpointermove: choose && ((e) => e.buttons && choose(e)) }));
  return s("g", {}, parts);
}

/**
 * Something that can be dragged and moved with the arrow keys. Give x, y (pixels), name, text (what a screen reader says),
 * value/low/high (for the slider role), move(px, py) for a drag to that point, step(dx, dy) for one press of an arrow key (up is +dy;
 * Shift makes 5 steps, given as multiples), class (cx-query, cx-key, cx-value) and optionally knob (an SVG element drawn instead of the ring).
 */
function handle(ctx, { x, y, name, text, value, low, high, move, step, class: colour = "", knob = null, hit = 16, key = name }) {
  if (ctx.frozen) return null;
  const point = (event) => {
    const box = event.currentTarget.ownerSVGElement.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  return s(
    "g",
    {
      key,
      class: "cx-handle " + colour,
      tabindex: 0,
      role: "slider",
      "data-lm-suppress-shortcuts": "true",
      "aria-label": name,
      "aria-valuetext": text,
      "aria-valuenow": Number(value.toFixed(2)),
      "aria-valuemin": low,
      "aria-valuemax": high,
      onpointerdown: (event) => {
        if (event.button !== 0) return;
        event.preventDefault();
        const node = event.currentTarget;
        node.setPointerCapture(event.pointerId);
        node.focus({ preventScroll: true });
        const [px, py] = point(event);
        node.__grab = [x - px, y - py];
        ctx.busy(true);
      },
      onpointermove: (event) => {
        const grab = event.currentTarget.__grab;
        if (!grab) return;
        const [px, py] = point(event);
        move(px + grab[0], py + grab[1]);
      },
      onpointerup: (event) => ((event.currentTarget.__grab = null), ctx.busy(false)),
      onpointercancel: (event) => ((event.currentTarget.__grab = null), ctx.busy(false)),
      onkeydown: (event) => {
        const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
        if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        event.stopPropagation();
        const times = event.shiftKey ? 5 : 1;
        step(by[0] * times, by[1] * times);
      },
    },
    s("circle", { cx: x, cy: y, r: hit, class: "cx-hit" }),
    knob ?? [s("circle", { cx: x, cy: y, r: 11, class: "cx-halo" }), s("circle", { cx: x, cy: y, r: 6, class: "cx-knob" })],
  );
}

// ---------------------------------------------------------------- controls (native elements)

/** An HTML element; anything that can take the focus also keeps JupyterLab's shortcuts away. */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node[name] = value;
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  if (["button", "input", "select", "textarea", "summary", "a"].includes(tag) || "tabindex" in attributes) node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/**
 * Controls of a family. Each gives {node, update(state)}.
 * slider: {trait, label, min, max, step, format(value), log: true for a scale of ratios}; for a quantity that is not itself a
 * trait give get(state) -> value and put(value, state) -> changes, and in `trait` a name for the tests. `max` may be a function
 * of the state.
 */
const slider = ({ trait, label: text, min, max, step, format = (v) => num(v, 1), log = false, get = (state) => state[trait], put = (value) => ({ [trait]: value }) }) => (ctx) => {
  const highest = (state) => (typeof max === "function" ? max(state) : max);
  const change = (value) => ctx.set(put(clamp(snap(value, step), min, highest(ctx.state)), ctx.state));
  const [to, from] = log ? [Math.log10, (v) => 10 ** v] : [(v) => v, (v) => v];
  const range = (state) => to(highest(state)) - to(min);
  const ticksOf = (state) => Math.round(range(state) / (log ? 0.02 : step));
  const input = h("input", {
    type: "range", min: 0, max: ticksOf(ctx.state), step: 1, "data-trait": trait,
    oninput: () => change(from(to(min) + (range(ctx.state) * input.value) / ticksOf(ctx.state))),
    onpointerdown: () => ctx.busy(true),
    onpointerup: () => ctx.busy(false),
    onpointercancel: () => ctx.busy(false),
    // On a scale of ratios one tick can be smaller than the step the value snaps to: the keys move the value itself.
    onkeydown: (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!by || !log) return;
      event.preventDefault();
      const now = get(ctx.state);
      const next = snap(from(to(now) + 0.02 * by), step);
      change(next === now ? now + step * by : next);
    },
  });
  const output = h("span", { class: "cx-number" });
  return {
    node: h("label", { class: "cx-control" }, h("span", { class: "cx-label" }, text), input, output),
    update(state) {
      const value = get(state);
      const ticks = ticksOf(state);
      if (Number(input.max) !== ticks) input.max = ticks;
      const at = clamp(Math.round(((to(value) - to(min)) / (range(state) || 1)) * ticks), 0, ticks);
      if (Number(input.value) !== at) input.value = at;
      const shown = format(value);
      if (output.textContent !== shown) output.textContent = shown;
      input.setAttribute("aria-valuetext", shown);
      input.style.setProperty("--cx-filled", (100 * at) / ticks + "%");
    },
  };
};

/** toggle: {trait, label} for a true/false trait. */
const toggle = ({ trait, label: text }) => (ctx) => {
  const input = h("input", { type: "checkbox", "data-trait": trait, onchange: () => ctx.go({ [trait]: input.checked }) });
  return { node: h("label", { class: "cx-control cx-toggle" }, input, h("span", { class: "cx-label" }, text)), update: (state) => (input.checked = state[trait]) };
};

/** choice: {trait, label, options(state) -> [[value, text], ...]} */
const choice = ({ trait, label: text, options }) => (ctx) => {
  const select = h("select", { "data-trait": trait, onchange: () => ctx.go({ [trait]: list[select.selectedIndex][0] }) });
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

/** action: {label, run(ctx), enabled(state)} for a button among the controls; `name` is its longer accessible name. */
const action = ({ label: text, name = text, run, enabled = () => true }) => (ctx) => {
  const button = h("button", { type: "button", class: "cx-button", "aria-label": name === text ? null : name, title: name === text ? null : name, onclick: () => run(ctx) }, text);
  return { node: button, update: (state) => (button.disabled = !enabled(state)) };
};

/** group: several controls that must stay together when the row wraps. */
const group = (...makers) => (ctx) => {
  const parts = makers.map((make) => make(ctx));
  return { node: h("span", { class: "cx-group" }, parts.map((p) => p.node)), update: (state) => parts.forEach((p) => p.update(state)) };
};

/** within: a control that is there only where `wanted(facts)` holds; elsewhere there is nothing. */
const within = (wanted, make) => (ctx) => (wanted(ctx.facts) ? make(ctx) : { node: document.createComment("not here"), update() {} });

// ---------------------------------------------------------------- the card

/** Does every test of a challenge hold? A test is [[name, index, ...], comparison, number]. */
function holds(tests, results) {
  const compare = { ">": (a, b) => a > b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, "<=": (a, b) => a <= b };
  return tests.every(([path, sign, bound]) => {
    const value = path.reduce((at, step) => at?.[step], results);
    return typeof value === "number" && compare[sign](value, bound);
  });
}

/** A float32 result sent by Python, {shape, data}, as nested arrays. */
function unpack(item) {
  if (!item || !item.data || !item.shape) return item;
  const view = item.data;
  const flat = new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  const nest = (shape, offset) => {
    if (!shape.length) return flat[offset];
    const size = shape.slice(1).reduce((a, b) => a * b, 1);
    return Array.from({ length: shape[0] }, (_, i) => nest(shape.slice(1), offset + i * size));
  };
  return nest(item.shape, 0);
}

/** Bytes that Python put among the facts as base64; a loop, because there can be millions. */
function bytesOf(text) {
  const packed = atob(text);
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = packed.charCodeAt(i);
  return bytes;
}
const floats = (text) => new Float32Array(bytesOf(text).buffer);

const between = (a, b, t) => {
  if (typeof a === "number" && typeof b === "number") return a + (b - a) * t;
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) return a.map((v, i) => between(v, b[i], t));
  return b;
};

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/**
 * The widget of one family. `family` gives:
 *   compute(state, facts) -> results     names and values as in Python; facts is what Python's facts() gave
 *   line(state, results, facts) -> text  the live line, word for word as in Python
 *   height(width, state, hidden) -> px    height of the picture
 *   picture(ctx) -> [s(...), ...] the picture; ctx has state (as painted), live (as it is now: two keys can fall into one frame, so
 *                                 handlers that step from the present value read ctx.live), results, facts, width, height, hidden (before the guess), frozen (a pinned
 *                                 copy), set(changes), go(changes) with motion, hold(name, value) (the value, kept as it was
 *                                 while something is dragged), ramp, rampTurn
 *   controls: [slider({...}), toggle({...}), choice({...}), action({...})]   in the order in which one would try them
 *   still: [names]                traits that must jump instead of move (indices, counts)
 */
function explorer(family) {
  return { family, render: (given) => card(family, given) };
}

function card(family, { model, el }) {
  const about = model.get("card");
  const names = about.state;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const read = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));

  let state = read();
  let frame = 0;
  let motion = null;
  let pinned = null;
  let unsent = false;
  let sending = false;
  const ctx = { ramp: rampTable([255, 255, 255], [0, 114, 178]), maskedColour: [221, 221, 221], rampTurn: 128 };

  // -- the frame of the card, built once
  const title = h("h3", { class: "cx-title" }, about.title);
  const stage = h("div", { class: "cx-stage" });
  const trouble = h("div", { class: "cx-error", role: "alert", hidden: true });
  const question = h("div", { class: "cx-predict" });
  const row = h("div", { class: "cx-controls" });
  const presets = h("div", { class: "cx-presets", role: "group", "aria-label": "Presets" });
  const tools = h("div", { class: "cx-tools" });
  const under = h("div", { class: "cx-under" }, presets, tools);
  const task = h("div", { class: "cx-challenge", hidden: true });
  const words = h("p", { class: "cx-line", role: "status", "aria-live": "polite" });
  const root = h("section", { class: "cx", "aria-label": about.title, "data-family": about.family }, title, stage, trouble, question, row, under, task, words);
  el.replaceChildren(root);

  // -- changing the state
  // Where a motion is going counts as the state already: a change made while it runs must not undo it.
  const target = () => (motion ? motion.to : state);
  function set(changes) {
    state = { ...target(), ...changes };
    motion = null;
    unsent = true;
    schedule();
  }
  function go(changes) {
    const still = calm.matches || family.still?.some((name) => name in changes && !same(changes[name], state[name]));
    if (still) return set(changes);
    motion = { from: state, to: { ...target(), ...changes }, start: performance.now() };
    schedule();
  }
  // While something is dragged the live region waits, and scales that follow the data stand still under the pointer.
  let dragging = false;
  const held = {};
  function busy(yes) {
    dragging = yes;
    words.setAttribute("aria-busy", String(yes));
    schedule();
  }
  function hold(name, value) {
    if (!dragging || !(name in held)) held[name] = value;
    return held[name];
  }
  Object.assign(ctx, { set, go, busy, hold });
  Object.defineProperty(ctx, "state", { get: () => state });
  Object.defineProperty(ctx, "live", { get: target });
  Object.defineProperty(ctx, "facts", { get: () => about.facts });

  function advance() {
    if (!motion) return;
    const t = clamp((performance.now() - motion.start) / 150, 0, 1);
    const ease = t * (2 - t);
    if (t < 1) {
      state = Object.fromEntries(names.map((name) => [name, between(motion.from[name], motion.to[name], ease)]));
      return;
    }
    state = motion.to;
    motion = null;
    unsent = true;
  }

  function send() {
    if (!unsent || motion) return;
    unsent = false;
    sending = true;
    for (const name of names) if (!same(model.get(name), state[name])) model.set(name, state[name]);
    sending = false;
    model.save_changes();
  }

  // -- results: from the page's own maths, or from Python when the family says so
  function resultsOf(given) {
    if (!about.python) return family.compute(given, about.facts);
    const sent = model.get("results") ?? {};
    return Object.fromEntries(Object.entries(sent).map(([name, item]) => [name, unpack(item)]));
  }

  // -- painting, at most once a frame
  function schedule() {
    if (!frame) frame = requestAnimationFrame(paint);
  }

  const panes = [];
  function pane(i, kind) {
    if (!panes[i]) {
      const caption = h("p", { class: "cx-caption" });
      const svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("class", "cx-picture");
      svg.setAttribute("role", "group");
      svg.__set = {};
      panes[i] = { svg, caption, node: h("div", { class: "cx-pane" }, caption, svg) };
      stage.append(panes[i].node);
    }
    panes[i].svg.setAttribute("aria-label", kind === "pinned" ? "Pinned picture" : "Picture");
    return panes[i];
  }

  function draw(i, kind, shown, results, width) {
    const p = pane(i, kind);
    const height = Math.round(family.height(width, shown, asking(), about.facts));
    p.svg.setAttribute("width", width);
    p.svg.setAttribute("height", height);
    p.caption.hidden = !pinned;
    p.caption.textContent = kind === "pinned" ? "Pinned: " + family.line(shown, results, about.facts) : "Now";
    const own = { state: shown, results, width, height, facts: about.facts, hidden: asking(), frozen: kind === "pinned", hold: kind === "pinned" ? (_, value) => value : hold };
    const view = Object.create(ctx, Object.getOwnPropertyDescriptors(own));
    patch(p.svg, family.picture(view).flat(Infinity).filter(Boolean));
  }

  function paint() {
    frame = 0;
    if (!root.isConnected) return;
    advance();
    let results = {};
    let error = model.get("error") || "";
    try {
      results = resultsOf(state);
      if (!error) paintResults(results);
    } catch (problem) {
      error = String(problem?.message ?? problem);
    }
    root.classList.toggle("cx-broken", Boolean(error));
    trouble.hidden = !error;
    if (error) {
      trouble.replaceChildren(h("strong", {}, "This could not be computed."), h("code", {}, error));
      words.textContent = "No picture: " + error.split("\n")[0];
    }
    controls.forEach((c) => c.update(state));
    send();
    if (motion) schedule();
  }

  function paintResults(results) {
    const full = Math.max(300, Math.floor(stage.clientWidth));
    const beside = pinned && full >= 860;
    stage.classList.toggle("cx-two", Boolean(beside));
    const width = beside ? Math.floor((full - 28) / 2) : full;
    if (pinned) draw(0, "pinned", pinned, pinnedResults, width);
    draw(pinned ? 1 : 0, "now", state, results, width);
    while (panes.length > (pinned ? 2 : 1)) panes.pop().node.remove();
    const said = asking() ? "Guess first: the answer appears when you choose." : family.line(state, results, about.facts);
    if (words.textContent !== said) words.textContent = said;
    if (about.tests && !model.get("solved") && !asking() && moved() && holds(about.tests, results)) {
      model.set("solved", true);
      unsent = true;
    }
  }
  const moved = () => !same(state, startOfChallenge);
  let startOfChallenge = read();

  // -- predict first
  const asking = () => Boolean(about.predict) && !model.get("guess");
  function answer(guess) {
    model.set("guess", guess);
    model.save_changes();
    showQuestion(true);
    if (about.predict.then && guess !== "skipped") go(about.predict.then);
    schedule();
  }
  function showQuestion(justNow = false) {
    const p = about.predict;
    root.classList.toggle("cx-asking", asking());
    question.hidden = !p || model.get("guess") === "skipped";
    if (question.hidden) {
      if (justNow) row.querySelector("input, button, select")?.focus();
      return;
    }
    const guess = model.get("guess");
    if (!guess) {
      question.replaceChildren(
        h("p", { class: "cx-question" }, h("b", {}, "Predict. "), p.question),
        h("div", { class: "cx-choices", role: "group", "aria-label": "Your guess" }, p.choices.map((c) => h("button", { type: "button", class: "cx-button", onclick: () => answer(c) }, c)), h("button", { type: "button", class: "cx-quiet", onclick: () => answer("skipped") }, "Skip the guess")),
      );
      return;
    }
    const right = guess === p.answer;
    const said = h("p", { class: "cx-verdict " + (right ? "cx-right" : "cx-wrong"), tabindex: "-1" }, h("b", {}, right ? "You said “" + guess + "”: right. " : "You said “" + guess + "”. "), right ? p.right : p.wrong[guess] ?? p.right);
    question.replaceChildren(said);
    if (justNow) said.focus({ preventScroll: true });
  }

  // -- challenge
  function showTask() {
    task.hidden = !about.challenge;
    if (task.hidden) return;
    const solved = model.get("solved");
    task.classList.toggle("cx-solved", solved);
    task.replaceChildren(h("b", {}, solved ? "✓ Solved. " : "Challenge. "), about.challenge);
  }

  // -- presets and tools
  for (const [name, changes] of Object.entries(about.presets)) presets.append(h("button", { type: "button", class: "cx-button", onclick: () => go(changes) }, name));
  const pinButton = h("button", { type: "button", class: "cx-quiet", "aria-pressed": "false", onclick: togglePin }, "Pin");
  let pinnedResults = null;
  function togglePin() {
    pinned = pinned ? null : state;
    pinnedResults = pinned && resultsOf(pinned);
    pinButton.setAttribute("aria-pressed", String(Boolean(pinned)));
    pinButton.textContent = pinned ? "Unpin" : "Pin";
    // The live picture changes places: drop the panes so that no handle keeps the other's drag.
    while (panes.length) panes.pop().node.remove();
    schedule();
  }
  const copyButton = h("button", { type: "button", class: "cx-quiet", onclick: copy }, "Copy as Python");
  async function copy() {
    const code = asPython();
    root.dataset.copied = code;
    try {
      await navigator.clipboard.writeText(code);
      copyButton.textContent = "Copied";
    } catch {
      const box = h("textarea", { class: "cx-copy", "aria-label": "Python code" }, code);
      root.append(box);
      box.select();
      copyButton.textContent = document.execCommand("copy") ? "Copied" : code;
      box.remove();
      copyButton.focus();
    }
    setTimeout(() => (copyButton.textContent = "Copy as Python"), 1500);
  }
  function asPython() {
    const parts = Object.entries(about.fixed).map(([name, value]) => `${name}=${value}`);
    for (const name of names) if (!about.unsaid.includes(name) && !same(state[name], about.defaults[name])) parts.push(`${about.arguments[name]}=${python(state[name])}`);
    return `${about.factory}(${parts.join(", ")})`;
  }
  tools.append(pinButton, h("button", { type: "button", class: "cx-quiet", onclick: () => go(about.start) }, "Reset"), copyButton);

  // -- controls
  const controls = family.controls.map((make) => make(ctx));
  row.append(...controls.map((c) => c.node));

  // -- what changes from outside: Python, the width, the theme
  function colours() {
    const style = getComputedStyle(root);
    const colour = (name) => parseColour(style.getPropertyValue(name));
    const [low, high, masked] = ["--cx-ramp-low", "--cx-ramp-high", "--cx-masked-fill"].map(colour);
    if (low && high) ctx.ramp = rampTable(low, high);
    if (masked) ctx.maskedColour = masked;
    ctx.rampTurn = Number(style.getPropertyValue("--cx-ramp-turn")) || 128;
    schedule();
  }
  function fromPython() {
    // A change we made ourselves comes back as an event too; while a drag is unsent the page's state is the newer one.
    if (unsent || sending || motion) return;
    const given = read();
    if (!same(given, state)) state = given;
    schedule();
  }
  function newCard() {
    Object.assign(about, model.get("card"));
    startOfChallenge = read();
    title.textContent = about.title;
    showTask();
    showQuestion();
    schedule();
  }
  const listen = [...names.map((name) => ["change:" + name, fromPython]), ["change:results", schedule], ["change:error", schedule], ["change:solved", showTask], ["change:card", newCard], ["change:guess", () => (showQuestion(), schedule())]];
  listen.forEach(([event, run]) => model.on(event, run));
  const watchSize = new ResizeObserver(schedule);
  watchSize.observe(stage);
  const watchTheme = new MutationObserver(colours);
  for (const node of [document.body, document.documentElement]) watchTheme.observe(node, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "data-theme"] });
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", colours);

  showQuestion();
  showTask();
  // Computed colours are empty while the element is first put in place: read them in the next frame.
  requestAnimationFrame(colours);

  return () => {
    cancelAnimationFrame(frame);
    listen.forEach(([event, run]) => model.off(event, run));
    watchSize.disconnect();
    watchTheme.disconnect();
    dark.removeEventListener("change", colours);
  };
}
