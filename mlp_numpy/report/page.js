"use strict";
// Zoom of the charts: drag a box, the buttons, or the keys + - 0 and arrows. Without this script they stand still.
const SIDE = 1000;

function ticks(low, high, log) {
  if (log && high - low > 1) {
    const step = Math.max(1, Math.ceil((high - low) / 5)), factors = high - low < 2 ? [1, 2, 5] : [1], found = [];
    for (let e = Math.floor(low); e <= high; e++) {
      if (e % step === 0) for (const factor of factors) found.push([factor * 10 ** e, (e + Math.log10(factor) - low) / (high - low)]);
    }
    return found.filter(([, place]) => place >= 0 && place <= 1);
  }
  const [first, last] = log ? [10 ** low, 10 ** high] : [low, high];
  const rough = (last - first) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((each) => each * power >= 0.999 * rough), found = [];
  for (let k = Math.ceil(first / step); k <= Math.floor(last / step); k++) {
    found.push([k * step, ((log ? Math.log10(k * step) : k * step) - low) / (high - low)]);
  }
  return found;
}

function text(value) {
  const size = Math.abs(value);
  if (size && (size < 1e-3 || size >= 1e5)) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  return size >= 1000 ? value.toLocaleString("en-US", { maximumFractionDigits: 0 }) : String(+value.toPrecision(6));
}

function chart(frame) {
  const svg = frame.querySelector("svg"), output = frame.querySelector("output");
  const limits = [frame.dataset.x, frame.dataset.y].map((words) => words.split(" ").map(Number));
  const log = frame.dataset.log === "1";
  const curves = [...svg.querySelectorAll("path:not(.faint)")].map((path) => ({
    name: path.dataset.name,
    points: [...path.getAttribute("d").matchAll(/[ML]([-\d.]+) ([-\d.]+)/g)].map((found) => [+found[1], +found[2]]),
  }));
  let view = [0, 0, SIDE, SIDE]; // left, top, width, height, in units of the frame

  const x = (place) => limits[0][0] + (place / SIDE) * (limits[0][1] - limits[0][0]);
  const y = (place) => limits[1][1] - (place / SIDE) * (limits[1][1] - limits[1][0]);

  function axis(name, side, low, high, isLog) {
    const spans = ticks(low, high, isLog).map(([value, place]) => {
      const span = document.createElement("span"), label = document.createElement("b");
      label.textContent = text(value);
      span.append(label);
      span.style[side] = `${100 * place}%`;
      return span;
    });
    frame.querySelector(name).replaceChildren(...spans);
  }

  function show(left, top, width, height) {
    const small = SIDE / 500;
    width = Math.min(SIDE, Math.max(small, width));
    height = Math.min(SIDE, Math.max(small, height));
    view = [Math.min(SIDE - width, Math.max(0, left)), Math.min(SIDE - height, Math.max(0, top)), width, height];
    svg.setAttribute("viewBox", view.join(" "));
    axis(".across", "left", x(view[0]), x(view[0] + width), false);
    axis(".up", "bottom", y(view[1] + height), y(view[1]), log);
  }

  const scale = (factor) =>
    show(view[0] + (view[2] * (1 - factor)) / 2, view[1] + (view[3] * (1 - factor)) / 2, view[2] * factor, view[3] * factor);
  const move = (right, down) => show(view[0] + right * view[2], view[1] + down * view[3], view[2], view[3]);
  const actions = {
    "+": () => scale(0.5), "-": () => scale(2), 0: () => show(0, 0, SIDE, SIDE),
    ArrowLeft: () => move(-0.2, 0), ArrowRight: () => move(0.2, 0), ArrowUp: () => move(0, -0.2), ArrowDown: () => move(0, 0.2),
  };
  frame.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (action && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); action(); }
  });
  const buttons = document.createElement("span");
  buttons.className = "buttons";
  for (const [key, sign, label] of [["+", "+", "zoom in"], ["-", "−", "zoom out"], ["0", "all", "show all"]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = sign;
    button.setAttribute("aria-label", `${label}: ${svg.querySelector("title").textContent}`);
    button.addEventListener("click", actions[key]);
    buttons.append(button);
  }
  frame.parentElement.querySelector("figcaption").append(buttons);

  let start = null, box = null;
  const place = (event) => {
    const area = svg.getBoundingClientRect();
    return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height]
      .map((each) => Math.min(1, Math.max(0, each)));
  };
  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = place(event);
    box = document.createElement("div");
    box.className = "box";
    frame.append(box);
    frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (event) => {
    const now = place(event);
    if (start) {
      const [a, b, c, d] = corners(start, now);
      Object.assign(box.style, { left: `${100 * a}%`, top: `${100 * b}%`, width: `${100 * (c - a)}%`, height: `${100 * (d - b)}%` });
    } else read(view[0] + now[0] * view[2]);
  });
  const cancel = () => { start = null; if (box) box.remove(); box = null; };
  frame.addEventListener("pointerup", (event) => {
    if (!start) return;
    const [a, b, c, d] = corners(start, place(event));
    cancel();
    if (c - a > 0.01) show(view[0] + a * view[2], view[1] + b * view[3], (c - a) * view[2], (d - b) * view[3]);
  });
  frame.addEventListener("pointercancel", cancel);
  frame.addEventListener("pointerleave", () => { output.textContent = ""; });
  frame.addEventListener("dblclick", actions[0]);

  // a flat box chooses steps alone
  function corners(from, to) {
    const [left, right] = [from[0], to[0]].sort((p, q) => p - q), [top, bottom] = [from[1], to[1]].sort((p, q) => p - q);
    return bottom - top < 0.08 ? [left, 0, right, 1] : [left, top, right, bottom];
  }

  const nearest = (points, at) => points.reduce((best, each) => (Math.abs(each[0] - at) < Math.abs(best[0] - at) ? each : best));

  // the values of every curve at the point nearest to the pointer
  function read(at) {
    const found = new Map(), [longest] = [...curves].sort((a, b) => b.points.length - a.points.length);
    for (const { name, points } of curves) {
      if (!points.length) continue;
      const value = y(nearest(points, at)[1]);
      found.set(name, `${name} ${text(+(log ? 10 ** value : value).toPrecision(4))}`);
    }
    const shown = [...found.values()].slice(0, 6).join(" · ");
    output.textContent = `${frame.dataset.names} ${text(+x(nearest(longest.points, at)[0]).toPrecision(3))}: ${shown}`;
  }
}

document.querySelectorAll(".frame").forEach(chart);
