// Entry of a meeting: counts who is absent, and asks what is usual for the chosen village and kind.
// Only fields the user has not typed in are filled. Attached to [data-life-form].
(function () {
  "use strict";

  var SUGGESTED = ["due_count", "place", "chair", "recorder"];

  function number(input) {
    var text = input.value.trim().replace(/[０-９]/g, function (digit) {
      return String.fromCharCode(digit.charCodeAt(0) - 0xfee0);
    });
    return /^\d+$/.test(text) ? Number(text) : null;
  }

  function attach(form) {
    var fields = form.elements;
    var output = form.querySelector("[data-absent]");
    var touched = {};

    function showAbsent() {
      var due = number(fields.due_count);
      var present = number(fields.present_count);
      if (due === null || present === null) {
        output.value = "—";
        return;
      }
      var absent = due - (number(fields.excused_count) || 0) - present;
      output.value = String(absent).replace("-", "\u2212");
      output.classList.toggle("is-bad", absent < 0);
    }

    function fill(usual) {
      SUGGESTED.forEach(function (name) {
        if (!touched[name]) {
          fields[name].value = usual[name] === null ? "" : usual[name];
        }
      });
      showAbsent();
    }

    function ask() {
      if (!form.dataset.suggest || !fields.branch || !fields.branch.value || !fields.kind.value) {
        return;
      }
      var query = new URLSearchParams({ branch: fields.branch.value, kind: fields.kind.value });
      fetch(form.dataset.suggest + "?" + query, { headers: { Accept: "application/json" } })
        .then(function (response) {
          return response.ok ? response.json() : null;
        })
        .then(function (usual) {
          if (usual) {
            fill(usual);
          }
        })
        .catch(function () {
          // Without a network nothing is suggested; the form works as it is.
        });
    }

    form.addEventListener("input", function (event) {
      touched[event.target.name] = true;
      showAbsent();
    });
    ["branch", "kind"].forEach(function (name) {
      if (fields[name]) {
        fields[name].addEventListener("change", ask);
      }
    });
    showAbsent();
    if (form.querySelector("[data-focus-first]")) {
      return;
    }
    if (fields.branch && !fields.branch.value) {
      fields.branch.focus();
    } else {
      fields.present_count.focus();
    }
  }

  document.querySelectorAll("[data-life-form]").forEach(attach);
})();
