// Lets the widgets of this book work with no kernel and no network, also from file://.
// A page that was built from a notebook embeds the state of every widget and marks where each
// is shown. Here a widget's own front end (its _esm) gets that state through a small model.
(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]:not([data-shown])';
  const frontEnds = new Map(); // _esm text → promise of its module
  const styles = new Set(); // _css texts in the page: widgets of one family share theirs
  const models = new Map(); // model id → model, shared by all the views of one widget

  // Bytes are embedded beside the state, as base64 with the place they belong to.
  function fillIn(state, buffers = []) {
    for (const { path, data } of buffers) {
      const place = path.slice(0, -1).reduce((at, name) => at[name], state);
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      place[path.at(-1)] = new DataView(bytes.buffer);
    }
    return state;
  }

  // What anywidget gives a front end, without a kernel behind it: changes stay on the page, and
  // having no `send` a front end knows that nobody would answer.
  function makeModel(state) {
    const listeners = []; // [event, callback]
    const fire = (event) => listeners.filter(([e]) => e === event).forEach(([, call]) => call());
    return {
      get: (name) => state[name],
      set(name, value) {
        if (Object.is(state[name], value)) return;
        state[name] = value;
        fire(`change:${name}`);
        fire("change");
      },
      on: (events, call) => events.split(" ").forEach((event) => listeners.push([event, call])),
      off(event, call) {
        const stays = ([e, c]) => (event && e !== event) || (call && c !== call);
        listeners.splice(0, Infinity, ...listeners.filter(stays));
      },
      save_changes() {}, // a front end's set has told the listeners already
    };
  }

  function addStyle(css) {
    if (!css || styles.has(css)) return;
    styles.add(css);
    const style = document.createElement("style");
    style.textContent = css;
    document.head.append(style);
  }

  function frontEnd({ _esm, _css }) {
    addStyle(_css);
    if (!frontEnds.has(_esm)) {
      const url = URL.createObjectURL(new Blob([_esm], { type: "text/javascript" }));
      frontEnds.set(_esm, import(url).then((module) => module.default));
    }
    return frontEnds.get(_esm);
  }

  // A bar that went along while the page was made: it is done, and there is nothing to control.
  function isProgress(states, id) {
    const { model_name, state } = states[id] ?? {};
    const parts = (state?.children ?? []).map((part) => part.replace("IPY_MODEL_", ""));
    return model_name === "FloatProgressModel" || parts.some((part) => isProgress(states, part));
  }

  async function show(script, states) {
    const id = JSON.parse(script.textContent).model_id;
    script.dataset.shown = "true";
    if (isProgress(states, id)) return;
    const state = states[id]?.state;
    const el = document.createElement("div");
    el.className = state?._esm ? "widget-static" : "widget-needs-kernel";
    script.after(el);
    if (!state?._esm) {
      el.textContent = "This control needs a running kernel: open the notebook in JupyterLab.";
      return;
    }
    if (!models.has(id)) models.set(id, makeModel(fillIn(state, states[id].buffers)));
    const { render } = await frontEnd(state);
    await render({ model: models.get(id), el });
  }

  function showAll() {
    const states = {};
    for (const script of document.querySelectorAll(STATE))
      Object.assign(states, JSON.parse(script.textContent).state);
    document.querySelectorAll(VIEW).forEach((script) => show(script, states));
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", showAll);
  else showAll();
})();
