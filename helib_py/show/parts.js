// The parts that every widget of the family is made of. A front end is one text with nothing to
// import, so this file is put before the widget's own; see `front_end` in widgets.py.

const NS = "http://www.w3.org/2000/svg";
const [BLUE, VERMILLION] = ["#0072B2", "#D55E00"]; // Okabe-Ito: safe for the colour-blind
const [WIDTH, TOP, BOTTOM, RIGHT] = [340, 22, 162, 322]; // of a picture and the plot in it
// JupyterLab has shortcuts on the arrow keys; in a control they belong to the control.
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

function add(parent, tag, attributes = {}, ...children) {
  const inSvg = tag === "svg" || parent.namespaceURI === NS;
  const node = inSvg ? document.createElementNS(NS, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  parent.append(node);
  return node;
}

const superscript = (v) => `${v}`.replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

function number(v, digits = 4) {
  const plain = v === 0 || (Math.abs(v) >= 1e-3 && Math.abs(v) < 1e6);
  const rounding = plain && Number.isInteger(v) ? {} : { maximumSignificantDigits: digits };
  const notation = plain ? "standard" : "scientific";
  const [text, power] = v.toLocaleString("en", { notation, ...rounding }).split("E");
  return (power ? `${text}×10${superscript(power)}` : text).replace("-", "−").replace(/^1×/, "");
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
function frame(el, title, kind) {
  const name = { role: "group", "aria-label": title || kind };
  const root = add(el, "div", { class: "he-widget", ...name });
  if (title) add(root, "div", { class: "he-title" }, title);
  const part = (tag, style) => add(root, tag, { class: style });
  return [part("div", "he-knobs"), part("div", "he-panels"), part("output", "he-readout")];
}

// A labelled slider (numbers) or menu (words): `turn` hears each value, `settle` the last one.
function control(parent, text, unit, values, turn, settle) {
  const box = add(parent, "label", { class: "he-knob" }, text);
  const slides = typeof values[0] === "number";
  const range = { type: "range", min: 0, max: values.length - 1, step: 1, ...OWN_KEYS };
  const input = slides ? add(box, "input", range) : add(box, "select", OWN_KEYS);
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

// Show the model's value, now and whenever it changes elsewhere; gives what ends that.
function follow(model, show, chosen) {
  const same = (a, b) => Object.keys(a).every((name) => a[name] === b[name]);
  const listen = () => same(model.get("value"), chosen()) || show(model.get("value"));
  show(model.get("value"));
  model.on("change:value", listen);
  return () => model.off("change:value", listen);
}

// A low picture with a heading and a foot, for what lies on one line.
function flatPanel(parent, head, alt, foot, { insecure }) {
  const top = insecure ? -TOP : 0;
  const label = (insecure ? "INSECURE: " : "") + alt;
  const figure = add(parent, "div", { class: "he-panel" });
  add(figure, "div", {}, head);
  const viewBox = `0 ${top} ${WIDTH} ${88 - top}`;
  const picture = add(figure, "svg", { viewBox, role: "img", "aria-label": label });
  add(figure, "div", { class: "he-x" }, foot);
  if (insecure) drawInsecure(picture);
  return picture;
}
