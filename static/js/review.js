"use strict";
/* Review of submissions: J and K walk through the queue, boxes select cells, a reason before a return. */
(function () {
  /* ---- J / K: the next and the previous return of the queue ---- */
  function isTyping(element) {
    return element.closest("input:not([type=checkbox]), textarea, select, dialog[open]");
  }
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || isTyping(event.target)) { return; }
    const step = { j: 1, k: -1 }[event.key.toLowerCase()];
    const queue = document.querySelector("[data-queue]");
    if (!step || !queue) { return; }
    const links = Array.from(queue.querySelectorAll("a"));
    const here = links.findIndex(function (link) { return link.getAttribute("aria-current"); });
    const link = links[here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step];
    if (link) {
      event.preventDefault();
      link.click();
    }
  });

  /* ---- several cells at once ---- */
  const bulk = document.querySelector("[data-bulk]");
  function boxes() {
    return Array.from(document.querySelectorAll("[data-select]"));
  }
  function showSelected() {
    const count = boxes().filter(function (box) { return box.checked; }).length;
    bulk.hidden = count === 0;
    bulk.querySelector("[data-bulk-count]").textContent = String(count);
    const all = document.querySelector("[data-select-all]");
    if (all) {
      all.checked = count > 0 && count === boxes().length;
      all.indeterminate = count > 0 && count < boxes().length;
    }
  }
  if (bulk) {
    document.addEventListener("change", function (event) {
      if (event.target.matches("[data-select-all]")) {
        boxes().forEach(function (box) { box.checked = event.target.checked; });
      }
      if (event.target.matches("[data-select-all], [data-select]")) { showSelected(); }
    });
  }

  /* ---- after a verdict the focus stays in its row; the row of a returned cell asks first ---- */
  document.addEventListener("htmx:afterSwap", function (event) {
    const form = event.detail.requestConfig && event.detail.requestConfig.elt;
    const key = form && form.querySelector && form.querySelector("[name=cell]");
    const row = key && document.getElementById("cell-" + key.value);
    if (row) {
      const field = row.querySelector("[autofocus], .r-verdict button");
      if (field) { field.focus(); }
    }
    if (bulk) { showSelected(); }
  });

  /* ---- returning needs a reason, before the question whether to return ---- */
  document.addEventListener("click", function (event) {
    const opener = event.target.closest('[data-dialog-open="confirm-return"]');
    const reason = document.getElementById("reason");
    if (opener && reason && !reason.value.trim()) {
      event.preventDefault();
      event.stopImmediatePropagation();
      reason.value = "";
      reason.focus();
      reason.reportValidity();
    }
  }, true);
  document.addEventListener("click", function (event) {
    const disabled = event.target.closest('.p-decide [aria-disabled="true"]');
    if (!disabled) { return; }
    const marked = document.querySelector("tr.is-warn .r-verdict button") || document.querySelector(".r-verdict button");
    if (marked) {
      marked.scrollIntoView({ block: "center" });
      marked.focus();
    }
  });
})();
