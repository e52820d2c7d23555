// Who does what: the client's thread has the key; a server has public keys and ciphertexts. The
// server is a second thread, or the Python kernel. Every message between the two is noted here.

const PIECE = 2 ** 21; // bytes; a Jupyter server takes 10 MB at once
const HEADER = 113; // bytes before the numbers of a ciphertext, as SEAL writes it

const randomName = () => crypto.getRandomValues(new Uint32Array(2)).join("-");
const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** Why this page cannot encrypt, or nothing. */
function whatIsMissing(model) {
  if (typeof WebAssembly === "undefined") return "This browser has no WebAssembly, so it cannot encrypt.";
  if (typeof DecompressionStream === "undefined" || !WebAssembly.Exception)
    return "This browser is too old to encrypt.";
  if (!model.get("seal_wasm")?.byteLength)
    return "node-seal was not there when this page was made (make it again with npm installed), so it cannot encrypt.";
  return "";
}

/** The server in a thread of this page. */
class ThreadServer {
  name = "server thread";

  constructor(texts, wasm, text) {
    this.thread = new Thread(texts);
    this.ready = this.thread.ask("plan", { wasm, text });
  }

  async keys(bundle) {
    await this.ready;
    return this.thread.ask("keys", bundle);
  }

  predict(ciphertexts) {
    return this.thread.ask("predict", { ciphertexts });
  }
}

/** The server in the Python kernel, by the widget's own messages; see remote.py. */
class KernelServer {
  name = "Python kernel";

  constructor(model) {
    this.model = model;
    this.waiting = new Map();
    this.page = randomName(); // a kernel may serve several
    model.on("msg:custom", (content, buffers) => {
      const { resolve, reject } = this.waiting.get(content.id) ?? {};
      this.waiting.delete(content.id);
      if (content.error) reject?.(new Error(`the Python kernel says: ${content.error}`));
      else resolve?.({ seconds: content.seconds, ciphertext: buffers[0] && bytesOf(buffers[0]) });
    });
  }

  keys(bundle) {
    return this.ask("keys", Object.entries(bundle));
  }

  predict(ciphertexts) {
    return this.ask("predict", ciphertexts.map((bytes) => ["ciphertext", bytes]));
  }

  async ask(question, parts) {
    const [id, page] = [randomName(), this.page];
    const whole = new Uint8Array(await new Blob(parts.map(([, bytes]) => bytes)).arrayBuffer());
    const label = { id, page, question, names: parts.map(([name]) => name), sizes: parts.map(([, b]) => b.length) };
    const answer = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    for (let at = 0; at < whole.length; at += PIECE)
      this.model.send({ ...label, at }, undefined, [whole.slice(at, at + PIECE).buffer]);
    return answer;
  }
}

/** One client with its keys, one server, and what they said; shared by all views of a widget. */
class Session {
  static #all = new WeakMap();

  static of(model) {
    if (!Session.#all.has(model)) Session.#all.set(model, new Session(model));
    return Session.#all.get(model);
  }

  constructor(model) {
    this.model = model;
    this.log = [];
    this.servers = {};
    this.seconds = {};
  }

  /** The places where a server can be; only with a kernel can a model send. */
  get places() {
    return typeof this.model.send === "function" ? ["kernel", "thread"] : ["thread"];
  }

  start() {
    return (this.started ??= this.makeKeys());
  }

  async makeKeys() {
    const get = (name) => this.model.get(name);
    this.plan = await readPlan(get("plan"));
    const [script, wasm] = await Promise.all([inflate(get("seal_script")), inflate(get("seal_wasm"))]);
    this.wasm = { script: new TextDecoder().decode(script), module: await WebAssembly.compile(wasm) };
    this.client = new Thread([get("client")]);
    const { parameters, rotations } = this.plan;
    const { bundle, seconds } = await this.client.ask("keys", { wasm: this.wasm, parameters, rotations });
    this.bundle = bundle;
    this.seconds.keys = seconds;
  }

  /** The server at a place, once it has the public keys. */
  server(place) {
    return (this.servers[place] ??= this.openServer(place).catch((error) => {
      delete this.servers[place];
      throw error;
    }));
  }

  async openServer(place) {
    const { model, wasm } = this;
    const server = place === "kernel" ? new KernelServer(model)
      : new ThreadServer([model.get("server")], wasm, model.get("plan"));
    for (const [name, bytes] of Object.entries(this.bundle)) this.note("you", server.name, `${name} key`, bytes);
    await server.keys(this.bundle);
    return server;
  }

  note(from, to, what, bytes) {
    this.log.push({ from, to, what, size: bytes.length, first: hex(bytes, 0), then: hex(bytes, HEADER) });
  }

  /** The scores of a digit, encrypted and in the clear; nobody else sees these. */
  async predict(pixels, place) {
    return { ...await this.askFor(pixels, place), clear: clearScores(this.plan, pixels) };
  }

  /** Encrypt, let the server compute, decrypt. */
  async askFor(pixels, place) {
    const { plan, client } = this;
    const server = await this.server(place);
    const asked = (ciphertexts) => server.predict(ciphertexts).catch((error) => {
      if (place === "kernel") delete this.servers[place]; // it may have been restarted: keys again
      throw error;
    });
    const sent = await client.ask("encrypt", { slots: layOut(plan, pixels), scale: plan.input.scale });
    for (const bytes of sent.ciphertexts) this.note("you", server.name, "encrypted digit", bytes);
    const back = await asked(sent.ciphertexts);
    this.note(server.name, "you", "encrypted scores", back.ciphertext);
    const { level, scale } = plan.output;
    const opened = await client.ask("decrypt", { ciphertext: back.ciphertext, level, scale });
    Object.assign(this.seconds, { encrypt: sent.seconds, predict: back.seconds, decrypt: opened.seconds });
    return {
      scores: readOut(plan, opened.slots),
      seen: sent.ciphertexts[0].slice(HEADER), size: sum(sent.ciphertexts.map((c) => c.length)),
      seconds: { ...this.seconds },
    };
  }
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const hex = (bytes, from) => [...bytes.slice(from, from + 8)].map((b) => b.toString(16).padStart(2, "0")).join(" ");

/** What Python recorded when the widget was made, for a page that cannot encrypt. */
class Recording {
  places = ["recorded"];

  constructor(model) {
    this.recorded = model.get("recorded");
    this.log = [...this.recorded.keys];
  }

  async start() {}

  async predict(pixels, place, example) {
    const run = this.recorded.runs[example];
    this.log.push(...run.messages);
    return { ...run, seen: Uint8Array.from(atob(run.seen), (c) => c.charCodeAt(0)) };
  }
}
