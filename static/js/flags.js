/* Forms of the flags: typing in a card ticks it, one box ticks all lines, Enter goes one field down a column. */
(function () {
  "use strict";

  document.addEventListener("input", function (event) {
    const card = event.target.closest(".fl-card");
    const box = card && card.querySelector("[data-flag-choose]");
    if (box && event.target !== box && event.target.value) { box.checked = true; }
    const row = event.target.closest(".fl-sheet tbody tr");
    const tick = row && row.querySelector('input[name="row"]');
    if (tick && event.target !== tick && event.target.value) { tick.checked = true; }
  });

  document.addEventListener("change", function (event) {
    const name = event.target.dataset.checkAll;
    if (!name) { return; }
    event.target.form.querySelectorAll('input[type="checkbox"][name="' + name + '"]').forEach(function (box) {
      box.checked = event.target.checked;
    });
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Enter" || !event.target.matches(".fl-points")) { return; }
    const fields = Array.from(event.target.form.querySelectorAll(".fl-points"));
    const cell = event.target.closest("td");
    const below = fields.filter(function (field) {
      const other = field.closest("td");
      return cell && other && other.cellIndex === cell.cellIndex && field.compareDocumentPosition(event.target) & 2;
    });
    event.preventDefault();
    if (below.length) { below[0].focus(); below[0].select(); }
  });
})();
