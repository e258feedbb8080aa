// What this tab knows: who works here, which models are in its line, what was said of them, what can be undone.

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const newId = randomId;

const LINE = "annotate-gui:line";
const LOCK_PATIENCE_MS = 2000; // a page that is being reloaded takes a moment to go

// A tab keeps its session over reloads; a duplicated tab gets one of its own (where the browser can tell).
export async function openSession() {
  const session = sessionStorage.getItem("annotate-gui:session") ?? randomId();
  const isMine = await ownSession(session);
  const own = isMine ? session : randomId();
  if (!isMine) await ownSession(own);
  sessionStorage.setItem("annotate-gui:session", own);
  return own;
}

function ownSession(session) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const hold = () => { resolve(true); return new Promise(() => {}); }; // held as long as the tab lives
    const signal = AbortSignal.timeout(LOCK_PATIENCE_MS);
    navigator.locks.request(`annotate-gui:${session}`, { signal }, hold).catch(() => resolve(false));
  });
}

// Those of some sessions whose tabs are closed. Where the browser cannot tell, all: what is sent twice is done once.
export async function goneOf(sessions) {
  const locks = await navigator.locks?.query();
  const open = new Set((locks?.held ?? []).map(({ name }) => name));
  return sessions.filter((session) => !open.has(`annotate-gui:${session}`));
}

export const LINE_LENGTH = 4; // the current model and the next ones, which are loaded ahead

export class State {
  constructor(session) {
    this.session = session;
    this.by = localStorage.getItem("annotate-gui:name") ?? "";
    this.filter = { source: "", state: "", reason: "", text: "" };
    this.line = JSON.parse(sessionStorage.getItem(LINE) ?? "[]"); // model ids; the first is before the person
    this.visited = []; // model ids, the latest last
    this.seen = new Set(); // where a filter shows what is done already, what was looked at in this pass
    this.documents = new Map(); // model id -> what the server told last
    this.undoable = []; // {id, model_id, kind}
    this.redoable = []; // ids of undos, with their entries
    this.parameters = [];
    this.candidate = new Map(); // model id -> index of the chosen card
    this.activeLine = "bottom";
    this.weight = 0;
    this.wide = false;
    this.every = false;
  }

  get current() { return this.line[0] ?? null; }

  get isReview() { return !["", "open", "skipped"].includes(this.filter.state); }

  document(modelId = this.current) { return this.documents.get(modelId) ?? null; }

  revision(modelId) { return this.documents.get(modelId)?.annotation.revision; }

  // A reload goes on with the same model.
  saveLine() {
    sessionStorage.setItem(LINE, JSON.stringify(this.line));
  }

  setName(name) {
    this.by = name;
    localStorage.setItem("annotate-gui:name", name);
  }
}
