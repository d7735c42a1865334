// The parts of a criterion's form that do not concern it are hidden. Without this script all of them are shown.
"use strict";

(function () {
  const form = document.querySelector("[data-criterion-form]");
  if (!form) return;
  const part = (name) => form.querySelector("[data-" + name + "-part]");

  function show() {
    const isComputed = form.elements.source.value === "S";
    const isGate = form.elements.is_gate.checked;
    part("computed").hidden = !isComputed;
    part("rule").hidden = !isComputed || isGate;
    part("gate").hidden = !isComputed || !isGate;
  }

  form.addEventListener("change", show);
  form.elements.rule_type.addEventListener("change", () => form.querySelector("[name=change_rule]").click());
  show();
})();
