"use strict";
/* Saving by itself: a second after the last change, one request at a time, again and again while the
   network is away; what is not saved yet lies in the browser, under the user and the return. */

const WAIT = 1000, SOON = 300;
const AGAIN = [2000, 5000, 10000, 20000, 40000, 60000];
const TIMEOUT = 20000;
const MOST_EDITS = 2000;
const DRAFT = "portal.draft.";

export class Sync {
  /* `told(state, detail)`: saving, saved {at}, waiting, failed, offline, locked {message}, out, refused {message}.
     `changed(cells)`: cells whose stored value, clash or message changed. */
  constructor(sheet, data, told, changed) {
    this.sheet = sheet;
    this.url = data.urls.cells;
    this.key = DRAFT + data.user + "." + data.submission + "." + data.part;
    this.told = told;
    this.changed = changed;
    this.timer = null;
    this.isSending = false;
    this.failures = 0;
    this.isLocked = data.isLocked;
    this.isStopped = data.isLocked;
    this.waiting = [];
    this.isForgotten = false;
    this.lastSaved = null;
    window.addEventListener("online", this.now.bind(this));
    window.addEventListener("offline", function () { if (sheet.pending().length) { told("offline"); } });
    document.addEventListener("visibilitychange", function () { if (document.hidden) { this.now(); } }.bind(this));
    document.addEventListener("portal:session-over", this.keep.bind(this));
  }

  /* ---- the draft ---- */

  /* A page opened while the return is locked has taken nothing up, so the draft waits for the next one. */
  keep() {
    if (this.isForgotten || this.isLocked) { return; }
    const draft = this.sheet.draft();
    try {
      if (draft.length) {
        window.localStorage.setItem(this.key, JSON.stringify(draft));
      } else {
        window.localStorage.removeItem(this.key);
      }
    } catch (error) {
      /* A full or closed store costs the draft, never the work on the page. */
      this.told("nodraft");
    }
  }

  /* Cells taken up from a draft of before; from here on the draft holds these alone. */
  takeUp() {
    if (this.isLocked) { return []; }
    let draft = null;
    try { draft = JSON.parse(window.localStorage.getItem(this.key) || "null"); } catch (error) { draft = null; }
    const taken = Array.isArray(draft) ? this.sheet.takeUp(draft) : [];
    this.keep();
    return taken;
  }

  /* Nothing is kept any more: the work is handed in, or the user goes. */
  forget() {
    this.isStopped = this.isForgotten = true;
    try { window.localStorage.removeItem(this.key); } catch (error) { return; }
  }

  /* Logging out takes all drafts of the user along. */
  forgetOnLogout(user) {
    const form = document.getElementById("logout-form");
    if (!form) { return; }
    form.addEventListener("submit", function () {
      this.forget();
      try {
        Object.keys(window.localStorage).filter(function (key) { return key.startsWith(DRAFT + user + "."); })
          .forEach(function (key) { window.localStorage.removeItem(key); });
      } catch (error) { return; }
    }.bind(this));
  }

  /* ---- when ---- */

  typed() { this._plan(WAIT); }

  left() { this._plan(SOON); }

  now() { this._plan(0); }

  _plan(delay) {
    this.keep();
    if (this.isStopped) { return; }
    window.clearTimeout(this.timer);
    if (!this.sheet.pending().length && !this.isSending) {
      this.told(this.lastSaved ? "saved" : "idle", this.lastSaved);
      this._settled();
      return;
    }
    if (delay && !this.isSending && !this.failures) { this.told("waiting"); }
    /* At once means within this event: a page that is being closed runs no timer any more. */
    if (!delay) { this._send(); return; }
    this.timer = window.setTimeout(this._send.bind(this), delay);
  }

  /* Resolves when everything that can be saved is saved: true, or false when it could not be. */
  flush() {
    if (!this.sheet.pending().length && !this.isSending) { return Promise.resolve(true); }
    return new Promise(function (resolve) {
      this.waiting.push(resolve);
      this.now();
    }.bind(this));
  }

  _settled() {
    const isDone = !this.sheet.pending().length;
    this.waiting.splice(0).forEach(function (resolve) { resolve(isDone); });
  }

  /* ---- sending ---- */

  _send() {
    if (this.isSending || this.isStopped) { return; }
    const batch = this.sheet.pending().slice(0, MOST_EDITS);
    if (!batch.length) { this._settled(); return; }
    const edits = batch.map(this.sheet.edit, this.sheet);
    this.isSending = true;
    this.told("saving");
    post(this.url, { edits: edits }, this.failures > 0).then(function (answer) {
      this.isSending = false;
      this._read(answer, batch);
    }.bind(this)).catch(function () {
      this.isSending = false;
      this._fail();
    }.bind(this));
  }

  _read(answer, batch) {
    if (answer.isOut) { this._stop("out", {}); return; }
    if (answer.status >= 500 || answer.status === 429 || !answer.body) { this._fail(); return; }
    if (answer.status === 409 || answer.status === 403 || answer.status === 404) { this._stop("locked", answer.body); return; }
    if (answer.status !== 200) { this._stop("refused", answer.body); return; }
    this.failures = 0;
    if (window.portalShell) { window.portalShell.markActive(); }
    this._apply(answer.body);
    this.keep();
    this.changed(batch);
    if (this.sheet.pending().length) { this._plan(SOON); } else {
      this.lastSaved = { at: answer.body.at, unsaved: this.sheet.unsaved().length };
      this.told("saved", this.lastSaved);
      this._settled();
    }
  }

  _apply(body) {
    const sheet = this.sheet;
    body.saved.forEach(function (item) { sheet.saved(sheet.find(item.village, item.code), item.stored, item.note); });
    body.conflicts.forEach(function (item) {
      sheet.clash(sheet.find(item.village, item.code), { stored: item.stored, who: item.who, at: item.at });
    });
    body.problems.forEach(function (item) { sheet.tell(sheet.find(item.village, item.code), item.message); });
  }

  _fail() {
    const delay = AGAIN[Math.min(this.failures, AGAIN.length - 1)];
    this.failures += 1;
    this.keep();
    this.told(navigator.onLine === false ? "offline" : "failed", { seconds: delay / 1000 });
    this.waiting.splice(0).forEach(function (resolve) { resolve(false); });
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(this._send.bind(this), delay);
  }

  _stop(state, detail) {
    this.isStopped = state !== "refused";
    this.keep();
    this.told(state, detail);
    this.waiting.splice(0).forEach(function (resolve) { resolve(false); });
  }
}

function token() {
  const found = document.cookie.match(/(?:^|; )(?:__Host-)?csrftoken=([^;]+)/);
  return found ? decodeURIComponent(found[1]) : window.portalShell.csrfToken();
}

/* {status, body, isOut}; rejects without an answer. A redirect means that the session is over. */
export function post(url, content, isBackground) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token() };
  if (isBackground) { headers["X-Background"] = "true"; }
  return ask(url, { method: "POST", headers: headers, body: JSON.stringify(content), keepalive: JSON.stringify(content).length < 60000 });
}

export function get(url) { return ask(url, { method: "GET" }); }

function ask(url, options) {
  const limit = new AbortController();
  const timer = window.setTimeout(function () { limit.abort(); }, TIMEOUT);
  return window.fetch(url, Object.assign({ credentials: "same-origin", redirect: "manual", signal: limit.signal }, options))
    .then(function (answer) {
      const isOut = answer.type === "opaqueredirect" || answer.status === 401;
      const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
      return (isJson ? answer.json() : Promise.resolve(null)).then(function (body) {
        return { status: answer.status, body: body, isOut: isOut };
      });
    })
    .finally(function () { window.clearTimeout(timer); });
}
