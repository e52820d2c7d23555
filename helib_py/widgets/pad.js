// Where one draws: with a mouse, a finger, or the keyboard. Strokes are in units of a pixel.

const STEP = 1; // pixels, for an arrow key
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HELP = "Draw with the mouse or a finger. With the keyboard: arrows move the pen, space puts it "
  + "down and lifts it, delete clears.";

class Pad {
  /** `changed(pixels, done)` hears the 784 pixels, null when empty; done: the pen is up. */
  constructor(parent, changed) {
    this.changed = changed;
    const name = { role: "application", "aria-label": `Drawing area. ${HELP}`, tabindex: 0 };
    const viewBox = `0 0 ${SIDE} ${SIDE}`;
    this.picture = add(parent, "svg", { class: "he-square he-pad", viewBox, ...name, ...OWN_KEYS });
    this.hint = add(this.picture, "text", { x: SIDE / 2, y: SIDE / 2, class: "he-hint" }, "draw here");
    this.ink = add(this.picture, "g");
    const corner = { x: SIDE - 6.5, y: SIDE - 6.5, width: 6, height: 6, viewBox, class: "he-small" };
    this.small = add(this.picture, "svg", corner); // the pixels that are encrypted
    this.pen = add(this.picture, "circle", { r: PEN / 2, class: "he-pen" });
    this.at = [SIDE / 2, SIDE / 2];
    this.down = false;
    this.clear();
    this.listen();
  }

  listen() {
    const on = (event, act) => this.picture.addEventListener(event, act);
    on("pointerdown", (e) => {
      if (this.locked || e.button) return;
      this.picture.setPointerCapture(e.pointerId);
      this.touch(this.place(e));
    });
    on("pointermove", (e) => {
      if (!this.down || !this.picture.hasPointerCapture(e.pointerId)) return;
      for (const one of e.getCoalescedEvents?.() ?? [e]) this.reach(this.place(one));
      this.tell(false);
    });
    for (const end of ["pointerup", "pointercancel"]) on(end, () => this.lift());
    on("keydown", (e) => {
      if (!this.locked && !e.ctrlKey && !e.metaKey && !e.altKey && this.press(e.key)) e.preventDefault();
    });
    on("blur", () => this.lift());
  }

  place(event) {
    const box = this.picture.getBoundingClientRect();
    return [(SIDE * (event.clientX - box.left)) / box.width, (SIDE * (event.clientY - box.top)) / box.height];
  }

  /** True when the key was one of ours. */
  press(key) {
    if (MOVES[key]) this.step(MOVES[key]);
    else if (key === " ") this.down ? this.lift() : this.touch(this.at);
    else if (key === "Delete" || key === "Backspace") this.clear(), this.tell(true);
    else return false;
    return true;
  }

  step([dx, dy]) {
    const within = (v) => Math.max(PEN, Math.min(SIDE - PEN, v));
    const at = [within(this.at[0] + STEP * dx), within(this.at[1] + STEP * dy)];
    if (this.down) this.reach(at), this.tell(false);
    else this.move(at);
  }

  touch(at) {
    if (!this.strokes.length) this.clear(); // an example is not drawn over
    this.down = true;
    this.strokes.push([]);
    this.line = add(this.ink, "path", { class: "he-stroke", "stroke-width": PEN });
    this.hint.style.display = "none";
    this.reach(at);
    this.tell(false);
  }

  reach(at) {
    const stroke = this.strokes.at(-1);
    stroke.push(at);
    const path = [stroke[0], ...stroke].map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`);
    this.line.setAttribute("d", `M${path.join("L")}`);
    this.move(at);
  }

  move(at) {
    this.at = at;
    this.pen.setAttribute("cx", at[0]);
    this.pen.setAttribute("cy", at[1]);
  }

  lift() {
    if (!this.down) return;
    this.down = false;
    this.tell(true);
  }

  tell(done) {
    const pixels = pixelsOf(this.strokes);
    this.small.replaceChildren();
    if (pixels) drawPixels(this.small, pixels, SIDE);
    if (pixels) add(this.small, "title", {}, "what is encrypted: 28×28 pixels");
    this.changed(pixels, done);
  }

  clear() {
    this.strokes = [];
    this.down = false;
    this.ink.replaceChildren();
    this.small.replaceChildren();
    this.hint.style.display = "";
    this.move([SIDE / 2, SIDE / 2]);
  }

  /** An image as it is, in place of strokes. */
  put(pixels) {
    this.clear();
    this.hint.style.display = "none";
    drawPixels(this.ink, pixels, SIDE);
  }
}

const SHADES = 16;

/** Numbers from 0 to 1 as squares in so many shades of the text's colour. */
function drawPixels(parent, pixels, side) {
  const paths = Array.from({ length: SHADES + 1 }, () => "");
  pixels.forEach((v, i) => {
    paths[Math.round(v * SHADES)] += `M${i % side} ${Math.floor(i / side)}h1v1h-1z`;
  });
  parent.replaceChildren();
  for (let shade = 1; shade <= SHADES; shade++)
    if (paths[shade]) add(parent, "path", { d: paths[shade], "fill-opacity": shade / SHADES, class: "he-pixels" });
}
