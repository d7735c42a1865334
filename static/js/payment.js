"use strict";
/* The form of a movement of money: only the fields of the chosen kind show, and the chosen source is marked in the
   table beside it. Without scripts all fields show, and the server takes those of the kind. */
(function () {
  const form = document.querySelector("form[data-payment]");
  if (!form) { return; }

  function show() {
    const chosen = form.querySelector("input[name=kind]:checked");
    form.querySelectorAll("[data-for]").forEach(function (part) {
      part.hidden = Boolean(chosen) && part.dataset.for !== chosen.value;
    });
    const source = form.elements.source.value;
    document.querySelectorAll("tr[data-source]").forEach(function (row) {
      row.classList.toggle("is-chosen", row.dataset.source === source);
    });
  }

  form.addEventListener("change", show);
  show();
})();
