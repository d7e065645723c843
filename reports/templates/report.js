"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  /* The answer: one model and mode at a time. Without scripts all are shown. */

  function chooseAnswer() {
    const choice = document.getElementById("answer-choice");
    if (!choice) return;
    const panels = document.querySelectorAll(".answer");
    const show = () => panels.forEach((panel, number) => { panel.hidden = number !== Number(choice.value); });
    choice.closest(".choose").hidden = panels.length < 2;
    choice.addEventListener("change", show);
    show();
  }

  chooseAnswer();

  /* Tables: a click on a heading sorts; a second click turns the order. Cells without a value stay last. */

  function sortValue(row, index, numeric) {
    const cell = row.cells[index];
    if (cell.classList.contains("absent")) return null;
    return numeric ? Number(cell.dataset.sort) : cell.textContent.trim().toLowerCase();
  }

  function sortTable(table, heading) {
    const index = heading.cellIndex;
    const numeric = heading.classList.contains("number") || heading.classList.contains("mark");
    const first = numeric ? "descending" : "ascending";
    const now = heading.getAttribute("aria-sort");
    const order = now === null ? first : now === "ascending" ? "descending" : "ascending";
    for (const other of table.querySelectorAll("thead [aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    for (const body of table.tBodies) {
      const keyed = [...body.rows].map((row) => [sortValue(row, index, numeric), row]);
      keyed.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return sign * (numeric ? a - b : a.localeCompare(b));
      });
      body.append(...keyed.map(([, row]) => row));
    }
  }

  function groupNames(table) {
    return [...table.querySelectorAll(".groups th")].map((th) => th.dataset.group);
  }

  function addTools(table) {
    const tools = document.createElement("div");
    tools.className = "tools";
    if (table.querySelectorAll("tbody tr").length > 12) tools.append(filterBox(table));
    for (const name of groupNames(table)) tools.append(groupSwitch(table, name));
    if (tools.children.length) table.parentElement.before(tools);
  }

  function labelled(input, text) {
    const label = document.createElement("label");
    label.append(input, text);
    return label;
  }

  function filterBox(table) {
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "filter rows";
    input.setAttribute("aria-label", "Filter rows of " + table.caption.textContent);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/);
      for (const row of table.querySelectorAll("tbody tr")) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    });
    return input;
  }

  function groupSwitch(table, name) {
    const input = document.createElement("input");
    input.type = "checkbox";
    input.checked = true;
    input.addEventListener("change", () => {
      for (const cell of table.querySelectorAll(`[data-group="${CSS.escape(name)}"]`)) cell.hidden = !input.checked;
    });
    return labelled(input, name);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    addTools(table);
    table.tHead.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) sortTable(table, button.parentElement);
    });
    for (const cell of table.querySelectorAll("td.outcome")) {
      const text = cell.textContent;
      if (/^(ok|true|agrees)/.test(text)) cell.classList.add("good");
      else if (/^(oom|timeout|crashed|invalid|false|wrong|deviates)/.test(text)) cell.classList.add("bad");
    }
  }

  /* Charts: Plotly draws them when they come near the screen, in the page's own colours. */

  const specs = JSON.parse(document.getElementById("chart-specs").textContent);
  const config = { responsive: true, displayModeBar: false, displaylogo: false };

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function theme() {
    const ink = colour("--ink"), grid = colour("--grid");
    return {
      "paper_bgcolor": "rgba(0,0,0,0)",
      "plot_bgcolor": "rgba(0,0,0,0)",
      "font.color": ink,
      "font.family": getComputedStyle(document.body).fontFamily,
      "font.size": 12,
      "xaxis.gridcolor": grid,
      "yaxis.gridcolor": grid,
      "xaxis.tickfont.color": ink,
      "yaxis.tickfont.color": ink,
      "hoverlabel.bgcolor": colour("--card"),
      "hoverlabel.font.color": ink,
      "hoverlabel.bordercolor": colour("--soft"),
    };
  }

  const NARROW_PX = 600, NARROW_LEVELS = 3;

  /* On a narrow screen an icicle shows fewer levels at once, so that their names fit. */
  function fitted(trace, width) {
    return trace.type === "icicle" && width < NARROW_PX ? { ...trace, maxdepth: NARROW_LEVELS } : trace;
  }

  const begun = new WeakSet();

  async function draw(place) {
    if (begun.has(place)) return;
    begun.add(place);
    const spec = structuredClone(specs[place.dataset.chart]);
    spec.data = spec.data.map((trace) => fitted(trace, place.clientWidth));
    await Plotly.newPlot(place, spec.data, spec.layout, config);
    await Plotly.relayout(place, theme());
    place.dataset.drawn = "yes";
  }

  const places = [...document.querySelectorAll("[data-chart]")];
  const restyle = () => places.filter((p) => p.dataset.drawn).forEach((p) => Plotly.relayout(p, theme()));
  const drawAll = (some) => some.reduce((before, place) => before.then(() => draw(place)), Promise.resolve());
  /* What is folded away has no width to draw in until it is opened. */
  const folded = (place) => place.closest("details:not([open])") !== null;
  drawAll(places.filter((place) => !folded(place)));
  for (const details of document.querySelectorAll("details")) {
    details.addEventListener("toggle", () =>
      drawAll(places.filter((p) => details.contains(p) && details.open)));
  }
  dark.addEventListener("change", restyle);
  window.addEventListener("beforeprint", restyle);
  window.addEventListener("afterprint", restyle);
})();
