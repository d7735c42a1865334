"use strict";
/* The table: painting cells, moving, selecting, typing, copying and pasting. */
import * as cells from "./grid-cells.js";
import { placeTable, readTable } from "./grid-model.js";

const PAGE = 8;
const narrow = window.matchMedia("(max-width: 767px)");
const CLASSES = { error: "is-err", conflict: "is-conflict", reason: "is-wrn", explained: "is-told", missing: "is-empty", whole: "is-empty", off: "is-off", remark: "is-remark" };

/* Writing what stands there already costs the browser a new layout. */
function setText(place, text) {
  if (place.textContent !== text) { place.textContent = text; }
}

export class Table {
  /* `on` gets: typed(), left(), activated(cell), acted(text, undoable), wants("next" | "note" | "menu" | "bar"). */
  constructor(root, sheet, texts, on) {
    this.root = root;
    this.wrap = root.closest(".g-wrap");
    this.sheet = sheet;
    this.texts = texts;
    this.on = on;
    this.lines = Array.from(root.tBodies[0].rows);
    this.inputs = this.lines.map(function (line) { return Array.from(line.querySelectorAll("input")); });
    this.places = new Map();
    this.inputs.forEach(function (line, row) {
      line.forEach(function (input, column) { this.places.set(input, { row: row, column: column }); }, this);
    }, this);
    this.sums = Array.from(root.tFoot.rows[0].cells).slice(1);
    this.active = null;
    this.anchor = null;
    this.before = null;
    this.isEditing = false;
    this.isDragging = false;
    this._listen();
    this._label();
  }

  /* ---- painting ---- */

  input(cell) { return this.inputs[cell.row][cell.column]; }

  box(cell) { return this.input(cell).closest("td"); }

  paintAll() {
    this.sheet.grid.forEach(function (row) { row.forEach(this.paint, this); }, this);
    this.paintSums();
    this.paintHeads(this.sheet.counts());
  }

  /* Cells beside the changed ones may look different too: a whole and its part, a cell and its indicator. */
  paintRows(changed) {
    new Set(changed.map(function (cell) { return cell.row; })).forEach(function (row) {
      this.sheet.grid[row].forEach(this.paint, this);
    }, this);
    this.paintSums();
  }

  paint(cell) {
    const input = this.input(cell), box = this.box(cell);
    const status = this.sheet.status(cell);
    const isActive = this.active !== null && this.active.row === cell.row && this.active.column === cell.column;
    const marks = [CLASSES[status.kind]];
    if (isActive) { marks.push("is-active"); }
    if (this._isSelected(cell)) { marks.push("is-sel"); }
    if (cell.isPasted) { marks.push("is-range"); }
    if (cell.isTouched) { marks.push("is-dirty"); }
    if (this.sheet.isUnsaved(cell)) { marks.push("is-unsaved"); }
    if (cell.want.state === cells.LATE) { marks.push("is-late"); }
    const look = marks.filter(Boolean).join(" ");
    if (box.className !== look) { box.className = look; }
    if (input.value !== cell.text && !(isActive && document.activeElement === input && this.before)) { input.value = cell.text; }
    const isWrong = String(status.kind === "error");
    if (input.getAttribute("aria-invalid") !== isWrong) { input.setAttribute("aria-invalid", isWrong); }
    const due = this.sheet.due(cell);
    if (due) { setText(box.querySelector(".d"), "/ " + (due.text || "?")); }
    setText(box.querySelector(".h"), this._hint(cell, status));
  }

  /* The small line: last month's value, or how far the value is from it. */
  _hint(cell, status) {
    if (cell.want.state === cells.EXEMPT) { return this.texts.exempt; }
    if (cell.want.state === cells.NOT_APPLICABLE) { return this.texts.notApplicable; }
    const last = this.sheet.last(cell);
    const found = status.problem;
    if (found && found.code === "unusual_change" && status.about === cell && last.scaled !== null) {
      return (cell.spec.byPercent && cells.changePercent(cell.want.scaled, last.scaled)) || cells.changeText(cell.spec, cell.want.scaled, last.scaled);
    }
    return cells.textOf(last);
  }

  paintSums() {
    this.sheet.columns.forEach(function (_code, column) {
      const sum = this.sheet.sum(column);
      setText(this.sums[column], sum === null ? "—" : cells.numberText(sum));
    }, this);
  }

  /* What a village still needs, in a word beside its name. */
  paintHeads(counts) {
    counts.rows.forEach(function (line, row) {
      const mark = this.lines[row].querySelector("[data-mark]");
      const words = line.errors ? ["p-bad", "rowErrors", line.errors] : line.remarks ? ["p-warn", "rowReturned", line.remarks]
        : line.reasons ? ["p-warn", "rowReasons", line.reasons] : line.missing ? ["p-info", "rowMissing", line.missing] : ["", "", 0];
      if (mark.className !== words[0]) { mark.className = words[0]; }
      setText(mark, words[1] ? cells.fill(this.texts[words[1]], { count: words[2] }) : "");
    }, this);
  }

  show(filter, counts) {
    this.lines.forEach(function (line, row) {
      const found = counts.rows[row];
      const isWrong = found.errors + found.reasons + found.remarks > 0;
      line.hidden = filter === "missing" ? !found.missing : filter === "problems" ? !isWrong : false;
    });
    if (this.active && this.lines[this.active.row].hidden) { this._leave(); this.active = null; }
  }

  /* Names of the columns for the page of a phone, where each cell is a line of its own. */
  _label() {
    this.sheet.grid.forEach(function (row) {
      row.forEach(function (cell) {
        const unit = cell.spec.unit ? this.texts.inUnit.replace("%(unit)s", cell.spec.unit) : "";
        this.box(cell).dataset.label = cell.spec.title + unit;
      }, this);
    }, this);
  }

  /* ---- the active cell and the selection ---- */

  cell() { return this.active ? this.sheet.cell(this.active.row, this.active.column) : null; }

  visible() {
    return this.lines.map(function (_line, row) { return row; }).filter(function (row) { return !this.lines[row].hidden; }, this);
  }

  _block() {
    if (!this.active) { return null; }
    const from = this.anchor || this.active;
    return {
      top: Math.min(from.row, this.active.row), bottom: Math.max(from.row, this.active.row),
      left: Math.min(from.column, this.active.column), right: Math.max(from.column, this.active.column),
    };
  }

  _isSelected(cell) {
    const block = this.isBlock() ? this._block() : null;
    return block !== null && cell.row >= block.top && cell.row <= block.bottom && cell.column >= block.left && cell.column <= block.right;
  }

  isBlock() {
    return this.active !== null && this.anchor !== null && (this.anchor.row !== this.active.row || this.anchor.column !== this.active.column);
  }

  /* The selected cells, or the active one; hidden rows are left out. */
  selected() {
    const block = this._block();
    if (!block) { return []; }
    return this.visible().filter(function (row) { return row >= block.top && row <= block.bottom; }).flatMap(function (row) {
      return this.sheet.grid[row].slice(block.left, block.right + 1);
    }, this);
  }

  focus(row, column, keepAnchor) {
    const input = this.inputs[row] && this.inputs[row][column];
    if (!input) { return false; }
    if (!keepAnchor) { this.anchor = null; } else if (!this.anchor) { this.anchor = Object.assign({}, this.active); }
    this.keepsAnchor = Boolean(keepAnchor);
    if (document.activeElement === input) { this._enter(input); } else { input.focus({ preventScroll: true }); }
    this.keepsAnchor = false;
    this._reveal(input);
    return true;
  }

  focusCell(cell) {
    if (this.lines[cell.row].hidden) { this.lines[cell.row].hidden = false; }
    this.focus(cell.row, Math.max(cell.column, 0));
  }

  /* Scrolls so that neither the sticky heads nor the bar at the foot cover the cell. */
  _reveal(input) {
    const box = input.closest("td");
    if (!narrow.matches) {
      const head = this.root.tHead.offsetHeight, foot = this.root.tFoot.offsetHeight, side = this.lines[0].cells[0].offsetWidth;
      const wrap = this.wrap;
      if (box.offsetTop < wrap.scrollTop + head) { wrap.scrollTop = box.offsetTop - head; }
      if (box.offsetTop + box.offsetHeight > wrap.scrollTop + wrap.clientHeight - foot) {
        wrap.scrollTop = box.offsetTop + box.offsetHeight - wrap.clientHeight + foot;
      }
      if (box.offsetLeft < wrap.scrollLeft + side) { wrap.scrollLeft = box.offsetLeft - side; }
      if (box.offsetLeft + box.offsetWidth > wrap.scrollLeft + wrap.clientWidth) {
        wrap.scrollLeft = box.offsetLeft + box.offsetWidth - wrap.clientWidth;
      }
    }
    const place = box.getBoundingClientRect();
    const header = document.getElementById("header");
    const bar = document.querySelector(".p-actionbar");
    const top = header && header.offsetHeight ? header.getBoundingClientRect().bottom : 0;
    const bottom = bar && !narrow.matches ? window.innerHeight - bar.offsetHeight : window.innerHeight;
    if (place.top < top) { window.scrollBy(0, place.top - top - 8); } else if (place.bottom > bottom) { window.scrollBy(0, place.bottom - bottom + 8); }
  }

  _enter(input) {
    const place = this.places.get(input);
    this.active = { row: place.row, column: place.column };
    if (!this.keepsAnchor) { this.anchor = null; }
    this.isEditing = false;
    this.before = null;
    this._repaint();
    input.select();
    this.on.activated(this.cell());
  }

  /* The marks of the active and the selected cells move. */
  _repaint() {
    this.root.querySelectorAll("td.is-sel, td.is-active").forEach(function (box) {
      const input = box.querySelector("input");
      if (input) { const place = this.places.get(input); this.paint(this.sheet.cell(place.row, place.column)); }
    }, this);
    this.selected().forEach(this.paint, this);
    if (this.cell()) { this.paint(this.cell()); }
  }

  /* ---- typing ---- */

  _input(input) {
    const place = this.places.get(input);
    const cell = this.sheet.cell(place.row, place.column);
    if (this.sheet.isLocked) { return; }
    if (!this.before) { this._remember(cell); }
    const touched = this.sheet.type(cell, input.value);
    touched.forEach(function (one) { if (one !== cell) { this._alsoBefore(one); } }, this);
    this.paintRows([cell]);
    this.on.typed();
  }

  _remember(cell) {
    this.before = new Map([[cell, this.sheet.snapshot(cell)]]);
    const due = this.sheet.due(cell);
    if (due) { this.before.set(due, this.sheet.snapshot(due)); }
  }

  _alsoBefore(cell) {
    if (!this.before.has(cell)) { this.before.set(cell, this.sheet.snapshot(cell)); }
  }

  /* The cell is left: its text is tidied and the change becomes a step that can be undone. */
  _leave() {
    if (!this.before) { return; }
    const before = this.before;
    this.before = null;
    before.forEach(function (_old, cell) { this.sheet.tidy(cell); }, this);
    const changed = this.sheet.record(before);
    this.paintRows(Array.from(before.keys()));
    if (changed.length) { this.on.left(); }
  }

  /* Esc: the text of before. */
  _giveUp() {
    if (!this.before) { return false; }
    this.before.forEach(function (old, cell) { this.sheet.restore(cell, old); }, this);
    const touched = Array.from(this.before.keys());
    this.before = null;
    this.paintRows(touched);
    this.on.typed();
    return true;
  }

  /* Change several cells at once, as one step. */
  change(candidates, change, text) {
    if (this.sheet.isLocked) { return []; }
    this._leave();
    const changed = this.sheet.step(candidates, change);
    this.paintRows(candidates);
    if (changed.length) {
      this.on.left();
      if (text) { this.on.acted(text, true); }
    }
    if (this.active) { this.on.activated(this.cell()); }
    return changed;
  }

  clear() {
    const chosen = this.selected();
    const count = chosen.filter(function (cell) { return cell.text !== "" || cell.want.state !== cells.NOT_YET; }).length;
    this.change(chosen, function () {
      chosen.forEach(function (cell) { this.sheet.type(cell, ""); }, this);
    }.bind(this), count > 1 ? cells.fill(this.texts.cleared, { count: count }) : "");
    this._selectText();
  }

  /* Same as last month, for the selected cells that had a value then. */
  copyLast() {
    const chosen = this.selected().filter(function (cell) { return this.sheet.last(cell).state !== cells.NOT_YET && this.sheet.last(cell).state !== cells.EXEMPT; }, this);
    if (!chosen.length) { this.on.acted(this.texts.noLast, false); return; }
    this.change(chosen, function () {
      chosen.forEach(function (cell) { this.sheet.type(cell, cells.textOf(this.sheet.last(cell))); }, this);
    }.bind(this), cells.fill(this.texts.copiedLast, { count: chosen.length }));
    this._selectText();
  }

  fillDown() {
    const block = this._block();
    if (!block) { return; }
    const rows = this.visible();
    const top = block.top === block.bottom ? rows[rows.indexOf(block.top) - 1] : block.top;
    if (top === undefined) { return; }
    const chosen = this.selected().filter(function (cell) { return cell.row !== top; });
    this.change(chosen, function () {
      chosen.forEach(function (cell) { this.sheet.type(cell, this.sheet.cell(top, cell.column).text); }, this);
    }.bind(this), chosen.length > 1 ? cells.fill(this.texts.filledDown, { count: chosen.length }) : "");
    this._selectText();
  }

  undo() { this._replay(this.sheet.undo.bind(this.sheet), this.texts.undone); }

  redo() { this._replay(this.sheet.redo.bind(this.sheet), this.texts.redone); }

  _replay(work, text) {
    if (this.sheet.isLocked) { return; }
    this._leave();
    const changed = work();
    if (!changed.length) { return; }
    this.paintRows(changed);
    const first = changed.find(function (cell) { return cell.column >= 0; });
    if (first) { this.focusCell(first); }
    this.on.left();
    this.on.acted(cells.fill(text, { count: changed.length }), false);
  }

  _selectText() {
    if (this.active && document.activeElement === this.inputs[this.active.row][this.active.column]) {
      document.activeElement.value = this.cell().text;
      document.activeElement.select();
    }
  }

  /* ---- copy and paste ---- */

  _copy(event, input) {
    const isPartOfText = this.isEditing || (!this.isBlock() && input.selectionStart !== input.selectionEnd && input.selectionEnd - input.selectionStart < input.value.length);
    if (isPartOfText || !this.active) { return; }
    const block = this._block();
    const lines = this.visible().filter(function (row) { return row >= block.top && row <= block.bottom; }).map(function (row) {
      return this.sheet.grid[row].slice(block.left, block.right + 1).map(function (cell) { return cell.text; }).join("\t");
    }, this);
    event.clipboardData.setData("text/plain", lines.join("\n"));
    event.preventDefault();
    if (event.type === "cut") { this.clear(); }
  }

  _paste(event) {
    const text = event.clipboardData.getData("text/plain");
    const isTable = /[\t\n\r]/.test(text.trim());
    if (this.sheet.isLocked || (this.isEditing && !isTable)) { return; }
    event.preventDefault();
    if (text.trim()) { this.paste(text); }
  }

  paste(text) {
    const table = readTable(text);
    if (!this.active) { return; }
    const isOne = table.length === 1 && table[0].length === 1;
    const found = isOne
      ? { places: this.selected().map(function (cell) { return { row: cell.row, column: cell.column, text: table[0][0] }; }), skipped: 0, unknown: [], rows: 1, columns: 1 }
      : placeTable(table, this.active, this.sheet, this.visible());
    const targets = found.places.map(function (place) { return this.sheet.cell(place.row, place.column); }, this);
    const candidates = targets.concat(targets.map(this.sheet.due, this.sheet).filter(Boolean));
    this.change(candidates, function () {
      found.places.forEach(function (place, number) {
        this.sheet.type(targets[number], place.text.trim());
        this.sheet.tidy(targets[number]);
        targets[number].isPasted = targets.length > 1;
      }, this);
    }.bind(this));
    this.paintRows(targets);
    this._selectText();
    if (!isOne || targets.length > 1) { this.on.acted(this._pasteWords(found, targets.length), targets.length > 0); }
  }

  _pasteWords(found, count) {
    const words = [cells.fill(this.texts.pasted, { rows: found.rows, columns: found.columns, count: count })];
    if (found.skipped) { words.push(cells.fill(this.texts.skipped, { count: found.skipped })); }
    if (found.unknown.length) { words.push(cells.fill(this.texts.unknownNames, { names: found.unknown.slice(0, 3).join(this.texts.comma) })); }
    return words.join(this.texts.comma);
  }

  /* ---- keys ---- */

  /* One step in a direction over the rows shown; false at the edge. */
  _move(down, right, keepAnchor) {
    const rows = this.visible();
    const row = rows[rows.indexOf(this.active.row) + down];
    const column = this.active.column + right;
    return row !== undefined && column >= 0 && column < this.sheet.columns.length && this.focus(row, column, keepAnchor);
  }

  /* Enter goes down; at the foot of a column to the head of the next one. On a phone it goes to the next cell. */
  _onward(back) {
    if (narrow.matches) {
      if (!this._move(0, back ? -1 : 1)) { this.on.wants(back ? "previous-village" : "next-village"); }
      return;
    }
    if (this._move(back ? -1 : 1, 0)) { return; }
    const rows = this.visible();
    this.focus(back ? rows[rows.length - 1] : rows[0], this.active.column + (back ? -1 : 1));
  }

  _key(event, input) {
    if (event.isComposing || event.keyCode === 229) { return; }
    const ctrl = event.ctrlKey || event.metaKey;
    const work = ctrl ? this._withControl(event) : this._plain(event, input);
    if (work) {
      event.preventDefault();
      work.call(this);
    }
  }

  _withControl(event) {
    const key = event.key.toLowerCase();
    const rows = this.visible();
    if (key === "z") { return event.shiftKey ? this.redo : this._undoKey; }
    if (key === "y") { return this.redo; }
    if (key === "d") { return this.fillDown; }
    if (key === "home") { return function () { this.focus(rows[0], 0, event.shiftKey); }; }
    if (key === "end") { return function () { this.focus(rows[rows.length - 1], this.sheet.columns.length - 1, event.shiftKey); }; }
    return null;
  }

  /* While a cell is being typed into, Ctrl+Z gives its text back; then it undoes steps. */
  _undoKey() {
    if (!this._giveUp()) { this.undo(); }
    this._selectText();
  }

  _plain(event, input) {
    const shift = event.shiftKey;
    const last = this.sheet.columns.length - 1;
    const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = arrows[event.key];
    if (step) { return this._mayMove(event, input) ? function () { this._move(step[0], step[1], shift); } : null; }
    switch (event.key) {
      case "Enter": return function () { this._onward(shift); };
      case "F2": return shift ? function () { this.on.wants("note"); } : this._edit;
      case "F6": return function () { this.on.wants("bar"); };
      case "F10": return shift ? function () { this.on.wants("menu"); } : null;
      case "ContextMenu": return function () { this.on.wants("menu"); };
      case "Escape": return this._escape;
      case "Delete": return this.isEditing ? null : this.clear;
      case "Backspace": return this.isEditing || !this.isBlock() ? null : this.clear;
      case "Home": return this.isEditing ? null : function () { this.focus(this.active.row, 0, shift); };
      case "End": return this.isEditing ? null : function () { this.focus(this.active.row, last, shift); };
      case "PageUp": return function () { this._jump(-PAGE, shift); };
      case "PageDown": return function () { this._jump(PAGE, shift); };
      default: return null;
    }
  }

  /* Up and down always leave; left and right only when the text is not being edited (a caret at its end is not). */
  _mayMove(event, input) {
    if (event.key === "ArrowUp" || event.key === "ArrowDown") { return true; }
    if (event.shiftKey && !this.isEditing) { return true; }
    const length = input.value.length;
    const isAtEnd = input.selectionStart === length && input.selectionEnd === length;
    if (this.isEditing) { return event.key === "ArrowRight" && isAtEnd && !event.shiftKey; }
    return isAtEnd || (input.selectionStart === 0 && input.selectionEnd === length);
  }

  _jump(by, keepAnchor) {
    const rows = this.visible();
    const place = Math.max(0, Math.min(rows.length - 1, rows.indexOf(this.active.row) + by));
    this.focus(rows[place], this.active.column, keepAnchor);
  }

  _edit() {
    const input = this.input(this.cell());
    this.isEditing = true;
    input.setSelectionRange(input.value.length, input.value.length);
  }

  _escape() {
    const gaveUp = this._giveUp();
    this.isEditing = false;
    this.anchor = null;
    this._repaint();
    this._selectText();
    this.on.wants(gaveUp ? "tip" : "close");
  }

  /* ---- events ---- */

  _listen() {
    const root = this.root;
    const input = function (event) { return event.target.closest ? event.target.closest("tbody input") : null; };
    root.addEventListener("focusin", function (event) { if (input(event)) { this._enter(input(event)); } }.bind(this));
    root.addEventListener("focusout", function (event) { if (input(event)) { this._leave(); } }.bind(this));
    root.addEventListener("input", function (event) { if (input(event)) { this._input(input(event)); } }.bind(this));
    root.addEventListener("keydown", function (event) { if (input(event)) { this._key(event, input(event)); } }.bind(this));
    root.addEventListener("copy", function (event) { if (input(event)) { this._copy(event, input(event)); } }.bind(this));
    root.addEventListener("cut", function (event) { if (input(event)) { this._copy(event, input(event)); } }.bind(this));
    root.addEventListener("paste", function (event) { if (input(event)) { this._paste(event); } }.bind(this));
    root.addEventListener("dblclick", function (event) { if (input(event)) { this.isEditing = true; } }.bind(this));
    root.addEventListener("mousedown", this._press.bind(this));
    root.addEventListener("mouseover", this._drag.bind(this));
    document.addEventListener("mouseup", function () { this.isDragging = false; }.bind(this));
  }

  /* The first press chooses the cell, a second one inside it places the caret; Shift extends, dragging selects. */
  _press(event) {
    const box = event.target.closest("tbody td");
    const input = box && box.querySelector("input");
    if (!input || event.button !== 0) { return; }
    const place = this.places.get(input);
    if (event.shiftKey && this.active) {
      event.preventDefault();
      this.focus(place.row, place.column, true);
      return;
    }
    if (document.activeElement === input && event.target === input) {
      this.isEditing = true;
      return;
    }
    event.preventDefault();
    this.focus(place.row, place.column);
    this.isDragging = !narrow.matches;
  }

  _drag(event) {
    const box = this.isDragging ? event.target.closest("tbody td") : null;
    const input = box && box.querySelector("input");
    if (!input) { return; }
    const place = this.places.get(input);
    if (place.row !== this.active.row || place.column !== this.active.column) { this.focus(place.row, place.column, true); }
  }
}
