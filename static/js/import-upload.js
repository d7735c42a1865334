"use strict";
/* Choosing a roster's file: dropping it, its name and size, the limit said before anything is sent. */
(function () {
  const form = document.querySelector("[data-upload]");
  if (!form) { return; }
  const input = form.querySelector('input[type="file"]');
  const drop = form.querySelector("[data-drop]");
  const chosen = form.querySelector("[data-chosen]");
  const tooLarge = form.querySelector("[data-too-large]");
  const most = Number(form.dataset.mostBytes);

  function sizeText(bytes) {
    return bytes >= 1048576 ? (bytes / 1048576).toFixed(1) + " MB" : Math.max(1, Math.round(bytes / 1024)) + " KB";
  }
  function isTooLarge() {
    return input.files.length > 0 && input.files[0].size > most;
  }
  function show() {
    const file = input.files[0];
    chosen.hidden = !file;
    tooLarge.hidden = !isTooLarge();
    if (file) {
      chosen.querySelector("[data-chosen-name]").textContent = file.name;
      chosen.querySelector("[data-chosen-size]").textContent = sizeText(file.size);
    }
  }
  input.addEventListener("change", show);
  form.addEventListener("submit", function (event) {
    if (isTooLarge()) {
      event.preventDefault();
      tooLarge.scrollIntoView({ block: "center" });
    }
  }, true);
  ["dragover", "dragenter"].forEach(function (name) {
    drop.addEventListener(name, function (event) {
      event.preventDefault();
      drop.classList.add("is-over");
    });
  });
  ["dragleave", "drop"].forEach(function (name) {
    drop.addEventListener(name, function () { drop.classList.remove("is-over"); });
  });
  drop.addEventListener("drop", function (event) {
    event.preventDefault();
    if (event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      show();
    }
  });
  /* A file dropped beside the box would replace the page. */
  ["dragover", "drop"].forEach(function (name) {
    window.addEventListener(name, function (event) { event.preventDefault(); });
  });
  show();
})();
