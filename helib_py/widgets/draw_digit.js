// Draw a digit: the reader's own browser makes the key, encrypts, and reads the answer. Made of
// the parts in show/parts.js and of the files beside this one; see `front_end` in draw_digit.py.

const NOISE = 56; // bytes of a ciphertext are shown in a square of so many
const LOGGED = 12; // messages shown, the latest
const PLACES = { thread: "a thread of this page", kernel: "the Python kernel", recorded: "as recorded in Python" };
const STEPS = ["encrypt", "predict", "decrypt"];

const kilobytes = (n) => (n < 1e6 ? `${number(Math.round(n / 1e3), 4)} kB` : `${number(n / 1e6, 2)} MB`);
const time = (s) => (s < 0.995 ? `${number(1000 * s, 2)} ms` : `${number(s, 2)} s`);
const percent = (p) => (p > 0.999 ? "> 99.9 %" : `${number(100 * p, p > 0.9 ? 3 : 2)} %`);

function probabilitiesOf(scores) {
  const most = Math.max(...scores);
  const powers = scores.map((s) => Math.exp(s - most));
  return powers.map((p) => p / sum(powers));
}

/** Significant bits: the largest score over the largest difference. */
function bitsOf({ scores, clear }) {
  const largest = (numbers) => Math.max(...numbers.map(Math.abs));
  return Math.log2(largest(clear) / largest(scores.map((s, i) => s - clear[i])));
}

/** A column with its heading; gives where its picture goes, and what stands below. */
function column(parent, head, text) {
  const box = add(parent, "div", { class: "he-column" });
  const line = add(box, "div", { class: "he-head" });
  add(line, "b", {}, head);
  const note = add(line, "span", {}, text);
  return { box, note };
}

/** Ten bars; the function that sets them. */
function drawBars(parent) {
  const box = add(parent, "div", { class: "he-square he-bars", role: "img", "aria-label": "no answer yet" });
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const row = add(box, "div", { class: "he-bar" });
    add(row, "b", {}, `${digit}`);
    const fill = add(add(row, "span", { class: "he-track" }), "span", { class: "he-fill" });
    return { row, fill, share: add(row, "span", { class: "he-share" }) };
  });
  return (shares) => {
    const best = shares?.indexOf(Math.max(...shares));
    rows.forEach(({ row, fill, share }, digit) => {
      row.classList.toggle("he-best", digit === best);
      fill.style.width = shares ? `${100 * shares[digit]}%` : 0;
      share.textContent = shares && shares[digit] >= 0.005 ? percent(shares[digit]) : "";
    });
    const told = shares?.map((p, digit) => `${digit}: ${percent(p)}`).join(", ");
    box.setAttribute("aria-label", told ? `Probability of each digit: ${told}` : "no answer yet");
  };
}

/** A table that replaces its rows. */
function drawTable(parent, summary, heads) {
  const details = add(parent, "details", { class: "he-details" });
  const title = add(details, "summary", OWN_KEYS, summary);
  const table = add(add(details, "div", { class: "he-scroll", tabindex: 0, role: "region", "aria-label": summary }), "table");
  const top = add(add(table, "thead"), "tr");
  for (const head of heads) add(top, "th", { scope: "col" }, head);
  const body = add(table, "tbody");
  return (text, rows) => {
    title.textContent = text;
    body.replaceChildren();
    for (const cells of rows) {
      const row = add(body, "tr");
      for (const cell of cells) add(row, "td", {}, `${cell}`);
    }
  };
}

class View {
  constructor(model, el, missing) {
    this.session = missing ? new Recording(model) : Session.of(model);
    this.place = this.session.places[0];
    const title = model.get("title");
    const root = add(el, "div", { class: "he-widget he-draw", role: "group", "aria-label": title });
    const line = add(root, "div", { class: "he-title" }, title);
    add(line, "span", { class: "he-security" }, `CKKS, ${model.get("security")} security`);
    if (model.get("insecure")) add(line, "span", { class: "he-mark" }, "INSECURE");
    add(root, "div", { class: "he-note" }, missing && `${missing} These are runs that Python recorded: choose a digit.`);
    const three = add(root, "div", { class: "he-three" });
    this.drawLeft(three, model);
    this.drawMiddle(three);
    this.right = column(three, "You read", "decrypted where the key is");
    this.bars = drawBars(this.right.box);
    this.verdict = add(this.right.box, "div", { class: "he-tools" });
    this.times = add(root, "div", { class: "he-times" });
    this.status = add(root, "output", { class: "he-readout" });
    this.alert = add(root, "div", { class: "he-alert", role: "alert" });
    this.scores = drawTable(root, "Scores, in the clear and encrypted", ["digit", "in the clear", "encrypted", "difference"]);
    this.log = drawTable(root, "Messages", ["from", "to", "what", "bytes", "first bytes", "behind any header"]);
    this.pad.locked = Boolean(missing);
    this.whenSeen(root, (error) => {
      root.remove();
      new View(model, el, `This page could not encrypt: ${error.message}.`);
    });
  }

  drawLeft(parent, model) {
    const { box } = column(parent, "You draw", "your browser has the only key");
    this.pad = new Pad(box, (pixels, done) => this.want(pixels, done));
    const tools = add(box, "div", { class: "he-tools" });
    const all = new Float64Array(bytesOf(model.get("examples")).slice().buffer);
    this.examples = model.get("labels").map((digit, i) => {
      const pixels = all.slice(i * SIDE ** 2, (i + 1) * SIDE ** 2);
      const name = { type: "button", "aria-label": `put in a held-out ${digit}`, title: `a held-out ${digit}` };
      const button = add(tools, "button", { class: "he-example", ...name, ...OWN_KEYS });
      drawPixels(add(button, "svg", { viewBox: `0 0 ${SIDE} ${SIDE}` }), pixels, SIDE);
      button.addEventListener("click", () => this.put(i));
      return pixels;
    });
    const clear = add(tools, "button", { class: "he-clear", type: "button", ...OWN_KEYS }, "clear");
    clear.addEventListener("click", () => (this.pad.clear(), this.want(null, true)));
    clear.disabled = this.session instanceof Recording;
  }

  drawMiddle(parent) {
    this.middle = column(parent, "The server sees", "noise, and no key");
    const picture = { class: "he-square he-noise", viewBox: `0 0 ${NOISE} ${NOISE}`, role: "img", preserveAspectRatio: "xMidYMid slice" };
    this.noise = add(this.middle.box, "svg", { ...picture, "aria-label": "nothing yet" });
    const tools = add(this.middle.box, "div", { class: "he-tools" });
    if (this.session.places.length === 1) add(tools, "span", {}, `Server: ${PLACES[this.place]}`);
    else {
      const choose = add(add(tools, "label", { class: "he-knob" }, "Server:"), "select", OWN_KEYS);
      for (const place of this.session.places) add(choose, "option", { value: place }, PLACES[place]);
      choose.addEventListener("change", () => ((this.place = choose.value), this.want(this.pixels, true)));
    }
  }

  /** Nothing is computed before the reader has the widget in view. */
  whenSeen(root, giveUp) {
    this.watch = new IntersectionObserver(async ([{ isIntersecting }]) => {
      if (!isIntersecting) return;
      this.watch.disconnect();
      this.status.textContent = "Making keys…";
      try {
        await this.session.start();
        this.ready = true;
        if (this.wanted === undefined) this.put(0);
        else this.work();
      } catch (error) {
        giveUp(error);
      }
    });
    this.watch.observe(root);
  }

  put(example) {
    this.pad.put(this.examples[example]);
    this.want(this.examples[example], true, example);
  }

  /** Ask for a prediction; while one is running, only the latest wish counts. */
  want(pixels, done, example) {
    Object.assign(this, { pixels, wanted: { pixels, done, example } });
    if (this.ready) this.work();
    else this.status.textContent = "Making keys…";
  }

  async work() {
    if (this.working) return;
    this.working = true;
    while (this.wanted) {
      const { pixels, done, example } = this.wanted;
      this.wanted = null;
      if (!pixels) this.showNothing();
      else if (done || !CALM.matches) await this.predict(pixels, done, example);
    }
    this.working = false;
  }

  async predict(pixels, done, example) {
    const slow = setTimeout(() => (this.status.textContent = "Waiting for the server…"), 2000);
    try {
      this.show(await this.session.predict(pixels, this.place, example), done);
      this.alert.textContent = "";
    } catch (error) {
      this.fail(error);
    } finally {
      clearTimeout(slow);
    }
  }

  fail(error) {
    this.showNothing();
    this.status.textContent = "";
    this.alert.textContent = `This did not work: ${error.message}`;
  }

  showNothing() {
    this.bars(null);
    this.noise.replaceChildren();
    for (const part of [this.verdict, this.times]) part.replaceChildren();
    this.status.textContent = "Draw a digit, or choose one.";
  }

  show(run, done) {
    const shares = probabilitiesOf(run.scores);
    const digit = shares.indexOf(Math.max(...shares));
    this.bars(shares);
    this.showSeen(run);
    this.showTimes(run);
    this.showTables(run);
    const bits = `${number(bitsOf(run), 3)} bits`;
    this.verdict.textContent = `Equal to the clear scores in ${bits}`;
    if (done) this.status.textContent = `It is a ${digit}, with probability ${percent(shares[digit])}. `
      + "The server computed this, and knows neither the digit nor the answer.";
  }

  showSeen({ seen, size }) {
    this.middle.note.textContent = `${kilobytes(size)} of noise, and no key`;
    // A number takes eight bytes; the top one is not full, and is left out.
    drawPixels(this.noise, Array.from(seen).filter((_, i) => i % 8 < 7).slice(0, NOISE ** 2).map((b) => b / 255), NOISE);
    this.noise.setAttribute("aria-label", "Bytes of the ciphertext, as shades: noise");
  }

  showTimes({ seconds }) {
    this.times.replaceChildren();
    const bar = add(this.times, "div", { class: "he-line", "aria-hidden": "true" });
    for (const step of STEPS) add(bar, "span", { class: `he-${step}`, style: `flex-grow: ${1000 * seconds[step]}` });
    const legend = add(this.times, "div", { class: "he-legend" });
    for (const step of STEPS) {
      const item = add(legend, "span");
      add(item, "i", { class: `he-${step}` });
      item.append(`${step} ${time(seconds[step])}`);
    }
    add(legend, "span", {}, `keys, once: ${time(seconds.keys)}`);
  }

  showTables(run) {
    const digits = (v) => v.toFixed(5).replace("-", "−");
    const rows = run.scores.map((s, i) => [i, digits(run.clear[i]), digits(s), digits(s - run.clear[i])]);
    this.scores(`Scores, in the clear and encrypted: equal in ${number(bitsOf(run), 3)} bits`, rows);
    const { log } = this.session;
    const shown = log.slice(-LOGGED).map((m) => [m.from, m.to, m.what, m.size.toLocaleString("en"), m.first, m.then]);
    const hidden = log.length > LOGGED ? `, the last ${LOGGED} shown` : "";
    this.log(`Messages: ${log.length}, ${kilobytes(sum(log.map((m) => m.size)))}${hidden}`, shown);
  }
}

const CALM = matchMedia("(prefers-reduced-motion: reduce)");

function render({ model, el }) {
  const view = new View(model, el, whatIsMissing(model));
  return () => view.watch.disconnect();
}

export default { render };
