"use strict";
// The data of the page: what is where, how it is coloured. `report` is what page_data.py writes.
const report = JSON.parse(document.getElementById("data").textContent);
const isLive = "live" in report; // of a drive that goes on, whose columns grow
const count = () => report.along.length;
const RAMP = ["#4686fb", "#1ae4b6", "#a2fc3c", "#faba39", "#e4460a", "#7a0403"];
const UNKNOWN = "#9aa3af";
const stateColour = (name) => report.stateColours[name] || UNKNOWN;
const STEPS = 24, GAP_S = 2;
const LIKELY = 4.605; // chi-square of two dimensions that 90 % are below

const NEVER_LIVE = ["error", "yawError", "singleError", "truth"];
// Whether a column, or a group of them, has anything to show, or may have it later.
function has(name) {
  if (isLive) return !NEVER_LIVE.includes(name);
  const column = report[name].east || report[name];
  return column.some((value) => value !== null);
}

// From one moment to the next.
const usualStep = () => (count() > 1 ? (report.along.at(-1) - report.along[0]) / (count() - 1) : 1);

// Whether no moment was seen for so long before this one that nothing joins it to the one before: for seconds, and for
// five times as long as usual.
function isAfterGap(i) {
  if (!report.isWay || i < 1) return false;
  return report.along[i] - report.along[i - 1] > Math.max(GAP_S, 5 * usualStep());
}

function element(tag, text, parent) {
  const made = document.createElement(tag);
  made.textContent = text;
  parent.append(made);
  return made;
}

// The moment nearest to a place on the slider's axis.
function nearest(along) {
  let low = 0, high = count() - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (report.along[middle] < along) low = middle + 1; else high = middle;
  }
  return low > 0 && along - report.along[low - 1] < report.along[low] - along ? low - 1 : low;
}

// The snapshot nearest to a moment of which there is such a picture; undefined if there is none.
function snapshotNear(moment, pictureOf) {
  let best;
  const away = (snapshot) => Math.abs(report.along[snapshot.moment] - report.along[moment]);
  for (const each of report.snapshots) if (pictureOf(each) && (!best || away(each) < away(best))) best = each;
  return best;
}

const heatmapOf = (snapshot) => snapshot.heatmap;
const cameraOf = (name) => (snapshot) => snapshot.cameras[name];

// Names of the cameras, "" of one that has none; as if of one where no picture was kept.
function cameraNames() {
  const names = new Set(report.snapshots.flatMap((each) => Object.keys(each.cameras)));
  return names.size ? [...names].sort() : [""];
}

function rampColour(share) {
  const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1), index = Math.min(Math.floor(at), RAMP.length - 2);
  const channel = (colour, shift) => (parseInt(colour.slice(1), 16) >> shift) & 255;
  const mixed = [16, 8, 0].map((shift) =>
    Math.round(channel(RAMP[index], shift) * (index + 1 - at) + channel(RAMP[index + 1], shift) * (at - index)));
  return `rgb(${mixed.join(",")})`;
}

// The end of a colour scale: a round number that 98 % are below.
function roundEnd(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const high = Math.max(sorted[Math.floor(0.98 * (sorted.length - 1))] || 0, 0.05);
  const unit = 10 ** Math.floor(Math.log10(high));
  return [1, 2, 5, 10].map((factor) => factor * unit).find((end) => end >= high * 0.999);
}

function measured(name, values) {
  const end = roundEnd(values);
  const binned = (value) => Math.min(Math.round(STEPS * value / end), STEPS) / STEPS;
  return { name, end, colour: (i) => (values[i] === null ? UNKNOWN : rampColour(binned(values[i]))) };
}

// How the way can be coloured, by what is in it now.
function colourings() {
  const all = [];
  if (has("error")) all.push(measured("error", report.error));
  if (has("fused")) all.push(measured("sigma", report.fused.std));
  all.push({ name: "state", colour: (i) => stateColour(report.stateNames[report.state[i]]) });
  return all;
}

// Points of the ellipse that holds 90 % of a Gaussian, as [north, east].
function ellipse(poses, i) {
  const { varEast, cov, varNorth } = poses, mean = (varEast[i] + varNorth[i]) / 2;
  const spread = Math.hypot((varEast[i] - varNorth[i]) / 2, cov[i]);
  const angle = Math.atan2(2 * cov[i], varEast[i] - varNorth[i]) / 2;
  const major = Math.sqrt(LIKELY * (mean + spread)), minor = Math.sqrt(LIKELY * Math.max(mean - spread, 0));
  return Array.from({ length: 49 }, (_, step) => {
    const t = 2 * Math.PI * step / 48, x = major * Math.cos(t), y = minor * Math.sin(t);
    return [poses.north[i] + x * Math.sin(angle) + y * Math.cos(angle),
            poses.east[i] + x * Math.cos(angle) - y * Math.sin(angle)];
  });
}
