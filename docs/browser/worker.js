// Runs Python beside the page, so that the page stays alive. Takes {id, message} and answers {id, answer} or
// {id, failure}; says {status} while it loads. A message is JSON for mlp_numpy.browser.Session.

import { PYODIDE, SERVER, TRANSPORT, WHEELS } from "./constants.js";

const plainFetch = self.fetch.bind(self);
const digests = new Map();
const early = new Map();

// Everything that Pyodide loads passes here: a file without a known digest is refused, one with another digest fails.
function verifiedFetch(resource, options = {}) {
  const url = new URL(resource.url ?? resource, self.location.href).href;
  if (!digests.has(url)) return Promise.reject(new TypeError(`no digest is known for ${url}`));
  const integrity = digests.get(url);
  const fetched = early.get(url) ?? plainFetch(url, integrity ? { ...options, integrity } : options);
  early.delete(url);
  return fetched;
}

// Begins to fetch what Pyodide asks for later.
function fetchEarly(urls) {
  for (const url of urls) {
    const fetched = verifiedFetch(url);
    fetched.catch(() => {}); // told to whoever asks for it
    early.set(url, fetched);
  }
}

function say(status) {
  self.postMessage({ status });
}

async function importVerified(url) {
  const response = await self.fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  const script = URL.createObjectURL(new Blob([await response.text()], { type: "text/javascript" }));
  try {
    return await import(script);
  } finally {
    URL.revokeObjectURL(script);
  }
}

async function pyodideAnswer() {
  const base = new URL(PYODIDE.base, self.location.href).href;
  for (const [file, integrity] of Object.entries(PYODIDE.integrity)) digests.set(base + file, integrity);
  const wheels = Object.entries(WHEELS).map(([file, integrity]) => {
    const url = new URL(file, self.location.href).href;
    digests.set(url, integrity);
    return url;
  });
  const packages = [base + PYODIDE.numpy, ...wheels];
  self.fetch = verifiedFetch;
  say("Loading Python …");
  fetchEarly(packages);
  const [{ loadPyodide }] = await Promise.all([
    importVerified(base + "pyodide.mjs"),
    importVerified(base + "pyodide.asm.js"),
  ]);
  const pyodide = await loadPyodide({ indexURL: base });
  say("Loading NumPy and the library …");
  await pyodide.loadPackage(packages, { messageCallback: () => {} });
  const answer = pyodide.runPython("from mlp_numpy.browser import Session\nSession().answer");
  return async (message) => answer(message);
}

async function serverAnswer() {
  const url = new URL(SERVER, self.location.href);
  return async (message) => {
    const response = await plainFetch(url, { method: "POST", body: message });
    if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
    return response.text();
  };
}

const loaded = (TRANSPORT === "server" ? serverAnswer : pyodideAnswer)();
loaded.then(
  () => say("ready"),
  (error) => self.postMessage({ status: "failed", failure: String(error) }),
);

// One message at a time, in the order of their arrival.
let last = Promise.resolve();
self.onmessage = ({ data: { id, message } }) => {
  last = last.then(async () => {
    try {
      self.postMessage({ id, answer: await (await loaded)(message) });
    } catch (error) {
      self.postMessage({ id, failure: String(error.message ?? error) });
    }
  });
};
