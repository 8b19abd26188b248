"use strict";
// The map: east and north in metres as they are, so nothing is projected.
const map = L.map("map", {
  crs: L.CRS.Simple, minZoom: -8, maxZoom: 9, zoomSnap: 0.25, preferCanvas: true, attributionControl: false,
});
new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer()); // the legend may wrap
L.control.scale({ imperial: false }).addTo(map);
const attribution = L.control.attribution({ prefix: false }).addTo(map);
let shownAttribution = "";
function showAttribution() {
  const asText = document.createElement("span"); // Leaflet takes HTML, and whoever made the tiles wrote this
  asText.textContent = report.attribution;
  attribution.removeAttribution(shownAttribution);
  shownAttribution = asText.innerHTML;
  if (shownAttribution) attribution.addAttribution(shownAttribution);
}

const view = { isFollowing: true }; // whether the map moves to where the moment is
const LEAST_M = 25; // of the ground about a way, to each side
const layers = {};
const INKS = { "GNSS fixes": "#ff5a4d", truth: "#111", "single frames": "#d8d8d8", hypotheses: "#fff", prior: "#5adcff",
               "newest fix": "#5adcff", "true pose": "#ff50ff", pose: "#50ff50" };
const NARROW_PX = 700; // as in page.css
const layerControl = L.control.layers(null, null, { collapsed: window.innerWidth <= NARROW_PX }).addTo(map);
// A layer that can be switched off, unless there is nothing to see in it.
function layer(name, isUsed = true) {
  layers[name] = L.layerGroup().addTo(map);
  const swatch = INKS[name] ? `<i style="background:${INKS[name]}"></i> ` : "";
  if (isUsed) layerControl.addOverlay(layers[name], swatch + name);
  return layers[name];
}

function drawGround() {
  map.createPane("ground").style.zIndex = 150;
  const ground = layer("satellite");
  if (isLive) layers.squares = liveGround().addTo(ground);
  for (const [east, north, side, source] of report.ground) {
    L.imageOverlay(source, [[north, east], [north + side, east + side]], { pane: "ground" }).addTo(ground);
  }
}

// The squares of ground_tiles.py.
function liveGround() {
  const { coarsest, finest } = report.live;
  return L.tileLayer("ground/{z}/{x}/{y}.jpg", { pane: "ground", minZoom: -8, maxZoom: 9, minNativeZoom: coarsest,
                                                 maxNativeZoom: finest, noWrap: true });
}

// Runs of moments with a pose, as lists of indices.
function runs(poses) {
  const all = [];
  for (let i = 0; i < count(); i += 1) {
    if (poses.east[i] === null) continue;
    if (i && poses.east[i - 1] !== null && !isAfterGap(i)) all.at(-1).push(i); else all.push([i]);
  }
  return all;
}

const at = (poses, i) => [poses.north[i], poses.east[i]];

// Adjacent pieces of equal colour are one line; lines of equal colour are one path.
function drawWay(group, colouring) {
  if (!report.isWay) {
    for (const i of runs(report.fused).flat()) drawDots(group, [at(report.fused, i)], colouring.colour(i), 3);
    return;
  }
  const lines = new Map();
  for (const run of runs(report.fused)) {
    let last;
    run.forEach((i, k) => {
      const colour = colouring.colour(i), here = at(report.fused, i);
      if (!lines.has(colour)) lines.set(colour, []);
      if (colour === last) lines.get(colour).at(-1).push(here);
      else lines.get(colour).push(k ? [at(report.fused, run[k - 1]), here] : [here, here]);
      last = colour;
    });
  }
  for (const [color, parts] of lines) L.polyline(parts, { color, weight: 4, interactive: false }).addTo(group);
}

function drawTruth(group) {
  const lines = runs(report.truth).map((run) => run.map((i) => at(report.truth, i)));
  L.polyline(lines, { color: "#fff", weight: 4, opacity: 0.9, interactive: false }).addTo(group);
  L.polyline(lines, { color: INKS.truth, weight: 1.5, interactive: false }).addTo(group);
}

function drawDots(group, places, color, weight = 1) {
  for (const place of places) L.circleMarker(place, { radius: 2, color, weight, interactive: false }).addTo(group);
}

function fitMap() {
  const shown = [report.fused, report.truth].flatMap((poses) => runs(poses).flat().map((i) => at(poses, i)));
  const places = shown.length ? shown : report.fixes.map(([east, north]) => [north, east]);
  const bounds = L.latLngBounds(places.length ? places : [[-50, -50], [50, 50]]).pad(0.08);
  if (report.isWay) { // a vehicle that stood is shown where it stood, not each of its centimetres
    const { lat, lng } = bounds.getCenter();
    bounds.extend([[lat - LEAST_M, lng - LEAST_M], [lat + LEAST_M, lng + LEAST_M]]);
  }
  map.fitBounds(bounds);
}

// An arrow of constant length on the screen.
function arrow(group, north, east, yaw, color, weight, pixels) {
  const length = pixels / map.getZoomScale(map.getZoom(), 0);
  const tip = [north + length * Math.sin(yaw), east + length * Math.cos(yaw)];
  L.polyline([[north, east], tip], { color, weight, interactive: false }).addTo(group);
}

function drawPose(group, poses, i, color) {
  if (poses.east[i] === null) return;
  for (const [ink, extra] of [["#000", 2], [color, 0]]) {
    if (poses.varEast && poses.varEast[i] !== null) {
      L.polygon(ellipse(poses, i), { color: ink, weight: 2 + extra, fill: false, smoothFactor: 0,
                                   interactive: false }).addTo(group);
    }
    if (poses.yaw[i] !== null) arrow(group, poses.north[i], poses.east[i], poses.yaw[i], ink, 3 + extra, 26);
    L.circleMarker(at(poses, i), { radius: 4 + extra / 2, color: ink, fillColor: ink, fillOpacity: 1, weight: 0,
                                   interactive: false }).addTo(group);
  }
}

// What belongs to one moment.
function drawMoment(i) {
  const prior = isLive ? "newest fix" : "prior";
  for (const name of ["hypotheses", prior, "true pose", "pose"]) layers[name].clearLayers();
  const snapshot = snapshotNear(i, heatmapOf); // whose hypotheses are grey where it is of another moment, as its picture
  for (const [east, north, yaw] of snapshot ? snapshot.hypotheses : []) {
    const color = snapshot.moment === i ? INKS.hypotheses : "#b8bcc4";
    arrow(layers.hypotheses, north, east, yaw, color, 1, 10);
    L.circleMarker([north, east], { radius: 1.5, color, weight: 1, interactive: false }).addTo(layers.hypotheses);
  }
  drawPose(layers[prior], report.prior, i, INKS[prior]);
  drawPose(layers["true pose"], report.truth, i, INKS["true pose"]);
  drawPose(layers.pose, report.fused, i, INKS.pose);
  const here = [report.fused, report.truth].find((poses) => poses.east[i] !== null);
  if (here && view.isFollowing && !map.getBounds().contains(at(here, i))) map.panTo(at(here, i), { animate: false });
}

// What grows with a drive.
function drawSeries(colouring) {
  for (const name of ["GNSS fixes", "single frames", "poses"]) layers[name].clearLayers();
  drawDots(layers["GNSS fixes"], report.fixes.map(([east, north]) => [north, east]), INKS["GNSS fixes"]);
  drawDots(layers["single frames"], runs(report.single).flat().map((i) => at(report.single, i)), INKS["single frames"]);
  drawWay(layers.poses, colouring);
}

function drawMap(colouring) {
  showAttribution();
  if (isLive || report.ground.length) drawGround();
  layer("GNSS fixes", has("fixes"));
  drawTruth(layer("truth", report.isWay && has("truth")));
  layer("single frames", has("single"));
  map.removeLayer(layers["single frames"]);
  layer("poses", has("fused"));
  drawSeries(colouring);
  layer("hypotheses", isLive || report.snapshots.some((each) => each.hypotheses.length));
  layer(isLive ? "newest fix" : "prior", has("prior"));
  layer("true pose", has("truth"));
  layer("pose", has("fused"));
  fitMap();
}
