/* Pages of a scheme: the running sum of the weights, more rows in a table of settings. */
(function () {
  "use strict";

  /* The server reads the same: full-width digits, at most one decimal, 0 to 100. Sums are whole tenths. */
  function tenths(text) {
    var plain = text.normalize("NFKC").replace(/[,\s]/g, "").replace("。", ".");
    if (!/^\d{1,3}(\.\d)?0*$/.test(plain)) { return null; }
    var value = Math.round(parseFloat(plain) * 10);
    return value <= 1000 ? value : null;
  }

  function written(value) {
    return value % 10 ? (value / 10).toFixed(1) : String(value / 10);
  }

  function watchWeights(form) {
    var fields = Array.prototype.slice.call(form.querySelectorAll("input[data-weight]"));
    if (!fields.length) { return; }
    var row = form.querySelector("[data-total-row]");
    var bar = form.querySelector("[data-weights-bar]");

    function say(total) {
      if (total === null) { return form.dataset.unreadable; }
      if (total === 1000) { return form.dataset.full; }
      var words = total < 1000 ? form.dataset.missing : form.dataset.over;
      return words.replace("%(gap)s", written(Math.abs(1000 - total)));
    }

    function sumOf(inputs) {
      return inputs.reduce(function (sum, field) {
        var value = tenths(field.value);
        return sum === null || value === null ? null : sum + value;
      }, 0);
    }

    function refresh() {
      fields.forEach(function (field) {
        var isBad = tenths(field.value) === null;
        field.classList.toggle("is-changed", field.value !== field.defaultValue);
        if (isBad) { field.setAttribute("aria-invalid", "true"); } else { field.removeAttribute("aria-invalid"); }
      });
      form.querySelectorAll("[data-category]").forEach(function (group) {
        var sum = sumOf(Array.prototype.slice.call(group.querySelectorAll("input[data-weight]")));
        group.querySelector("[data-category-sum]").textContent = sum === null ? "—" : written(sum);
      });
      var total = sumOf(fields);
      var words = say(total);
      form.querySelector("[data-total]").textContent = total === null ? "—" : written(total);
      form.querySelector("[data-gap]").textContent = words;
      form.querySelector("[data-gap-twin]").textContent = words;
      row.classList.toggle("is-off", total !== 1000);
      bar.classList.toggle("is-off", total !== 1000);
    }

    form.addEventListener("input", refresh);
    form.addEventListener("keydown", function (event) {
      var place = fields.indexOf(event.target);
      if (place < 0 || ["ArrowDown", "ArrowUp", "Enter"].indexOf(event.key) < 0) { return; }
      event.preventDefault();
      var next = fields[place + (event.key === "ArrowUp" ? -1 : 1)];
      if (next) { next.focus(); next.select(); }
    });
    refresh();
  }

  function addRow(box) {
    var rows = box.querySelectorAll("tbody tr");
    var last = rows[rows.length - 1];
    var fresh = last.cloneNode(true);
    fresh.querySelectorAll("input, select").forEach(function (field) {
      field.value = "";
      field.name = field.name.replace(/-(\d+)-/, "-" + rows.length + "-");
      var label = field.getAttribute("aria-label");
      if (label) { field.setAttribute("aria-label", label.replace(/\d+$/, rows.length + 1)); }
    });
    last.parentNode.appendChild(fresh);
    fresh.querySelector("input, select").focus();
  }

  function offerRows(root) {
    root.querySelectorAll("[data-add-row]").forEach(function (button) { button.hidden = false; });
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-add-row]");
    if (button) { addRow(button.closest("[data-rows]")); }
  });
  /* With htmx the settings follow the chosen rule by themselves. */
  if (window.htmx) { document.querySelectorAll("button[name=change_rule]").forEach(function (button) { button.hidden = true; }); }
  document.querySelectorAll("form[data-weights]").forEach(watchWeights);
  offerRows(document);
  document.addEventListener("htmx:afterSwap", function (event) { offerRows(event.target.parentNode || document); });
})();
