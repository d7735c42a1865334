/* Bars and lines of a page. A box <div data-chart="id"> is drawn from the JSON block with that id:
   {kind: "bar" or "line", categories: [...], unit, series: [{name, color: "--v1", data: ["1.20", null], stack, dashed}]}.
   Drawn anew when the theme or the text size changes. Without this script the table below the box tells the same. */
(function () {
  "use strict";
  if (!window.echarts) { return; }
  var drawn = [];

  function token(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function numbers(values) {
    return values.map(function (value) { return value === null ? null : Number(value); });
  }
  function one(series, spec) {
    var color = token(series.color);
    var isBar = (series.kind || spec.kind) === "bar";
    var hasRoom = spec.categories.length <= 12;
    return {
      name: series.name,
      type: isBar ? "bar" : "line",
      stack: series.stack,
      data: numbers(series.data),
      barMaxWidth: 42,
      symbolSize: 7,
      itemStyle: { color: color },
      lineStyle: { color: color, width: series.dashed ? 2 : 2.5, type: series.dashed ? "dashed" : "solid" },
      label: {
        show: hasRoom && isBar,
        position: series.stack ? "inside" : "top",
        color: series.color === "--v-soft" || !series.stack ? token("--text") : token("--v-on"),
        fontSize: 13,
        // A year has twelve of them in half the width of a page: from 100 on they do without the decimal.
        formatter: function (point) {
          return point.value ? Number(point.value).toFixed(Math.abs(point.value) < 100 ? 1 : 0) : "";
        }
      },
      labelLayout: { hideOverlap: true }
    };
  }
  function option(spec) {
    var text = { color: token("--v-axis"), fontSize: 13, fontFamily: getComputedStyle(document.body).fontFamily };
    return {
      animation: false,
      textStyle: text,
      grid: { left: 8, right: 12, top: 36, bottom: 4, containLabel: true },
      legend: { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 12, textStyle: { color: token("--text-2"), fontSize: 13 } },
      tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" }, valueFormatter: function (value) {
        return value === null || value === undefined ? "—" : Number(value).toFixed(2);
      } },
      xAxis: { type: "category", data: spec.categories, axisTick: { show: false }, axisLine: { lineStyle: { color: token("--line-2") } }, axisLabel: text },
      yAxis: { type: "value", splitLine: { lineStyle: { color: token("--v-grid") } }, axisLabel: text },
      series: spec.series.map(function (series) { return one(series, spec); })
    };
  }
  function draw(box) {
    var block = document.getElementById(box.dataset.chart);
    if (!block) { return; }
    var spec = JSON.parse(block.textContent);
    var chart = window.echarts.init(box, null, { renderer: "svg", locale: document.documentElement.lang === "en" ? "EN" : "ZH" });
    chart.setOption(option(spec));
    drawn.push({ chart: chart, spec: spec });
  }

  document.querySelectorAll("[data-chart]").forEach(draw);
  document.addEventListener("portal:display", function () {
    drawn.forEach(function (each) { each.chart.setOption(option(each.spec), true); each.chart.resize(); });
  });
  window.addEventListener("resize", function () { drawn.forEach(function (each) { each.chart.resize(); }); });
  window.addEventListener("beforeprint", function () { drawn.forEach(function (each) { each.chart.resize({ width: 640 }); }); });
  window.addEventListener("afterprint", function () { drawn.forEach(function (each) { each.chart.resize({ width: "auto" }); }); });
})();
