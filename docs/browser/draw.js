// Drawings on canvases: curves, decision boundaries, heat maps and small images, in the colors of the style sheet.

const CLASS_COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7b3fb0", "#a33", "#5a5", "#777"];

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// The context of a canvas at the screen's resolution, cleared, with its size in CSS pixels.
function fresh(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

// A loss over the steps, on a logarithmic axis; thinned to two points a pixel.
export function drawCurve(canvas, losses) {
  const { context, width, height } = fresh(canvas);
  if (!losses.length) return;
  const [left, bottom, top] = [46, 22, 8];
  const logs = losses.map((loss) => Math.log10(Math.max(loss, 1e-8)));
  const low = Math.floor(Math.min(...logs.slice(-5000), -1));
  const high = Math.max(Math.ceil(Math.max(...logs.slice(0, 50), ...logs.slice(-200)) * 2) / 2, low + 1);
  const y = (log) => top + ((high - log) / (high - low)) * (height - top - bottom);
  const x = (i) => left + (i / Math.max(1, losses.length - 1)) * (width - left - 8);
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = color("--muted");
  context.strokeStyle = color("--line");
  for (let log = low; log <= high; log++) {
    context.fillText(log < -3 || log > 3 ? `1e${log}` : String(Number((10 ** log).toPrecision(1))), 4, y(log) + 4);
    context.beginPath();
    context.moveTo(left, y(log));
    context.lineTo(width - 8, y(log));
    context.stroke();
  }
  context.fillText("step 1", left, height - 6);
  const last = `step ${losses.length}`;
  context.fillText(last, width - 8 - context.measureText(last).width, height - 6);
  context.strokeStyle = color("--accent");
  context.lineWidth = 1.5;
  context.beginPath();
  const stride = Math.max(1, Math.floor(losses.length / (2 * width)));
  for (let i = 0; i < losses.length; i += stride) context.lineTo(x(i), y(logs[i]));
  context.stroke();
}

// Regions of the classes on a grid, and the points, each class with a color and a shape of its own.
export function drawBoundary(canvas, grid, points, labels) {
  const { context, width, height } = fresh(canvas);
  const { size, extent, classes } = grid;
  context.globalAlpha = 0.28;
  classes.forEach((label, i) => {
    context.fillStyle = CLASS_COLORS[label];
    const [column, row] = [i % size, Math.floor(i / size)];
    const [x0, y0] = [Math.floor((column * width) / size), Math.floor((row * height) / size)];
    const [x1, y1] = [Math.floor(((column + 1) * width) / size), Math.floor(((row + 1) * height) / size)];
    context.fillRect(x0, y0, x1 - x0, y1 - y0);
  });
  context.globalAlpha = 1;
  points.forEach(([px, py], i) => {
    const x = ((px + extent) / (2 * extent)) * width;
    const y = ((extent - py) / (2 * extent)) * height;
    context.fillStyle = CLASS_COLORS[labels[i]];
    context.strokeStyle = color("--background");
    context.beginPath();
    if (labels[i] === 0) context.arc(x, y, 3.2, 0, 2 * Math.PI);
    else if (labels[i] === 1) context.rect(x - 2.8, y - 2.8, 5.6, 5.6);
    else {
      context.moveTo(x, y - 4);
      context.lineTo(x + 3.8, y + 3);
      context.lineTo(x - 3.8, y + 3);
      context.closePath();
    }
    context.fill();
    context.stroke();
  });
}

// A matrix as cells from blue, negative, over the background to orange, positive; the largest size is full color.
export function drawHeatMap(canvas, rows) {
  const { context, width, height } = fresh(canvas);
  const most = Math.max(...rows.flat().map(Math.abs), 1e-12);
  rows.forEach((row, i) =>
    row.forEach((value, j) => {
      const [x0, x1] = [Math.floor((j * width) / row.length), Math.floor(((j + 1) * width) / row.length)];
      const [y0, y1] = [Math.floor((i * height) / rows.length), Math.floor(((i + 1) * height) / rows.length)];
      context.globalAlpha = Math.min(1, Math.abs(value) / most);
      context.fillStyle = value < 0 ? "#1f6fb4" : "#e07b00";
      context.fillRect(x0, y0, x1 - x0, y1 - y0);
    }),
  );
  context.globalAlpha = 1;
}

// A gray image of n × n pixels in [0, 1], dark on light.
export function drawImage(canvas, pixels) {
  const { context, width, height } = fresh(canvas);
  const n = Math.round(Math.sqrt(pixels.length));
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  pixels.forEach((value, i) => {
    const gray = Math.round(255 * (1 - value));
    context.fillStyle = `rgb(${gray} ${gray} ${gray})`;
    const [x, y] = [((i % n) * width) / n, (Math.floor(i / n) * height) / n];
    context.fillRect(Math.floor(x), Math.floor(y), Math.ceil(width / n), Math.ceil(height / n));
  });
}
