// The strip of morphs: each with its picture at weight 0 above that at weight 1, and the roles that it plays.

import { level } from "./confidence.js";

export const ROLES = [
  { key: "1", role: "eye_wink_both", label: "blink", side: "both" },
  { key: "2", role: "eye_wink_left", label: "blink", side: "left" },
  { key: "3", role: "eye_wink_right", label: "blink", side: "right" },
  { key: "4", role: "eye_happy_wink_both", label: "smile", side: "both" },
  { key: "5", role: "eye_happy_wink_left", label: "smile", side: "left" },
  { key: "6", role: "eye_happy_wink_right", label: "smile", side: "right" },
  { key: "7", role: "mouth_aaa", label: "mouth", side: "" },
];

export function rolesFor(region) {
  return region === "mouth" ? ROLES.slice(6) : ROLES.slice(0, 6);
}

export class Strip {
  // on.choose(index), on.assign(index, role)
  constructor(on) {
    this.on = on;
    this.list = document.getElementById("cards");
    this.cards = [];
    this.list.addEventListener("wheel", (event) => {
      if (event.deltaY && !event.deltaX) { this.list.scrollLeft += event.deltaY; event.preventDefault(); }
    }, { passive: false });
  }

  show(bundle) {
    this.bundle = bundle;
    const candidates = bundle?.facts?.candidates ?? [];
    const rows = { eyes: 0, mouth: 0 };
    this.list.dataset.empty = String(Boolean(bundle?.facts) && candidates.length === 0);
    while (this.cards.length < candidates.length) this.cards.push(this.makeCard(this.cards.length));
    for (const [index, card] of this.cards.entries()) {
      const candidate = candidates[index];
      card.root.hidden = !candidate;
      if (!candidate) continue;
      rows[candidate.region] += 1;
      card.candidate = candidate;
      card.row = rows[candidate.region];
      card.root.classList.toggle("first-mouth", candidate.region === "mouth" && rows.mouth === 1);
      card.name.textContent = candidate.name;
      card.root.title = [candidate.name, candidate.name_en, candidate.note].filter(Boolean).join("\n");
      card.kind.textContent = [{ left: "L", right: "R" }[candidate.side], candidate.shape].filter(Boolean).join(" ");
      const column = bundle.pieces[candidate.region];
      const cell = bundle.facts.cells[candidate.region];
      drawCell(card.zero, column, cell, 0);
      drawCell(card.one, column, cell, card.row);
      this.fillRoles(card, candidate.region);
    }
  }

  // What a card shows at weight 1, for the large view.
  overlay(index) {
    const card = this.cards[index];
    if (!card?.candidate || !this.bundle) return null;
    const { region } = card.candidate;
    return { image: this.bundle.pieces[region], row: card.row, cell: this.bundle.facts.cells[region] };
  }

  choose(index) {
    for (const [place, card] of this.cards.entries()) {
      card.root.classList.toggle("chosen", place === index);
      card.root.setAttribute("aria-selected", String(place === index));
    }
    const chosen = this.cards[index]?.root;
    if (!chosen || chosen.hidden) return;
    const list = this.list;
    const before = chosen.offsetLeft - 60;
    const after = chosen.offsetLeft + chosen.offsetWidth + 60 - list.clientWidth;
    if (list.scrollLeft > before) list.scrollLeft = Math.max(0, before);
    else if (list.scrollLeft < after) list.scrollLeft = after;
  }

  setWeight(weight) {
    this.list.dataset.weight = String(weight);
  }

  setRoles(roles) {
    for (const card of this.cards) {
      if (card.root.hidden || !card.candidate) continue;
      let plays = false;
      for (const chip of card.roles.children) {
        const choice = roles[chip.dataset.role];
        const isOn = choice?.morph === card.candidate.morph;
        plays ||= isOn;
        chip.setAttribute("aria-pressed", String(isOn));
        chip.classList.toggle("half", isOn && choice.half !== null);
        const { origin, confidence } = isOn ? choice.provenance : { origin: "", confidence: 1 };
        chip.dataset.level = isOn ? (origin === "human" ? "done" : level(confidence)) : "";
        const { key, label, side } = ROLES.find((entry) => entry.role === chip.dataset.role);
        chip.title = `${key}: ${label} ${side}${isOn ? `, ${origin === "human" ? "said by a person" : `confidence ${confidence.toFixed(2)}`}` : ""}`;
      }
      card.root.classList.toggle("plays", plays);
    }
  }

  fillRoles(card, region) {
    if (card.roles.dataset.region === region) return;
    card.roles.dataset.region = region;
    card.roles.replaceChildren(...rolesFor(region).map(({ key, role }) => {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.tabIndex = -1;
      chip.dataset.role = role;
      chip.textContent = key;
      return chip;
    }));
  }

  makeCard(index) {
    const root = document.createElement("article");
    root.className = "card";
    root.setAttribute("role", "option");
    root.innerHTML = `<div class="pair"><canvas class="zero"></canvas><canvas class="one"></canvas></div>
      <p class="name"><b></b><span></span></p><div class="chips"></div>`;
    const card = {
      root, candidate: null, row: 0,
      zero: root.querySelector(".zero"), one: root.querySelector(".one"),
      name: root.querySelector("b"), kind: root.querySelector("span"), roles: root.querySelector(".chips"),
    };
    root.addEventListener("click", (event) => {
      const role = event.target.closest("button")?.dataset.role;
      this.on.choose(index);
      if (role) this.on.assign(index, role);
    });
    this.list.append(root);
    return card;
  }
}

function drawCell(canvas, column, cell, row) {
  if (canvas.width !== cell.width || canvas.height !== cell.height) {
    Object.assign(canvas, { width: cell.width, height: cell.height });
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, cell.width, cell.height);
  if (column) context.drawImage(column, 0, row * cell.height, cell.width, cell.height, 0, 0, cell.width, cell.height);
}
