"use strict";
// Curves over the slider's axis, and the line in them that marks its moment.
const LEFT_PX = 62, RIGHT_PX = 12, FLOOR_M = 0.01;
const WHOLE = [1, 2, 5].flatMap((k) => [0, 1, 2, 3, 4].map((power) => k * 10 ** power)).sort((a, b) => a - b);
const plots = [];
const INK = "#4a5568", GRID = { stroke: "#e6e8ec", width: 1 };
const FONT = '11px system-ui, "DejaVu Sans", sans-serif';

function markMoment(plot) {
  const x = plot.valToPos(report.along[current.moment], "x", true), { left, top, width, height } = plot.bbox;
  if (current.moment < 0 || x < left || x > left + width) return;
  plot.ctx.fillStyle = "#111";
  plot.ctx.fillRect(Math.round(x) - 1, top, 2, height);
}

function drawStates(plot) {
  const { left, top, width, height } = plot.bbox, limit = (x) => Math.min(Math.max(x, left), left + width);
  for (let i = 0; i < count(); ) {
    let end = i + 1;
    while (end < count() && report.state[end] === report.state[i] && !isAfterGap(end)) end += 1;
    const from = limit(plot.valToPos(report.along[i], "x", true));
    const until = isAfterGap(end) ? end - 1 : end; // what the state was then, nobody knows
    const to = end < count() ? limit(plot.valToPos(report.along[until], "x", true)) : left + width;
    plot.ctx.fillStyle = stateColour(report.stateNames[report.state[i]]);
    plot.ctx.fillRect(from, top, Math.max(to - from, from < left + width ? 1 : 0), height);
    i = end;
  }
}

// What is shown of the slider's axis: where that is to its end, so much more that the last moment's state is seen, too.
function shownRange(plot, from, to) {
  return count() ? [from, to === report.along.at(-1) ? to + usualStep() : to] : [null, null];
}

function axis(label, size) {
  return { label, size, labelSize: label ? 16 : 0, labelFont: FONT, font: FONT, stroke: INK, grid: GRID, ticks: GRID, gap: 3 };
}

// With as few digits as there is room for beside the label.
function shortText(value) {
  const isLong = Math.abs(value) >= 1e4, [number, suffix] = isLong ? [value / 1e3, "k"] : [value, ""];
  return `${+number.toPrecision(isLong ? 3 : 4)}${suffix}`;
}

// columns: what gives the values of each series now.
function addPlot({ label, height, series, log, columns, draw }) {
  const box = document.getElementById("plots").appendChild(document.createElement("div"));
  box.className = "plot";
  const yAxis = { ...axis(label, LEFT_PX - 16), show: !!label, space: 11 };
  const decades = (plot, splits) => splits.map((value) => (Math.abs(Math.log10(value) % 1) < 1e-6 ? value : null));
  if (log) yAxis.grid = { ...GRID, filter: decades };
  yAxis.values = (plot, splits) => splits.map((value) => (value === null ? "" : shortText(value)));
  const options = {
    width: box.clientWidth, height,
    padding: [label ? 16 : 4, RIGHT_PX, label ? 6 : 0, label ? 0 : LEFT_PX], // the legend is above the curves
    legend: { show: !!label, live: false }, cursor: { sync: { key: "moments" }, y: false, points: { show: false } },
    scales: { x: { time: false, range: shownRange }, y: log ? { distr: 3 } : draw ? { range: [0, 1] } : {} },
    axes: [{ ...axis("", draw ? 24 : 0), show: !!draw, ...(unit ? {} : { incrs: WHOLE }) }, yAxis],
    series: [{}, ...series], hooks: { draw: [(plot) => { if (draw) draw(plot); markMoment(plot); }] },
  };
  const data = () => [report.along, ...columns.map((column) => column())];
  const plot = new uPlot(options, data(), box);
  plot.renew = () => plot.setData(data());
  let pressed = 0;
  plot.over.addEventListener("mousedown", (event) => { pressed = event.clientX; });
  plot.over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - pressed) < 3) show(nearest(plot.posToVal(plot.cursor.left, "x")));
  });
  plots.push(plot);
}

const dots = (label, stroke, size) => ({ label, stroke, paths: () => null, points: { show: true, size, fill: stroke, width: 0 } });
const line = (label, stroke) => (
  { label, stroke, width: 1.5, gaps: withGaps, points: { show: false, size: 6, fill: stroke, width: 0, filter: alone } });

// Indices of values with none beside them, of which a line shows nothing.
function alone(plot, series) {
  const values = plot.data[series], isAt = (i) => i >= 0 && i < values.length && values[i] !== null;
  const isJoined = (i) => isAt(i - 1) && isAt(i) && !isAfterGap(i);
  const found = [...values.keys()].filter((i) => isAt(i) && !isJoined(i) && !isJoined(i + 1));
  return found.length ? found : null;
}

// Gaps of a line in pixels: where a value is missing, as uPlot found them, and where moments are.
function withGaps(plot, series, first, last, missing) {
  const place = (i) => Math.round(plot.valToPos(report.along[i], "x", true)), all = [...missing];
  for (let i = first + 1; i <= last; i += 1) if (isAfterGap(i)) all.push([place(i - 1), place(i)]);
  return all.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
}

function drawPlots() {
  const floored = (values) => values.map((value) => (value === null ? null : Math.max(value, FLOOR_M)));
  const errors = [
    [dots("single-frame error", "#b0b5be", 3), "singleError", () => report.singleError],
    [line("reported sigma", "#ff9f1c"), "fused", () => report.fused.std],
    [line("error", "#2563eb"), "error", () => report.error],
  ].filter(([, name]) => has(name));
  if (errors.length) {
    const label = has("error") || has("singleError") ? "error [m]" : "sigma [m]";
    addPlot({ label, height: 124, log: true, series: errors.map(([each]) => each),
              columns: errors.map(([, , values]) => () => floored(values())) });
  }
  if (has("yawError")) {
    addPlot({ label: "head. [°]", height: 70, series: [line("heading error", "#7c3aed")],
              columns: [() => report.yawError] });
  }
  if (has("ms")) addPlot({ label: "[ms]", height: 70, series: [line("latency", "#0f766e")], columns: [() => report.ms] });
  addPlot({ label: "", height: 46, series: [{ paths: () => null, points: { show: false } }], draw: drawStates,
            columns: [() => report.along.map(() => null)] });
  element("span", `state, ${report.axis}`, document.getElementById("plots").lastChild).className = "name";
  window.addEventListener("resize", () => plots.forEach((plot) =>
    plot.setSize({ width: document.getElementById("plots").clientWidth, height: plot.height })));
}
