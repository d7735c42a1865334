"use strict";
/* The ranking and the receipt: a receipt opens inside the board, lines with full marks on request. */
(function () {
  /* ---- a second press closes the receipt instead of asking for it again ---- */
  function setOpen(link, open) {
    link.setAttribute("aria-expanded", String(open));
    link.closest("tr").classList.toggle("is-sel", open);
  }
  document.addEventListener("htmx:beforeRequest", function (event) {
    const link = event.target.closest && event.target.closest("[data-drill]");
    if (!link) { return; }
    const shown = document.getElementById(link.dataset.drill);
    if (shown) {
      event.preventDefault();
      shown.remove();
      setOpen(link, false);
    }
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    const link = event.target.closest && event.target.closest("[data-drill]");
    if (link && event.detail.successful) {
      link.setAttribute("aria-controls", link.dataset.drill);
      setOpen(link, true);
    }
  });

  /* ---- full marks ---- */
  document.addEventListener("click", function (event) {
    const toggle = event.target.closest("[data-full-toggle]");
    if (!toggle) { return; }
    event.preventDefault();
    const receipt = toggle.closest(".b-receipt");
    const show = toggle.getAttribute("aria-expanded") !== "true";
    receipt.querySelectorAll("[data-full]").forEach(function (row) { row.hidden = !show; });
    receipt.querySelectorAll("[data-full-rest]").forEach(function (row) { row.hidden = show; });
    toggle.setAttribute("aria-expanded", String(show));
    toggle.textContent = show ? toggle.dataset.hide : toggle.dataset.show;
  });

})();
