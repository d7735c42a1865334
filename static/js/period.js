"use strict";
/* The month: one box selects every township that can be reminded. */
(function () {
  document.addEventListener("change", function (event) {
    if (!event.target.matches("[data-remind-all]")) { return; }
    document.querySelectorAll("[data-remind]").forEach(function (box) { box.checked = event.target.checked; });
  });
})();
