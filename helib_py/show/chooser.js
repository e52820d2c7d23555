// Chooser: six questions, and the technique that fits. Which one it is was decided in Python for
// every combination of answers and is looked up here, so that it also runs in the static book.
// Made of the parts in parts.js.

const ASKED = {
  task: "I want to",
  data: "the data are of",
  model: "the model is",
  depth: "its depth",
  rounds: "rounds of messages",
  amount: "how many cases",
};

// The place of a combination among all of them, the last question running fastest.
function placeOf(questions, chosen) {
  const digit = (place, [name, answers]) => place * answers.length + answers.indexOf(chosen[name]);
  return questions.reduce(digit, 0);
}

// In JupyterLab a notebook opens as it is, in the book as a page; the address is relative in both.
function link(parent, folder, notebook, text) {
  const inLab = document.querySelector("#jupyter-config-data") !== null;
  const href = `${folder}/${notebook}.${inLab ? "ipynb" : "html"}`;
  return add(parent, "a", { href, ...(inLab ? { target: "_blank" } : {}) }, text);
}

const titleOf = (notebook) => `notebook ${notebook.replace(/_/g, " ")}`;

// Pairs as a list of terms; nothing for no pairs.
function pairs(parent, head, rows) {
  if (!rows.length) return;
  const part = add(parent, "div", { class: "he-part" });
  add(part, "div", { class: "he-head" }, head);
  const list = add(part, "dl");
  for (const [term, text] of rows) {
    add(list, "dt", {}, term);
    add(list, "dd", {}, text);
  }
}

function drawCosts(parent, { costs, notebook, possible }, machine) {
  if (costs.length) return pairs(parent, `what it costs, on ${machine}`, costs);
  if (!possible) return;
  const where = notebook ? "the notebook ends with a table" : "not measured yet";
  add(parent, "p", {}, `What it costs: ${where}.`);
}

function drawAnswer(parent, technique, folder, machine) {
  const { name, how, learns, notebook, instead, see, possible } = technique;
  const card = add(parent, "div", { class: possible ? "he-card" : "he-card he-refused" });
  add(card, "div", { class: "he-answer" }, name);
  const told = add(card, "p", {}, `${how} `);
  if (notebook) link(told, folder, notebook, titleOf(notebook));
  pairs(card, "who learns what", learns);
  drawCosts(card, technique, machine);
  if (!instead) return;
  const other = add(card, "p", {}, `${possible ? "" : "What helps: "}${instead} `);
  if (see) link(other, folder, see, titleOf(see));
}

function render({ model, el }) {
  const [questions, techniques, picks] = ["questions", "techniques", "picks"].map((name) => model.get(name));
  const [bar, panels, readout] = frame(el, model.get("title"), "Which technique do I need?");
  bar.classList.add("he-questions");
  panels.className = "";
  readout.classList.add("he-spoken"); // the card shows it; a screen reader hears this much of it
  let chosen = null;
  const show = (wanted) => {
    chosen = wanted;
    for (const name in setters) setters[name](chosen[name]);
    const technique = techniques[picks[placeOf(questions, chosen)]];
    panels.replaceChildren();
    drawAnswer(panels, technique, model.get("folder"), model.get("machine"));
    readout.textContent = `The answer: ${technique.name}.`;
  };
  const turn = (name) => (v) => show({ ...chosen, [name]: v });
  const settle = () => (model.set("value", chosen), model.save_changes());
  const setters = Object.fromEntries(questions.map(([name, answers]) =>
    [name, control(bar, ASKED[name] ?? name, "", answers, turn(name), settle)]));
  return follow(model, show, () => chosen);
}

export default { render };
