// LedgerViewer: what every operation on ciphertexts took, and what was left after it. All its
// data is in the model, so that it also runs in the static book.
// Made of the parts in parts.js.

const LEFT = 44; // where the plots begin
const decimal = (v) => (Math.round(10 * v) / 10).toLocaleString("en").replace("-", "−");
const bitsInWords = (v) => (typeof v === "number" ? `${decimal(v)} bits` : v);

// "Step 2 of 5, x * y: level 1, scale 2³⁰, precision 20.1 bits predicted, …"
function inWords({ rows, kind }, step) {
  const { operation, level, scale, predicted, measured, ms, size } = rows[step];
  const parts = [`${kind} ${bitsInWords(predicted)} predicted`];
  parts.push(measured === null ? "not measured" : `${bitsInWords(measured)} measured`);
  if (scale !== null) parts.unshift(`scale of ${decimal(scale)} bits`);
  if (level !== null) parts.unshift(`level ${level}`);
  const [at, last] = [`Step ${step} of ${rows.length - 1}`, `${number(ms, 3)} ms, ${size}`];
  return `${at}, ${operation}: ${parts.join(", ")}; ${last}.`;
}

// A panel with its axes; gives the picture, and functions from step and value to coordinates.
function panel(parent, ledger, step, head, values) {
  const { rows, insecure } = ledger;
  const top = insecure ? -TOP : 0;
  const alt = `${insecure ? "INSECURE: " : ""}${head} after every operation. ${inWords(ledger, step)}`;
  const figure = add(parent, "div", { class: "he-panel" });
  add(figure, "div", {}, head);
  const viewBox = `0 ${top} ${WIDTH} ${BOTTOM + 24 - top}`;
  const picture = add(figure, "svg", { viewBox, role: "img", "aria-label": alt });
  add(figure, "div", { class: "he-x" }, "step");
  const stops = ticks([0, ...values.filter((v) => typeof v === "number")]);
  const wide = (RIGHT - LEFT) / rows.length;
  const xs = (i) => LEFT + wide * (i + 0.5);
  const ys = scale(stops, false, BOTTOM, TOP);
  drawAxes(picture, stops, ys, xs, rows.length);
  const line = `M${xs(step)},${TOP}V${BOTTOM}`;
  add(picture, "path", { d: line, class: "he-guide" });
  if (insecure) drawInsecure(picture);
  return [picture, xs, ys, wide];
}

function drawAxes(picture, stops, ys, xs, count) {
  const stroke = { stroke: "currentColor", fill: "none" };
  add(picture, "path", { d: `M${LEFT},${TOP}V${BOTTOM}H${RIGHT}`, ...stroke });
  for (const stop of stops) {
    add(picture, "path", { d: `M${LEFT},${ys(stop)}H${RIGHT}`, ...stroke, opacity: 0.12 });
    write(picture, LEFT - 6, ys(stop) + 4, number(stop, 3), "end");
  }
  const every = Math.ceil(count / 8);
  for (let i = 0; i < count; i += every) write(picture, xs(i), BOTTOM + 18, `${i}`);
}

// The text about the chosen step, above the plot, where no line is.
function drawText(picture, x, text) {
  const half = text.length * 4.6;
  const at = Math.max(LEFT + half, Math.min(x, WIDTH - half - 2));
  write(picture, at, TOP - 8, text, "middle", "he-chosen");
}

function drawBits(parent, ledger, step, choose) {
  const { rows, kind } = ledger;
  const all = rows.flatMap((row) => [row.predicted, row.measured]);
  const made = panel(parent, ledger, step, `${kind} (bits): ● predicted, ■ measured`, all);
  const [picture, xs, ys] = made;
  const drawn = ({ predicted }) => typeof predicted === "number";
  const point = (row, i) => (drawn(row) ? `${xs(i)},${ys(row.predicted)}` : null);
  const points = rows.map(point);
  const d = points.map((p, i) => (p ? (points[i - 1] ? "L" : "M") + p : "")).join("");
  add(picture, "path", { d, fill: "none", stroke: BLUE, "stroke-width": 2 });
  rows.forEach((row, i) => {
    const mark = (tag, at) => add(picture, tag, { stroke: "currentColor", ...at })
      .addEventListener("click", () => choose(i));
    const side = i === step ? 10 : 7;
    const corner = { x: xs(i) - side / 2, y: ys(row.measured) - side / 2 };
    if (drawn(row)) mark("circle", { cx: xs(i), cy: ys(row.predicted), r: side / 2, fill: BLUE });
    if (typeof row.measured === "number")
      mark("rect", { ...corner, width: side, height: side, fill: VERMILLION, "fill-opacity": 0.8 });
  });
  drawText(picture, xs(step), rows[step].operation);
}

function drawBars(parent, ledger, step, column, head, text) {
  const values = ledger.rows.map((row) => row[column]);
  const [picture, xs, ys, wide] = panel(parent, ledger, step, head, values);
  values.forEach((v, i) => {
    const [x, width] = [xs(i) - 0.35 * wide, 0.7 * wide];
    const fill = i === step ? VERMILLION : BLUE;
    if (v !== null) add(picture, "rect", { x, y: ys(v), width, height: BOTTOM - ys(v), fill });
  });
  drawText(picture, xs(step), text);
}

function drawAll(panels, ledger, step, choose) {
  const row = ledger.rows[step];
  panels.replaceChildren();
  drawBits(panels, ledger, step, choose);
  const [level, time] = [words(row.level), `${number(row.ms, 3)} ms`];
  if (ledger.rows.some((row) => row.level !== null))
    drawBars(panels, ledger, step, "level", "level", level);
  drawBars(panels, ledger, step, "ms", "time (ms)", time);
}

function render({ model, el }) {
  const names = ["rows", "kind", "insecure"];
  const ledger = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const [bar, panels, readout] = frame(el, model.get("title"), "Ledger");
  let chosen = null;
  const show = (step) => {
    set((chosen = step));
    drawAll(panels, ledger, step, (i) => (show(i), settle()));
    readout.textContent = inWords(ledger, step);
  };
  const settle = () => (model.set("value", { step: chosen }), model.save_changes());
  const set = control(bar, "step", `of ${ledger.rows.length - 1}`, [...ledger.rows.keys()], show, settle);
  const follow = () => model.get("value").step === chosen || show(model.get("value").step);
  show(model.get("value").step);
  model.on("change:value", follow);
  return () => model.off("change:value", follow);
}

export default { render };
