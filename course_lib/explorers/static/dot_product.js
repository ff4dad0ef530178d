// Two arrows and their dot product. Python's side is dot_product.py; the maths and the words must agree with it.

const REACH = 4;

/** A point kept within the disc that the plane shows, on steps of 0.1. */
function withinReach([x, y]) {
  const shrink = Math.min(1, REACH / (Math.hypot(x, y) || 1));
  return [x, y].map((v) => snap(v * shrink, 0.1));
}

/** The part of a rectangle on the side of the origin line where the normal points: a polygon. */
function halfPlane(p, [nx, ny]) {
  const corners = [[p.x, p.y], [p.x + p.width, p.y], [p.x + p.width, p.y + p.height], [p.x, p.y + p.height]];
  const side = ([x, y]) => (x - p.cx) * nx - (y - p.cy) * ny;
  const kept = [];
  corners.forEach((a, i) => {
    const b = corners[(i + 1) % 4];
    const [sa, sb] = [side(a), side(b)];
    if (sa >= 0) kept.push(a);
    if (sa * sb < 0) kept.push([0, 1].map((k) => a[k] + ((b[k] - a[k]) * sa) / (sa - sb)));
  });
  return kept.map((q) => q.map((v) => v.toFixed(2)).join(",")).join(" ");
}

/** A number with its signed bar: zero in the middle, `scale` at the ends. */
function reading(x, y, width, name, value, scale, note, hidden) {
  const middle = x + width / 2;
  const length = (clamp(value / scale, -1, 1) * width) / 2;
  return s(
    "g",
    {},
    label(x, y, name, { class: "cx-soft" }),
    label(x, y + 25, hidden ? "?" : num(value), { class: "cx-big" }),
    label(x + width, y + 25, hidden ? "" : note, { anchor: "end", class: "cx-soft" }),
    s("rect", { x, y: y + 36, width, height: 8, rx: 1.5, class: "cx-wash" }),
    !hidden && barRight(middle, y + 36, length, 8, { class: "cx-plain" }),
    line(middle, y + 32, middle, y + 48),
  );
}

const dotProductFamily = {
  compute({ query, key }) {
    const product = dot(query, key);
    const length = Math.hypot(...key);
    const lengths = length * Math.hypot(...query);
    const cosine = lengths > 0 ? clamp(product / lengths, -1, 1) : 0;
    const along = length > 0 ? product / (length * length) : 0;
    return {
      dot: product,
      cosine,
      angle: (Math.acos(cosine) * 180) / Math.PI,
      projection: key.map((v) => v * along),
      shadow: length > 0 ? product / length : 0,
      key_length: length,
    };
  },

  line({ query, key }, { dot: product, shadow, key_length: length, cosine, angle }) {
    if (!query.some(Boolean) || !key.some(Boolean)) return `The ${query.some(Boolean) ? "key" : "query"} has no length: the product is 0.00, and there is no angle.`;
    const sum = `${num(shadow)} × ${num(length)} = ${num(product)}`;
    let first = `The query points away from the key, ${num(shadow)} along it: product ${sum}.`;
    if (product > 0) first = `The query reaches ${num(shadow)} along the key: product ${sum}.`;
    if (Math.abs(product) < 0.005) first = "Nothing of the query lies along the key: the product is 0.00.";
    return `${first} Cosine ${num(cosine)}, angle ${num(angle, 0)}°.`;
  },

  height: (width) => (width < 640 ? 400 + 82 : 400),

  picture(ctx) {
    const { state, results, width, hidden } = ctx;
    const beside = width >= 640;
    const planeWidth = beside ? width - 270 : width;
    const p = plane(0, 4, planeWidth, 392, 4.35);
    const tip = (v) => [p.px(v[0]), p.py(v[1])];
    const [query, key, foot] = [state.query, state.key, results.projection].map(tip);
    const length = Math.hypot(...state.key);
    const [ux, uy] = length > 0 ? state.key.map((v) => v / length) : [1, 0];
    const showSigns = !hidden && length > 0;
    const showShadow = !hidden && length > 0 && Math.abs(results.shadow) > 0.02;

    // The border between the signs runs at a right angle to the key; its labels stand near the end that lies higher.
    const up = ux > 0 || (ux === 0 && uy < 0) ? [-uy, ux] : [uy, -ux];
    const far = Math.min((planeWidth / 2 - 34) / (Math.abs(up[0]) || 1e-9), 166 / (Math.abs(up[1]) || 1e-9));
    const border = (d, off) => [p.cx + up[0] * d + ux * off, p.cy - up[1] * d - uy * off];
    let lean = (Math.atan2(-up[1], up[0]) * 180) / Math.PI;
    if (lean > 90) lean -= 180;
    if (lean < -90) lean += 180;
    const signs = showSigns && [
      s("polygon", { points: halfPlane(p, [ux, uy]), class: "cx-key-wash" }),
      line(...border(900, 0), ...border(-900, 0), "cx-guide"),
    ];
    const [px, py] = border(far, 17);
    const [mx, my] = border(far, -17);
    const signWords = showSigns && [
      label(px, py + 6, "+", { anchor: "middle", class: "cx-big cx-soft" }),
      label(mx, my + 6, "−", { anchor: "middle", class: "cx-big cx-soft" }),
    ];

    const side = Math.sign(results.shadow);
    const shadow = showShadow && [
      line(query[0], query[1], foot[0], foot[1], "cx-guide"),
      line(p.cx, p.cy, foot[0] + side * ux * 14, foot[1] - side * uy * 14, "cx-ray"),
      line(p.cx, p.cy, foot[0], foot[1], "cx-shadow"),
      rightAngle(foot, query, [p.cx, p.cy]),
    ];

    const away = (v, other) => {
      const size = Math.hypot(...v) || 1;
      const aside = Math.sign(v[0] * other[1] - v[1] * other[0]) || 1;
      // Out along the arrow and a little away from the other one.
      return [v[0] / size + (0.5 * aside * v[1]) / size, -v[1] / size + (0.5 * aside * v[0]) / size];
    };
    const middle = [(p.cx + foot[0]) / 2, (p.cy + foot[1]) / 2];
    const under = dot([query[0] - foot[0], query[1] - foot[1]], [-uy, -ux]) > 0 ? -1 : 1;
    const names = [
      { x: query[0], y: query[1], text: "query", away: away(state.query, state.key), class: "cx-query-text" },
      { x: key[0], y: key[1], text: "key", away: away(state.key, state.query), class: "cx-key-text" },
    ];
    if (showShadow && Math.abs(results.shadow) > 0.45) names.push({ x: middle[0], y: middle[1], text: `${num(results.shadow)} along the key`, away: [-uy * under, -ux * under], class: "cx-query-text" });
    const knobs = [query, key].map(([x, y]) => [x - 10, y - 10, 20, 20]);
    const arrows = [query, key, foot].flatMap((end) => [0.2, 0.4, 0.6, 0.8].map((t) => [p.cx + (end[0] - p.cx) * t - 7, p.cy + (end[1] - p.cy) * t - 7, 14, 14]));
    const signBoxes = showSigns ? [[px - 8, py - 10, 16, 20], [mx - 8, my - 10, 16, 20]] : [];

    // The shorter arrow lies on the longer one, so that both are seen where they point the same way.
    const queryOnTop = Math.hypot(...state.query) <= length;
    const keyArrow = arrow(p.cx, p.cy, ...key, { class: "cx-key", head: 15, width: 3 });
    const queryArrow = arrow(p.cx, p.cy, ...query, { class: "cx-query", head: 15, width: 3 });

    const grip = (name, colour, [x, y]) =>
      handle(ctx, {
        x, y, name, class: colour, knob: s("circle", { cx: x, cy: y, r: 14, class: "cx-halo" }), value: state[name][0], low: -REACH, high: REACH,
        text: `${name} at ${num(state[name][0], 1)} right, ${num(state[name][1], 1)} up`,
        move: (mx, my) => ctx.set({ [name]: withinReach(p.at(mx, my)) }),
        step: (dx, dy) => ctx.set({ [name]: withinReach([ctx.live[name][0] + 0.1 * dx, ctx.live[name][1] + 0.1 * dy]) }),
      });

    return [
      s("svg", { x: p.x, y: p.y, width: p.width, height: p.height, viewBox: `${p.x} ${p.y} ${p.width} ${p.height}` }, signs || null, axes(p)),
      s("g", {}, shadow || null),
      queryOnTop ? [keyArrow, queryArrow] : [queryArrow, keyArrow],
      s("g", {}, signWords || null),
      s("g", {}, labelsBeside(names, { taken: [...knobs, ...arrows, ...signBoxes], inside: [p.x + 4, p.y + 4, p.width - 8, p.height - 8], distance: 16 })),
      s("g", {}, readings(beside ? planeWidth + 34 : 0, beside ? 60 : 424, beside ? 232 : width, beside, results, hidden)),
      grip("key", "cx-key", key),
      grip("query", "cx-query", query),
    ];
  },

  controls: [
    slider({
      trait: "length", label: "Key length", min: 0.1, max: REACH, step: 0.05, format: (v) => num(v, 2),
      get: ({ key }) => Math.hypot(...key),
      put: (size, { key }) => ({ key: polar(size, heading(key)) }),
    }),
    slider({
      trait: "heading", label: "Key direction", min: -180, max: 180, step: 1, format: (v) => num(v, 0) + "°",
      get: ({ key }) => heading(key),
      put: (degrees, { key }) => ({ key: polar(Math.min(REACH, Math.hypot(...key) || 1), degrees) }),
    }),
  ],
};

const heading = ([x, y]) => (Math.atan2(y, x) * 180) / Math.PI;
const polar = (size, degrees) => [Math.cos, Math.sin].map((f) => clamp(snap(size * f((degrees * Math.PI) / 180), 0.001), -REACH, REACH));

/** The small square that says "right angle" at the foot of the perpendicular. */
function rightAngle(foot, query, origin) {
  const unit = ([ax, ay], [bx, by]) => {
    const d = Math.hypot(bx - ax, by - ay) || 1;
    return [(bx - ax) / d, (by - ay) / d];
  };
  const room = Math.hypot(query[0] - foot[0], query[1] - foot[1]);
  if (room < 16) return null;
  const [a, b] = [unit(foot, query), unit(foot, origin)];
  const size = 8;
  const corners = [[a[0], a[1]], [a[0] + b[0], a[1] + b[1]], [b[0], b[1]]].map(([x, y]) => `${(foot[0] + x * size).toFixed(2)},${(foot[1] + y * size).toFixed(2)}`);
  return s("polyline", { points: corners.join(" "), class: "cx-thin" });
}

/** The numbers: beside the plane where there is room, else in a row under it. */
function readings(x, y, width, beside, results, hidden) {
  const each = beside ? width : (width - 40) / 2;
  return [
    reading(x, y, each, "dot product", results.dot, REACH * REACH, `${num(results.shadow)} × ${num(results.key_length)}`, hidden),
    reading(beside ? x : x + each + 40, beside ? y + 110 : y, each, "cosine", results.cosine, 1, `angle ${num(results.angle, 0)}°`, hidden),
  ];
}

export default explorer(dotProductFamily);
