// ActivationExplorer: a function, a polynomial fitted to it, and the error between them. All fits
// are in the model, so that it also runs in the static book. Made of the parts in parts.js.

// Σ c_k T_k(t), as helib_py/evaluation.py adds it up.
function clenshaw(c, t) {
  let [ahead, after] = [0, 0];
  for (let k = c.length - 1; k > 0; k--) [ahead, after] = [2 * t * ahead - after + c[k], ahead];
  return t * ahead - after + c[0];
}

// The chosen fit with its curve: x from -view to view times the range, f and p there.
function look(model, value) {
  const places = ["function", "range", "method", "degree"].map((name) => {
    const listed = model.get(`${name}s`);
    return [listed.indexOf(value[name]), listed.length];
  });
  const fit = model.get("fits")[places.reduce((sum, [i, count]) => sum * count + i, 0)];
  const f = model.get("curves")[value.function][places[1][0]];
  const view = model.get("view");
  const t = f.map((_, i) => view * ((2 * i) / (f.length - 1) - 1));
  const p = t.map((v) => clenshaw(fit.c, v));
  return { ...value, ...fit, view, t, f, p };
}

const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

function fitInWords({ method, degree, range, max, rms, levels, products, ...seen }) {
  const how = `${seen.function} by ${method}, degree ${degree} on [−${number(range)}, ${number(range)}]`;
  const near = `largest error ${number(max, 3)}, rms ${number(rms, 3)}`;
  return `${how}: ${near}; ${count(levels, "level")}, ${count(products, "product")}.`;
}

function outsideInWords({ view, range, t, f, p }) {
  const off = (i) => Math.abs(p[i] - f[i]);
  const worst = off(0) > 1.001 * off(t.length - 1) ? 0 : t.length - 1;
  const x = number(t[worst] < 0 ? -view * range : view * range);
  return `Outside, at x = ${x}, it gives ${number(p[worst], 3)} instead of ${number(f[worst], 3)}.`;
}

// The path of a curve, without what lies above or below the plot.
function clipped(points, top, bottom) {
  let d = "";
  points.slice(1).forEach(([x1, y1], i) => {
    const [x0, y0] = points[i];
    const at = (y) => (y - y0) / (y1 - y0);
    const [a, b] = y1 === y0 ? [-Infinity, Infinity] : [at(top), at(bottom)].sort((u, v) => u - v);
    const [from, to] = [Math.max(0, a), Math.min(1, b)];
    const inside = y1 !== y0 || (y0 >= top && y0 <= bottom);
    const place = (s) => `${(x0 + s * (x1 - x0)).toFixed(1)},${(y0 + s * (y1 - y0)).toFixed(1)}`;
    if (inside && from < to) d += `M${place(from)}L${place(to)}`;
  });
  return d;
}

function panel(parent, head, alt, foot) {
  const figure = add(parent, "div", { class: "he-panel" });
  add(figure, "div", {}, head);
  const viewBox = `0 0 ${WIDTH} ${BOTTOM + 24}`;
  const picture = add(figure, "svg", { viewBox, role: "img", "aria-label": alt });
  add(figure, "div", { class: "he-x" }, foot);
  return picture;
}

// Where a plot begins: what is left of it has room for these numbers.
const leftOf = (stops) => 12 + 8 * Math.max(4, ...stops.map((v) => number(v, 3).length));

function drawFrame(picture, left, xs, xStops, ys, yStops) {
  const stroke = { stroke: "currentColor", fill: "none" };
  add(picture, "path", { d: `M${left},${TOP}V${BOTTOM}H${RIGHT}`, ...stroke });
  for (const stop of yStops) {
    add(picture, "path", { d: `M${left},${ys(stop)}H${RIGHT}`, ...stroke, opacity: 0.12 });
    write(picture, left - 6, ys(stop) + 4, number(stop, 3), "end");
  }
  for (const stop of xStops) {
    add(picture, "path", { d: `M${xs(stop)},${BOTTOM}v4`, ...stroke });
    write(picture, xs(stop), BOTTOM + 18, number(stop));
  }
}

function drawCurves(parent, seen) {
  const { range, view, t, f, p, levels, products } = seen;
  const foot = `x; dashed: ${seen.function}; shaded: fitted range`;
  const picture = panel(parent, "function and polynomial", outsideInWords(seen), foot);
  const stops = ticks([Math.min(...f), Math.max(...f)], false);
  const [left, room] = [leftOf(stops), 0.2 * (stops.at(-1) - stops[0])];
  const ys = scale([stops[0] - room, stops.at(-1) + room], false, BOTTOM, TOP);
  const xs = scale([-view * range, view * range], false, left, RIGHT);
  const shade = { x: xs(-range), y: TOP, width: xs(range) - xs(-range), height: BOTTOM - TOP };
  add(picture, "rect", { ...shade, fill: BLUE, opacity: 0.12 });
  drawFrame(picture, left, xs, [-range, 0, range], ys, stops);
  const path = (values) => clipped(t.map((v, i) => [xs(v * range), ys(values[i])]), TOP, BOTTOM);
  const line = { fill: "none", "stroke-linecap": "round" };
  const whole = t.map((v, i) => `${i ? "L" : "M"}${xs(v * range).toFixed(1)},${ys(f[i]).toFixed(1)}`);
  add(picture, "path", { d: whole.join(""), ...line, stroke: "currentColor", "stroke-width": 1.5,
    "stroke-dasharray": "5 4" });
  add(picture, "path", { d: path(p), ...line, stroke: BLUE, "stroke-width": 2.5 });
  const cost = `${count(levels, "level")}, ${count(products, "product")}`;
  write(picture, (left + RIGHT) / 2, TOP - 7, cost, "middle", "he-chosen");
}

function drawError(parent, seen) {
  const { range, t, f, p, max } = seen;
  const top = max || 1;
  const stops = [-top, 0, top].map((v) => Number(v.toPrecision(2)));
  const left = leftOf(stops);
  const picture = panel(parent, "error within the range", fitInWords(seen), "x; dashed: largest error");
  const ys = scale([-1.25 * top, 1.25 * top], false, BOTTOM, TOP);
  const xs = scale([-range, range], false, left, RIGHT - 8);
  drawFrame(picture, left, xs, [-range, 0, range], ys, stops);
  for (const side of [-top, top])
    add(picture, "path", { d: `M${left},${ys(side)}H${RIGHT}`, class: "he-guide" });
  const inner = t.flatMap((v, i) => (Math.abs(v) < 1 + 1e-9 ? [[xs(v * range), ys(p[i] - f[i])]] : []));
  const line = { fill: "none", stroke: VERMILLION, "stroke-width": 2, "stroke-linecap": "round" };
  add(picture, "path", { d: clipped(inner, TOP, BOTTOM), ...line });
  write(picture, (left + RIGHT) / 2, TOP - 7, `largest ${number(max, 3)}`, "middle", "he-chosen");
}

function render({ model, el }) {
  const [bar, panels, readout] = frame(el, model.get("title"), "Activation explorer");
  let chosen = null;
  const show = (wanted) => {
    chosen = wanted;
    for (const name in setters) setters[name](chosen[name]);
    const seen = look(model, chosen);
    panels.replaceChildren();
    drawCurves(panels, seen);
    drawError(panels, seen);
    readout.textContent = `${fitInWords(seen)} ${outsideInWords(seen)}`;
  };
  const turn = (name) => (v) => show({ ...chosen, [name]: v });
  const settle = () => (model.set("value", chosen), model.save_changes());
  const setters = Object.fromEntries(["function", "degree", "method", "range"].map((name) =>
    [name, control(bar, name, "", model.get(`${name}s`), turn(name), settle)]));
  return follow(model, show, () => chosen);
}

export default { render };
