// Charts by uPlot: the share that failed (in all and by version), latency percentiles with the bounds of p95, and how the
// evidence of a rollout went.
const card = document.querySelector("[data-series]");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const under = Number(card.dataset.under) || null;
let span = 300_000;
let charts = [];
let shape = null;

const share = (bad, good) => bad.map((one, at) => (one === null ? null : (100 * one) / Math.max(one + good[at], 1)));
const percent = (value) => (value == null ? "–" : `${Number(value.toFixed(value < 10 ? 2 : 0))}%`);
const hour = (second, step) => new Date(second * 1000).toISOString().slice(11, step < 60 ? 19 : 16);
const millis = (value) => (value == null ? "–" : `${Number(value < 10 ? value.toFixed(1) : Math.round(value))} ms`);

function axes(format) {
  const plain = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px ui-sans-serif, system-ui, sans-serif" };
  return [{ ...plain, grid: { show: false }, space: 62, size: 30, values: (_, ticks, at, room, step) => ticks.map((one) => (one % 1 ? "" : hour(one, step))) }, { ...plain, size: 58, values: (_, ticks) => ticks.map(format) }];
}

function chart(id, series, format, more = {}) {
  const box = document.getElementById(id);
  box.replaceChildren();
  const options = {
    width: box.clientWidth, height: 162, padding: [8, 4, 0, 0], cursor: { y: false, points: { size: 6 } },
    legend: { live: true }, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"), scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.15, 0.5)] } },
    axes: axes(format), series: [{ value: "{HH}:{mm}:{ss}" }, ...series], ...more,
  };
  return new uPlot(options, [[], ...series.map(() => [])], box);
}

const row = (label, name, format, more = {}) => ({
  label, stroke: colour(name), width: 2, points: { show: false }, spanGaps: false, value: (_, value) => format(value), ...more,
});

let marks = [];
let pointed = "";
const toneOf = { deploy: "--live", flag: "--canary", mitigation: "--stable", other: "--soft" };

function markLines(plot) {
  const { ctx, bbox } = plot;
  for (const one of marks) {
    const x = plot.valToPos(one.at / 1000, "x", true);
    if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue;
    ctx.save();
    ctx.strokeStyle = colour(toneOf[one.sort]);
    ctx.lineWidth = (one.id === pointed ? 4 : 1.5) * devicePixelRatio;
    ctx.setLineDash(one.sort === "mitigation" ? [6, 3] : one.sort === "flag" ? [2, 3] : []);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }
}

function point(id) {
  pointed = id;
  charts.forEach((one) => one.redraw(false));
}

// The legend of the lines is a list of buttons, so that a keyboard reaches the words of each; they stay until they change.
function listMarks(found) {
  const same = found.map((one) => one.id).join() === marks.map((one) => one.id).join();
  marks = found;
  if (same) return;
  const held = document.activeElement?.dataset?.mark;
  const items = marks.toReversed().map((one) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.mark = one.id;
    button.dataset.sort = one.sort;
    const where = one.focus && one.focus !== card.dataset.focus ? ` (${one.focus})` : "";
    button.textContent = `${hour(one.at / 1000, 1)} ${one.sort}: ${one.what}${where}`;
    button.title = `${one.what}, by ${one.by}`;
    button.append(Object.assign(document.createElement("span"), { className: "who", textContent: ` by ${one.by}` }));
    for (const [event, id] of [["focus", one.id], ["mouseenter", one.id], ["blur", ""], ["mouseleave", ""]]) button.addEventListener(event, () => point(id));
    item.append(button);
    return item;
  });
  const list = document.getElementById("c-marks");
  list.replaceChildren(...items);
  list.hidden = !items.length;
  if (held) list.querySelector(`[data-mark="${CSS.escape(held)}"]`)?.focus();
}

function limit(value) {
  return { hooks: { draw: [markLines, (plot) => {
    if (!value) return;
    const y = plot.valToPos(value, "y", true);
    if (y < plot.bbox.top || y > plot.bbox.top + plot.bbox.height) return;
    const { ctx } = plot;
    ctx.save();
    ctx.strokeStyle = colour("--soft");
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(plot.bbox.left, y);
    ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }] } };
}

function build(versions) {
  charts.forEach((one) => one.destroy());
  const tones = ["--stable", "--canary", "--live", "--bad"];
  const failed = chart("c-failed", [
    row("all", "--soft", percent, { width: 1.5, fill: `${colour("--soft")}22` }),
    ...versions.map((name, at) => row(name, tones[at % tones.length], percent)),
  ], percent, { hooks: { draw: [markLines] } });
  const bounds = { width: 0, points: { show: false } };
  const latency = chart("c-latency", [
    row("p50", "--stable", millis), row("p95", "--canary", millis), row("p99", "--bad", millis, { width: 1.25 }),
    { label: "p95 from", ...bounds, value: (_, value) => millis(value) }, { label: "to", ...bounds, value: (_, value) => millis(value) },
  ], millis, { bands: [{ series: [5, 4], fill: `${colour("--canary")}2e` }], ...limit(under) });
  charts = [failed, latency];
}

// The evidence of the rollout on a logarithmic scale; what lies far below 1 speaks neither way.
const path = document.getElementById("c-evidence");
const LOW = 0.05;
let evidence = null;
let evidenceShape = null;
const odds = (value) => (value == null ? "–" : value >= 1e6 ? "over a million" : value >= 1000 ? Math.round(value).toLocaleString("en") : `${Number(value.toPrecision(3))}`);
const far = (told) => told.map((one) => Math.min(Math.max(one ?? 1e6, LOW), 1e6));

function threshold(value) {
  return { hooks: { draw: [(plot) => {
    const y = plot.valToPos(value, "y", true);
    const { ctx } = plot;
    ctx.save();
    ctx.strokeStyle = colour("--soft");
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(plot.bbox.left, y);
    ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }] } };
}

async function refreshEvidence() {
  const answer = await fetch(path.dataset.rollout);
  if (!answer.ok) return;
  const { verdict } = await answer.json();
  const told = verdict?.path;
  document.getElementById("c-path").hidden = !told || told.at.length < 2;
  if (!told || told.at.length < 2) return;
  const names = Object.keys(told.metrics);
  const now = [told.rollout, ...names].join();
  if (evidenceShape !== now) {
    evidenceShape = now;
    evidence?.destroy();
    const tens = axes(odds);
    tens[1].values = (_, ticks) => ticks.map((one) => (Math.log10(one) % 1 === 0 ? odds(one) : null));
    const hidden = { width: 0, points: { show: false }, scale: "times" };
    evidence = chart("c-evidence", [
      row("harm", "--bad", odds), row("safety", "--live", odds),
      ...names.map((name) => row(name, "--soft", odds, { width: 1, dash: [3, 3] })),
      { label: "times as bad, from", ...hidden, value: (_, value) => odds(value) }, { label: "to", ...hidden, value: (_, value) => odds(value) },
    ], odds, { axes: tens, scales: { y: { distr: 3, range: (_, low, high) => [LOW, Math.max(high, 10 * verdict.threshold)] }, times: { auto: true } }, ...threshold(verdict.threshold) });
  }
  evidence.setData([told.at.map((one) => one / 1000), far(told.harm), far(told.safe), ...names.map((name) => far(told.metrics[name].harm)), told.low, told.high]);
}

async function refresh(now) {
  const end = now ?? Date.now();
  const answer = await fetch(`${card.dataset.series}?from=${end - span}&to=${end}`);
  if (!answer.ok) return;
  const told = await answer.json();
  const versions = Object.keys(told.versions);
  if (shape !== versions.join()) { shape = versions.join(); build(versions); }
  listMarks(told.marks);
  const at = told.at.map((one) => one / 1000);
  charts[0].setData([at, share(told.bad, told.good), ...versions.map((name) => share(told.versions[name].bad, told.versions[name].good))]);
  const { p50, p95, p99 } = told.latency;
  charts[1].setData([at, p50.value, p95.value, p99.value, p95.low, p95.high]);
}

let busy = false;
let seen = 0;
document.addEventListener("focus:turn", async (event) => {
  const every = span > 1_000_000 ? 10_000 : 1_000;
  if (busy || event.detail - seen < every) return;
  busy = true;
  try { await Promise.all([refresh(event.detail), refreshEvidence()]); seen = event.detail; } finally { busy = false; }
});
document.querySelectorAll("[data-span]").forEach((button) => button.addEventListener("click", () => {
  span = Number(button.dataset.span);
  seen = 0;
  document.querySelectorAll("[data-span]").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
}));
const again = () => { evidenceShape = null; if (shape !== null) { build(shape === "" ? [] : shape.split(",")); seen = 0; } };
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
new ResizeObserver(() => [...charts, ...(evidence ? [evidence] : [])].forEach((one) => one.setSize({ width: one.root.parentElement.clientWidth, height: 162 }))).observe(card);
