// The page of a formula, ?layer=NAME: its numbers can be changed, and Python computes the rest. Without a name, the list.

import { $, arrayTable, element, equation, shapeOf, shown } from "./elements.js";
import { Python } from "./python.js";

const python = new Python($("status"));
const name = new URLSearchParams(location.search).get("layer");
let asked = 0;

function cell(array) {
  return (place, value) =>
    element("input", {
      type: "number",
      step: "any",
      required: true,
      value,
      "aria-label": `${array}[${place.join(", ")}]`,
      "data-array": array,
      "data-place": JSON.stringify(place),
    });
}

// The arrays of the form as nested lists.
function arrays() {
  const found = {};
  for (const input of $("inputs").elements) {
    const place = JSON.parse(input.dataset.place);
    const value = input.valueAsNumber;
    if (!place.length) found[input.dataset.array] = value;
    let list = (found[input.dataset.array] ??= []);
    place.forEach((index, depth) => {
      if (depth === place.length - 1) list[index] = value;
      else list = list[index] ??= [];
    });
  }
  return found;
}

function showResults(page) {
  $("out").replaceChildren(arrayTable({ name: "out", shape: shapeOf(page.out), values: page.out }));
  const rows = page.gradients.map(({ name: gradient, analytic, numeric, difference }) =>
    element(
      "div",
      { class: "beside" },
      arrayTable({ name: `${gradient}, backward`, shape: shapeOf(analytic), values: analytic }),
      arrayTable({ name: `${gradient}, complex step`, shape: shapeOf(numeric), values: numeric }),
      element("p", { class: "note" }, `largest difference ${shown(difference)}`),
    ),
  );
  $("gradients").replaceChildren(...rows);
  const differences = page.gradients.map(({ difference }) => difference);
  const worst = differences.includes(null) ? null : Math.max(...differences);
  $("difference").textContent = `Largest difference of all gradients: ${shown(worst)}`;
}

async function update(changed) {
  const turn = ++asked;
  try {
    const page = await python.ask("layer", { name, arrays: changed });
    if (turn !== asked) return null;
    $("error").textContent = "";
    showResults(page);
    return page;
  } catch (error) {
    if (turn === asked) $("error").textContent = error.message;
    return null;
  }
}

async function showFormula() {
  const page = await update(null);
  if (!page) return;
  $("module").textContent = `The code that runs here is that of ${page.module}.`;
  $("equation").replaceChildren(equation(page.equation));
  const constants = Object.entries(page.constants).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  $("constants").textContent = constants.length ? `with ${constants.join(", ")}` : "";
  $("inputs").replaceChildren(...page.inputs.map((array) => arrayTable(array, cell(array.name))));
}

$("inputs").addEventListener("input", () => {
  if ($("inputs").checkValidity()) update(arrays());
  else $("error").textContent = "Every field must hold a number.";
});
$("inputs").addEventListener("submit", (event) => event.preventDefault());
$("reset").addEventListener("click", showFormula);
$("choice").addEventListener("change", () => {
  location.search = new URLSearchParams({ layer: $("choice").value });
});

$("index").hidden = Boolean(name);
$("formula").hidden = !name;
if (name) {
  document.title = `${name} – mlp_numpy`;
  $("name").textContent = name;
  $("derive").href = `editor.html#${encodeURIComponent(name)}`;
  showFormula();
}
const formulas = await python.ask("layers");
$("choice").append(...formulas.map((each) => element("option", { value: each.name }, each.name)));
if (name) $("choice").value = name;
const items = formulas.map(({ name: each, forward }) => {
  const link = element("a", { href: `?${new URLSearchParams({ layer: each })}` }, each);
  return element("li", {}, link, " ", element("code", {}, forward));
});
$("formulas").append(...items);
