// CKKS on node-seal, which is SEAL in WebAssembly: an engine for the evaluator, made from public
// keys only, and the client, who holds the secret key.

const NO_COMPRESSION = "none"; // as the kernel reads and writes it
const OLD_TABLE = 32768; // the largest ring that SEAL's own security table knows

/** node-seal, from its script and the WebAssembly module; `memory` is all that it knows. */
async function startSeal({ script, module }) {
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const { default: make } = await import(url);
  let memory;
  const instantiateWasm = (imports, receive) => {
    WebAssembly.instantiate(module, imports).then((instance) => {
      memory = Object.values(instance.exports).find((e) => e instanceof WebAssembly.Memory);
      receive(instance, module);
    });
    return {};
  };
  const seal = await make({ instantiateWasm, locateFile: (name) => name });
  return Object.assign(seal, { memory });
}

/** What a SEAL exception says. */
function sealMessage(seal, error) {
  if (!(error instanceof WebAssembly.Exception)) return error.message ?? `${error}`;
  return seal.getExceptionMessage(error)[1];
}

/** What client and server have in common: the context and the encoder. */
class SealContext {
  constructor(seal, { ring, primes, special, insecure }) {
    this.seal = seal;
    this.primes = primes.map(Number);
    this.none = seal.ComprModeType[NO_COMPRESSION];
    const chain = new seal.VectorModulus();
    for (const q of [...primes, special]) chain.push_back(new seal.Modulus(BigInt(q)));
    const wanted = new seal.EncryptionParameters(seal.SchemeType.ckks);
    wanted.setPolyModulusDegree(ring);
    wanted.setCoeffModulus(chain);
    // Python has held the plan to the 2024 table already; SEAL holds it to its own, older one.
    const table = insecure || ring > OLD_TABLE ? "none" : "tc128";
    this.context = new seal.SEALContext(wanted, true, seal.SecLevelType[table]);
    if (!this.context.parametersSet()) throw new Error("SEAL refuses these parameters: not secure, or not for CKKS");
    this.encoder = new seal.CKKSEncoder(this.context);
  }

  plaintext(values, scale) {
    const plain = new this.seal.Plaintext();
    this.encoder.encode(values, scale, plain);
    return plain;
  }

  /** A ciphertext of two parts from bytes; an Error unless it is at this level and scale. */
  load(bytes, level, scale) {
    const c = new this.seal.Ciphertext();
    try {
      c.loadFromArray(this.context, bytes);
    } catch (error) {
      throw new Error(`these bytes are no ciphertext of these parameters: ${sealMessage(this.seal, error)}`);
    }
    if (c.coeffModulusSize() - 1 !== level || c.size() !== 2 || !near(c.scale(), scale))
      throw new Error("this ciphertext is at another level or scale than the plan says: send it again");
    return c;
  }

  dump(savable) {
    return savable.saveToArray(this.none).slice(); // out of WebAssembly's memory
  }
}

/** An engine for the evaluator; from public keys, so that it has nothing to decrypt with. */
class SealEngine extends SealContext {
  constructor(seal, parameters, { public: open, relinearisation, rotation }) {
    super(seal, parameters);
    this.evaluator = new seal.Evaluator(this.context);
    this.encryptor = new seal.Encryptor(this.context, this.key(new seal.PublicKey(), open));
    this.relinearisation = this.key(new seal.RelinKeys(), relinearisation);
    this.rotation = this.key(new seal.GaloisKeys(), rotation);
  }

  key(empty, bytes) {
    try {
      if (bytes) empty.loadFromArray(this.context, bytes);
      return empty;
    } catch (error) {
      throw new Error(`a public key is damaged: ${sealMessage(this.seal, error)}`);
    }
  }

  encode({ values, level, scale }) {
    const plain = this.plaintext(values, scale);
    for (let l = this.primes.length - 1; l > level; l--) this.evaluator.plainModSwitchToNextInplace(plain);
    return plain;
  }

  into(compute) {
    const out = new this.seal.Ciphertext();
    compute(out);
    return out;
  }

  add(a, b) { return this.into((out) => this.evaluator.add(a, b, out)); }
  subtract(a, b) { return this.into((out) => this.evaluator.sub(a, b, out)); }
  negate(a) { return this.into((out) => this.evaluator.negate(a, out)); }
  add_plain(a, p) { return this.into((out) => this.evaluator.addPlain(a, p, out)); }
  multiply_plain(a, p) { return this.into((out) => this.evaluator.multiplyPlain(a, p, out)); }
  multiply(a, b) { return this.into((out) => this.evaluator.multiply(a, b, out)); }
  square(a) { return this.into((out) => this.evaluator.square(a, out)); }
  relinearise(a) { return this.into((out) => this.evaluator.relinearize(a, this.relinearisation, out)); }
  rescale(a) { return this.into((out) => this.evaluator.rescaleToNext(a, out)); }
  /** With a fresh encryption of 0 added: nobody can tell what it was computed from. */
  rerandomise(a, level, scale) {
    const plain = this.encode({ values: new Float64Array(this.encoder.slotCount()), level, scale });
    const zero = this.into((out) => this.encryptor.encrypt(plain, out));
    const out = this.add(a, zero);
    plain.delete(), zero.delete();
    return out;
  }
  rotate(a, steps) { return this.into((out) => this.evaluator.rotateVector(a, steps, this.rotation, out)); }
  free(a) { a.delete(); }

  lower(a, level) {
    const out = a.copy();
    while (out.coeffModulusSize() - 1 > level) this.evaluator.cipherModSwitchToNextInplace(out);
    return out;
  }
}

/** Makes all keys, and keeps the secret one. */
class SealClient extends SealContext {
  constructor(seal, parameters, rotations) {
    super(seal, parameters);
    const maker = new seal.KeyGenerator(this.context);
    this.secret = maker.secretKey();
    this.encryptor = new seal.Encryptor(this.context, maker.createPublicKey(), this.secret);
    this.decryptor = new seal.Decryptor(this.context, this.secret);
    // Half of a fresh key is random; its seed is sent instead of it.
    this.bundle = {
      public: this.dump(maker.createPublicKeySerializable()),
      relinearisation: this.dump(maker.createRelinKeysSerializable()),
      rotation: this.dump(maker.createGaloisKeysSerializableWithSteps(Int32Array.from(rotations))),
    };
    maker.delete();
  }

  /** Under the secret key: less noise than under the public one, and again half is a seed. */
  encrypt(values, scale) {
    const plain = this.plaintext(values, scale);
    const c = this.encryptor.encryptSymmetricSerializable(plain);
    const bytes = this.dump(c);
    plain.delete(), c.delete();
    return bytes;
  }

  decrypt(bytes, level, scale) {
    const [c, plain] = [this.load(bytes, level, scale), new this.seal.Plaintext()];
    this.decryptor.decrypt(c, plain);
    const slots = this.encoder.decodeFloat64(plain).slice();
    c.delete(), plain.delete();
    return slots;
  }
}
