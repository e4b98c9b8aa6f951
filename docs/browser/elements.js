// Elements of all pages: numbers, tables of arrays, and equations.

export const $ = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Four significant digits; JSON has no NaN and no infinity, which come as null.
export function shown(number) {
  if (number === null) return "not finite";
  if (number === 0) return "0";
  const size = Math.abs(number);
  if (size >= 1e-3 && size < 1e5) return String(Number(number.toPrecision(4)));
  return number.toExponential(1).replace("e+", "e");
}

const MOST_ROWS = 8;
const MOST_COLUMNS = 8;

// The matrices of an array with their index before the last two axes; a vector is one row.
function matrices(values, shape, index = []) {
  if (shape.length === 0) return [[index, [[values]]]];
  if (shape.length === 1) return [[index, [values]]];
  if (shape.length === 2) return [[index, values]];
  return values.flatMap((part, i) => matrices(part, shape.slice(1), [...index, i]));
}

function heads(count, shape) {
  const row = element("tr", {}, element("td"));
  for (let j = 0; j < count; j++) row.append(element("th", { scope: "col" }, String(j)));
  return shape.length ? [row] : [];
}

// A captioned table of an array {name, shape, values}. With cell(index, value) its cells are what that returns, and
// nothing is left out; else numbers, at most 8 × 8 of them.
export function arrayTable({ name, shape, values }, cell) {
  const made = matrices(values, shape).slice(0, cell ? undefined : 4);
  const tables = made.map(([index, rows]) => {
    const [most, wide] = cell ? [Infinity, Infinity] : [MOST_ROWS, MOST_COLUMNS];
    const cut = rows.length > most || rows[0].length > wide;
    const title = `${name}${index.length ? `[${index.join(", ")}]` : ""} (${shape.join(", ")})${cut ? ", a part" : ""}`;
    const table = element("table", { class: "array" }, element("caption", {}, title));
    table.append(...heads(Math.min(rows[0].length, wide), shape));
    rows.slice(0, most).forEach((row, i) => {
      const line = element("tr", {}, ...(shape.length ? [element("th", { scope: "row" }, shape.length > 1 ? String(i) : "")] : []));
      row.slice(0, wide).forEach((value, j) => {
        const place = [...index, ...(shape.length > 1 ? [i] : []), ...(shape.length ? [j] : [])];
        line.append(element("td", {}, cell ? cell(place, value) : shown(value)));
      });
      table.append(line);
    });
    return table;
  });
  return element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": `array ${name}` }, ...tables);
}

export function shapeOf(values) {
  return Array.isArray(values) ? [values.length, ...(values.length ? shapeOf(values[0]) : [])] : [];
}

// The lines of an equation, those of one part marked.
export function equation(lines, part) {
  return element(
    "pre",
    { class: "equation", tabindex: "0" },
    ...lines.flatMap(({ part: each, text }) => [
      part && each === part ? element("mark", {}, text) : text,
      "\n",
    ]),
  );
}
