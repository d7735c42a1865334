"use strict";
/* The frame of every page: menus, main menu, dialogs, brief messages, forms sent once, end of session.
   Everything is attached by data- attributes; docs/ui-shell.md lists them. */
(function () {
  const root = document.documentElement;
  const prefs = window.portalPrefs;
  const narrow = window.matchMedia("(max-width: 767px)");

  /* ---- header menus: <details data-menu> ---- */
  function closeMenus(except) {
    document.querySelectorAll("details[data-menu][open]").forEach(function (menu) {
      if (menu !== except) { menu.removeAttribute("open"); }
    });
  }
  document.addEventListener("click", function (event) {
    closeMenus(event.target.closest("details[data-menu]"));
  });
  document.addEventListener("focusin", function (event) {
    closeMenus(event.target.closest("details[data-menu]"));
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") { return; }
    const open = document.querySelector("details[data-menu][open]");
    if (open) {
      open.removeAttribute("open");
      open.querySelector("summary").focus();
    } else if (document.body.classList.contains("nav-open")) {
      setDrawer(false);
      navButton.focus();
    }
  });

  /* ---- text size and theme ---- */
  function showChoices() {
    document.querySelectorAll("[data-font-choice]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.fontChoice === prefs.font()));
    });
    document.querySelectorAll("[data-theme-choice]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === prefs.theme()));
    });
  }
  document.addEventListener("click", function (event) {
    const font = event.target.closest("[data-font-choice]");
    const theme = event.target.closest("[data-theme-choice]");
    if (font) { prefs.setFont(font.dataset.fontChoice); }
    if (theme) { prefs.setTheme(theme.dataset.themeChoice); }
    if (font || theme) { showChoices(); }
  });
  showChoices();

  /* ---- main menu: icons only on wide screens, a drawer on narrow ones ---- */
  const navButton = document.querySelector("[data-nav-toggle]");
  function setDrawer(open) {
    document.body.classList.toggle("nav-open", open);
    navButton.setAttribute("aria-expanded", String(open));
    if (open) { document.querySelector("#portal-nav a").focus(); }
  }
  const pageWantsMini = document.body.classList.contains("nav-mini");
  function isMini() {
    return document.body.classList.contains("nav-mini") || root.classList.contains("nav-mini");
  }
  function setMini(mini) {
    root.classList.toggle("nav-mini", mini);
    document.body.classList.remove("nav-mini");
    if (!pageWantsMini) { prefs.write("portal.nav", mini ? "mini" : ""); }
    navButton.setAttribute("aria-expanded", String(!mini));
  }
  if (navButton) {
    navButton.setAttribute("aria-expanded", String(!narrow.matches && !isMini()));
    navButton.addEventListener("click", function () {
      if (narrow.matches) {
        setDrawer(!document.body.classList.contains("nav-open"));
      } else {
        setMini(!isMini());
      }
    });
    document.addEventListener("click", function (event) {
      if (document.body.classList.contains("nav-open") && !event.target.closest("#portal-nav, [data-nav-toggle]")) {
        setDrawer(false);
      }
    });
  }

  /* ---- dialogs: data-dialog-open="id", data-dialog-close ---- */
  function openDialog(dialog, opener) {
    if (dialog.open) { return; }
    dialog.showModal();
    if (opener) {
      dialog.addEventListener("close", function () {
        if (document.contains(opener)) { opener.focus(); }
      }, { once: true });
    }
  }
  document.addEventListener("click", function (event) {
    const opener = event.target.closest("[data-dialog-open]");
    if (opener) {
      event.preventDefault();
      openDialog(document.getElementById(opener.dataset.dialogOpen), opener);
    }
    const closer = event.target.closest("[data-dialog-close]");
    if (closer) {
      event.preventDefault();
      closer.closest("dialog").close();
    }
    const phrase = event.target.closest("[data-phrase-for]");
    if (phrase) {
      const field = document.getElementById(phrase.dataset.phraseFor);
      field.value = phrase.textContent.trim();
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    }
    if (event.target.closest("[data-print]")) { window.print(); }
  });

  /* ---- brief messages ---- */
  const toasts = document.getElementById("portal-toasts");
  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "p-ic");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", "#i-" + name);
    svg.append(use);
    return svg;
  }
  function toast(text) {
    const box = document.createElement("div");
    box.className = "p-toast";
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = toasts.dataset.closeLabel;
    close.addEventListener("click", function () { box.remove(); });
    const words = document.createElement("span");
    words.textContent = text;
    box.append(icon("circle-check"), words, close);
    toasts.append(box);
    window.setTimeout(function () { box.remove(); }, 6000);
  }
  document.addEventListener("portal:toast", function (event) {
    toast(event.detail.text || event.detail.value || "");
  });

  /* ---- a form is sent once ---- */
  function release(form) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("data-send-again")) { return; }
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
    window.setTimeout(function () { release(form); }, 15000);
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(release);
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    const form = event.target.closest && event.target.closest("form");
    if (form) { release(form); }
    if (!isBackground(event.target)) { markActive(); }
  });

  /* ---- htmx: the token of the page goes with every change ---- */
  const token = document.querySelector('meta[name="csrf-token"]');
  document.addEventListener("htmx:configRequest", function (event) {
    if (token && event.detail.verb !== "get") { event.detail.headers["X-CSRFToken"] = token.content; }
    if (isBackground(event.target)) { event.detail.headers["X-Background"] = "true"; }
  });
  /* Polling is not the user's doing: what lies in [data-background] does not keep the session alive. */
  function isBackground(element) {
    return Boolean(element.closest && element.closest("[data-background]"));
  }

  /* ---- filters send themselves: <select data-auto-submit> ---- */
  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-auto-submit]")) { event.target.form.requestSubmit(); }
  });

  /* ---- password fields: data-show-password="id", hint when caps lock is on ---- */
  document.addEventListener("click", function (event) {
    const eye = event.target.closest("[data-show-password]");
    if (!eye) { return; }
    const field = document.getElementById(eye.dataset.showPassword);
    const show = field.type === "password";
    field.type = show ? "text" : "password";
    eye.setAttribute("aria-pressed", String(show));
  });
  document.addEventListener("keyup", function (event) {
    const hint = event.target.dataset && event.target.dataset.capsHint;
    if (hint && event.getModifierState) {
      document.getElementById(hint).hidden = !event.getModifierState("CapsLock");
    }
  });

  /* ---- end of session: a warning before it, told in every window of this browser ---- */
  const session = document.getElementById("portal-session");
  function markActive() {
    prefs.write("portal.active", String(Date.now()));
  }
  function watchSession() {
    const idle = Number(session.dataset.idleSeconds);
    const warn = Number(session.dataset.warnSeconds);
    const left = session.querySelector("[data-session-left]");
    const failed = session.querySelector("[data-session-failed]");
    const loaded = Date.now();

    function secondsLeft() {
      const active = Math.max(loaded, Number(prefs.read("portal.active")) || 0);
      return idle - Math.floor((Date.now() - active) / 1000);
    }
    function look() {
      const seconds = secondsLeft();
      if (seconds <= 0) {
        document.dispatchEvent(new CustomEvent("portal:session-over"));
        const here = window.location.pathname + window.location.search;
        window.location.assign(session.dataset.loginUrl + "?next=" + encodeURIComponent(here));
        return;
      }
      if (seconds <= warn) {
        openDialog(session, document.activeElement);
        left.textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
      } else if (session.open) {
        session.close();
      }
      window.setTimeout(look, 1000);
    }
    function keep() {
      window.fetch(session.dataset.keepUrl, { method: "POST", headers: { "X-CSRFToken": token.content } })
        .then(function (answer) {
          if (answer.status === 401 || answer.status === 403) {
            window.location.assign(session.dataset.loginUrl);
          } else if (answer.ok) {
            failed.hidden = true;
            markActive();
            session.close();
          } else {
            failed.hidden = false;
          }
        })
        .catch(function () { failed.hidden = false; });
    }
    session.querySelector("[data-session-keep]").addEventListener("click", keep);
    session.addEventListener("cancel", function (event) {
      event.preventDefault();
      keep();
    });
    markActive();
    look();
  }
  if (session && session.dataset.idleSeconds) { watchSession(); }

  window.portalShell = {
    toast: toast,
    openDialog: openDialog,
    markActive: markActive,
    csrfToken: function () { return token ? token.content : ""; },
  };
})();
