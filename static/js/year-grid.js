/* Tables of the year: a block from a spreadsheet is pasted over the cells, Enter and the arrows move up and down,
   what was changed is marked, and leaving with unsaved changes asks first. */
(function () {
  "use strict";
  var form = document.querySelector("[data-year-grid]");
  if (!form) { return; }
  var rows = Array.prototype.map.call(form.querySelectorAll("tbody tr"), function (row) {
    return Array.prototype.slice.call(row.querySelectorAll("input.p-input"));
  });
  var sent = false;

  function placeOf(input) {
    for (var row = 0; row < rows.length; row += 1) {
      var column = rows[row].indexOf(input);
      if (column >= 0) { return [row, column]; }
    }
    return null;
  }
  function mark(input) { input.classList.toggle("is-changed", input.value !== input.defaultValue); }
  function changed() {
    return rows.some(function (row) { return row.some(function (input) { return input.value !== input.defaultValue; }); });
  }
  function go(input, step) {
    var place = placeOf(input);
    var next = place && rows[place[0] + step] && rows[place[0] + step][place[1]];
    if (next) { next.focus(); next.select(); }
    return Boolean(next);
  }

  form.addEventListener("input", function (event) { mark(event.target); });
  form.addEventListener("keydown", function (event) {
    var input = event.target;
    if (!input.matches || !input.matches("input.p-input") || event.isComposing) { return; }
    var step = event.key === "ArrowDown" || (event.key === "Enter" && !event.shiftKey) ? 1
      : event.key === "ArrowUp" || event.key === "Enter" ? -1 : 0;
    if (!step || event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (go(input, step) || event.key === "Enter") { event.preventDefault(); }
  });
  form.addEventListener("paste", function (event) {
    var input = event.target;
    var text = event.clipboardData ? event.clipboardData.getData("text/plain") : "";
    var place = placeOf(input);
    var lines = text.replace(/\r/g, "").replace(/\n$/, "").split("\n");
    if (!place || (lines.length === 1 && lines[0].indexOf("\t") < 0)) { return; }
    event.preventDefault();
    var written = 0;
    lines.forEach(function (line, down) {
      line.split("\t").forEach(function (cell, right) {
        var target = (rows[place[0] + down] || [])[place[1] + right];
        if (!target || target.readOnly) { return; }
        target.value = cell.trim();
        mark(target);
        written += 1;
      });
    });
    var note = form.querySelector("[data-pasted]");
    if (note) { note.textContent = form.dataset.pastedWords.replace("{n}", String(written)); }
  });
  form.addEventListener("submit", function () { sent = true; });
  window.addEventListener("beforeunload", function (event) {
    if (!sent && changed()) { event.preventDefault(); event.returnValue = ""; }
  });
})();
