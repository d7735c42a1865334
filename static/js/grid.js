"use strict";
/* The monthly grid: puts figures, table, saving and the bar at the foot together. Decisions: ui.md section 7. */
import * as cells from "./grid-cells.js";
import { Sheet } from "./grid-model.js";
import { Sync, get, post } from "./grid-sync.js";
import { Table } from "./grid-table.js";
import { Tip, element } from "./grid-tip.js";

const data = JSON.parse(document.getElementById("grid-data").textContent);
const texts = data.texts;
const sheet = new Sheet(data);
const root = document.getElementById("grid-table");
const part = function (name) { return document.querySelector("[data-grid=" + name + "]"); };
const submitDialog = document.getElementById("grid-submit");
const prefs = window.portalPrefs;
let filter = "all";
let village = 0;

const table = new Table(root, sheet, texts, {
  typed: function () { sync.typed(); showCounts(); },
  left: function () { sync.left(); showCounts(); },
  activated: function (cell) { tip.show(cell); setVillage(cell.row); part("cell-name").textContent = sheet.rows[cell.row].name + " " + cell.spec.title; },
  acted: showAction,
  wants: function (what) {
    if (what === "note") { tip.focusNote(); }
    if (what === "menu") { tip.openMenu(table.cell()); }
    if (what === "tip") { tip.show(table.cell()); }
    if (what === "close") { tip.hide(); }
    if (what === "bar") { part("next").focus(); }
    if (what === "next-village") { step(1); }
    if (what === "previous-village") { step(-1); }
  },
});
const tip = new Tip(part("tip"), table, sheet, texts, data.texts.phrases, {
  changed: function (changed) { table.paintRows(changed); showCounts(); sync.now(); },
});
const sync = new Sync(sheet, data, showSaving, function (changed) {
  table.paintRows(changed);
  showCounts();
  if (table.cell() && changed.includes(table.cell()) && sheet.status(table.cell()).kind === "conflict") { tip.show(table.cell()); }
});

/* ---- the bar at the foot ---- */

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "p-ic");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#i-" + name);
  svg.append(use);
  return svg;
}

function setText(name, text) {
  const place = part(name);
  if (place && place.textContent !== text) { place.textContent = text; }
}

let planned = 0;
function showCounts() {
  if (planned) { return; }
  planned = window.requestAnimationFrame(function () { planned = 0; paintCounts(); });
}

function paintCounts() {
  const counts = sheet.counts();
  const missing = counts.missing;
  const missingRows = counts.rows.filter(function (line) { return line.missing; }).length;
  const wrongRows = counts.rows.filter(function (line) { return line.errors + line.reasons + line.remarks; }).length;
  table.paintHeads(counts);
  setText("filled", cells.fill(texts.filled, { done: counts.filled, total: counts.total }));
  part("progress").value = counts.filled;
  setText("count-missing", String(missingRows || ""));
  setText("count-problems", String(wrongRows || ""));
  showMark("errors", counts.errors, cells.fill(texts.errors, { count: counts.errors }));
  showMark("returned", counts.remarks, cells.fill(texts.returnedCells, { count: counts.remarks }));
  showMark("reasons", counts.reasons + counts.written, cells.fill(texts.reasons, { count: counts.reasons + counts.written, written: counts.written }));
  const why = obstacles(missing, counts);
  part("next").hidden = !(missing || counts.errors || counts.reasons || counts.remarks);
  if (part("submit")) {
    part("submit").setAttribute("aria-disabled", String(Boolean(why)));
    setText("why", why);
  }
  if (filter !== "all" && !document.activeElement.closest("#grid-table")) { table.show(filter, counts); }
}

function showMark(name, count, text) {
  part(name).hidden = !count;
  setText(name + "-text", text);
}

/* What stands in the way of handing in, as one sentence; empty when nothing does. */
function obstacles(missing, counts) {
  const words = [];
  if (missing) { words.push(cells.fill(texts.lacksCells, { count: missing })); }
  if (counts.errors) { words.push(cells.fill(texts.lacksErrors, { count: counts.errors })); }
  if (counts.remarks) { words.push(cells.fill(texts.lacksAnswers, { count: counts.remarks })); }
  if (counts.reasons) { words.push(cells.fill(texts.lacksReasons, { count: counts.reasons })); }
  return words.length ? cells.fill(texts.cannotSubmit, { what: words.join(texts.comma) }) : "";
}

/* The last thing done to several cells, with a way back. */
function showAction(text, undoable) {
  part("action").hidden = !text;
  setText("action-text", text);
  part("undo").hidden = !undoable;
}

/* ---- saving, visibly ---- */

function showSaving(state, detail) {
  const looks = {
    idle: ["", "", ""], waiting: ["", "cloud", texts.waiting], saving: ["", "cloud-upload", texts.saving],
    saved: ["is-ok", "cloud-check", detail && cells.fill(detail.unsaved ? texts.savedBut : texts.saved, { at: detail.at, count: detail.unsaved })],
    failed: ["is-bad", "cloud-off", texts.failed], offline: ["is-bad", "cloud-off", texts.failed],
    locked: ["is-bad", "lock", texts.notSaved], out: ["is-bad", "cloud-off", texts.notSaved],
    refused: ["is-bad", "cloud-off", texts.notSaved], nodraft: ["is-bad", "cloud-off", texts.noDraft],
  };
  const look = looks[state];
  part("save").className = "p-save " + look[0];
  part("save-icon").replaceChildren.apply(part("save-icon"), look[1] ? [icon(look[1])] : []);
  setText("save-text", look[2]);
  part("retry").hidden = state !== "failed" && state !== "offline";
  const alerts = { failed: texts.failedAlert, offline: texts.offlineAlert, out: texts.outAlert };
  const message = alerts[state] || (detail && detail.message) || "";
  part("alert").hidden = !message;
  setText("alert-text", message);
  part("alert-reload").hidden = state !== "out" && state !== "locked";
}

/* ---- problems, one after the other ---- */

function nextProblem() {
  const all = sheet.grid.flatMap(function (row) { return row; });
  const here = table.active ? table.active.row * sheet.columns.length + table.active.column : -1;
  const order = all.slice(here + 1).concat(all.slice(0, here + 1));
  const found = order.find(sheet.isProblem, sheet) || order.find(function (cell) { return !sheet.isFilled(cell); });
  if (!found) { return; }
  table.focusCell(found);
  tip.show(found);
  if (sheet.status(found).kind === "reason") { tip.focusNote(); }
}

document.addEventListener("keydown", function (event) {
  if (event.key !== "F8" || document.querySelector("dialog[open]")) { return; }
  event.preventDefault();
  nextProblem();
});
part("next").addEventListener("click", nextProblem);
part("undo").addEventListener("click", function () { table.undo(); });
part("retry").addEventListener("click", function () { sync.now(); });
part("alert-reload").addEventListener("click", function () { window.location.reload(); });

/* ---- above the table ---- */

document.querySelectorAll("[data-filter]").forEach(function (button) {
  button.addEventListener("click", function () {
    filter = button.dataset.filter;
    document.querySelectorAll("[data-filter]").forEach(function (one) { one.setAttribute("aria-pressed", String(one === button)); });
    table.show(filter, sheet.counts());
    tip.hide();
    part("nothing").hidden = table.visible().length > 0;
    setVillage(table.visible().includes(village) ? village : table.visible()[0] || 0);
  });
});

function showLast(isShown) {
  root.classList.toggle("is-compact", !isShown);
  part("last").checked = isShown;
}
part("last").addEventListener("change", function () {
  showLast(part("last").checked);
  prefs.write("portal.grid.last", part("last").checked ? "" : "no");
});
showLast(prefs.read("portal.grid.last") !== "no");

if (part("same")) { part("same").addEventListener("click", function () { table.copyLast(); refocus(); }); }
if (part("more")) {
  part("more").addEventListener("click", function () {
    if (!table.active) { table.focus(table.visible()[0] || 0, 0); }
    tip.openMenu(table.cell());
  });
}

function refocus() { if (table.cell()) { table.focusCell(table.cell()); } }

part("full").addEventListener("click", function () {
  const isFull = document.body.classList.toggle("is-focus");
  part("full").setAttribute("aria-pressed", String(isFull));
  part("full").replaceChildren(icon(isFull ? "minimize" : "maximize"));
  refocus();
});

/* ---- one village at a time, on a phone ---- */

function setVillage(row) {
  village = row;
  root.querySelectorAll("tbody tr.is-current").forEach(function (line) { line.classList.remove("is-current"); });
  if (table.lines[row]) { table.lines[row].classList.add("is-current"); }
  part("village").value = String(row);
}

function step(by) {
  const rows = table.visible();
  const row = rows[rows.indexOf(village) + by];
  if (row === undefined) { return; }
  setVillage(row);
  table.focus(row, by > 0 ? 0 : sheet.columns.length - 1);
}
part("village").addEventListener("change", function () { setVillage(Number(part("village").value)); tip.hide(); });
part("previous").addEventListener("click", function () { step(-1); });
part("following").addEventListener("click", function () { step(1); });

/* ---- handing in ---- */

function cellsOf(line, values) {
  values.forEach(function (text, place) { line.append(element(place ? "td" : "th", "", text)); });
  line.firstChild.setAttribute("scope", "row");
  return line;
}

function showDifference(found) {
  const body = submitDialog.querySelector("tbody");
  body.replaceChildren.apply(body, found.differences.map(function (item) {
    const changed = item.changed ? cells.fill(texts.changedVillages, { count: item.changed }) : "";
    return cellsOf(element("tr"), [item.label + (item.unit ? cells.fill(texts.inUnit, { unit: item.unit }) : ""), item.before, item.now, item.change, changed]);
  }));
  const list = submitDialog.querySelector("[data-grid=explanations]");
  list.replaceChildren.apply(list, found.explanations.map(function (item) {
    const line = element("li");
    line.append(element("b", "", item.village + " " + item.label + " " + item.text), element("span", "", item.note));
    return line;
  }));
  list.parentElement.hidden = !found.explanations.length;
}

function tellSubmit(text) {
  part("submit-error").hidden = !text;
  setText("submit-error-text", text);
}

function askSubmit(event) {
  if (part("submit").getAttribute("aria-disabled") === "true") { nextProblem(); return; }
  sync.flush().then(function (isSaved) {
    if (!isSaved || sheet.unsaved().length) { showAction(texts.saveFirst, false); return null; }
    return get(data.urls.difference).then(function (answer) {
      if (answer.status !== 200) { showAction(texts.noAnswer, false); return; }
      showDifference(answer.body);
      tellSubmit("");
      window.portalShell.openDialog(submitDialog, event.currentTarget || part("submit"));
    });
  }).catch(function () { showAction(texts.noAnswer, false); });
}

function submit() {
  const confirm = part("confirm");
  if (confirm.getAttribute("aria-busy") === "true") { return; }
  confirm.setAttribute("aria-busy", "true");
  post(data.urls.submit, {}, false).then(function (answer) {
    confirm.removeAttribute("aria-busy");
    if (answer.status === 200) { leaveTo(); return; }
    if (answer.status === 422 && answer.body && answer.body.findings) { showFindings(answer.body); return; }
    tellSubmit((answer.body && answer.body.message) || texts.noAnswer);
  }).catch(function () {
    confirm.removeAttribute("aria-busy");
    tellSubmit(texts.noAnswer);
  });
}

/* The server still misses something: its words about the first cell, and the way there. */
function showFindings(body) {
  submitDialog.close();
  const first = body.findings[0];
  showAction(body.message + " " + first.message, false);
  const cell = sheet.find(first.village, first.code);
  if (cell) { table.focusCell(sheet.cell(cell.row, Math.max(cell.column, 0))); }
}

function leaveTo() {
  sync.forget();
  window.history.scrollRestoration = "manual";
  window.location.reload();
}

if (part("submit")) {
  part("submit").addEventListener("click", askSubmit);
  part("confirm").addEventListener("click", submit);
}
if (part("withdraw")) {
  part("withdraw").addEventListener("click", function () {
    post(data.urls.withdraw, {}, false).then(function (answer) {
      if (answer.status === 200) { leaveTo(); } else { showAction((answer.body && answer.body.message) || texts.noAnswer, false); }
    }).catch(function () { showAction(texts.noAnswer, false); });
  });
}

/* ---- who changed what ---- */

part("history").addEventListener("click", function (event) {
  const dialog = document.getElementById("grid-history");
  const opener = event.currentTarget;
  get(data.urls.history).then(function (answer) {
    if (answer.status !== 200) { showAction(texts.noAnswer, false); return; }
    const body = dialog.querySelector("tbody");
    body.replaceChildren.apply(body, answer.body.lines.map(function (line) {
      return cellsOf(element("tr"), [line.at, line.who, line.cell, line.before, line.after]);
    }));
    part("no-history").hidden = answer.body.lines.length > 0;
    window.portalShell.openDialog(dialog, opener);
  }).catch(function () { showAction(texts.noAnswer, false); });
});

/* ---- leaving and coming back ---- */

window.addEventListener("beforeunload", function (event) {
  if (sync.isStopped || !sheet.pending().length) { return; }
  sync.now();
  event.preventDefault();
  event.returnValue = "";
});
sync.forgetOnLogout(data.user);
table._leave();
const taken = sync.takeUp();
table.paintAll();
paintCounts();
setVillage(0);
if (taken.length) {
  showAction(cells.fill(texts.takenUp, { count: taken.length }), false);
  sync.left();
}
root.setAttribute("data-ready", "");
