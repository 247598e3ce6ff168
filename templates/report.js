"use strict";
// Sorting, filtering and downloads. Without this script the page shows the same content.
(() => {
  const FIRST = 100;

  // Numbers as the page writes them: a true minus, "93.75 ± 0.65", "8 of 10", "< 0.0001".
  const numeric = (text) => {
    const found = text.replace("−", "-").replace("<", "").trim().match(/^[+-]?\d[\d,]*\.?\d*/);
    return found ? parseFloat(found[0].replace(/,/g, "")) : NaN;
  };

  const compare = (numbers) => (a, b) => {
    if (!numbers) return a.localeCompare(b, "en", { numeric: true });
    const [x, y] = [numeric(a), numeric(b)];
    return x - y;
  };

  const sortTable = (table, header, column) => {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const numbers = header.classList.contains("number");
    const order = compare(numbers);
    const text = (row) => row.cells[column].textContent.trim();
    const missing = (row) => (numbers ? Number.isNaN(numeric(text(row))) : text(row) === "–");
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => {
      // Missing numbers stay last, whichever way the column is sorted.
      if (missing(a) !== missing(b)) return missing(a) ? 1 : -1;
      if (missing(a)) return 0;
      return descending ? order(text(b), text(a)) : order(text(a), text(b));
    });
    table.tBodies[0].append(...rows);
    table.dispatchEvent(new Event("sorted"));
  };

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      if (header.hasAttribute("data-plain")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => sortTable(table, header, column));
    });
  }

  const runs = document.getElementById("run-table");
  if (runs) {
    const filter = document.getElementById("filter");
    const shown = document.getElementById("shown");
    const all = document.getElementById("all");
    let most = FIRST;
    const update = () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      let matching = 0;
      const rows = [...runs.tBodies[0].rows];
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        const matches = words.every((word) => text.includes(word));
        matching += matches ? 1 : 0;
        row.hidden = !matches || matching > most;
      }
      const visible = Math.min(matching, most);
      shown.textContent = `${visible} of ${rows.length} runs shown`;
      all.hidden = matching <= most;
      all.textContent = `Show all ${matching}`;
    };
    filter.addEventListener("input", update);
    runs.addEventListener("sorted", update);
    const showAll = () => {
      most = Infinity;
      update();
    };
    all.addEventListener("click", () => {
      showAll();
      filter.focus();
    });
    window.addEventListener("beforeprint", showAll);
    update();
  }

  // A spreadsheet takes a text that begins like this for a formula.
  const cell = (value) => {
    if (value === null) return "NaN";
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };

  // Histories name their run by its place in the table of runs.
  const load = (id) => {
    const table = JSON.parse(document.getElementById(id).textContent);
    if (!table.of) return table;
    const of = load(table.of);
    const names = ["treatment", "seed", "run"];
    const places = names.map((name) => of.columns.indexOf(name));
    const rows = table.rows.map(([row, ...rest]) => [...places.map((place) => of.rows[row][place]), ...rest]);
    return { columns: [...names, ...table.columns.slice(1)], rows };
  };

  const download = (button) => {
    const table = load(button.dataset.download);
    const lines = [table.columns, ...table.rows].map((row) => row.map(cell).join(","));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    link.download = button.dataset.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => download(button));
  }

  for (const tools of document.querySelectorAll(".tools")) tools.hidden = false;

  // On paper nothing can be unfolded; afterwards everything is as it was.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
  });
})();
