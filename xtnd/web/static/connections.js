// The connection form: what was pasted is trimmed, keys can be looked at, and any edit hides Save until the next verify.
(function () {
  "use strict";

  // --- show and hide keys
  function showToggles() {
    document.querySelectorAll("[data-reveal][hidden]").forEach(function (button) { button.hidden = false; });
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-reveal]");
    if (!button) return;
    var field = document.getElementById(button.dataset.reveal);
    var shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
  });

  // --- trim: spaces around a pasted key are never part of it
  function trim(field) { if (field.value !== field.value.trim()) field.value = field.value.trim(); }
  document.addEventListener("paste", function (event) {
    if (event.target.matches("[data-trim]")) setTimeout(function () { trim(event.target); }, 0);
  });
  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-trim]")) trim(event.target);
  });

  // --- Save belongs to the very fields that were verified
  var edited = false;
  function keepSaveHonest() {
    document.querySelectorAll("[data-save]").forEach(function (button) { button.hidden = edited; });
  }
  function markEdited(event) {
    if (!event.target.closest("[data-verify-form]") || event.target.closest("#report")) return;
    edited = true;
    keepSaveHonest();
  }
  document.addEventListener("input", markEdited);
  document.addEventListener("change", markEdited);
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (event.target.matches("[data-verify]")) { edited = false; }
  });
  document.addEventListener("submit", function (event) {
    // Enter in a field presses Verify, the first button; Save is only ever pressed itself.
    if (edited && event.submitter && event.submitter.matches("[data-save]")) event.preventDefault();
  });

  // --- errors at their fields
  function markErrors() {
    document.querySelectorAll(".field-error[data-for]").forEach(function (slot) {
      var field = document.getElementById(slot.dataset.for);
      if (!field) return;
      if (slot.children.length) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    });
  }
  document.addEventListener("htmx:afterSettle", function (event) {
    showToggles();
    keepSaveHonest();
    markErrors();
    var wrong = document.querySelector("[data-verify-form] [aria-invalid='true']");
    var xhr = event.detail.xhr;
    if (wrong && xhr && xhr.status === 422) wrong.focus();
  });

  // --- the rhythm's radio follows the field that is typed in
  document.addEventListener("input", function (event) {
    var row = event.target.closest(".rhythm-row");
    var radio = row && row.querySelector("input[type=radio]");
    if (radio && event.target !== radio) radio.checked = true;
  }, true);

  // --- choose all on this page
  document.addEventListener("change", function (event) {
    var name = event.target.dataset.checkAll;
    if (!name) return;
    document.querySelectorAll("input[type=checkbox][name='" + name + "']").forEach(function (box) { box.checked = event.target.checked; });
  });

  // --- on a phone the guide begins folded
  document.addEventListener("DOMContentLoaded", function () {
    showToggles();
    var guide = document.getElementById("guide");
    if (guide && window.matchMedia("(max-width: 991.98px)").matches) guide.open = false;
  });
})();
