"use strict";
/* The figures of a return as the page holds them: what is stored, what is wanted, what is wrong,
   and the steps that can be undone. No document, no network. */
import * as cells from "./grid-cells.js";

const NO_CONTEXT = { last: null, peers: null, known: null };

export class Sheet {
  constructor(data) {
    this.rules = data.rules;
    this.texts = data.texts;
    this.specs = data.specs;
    this.columns = data.columns;
    this.rows = data.rows;
    this.peers = data.peers;
    this.known = data.known;
    this.isLocked = data.isLocked;
    this.byKey = new Map();
    this.judged = [];
    this.grid = this.rows.map(function (row, place) { return this._makeRow(row, place); }, this);
    this.done = [];
    this.undone = [];
  }

  _makeRow(row, place) {
    const shown = this.columns.map(function (code, column) { return this._makeCell(row, place, code, column); }, this);
    Object.keys(this.specs).forEach(function (code) {
      if (!this.columns.includes(code)) { this._makeCell(row, place, code, -1); }
    }, this);
    return shown;
  }

  _makeCell(row, place, code, column) {
    const stored = row.values[code] === undefined ? null : row.values[code];
    const want = cells.fromStored(stored);
    const cell = {
      key: row.village + " " + code, village: row.village, row: place, column: column, code: code,
      spec: this.specs[code], stored: stored, storedNote: row.notes[code] || "",
      want: want, text: cells.textOf(want), note: row.notes[code] || "", refusal: null, message: "",
      isTouched: false, isPasted: false, conflict: null, remark: row.remarks[code] || "",
    };
    this.byKey.set(cell.key, cell);
    return cell;
  }

  cell(row, column) { return this.grid[row] && this.grid[row][column] || null; }

  find(village, code) { return this.byKey.get(village + " " + code) || null; }

  /* The whole behind the slash of a part, or null. */
  due(cell) { return cell.spec.due ? this.find(cell.village, cell.spec.due) : null; }

  last(cell) { return cells.fromStored(this.rows[cell.row].last[cell.code]); }

  /* Forget what was judged of a village: something in it changed. */
  touch(cell) { this.judged[cell.row] = null; }

  values(row) {
    const found = {};
    Object.keys(this.specs).forEach(function (code) {
      const cell = this.find(this.rows[row].village, code);
      found[code] = cell.refusal ? cells.value(cells.NOT_YET) : cell.want;
    }, this);
    return found;
  }

  context(cell) {
    const row = this.rows[cell.row];
    const known = this.known[cell.code];
    return Object.assign({}, NO_CONTEXT, {
      last: this.last(cell),
      peers: (this.peers[row.kind] || {})[cell.code] || null,
      known: known && known[row.village] !== undefined ? known[row.village] : null,
      unusualPercent: this.rules.unusualPercent,
    });
  }

  /* ---- what is wrong ---- */

  _isMissing(cell, values) {
    if (cell.refusal || cell.want.state !== cells.NOT_YET) { return false; }
    return !Object.keys(values).some(function (code) {
      const state = values[code].state;
      return (state === cells.NOT_APPLICABLE || state === cells.EXEMPT) && this.specs[code].indicator === cell.spec.indicator;
    }, this);
  }

  /* {kind, sentence, problem} of one cell alone; kinds: conflict, error, reason, explained, missing, off, remark, "". */
  _alone(cell, values) {
    if (cell.conflict) { return { kind: "conflict" }; }
    if (cell.refusal) { return { kind: "error", sentence: cell.message || cells.sentence(this.rules, cell.refusal) }; }
    if (cell.message) { return { kind: "error", sentence: cell.message }; }
    if (cell.want.state === cells.EXEMPT || cell.want.state === cells.NOT_APPLICABLE) { return { kind: "off" }; }
    if (this._isMissing(cell, values)) { return { kind: "missing" }; }
    const found = cells.cellProblem(cell.code, this.specs, values, this.context(cell));
    if (found && !cells.asksReason(this.rules, found)) { return { kind: "error", sentence: cells.sentence(this.rules, found), problem: found }; }
    if (found) { return { kind: cell.note ? "explained" : "reason", sentence: cells.sentence(this.rules, found), problem: found }; }
    return { kind: cell.remark ? "remark" : "" };
  }

  /* What was judged of a village: the statuses of its cells and how many are missing, wrong, to explain, sent back. */
  _judge(row) {
    if (!this.judged[row]) {
      const values = this.values(row);
      const found = { statuses: [], missing: 0, errors: 0, reasons: 0, written: 0, remarks: 0, filled: 0 };
      this.grid[row].forEach(function (cell) {
        const status = this._status(cell, values);
        const kind = status.kind;
        found.statuses.push(status);
        if (kind === "missing" || kind === "whole") { found.missing += 1; } else if (!cell.refusal) { found.filled += 1; }
        if (kind === "error" || kind === "conflict") { found.errors += 1; }
        if (kind === "reason") { found.reasons += 1; }
        if (kind === "explained") { found.written += 1; }
        if (kind === "remark") { found.remarks += 1; }
      }, this);
      this.judged[row] = found;
    }
    return this.judged[row];
  }

  status(cell) { return this._judge(cell.row).statuses[cell.column]; }

  /* As `_alone`, of a part with the whole behind its slash; `about` is the cell that is meant. */
  _status(cell, values) {
    const own = Object.assign({ about: cell }, this._alone(cell, values));
    const whole = this.due(cell);
    if (!whole || ["error", "conflict", "off", "missing"].includes(own.kind)) { return own; }
    const other = Object.assign({ about: whole }, this._alone(whole, values));
    if (other.kind === "missing") { return Object.assign(other, { kind: "whole" }); }
    const order = ["conflict", "error", "reason"];
    return order.includes(other.kind) && !(own.kind === "reason" && other.kind === "reason") ? other : own.kind ? own : other;
  }

  isProblem(cell) {
    return ["conflict", "error", "reason", "remark"].includes(this.status(cell).kind);
  }

  isFilled(cell) {
    const kind = this.status(cell).kind;
    return kind !== "missing" && kind !== "whole" && !cell.refusal;
  }

  /* Totals of the page; `rows` are those of each village. */
  counts() {
    const rows = this.grid.map(function (_line, row) { return this._judge(row); }, this);
    const sum = function (name) { return rows.reduce(function (total, line) { return total + line[name]; }, 0); };
    return {
      rows: rows, total: rows.length * this.columns.length, filled: sum("filled"), missing: sum("missing"),
      errors: sum("errors"), reasons: sum("reasons"), written: sum("written"), remarks: sum("remarks"),
    };
  }

  /* Sum of a column in 1/10 000, null where a sum says nothing. */
  sum(column) {
    if (!this.specs[this.columns[column]].isSummed) { return null; }
    return this.grid.reduce(function (total, row) { return total + (row[column].refusal ? 0 : row[column].want.scaled || 0); }, 0);
  }

  /* ---- changing ---- */

  snapshot(cell) { return { text: cell.text, want: cell.want, note: cell.note, refusal: cell.refusal }; }

  restore(cell, before) {
    Object.assign(cell, before, { message: "", isTouched: true, isPasted: false });
    this.touch(cell);
  }

  /* The reason for an unusual value. */
  explain(cell, note) {
    Object.assign(cell, { note: note, message: "" });
    this.touch(cell);
  }

  /* What the server says of a cell. */
  tell(cell, message) {
    cell.message = message;
    this.touch(cell);
  }

  /* What somebody typed: the text stays, its meaning follows. `33/35` sets a part and its whole. */
  type(cell, text) {
    const whole = this.due(cell);
    const pair = whole ? splitShare(text) : null;
    if (pair) {
      this._read(whole, pair[1]);
      this._read(cell, pair[0]);
      return [cell, whole];
    }
    this._read(cell, text);
    return [cell];
  }

  _read(cell, text) {
    const found = cells.parse(text, cell.spec, this.rules);
    cell.text = text;
    cell.refusal = found.problem || null;
    cell.message = "";
    cell.isTouched = true;
    cell.isPasted = false;
    if (found.value) { cell.want = found.value; }
    this.touch(cell);
  }

  /* Writes the value the way it is stored: `１２件` becomes 12. */
  tidy(cell) {
    if (!cell.refusal) { cell.text = cells.textOf(cell.want); }
  }

  /* Not applicable and exempt hold for all cells of the indicator. */
  settle(cell, state, reason) {
    const touched = Object.values(this.specs).filter(function (spec) { return spec.indicator === cell.spec.indicator; })
      .map(function (spec) { return this.find(cell.village, spec.code); }, this);
    touched.forEach(function (one) {
      one.want = cells.value(state, null, reason);
      Object.assign(one, { text: cells.textOf(one.want), refusal: null, message: "", isTouched: true, isPasted: false });
    });
    this.touch(cell);
    return touched;
  }

  /* Run `change`, which returns the cells it touched, as one step that can be undone. Returns those that differ. */
  step(candidates, change) {
    const before = new Map(candidates.map(function (cell) { return [cell, this.snapshot(cell)]; }, this));
    change();
    return this.record(before);
  }

  record(before) {
    const step = [];
    before.forEach(function (old, cell) {
      const now = this.snapshot(cell);
      if (!sameSnapshot(old, now)) { step.push({ cell: cell, before: old, after: now }); }
    }, this);
    if (step.length) {
      this.done.push(step);
      this.undone = [];
    }
    return step.map(function (part) { return part.cell; });
  }

  undo() { return this._replay(this.done, this.undone, "before"); }

  redo() { return this._replay(this.undone, this.done, "after"); }

  _replay(from, to, side) {
    const step = from.pop();
    if (!step) { return []; }
    to.push(step);
    step.forEach(function (part) { this.restore(part.cell, part[side]); }, this);
    return step.map(function (part) { return part.cell; });
  }

  /* ---- saving ---- */

  /* Whether the server holds something else than the page wants. What cannot be read is not sent. */
  isPending(cell) {
    return !cell.refusal && !cell.conflict && !cell.message && (!sameMeaning(cell.want, cell.stored) || cell.note !== cell.storedNote);
  }

  isUnsaved(cell) {
    return Boolean(cell.conflict || cell.refusal || cell.message) || this.isPending(cell);
  }

  pending() { return Array.from(this.byKey.values()).filter(this.isPending, this); }

  unsaved() { return Array.from(this.byKey.values()).filter(this.isUnsaved, this); }

  edit(cell) {
    return {
      village: cell.village, code: cell.code, base: cell.stored, value: cell.want.scaled === null ? null : cells.numberText(cell.want.scaled),
      state: cell.want.state === cells.NOT_YET || cell.want.state === cells.LATE ? cells.GIVEN : cell.want.state,
      reason: cell.want.reason, note: cell.note === cell.storedNote ? null : cell.note,
    };
  }

  /* The server has taken the cell over; what was typed since then is sent again. */
  saved(cell, stored, note) {
    cell.stored = stored;
    cell.storedNote = note;
    cell.remark = "";
    if (sameMeaning(cell.want, stored)) { cell.want = cells.fromStored(stored); }
    this.touch(cell);
  }

  clash(cell, conflict) {
    cell.conflict = conflict;
    this.touch(cell);
  }

  /* The two ways out of a clash. */
  takeTheirs(cell) {
    cell.want = cells.fromStored(cell.conflict.stored);
    Object.assign(cell, { stored: cell.conflict.stored, text: cells.textOf(cell.want), conflict: null, refusal: null });
    this.touch(cell);
  }

  keepMine(cell) {
    Object.assign(cell, { stored: cell.conflict.stored, conflict: null });
    this.touch(cell);
  }

  /* ---- the draft kept in the browser ---- */

  draft() {
    return this.unsaved().map(function (cell) {
      return {
        village: cell.village, code: cell.code, base: cell.stored, text: cell.text, state: cell.want.state,
        scaled: cell.want.scaled, reason: cell.want.reason, note: cell.note, baseNote: cell.storedNote,
      };
    });
  }

  /* Takes up what was not saved; gives the cells that still differ from the server. What the server holds by now
     is left out: the last save before the page closed may have arrived without its answer. */
  takeUp(draft) {
    return draft.map(this._takeUpCell, this).filter(Boolean);
  }

  _takeUpCell(item) {
    const cell = this.find(item.village, item.code);
    if (!cell) { return null; }
    const read = this._readDraft(item, cell);
    const want = read.value || cell.want;
    const isNoteMine = item.note !== item.baseNote;
    const note = isNoteMine ? item.note : cell.storedNote;
    const isNoteSame = note === cell.storedNote;
    if (!read.problem && sameMeaning(want, cell.stored) && isNoteSame) { return null; }
    const isNoteMoved = !isNoteSame && item.baseNote !== cell.storedNote;
    /* What the draft was based on stays with the cell: by that the server tells when somebody else was faster.
       A reason has no such check there, so the page holds the cell back and shows the other one. */
    Object.assign(cell, {
      want: want, text: item.text, refusal: read.problem || null, note: note, isTouched: true,
      message: isNoteMoved ? cells.fill(this.texts.noteMoved, { note: cell.storedNote || this.texts.empty }) : "",
      stored: item.base, storedNote: isNoteSame ? cell.storedNote : item.baseNote,
    });
    this.touch(cell);
    return cell;
  }

  /* {value} or {problem} of a cell of the draft; its text does not tell that it is exempt. */
  _readDraft(item, cell) {
    const settled = cells.value(item.state, null, item.reason);
    const isSettled = item.state === cells.EXEMPT || item.state === cells.NOT_APPLICABLE;
    return isSettled && item.text === cells.textOf(settled) ? { value: settled } : cells.parse(item.text, cell.spec, this.rules);
  }
}

/* `33/35` or `33 ／ 35` as two texts, null for anything else. */
export function splitShare(text) {
  const parts = text.replace(/／/g, "/").split("/");
  return parts.length === 2 && parts[0].trim() && parts[1].trim() ? parts : null;
}

function sameMeaning(want, stored) {
  const there = cells.fromStored(stored);
  const isNumber = function (value) { return value.state === cells.GIVEN || value.state === cells.LATE; };
  if (isNumber(want) && isNumber(there)) { return want.scaled === there.scaled; }
  return want.state === there.state && (want.state !== cells.EXEMPT || want.reason === there.reason);
}

function sameSnapshot(left, right) {
  return left.text === right.text && left.note === right.note && cells.sameStored(cells.toStored(left.want), cells.toStored(right.want));
}

/* Text from a spreadsheet: rows of cells, quoted cells may hold line ends and tabs. */
export function readTable(text) {
  const rows = [[]];
  let at = 0;
  const clean = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  while (at <= clean.length) {
    let value = "";
    if (clean[at] === '"') {
      at += 1;
      while (at < clean.length && !(clean[at] === '"' && clean[at + 1] !== '"')) {
        if (clean[at] === '"') { at += 1; }
        value += clean[at];
        at += 1;
      }
      at += 1;
    }
    while (at < clean.length && clean[at] !== "\t" && clean[at] !== "\n") {
      value += clean[at];
      at += 1;
    }
    rows[rows.length - 1].push(value);
    if (clean[at] === "\n") { rows.push([]); }
    at += 1;
  }
  return rows;
}

/* Where each pasted cell goes: [{row, column, text}], and what found no place.
   `start` is the active cell; rows follow in the order shown (`visible`), or by the villages' names
   when the first column holds names, columns then by their titles when a heading row says so. */
export function placeTable(table, start, sheet, visible) {
  const names = new Map(sheet.rows.map(function (row, place) { return [plainName(row.name), place]; }));
  const isName = function (text) { return names.has(plainName(text)); };
  const named = table.filter(function (line) { return isName(line[0]); }).length;
  const hasNumbers = table.some(function (line) { return /^[\s0-9.,]+$/.test(line[0]) && line[0].trim(); });
  if (!named || hasNumbers) { return byPosition(table, start, sheet, visible); }
  return byName(table, start, sheet, names, isName);
}

function byPosition(table, start, sheet, visible) {
  const first = visible.indexOf(start.row);
  const found = { places: [], skipped: 0, unknown: [], rows: table.length, columns: Math.max.apply(null, table.map(function (line) { return line.length; })) };
  table.forEach(function (line, down) {
    const row = visible[first + down];
    line.forEach(function (text, right) {
      if (row === undefined || start.column + right >= sheet.columns.length) { found.skipped += 1; return; }
      if (text.trim()) { found.places.push({ row: row, column: start.column + right, text: text }); }
    });
  });
  return found;
}

function byName(table, start, sheet, names, isName) {
  const heading = isName(table[0][0]) ? null : table[0];
  const titles = new Map(sheet.columns.map(function (code, column) { return [plainName(sheet.specs[code].title), column]; }));
  const width = Math.max.apply(null, table.map(function (line) { return line.length; })) - 1;
  const offset = width === sheet.columns.length ? 0 : start.column;
  let columns = Array.from({ length: width }, function (_empty, place) { return offset + place; });
  if (heading) {
    const byTitle = heading.slice(1).map(function (text) { return titles.get(plainName(text.split("\n")[0])); });
    if (byTitle.some(function (column) { return column !== undefined; })) { columns = byTitle; }
  }
  const found = { places: [], skipped: 0, unknown: [], rows: 0, columns: width };
  table.slice(heading ? 1 : 0).forEach(function (line) {
    const row = names.get(plainName(line[0]));
    if (row === undefined) {
      if (line[0].trim()) { found.unknown.push(line[0].trim()); }
      return;
    }
    found.rows += 1;
    line.slice(1).forEach(function (text, place) {
      const column = columns[place];
      if (column === undefined || column >= sheet.columns.length) { found.skipped += 1; return; }
      if (text.trim()) { found.places.push({ row: row, column: column, text: text }); }
    });
  });
  return found;
}

/* A village by its name, with or without 村 and spaces. */
function plainName(text) {
  return cells.normalise(text || "").replace(/村(民?委会)?$/, "").toLowerCase();
}
