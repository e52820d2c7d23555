// ModulusChain: the primes of a CKKS modulus, the security limit of the ring, and what a level
// leaves. All its data is in the model, so that it also runs in the static book.
// Made of the parts in parts.js.

const [BAR, DEEP, LEFT] = [34, 26, 18]; // top, height and left end of a bar
const bits = (v) => (Math.round(10 * v) / 10).toLocaleString("en").replace("-", "−");
const powerOf2 = (v) => `2${superscript(Math.round(v))}`;
const sum = (values) => values.reduce((a, b) => a + b, 0);

function chainInWords({ ring, security, limit, primes, special, insecure }, level) {
  const total = sum(primes) + special;
  const left = `${level + 1} of ${primes.length} data primes left`;
  const held = `modulus q·p of ${bits(total)} bits in all`;
  const most = limit ? `at most ${limit} allow` : "no modulus allows";
  const verdict = `${most} ${security}-bit security at N = ${number(ring)}`;
  return `${left}; ${held}, ${verdict}${insecure ? ": INSECURE" : ""}.`;
}

function levelInWords({ modulus, scale, room, size }, level) {
  const what = `A ciphertext at level ${level} takes ${size}`;
  const fits = room > 0 ? `values up to about ${powerOf2(room)} fit` : "no value above 1 fits";
  const split = `modulus q ${bits(modulus)} bits, scale ${bits(scale)}, room ${bits(room)}`;
  return `${what}: ${split}, so ${fits}.`;
}

// A function that draws a box from one number of bits to another.
function boxes(picture, most) {
  const xs = (v) => LEFT + ((RIGHT - LEFT) * Math.min(Math.max(v, 0), most)) / most;
  const box = (from, to, style) => add(picture, "rect",
    { x: xs(from), y: BAR, width: xs(to) - xs(from), height: DEEP, stroke: "currentColor", ...style });
  return [xs, box];
}

// Primes of one size side by side, with their size above where it has room: "4 × 40".
function nameRuns(picture, xs, sizes) {
  let [from, count] = [0, 0];
  sizes.forEach((size, i) => {
    count += 1;
    if (i + 1 < sizes.length && Math.round(sizes[i + 1]) === Math.round(size)) return;
    const to = from + sum(sizes.slice(i + 1 - count, i + 1));
    const text = `${count > 1 ? `${count} × ` : ""}${Math.round(size)}`;
    const fits = 8 * text.length < xs(to) - xs(from);
    if (fits) write(picture, (xs(from) + xs(to)) / 2, BAR - 7, text);
    [from, count] = [to, 0];
  });
}

function drawChain(parent, chain, level) {
  const { primes, special, limit } = chain;
  const [head, foot] = ["primes of the modulus q·p (bits)", "dashed: dropped; pale: in keys only"];
  const picture = flatPanel(parent, head, chainInWords(chain, level), foot, chain);
  const all = sum(primes) + special;
  const [xs, box] = boxes(picture, Math.max(all, limit) * 1.01);
  let from = 0;
  primes.forEach((size, i) => {
    box(from, from + size, i > level ? { fill: "none", "stroke-dasharray": "3 3" } : { fill: BLUE });
    from += size;
  });
  box(from, all, { fill: BLUE, "fill-opacity": 0.35 });
  if (all > limit) box(limit, all, { fill: VERMILLION, "fill-opacity": 0.5, stroke: "none" });
  nameRuns(picture, xs, primes);
  const own = `${Math.round(special)}`;
  if (8 * own.length < xs(all) - xs(from)) write(picture, xs((from + all) / 2), BAR - 7, own);
  const line = `M${xs(limit)},${BAR - 4}V${BAR + DEEP + 6}`;
  add(picture, "path", { d: line, stroke: VERMILLION, "stroke-width": 3, fill: "none" });
  const anchor = xs(limit) > WIDTH / 2 ? "end" : "start";
  const most = limit ? `at most ${limit} bits` : "no modulus is secure";
  write(picture, xs(limit), BAR + DEEP + 20, most, anchor, "he-chosen");
}

function drawLevel(parent, chain, level) {
  const [at, top] = [chain.levels[level], chain.levels.at(-1)];
  const head = `a ciphertext at level ${level}: ${at.size}`;
  const foot = `bits of its modulus q: ${bits(at.modulus)}`;
  const picture = flatPanel(parent, head, levelInWords(at, level), foot, chain);
  const [xs, box] = boxes(picture, top.modulus);
  const end = at.modulus - 1; // the last bit holds the sign
  box(0, at.scale, { fill: at.room < 0 ? VERMILLION : BLUE });
  if (at.room > 0) box(at.scale, end, { fill: BLUE, "fill-opacity": 0.35 });
  box(0, top.modulus, { fill: "none", "stroke-dasharray": "3 3" });
  write(picture, LEFT, BAR - 7, `scale ${bits(at.scale)} bits`, "start", "he-chosen");
  const room = at.room < 0 ? "no room: values wrap around" : `room ${bits(at.room)} bits`;
  const [x, anchor] = xs(at.scale) > WIDTH / 2 ? [RIGHT, "end"] : [xs(at.scale), "start"];
  write(picture, x, BAR + DEEP + 20, room, anchor, "he-chosen");
}

function render({ model, el }) {
  const names = ["ring", "security", "limit", "primes", "special", "levels", "insecure"];
  const chain = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const [bar, panels, readout] = frame(el, model.get("title"), "Modulus chain");
  const depth = chain.levels.length - 1;
  let chosen = null;
  const show = (level) => {
    set((chosen = level));
    panels.replaceChildren();
    drawChain(panels, chain, level);
    drawLevel(panels, chain, level);
    readout.textContent = `${levelInWords(chain.levels[level], level)} ${chainInWords(chain, level)}`;
  };
  const settle = () => (model.set("value", { level: chosen }), model.save_changes());
  const all = Array.from({ length: depth + 1 }, (_, i) => i);
  const set = control(bar, "level", `of ${depth}`, all, show, settle);
  const follow = () => model.get("value").level === chosen || show(model.get("value").level);
  show(model.get("value").level);
  model.on("change:value", follow);
  return () => model.off("change:value", follow);
}

export default { render };
