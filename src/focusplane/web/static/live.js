// Keeps the page live: sections of HTML that the server rendered arrive as events and replace what has changed.
const root = document.querySelector("[data-live]");
const line = document.getElementById("line");

function say(state, words) {
  line.dataset.state = state;
  const text = line.querySelector("span");
  if (text.textContent !== words) text.textContent = words;
}

function place(name, html) {
  const section = document.getElementById(`s-${name}`);
  if (!section) return;
  const open = [...section.querySelectorAll("details")].map((one) => one.open);
  const held = section.contains(document.activeElement) ? document.activeElement.dataset.act : null;
  section.innerHTML = html;
  section.querySelectorAll("details").forEach((one, at) => { one.open = open[at] ?? false; });
  if (held) section.querySelector(`[data-act="${CSS.escape(held)}"]`)?.focus();
}

const events = new EventSource(root.dataset.live);
let last = 0;
events.addEventListener("sections", (event) => {
  const told = JSON.parse(event.data);
  last = performance.now();
  for (const [name, html] of Object.entries(told.sections)) place(name, html);
  say("live", "live");
  document.dispatchEvent(new CustomEvent("focus:turn", { detail: told.now }));
});
events.addEventListener("gone", () => { events.close(); say("lost", "this focus is gone"); });
events.addEventListener("error", () => say("lost", "connection lost"));
setInterval(() => {
  const silent = Math.round((performance.now() - last) / 1000);
  if (last && silent > 5) say("lost", `silent for ${silent} s`);
}, 1000);
addEventListener("pagehide", () => events.close());
