// The client's thread: it makes the keys, encrypts and decrypts. The secret key stays in here.

class Client {
  /** Make all keys; the public ones come back. */
  async keys({ wasm, parameters, rotations }) {
    this.seal = await startSeal(wasm);
    const start = performance.now();
    this.holder = new SealClient(this.seal, parameters, rotations);
    return { bundle: this.holder.bundle, seconds: (performance.now() - start) / 1000 };
  }

  encrypt({ slots, scale }) {
    const start = performance.now();
    const ciphertexts = slots.map((values) => this.holder.encrypt(values, scale));
    return { ciphertexts, seconds: (performance.now() - start) / 1000 };
  }

  decrypt({ ciphertext, level, scale }) {
    const start = performance.now();
    const slots = this.holder.decrypt(ciphertext, level, scale);
    return { slots, seconds: (performance.now() - start) / 1000 };
  }
}

self.client = new Client();
serve(self.client);
