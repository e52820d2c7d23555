// Explorer: a measured table, turned by sliders and menus, drawn as small panels. All its data
// is in the model, so that it also runs in the static book, where no kernel answers.
// First the parts for every widget of the family, then the Explorer.

const NS = "http://www.w3.org/2000/svg";
const [BLUE, VERMILLION] = ["#0072B2", "#D55E00"]; // Okabe-Ito: safe for the colour-blind
const [WIDTH, TOP, BOTTOM, RIGHT] = [340, 22, 162, 322]; // of a picture and the plot in it

function add(parent, tag, attributes = {}, ...children) {
  const inSvg = tag === "svg" || parent.namespaceURI === NS;
  const node = inSvg ? document.createElementNS(NS, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  parent.append(node);
  return node;
}

function number(v, digits = 4) {
  const plain = v === 0 || (Math.abs(v) >= 1e-3 && Math.abs(v) < 1e6);
  const rounding = plain && Number.isInteger(v) ? {} : { maximumSignificantDigits: digits };
  const notation = plain ? "standard" : "scientific";
  const [text, power] = v.toLocaleString("en", { notation, ...rounding }).split("E");
  const raised = power?.replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
  return (raised ? `${text}×10${raised}` : text).replace("-", "−").replace(/^1×/, "");
}

function words(v, unit = "", digits = 8) {
  if (v === null) return "not measured";
  if (typeof v !== "number") return v === true ? "yes" : v === false ? "no" : v;
  return number(v, digits) + (unit && ` ${unit}`);
}

const label = (column, { unit, log }) => column + (unit && ` (${unit})`) + (log ? ", log scale" : "");

// The distinct values of a column, in the order a slider or an axis runs through them.
function valuesOf(rows, column) {
  const values = [...new Set(rows.map((row) => row[column]))];
  return typeof values[0] === "number" ? values.sort((a, b) => a - b) : values;
}

// The marks of an axis that takes in all the values; its ends are the first and the last.
function ticks(values, log) {
  let [lo, hi] = [Math.min(...values), Math.max(...values)];
  const marks = (last, mark) => Array.from({ length: last + 1 }, (_, i) => mark(i));
  if (log) {
    const first = Math.floor(Math.log10(lo));
    const decades = Math.ceil(Math.log10(hi)) - first;
    if (decades < 2) return [1, 2, 5, 10].map((m) => m * 10 ** first);
    const every = Math.ceil(decades / 5);
    return marks(Math.ceil(decades / every), (i) => 10 ** (first + i * every));
  }
  if (lo >= 0 && (lo < hi / 2 || lo === hi)) lo = 0;
  if (lo === hi) hi = lo + 1;
  const rough = 10 ** Math.floor(Math.log10((hi - lo) / 2));
  const step = rough * [1, 2, 5].find((m) => (hi - lo) / (rough * m) <= 5);
  const [first, last] = [Math.floor(lo / step + 1e-9), Math.ceil(hi / step - 1e-9)];
  return marks(last - first, (i) => Number(((first + i) * step).toPrecision(12)));
}

// A function from a value to a coordinate between `from` and `to`; words are spaced evenly.
function scale(stops, log, from, to) {
  const numeric = typeof stops[0] === "number";
  const inset = numeric ? 0 : (to - from) / (2 * stops.length);
  const place = !numeric ? (v) => stops.indexOf(v) : log ? Math.log10 : Number;
  const [lo, hi] = [place(stops[0]), place(stops.at(-1))];
  const size = to - from - 2 * inset;
  return (v) => from + inset + size * (hi === lo ? 0.5 : (place(v) - lo) / (hi - lo));
}

// Where the controls, the pictures and the chosen row in words go, below one another.
function frame(el, title) {
  const name = { role: "group", "aria-label": title || "Explorer" };
  const root = add(el, "div", { class: "he-widget", ...name });
  if (title) add(root, "div", { class: "he-title" }, title);
  const part = (tag, style) => add(root, tag, { class: style });
  return [part("div", "he-knobs"), part("div", "he-panels"), part("output", "he-readout")];
}

// A labelled slider (numbers) or menu (words): `turn` hears each value, `settle` the last one.
function control(parent, text, unit, values, turn, settle) {
  const box = add(parent, "label", { class: "he-knob" }, text);
  const slides = typeof values[0] === "number";
  // JupyterLab has shortcuts on the arrow keys; here they belong to the input.
  const own = { "data-lm-suppress-shortcuts": "true" };
  const range = { type: "range", min: 0, max: values.length - 1, step: 1, ...own };
  const input = slides ? add(box, "input", range) : add(box, "select", own);
  const shown = slides ? add(box, "b") : null;
  if (!slides) values.forEach((v, i) => add(input, "option", { value: i }, words(v)));
  input.disabled = values.length === 1;
  input.addEventListener("input", () => turn(values[input.value]));
  input.addEventListener("change", settle);
  return (v) => {
    input.value = values.indexOf(v);
    if (slides) input.setAttribute("aria-valuetext", (shown.textContent = words(v, unit)));
  };
}

function write(picture, x, y, text, anchor = "middle", style = "he-tick") {
  add(picture, "text", { x, y, "text-anchor": anchor, class: style }, text);
}

function drawInsecure(picture) {
  const at = { x: RIGHT - 84, y: 1 - TOP };
  add(picture, "rect", { ...at, width: 84, height: 18, rx: 3, fill: VERMILLION });
  write(picture, RIGHT - 42, 14.5 - TOP, "INSECURE", "middle", "he-insecure");
}

// The measured row with the turned knob's value and the others as near as can be.
function nearest(rows, knobs, wanted, turned) {
  const apart = (a, b) => (typeof a === "number" ? Math.abs(a - b) / Math.abs(a + b || 1) : 1);
  const cost = (a, b, k) => (a === b ? 0 : k === turned ? Infinity : 1 + apart(a, b));
  const total = (row) => knobs.reduce((sum, k) => sum + cost(row[k], wanted[k], k), 0);
  return rows.reduce((best, row) => (total(row) < total(best) ? row : best));
}

// The chosen row in words: "scale 30 bits, chain short: precision 18.2 bits."
function sentence({ knobs, axes }, row, outcomes) {
  const say = (digits) => (c) => `${c} ${words(row[c], axes[c]?.unit, digits)}`;
  return `${knobs.map(say(8)).join(", ")}: ${outcomes.map(say(4)).join(", ")}.`;
}

// The lines of a table: the rows that agree in every knob but x, by x; the chosen row's last.
function linesOf({ rows, knobs, x }, xStops, chosen) {
  const key = (row) => JSON.stringify(knobs.map((k) => k === x || row[k]));
  const ordered = xStops.flatMap((stop) => rows.filter((row) => row[x] === stop));
  const others = [...new Set(ordered.map(key))].filter((k) => k !== key(chosen));
  return [...others, key(chosen)].map((k) => ordered.filter((row) => key(row) === k));
}

function drawAxes(picture, left, xs, xStops, ys, yStops) {
  const stroke = { stroke: "currentColor", fill: "none" };
  add(picture, "path", { d: `M${left},${TOP}V${BOTTOM}H${RIGHT}`, ...stroke });
  for (const stop of yStops) {
    add(picture, "path", { d: `M${left},${ys(stop)}H${RIGHT}`, ...stroke, opacity: 0.12 });
    write(picture, left - 6, ys(stop) + 4, number(stop, 3), "end");
  }
  const room = (RIGHT - left) / (7 * xStops.length); // letters below a word's mark
  let free = -Infinity; // where the next number may begin
  for (const stop of xStops) {
    const text = words(stop);
    const half = text.length * 4;
    const middle = Math.min(xs(stop), WIDTH - half);
    add(picture, "path", { d: `M${xs(stop)},${BOTTOM}v4`, ...stroke });
    if (typeof stop !== "number") {
      write(picture, xs(stop), BOTTOM + 18, text.length > room ? `${text.slice(0, room - 1)}…` : text);
    } else if (middle - half >= free) {
      write(picture, middle, BOTTOM + 18, text);
      free = middle + half + 8;
    }
  }
}

// One line, if joined, broken where nothing was measured; a click on a point chooses its row.
function drawLine(picture, points, joined, isChosen, choose) {
  const stroke = isChosen ? BLUE : "currentColor";
  const group = add(picture, "g", { opacity: isChosen ? 1 : 0.3 });
  const pen = (i) => (joined && points[i - 1] ? "L" : "M");
  const d = points.map((point, i) => (point ? pen(i) + point : "")).join("");
  add(group, "path", { d, fill: "none", stroke, "stroke-width": isChosen ? 2.5 : 1 });
  points.forEach((point, i) => {
    if (!point) return;
    const dot = add(group, "circle", { cx: point[0], cy: point[1], r: 3, fill: stroke });
    dot.addEventListener("click", () => choose(i));
  });
}

// The chosen point, its value written on the side where its line is not.
function drawChosen(picture, left, points, i, text) {
  if (!points[i]) return write(picture, left + 8, BOTTOM - 8, text, "start", "he-chosen");
  const [x, y] = points[i];
  const width = text.length * 9; // more than most fonts take
  const rise = (points[i - 1] ?? points[i])[1] - (points[i + 1] ?? points[i])[1];
  const flat = Math.abs(rise) <= 4;
  const fits = flat || (rise > 0 ? x - width > left : x + width < WIDTH);
  const below = !fits && y + 22 < BOTTOM;
  const side = flat ? 0 : (rise > 0) === below ? 1 : -1; // of the point, for the text
  const start = x + 6 * side + (width * (side - 1)) / 2;
  let [anchor, at] = [["end", "middle", "start"][side + 1], x + 6 * side];
  if (start < left + 6) [anchor, at] = ["start", left + 6];
  else if (start + width > WIDTH) [anchor, at] = ["end", WIDTH];
  add(picture, "path", { d: `M${left},${y}H${x}V${BOTTOM}`, class: "he-guide" });
  add(picture, "circle", { cx: x, cy: y, r: 6, fill: VERMILLION, stroke: "currentColor" });
  write(picture, at, below ? y + 20 : y - 11, text, anchor, "he-chosen");
}

// One panel: a metric of every row against x, the chosen row written out.
function drawPanel(parent, table, column, chosen, choose) {
  const { rows, axes, x, insecure } = table;
  const [top, warning] = insecure ? [-TOP, "INSECURE: "] : [0, ""];
  const alt = `${warning}${column} against ${x}, ${sentence(table, chosen, [column])}`;
  const viewBox = `0 ${top} ${WIDTH} ${BOTTOM + 24 - top}`;
  const figure = add(parent, "div", { class: "he-panel" });
  add(figure, "div", {}, label(column, axes[column]));
  const picture = add(figure, "svg", { viewBox, role: "img", "aria-label": alt });
  add(figure, "div", { class: "he-x" }, label(x, axes[x]));
  const xStops = valuesOf(rows, x);
  const yStops = ticks(valuesOf(rows, column).filter((v) => v !== null), axes[column].log);
  const left = 12 + 8 * Math.max(...yStops.map((t) => number(t, 3).length));
  const xs = scale(xStops, axes[x].log, left + 10, RIGHT - 8);
  const ys = scale(yStops, axes[column].log, BOTTOM, TOP);
  const place = (row) => (row[column] === null ? null : [xs(row[x]), ys(row[column])]);
  drawAxes(picture, left, xs, xStops, ys, yStops);
  const [lines, joined] = [linesOf(table, xStops, chosen), typeof xStops[0] === "number"];
  for (const line of lines)
    drawLine(picture, line.map(place), joined, line === lines.at(-1), (i) => choose(line[i]));
  const [line, text] = [lines.at(-1), words(chosen[column], axes[column].unit, 4)];
  drawChosen(picture, left, line.map(place), line.indexOf(chosen), text);
  if (insecure) drawInsecure(picture);
}

function render({ model, el }) {
  const names = ["rows", "knobs", "axes", "x", "y", "title", "insecure"];
  const table = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const { rows, knobs, axes, y, title } = table;
  const [bar, panels, readout] = frame(el, title);
  const outcomes = Object.keys(rows[0]).filter((c) => !knobs.includes(c));
  const same = (a, b) => knobs.every((k) => a[k] === b[k]);
  let chosen = null;
  const show = (wanted, turned) => {
    chosen = nearest(rows, knobs, wanted, turned);
    knobs.forEach((k, i) => setters[i](chosen[k]));
    panels.replaceChildren();
    for (const column of y) drawPanel(panels, table, column, chosen, (row) => settle(show(row)));
    const note = same(chosen, wanted) ? "" : "Not measured together; the nearest row is shown. ";
    readout.textContent = note + sentence(table, chosen, outcomes);
  };
  const settle = () => (model.set("value", chosen), model.save_changes());
  const turn = (k) => (v) => show({ ...chosen, [k]: v }, k);
  const setters = knobs.map((k) => control(bar, k, axes[k].unit, valuesOf(rows, k), turn(k), settle));
  const follow = () => same(model.get("value"), chosen) || show(model.get("value"));
  show(model.get("value"));
  model.on("change:value", follow);
  return () => model.off("change:value", follow);
}

export default { render };
