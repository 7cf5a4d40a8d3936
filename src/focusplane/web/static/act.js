// Every button that changes something asks for a reason first, and says what came of it.
const dialog = document.getElementById("ask");
const form = dialog.querySelector("form");
const said = dialog.querySelector(".said");
let path = "";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button) return;
  path = button.dataset.act;
  dialog.querySelector("h2").textContent = button.dataset.ask;
  said.textContent = "";
  form.reset();
  dialog.showModal();
});

form.addEventListener("submit", async (event) => {
  if (event.submitter?.value !== "yes") return;
  event.preventDefault();
  const body = JSON.stringify({ reason: form.elements.reason.value });
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body });
  if (answer.ok) { dialog.close(); return; }
  const told = await answer.json().catch(() => ({ detail: answer.statusText, hint: "" }));
  said.textContent = [told.detail, told.hint].filter(Boolean).join(". ");
});
