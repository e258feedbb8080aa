// Loads models with all their pictures, the next ones ahead of time, and keeps a bounded number of them.

import { ApiError, get, patiently, pause, picture } from "./api.js";

const KEEP = 8;
const AT_ONCE = 3; // browsers open six connections to a server: some must be left for what the person does

// Lets few requests go at a time, the urgent ones first.
class Gate {
  constructor(places) {
    this.places = places;
    this.waiting = [];
  }

  async pass(urgency, request) {
    if (this.places > 0) this.places -= 1;
    else await new Promise((resolve) => {
      this.waiting.push({ urgency, resolve });
      this.waiting.sort((one, other) => one.urgency - other.urgency);
    });
    try {
      return await request();
    } finally {
      const next = this.waiting.shift();
      if (next) next.resolve();
      else this.places += 1;
    }
  }
}

export class Loader {
  constructor(state) {
    this.state = state;
    this.bundles = new Map(); // key -> {promise, bundle, abort}
    this.gate = new Gate(AT_ONCE);
  }

  key(modelId) {
    return `${modelId} ${this.state.wide} ${this.state.every}`;
  }

  // What is loaded already, or null.
  ready(modelId) {
    return this.bundles.get(this.key(modelId))?.bundle ?? null;
  }

  load(modelId, urgency) {
    const key = this.key(modelId);
    const known = this.bundles.get(key);
    if (known && (known.urgency <= urgency || known.bundle)) {
      this.bundles.delete(key);
      this.bundles.set(key, known); // the youngest
      return known.promise;
    }
    known?.abort.abort();
    const abort = new AbortController();
    const entry = { abort, urgency, bundle: null };
    entry.promise = this.fetchAll(modelId, urgency, abort.signal).then((bundle) => {
      entry.bundle = bundle;
      return bundle;
    });
    entry.promise.catch(() => { if (this.bundles.get(key) === entry) this.bundles.delete(key); });
    this.bundles.set(key, entry);
    this.trim();
    return entry.promise;
  }

  // Load the line in order, each after the other, so that the nearest is there first.
  async prefetch() {
    const ticket = (this.ticket = {});
    for (const [place, modelId] of this.state.line.entries()) {
      try {
        await this.load(modelId, place);
      } catch { /* the model says so itself when its turn comes */ }
      document.body.dataset.aheadOf = this.state.current;
      document.body.dataset.ahead = String(this.state.line.slice(1).filter((other) => this.ready(other)).length);
      if (this.ticket !== ticket) return;
    }
  }

  forget(modelId) {
    for (const [key, entry] of this.bundles) {
      if (key.startsWith(modelId)) { entry.abort.abort(); this.bundles.delete(key); }
    }
  }

  async fetchAll(modelId, urgency, signal) {
    for (let round = 0; ; round += 1) {
      try {
        return await patiently(() => this.fetchOnce(modelId, urgency, signal), signal);
      } catch (error) {
        const isStale = error instanceof ApiError && error.status === 409;
        const isEarly = error instanceof ApiError && error.status === 404; // a server that just started looks for models
        if (isEarly && round < 5) await pause(1000);
        else if (!isStale || round > 3) {
          if (error instanceof ApiError) return { modelId, problem: error.message };
          throw error;
        }
      }
    }
  }

  async fetchOnce(modelId, urgency, signal) {
    const { session, wide, every } = this.state;
    const options = { wide: wide || undefined, every: every || undefined, urgency };
    const told = await this.gate.pass(urgency, () => get(`models/${modelId}`, { session, ...options }, signal));
    const known = this.state.documents.get(modelId);
    if (!known || known.annotation.revision < told.document.annotation.revision) this.state.documents.set(modelId, told.document);
    const shown = this.state.documents.get(modelId);
    const rest = this.state.parameters.map((parameter) => parameter.rest);
    const query = { v: told.version, ...options };
    const view = (show) => this.gate.pass(urgency, () => picture(`models/${modelId}/${show}.webp`, query, signal));
    const firstFrame = () => this.frame(modelId, shown.annotation.revision, rest, urgency, signal).catch(orNull);
    const regions = ["eyes", "mouth"].filter((region) => told.facts.candidates.some((one) => one.region === region));
    const [front, side, frame, ...columns] = await Promise.all([
      view("front"), view("side"), this.gate.pass(urgency, firstFrame), ...regions.map(view),
    ]);
    const pieces = Object.fromEntries(regions.map((region, place) => [region, columns[place]]));
    return { modelId, facts: told.facts, front, side, frame, frameRevision: shown.annotation.revision, pieces };
  }

  frame(modelId, revision, pose, urgency, signal) {
    const text = pose.map((value) => String(Math.round(value * 1000) / 1000)).join(",");
    return picture(`models/${modelId}/frame.webp`, { revision, pose: text, urgency }, signal);
  }

  trim() {
    const wanted = new Set(this.state.line.map((modelId) => this.key(modelId)));
    for (const [key, entry] of this.bundles) {
      if (this.bundles.size <= KEEP) return;
      if (!wanted.has(key)) { entry.abort.abort(); this.bundles.delete(key); }
    }
  }
}

function orNull(error) {
  if (error instanceof ApiError) return null; // for example no morph plays the mouth yet
  throw error;
}
