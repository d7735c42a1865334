"use strict";
/* Text size and theme of this browser, applied before the first paint; runs in the head. */
(function () {
  const root = document.documentElement;
  const FONTS = ["lg", "xl"];
  const THEMES = ["light", "dark"];

  function read(key) {
    try { return window.localStorage.getItem(key) || ""; } catch (error) { return ""; }
  }
  function write(key, value) {
    try {
      if (value) { window.localStorage.setItem(key, value); } else { window.localStorage.removeItem(key); }
    } catch (error) { /* private window: the choice lasts for this page */ }
  }
  function applyFont(font) {
    if (FONTS.includes(font)) { root.dataset.font = font; } else { delete root.dataset.font; }
  }
  function applyTheme(theme) {
    root.dataset.theme = THEMES.includes(theme) ? theme : "auto";
  }

  root.classList.add("js");
  applyFont(read("portal.font"));
  applyTheme(read("theme"));
  if (read("portal.nav") === "mini") { root.classList.add("nav-mini"); }

  window.portalPrefs = {
    read: read,
    write: write,
    font: function () { return root.dataset.font || ""; },
    theme: function () { return root.dataset.theme || "auto"; },
    setFont: function (font) {
      applyFont(font);
      write("portal.font", root.dataset.font || "");
      document.dispatchEvent(new CustomEvent("portal:display"));
    },
    setTheme: function (theme) {
      applyTheme(theme);
      write("theme", root.dataset.theme);
      document.dispatchEvent(new CustomEvent("portal:display"));
    },
  };
})();
