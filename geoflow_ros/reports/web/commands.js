"use strict";
// What the page tells the node: its services, and where the vehicle is.
const HAND_PX = 6; // how exactly a place is pointed at
const LEAST_DRAG_PX = 12, LEAST_STD_M = 0.5, LEAST_YAW_STD = 5 * Math.PI / 180;
const pose = { isPicked: false, from: null };

const say = (sentence) => { document.getElementById("said").textContent = sentence; };

async function tell(command, body = "") {
  say(`${command} …`);
  try {
    const answer = await fetch(command, { method: "POST", headers: { "X-Geoflow-View": "1" }, body });
    const sentence = (await answer.text()).trim();
    say(answer.ok ? `${command}: ${sentence}` : `${command} refused: ${sentence}`);
  } catch {
    say(`${command}: the view does not answer`);
  }
}

function pick(isPicked) {
  if (isPicked) view.isFollowing = false; // the map stays where the place was pointed at
  Object.assign(pose, { isPicked, from: null });
  layers.picked.clearLayers();
  document.getElementById("initialpose").setAttribute("aria-pressed", isPicked);
  document.getElementById("map").classList.toggle("picking", isPicked);
  map.dragging[isPicked ? "disable" : "enable"]();
  if (isPicked) say("press on the map where the vehicle is, drag to where it looks, let go");
}

function drawPicked({ latlng }) {
  layers.picked.clearLayers();
  const line = [pose.from, latlng];
  L.polyline(line, { color: "#000", weight: 6, interactive: false }).addTo(layers.picked);
  L.polyline(line, { color: "#ffd400", weight: 3, interactive: false }).addTo(layers.picked);
}

// As exact as a hand is: some pixels, at this zoom, over that length of the drag.
function tellPicked({ latlng }) {
  const [east, north] = [pose.from.lng, pose.from.lat], dx = latlng.lng - east, dy = latlng.lat - north;
  const scale = map.getZoomScale(map.getZoom(), 0), drag = Math.hypot(dx, dy) * scale;
  pick(false);
  if (drag < LEAST_DRAG_PX) { say("no pose: drag from the place to where the vehicle looks"); return; }
  const std = Math.max(HAND_PX / scale, LEAST_STD_M), yawStd = Math.max(Math.atan2(HAND_PX, drag), LEAST_YAW_STD);
  tell("initialpose", JSON.stringify({ east, north, yaw: Math.atan2(dy, dx), std, yawStd }));
}

layers.picked = L.layerGroup().addTo(map);
for (const command of ["relocalise", "pause", "resume"]) {
  document.getElementById(command).addEventListener("click", () => tell(command));
}
document.getElementById("initialpose").addEventListener("click", () => pick(!pose.isPicked));
map.on("mousedown", (event) => { if (pose.isPicked) pose.from = event.latlng; });
map.on("mousemove", (event) => { if (pose.from) drawPicked(event); });
map.on("mouseup", (event) => { if (pose.from) tellPicked(event); });
