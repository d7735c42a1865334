"use strict";
/* The small box at the active cell: what is wrong, the reason, the reviewer's words, the clash, the menu. */
import * as cells from "./grid-cells.js";

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) { made.className = className; }
  if (text !== undefined) { made.textContent = text; }
  return made;
}

function button(text, className, work) {
  const made = element("button", "p-btn is-sm " + className, text);
  made.type = "button";
  made.addEventListener("click", work);
  return made;
}

export class Tip {
  /* `on` gets: changed(cells) after a clash is settled, and the table's `change` through `table`. */
  constructor(box, table, sheet, texts, phrases, on) {
    this.box = box;
    this.table = table;
    this.sheet = sheet;
    this.texts = texts;
    this.phrases = phrases;
    this.on = on;
    this.cell = null;
    this.isMenu = false;
    box.addEventListener("keydown", this._key.bind(this));
    table.wrap.addEventListener("scroll", this._place.bind(this));
    window.addEventListener("resize", this._place.bind(this));
    window.addEventListener("scroll", this._place.bind(this), { passive: true });
  }

  /* Shows what there is to say about a cell; nothing when all is well. */
  show(cell) {
    this.cell = cell;
    this.isMenu = false;
    const status = cell ? this.sheet.status(cell) : null;
    if (!status || (!cell.note && !cell.remark && ["", "missing"].includes(status.kind))) { this.hide(); return; }
    this.box.replaceChildren();
    if (status.kind === "conflict") { this._clash(status.about); }
    if (status.kind === "error") { this._say("p-bad", status.sentence); }
    if (status.kind === "whole") { this._say("p-info", cells.fill(this.texts.wholeMissing, { label: status.about.spec.title })); }
    if (status.kind === "off" && cell.want.reason) { this._say("", cells.fill(this.texts.exemptBecause, { reason: cell.want.reason })); }
    if (cell.remark && !this.sheet.isLocked) { this._say("p-warn", cells.fill(this.texts.remark, { text: cell.remark })); }
    if (status.kind === "reason" || status.kind === "explained") { this._reason(status.about, status.sentence); }
    else if (cell.note || cell.remark) { this._reason(cell, ""); }
    this._finish();
  }

  _finish() {
    this.box.hidden = !this.box.childElementCount;
    this._place();
  }

  hide() {
    if (!this.box.hidden) { this.box.hidden = true; }
    this.isMenu = false;
  }

  isOpen() { return !this.box.hidden; }

  _say(tone, text) {
    if (!text) { return; }
    const line = element("p");
    line.append(element("b", tone, text));
    this.box.append(line);
  }

  /* ---- a reason ---- */

  _reason(about, sentence) {
    if (sentence) {
      const line = element("p");
      line.append(element("b", "p-warn", sentence));
      this.box.append(line);
    }
    if (this.sheet.isLocked) {
      if (about.note) { this.box.append(element("p", "", cells.fill(this.texts.noteIs, { text: about.note }))); }
      return;
    }
    const isHeld = Boolean(about.message);
    this.box.append(this._field(this.texts.noteLabel, about.note, function (text) {
      this.table.change([about], function () { this.sheet.explain(about, text); }.bind(this));
      if (isHeld) { this.on.changed([about]); }
    }.bind(this), isHeld));
  }

  /* A line to write in, with common phrases beside it; `keep` gets a new text on Enter and on leaving,
     and the text as it stands on Enter where it was held back (`isHeld`). */
  _field(label, text, keep, isHeld) {
    const group = element("div", "g-note");
    const field = element("input", "p-input");
    field.type = "text";
    field.maxLength = this.sheet.rules.maxReason;
    field.value = text;
    field.setAttribute("aria-label", label);
    field.placeholder = label;
    field.dataset.note = "";
    let kept = isHeld ? null : text;
    const write = function () {
      const now = field.value.trim().replace(/\s+/g, " ");
      if (now !== kept) { kept = now; keep(now); }
    };
    field.addEventListener("change", write);
    field.addEventListener("keydown", function (event) {
      if (event.isComposing || event.keyCode === 229) { return; }
      if (event.key === "Enter") { event.preventDefault(); write(); this._back(); }
    }.bind(this));
    group.append(field);
    const chips = element("div", "g-phrases");
    this.phrases.forEach(function (phrase) {
      chips.append(button(phrase, "is-text", function () { field.value = phrase; write(); this._back(); }.bind(this)));
    }, this);
    group.append(chips);
    return group;
  }

  focusNote() {
    if (!this.cell || this.sheet.isLocked) { return; }
    let field = this.box.hidden ? null : this.box.querySelector("[data-note]");
    if (!field) {
      this.box.replaceChildren();
      this._reason(this.cell, "");
      this._finish();
      field = this.box.querySelector("[data-note]");
    }
    field.focus();
    field.select();
  }

  _back() {
    if (this.cell) { this.table.focusCell(this.cell); }
  }

  /* ---- a clash ---- */

  _clash(about) {
    const theirs = cells.fromStored(about.conflict.stored);
    const words = { who: about.conflict.who || this.texts.somebody, at: about.conflict.at, theirs: this._shown(theirs), mine: this._shown(about.want) };
    this._say("p-bad", cells.fill(this.texts.clash, words));
    const choices = element("div", "g-choices");
    choices.append(
      button(cells.fill(this.texts.takeTheirs, words), "is-line", function () { this._settle(about, "takeTheirs"); }.bind(this)),
      button(cells.fill(this.texts.keepMine, words), "", function () { this._settle(about, "keepMine"); }.bind(this))
    );
    this.box.append(choices);
  }

  _settle(about, choice) {
    this.sheet[choice](about);
    this.on.changed([about]);
    this._back();
    this.show(this.cell);
  }

  _shown(value) {
    if (value.state === cells.EXEMPT) { return this.texts.exempt; }
    return cells.textOf(value) || this.texts.empty;
  }

  /* ---- the menu of a cell ---- */

  openMenu(cell) {
    if (!cell || this.sheet.isLocked) { return; }
    this.cell = cell;
    this.isMenu = true;
    const entry = function (text, work) { return button(text, "is-text", function () { work(); }); };
    const entries = [
      entry(this.texts.menuLast, function () { this.hide(); this._back(); this.table.copyLast(); }.bind(this)),
      entry(this.texts.menuNote, function () { this.isMenu = false; this.hide(); this.focusNote(); }.bind(this)),
      entry(this.texts.menuExempt, function () { this._askExempt(cell); }.bind(this)),
    ];
    if (cell.spec.mayBeNotApplicable) {
      entries.push(entry(this.texts.menuNotApplicable, function () { this._mark(cell, cells.NOT_APPLICABLE, ""); }.bind(this)));
    }
    const due = this.sheet.due(cell);
    if (due) { entries.push(entry(cells.fill(this.texts.menuWhole, { label: due.spec.title }), function () { this._editWhole(cell, due); }.bind(this))); }
    entries.push(entry(this.texts.menuClear, function () { this.hide(); this._back(); this.table.clear(); }.bind(this)));
    const list = element("div", "g-menu");
    list.append.apply(list, entries);
    this.box.replaceChildren(element("p", "g-menuhead", this.sheet.rows[cell.row].name + " " + cell.spec.title), list);
    this._finish();
    entries[0].focus();
  }

  _mark(cell, state, reason) {
    const indicator = Object.keys(this.sheet.specs).map(function (code) { return this.sheet.find(cell.village, code); }, this)
      .filter(function (one) { return one.spec.indicator === cell.spec.indicator; });
    this.hide();
    this.table.change(indicator, function () { this.sheet.settle(cell, state, reason); }.bind(this),
      state === cells.EXEMPT ? this.texts.markedExempt : this.texts.markedNotApplicable);
    this._back();
  }

  _askExempt(cell) {
    this.box.replaceChildren();
    this._say("", this.texts.exemptQuestion);
    this.box.append(this._field(this.texts.exemptLabel, "", function (text) {
      if (text) { this._mark(cell, cells.EXEMPT, text); }
    }.bind(this)));
    this._finish();
    this.box.querySelector("[data-note]").focus();
  }

  /* The cell is opened as `33/35`: both numbers can be put right there. */
  _editWhole(cell, due) {
    this.hide();
    this._back();
    const input = this.table.input(cell);
    input.value = (cell.text || "") + "/" + due.text;
    this.table._edit();
  }

  /* ---- place and keys ---- */

  /* Below the cell; above it where the foot of the table, the bar or the screen would cover the box. */
  _place() {
    if (this.box.hidden || !this.cell) { return; }
    const box = this.table.box(this.cell), wrap = this.table.wrap;
    const width = this.box.offsetWidth, height = this.box.offsetHeight;
    const area = wrap.getBoundingClientRect();
    const bar = document.querySelector(".p-actionbar").getBoundingClientRect();
    const bottom = Math.min(area.bottom - this.table.root.tFoot.offsetHeight, bar.top) - area.top + wrap.scrollTop;
    const below = box.offsetTop + box.offsetHeight + 2, above = box.offsetTop - height - 2;
    const isAbove = below + height > bottom && above >= wrap.scrollTop;
    const left = Math.min(box.offsetLeft + box.offsetWidth - width, wrap.scrollLeft + wrap.clientWidth - width - 4);
    this.box.style.left = Math.max(wrap.scrollLeft + 4, left) + "px";
    this.box.style.top = (isAbove ? above : below) + "px";
  }

  _key(event) {
    if (event.isComposing) { return; }
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.show(this.isMenu ? this.cell : null);
      this._back();
    }
    if (this.isMenu && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const entries = Array.from(this.box.querySelectorAll("button"));
      const at = entries.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      entries[(at + entries.length) % entries.length].focus();
    }
  }
}
