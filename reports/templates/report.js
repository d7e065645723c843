"use strict";
(() => {
  const NARROW = window.matchMedia("(max-width: 600px)");

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

  /* Tables: a click on a heading sorts; a second click turns the order. Cells without a value stay last. */

  function sortValue(row, index, numeric) {
    const cell = row.cells[index];
    if (cell.classList.contains("absent")) return null;
    return numeric ? Number(cell.dataset.sort ?? cell.textContent) : cell.textContent.trim().toLowerCase();
  }

  function sortTable(table, heading) {
    closeRows(table);
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

  /* Headings of the columns, with that of their group in front. */

  const headings = (table) => [...[...table.tHead.rows].at(-1).cells];
  function headingText(heading) {
    const group = heading.dataset.group;
    return (group ? group + ": " : "") + heading.textContent.trim().replace(/\s+/g, " ");
  }

  /* What a row does not show, below it: columns that have no room, and why there is no value. */

  function hiddenFacts(table, row) {
    const heads = headings(table);
    return [...row.cells].flatMap((cell, index) => {
      const why = cell.title;
      if (!why && !heads[index].classList.contains("d")) return [];
      return [[headingText(heads[index]), cell.textContent.trim() + (why ? ": " + why : "")]];
    });
  }

  function closeRows(table) {
    for (const more of table.querySelectorAll("tr.more")) {
      more.previousElementSibling.querySelector(".open").setAttribute("aria-expanded", "false");
      more.remove();
    }
  }

  function toggleRow(table, row, button) {
    if (row.nextElementSibling?.classList.contains("more")) {
      row.nextElementSibling.remove();
      button.setAttribute("aria-expanded", "false");
      return;
    }
    const more = document.createElement("tr"), cell = document.createElement("td"), list = document.createElement("dl");
    more.className = "more";
    cell.colSpan = row.cells.length;
    for (const [name, text] of hiddenFacts(table, row)) {
      const part = document.createElement("div"), term = document.createElement("dt"), said = document.createElement("dd");
      term.textContent = name;
      said.textContent = text;
      part.append(term, said);
      list.append(part);
    }
    cell.append(list);
    more.append(cell);
    row.after(more);
    button.setAttribute("aria-expanded", "true");
  }

  function addOpeners(table) {
    for (const body of table.tBodies) for (const row of body.rows) {
      if (!hiddenFacts(table, row).length) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "open";
      button.setAttribute("aria-expanded", "false");
      button.setAttribute("aria-label", "More about " + row.cells[0].textContent.trim());
      button.addEventListener("click", () => toggleRow(table, row, button));
      row.cells[0].prepend(button);
    }
  }

  /* Above a table: a filter where it is long, and a switch for the columns that have no room. */

  function addTools(table) {
    const tools = document.createElement("div");
    tools.className = "tools";
    if (table.querySelectorAll("tbody tr").length > 12) tools.append(filterBox(table));
    if (table.querySelector("thead .d")) tools.append(columnSwitch(table));
    if (tools.children.length) table.parentElement.before(tools);
  }

  function filterBox(table) {
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "filter rows";
    input.setAttribute("aria-label", "Filter rows of " + table.caption.textContent);
    input.addEventListener("input", () => {
      closeRows(table);
      const words = input.value.toLowerCase().split(/\s+/);
      for (const row of table.querySelectorAll("tbody tr")) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    });
    return input;
  }

  function columnSwitch(table) {
    const input = document.createElement("input"), label = document.createElement("label");
    input.type = "checkbox";
    input.addEventListener("change", () => {
      closeRows(table);
      table.classList.toggle("all", input.checked);
      fitTables();
    });
    label.append(input, "all columns");
    return label;
  }

  /* On a narrow screen each row is a card, and each cell names its column. */

  function nameCells() {
    if (!NARROW.matches) return;
    for (const table of document.querySelectorAll("table.sortable:not([data-named])")) {
      table.dataset.named = "yes";
      const names = headings(table).map(headingText);
      for (const body of table.tBodies) for (const row of body.rows)
        [...row.cells].forEach((cell, index) => { if (index) cell.dataset.name = names[index]; });
    }
  }

  /* A table with more columns than any page has room for, such as one of many backends, scrolls sideways. */

  function fitTables() {
    for (const box of document.querySelectorAll(".grid")) {
      if (!box.clientWidth) continue;
      box.classList.remove("scroll");
      const wide = box.scrollWidth > box.clientWidth + 1;
      box.classList.toggle("scroll", wide);
      if (wide) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  /* A link into a part that is folded away opens it. */

  function openTarget() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target.querySelector(":scope > details.fold") ?? target; at; at = at.parentElement)
      if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  }

  document.documentElement.classList.add("js");
  chooseAnswer();
  for (const table of document.querySelectorAll("table.sortable")) {
    addTools(table);
    addOpeners(table);
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
  nameCells();
  fitTables();
  document.addEventListener("toggle", fitTables, true);
  window.addEventListener("resize", fitTables);
  NARROW.addEventListener("change", nameCells);
  window.addEventListener("hashchange", openTarget);
  openTarget();
})();
