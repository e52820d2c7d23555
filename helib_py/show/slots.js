// Slots: a small vector that is rotated, or multiplied by a matrix one diagonal at a time. Row i
// of the picture is slot i. All its data is in the model, so that it also runs in the static book.
// Made of the parts in parts.js.

const [ROW, HEAD] = [20, 24]; // heights of a slot and of the line above the first
const [SQUARES, ACROSS] = [22, 92]; // where the matrix starts, and its width

const turned = (v, k) => v.map((_, i) => v[(i + k) % v.length]);
const plus = (a, b) => a.map((v, i) => v + b[i]);
const times = (a, b) => a.map((v, i) => v * b[i]);
const diagonal = (W, n, k) => Array.from({ length: n }, (_, i) => W[i % W.length][(i + k) % n]);

// At most five characters, the sign included.
function short(v) {
  const places = Math.abs(v) < 9.995 ? 2 : Math.abs(v) < 99.95 ? 1 : 0;
  return `${Number(v.toFixed(places)) + 0}`.replace("-", "−");
}

// The sum after so many steps: first the diagonals, then the folds.
function sumAfter({ x, W }, steps) {
  let sum = x.map(() => 0);
  for (let s = 0; s < steps; s++) {
    const folded = s - W.length; // folds made before this step
    const more = folded < 0 ? times(turned(x, s), diagonal(W, x.length, s))
      : turned(sum, W.length * 2 ** folded);
    sum = plus(sum, more);
  }
  return sum;
}

const say = (v) => number(Number(v.toPrecision(10)), 4);
const origin = (k, slot, n) => `slot ${(slot + k) % n}${slot + k < n ? "" : ", round the end"}`;

// What is drawn and told: columns [head, values, rotated by]; of a product also how many of W's
// diagonals were in the sum before this step, and are after it.
function rotation({ x }, { k, slot }) {
  const out = turned(x, k);
  const columns = [["x", x, 0], [`x ↑ ${k}`, out, k], ["sum", plus(x, out), 0]];
  const moved = `slot ${slot} gets ${say(out[slot])}, from ${origin(k, slot, x.length)}`;
  const text = `Rotated by ${k}: ${moved}. Added to x: ${say(columns[2][1][slot])}.`;
  return { columns, text, foot: `x ↑ ${k}: x rotated by ${k}; sum: x + (x ↑ ${k})` };
}

function product(data, { step, slot }) {
  const { x, W } = data;
  const [m, n] = [W.length, x.length];
  const [before, after] = [sumAfter(data, step), sumAfter(data, step + 1)];
  const end = step === data.turns ? ` ${m < n ? `The first ${m} slots hold` : "This is"} W @ x.` : "";
  if (step >= m) {
    const by = m * 2 ** (step - m);
    const out = turned(before, by);
    const columns = [["sum", before, 0], [`sum ↑ ${by}`, out, by], ["new sum", after, 0]];
    const made = `${say(before[slot])} + ${say(out[slot])} = ${say(after[slot])}`;
    const text = `Fold by ${by}: in slot ${slot}, ${made}; the second is from ${origin(by, slot, n)}.`;
    const foot = `sum ↑ ${by}: the sum rotated by ${by}`;
    return { columns, text: text + end, foot, done: by, next: 2 * by };
  }
  const [out, entries] = [turned(x, step), diagonal(W, n, step)];
  const made = times(out, entries);
  const columns = [[`x ↑ ${step}`, out, step], [`diag ${step}`, entries, 0]];
  columns.push(["product", made, 0], ["sum", after, 0]);
  const entry = `W[${slot % m}, ${(slot + step) % n}]·x[${(slot + step) % n}]`;
  const one = `${entry} = ${say(entries[slot])}·${say(out[slot])} = ${say(made[slot])}`;
  const text = `Step ${step}: slot ${slot} gets ${one}; its sum is ${say(after[slot])}.${end}`;
  const foot = `x ↑ ${step}: x rotated by ${step}, times diagonal ${step}`;
  return { columns, text, foot, done: step, next: step + 1 };
}

// The matrix, its rows repeated for every slot: diagonals in the sum so far, and the one at hand.
function drawMatrix(picture, { x, W }, { done, next }, slot) {
  const n = x.length;
  const width = ACROSS / n;
  write(picture, SQUARES + ACROSS / 2, 15, "W");
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const k = (j - i + n) % n;
      const now = k >= done && k < next;
      const fill = now && i === slot ? VERMILLION : k < next ? BLUE : "none";
      const box = { x: SQUARES + j * width, y: HEAD + i * ROW, width, height: ROW };
      const line = { stroke: "currentColor", "stroke-opacity": 0.35 };
      add(picture, "rect", { ...box, fill, "fill-opacity": now ? 0.9 : 0.3, ...line });
    }
  }
  for (let i = W.length; i < n; i += W.length)
    add(picture, "path", { d: `M${SQUARES},${HEAD + i * ROW}h${ACROSS}`, stroke: "currentColor", "stroke-width": 2 });
}

// A line from where each value was to where it is.
function drawMoves(picture, [from, to], k, n, slot) {
  for (let i = 0; i < n; i++) {
    const [y1, y2] = [(i + k) % n, i].map((row) => HEAD + row * ROW + ROW / 2);
    const stroke = i === slot ? VERMILLION : "currentColor";
    const style = { stroke, "stroke-width": i === slot ? 2.5 : 1, opacity: i === slot ? 1 : 0.4 };
    add(picture, "path", { d: `M${from},${y1}L${to},${y2}`, fill: "none", ...style });
  }
}

function drawColumn(picture, [head, values, k], middle, room) {
  write(picture, middle, 15, head);
  values.forEach((v, i) => {
    const y = HEAD + i * ROW;
    if (i + k >= values.length) // came round the end
      add(picture, "rect", { x: middle - room / 2, y: y + 1, width: room, height: ROW - 2, fill: VERMILLION, opacity: 0.25 });
    write(picture, middle, y + 14.5, short(v));
  });
}

function draw(parent, data, seen, slot) {
  const { x, mode, insecure } = data;
  const top = insecure ? -TOP : 0;
  const figure = add(parent, "div", { class: "he-panel" });
  const viewBox = `0 ${top} ${WIDTH} ${HEAD + x.length * ROW + 4 - top}`;
  const label = (insecure ? "INSECURE: " : "") + seen.text;
  const picture = add(figure, "svg", { viewBox, role: "img", "aria-label": label });
  add(figure, "div", { class: "he-x" }, `row i is slot i; ${seen.foot}`);
  const line = { x: 1, y: HEAD + slot * ROW, width: WIDTH - 2, height: ROW, rx: 3 };
  add(picture, "rect", { ...line, fill: BLUE, "fill-opacity": 0.15, stroke: VERMILLION });
  x.forEach((_, i) => write(picture, 17, HEAD + i * ROW + 14.5, `${i}`, "end"));
  const left = mode === "rotate" ? 30 : SQUARES + ACROSS + 4;
  const room = mode === "rotate" ? 50 : (WIDTH - left) / 4;
  const apart = (WIDTH - left - room) / (seen.columns.length - 1);
  const middles = seen.columns.map((_, i) => left + room / 2 + i * apart);
  if (mode === "matrix") drawMatrix(picture, data, seen, slot);
  else drawMoves(picture, [middles[0] + room / 2, middles[1] - room / 2], seen.columns[1][2], x.length, slot);
  seen.columns.forEach((column, i) => drawColumn(picture, column, middles[i], room - 4));
  if (insecure) drawInsecure(picture);
}

function render({ model, el }) {
  const names = ["x", "W", "mode", "turns", "insecure"];
  const data = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const [knob, text, look] = data.mode === "rotate" ? ["k", "rotate by", rotation] : ["step", "step", product];
  const [bar, panels, readout] = frame(el, model.get("title"), "Slots");
  let chosen = null;
  const show = (wanted) => {
    chosen = wanted;
    for (const name in setters) setters[name](chosen[name]);
    const seen = look(data, chosen);
    panels.replaceChildren();
    draw(panels, data, seen, chosen.slot);
    readout.textContent = seen.text;
  };
  const turn = (name) => (v) => show({ ...chosen, [name]: v });
  const settle = () => (model.set("value", chosen), model.save_changes());
  const upTo = (most) => Array.from({ length: most + 1 }, (_, i) => i);
  const setters = {
    [knob]: control(bar, text, "", upTo(data.turns), turn(knob), settle),
    slot: control(bar, "look at slot", "", upTo(data.x.length - 1), turn("slot"), settle),
  };
  return follow(model, show, () => chosen);
}

export default { render };
