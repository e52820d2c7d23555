// NumberLine: a real number, the whole number that Paillier encrypts for it, and the bits that it
// may take up. All its data is in the model, so that it also runs in the static book.
// Made of the parts in parts.js.

const [STEP, LINE, MIDDLE] = [60, 46, 170]; // pixels between two ticks; where line and x̂ are
const [BAR, DEEP, LEFT] = [34, 26, 18]; // top, height and left end of the bar

// The even one of two whole numbers that are equally near, as numpy rounds.
function round(v) {
  const low = Math.floor(v);
  const [down, up] = [v - low, low + 1 - v];
  return (down < up || (down === up && low % 2 === 0) ? low : low + 1) + 0;
}

const bitsOf = (limit) => limit.toString(2).length + 1; // of a signed number up to the limit

// As helib_py/paillier/bounds.py counts: what is promised, whatever x is.
function limitAfter({ bound, factor_bound, factor_precision }, precision, products) {
  const fresh = BigInt(Math.ceil(bound * 2 ** precision));
  const factor = BigInt(Math.ceil(factor_bound * 2 ** factor_precision));
  return fresh * factor ** BigInt(products);
}

const grouped = (v) => v.toLocaleString("en").replace("-", "−");

// Everything that is shown, from the three numbers that the reader chose.
function look(format, { x, precision, products }) {
  const whole = round(x * 2 ** precision);
  const decoded = whole / 2 ** precision;
  const most = 0.5 / 2 ** precision;
  const [fresh, bits] = [0, products].map((count) => bitsOf(limitAfter(format, precision, count)));
  const wide = bits - 1 - precision - products * format.factor_precision > format.largest;
  const refused = wide || bits > format.capacity;
  const vanished = x !== 0 && whole === 0;
  const error = Math.abs(x - decoded);
  return { x, precision, products, whole, decoded, most, error, fresh, bits, wide, refused, vanished };
}

function lineInWords({ x, precision, whole, decoded, most, error, vanished }) {
  const start = `x ${number(x, 10)} at precision ${precision}`;
  if (vanished) return `${start} becomes 0, though it is not: refused, take more precision.`;
  const held = whole < 0 ? ` (as n − ${grouped(-whole)})` : "";
  const size = `error ${number(error, 3)}, at most ${number(most, 3)}`;
  return `${start}: ${grouped(whole)}${held} is encrypted, ${number(decoded, 10)} is decoded; ${size}.`;
}

function roomInWords({ products, bits, wide, refused }, { capacity, largest }) {
  const after = products === 1 ? "After 1 product" : `After ${products} products`;
  const [need, have] = [grouped(bits), grouped(capacity)];
  if (wide) return `${after} the value itself may be above 2${superscript(largest)}: refused.`;
  if (refused) return `${after} up to ${need} bits might be needed and ${have} are there: refused.`;
  return `${after} at most ${need} of ${have} bits are used.`;
}

// Ticks at whole numbers; where the longest would not fit between two, every other is named.
function drawTicks(picture, { whole }) {
  const stroke = { stroke: "currentColor", fill: "none" };
  add(picture, "path", { d: `M0,${LINE}H${WIDTH}`, ...stroke });
  const every = (grouped(Math.abs(whole) + 2).length + 1) * 9 > STEP - 6 ? 2 : 1;
  for (const away of [-2, -1, 0, 1, 2]) {
    const at = MIDDLE + away * STEP;
    add(picture, "path", { d: `M${at},${LINE - 5}v10`, ...stroke });
    const style = away ? "he-tick" : "he-chosen";
    if (away % every === 0) write(picture, at, LINE + 28, grouped(whole + away), "middle", style);
  }
}

function drawLine(parent, format, seen) {
  const { x, whole, precision } = seen;
  const head = `x between multiples of 2${superscript(-precision)}`;
  const foot = "whole numbers; shaded: guaranteed error";
  const picture = flatPanel(parent, head, lineInWords(seen), foot, format);
  const band = { x: MIDDLE - STEP / 2, y: LINE - 12, width: STEP, height: 24 };
  add(picture, "rect", { ...band, fill: BLUE, opacity: 0.2 });
  drawTicks(picture, seen);
  const at = MIDDLE + (x * 2 ** precision - whole) * STEP;
  add(picture, "path", { d: `M${MIDDLE},${LINE}H${at}`, stroke: VERMILLION, "stroke-width": 5 });
  add(picture, "circle", { cx: MIDDLE, cy: LINE, r: 6, fill: BLUE, stroke: "currentColor" });
  const marker = `M${at},${LINE - 2}l-6,-12h12z`;
  add(picture, "path", { d: marker, fill: VERMILLION, stroke: "currentColor" });
  write(picture, at, LINE - 24, `x = ${number(x, 10)}`, "middle", "he-chosen");
}

function drawRoom(parent, format, seen) {
  const { bits, fresh, products, refused } = seen;
  const { capacity } = format;
  const [head, foot] = ["room in a plaintext", "bits that the whole number may take"];
  const picture = flatPanel(parent, head, roomInWords(seen, format), foot, format);
  const xs = (v) => LEFT + ((RIGHT - LEFT) * Math.min(v, capacity)) / capacity;
  const bar = (from, to, fill, more) => add(picture, "rect",
    { x: xs(from), y: BAR, width: xs(to) - xs(from), height: DEEP, fill, ...more });
  if (refused) bar(0, capacity, VERMILLION, { opacity: 0.35 });
  else if (products) bar(fresh, bits, BLUE, { opacity: 0.45 });
  bar(0, fresh, BLUE);
  bar(0, capacity, "none", { stroke: "currentColor" });
  const text = refused ? "refused" : `${grouped(bits)} of ${grouped(capacity)} bits`;
  write(picture, (LEFT + RIGHT) / 2, BAR - 14, text, "middle", "he-chosen");
  for (const [share, anchor] of [[0, "start"], [0.5, "middle"], [1, "end"]]) {
    const mark = Math.round(share * capacity);
    write(picture, xs(mark), BAR + DEEP + 18, grouped(mark), anchor);
  }
}

// A slider and a field for one real number; `turn` hears it, or what is wrong with it.
function realControl(parent, bound, turn, settle) {
  const box = add(parent, "div", { class: "he-knob" }, "x");
  const ends = { min: -bound, max: bound, ...OWN_KEYS };
  const range = { type: "range", step: bound / 200, "aria-label": "x" };
  const slider = add(box, "input", { ...range, ...ends });
  const typed = { type: "number", step: "any", "aria-label": "x, typed" };
  const field = add(box, "input", { ...typed, ...ends });
  slider.addEventListener("input", () => turn(Number(slider.value)));
  field.addEventListener("input", () => {
    const inside = field.value !== "" && field.checkValidity();
    turn(inside ? Number(field.value) : null);
  });
  for (const input of [slider, field]) input.addEventListener("change", settle);
  return (x) => {
    slider.value = x;
    slider.setAttribute("aria-valuetext", number(x, 10));
    if (Number(field.value) !== x || field.value === "") field.value = x;
  };
}

function render({ model, el }) {
  const names = ["bound", "capacity", "largest", "factor_bound", "factor_precision", "insecure"];
  const format = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const [bar, panels, readout] = frame(el, model.get("title"), "Number line");
  let chosen = null;
  const show = (wanted) => {
    chosen = wanted;
    for (const name in setters) setters[name](chosen[name]);
    const seen = look(format, chosen);
    panels.replaceChildren();
    drawLine(panels, format, seen);
    drawRoom(panels, format, seen);
    readout.textContent = `${lineInWords(seen)} ${roomInWords(seen, format)}`;
  };
  const turn = (name) => (v) => show({ ...chosen, [name]: v });
  const turnX = (x) => {
    if (x !== null) return turn("x")(x);
    readout.textContent = `x is no number with |x| ≤ ${number(format.bound)}, as was promised: refused.`;
  };
  const settle = () => (setters.x(chosen.x), model.set("value", chosen), model.save_changes());
  const upTo = (name) => Array.from({ length: model.get(name) + 1 }, (_, i) => i);
  const setters = {
    x: realControl(bar, format.bound, turnX, settle),
    precision: control(bar, "precision", "bits", upTo("precisions"), turn("precision"), settle),
    products: control(bar, "products so far", "", upTo("products"), turn("products"), settle),
  };
  return follow(model, show, () => chosen);
}

export default { render };
