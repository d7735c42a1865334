"use strict";
/* A workbook that has just been made comes by itself, once; after that by its button. */
(function () {
  const form = document.querySelector("form[data-fetch-once]");
  if (!form) { return; }
  const key = "workbook-" + form.dataset.fetchOnce;
  if (window.sessionStorage.getItem(key)) { return; }
  window.sessionStorage.setItem(key, "1");
  form.requestSubmit();
})();
