// The page's side of the worker: questions and their answers, and a line that says how Python is.

export class PythonError extends Error {}

export class Python {
  // status: the element that tells readers, also by voice, whether Python is ready
  constructor(status) {
    this.status = status;
    this.start();
  }

  start() {
    this.waiting = new Map();
    this.next = 0;
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.tell("Loading Python …", "loading");
    this.worker.onmessage = ({ data }) => (data.status ? this.heard(data) : this.settle(data));
    this.worker.onerror = (event) => this.tell(`Python could not be started: ${event.message}`, "failed");
  }

  heard({ status, failure }) {
    if (status === "ready") this.tell("Python is ready.", "ready");
    else if (status === "failed") this.tell(`Python could not be loaded: ${failure}`, "failed");
    else this.tell(status, "loading");
  }

  tell(text, state) {
    this.status.textContent = text;
    this.status.dataset.state = state;
  }

  settle({ id, answer, failure }) {
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (failure) return reject(new PythonError(failure));
    const { result, error } = JSON.parse(answer);
    return error ? reject(new PythonError(error.message)) : resolve(result);
  }

  // The result of a message to mlp_numpy.browser.Session; rejects with the text of the library's error.
  ask(name, fields = {}) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, message: JSON.stringify({ do: name, ...fields }) });
    });
  }

  // Ends whatever Python is doing, and loads it anew.
  restart() {
    this.worker.terminate();
    for (const { reject } of this.waiting.values()) reject(new PythonError("Stopped."));
    this.start();
  }
}
