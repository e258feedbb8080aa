// What is proposed and how sure it is, what to look at, and the model's terms of use.

import { level } from "./confidence.js";
import { ROLES } from "./strip.js";

const FIELD_NAMES = { head: "Head", eye_wink_left: "Left eye", eye_wink_right: "Right eye", mouth_aaa: "Mouth" };
const WORDS = { high: "sure", middle: "likely", low: "unsure" };

export class Info {
  // on.choose(role): a person clicks a role's row
  constructor(on) {
    this.verdict = document.getElementById("verdict");
    this.number = document.getElementById("verdict-number");
    this.text = document.getElementById("verdict-text");
    this.notes = document.getElementById("notes");
    this.rows = {};
    const body = document.querySelector("#roles tbody");
    this.rows.head = this.addRow(body, "", "head", "", () => {});
    for (const { key, role, label, side } of ROLES) {
      this.rows[role] = this.addRow(body, key, label, side, () => on.choose(role));
    }
  }

  addRow(body, key, label, side, onClick) {
    const row = body.insertRow();
    row.innerHTML = "<th scope=row><kbd></kbd></th><td class=what></td><td class=value></td><td class=sure><span></span></td>";
    row.querySelector("kbd").textContent = key;
    if (!key) row.querySelector("kbd").remove();
    row.querySelector(".what").textContent = side ? `${label} ${side}` : label;
    row.addEventListener("click", onClick);
    return row;
  }

  show(document_, facts) {
    const { annotation, needs, confidence, state } = document_;
    this.showVerdict(annotation.verdict, needs, confidence, state);
    const head = annotation.head;
    this.fill(this.rows.head, `${(head.top - head.bottom).toFixed(2)} units`, head.provenance);
    for (const { role } of ROLES) {
      const choice = annotation.roles[role];
      const name = !choice || choice.morph < 0 ? "none" : choice.name + (choice.half ? " ½" : "");
      this.fill(this.rows[role], name, choice?.provenance, !choice || choice.morph < 0);
    }
    this.fillNotes(document_, facts);
  }

  showVerdict(verdict, needs, confidence, state) {
    const asked = Object.keys(needs).map((name) => FIELD_NAMES[name] ?? name);
    let [key, number, text] = [level(confidence), confidence.toFixed(2), ""];
    if (verdict?.is_usable) [key, text] = ["done", `confirmed by ${verdict.provenance.by || "somebody"}`];
    else if (verdict) [key, text] = ["rejected", `left out by ${verdict.provenance.by || "somebody"}: ${verdict.reason}`];
    else if (asked.length) text = `Look at: ${asked.join(", ")}`;
    else text = key === "high" ? "Nothing in doubt" : "Likely right; have a look";
    if (state === "skipped") text = `Put off. ${text}`;
    if (verdict) number = verdict.is_usable ? "✓" : "✕";
    this.verdict.dataset.level = key;
    this.number.textContent = number;
    this.text.textContent = text;
  }

  fill(row, value, provenance, isMissing = false) {
    row.querySelector(".value").textContent = value;
    row.querySelector(".value").title = value;
    row.classList.toggle("missing", isMissing);
    const sure = row.querySelector(".sure span");
    if (!provenance) { sure.textContent = ""; sure.removeAttribute("data-level"); row.title = ""; return; }
    const isHuman = provenance.origin === "human";
    const grade = level(provenance.confidence);
    sure.dataset.level = isHuman ? "done" : grade;
    sure.textContent = isHuman ? provenance.by || "you" : `${provenance.confidence.toFixed(2)} ${WORDS[grade]}`;
    row.title = [provenance.method, ...(provenance.reasons ?? [])].join("\n");
  }

  fillNotes({ annotation, needs, held_by: holder }, facts) {
    const parts = [];
    if (holder) parts.push(note("warn", `${holder} has this model open too.`));
    for (const [name, reasons] of Object.entries(needs)) {
      parts.push(note("ask", `${FIELD_NAMES[name] ?? name}: ${reasons.join("; ") || "unsure"}`));
    }
    for (const text of facts.warnings) parts.push(note("warn", text));
    parts.push(terms(facts.terms));
    parts.push(others(annotation));
    this.notes.replaceChildren(...parts.filter(Boolean));
    this.notes.scrollTop = 0;
  }
}

function note(kind, text) {
  const element = document.createElement("p");
  element.className = `note ${kind}`;
  element.textContent = text;
  return element;
}

function terms(found) {
  const box = document.createElement("details");
  box.className = "terms";
  box.open = true;
  const licences = [...new Set(found.flatMap((source) => source.licences))];
  const title = document.createElement("summary");
  title.textContent = "Terms of use";
  for (const licence of licences) {
    const badge = document.createElement("b");
    badge.textContent = licence;
    title.append(" ", badge);
  }
  box.append(title);
  if (!found.length) box.append(note("", "Nothing found in the model or beside it."));
  for (const source of found) {
    const from = document.createElement("h3");
    from.textContent = source.source;
    box.append(from, ...source.lines.map((line) => note("term", line)));
    if (source.more_lines) box.append(note("", `and ${source.more_lines} more lines`));
  }
  return box;
}

// Roles of the later networks: told, not asked for.
function others(annotation) {
  const primary = new Set(ROLES.map(({ role }) => role));
  const rest = Object.entries(annotation.roles).filter(([role, choice]) => !primary.has(role) && choice.morph >= 0);
  if (!rest.length) return null;
  const box = document.createElement("details");
  const title = document.createElement("summary");
  title.textContent = `${rest.length} other roles`;
  const table = document.createElement("table");
  for (const [role, choice] of rest) {
    const row = table.insertRow();
    row.insertCell().textContent = role.replaceAll("_", " ");
    row.insertCell().textContent = choice.name + (choice.half ? " ½" : "");
    const sure = row.insertCell();
    const grade = choice.provenance.origin === "human" ? "done" : level(choice.provenance.confidence);
    sure.innerHTML = `<span data-level="${grade}"></span>`;
    sure.firstChild.textContent = choice.provenance.confidence.toFixed(2);
  }
  box.append(title, table);
  return box;
}
