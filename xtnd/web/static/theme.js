// Runs before the page is drawn, so that a dark page never flashes white.
(function () {
  "use strict";
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try { return localStorage.getItem("xtnd-theme") || "auto"; } catch (refused) { return "auto"; }
  }
  function draw() {
    var choice = chosen();
    root.setAttribute("data-bs-theme", choice === "auto" ? (dark.matches ? "dark" : "light") : choice);
  }
  window.xtndTheme = {
    chosen: chosen,
    choose: function (choice) {
      try { localStorage.setItem("xtnd-theme", choice); } catch (refused) { /* the choice lasts for this page */ }
      draw();
    },
  };
  dark.addEventListener("change", draw);
  draw();
})();
