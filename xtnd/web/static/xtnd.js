// The shell: appearance, search keys, rows by keyboard, and plain words when a request fails.
(function () {
  "use strict";

  // --- appearance
  function markTheme() {
    document.querySelectorAll("[data-theme-choice]").forEach(function (button) {
      var on = button.dataset.themeChoice === window.xtndTheme.chosen();
      button.setAttribute("aria-pressed", String(on));
      button.classList.toggle("active", on);
    });
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-theme-choice]");
    if (button) { window.xtndTheme.choose(button.dataset.themeChoice); markTheme(); }
  });
  markTheme();

  // --- keys: "/" and Ctrl-K search; j and k walk the rows of table[data-keys], Enter opens the row
  function typing(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  }
  function rows() { return Array.from(document.querySelectorAll("table[data-keys] > tbody > tr")); }
  function walk(step) {
    var all = rows();
    if (!all.length) return;
    var now = all.findIndex(function (row) { return row.classList.contains("row-current"); });
    var next = now < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + step, 0), all.length - 1);
    if (now >= 0) all[now].classList.remove("row-current");
    all[next].classList.add("row-current");
    all[next].scrollIntoView({ block: "nearest" });
    var link = all[next].querySelector("a[href]");
    if (link) link.focus({ preventScroll: true });
  }
  document.addEventListener("keydown", function (event) {
    var search = document.getElementById("search");
    if (search && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault(); search.focus(); search.select(); return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "/" && search) { event.preventDefault(); search.focus(); search.select(); }
    else if (event.key === "j") walk(1);
    else if (event.key === "k") walk(-1);
    else if (event.key === "Enter" && event.target === document.body) {
      var link = document.querySelector("table[data-keys] tr.row-current a[href]");
      if (link) link.click();
    }
  });

  // --- toasts
  function toast(words, colour) {
    var box = document.createElement("div");
    box.className = "toast show";
    var row = document.createElement("div");
    row.className = "d-flex align-items-center border-start border-4 border-" + (colour || "danger");
    var text = document.createElement("div");
    text.className = "toast-body";
    text.textContent = words;
    var close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close me-2 m-auto";
    close.setAttribute("aria-label", document.body.dataset.sayClose);
    close.addEventListener("click", function () { box.remove(); });
    row.append(text, close);
    box.append(row);
    document.getElementById("toasts").append(box);
    setTimeout(function () { box.remove(); }, 15000);
  }
  window.xtndToast = toast;
  document.addEventListener("htmx:responseError", function (event) {
    var say = document.body.dataset;
    var status = event.detail.xhr.status;
    toast(status === 403 ? say.sayForbidden : status === 404 || status === 410 ? say.sayGone : status === 429 ? say.sayBusy : say.sayFailed);
  });
  ["htmx:sendError", "htmx:timeout"].forEach(function (name) {
    document.addEventListener(name, function () { toast(document.body.dataset.sayOffline); });
  });

  // --- copy, confirm, submit on change
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (!button) return;
    var source = document.getElementById(button.dataset.copy);
    var text = "value" in source ? source.value : source.textContent;
    if (navigator.clipboard) {
      navigator.clipboard.writeText(text.trim()).then(function () { if (button.dataset.copied) toast(button.dataset.copied, "success"); });
    } else {
      var range = document.createRange(); range.selectNodeContents(source);
      var selection = window.getSelection(); selection.removeAllRanges(); selection.addRange(range);
    }
  });
  document.addEventListener("submit", function (event) {
    var question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);
})();
