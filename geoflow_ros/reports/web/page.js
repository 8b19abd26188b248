"use strict";
// The moment that the page shows, and what changes it.
const current = { moment: -1, colouring: colourings()[0] };
const SHORT = 12; // rows of a table that columns do not break
const slider = document.getElementById("slider");
const unit = (report.axis.match(/\[(.*)\]/) || ["", ""])[1];
const placeText = (along) => (unit ? `${along.toFixed(2)} ${unit}` : `${report.axis} ${+along.toFixed(2)}`);
const numberText = (value, digits, of) => (value === null ? "–" : `${value.toFixed(digits)}${of === "°" ? "" : " "}${of}`);

function showPicture(figure, moment, name, pictureOf, missing, isNarrow = false) {
  const [picture, caption] = figure.children, snapshot = snapshotNear(moment, pictureOf);
  if (!snapshot) { picture.removeAttribute("src"); caption.textContent = missing; return; }
  const source = pictureOf(snapshot), place = placeText(report.along[snapshot.moment]);
  if (picture.src !== source) picture.src = source;
  caption.title = snapshot.moment === moment ? name : `${name}, the nearest picture is of ${place}`;
  caption.textContent = isNarrow && snapshot.moment !== moment ? `${name}, of ${place}` : caption.title;
}

// A figure for every camera; a click on one of several makes it as wide as all.
function showCameras(moment) {
  const box = document.getElementById("cameras"), names = cameraNames();
  if (box.childElementCount !== names.length) {
    box.className = names.length > 1 ? "rig" : "";
    box.replaceChildren(...names.map(() => document.getElementById("heatmap").parentNode.cloneNode(true)));
    for (const figure of box.children) {
      figure.firstElementChild.removeAttribute("id");
      figure.addEventListener("click", () => figure.classList.toggle("wide"));
    }
  }
  names.forEach((name, k) =>
    showPicture(box.children[k], moment, name || "camera", cameraOf(name), isLive ? "no camera picture yet" : "no camera picture was kept", names.length > 1));
}

function errorRows(i) {
  return [
    ["error", `${numberText(report.error[i], 2, "m")}, heading ${numberText(report.yawError[i], 2, "°")}`],
    ["reported sigma", numberText(report.fused.std[i], 2, "m")],
    ...(has("singleError") ? [["this frame alone", numberText(report.singleError[i], 2, "m off")]] : []),
  ];
}

function poseRows(i) {
  const { east, north, yaw, std } = report.fused, degrees = yaw[i] === null ? null : yaw[i] * 180 / Math.PI;
  return [
    ["place", degrees === null ? "–" : `${numberText(east[i], 2, "m")} east, ${numberText(north[i], 2, "m")} north`],
    ["heading", degrees === null ? "–" : `${numberText(degrees, 1, "°")} from east`], ["reported sigma", numberText(std[i], 2, "m")],
  ];
}

function showNumbers(i) {
  const table = document.getElementById("moment");
  table.replaceChildren();
  const rows = [
    ["state", report.stateNames[report.state[i]]], ["why", report.reason[i]],
    ...(has("error") || has("singleError") ? errorRows(i) : poseRows(i)), ["latency", numberText(report.ms[i], 0, "ms")],
  ];
  for (const [name, value] of rows) {
    const row = table.insertRow();
    element("th", name, row);
    const cell = element("td", value, row);
    if (name === "state") { cell.className = "state"; cell.style.setProperty("--state", stateColour(value)); }
  }
}

function show(moment) {
  if (moment === current.moment || !count()) return;
  current.moment = moment;
  slider.value = moment;
  document.getElementById("clock").textContent = placeText(report.along[moment]);
  showCameras(moment);
  showPicture(document.getElementById("heatmap").parentNode, moment, "heatmap", heatmapOf, isLive ? "no heatmap yet" : "no frame was localised");
  showNumbers(moment);
  drawMoment(moment);
  for (const plot of plots) plot.redraw(false, false);
}

function showScale() {
  const scale = document.getElementById("scale");
  scale.replaceChildren();
  if (!report.isWay) element("span", "errors as the camera sees them, ahead is up:", scale);
  const swatch = (background, width, parent) => Object.assign(element("i", "", parent).style, { background, width });
  if (current.colouring.end) {
    const ramp = element("span", "", scale);
    ramp.className = "ramp";
    element("span", "0", ramp);
    swatch(`linear-gradient(90deg, ${RAMP.join(",")})`, "120px", ramp);
    element("span", `${current.colouring.end} m and more`, ramp);
  } else {
    for (const name of report.stateNames) { swatch(stateColour(name), "11px", scale); element("span", name, scale); }
  }
  if (has("fused") || has("prior")) element("span", "ellipses hold 90 %", scale);
}

function chooseColour() {
  current.colouring = colourings().find((each) => each.name === document.getElementById("colour").value);
  drawSeries(current.colouring);
  if (current.moment >= 0) drawMoment(current.moment); // above the way
  showScale();
}

function listWorst() {
  const list = document.querySelector("#worst ol"), judged = has("error");
  for (const i of report.worst) {
    const item = list.appendChild(document.createElement("li"));
    const link = element("a", placeText(report.along[i]), item);
    link.href = `#${report.along[i]}`;
    const [value, what] = judged ? [report.error[i], "m off"] : [report.fused.std[i], "m sigma"];
    item.append(`, ${value.toFixed(2)} ${what}, ${report.stateNames[report.state[i]]}`);
  }
  document.getElementById("worst").hidden = !report.worst.length;
}

function listTables() {
  document.getElementById("tables").replaceChildren();
  for (const [heading, rows] of Object.entries(report.tables)) {
    if (!rows.length) continue;
    const table = document.getElementById("tables").appendChild(document.createElement("table"));
    table.createCaption().textContent = heading;
    if (rows.length < SHORT) table.className = "short";
    for (const cells of rows) { const row = table.insertRow(); for (const cell of cells) element("td", cell, row); }
  }
}

function followHash() {
  const along = parseFloat(location.hash.slice(1));
  if (Number.isFinite(along)) { show(nearest(along)); window.scrollTo(0, 0); }
}

let playing = 0;
function togglePlay() {
  clearInterval(playing);
  if (!playing && current.moment + 1 >= count()) show(0); // from the beginning again
  const button = document.getElementById("play");
  playing = playing ? 0 : setInterval(() => (current.moment + 1 < count() ? show(current.moment + 1) : togglePlay()), 100);
  button.textContent = playing ? "⏸" : "▶";
}

slider.max = count() - 1;
for (const each of colourings()) element("option", each.name, document.getElementById("colour"));
drawMap(current.colouring);
drawPlots();
showScale();
document.getElementById("headline").textContent = report.headline;
listWorst();
listTables();
show(0);
followHash();
map.on("zoomend", () => { if (current.moment >= 0) drawMoment(current.moment); });
slider.addEventListener("input", () => show(Number(slider.value)));
document.getElementById("colour").addEventListener("change", chooseColour);
document.getElementById("play").addEventListener("click", togglePlay);
window.addEventListener("hashchange", followHash);
document.documentElement.dataset.ready = "yes";
