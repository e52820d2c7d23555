// A plan, as `Plan.to_json()` wrote it in Python, and its evaluator, which runs on any engine.
// Threads and front ends are single texts that import nothing: these files are joined in Python.

const VERSION = 2;
const TWO_REGISTERS = ["add", "subtract", "multiply"];
const WITH_PLAINTEXT = ["add_plain", "multiply_plain"];
const WITH_NUMBER = ["rotate", "lower"];
const ONE_REGISTER = ["negate", "square", "relinearise", "rescale"];
const TWO_PARTS = ["multiply", "square", "rotate"]; // of those they read
const OPERATIONS = [...TWO_REGISTERS, ...WITH_PLAINTEXT, ...WITH_NUMBER, ...ONE_REGISTER];
const ARRAYS = { "<f8": Float64Array, "<i4": Int32Array };

/**
 * @typedef {[name: string, out: number, a: number, b: number]} Step
 *   registers[out] = name(registers[a], …); what b is depends on the name, see helib_py/program.py
 * @typedef {{level: number, scale: number, values: Float64Array}} Constant
 * @typedef {object} Plan
 * @property {{ring: number, primes: string[], special: string, insecure: boolean}} parameters
 * @property {number[]} primes the same as numbers: scales are divided by them
 * @property {number} slots
 * @property {number[]} rotations
 * @property {{shape: number[], scale: number, low: number, high: number, gather: Int32Array, count: number}} input
 * @property {{register: number, level: number, scale: number, stride: number, count: number}} output
 * @property {Step[]} steps
 * @property {Constant[]} constants
 */

class PlanError extends Error {}

function demand(holds, what) {
  if (!holds) throw new PlanError(`${what}: ask for the plan again`);
}

/** Numbers that crossed as base64 of zlib-compressed bytes. */
async function unpackArray({ dtype, shape, zlib }) {
  const bytes = Uint8Array.from(atob(zlib), (c) => c.charCodeAt(0));
  const numbers = new ARRAYS[dtype](await inflate(bytes));
  const length = shape.reduce((product, n) => product * n, 1);
  demand(numbers.length === length, `an array of shape [${shape}] holds ${numbers.length} numbers`);
  return numbers;
}

/** What was compressed with zlib. */
function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/**
 * The plan in a text; PlanError says what is wrong with it.
 * @returns {Promise<Plan>}
 */
async function readPlan(text) {
  try {
    const plan = JSON.parse(text);
    demand(plan.format === "helib_py.plan", "this is no plan of helib_py");
    if (plan.version !== VERSION)
      throw new PlanError(`this plan is of version ${plan.version}: this page reads ${VERSION} only, update helib_py`);
    if (plan.flood) throw new PlanError("this plan floods its answers, and a page cannot: use one that was made without flood=");
    return checkPlan(await unpackPlan(plan));
  } catch (error) {
    if (error instanceof PlanError) throw error;
    throw new PlanError(`this plan is malformed (${error.message}): ask for it again`);
  }
}

async function unpackPlan(plan) {
  const { parameters, input } = plan;
  const primes = parameters.primes.map(Number);
  const [slots, gather] = [parameters.ring / 2, await unpackArray(input.gather)];
  const constants = await Promise.all(plan.constants.map(async ({ level, scale, unit, integers }) => {
    const values = await unpackArray(integers);
    demand(integers.shape.length === 1 && values.length === slots, `a plaintext has ${values.length} of ${slots} slots`);
    demand(values.every(Number.isInteger), "a plaintext is no whole number of its units");
    return { level, scale, values: values.map((n) => n * unit) };
  }));
  return { ...plan, primes, slots, constants, input: { ...input, gather, count: gather.length / slots } };
}

/** The plan, when every step can be done and ends where the plan says. */
function checkPlan(plan) {
  const { input, output, rotations, slots } = plan;
  demand(Number.isInteger(input.count) && input.count > 0, `gather has ${input.gather.length} slots`);
  demand(Number.isFinite(input.low) && Number.isFinite(input.high) && input.low <= 0 && input.high >= 0
    && input.low < input.high, "its inputs have no range");
  const size = input.shape.reduce((product, n) => product * n, 1);
  demand(input.gather.every((i) => i >= -1 && i < size), "gather points outside the input");
  demand(rotations.every((k) => k > 0 && k < slots), "it rotates further than there are slots");
  const end = tracePlan(plan)[output.register];
  demand(end, `it yields register ${output.register}, which nothing fills`);
  demand(end.level === output.level && near(end.scale, output.scale), "it ends at another level or scale");
  demand(end.parts === 2, "its result has three parts");
  demand(output.count > 0 && (output.count - 1) * output.stride < slots, "its results are outside the slots");
  return plan;
}

const near = (a, b) => Math.abs(a / b - 1) < 1e-9;

/** Level, scale and parts of every register, as in Python; every step is checked on the way. */
function tracePlan({ primes, input, steps, constants, rotations }) {
  const top = primes.length - 1;
  const seen = Array.from({ length: input.count }, () => ({ level: top, scale: input.scale, parts: 2 }));
  for (const step of steps) {
    const [name, out, a, b] = step;
    const impossible = `it holds the impossible step [${step}]`;
    demand(OPERATIONS.includes(name) && [out, a, b].every(Number.isInteger) && seen[a], impossible);
    const other = TWO_REGISTERS.includes(name) ? seen[b] : WITH_PLAINTEXT.includes(name) ? constants[b] : seen[a];
    demand(other && other.level === seen[a].level, impossible);
    demand(name !== "rotate" || rotations.includes(b), impossible);
    demand(!TWO_PARTS.includes(name) || (seen[a].parts === 2 && (other.parts ?? 2) === 2), impossible);
    seen[out] = after(name, seen[a], other, b, primes);
    demand(seen[out].level >= 0 && seen[out].level <= seen[a].level && seen[out].scale > 0, impossible);
    demand(!["add", "subtract", "add_plain"].includes(name) || near(seen[a].scale, other.scale), impossible);
  }
  return seen;
}

function after(name, { level, scale, parts }, other, b, primes) {
  if (name === "rescale") return { level: level - 1, scale: scale / primes[level], parts };
  if (name === "lower") return { level: b, scale, parts };
  if (name === "relinearise") return { level, scale, parts: 2 };
  if (name === "multiply_plain") return { level, scale: scale * other.scale, parts };
  if (name === "multiply" || name === "square") return { level, scale: scale * other.scale, parts: 3 };
  return { level, scale, parts: Math.max(parts, other.parts ?? 2) };
}

/** An input's numbers on the slots of each ciphertext; RangeError for one that the plan is not good for. */
function layOut({ slots, input }, numbers) {
  const at = numbers.findIndex((x) => !(x >= input.low && x <= input.high));
  if (at >= 0)
    throw new RangeError(`input[${at}] is ${numbers[at]}, and the plan is good for numbers from ${input.low} to `
      + `${input.high}: scale the input as its examples were`);
  const on = Float64Array.from(input.gather, (i) => (i < 0 ? 0 : numbers[i]));
  return Array.from({ length: input.count }, (_, c) => on.slice(c * slots, (c + 1) * slots));
}

/** The results in the slots of the output. */
function readOut({ output }, slots) {
  return Array.from({ length: output.count }, (_, i) => slots[i * output.stride]);
}

/**
 * Runs a plan. An engine has a method for each operation, `encode` for plaintexts and `free` for a
 * handle that nothing needs any more; the inputs are freed as well.
 */
function runPlan(plan, engine, inputs, encoded = plan.constants.map((c) => engine.encode(c))) {
  const registers = [...inputs];
  const spent = spentAfter(plan);
  plan.steps.forEach(([name, out, a, b], i) => {
    const other = TWO_REGISTERS.includes(name) ? registers[b] : WITH_PLAINTEXT.includes(name) ? encoded[b] : b;
    registers[out] = engine[name](registers[a], other);
    for (const register of spent[i]) {
      engine.free(registers[register]);
      delete registers[register];
    }
  });
  return registers[plan.output.register];
}

/** After each step, the registers that nothing reads any more. */
function spentAfter({ steps, output }) {
  const last = new Map();
  steps.forEach(([name, , a, b], i) => {
    last.set(a, i);
    if (TWO_REGISTERS.includes(name)) last.set(b, i);
  });
  const spent = steps.map(() => []);
  for (const [register, i] of last) if (register !== output.register) spent[i].push(register);
  return spent;
}

/** Nothing is encrypted: the slots themselves, for the scores that should have come out. */
const clearEngine = {
  encode: ({ values }) => values,
  add: (a, b) => a.map((v, i) => v + b[i]),
  subtract: (a, b) => a.map((v, i) => v - b[i]),
  multiply: (a, b) => a.map((v, i) => v * b[i]),
  negate: (a) => a.map((v) => -v),
  square: (a) => a.map((v) => v * v),
  rotate: (a, steps) => a.map((_, i) => a[(i + steps) % a.length]),
  add_plain: (a, p) => clearEngine.add(a, p),
  multiply_plain: (a, p) => clearEngine.multiply(a, p),
  rescale: (a) => a,
  relinearise: (a) => a,
  lower: (a) => a,
  free() {},
};

/** The scores of an input in the clear, by the very same program. */
function clearScores(plan, numbers) {
  return readOut(plan, runPlan(plan, clearEngine, layOut(plan, numbers)));
}
