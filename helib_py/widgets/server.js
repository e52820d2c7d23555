// The server's thread. It is told the plan, public keys and ciphertexts, and nothing else: there
// is nothing in its memory to decrypt with. In JupyterLab the Python kernel takes its place.

class Server {
  /** Take the plan: weights and all. */
  async plan({ wasm, text }) {
    this.seal = await startSeal(wasm);
    this.ours = await readPlan(text);
  }

  /** Take a client's public keys; the plaintexts are encoded here, once. */
  keys(bundle) {
    const start = performance.now();
    this.engine = new SealEngine(this.seal, this.ours.parameters, bundle);
    this.encoded = this.ours.constants.map((c) => this.engine.encode(c));
    return { seconds: (performance.now() - start) / 1000 };
  }

  /** Ciphertexts of an input in, a ciphertext of all scores out. */
  predict({ ciphertexts }) {
    const start = performance.now();
    const { primes, input } = this.ours;
    if (ciphertexts.length !== input.count) throw new Error(`the plan takes ${input.count} ciphertexts`);
    const inputs = ciphertexts.map((bytes) => this.engine.load(bytes, primes.length - 1, input.scale));
    const output = runPlan(this.ours, this.engine, inputs, this.encoded);
    const safe = this.engine.rerandomise(output, this.ours.output.level, this.ours.output.scale);
    const ciphertext = this.engine.dump(safe);
    output.delete(), safe.delete();
    return { ciphertext, seconds: (performance.now() - start) / 1000 };
  }
}

self.server = new Server();
serve(self.server);
