// Explorer: a measured table, turned by sliders and menus, drawn as small panels. All its data
// is in the model, so that it also runs in the static book, where no kernel answers.
// Made of the parts in parts.js.

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
  const [bar, panels, readout] = frame(el, title, "Explorer");
  const outcomes = [...new Set([...y, ...Object.keys(rows[0])])].filter((c) => !knobs.includes(c));
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
