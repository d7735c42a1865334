"use strict";
/* A covered number is shown for 30 seconds once its purpose is written, or compared with a typed one. */
(function () {
  const SHOWN_FOR = 30000;
  const dialog = document.getElementById("reveal-number");
  const covers = new Map();

  function refuse(form, sentences) {
    const place = form.querySelector("[data-refusal]");
    place.textContent = sentences.join(" ");
    place.hidden = sentences.length === 0;
  }

  function send(form) {
    return window.fetch(form.action, {
      method: "POST",
      credentials: "same-origin",
      headers: { Accept: "application/json" },
      body: new FormData(form)
    }).then(function (response) {
      if (!response.ok && response.status !== 422) { throw new Error(String(response.status)); }
      return response.json();
    });
  }

  function cover(what) {
    const place = document.querySelector('[data-secret="' + what + '"]');
    const covered = covers.get(what);
    if (!place || !covered) { return; }
    window.clearTimeout(covered.timer);
    place.textContent = covered.text;
    covers.delete(what);
  }

  function show(what, value) {
    cover(what);
    const place = document.querySelector('[data-secret="' + what + '"]');
    const timer = window.setTimeout(function () { cover(what); }, SHOWN_FOR);
    covers.set(what, { text: place.textContent, timer: timer });
    place.textContent = value;
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-reveal]");
    if (!button) { return; }
    const form = dialog.querySelector("form");
    form.elements.what.value = button.dataset.reveal;
    refuse(form, []);
    window.portalShell.openDialog(dialog, button);
  });

  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (form.matches("[data-reveal-form]")) {
      event.preventDefault();
      send(form).then(function (answer) {
        if (answer.errors) { refuse(form, answer.errors); return; }
        show(form.elements.what.value, answer.value);
        form.elements.note.value = "";
        dialog.close();
      }, function () { form.submit(); });
    }
    if (form.matches("[data-compare-form]")) {
      event.preventDefault();
      send(form).then(function (answer) {
        refuse(form, answer.errors || []);
        form.querySelector("[data-answer]").textContent = answer.words || "";
        form.elements.number.value = "";
      }, function () { form.submit(); });
    }
  });

  /* Nothing stays uncovered behind the back button, in another window or after the session. */
  function coverAll() { Array.from(covers.keys()).forEach(cover); }
  window.addEventListener("pagehide", coverAll);
  document.addEventListener("visibilitychange", function () { if (document.hidden) { coverAll(); } });
  document.addEventListener("portal:session-over", coverAll);
})();
