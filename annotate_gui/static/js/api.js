// Talks to the server: requests, and the outbox that loses no action.

const RETRY_MS = [300, 600, 1200, 2500, 5000];
const OUTBOX = "annotate-gui:outbox:"; // then the session; in the browser's storage, which all tabs share

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error ?? body?.detail ?? `the server answered ${status}`);
    this.status = status;
    this.body = body ?? {};
  }
}

async function answer(response) {
  if (response.ok) return response;
  let body = null;
  try { body = await response.json(); } catch { /* no JSON: the status has to do */ }
  throw new ApiError(response.status, body);
}

function url(path, query) {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== "");
  return `api/${path}` + (pairs.length ? `?${new URLSearchParams(pairs)}` : "");
}

export async function get(path, query, signal) {
  return (await answer(await fetch(url(path, query), { signal }))).json();
}

export async function picture(path, query, signal) {
  const response = await answer(await fetch(url(path, query), { signal }));
  return createImageBitmap(await response.blob());
}

// `outlives`: the request goes on when the page is closed; the browser allows that for small ones only.
export async function post(path, body, outlives = false) {
  const response = await fetch(url(path), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    keepalive: outlives,
  });
  return (await answer(response)).json();
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Try until it works: the server may be restarting. Answers other than "not now" are errors for the caller.
export async function patiently(attempt, signal) {
  for (let round = 0; ; round += 1) {
    try {
      return await attempt();
    } catch (error) {
      const isAnswer = error instanceof ApiError && error.status !== 503 && error.status !== 499;
      if (isAnswer || error.name === "AbortError") throw error;
      await pause(RETRY_MS[Math.min(round, RETRY_MS.length - 1)]);
      signal?.throwIfAborted();
    }
  }
}

// Actions on their way to the server: in order, one at a time, kept in the browser until they are stored.
export class Outbox {
  constructor(name, handlers) {
    this.name = OUTBOX + name;
    this.handlers = handlers; // revision(modelId), learn(modelId), stored(item, answer), conflict(item, error), refused(item, error), changed()
    this.items = JSON.parse(localStorage.getItem(this.name) ?? "[]").map((item) => ({ ...item, isOld: true }));
    this.isOnline = true;
    this.isSending = false;
  }

  // Send what closed tabs could not send any more. `goneOf(sessions)` tells which tabs are closed.
  async adopt(goneOf) {
    const others = Object.keys(localStorage).filter((name) => name.startsWith(OUTBOX) && name !== this.name);
    for (const session of await goneOf(others.map((name) => name.slice(OUTBOX.length)))) {
      const left = JSON.parse(localStorage.getItem(OUTBOX + session) ?? "[]");
      this.items.push(...left.map((item) => ({ ...item, isOld: true })));
      this.save();
      localStorage.removeItem(OUTBOX + session);
    }
  }

  push(path, body) {
    this.items.push({ path, body });
    this.save();
    this.send();
  }

  pendingModels() {
    return new Set(this.items.map((item) => item.body.model_id).filter(Boolean));
  }

  save() {
    if (this.items.length) localStorage.setItem(this.name, JSON.stringify(this.items));
    else localStorage.removeItem(this.name);
    this.handlers.changed();
  }

  // The revision that the person saw; of a model that was never shown, the one that is stored.
  async setRevision(body) {
    body.revision = this.handlers.revision(body.model_id) ?? body.revision;
    if (!body.revision) body.revision = await this.handlers.learn(body.model_id);
  }

  async send() {
    if (this.isSending) return;
    this.isSending = true;
    for (let round = 0; this.items.length; ) {
      const item = this.items[0];
      try {
        if (item.path === "actions") await this.setRevision(item.body);
        const stored = await post(item.path, item.body, true);
        this.isOnline = true;
        this.items.shift();
        this.handlers.stored(item, stored);
        round = 0;
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) {
          this.items.shift();
          this.save();
          await this.handlers.conflict(item, error); // may put it back in front
        } else if (error instanceof ApiError && error.status < 500 && error.status !== 404 && error.status !== 499) {
          this.items.shift();
          this.handlers.refused(item, error);
        } else if (error instanceof ApiError && error.status === 404 && round > 8) {
          this.items.shift();
          this.handlers.refused(item, error);
        } else {
          this.isOnline = false;
          this.handlers.changed();
          await pause(RETRY_MS[Math.min(round, RETRY_MS.length - 1)]);
          round += 1;
        }
      }
      this.save();
    }
    this.isSending = false;
  }
}
