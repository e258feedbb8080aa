// The queue: what is to be done, what was done, and the filters that choose what comes next.

import { get } from "./api.js";
import { level } from "./confidence.js";

const REASON_NAMES = { nothing: "nothing in doubt", head: "head bounds", hat: "hat suspected", eyes: "eyes", mouth: "mouth" };
const STATES = [["", "to do"], ["open", "open"], ["skipped", "put off"], ["confirmed", "confirmed"], ["rejected", "left out"], ["unusable", "cannot be annotated"]];

export class Queue {
  // on.filter(): the filter has changed; on.open(modelId)
  constructor(state, on) {
    this.state = state;
    this.on = on;
    this.root = document.getElementById("queue");
    this.search = document.getElementById("search");
    this.rows = document.getElementById("rows");
    this.found = document.getElementById("found");
    this.selects = {
      state: document.getElementById("by-state"),
      reason: document.getElementById("by-reason"),
      source: document.getElementById("by-source"),
    };
    for (const [name, select] of Object.entries(this.selects)) {
      select.addEventListener("change", () => this.change(name, select.value));
    }
    this.search.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.change("text", this.search.value), 200);
    });
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { this.close(); event.stopPropagation(); }
      else if (event.key === "Enter" && event.target === this.search) {
        clearTimeout(this.timer);
        this.change("text", this.search.value);
        this.close();
        event.stopPropagation();
        event.preventDefault();
      }
    });
    this.rows.addEventListener("click", (event) => {
      const modelId = event.target.closest("button")?.dataset.model;
      if (modelId) { this.close(); this.on.open(modelId); }
    });
  }

  get isOpen() { return !this.root.hidden; }

  toggle() { this.isOpen ? this.close() : this.open(); }

  open() {
    this.root.hidden = false;
    this.search.value = this.state.filter.text;
    this.search.focus();
    this.search.select();
    this.refresh();
  }

  close() {
    this.root.hidden = true;
    document.activeElement?.blur?.();
  }

  change(name, value) {
    if (this.state.filter[name] === value) return;
    this.state.filter[name] = value;
    this.on.filter();
    this.refresh();
  }

  async refresh() {
    if (!this.isOpen) return;
    const ticket = (this.ticket = {});
    const told = await get("queue", { session: this.state.session, limit: 300, ...this.state.filter }).catch(() => null);
    if (!told || ticket !== this.ticket) return;
    const { facets } = told;
    const todo = (facets.state.open ?? 0) + (facets.state.skipped ?? 0);
    this.fill("state", STATES.map(([value, name]) => [value, name, value === "" ? todo : facets.state[value] ?? 0]));
    const reasons = Object.entries(facets.reason).map(([value, count]) => [value, REASON_NAMES[value] ?? value, count]);
    this.fill("reason", [["", "any", todo], ...reasons]);
    this.fill("source", [["", "any", todo], ...Object.entries(facets.source).map(([value, count]) => [value, value, count])]);
    this.found.textContent = `${told.found} model${told.found === 1 ? "" : "s"}, least sure first`;
    this.rows.replaceChildren(...told.rows.map((row) => this.rowOf(row)));
  }

  fill(name, options) {
    const select = this.selects[name];
    const chosen = this.state.filter[name];
    if (chosen && !options.some(([value]) => value === chosen)) options.push([chosen, chosen, 0]);
    select.replaceChildren(...options.map(([value, text, count]) => new Option(`${text} (${count})`, value)));
    select.value = chosen;
  }

  rowOf(row) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.model = row.model_id;
    button.disabled = !row.model_id;
    button.innerHTML = "<b></b><span class=file></span><small></small>";
    const mark = { confirmed: "✓", rejected: "✕", unusable: "–" }[row.state];
    button.querySelector("b").textContent = mark ?? row.confidence.toFixed(2);
    button.querySelector("b").dataset.level = { confirmed: "done", rejected: "rejected", unusable: "none" }[row.state] ?? level(row.confidence);
    button.querySelector(".file").textContent = row.file;
    const reasons = row.reasons.filter((reason) => reason !== "nothing").map((reason) => REASON_NAMES[reason] ?? reason);
    const notes = [row.problem, row.state === "skipped" ? "put off" : "", reasons.join(", "), row.held_by && `${row.held_by} has it`];
    button.querySelector("small").textContent = notes.filter(Boolean).join(" · ");
    if (row.model_id === this.state.current) button.setAttribute("aria-current", "true");
    item.append(button);
    return item;
  }
}
