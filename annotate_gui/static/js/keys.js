// The keyboard. One table: what the keys do, what the buttons at the bottom say, what the help lists.

export function keyTable(act) {
  return [
    { keys: ["Enter", "f"], show: ["Enter", "F"], name: "confirm", text: "Confirm, and on to the next model", run: act.confirm, isPrimary: true },
    { keys: ["a", "d", "ArrowLeft", "ArrowRight"], show: ["A", "D"], name: "morph", text: "Previous, next morph", run: (key) => act.step(/^(a|ArrowLeft)$/.test(key) ? -1 : 1) },
    { keys: [" "], show: ["Space"], name: "0 | 1", text: "Large view: the morph at weight 0 or 1", run: act.toggleWeight },
    { keys: ["1", "2", "3", "4", "5", "6"], show: ["1–6"], name: "role", text: "Give the morph a role: 1 2 3 blink both, left, right; 4 5 6 smile both, left, right. Again: take it away", run: act.giveRole },
    { keys: ["7"], show: ["7"], name: "mouth", text: "The morph opens the mouth", run: act.giveRole },
    { keys: ["w", "s", "ArrowUp", "ArrowDown"], show: ["W", "S"], name: "line", text: "Active line up, down by a pixel of the frame; with Shift by 5", run: (key, event) => act.moveLine((/^(w|ArrowUp)$/.test(key) ? 1 : -1) * (event?.shiftKey ? 5 : 1)) },
    { keys: ["Tab"], show: ["Tab"], name: "other line", text: "The other line becomes the active one", run: act.otherLine },
    { keys: ["x"], show: ["X"], name: "reject", text: "Leave the model out, with a reason", run: act.reject },
    { keys: ["u", "q"], show: ["U", "Q"], name: "later", text: "Put the model off for later", run: act.skip },
    { keys: ["z"], show: ["Z"], name: "undo", text: "Take back what you did last, as far as to where the page was opened; Shift+Z does it again", run: (key, event) => (event?.shiftKey ? act.redo() : act.undo()) },
    { keys: ["b"], show: ["B"], name: "back", text: "Back to the model before", run: act.back },
    { keys: ["e"], show: ["E"], name: "all morphs", text: "All morphs that move the face, or only the likely ones", run: act.toggleEvery },
    { keys: ["v"], show: ["V"], name: "wider", text: "More of the body in the views, or the head alone", run: act.toggleWide, isQuiet: true },
    { keys: ["r"], show: ["R"], name: "rest", text: "The pose of the rest picture", run: act.rest, isQuiet: true },
    { keys: ["/", "c"], show: ["/", "C"], name: "queue", text: "The queue and its filters", run: act.openQueue, isQuiet: true },
    { keys: ["?", "g"], show: ["?", "G"], name: "help", text: "This page", run: act.help, isQuiet: true },
  ];
}

// The key as the table knows it: letters of other scripts by their place on the keyboard.
function nameOf(event) {
  const { key, code } = event;
  if (key.length > 1) return key;
  const place = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(code)?.[1]?.toLowerCase();
  if (/^[1-9]$/.test(place ?? "") && !/^[a-z/?]$/i.test(key)) return place; // digits on any layout
  const isLatin = key.charCodeAt(0) < 128;
  return isLatin ? key.toLowerCase() : (place ?? key);
}

export function listen(table, isBusy) {
  const byKey = new Map(table.flatMap((entry) => entry.keys.map((key) => [key, entry])));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || isBusy(event)) return;
    const name = nameOf(event);
    const entry = byKey.get(name);
    if (!entry) return;
    event.preventDefault();
    if (event.repeat && !["a", "d", "w", "s"].includes(entry.keys[0]) && entry.name !== "line" && entry.name !== "morph") return;
    entry.run(name, event);
  });
}

export function fillHints(table, holder) {
  for (const entry of table) {
    if (entry.isQuiet) continue;
    if (entry.keys.length > 1 && ["morph", "line"].includes(entry.name)) {
      holder.append(pairButton(entry));
      continue;
    }
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = -1;
    button.title = entry.text;
    button.dataset.does = entry.name;
    if (entry.isPrimary) button.className = "primary";
    button.append(caps([entry.show[0]]), ` ${entry.name}`);
    if (entry.name === "role") button.disabled = true;
    else button.addEventListener("click", (event) => entry.run(entry.keys[0], event));
    holder.append(button);
  }
}

// Two buttons for a pair of keys.
function pairButton(entry) {
  const group = document.createElement("span");
  group.className = "group";
  group.title = entry.text;
  for (const place of [0, 1]) {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = -1;
    button.ariaLabel = `${entry.name} ${entry.show[place]}`;
    button.append(caps([entry.show[place]]));
    button.addEventListener("click", (event) => entry.run(entry.keys[place], event));
    group.append(button);
  }
  group.append(entry.name);
  return group;
}

export function fillHelp(table, body) {
  for (const entry of table) {
    const row = body.insertRow();
    row.insertCell().append(caps(entry.show));
    row.insertCell().textContent = entry.text;
  }
}

function caps(names) {
  const holder = document.createElement("span");
  for (const name of names) {
    const cap = document.createElement("kbd");
    cap.textContent = name;
    holder.append(cap, " ");
  }
  return holder;
}
