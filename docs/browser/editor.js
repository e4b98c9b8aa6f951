// The page with an empty backward: #NAME chooses the formula, the audit is the judge.

import { $, element, equation, shown } from "./elements.js";
import { Python } from "./python.js";

const SAVED = "mlp_numpy backward of ";
const python = new Python($("status"));
let exercise = null;

function say(...nodes) {
  $("verdict").replaceChildren(...nodes);
}

// Some browsers forbid pages to keep anything.
function saved(name, text) {
  try {
    if (text === undefined) return localStorage.getItem(SAVED + name);
    localStorage.setItem(SAVED + name, text);
  } catch {
    // then nothing is kept
  }
  return null;
}

async function show() {
  const names = [...$("choice").options].map((option) => option.value);
  const wanted = decodeURIComponent(location.hash.slice(1));
  $("choice").value = names.includes(wanted) ? wanted : names[0];
  exercise = await python.ask("exercise", { name: $("choice").value });
  const { equation: lines, forward, kept, start, name } = exercise;
  $("equation").replaceChildren(equation(lines.filter(({ part }) => part !== "Backward"), "Forward"));
  $("solution").replaceChildren(equation(lines.filter(({ part }) => part === "Backward")));
  $("forward").textContent = forward;
  const items = Object.entries(kept).map(([key, text]) => element("li", {}, element("code", {}, key), `: ${text}`));
  $("kept").replaceChildren(...items);
  $("code").value = saved(name) ?? start;
  say(element("p", { class: "note" }, "None yet."));
}

function verdict({ passed, checks, reasons }) {
  const title = passed ? "Right: your backward is the derivative of this forward." : "Not yet.";
  const rows = checks.map(({ title: sample, check, error, passed: good }) =>
    element(
      "tr",
      {},
      ...[sample, `${check} step`, shown(error)].map((text) => element("td", {}, text)),
      element("td", { class: good ? "right" : "wrong" }, good ? "agrees" : "differs"),
    ),
  );
  const head = ["Sample", "Against", "Error", "Verdict"].map((text) => element("th", { scope: "col" }, text));
  say(
    element("p", { class: passed ? "right" : "wrong", id: "sentence" }, title),
    element("ul", {}, ...reasons.map((reason) => element("li", {}, reason))),
    ...(rows.length
      ? [element("div", { class: "scroll" }, element("table", {}, element("tr", {}, ...head), ...rows))]
      : []),
  );
}

async function judge() {
  $("judge").disabled = true;
  $("stop").disabled = false;
  say(element("p", {}, "Judging …"));
  try {
    verdict(await python.ask("judge", { name: exercise.name, code: $("code").value }));
  } catch (error) {
    say(element("p", { class: "wrong" }, error.message));
  } finally {
    $("judge").disabled = false;
    $("stop").disabled = true;
  }
}

$("answer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (exercise) judge();
});
$("code").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) $("answer").requestSubmit();
});
$("code").addEventListener("input", () => exercise && saved(exercise.name, $("code").value));
$("stop").addEventListener("click", () => python.restart());
$("empty").addEventListener("click", () => {
  if (!exercise) return;
  $("code").value = exercise.start;
  saved(exercise.name, exercise.start);
});
$("choice").addEventListener("change", () => {
  location.hash = encodeURIComponent($("choice").value);
});
window.addEventListener("hashchange", show);

const names = await python.ask("exercises");
$("choice").append(...names.map((name) => element("option", { value: name }, name)));
await show();
