// Questions to the person: who are you, why is this model left out, whose word counts.

const REASONS = [
  "no character, or no human face",
  "several characters in one file",
  "the head is covered by a mask, a helmet or hair",
  "broken shape or missing textures",
  "the eyes do not close",
  "the mouth does not open",
  "the terms of use forbid it",
  "a copy of another model",
];

const byId = (id) => document.getElementById(id);

function answerOf(dialog) {
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

export async function askWho(offered) {
  const dialog = byId("who");
  byId("who-name").value = offered;
  dialog.returnValue = "";
  dialog.showModal();
  byId("who-name").select();
  await answerOf(dialog);
  return byId("who-name").value.trim() || offered || "somebody";
}

// The reason, or null when the person thinks again.
export async function askReason() {
  const dialog = byId("reject");
  const list = byId("reasons");
  const input = byId("reason");
  input.value = "";
  let chosen = null;
  list.replaceChildren(...REASONS.map((text, place) => {
    const item = document.createElement("li");
    item.innerHTML = `<button type="button"><kbd>${place + 1}</kbd> <span></span></button>`;
    item.querySelector("span").textContent = text;
    item.firstChild.addEventListener("click", () => { chosen = text; dialog.close("chosen"); });
    return item;
  }));
  const onKey = (event) => {
    if (event.target === input && input.value !== "") return;
    const place = Number(event.key) - 1;
    if (!REASONS[place]) return;
    event.preventDefault();
    chosen = REASONS[place];
    dialog.close("chosen");
  };
  const onSubmit = (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    chosen = input.value.trim();
    dialog.close("chosen");
  };
  dialog.addEventListener("keydown", onKey);
  dialog.querySelector("form").addEventListener("submit", onSubmit);
  dialog.returnValue = "";
  dialog.showModal();
  list.querySelector("button").focus();
  await answerOf(dialog);
  dialog.removeEventListener("keydown", onKey);
  dialog.querySelector("form").removeEventListener("submit", onSubmit);
  return chosen;
}

// "theirs" or "mine"; only "theirs" where there is nothing to insist on.
export async function askWhose(title, text, canInsist) {
  const dialog = byId("conflict");
  byId("conflict-title").textContent = title;
  byId("conflict-text").textContent = text;
  byId("mine").hidden = !canInsist;
  dialog.returnValue = "";
  dialog.showModal();
  byId("theirs").focus();
  return (await answerOf(dialog)) === "mine" ? "mine" : "theirs";
}

export function isAnyOpen() {
  return document.querySelector("dialog[open]") !== null;
}
