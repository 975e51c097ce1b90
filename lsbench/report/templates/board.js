"use strict";
(() => {
  const table = document.getElementById("board-table");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows];

  // Sorting: ranked rows by the column, anchors always below, cells without a value last.
  function valueOf(row, kind) {
    if (kind === "rank") return Number(row.dataset.order);
    if (kind === "name") return row.dataset.name.toLowerCase();
    const cell = kind === "clips" ? row.querySelector(".clips") : row.querySelectorAll("td.score")[kind];
    const text = cell.dataset.value;
    return text === "" ? null : Number(text.replace("inf", "Infinity"));
  }

  function sortBy(head) {
    const button = head.querySelector("button");
    const kind = button.dataset.sort;
    const usual = button.dataset.better === "higher" || kind === "clips" ? "descending" : "ascending";
    const now = head.getAttribute("aria-sort");
    const order = now === null ? usual : now === "ascending" ? "descending" : "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const worth = (value) => value !== null && button.dataset.better === "zero" ? Math.abs(value) : value;
    const keyed = rows.map((row) => [row, worth(valueOf(row, kind))]);
    keyed.sort(([one, first], [other, second]) => {
      const anchor = ("anchor" in one.dataset) - ("anchor" in other.dataset);
      if (anchor) return anchor;
      if (first === null || second === null) return (first === null) - (second === null);
      const less = first < second ? -1 : first > second ? 1 : 0;
      return sign * less || one.dataset.order - other.dataset.order;
    });
    body.append(...keyed.map(([row]) => row));
  }
  heads.forEach((head) => head.querySelector("button").addEventListener("click", () => sortBy(head)));

  // Filtering: rows by name, columns by metric and region.
  const name = document.getElementById("name-filter");
  const metric = document.getElementById("metric-filter");
  const anchors = document.getElementById("anchors");
  const regions = [...document.querySelectorAll("input[name=region]")];

  function filter() {
    const asked = name.value.trim().toLowerCase();
    const shown = new Set(regions.filter((box) => box.checked).map((box) => box.value)).add("");
    let count = 0;
    for (const row of rows) {
      const anchor = "anchor" in row.dataset;
      row.hidden = !row.dataset.name.toLowerCase().includes(asked) || (anchor && !anchors.checked);
      count += !anchor && !row.hidden;
    }
    heads.forEach((head, column) => {
      if (!("metric" in head.dataset)) return;
      const away = !shown.has(head.dataset.region) || (metric.value !== "" && metric.value !== head.dataset.metric);
      head.hidden = away;
      for (const row of rows) row.cells[column].hidden = away;
    });
    const all = rows.filter((row) => !("anchor" in row.dataset)).length;
    document.getElementById("count").textContent = `${count} of ${all} generators`;
  }
  const form = document.getElementById("filters");
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
})();
