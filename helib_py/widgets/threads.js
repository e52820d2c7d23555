// How a page talks to its threads: every message is a question with a number, every answer has it.

/** In a thread: answer what the page asks, with a method for each question. */
function serve(answers) {
  self.onmessage = async ({ data: { id, question, given } }) => {
    try {
      self.postMessage({ id, answer: await answers[question](given) });
    } catch (error) {
      const seal = answers.seal;
      self.postMessage({ id, error: seal ? sealMessage(seal, error) : error.message });
    }
  };
}

/** In a page: a thread that runs the texts, joined. */
class Thread {
  constructor(texts) {
    const url = URL.createObjectURL(new Blob(texts, { type: "text/javascript" }));
    this.worker = new Worker(url); // a classic one: from file:// no other starts
    this.waiting = new Map();
    this.count = 0;
    this.worker.onmessage = ({ data: { id, answer, error } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) resolve(answer);
      else reject(new Error(error));
    };
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(event.message ?? "a thread could not start"));
      this.waiting.clear();
    };
  }

  ask(question, given) {
    return new Promise((resolve, reject) => {
      this.waiting.set(++this.count, { resolve, reject });
      this.worker.postMessage({ id: this.count, question, given });
    });
  }
}
