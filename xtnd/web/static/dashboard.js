// The dashboard's charts, one per currency: revenue as lines, orders as bars, from #sales-numbers. The table has the same.
(function () {
  "use strict";
  var source = document.getElementById("sales-numbers");
  if (!source || !window.Chart) return;
  var numbers = JSON.parse(source.textContent);
  var language = document.documentElement.lang;
  var palette = ["#2f6fde", "#d9480f", "#2b8a3e", "#9c36b5", "#0b7285", "#a61e4d", "#5f3dc4", "#846358"];
  var grid = "rgba(128, 128, 128, .25)";

  function ink() { return getComputedStyle(document.body).color; }
  function datasets(canvas) {
    var made = [];
    numbers.series.filter(function (one) { return one.currency === canvas.dataset.salesChart; }).forEach(function (one, place) {
      var colour = palette[place % palette.length];
      made.push({ type: "line", label: one.name + " – " + canvas.dataset.revenue, data: one.revenue.map(Number), currency: one.currency, yAxisID: "revenue", borderColor: colour, backgroundColor: colour, borderWidth: 2, pointRadius: 2, tension: 0 });
      made.push({ type: "bar", label: one.name + " – " + canvas.dataset.orders, data: one.orders, yAxisID: "orders", backgroundColor: colour + "55", stack: "orders" });
    });
    return made;
  }
  function said(item) {
    var value = item.dataset.currency
      ? new Intl.NumberFormat(language, { style: "currency", currency: item.dataset.currency }).format(item.parsed.y)
      : item.formattedValue;
    return item.dataset.label + ": " + value;
  }
  function draw(canvas) {
    var now = ink();
    return new window.Chart(canvas, {
      data: { labels: numbers.days, datasets: datasets(canvas) },
      options: {
        responsive: true, maintainAspectRatio: false, animation: false, locale: language, color: now,
        interaction: { mode: "index", intersect: false },
        plugins: { legend: { labels: { color: now, boxWidth: 12 } }, tooltip: { callbacks: { label: said } } },
        scales: {
          x: { ticks: { color: now, maxRotation: 0, autoSkipPadding: 16 }, grid: { color: grid } },
          revenue: { position: "left", beginAtZero: true, title: { display: true, text: canvas.dataset.revenue + " (" + canvas.dataset.salesChart + ")", color: now }, ticks: { color: now }, grid: { color: grid } },
          orders: { position: "right", beginAtZero: true, stacked: true, title: { display: true, text: canvas.dataset.orders, color: now }, ticks: { color: now, precision: 0 }, grid: { drawOnChartArea: false } }
        }
      }
    });
  }
  var charts = Array.from(document.querySelectorAll("[data-sales-chart]")).map(draw);
  new MutationObserver(function () {
    var next = ink();
    charts.forEach(function (chart) {
      var options = chart.options;
      options.color = options.plugins.legend.labels.color = next;
      Object.keys(options.scales).forEach(function (axis) {
        options.scales[axis].ticks.color = next;
        if (options.scales[axis].title) options.scales[axis].title.color = next;
      });
      chart.update();
    });
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
})();
