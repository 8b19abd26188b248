"use strict";
// The map: east and north in metres as they are, so nothing is projected.
const map = L.map("map", {
  crs: L.CRS.Simple, minZoom: -8, maxZoom: 9, zoomSnap: 0.25, preferCanvas: true, attributionControl: false,
});
L.control.scale({ imperial: false }).addTo(map);
const attribution = L.control.attribution({ prefix: false }).addTo(map);
const asText = document.createElement("span"); // Leaflet takes HTML, and whoever made the tiles wrote this
asText.textContent = report.attribution;
if (report.attribution) attribution.addAttribution(asText.innerHTML);

const layers = {};
const layerControl = L.control.layers(null, null, { collapsed: false }).addTo(map);
// A layer that can be switched off, unless there is nothing to see in it.
function layer(name, isUsed = true) {
  layers[name] = L.layerGroup().addTo(map);
  if (isUsed) layerControl.addOverlay(layers[name], name);
  return layers[name];
}

function drawGround() {
  map.createPane("ground").style.zIndex = 150;
  const ground = layer("satellite");
  for (const [east, north, side, source] of report.ground) {
    L.imageOverlay(source, [[north, east], [north + side, east + side]], { pane: "ground" }).addTo(ground);
  }
}

// Runs of moments with a pose, as lists of indices.
function runs(poses) {
  const all = [];
  let run = [];
  for (let i = 0; i <= count; i += 1) {
    if (i < count && poses.east[i] !== null) run.push(i);
    else if (run.length) { all.push(run); run = []; }
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
  L.polyline(lines, { color: "#111", weight: 1.5, interactive: false }).addTo(group);
}

function drawDots(group, places, color, weight = 1) {
  for (const place of places) L.circleMarker(place, { radius: 2, color, weight, interactive: false }).addTo(group);
}

function fitMap() {
  const shown = [report.fused, report.truth].flatMap((poses) => runs(poses).flat().map((i) => at(poses, i)));
  const places = shown.length ? shown : report.fixes.map(([east, north]) => [north, east]);
  map.fitBounds(L.latLngBounds(places.length ? places : [[-50, -50], [50, 50]]).pad(0.08));
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
    arrow(group, poses.north[i], poses.east[i], poses.yaw[i], ink, 3 + extra, 26);
    L.circleMarker(at(poses, i), { radius: 4 + extra / 2, color: ink, fillColor: ink, fillOpacity: 1, weight: 0,
                                   interactive: false }).addTo(group);
  }
}

// What belongs to one moment.
function drawMoment(i) {
  for (const name of ["hypotheses", "prior", "true pose", "pose"]) layers[name].clearLayers();
  const snapshot = snapshotNear(i, "heatmap");
  if (snapshot && snapshot.moment === i) {
    for (const [east, north, yaw] of snapshot.hypotheses) {
      arrow(layers.hypotheses, north, east, yaw, "#fff", 1, 10);
      L.circleMarker([north, east], { radius: 1.5, color: "#fff", weight: 1, interactive: false })
        .addTo(layers.hypotheses);
    }
  }
  drawPose(layers.prior, report.prior, i, "#5adcff");
  drawPose(layers["true pose"], report.truth, i, "#ff50ff");
  drawPose(layers.pose, report.fused, i, "#50ff50");
  const here = [report.fused, report.truth].find((poses) => poses.east[i] !== null);
  if (here && !map.getBounds().contains(at(here, i))) map.panTo(at(here, i), { animate: false });
}

function drawMap(colouring) {
  const posed = (poses) => has(poses.east);
  if (report.ground.length) drawGround();
  drawDots(layer("GNSS fixes", report.fixes.length), report.fixes.map(([east, north]) => [north, east]), "#ff5a4d");
  drawTruth(layer("truth", report.isWay && posed(report.truth)));
  drawDots(layer("single frames", posed(report.single)), runs(report.single).flat().map((i) => at(report.single, i)),
           "#d8d8d8");
  map.removeLayer(layers["single frames"]);
  drawWay(layer("poses", posed(report.fused)), colouring);
  layer("hypotheses", report.snapshots.some((each) => each.hypotheses.length));
  layer("prior", posed(report.prior));
  layer("true pose", posed(report.truth));
  layer("pose", posed(report.fused));
  fitMap();
}
