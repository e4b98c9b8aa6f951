// The page "Train here": settings, which are the page's address, a training that is watched, and a step taken apart.

import { drawBoundary, drawCurve, drawHeatMap, drawImage } from "./draw.js";
import { $, arrayTable, element, equation, shown } from "./elements.js";
import { Python } from "./python.js";

const DEFAULTS = {
  data: "spirals",
  hidden: "16, 16",
  activation: "tanh",
  norm: "none",
  optimizer: "adam",
  lr: "0.01",
  batch: "32",
  seed: "0",
};
const SLICE = 80; // milliseconds of training between two looks at the page
const VIEW_EVERY = 400;
const CHECK_EVERY = 2000;
const NEWS_EVERY = 5000;

const python = new Python($("status"));
const form = $("settings");
const field = (name) => form.elements.namedItem(name);
const state = { running: false, losses: [], overview: null, view: null, stages: [], at: 0, perStep: 5, started: 0 };

// ------------------------------------------------------------------------------------------------ settings and address

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const wanted = given.get(name) ?? value;
    const input = field(name);
    // before Python is ready a list has no choices yet; the wanted one holds the place
    if (input.tagName === "SELECT" && ![...input.options].some((option) => option.value === wanted))
      input.append(element("option", { value: wanted }, wanted));
    input.value = wanted;
  }
}

function writeAddress() {
  const settings = new URLSearchParams();
  for (const name of Object.keys(DEFAULTS)) settings.set(name, field(name).value);
  history.replaceState(null, "", `#${settings}`);
  $("link").value = location.href;
}

function settings() {
  const numbers = Object.fromEntries(["lr", "batch", "seed"].map((name) => [name, Number(field(name).value)]));
  const names = Object.fromEntries(["data", "activation", "norm", "optimizer"].map((name) => [name, field(name).value]));
  const hidden = field("hidden").value.split(/[\s,]+/).filter(Boolean).map(Number);
  return { ...names, ...numbers, hidden };
}

function fillChoices(about) {
  for (const name of ["data", "activation", "norm", "optimizer"]) {
    const select = field(name);
    const wanted = select.value;
    const known = about[name].includes(wanted) ? about[name] : [...about[name], wanted];
    select.replaceChildren(...known.map((each) => element("option", { value: each }, each)));
    select.value = wanted;
  }
}

// ------------------------------------------------------------------------------------------------------------ training

function attempt(work) {
  return work().catch((error) => {
    stop();
    $("error").textContent = error.message;
  });
}

async function begin() {
  stop();
  $("error").textContent = "";
  writeAddress();
  const turn = ++state.started;
  const overview = await python.ask("train_start", { settings: settings() });
  if (turn !== state.started) return;
  Object.assign(state, { overview, losses: [], view: null, stages: [], at: 0, perStep: 5 });
  const layers = overview.layers.map(({ text }) => text).join(" → ");
  $("network").textContent = `${layers}; ${overview.n_parameters} parameters`;
  $("speed").textContent = $("loss").textContent = "–";
  showStage();
  await look();
  await check();
}

function stop() {
  state.running = false;
  $("run").textContent = "Train";
  $("run").setAttribute("aria-pressed", "false");
}

async function advance(n) {
  const { losses, step } = await python.ask("train_step", { n });
  for (const loss of losses) state.losses.push(loss);
  $("step").textContent = step;
  $("loss").textContent = shown(losses.at(-1));
  document.body.dataset.firstStepMs ??= Math.round(performance.now());
}

async function run() {
  state.running = true;
  $("run").textContent = "Pause";
  $("run").setAttribute("aria-pressed", "true");
  let [viewed, checked, told] = [0, 0, performance.now()];
  let [steps, time] = [0, 0];
  const turn = state.started;
  while (state.running && turn === state.started) {
    const before = performance.now();
    const n = state.perStep;
    await advance(n);
    const now = performance.now();
    steps += n;
    time += now - before;
    if (time > 500) {
      $("speed").textContent = Math.round((1000 * steps) / time);
      [steps, time] = [0, 0];
    }
    state.perStep = Math.min(500, Math.max(1, Math.round((n * SLICE) / Math.max(1, now - before))));
    drawLoss();
    if (now - viewed > VIEW_EVERY) {
      await look();
      viewed = performance.now();
    }
    if (now - checked > CHECK_EVERY) {
      await check();
      checked = performance.now();
    }
    if (now - told > NEWS_EVERY) {
      $("news").textContent = summary();
      told = performance.now();
    }
    await new Promise(requestAnimationFrame);
  }
  await look();
  await check();
}

function summary() {
  return `Step ${$("step").textContent}: loss ${$("loss").textContent}, test accuracy ${$("accuracy").textContent}`;
}

// ----------------------------------------------------------------------------------------------------- what it shows

function drawLoss() {
  drawCurve($("curve"), state.losses);
  if (state.losses.length) $("curve").setAttribute("aria-label", `Loss over the steps. ${summary()}`);
}

async function look() {
  state.view = await python.ask("train_view");
  $("step").textContent = state.view.step;
  $("test-loss").textContent = shown(state.view.loss);
  $("accuracy").textContent = `${(100 * state.view.accuracy).toFixed(1)} %`;
  draw();
}

function draw() {
  const { view, overview } = state;
  if (!view) return;
  drawLoss();
  $("plane").hidden = !view.grid;
  $("pixels").hidden = !view.images;
  if (view.grid) {
    drawBoundary($("boundary"), view.grid, overview.inputs, overview.labels);
    const about = `Regions of ${overview.classes.length} classes and ${overview.labels.length} training points`;
    $("boundary").setAttribute("aria-label", `${about}; test accuracy ${$("accuracy").textContent}`);
  }
  if (view.images) showImages(view.images);
  showWeights(view.weights);
}

function showImages({ inputs, labels, predicted }) {
  const items = inputs.map((pixels, i) => {
    const right = labels[i] === predicted[i];
    const text = right ? `${predicted[i]}` : `${predicted[i]} ≠ ${labels[i]}`;
    const name = `a ${labels[i]}, taken for a ${predicted[i]}`;
    const canvas = element("canvas", { role: "img", "aria-label": name });
    return [element("li", {}, canvas, element("span", { class: right ? "right" : "wrong" }, text)), canvas, pixels];
  });
  $("images").replaceChildren(...items.map(([item]) => item));
  for (const [, canvas, pixels] of items) drawImage(canvas, pixels);
}

function showWeights(weights) {
  const figures = weights.map(({ name, shape, values }) => {
    const cell = Math.max(3, Math.min(16, Math.floor(320 / Math.max(...shape))));
    const style = `width: ${cell * shape[1]}px; aspect-ratio: ${shape[1]} / ${shape[0]}`;
    const canvas = element("canvas", { role: "img", "aria-label": `Weights ${name}`, style });
    return [element("figure", {}, canvas, element("figcaption", {}, `${name} (${shape.join(", ")})`)), canvas, values];
  });
  $("weights").replaceChildren(...figures.map(([figure]) => figure));
  for (const [, canvas, values] of figures) drawHeatMap(canvas, values);
}

async function check() {
  const rows = (await python.ask("train_checks")).map((each) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, each.name),
      ...[
        each.layer,
        each.norm === null ? "" : shown(each.norm),
        `[${each.entry.join(", ")}]`,
        shown(each.analytic),
        shown(each.numeric),
        shown(each.difference),
      ].map((text) => element("td", {}, text)),
      element("td", { class: each.verdict === "fine" ? "right" : "wrong" }, each.verdict),
    ),
  );
  $("checks").tBodies[0].replaceChildren(...rows);
}

// ---------------------------------------------------------------------------------------------------- step by step

async function trace() {
  stop();
  state.stages = await python.ask("train_trace");
  state.at = 0;
  showStage();
}

function showStage() {
  const { stages, at } = state;
  $("previous").disabled = !stages.length || at === 0;
  $("next").disabled = !stages.length || at === stages.length - 1;
  if (!stages.length) return $("stage").replaceChildren();
  const { pass, at: where, layer, equation: lines, arrays } = stages[at];
  const place = where === "loss" || where === "" ? "" : `layer ${where}, `;
  $("stage").replaceChildren(
    element("h3", {}, `${at + 1} of ${stages.length}: ${pass}, ${place}${layer}`),
    equation(lines, pass),
    element("div", { class: "beside" }, ...arrays.map((array) => arrayTable(array))),
  );
}

function moveTo(at) {
  state.at = at;
  showStage();
}

// ------------------------------------------------------------------------------------------------------------ controls

$("run").addEventListener("click", () => (state.running ? stop() : attempt(run)));
$("one").addEventListener("click", () => {
  stop();
  attempt(async () => {
    await advance(1);
    await look();
    await check();
    $("news").textContent = summary();
  });
});
$("anew").addEventListener("click", () => attempt(begin));
$("trace").addEventListener("click", () => attempt(trace));
$("previous").addEventListener("click", () => moveTo(state.at - 1));
$("next").addEventListener("click", () => moveTo(state.at + 1));
$("copy").addEventListener("click", async () => {
  $("link").select();
  try {
    await navigator.clipboard.writeText($("link").value);
    $("news").textContent = "The link is copied.";
  } catch {
    $("news").textContent = "The link is selected.";
  }
});
form.addEventListener("change", () => attempt(begin));
form.addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("hashchange", () => {
  readAddress();
  attempt(begin);
});
window.addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

readAddress();
attempt(begin);
attempt(async () => fillChoices(await python.ask("about")));
