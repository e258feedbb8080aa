// Puts the page together: a person's actions change the state, go into the outbox, and show at once.

import { get, Outbox, patiently, post } from "./api.js";
import { askReason, askWho, askWhose, isAnyOpen } from "./dialogs.js";
import { Info } from "./info.js";
import { fillHelp, fillHints, keyTable, listen } from "./keys.js";
import { Views } from "./lines.js";
import { Loader } from "./loader.js";
import { Pad } from "./pad.js";
import { Queue } from "./queue.js";
import { goneOf, LINE_LENGTH, newId, openSession, State } from "./state.js";
import { ROLES, Strip } from "./strip.js";

const HEARTBEAT_MS = 20_000;
const SETTLE_MS = 350; // a line that was not moved for so long is saved
const IDLE_MS = 45_000; // who does nothing for so long is away: that is not time for the model
const NEEDED = { eye_wink_left: "the left eye (2)", eye_wink_right: "the right eye (3)", mouth_aaa: "the mouth (7)" };

const byId = (id) => document.getElementById(id);

class Page {
  constructor(session) {
    this.state = new State(session);
    this.loader = new Loader(this.state);
    this.strip = new Strip({ choose: (index) => this.choose(index), assign: (index, role) => this.assign(index, role) });
    this.info = new Info({ choose: (role) => this.chooseRole(role) });
    this.views = new Views({
      pick: (line) => { this.state.activeLine = line; this.showBounds(); },
      move: (line, y, isDone) => { this.setLine(line, y); if (isDone) this.saveBounds(); },
    });
    this.queue = new Queue(this.state, { filter: () => this.changeFilter(), open: (modelId) => this.open(modelId) });
    this.bounds = null; // what the lines show, where it is not stored yet
    this.clock = { model: null, spent: 0, since: 0 };
    this.lastInput = performance.now();
  }

  async start() {
    const { session } = this.state;
    this.outbox = new Outbox(session, {
      revision: (modelId) => this.state.revision(modelId),
      learn: (modelId) => this.learn(modelId),
      stored: (item, answer) => this.stored(item, answer),
      conflict: (item, error) => this.conflict(item, error),
      refused: (item, error) => this.refused(item, error),
      changed: () => this.showSaved(),
    });
    const hello = await patiently(() => get("hello", { session }));
    this.state.parameters = hello.parameters;
    this.state.undoable = hello.history;
    this.pad = new Pad(hello.parameters, { pose: () => this.drawFrame() });
    if (!this.state.by) this.state.setName(await askWho(hello.user));
    byId("name").textContent = this.state.by;
    this.connect();
    for (const { path, body } of this.outbox.items) {
      if (path === "actions") this.state.undoable.push({ id: body.id, model_id: body.model_id, kind: body.kind });
    }
    await this.outbox.adopt(goneOf);
    this.outbox.send();
    this.isStarting = true;
    await this.refill();
    this.isStarting = false;
    await this.showCurrent();
    setInterval(() => this.refill(), HEARTBEAT_MS);
  }

  connect() {
    const act = {
      confirm: () => this.confirm(), step: (by) => this.step(by), toggleWeight: () => this.setWeight(1 - this.state.weight),
      giveRole: (key) => this.assign(this.chosen, ROLES[Number(key) - 1].role),
      moveLine: (pixels) => this.moveLine(pixels),
      otherLine: () => { this.state.activeLine = this.state.activeLine === "bottom" ? "top" : "bottom"; this.showBounds(); },
      reject: () => this.reject(), skip: () => this.finish("skip"), undo: () => this.undo(), redo: () => this.redo(),
      back: () => this.back(), toggleEvery: () => this.toggle("every"), toggleWide: () => this.toggle("wide"),
      rest: () => this.pad.rest(), openQueue: () => this.queue.toggle(), help: () => byId("help").showModal(),
    };
    const table = keyTable(act);
    listen(table, isBusy);
    fillHints(table, byId("hints"));
    fillHelp(table, document.querySelector("#key-table tbody"));
    byId("open-queue").addEventListener("click", () => this.queue.toggle());
    byId("open-help").addEventListener("click", act.help);
    byId("wide").addEventListener("click", act.toggleWide);
    byId("front").addEventListener("click", act.toggleWeight);
    byId("name").addEventListener("click", async () => {
      this.state.setName(await askWho(this.state.by));
      byId("name").textContent = this.state.by;
    });
    for (const button of document.querySelectorAll("[data-close]")) {
      button.addEventListener("click", () => (button.dataset.close === "help" ? byId("help").close() : this.queue.close()));
    }
    for (const kind of ["keydown", "pointerdown", "pointermove"]) {
      window.addEventListener(kind, () => this.noteInput(), { capture: true, passive: true });
    }
    // a button keeps no focus, or Space and Enter would press it again in place of what they are for
    document.addEventListener("click", (event) => { if (!isAnyOpen()) event.target.closest("button")?.blur(); });
    window.addEventListener("pagehide", () => {
      this.saveBounds();
      navigator.sendBeacon(`api/release?session=${this.state.session}`);
    });
    connectTheme();
  }

  // ---- which model ----

  get chosen() { return this.state.candidate.get(this.state.current) ?? 0; }

  // Ask for the next models, and say that this tab is alive.
  async refill() {
    const { state } = this;
    const guest = state.current;
    const pending = [...this.outbox.pendingModels()].filter((modelId) => modelId !== guest);
    this.refilling?.abort();
    const ticket = (this.refilling = new AbortController());
    const body = {
      session: state.session, by: state.by, keep: state.line, count: LINE_LENGTH, filter: state.filter,
      seen: [...new Set([...pending, ...(state.isReview ? state.seen : [])])],
    };
    const told = await patiently(() => post("claim", body), ticket.signal).catch((error) => {
      if (error.name !== "AbortError") this.toast(error.message);
      return null;
    });
    if (ticket !== this.refilling) return;
    this.refilling = null;
    if (!told) return;
    const wasEmpty = state.current === null;
    const others = told.line.filter((modelId) => modelId !== state.current);
    if (this.isStarting) state.line = told.line; // what a reload brought back may be gone by now
    else if (state.current !== null) state.line = [state.current, ...others].slice(0, LINE_LENGTH);
    else state.line = told.line;
    state.saveLine();
    this.progress = told.progress;
    this.showProgress();
    this.queue.refresh();
    if (this.isStarting) this.showEmpty();
    else if (wasEmpty && state.current) this.showCurrent();
    else this.showEmpty();
    this.loader.prefetch();
    clearTimeout(this.lookingAgain); // while models are still being found
    if (told.progress.looked_at < told.progress.found) this.lookingAgain = setTimeout(() => this.refill(), 2000);
  }

  async showCurrent() {
    const modelId = this.state.current;
    this.state.saveLine();
    this.startClock(modelId);
    this.showEmpty();
    if (!modelId) { this.blank(); return; }
    const ready = this.loader.ready(modelId);
    if (ready) this.present(ready);
    else {
      this.blank();
      const bundle = await this.loader.load(modelId, 0).catch(() => null);
      if (bundle && this.state.current === modelId) this.present(bundle);
    }
  }

  present(bundle) {
    const { state } = this;
    this.bundle = bundle;
    this.bounds = null;
    document.body.dataset.model = bundle.modelId;
    document.body.classList.remove("loading");
    if (bundle.problem) { this.showProblem(bundle); return; }
    const told = state.document(bundle.modelId);
    bundle.centerX = told.annotation.head.center_x;
    if (!state.candidate.has(bundle.modelId)) state.candidate.set(bundle.modelId, this.firstCandidate(bundle, told));
    this.pad.reset();
    state.weight = 0;
    this.views.overlay = null;
    this.views.show(bundle);
    this.strip.show(bundle);
    this.strip.choose(this.chosen);
    this.showWeight();
    this.showDocument();
    this.measure();
    if (bundle.frame && bundle.frameRevision === told.annotation.revision) this.pad.draw(bundle.frame);
    else this.drawFrame();
  }

  // How long the person waited for the picture; in the browser's own list of measures.
  measure() {
    const start = this.pressed;
    if (start === undefined) return;
    this.pressed = undefined;
    requestAnimationFrame(() => setTimeout(() => performance.measure("key-to-picture", { start })));
  }

  firstCandidate(bundle, told) {
    const asked = Object.keys(told.needs).find((name) => name in NEEDED);
    const morph = told.annotation.roles[asked ?? "eye_wink_both"]?.morph;
    const index = bundle.facts.candidates.findIndex((one) => one.morph === morph);
    if (index >= 0) return index;
    return asked === "mouth_aaa" ? Math.max(0, bundle.facts.candidates.findIndex((one) => one.region === "mouth")) : 0;
  }

  showDocument() {
    const told = this.state.document();
    if (!told || !this.bundle?.facts) return;
    byId("file").textContent = told.file;
    byId("file").title = told.file;
    const { facts } = this.bundle;
    const { vertices, bones, morphs } = facts.counts;
    byId("about").textContent = `${facts.name} · ${facts.format.toUpperCase()} · ${vertices.toLocaleString("en")} vertices, ${bones} bones, ${morphs} morphs`;
    this.info.show(told, facts);
    this.strip.setRoles(told.annotation.roles);
    this.showBounds();
  }

  showProblem(bundle) {
    this.blank();
    document.body.classList.remove("loading");
    const told = this.state.document(bundle.modelId);
    byId("file").textContent = told?.file ?? bundle.modelId;
    byId("about").textContent = bundle.problem;
    this.toast(`${bundle.problem} Reject it with X, or put it off with U.`);
  }

  blank() {
    this.bundle = null;
    document.body.classList.add("loading");
    delete document.body.dataset.model;
    byId("about").textContent = "loading …";
    this.views.overlay = null;
    this.views.show(null);
    this.strip.show(null);
    this.pad.draw(null);
    this.pad.note.textContent = " ";
  }

  showEmpty() {
    const isEmpty = this.state.current === null && !this.refilling;
    byId("work").hidden = isEmpty;
    byId("empty").hidden = !isEmpty;
    document.body.classList.toggle("is-empty", isEmpty);
    if (!isEmpty || !this.progress) return;
    const { states, looked_at: lookedAt, found } = this.progress;
    const open = (states.open ?? 0) + (states.skipped ?? 0);
    delete document.body.dataset.model;
    byId("file").textContent = "No model";
    byId("about").textContent = " ";
    if (lookedAt < found) setEmpty("Looking for models …", `${lookedAt} of ${found} files read.`);
    else if (open > 0) setEmpty("Nothing left with this filter", "Others may have the rest open. Press / to choose another filter.");
    else setEmpty("All done", `${states.confirmed ?? 0} models confirmed, ${states.rejected ?? 0} left out. Press / to look at them again, Z to take something back.`);
  }

  async open(modelId) {
    if (modelId === this.state.current) return;
    this.saveBounds();
    this.goTo(modelId);
  }

  goTo(modelId) {
    const { state } = this;
    state.line = [modelId, ...state.line.filter((other) => other !== modelId)].slice(0, LINE_LENGTH);
    this.showCurrent();
    this.refill();
    this.refreshDocument(modelId);
  }

  async refreshDocument(modelId) {
    const told = await get(`models/${modelId}/document`, { session: this.state.session }).catch(() => null);
    if (told && !this.outbox.pendingModels().has(modelId)) this.takeDocument(modelId, told);
  }

  async learn(modelId) {
    const told = await get(`models/${modelId}/document`, { session: this.state.session });
    this.state.documents.set(modelId, told);
    return told.annotation.revision;
  }

  back() {
    const { visited, current } = this.state;
    while (visited.length && visited.at(-1) === current) visited.pop();
    const modelId = visited.pop();
    if (modelId) this.open(modelId);
    else this.toast("This is the first model that you had.");
  }

  changeFilter() {
    const { state } = this;
    this.saveBounds();
    state.seen.clear();
    state.line = [];
    this.loader.ticket = null;
    this.startClock(null);
    this.blank();
    this.refill();
  }

  toggle(option) {
    this.saveBounds();
    this.state[option] = !this.state[option];
    byId("wide").setAttribute("aria-pressed", String(this.state.wide));
    this.state.candidate.delete(this.state.current);
    if (this.state.current && !this.loader.ready(this.state.current)) this.toast("Drawing …");
    if (this.state.current) this.loader.load(this.state.current, 0).then((bundle) => {
      if (bundle.modelId === this.state.current) this.present(bundle);
      this.loader.prefetch();
    }).catch(() => {});
  }

  // ---- what a person does ----

  act(kind, details = {}) {
    const modelId = this.state.current;
    const body = { id: newId(), session: this.state.session, by: this.state.by, model_id: modelId, kind, revision: this.state.revision(modelId) ?? 0, ...details };
    this.state.undoable.push({ id: body.id, model_id: modelId, kind });
    this.state.redoable = [];
    this.outbox.push("actions", body);
  }

  confirm() {
    if (!this.bundle?.facts) return;
    const { roles } = this.state.document().annotation;
    const missing = Object.keys(NEEDED).filter((role) => !roles[role] || roles[role].morph < 0);
    if (missing.length) {
      this.toast(`No morph for ${missing.map((role) => NEEDED[role]).join(" and ")}: choose one, or reject the model with X.`);
      return;
    }
    this.finish("confirm");
  }

  async reject() {
    if (!this.state.current) return;
    const reason = await askReason();
    if (reason) this.finish("reject", { reason });
  }

  finish(kind, details = {}) {
    const { state } = this;
    if (!state.current) return;
    this.pressed = window.event?.timeStamp ?? performance.now();
    this.saveBounds();
    this.act(kind, { ...details, seconds: Math.round(this.stopClock() / 10) / 100 });
    state.visited.push(state.current);
    state.seen.add(state.current);
    state.line = state.line.slice(1);
    this.refill();
    this.showCurrent();
  }

  step(by) {
    const count = this.bundle?.facts?.candidates.length ?? 0;
    if (count) this.choose((this.chosen + by + count) % count);
  }

  choose(index) {
    if (!this.bundle?.facts) return;
    this.state.candidate.set(this.state.current, index);
    this.strip.choose(index);
    this.showWeight();
  }

  chooseRole(role) {
    const morph = this.state.document()?.annotation.roles[role]?.morph;
    const index = this.bundle?.facts?.candidates.findIndex((candidate) => candidate.morph === morph) ?? -1;
    if (index >= 0) this.choose(index);
  }

  setWeight(weight) {
    this.state.weight = weight;
    this.showWeight();
  }

  showWeight() {
    const overlay = this.state.weight ? this.strip.overlay(this.chosen) : null;
    this.views.setOverlay(overlay);
    this.strip.setWeight(this.state.weight);
    const name = this.bundle?.facts?.candidates[this.chosen]?.name ?? "";
    byId("weight").textContent = `${name}  ${this.state.weight}`;
    byId("weight").dataset.weight = String(this.state.weight);
  }

  // Give the morph of a card a role, or take it away if it has it.
  assign(index, role) {
    const candidate = this.bundle?.facts?.candidates[index];
    if (!candidate) return;
    this.saveBounds();
    const side = ROLES.find((entry) => entry.role === role).side;
    const half = ["left", "right"].includes(side) && candidate.side === "both" ? side : null;
    if (side && candidate.side !== "both" && side !== candidate.side) {
      this.toast(`'${candidate.name}' moves the ${candidate.side} eye only.`);
      return;
    }
    const told = this.state.document();
    const isTaken = told.annotation.roles[role]?.morph === candidate.morph;
    this.act("role", { role, morph: isTaken ? null : candidate.morph, half: isTaken ? null : half });
    const word = { origin: "human", method: "chosen", confidence: 1, by: this.state.by };
    told.annotation.roles[role] = isTaken ? { morph: -1, name: "", half: null, provenance: word }
      : { morph: candidate.morph, name: candidate.name, half, provenance: word };
    this.choose(index);
    this.showDocument();
  }

  // ---- lines ----

  shownBounds() {
    const { bottom, top } = this.state.document().annotation.head;
    return this.bounds ?? { bottom, top };
  }

  showBounds() {
    if (this.bundle?.facts) this.views.setBounds(this.shownBounds(), this.state.activeLine);
  }

  // A pixel is one of the frame as it was proposed, so that W and S undo each other.
  moveLine(pixels) {
    if (!this.bundle?.facts) return;
    const { top, bottom } = this.state.document().annotation.head;
    const line = this.state.activeLine;
    this.setLine(line, this.shownBounds()[line] + (pixels * (top - bottom)) / 128);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.saveBounds(), SETTLE_MS);
  }

  setLine(line, y) {
    const bounds = { ...this.shownBounds(), [line]: y };
    const least = (this.bundle.facts.view.top - this.bundle.facts.view.bottom) * 0.02;
    if (bounds.top - bounds.bottom < least) return;
    this.bounds = bounds;
    this.showBounds();
    this.pad.sketch(this.bundle, bounds);
  }

  // What the lines show goes to the server, once they rest.
  saveBounds() {
    clearTimeout(this.settling);
    if (!this.bounds || !this.state.current) return;
    const { bottom, top } = this.bounds;
    this.bounds = null;
    const { head } = this.state.document().annotation;
    if (head.bottom === bottom && head.top === top) return;
    this.act("bounds", { bottom, top });
    head.bottom = bottom;
    head.top = top;
    head.provenance = { origin: "human", method: "dragged", confidence: 1, by: this.state.by };
    this.showDocument();
  }

  // ---- the frame ----

  // The latest pose wins: a picture on its way for an older one is given up.
  async drawFrame() {
    const { bundle } = this;
    if (!bundle?.facts) return;
    this.posing?.abort();
    const abort = (this.posing = new AbortController());
    const revision = this.state.revision(bundle.modelId);
    try {
      const image = await this.loader.frame(bundle.modelId, revision, this.pad.vector, 0, abort.signal);
      if (this.bundle !== bundle || abort.signal.aborted) return;
      if (!this.bounds) this.pad.draw(image);
      if (this.pad.isAtRest) Object.assign(bundle, { frame: image, frameRevision: revision });
    } catch (error) {
      if (error.name !== "AbortError" && this.bundle === bundle && error.status === 422) this.pad.draw(null);
    }
  }

  // ---- undo ----

  undo() {
    this.saveBounds();
    const last = this.state.undoable.pop();
    if (!last) { this.toast("Nothing more to undo."); return; }
    this.takeBack(last, last.id);
  }

  redo() {
    const last = this.state.redoable.pop();
    if (!last) { this.toast("Nothing to do again."); return; }
    this.takeBack(last, last.undo, true);
  }

  takeBack(entry, undone, isRedo = false) {
    const id = newId();
    if (isRedo) this.state.undoable.push(entry);
    else this.state.redoable.push({ ...entry, undo: id });
    this.outbox.push("undo", { id, session: this.state.session, by: this.state.by, undone, model_id: entry.model_id });
    this.state.seen.delete(entry.model_id);
    this.toast(`${isRedo ? "Did again" : "Took back"}: ${entry.kind === "bounds" ? "moved line" : entry.kind}`);
    if (entry.model_id !== this.state.current) this.goTo(entry.model_id);
  }

  // ---- answers ----

  stored(item, answer) {
    this.takeDocument(item.body.model_id, answer);
    this.showSaved();
  }

  takeDocument(modelId, told) {
    const before = this.state.document(modelId);
    if (before && before.annotation.revision > told.annotation.revision) return; // an answer that was overtaken
    this.state.documents.set(modelId, told);
    if (modelId !== this.state.current || this.bundle?.modelId !== modelId) return;
    if (this.outbox.items.filter((item) => item.body.model_id === modelId).length > 1) return; // newer ones are on their way
    this.showDocument();
    if (before?.annotation.revision !== told.annotation.revision) this.drawFrame();
  }

  async conflict(item, error) {
    const modelId = error.body.document?.annotation.model_id;
    const isOwn = item.isOld && error.body.by === this.state.by;
    this.state.documents.set(modelId, error.body.document);
    const who = error.body.by || "Somebody";
    let choice = "mine";
    if (!isOwn) {
      const file = error.body.document?.file ?? "this model";
      const isAction = item.path === "actions"; // an undo cannot be done over what came after it
      const ways = isAction ? `Look at what ${who} said, or store yours over it.` : `Look at what ${who} said.`;
      choice = await askWhose(`${who} changed this model meanwhile`, `${file}: your last action (${item.body.kind ?? "undo"}) was not stored. ${ways}`, isAction);
    }
    if (choice === "mine" && item.path === "actions") {
      this.outbox.items.unshift({ ...item, isOld: false, body: { ...item.body, id: newId() } });
      const mine = this.state.undoable.find((entry) => entry.id === item.body.id);
      if (mine) mine.id = this.outbox.items[0].body.id;
    } else {
      this.state.undoable = this.state.undoable.filter((entry) => entry.id !== item.body.id);
      if (modelId !== this.state.current) this.goTo(modelId);
      else { this.bounds = null; this.showDocument(); this.drawFrame(); }
    }
  }

  refused(item, error) {
    this.state.undoable = this.state.undoable.filter((entry) => entry.id !== item.body.id);
    this.toast(error.message);
    const modelId = item.body.model_id;
    if (modelId) this.refreshDocument(modelId);
    if (modelId && ["confirm", "reject", "skip"].includes(item.body.kind)) this.goTo(modelId);
  }

  // ---- what the top shows ----

  showSaved() {
    const element = byId("saved");
    const waiting = this.outbox?.items.length ?? 0;
    const isOnline = this.outbox?.isOnline ?? true;
    element.dataset.state = !isOnline ? "offline" : waiting ? "saving" : "saved";
    element.textContent = !isOnline ? `Server away · ${waiting} kept here` : waiting ? "Saving" : "Saved";
  }

  showProgress() {
    const { states, median_seconds: seconds, looked_at: lookedAt, found } = this.progress;
    const confirmed = states.confirmed ?? 0;
    const rejected = states.rejected ?? 0;
    const open = (states.open ?? 0) + (states.skipped ?? 0);
    const total = confirmed + rejected + open;
    byId("done-bar").style.width = `${(100 * confirmed) / Math.max(total, 1)}%`;
    byId("rejected-bar").style.width = `${(100 * rejected) / Math.max(total, 1)}%`;
    const parts = [`${confirmed + rejected} of ${total} done`];
    if (seconds) parts.push(`${seconds.toFixed(1)} s a model`, `${duration(open * seconds)} left`);
    if (lookedAt < found) parts.push(`${found - lookedAt} files still to be read`);
    byId("progress-text").textContent = parts.join(" · ");
  }

  toast(text) {
    const element = byId("toast");
    element.textContent = text;
    element.classList.add("shown");
    clearTimeout(this.toasting);
    this.toasting = setTimeout(() => element.classList.remove("shown"), 2600);
  }

  // ---- time ----

  startClock(modelId) {
    if (this.clock.model === modelId) return;
    this.clock = { model: modelId, spent: 0, since: performance.now() };
  }

  stopClock() {
    this.noteInput();
    return this.clock.spent;
  }

  noteInput() {
    const now = performance.now();
    const since = Math.max(this.clock.since, this.lastInput);
    this.clock.spent += Math.min(now - since, IDLE_MS);
    this.clock.since = now;
    this.lastInput = now;
  }
}

// Whether a key belongs to what has the focus.
function isBusy(event) {
  const { target, key } = event;
  if (isAnyOpen() || target.matches("input:not([type=range]), select") || target.closest(".drawer")) return true;
  if (key === "Tab") return event.shiftKey; // Shift+Tab goes through the buttons
  if (target.matches("button, summary")) return key === "Enter" || key === " ";
  return target.matches("input[type=range], .pad") && key.startsWith("Arrow");
}

function setEmpty(title, text) {
  byId("empty-title").textContent = title;
  byId("empty-text").textContent = text;
}

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function connectTheme() {
  const root = document.documentElement;
  const stored = localStorage.getItem("annotate-gui:theme");
  if (stored) root.dataset.theme = stored;
  byId("theme").addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    localStorage.setItem("annotate-gui:theme", root.dataset.theme);
  });
}

new Page(await openSession()).start();
