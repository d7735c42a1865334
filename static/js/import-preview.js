"use strict";
/* The preview of an import: who has left is noted at every tick, so that other tabs and pages do not lose it. */
(function () {
  const list = document.querySelector("[data-left-list]");
  const form = document.getElementById("confirm");
  if (!list || !form) { return; }
  const note = form.querySelector("[data-left-note]");
  let waiting = Promise.resolve();

  function save() {
    return fetch(list.dataset.url, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "X-CSRFToken": window.portalShell.csrfToken(), "X-Autosave": "true" },
    }).then(function (answer) {
      window.portalShell.markActive();
      return answer.json();
    }).then(function (told) {
      note.textContent = told.text;
    }).catch(function () {
      /* Ticks of this page go with the form as well; only those of other pages need the note. */
    });
  }
  list.addEventListener("change", function () { waiting = waiting.then(save); });
})();
