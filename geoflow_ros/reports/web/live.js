"use strict";
// News of the node, added to what the page shows already.
const COLUMNS = ["along", "reason", "ms", "error", "yawError", "singleError"];
const GROUPS = ["fused", "single", "prior", "truth"];
const REDRAW_MS = 1000, MAX_FIXES = 5000, MAX_PICTURES = 240, FIRST_ZOOM = 2;
const live = { first: 0, next: null, isFollowing: true, drawnAt: 0, hasPose: false, ground: 0 };
document.getElementById("play").style.visibility = "hidden"; // its place keeps the slider above the curves

// Pairs of a column of the page and the same of the news, all but that of the states.
function columnPairs(news) {
  const groups = GROUPS.flatMap((group) => Object.keys(report[group]).map((name) => [report[group][name], news[group][name]]));
  return [...COLUMNS.map((name) => [report[name], news[name]]), ...groups];
}

function numberOfState(name) {
  const known = report.stateNames.indexOf(name);
  return known < 0 ? report.stateNames.push(name) - 1 : known;
}

function append(update) {
  const news = update.report;
  report.state.push(...news.state.map((each) => numberOfState(news.stateNames[each])));
  for (const [mine, theirs] of columnPairs(news)) for (const value of theirs) mine.push(value);
  report.fixes.push(...news.fixes);
  report.fixes.splice(0, report.fixes.length - MAX_FIXES);
  for (const each of update.pictures) report.snapshots.push({ ...each, moment: each.moment - live.first });
}

// The node's view keeps some minutes, and so does the page.
function forget(oldest) {
  const gone = oldest - live.first;
  for (const column of [report.state, ...columnPairs(report).map(([mine]) => mine)]) column.splice(0, gone);
  for (const each of report.snapshots) each.moment -= gone;
  report.snapshots = report.snapshots.filter((each) => each.moment >= 0).slice(-MAX_PICTURES);
  live.first = oldest;
  current.moment = Math.max(current.moment - gone, -1);
}

function redraw() {
  live.drawnAt = performance.now();
  current.colouring = colourings().find((each) => each.name === current.colouring.name);
  drawSeries(current.colouring);
  showScale();
  for (const plot of plots) plot.renew();
  if (document.getElementById("tables").matches(":not(:hover)")) listTables();
}

function showStatus({ state, notice, headline }) {
  document.getElementById("headline").textContent = headline;
  const now = document.getElementById("now");
  now.textContent = state;
  now.style.setProperty("--state", stateColour(state));
  showNotice(notice);
}

function showNotice(sentence) {
  const notice = document.getElementById("notice");
  notice.textContent = sentence;
  notice.hidden = !sentence;
}

function follow(isFollowing) {
  live.isFollowing = isFollowing;
  document.getElementById("follow").setAttribute("aria-pressed", isFollowing);
  if (isFollowing) { view.isFollowing = true; current.moment = -1; show(count() - 1); }
}

// Not redraw(), which asks for squares of levels in between.
function renewGround(version) {
  live.ground = version;
  layers.satellite.removeLayer(layers.squares).addLayer(layers.squares);
}

function goToFirstPose() {
  const i = report.fused.east.findLastIndex((each) => each !== null);
  if (!live.hasPose && i >= 0) { live.hasPose = true; map.setView(at(report.fused, i), FIRST_ZOOM, { animate: false }); }
}

function take(update) {
  if (live.next !== null && update.first !== live.next) { location.reload(); return; } // too slow to have seen all
  if (live.next === null) live.first = update.first;
  live.next = update.first + update.report.along.length;
  append(update);
  forget(update.oldest);
  report.tables = update.report.tables;
  report.attribution = update.report.attribution;
  showAttribution();
  showStatus(update);
  slider.max = Math.max(count() - 1, 0);
  if (live.ground !== update.ground) renewGround(update.ground);
  goToFirstPose();
  if (performance.now() - live.drawnAt > REDRAW_MS && !document.hidden) redraw();
  const shown = live.isFollowing ? count() - 1 : current.moment;
  current.moment = -1; // its picture may have come later than itself
  show(Math.max(shown, 0));
}

const source = new EventSource("events");
source.addEventListener("update", (event) => take(JSON.parse(event.data)));
source.addEventListener("restart", () => location.reload());
source.addEventListener("error", () => showNotice("the view does not answer: trying again; is it still running?"));
slider.addEventListener("input", () => follow(false));
for (const plot of plots) plot.over.addEventListener("click", () => follow(false));
map.on("dragstart", () => { view.isFollowing = false; });
document.getElementById("follow").addEventListener("click", () => follow(true));
