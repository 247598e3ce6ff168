"use strict";
// Sorting, filtering, details of a run and downloads. Without it every table and figure of the page is there as well.
(() => {
  const FIRST = 100;
  const SVG = "http://www.w3.org/2000/svg";

  const make = (tag, attributes = {}, ...children) => {
    const svg = ["svg", "g", "polyline", "line", "text"].includes(tag);
    const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // The large tables inside the page, unpacked once.
  const loaded = new Map();
  const load = (name) => {
    if (!loaded.has(name)) loaded.set(name, unpack(document.getElementById(`data-${name}`).textContent));
    return loaded.get(name);
  };
  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };
  const named = (columns, cells) => Object.fromEntries(columns.map((name, place) => [name, cells[place]]));
  const unreadable = (error) => `This browser cannot unpack the tables inside this page (${error.message}); ‘ablate extract’ does.`;

  // Numbers as the page writes them: a true minus, "93.75 ± 0.65", "8 of 10", "< 0.0001", which comes before 0.0001.
  const numeric = (text) => parseFloat(text.replace("−", "-").replace(/,/g, "").replace("< ", "")) * (text.startsWith("<") ? 0.99 : 1);

  const sortTable = (table, header, descending) => {
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const numbers = header.classList.contains("number");
    const keyed = [...table.tBodies[0].rows].filter((row) => !row.matches(".details")).map((row) => {
      const text = row.cells[header.cellIndex].textContent.trim();
      return { row, key: numbers ? numeric(text) : text, missing: numbers ? Number.isNaN(numeric(text)) : text === "–" };
    });
    const order = (a, b) => (numbers ? a - b : a.localeCompare(b, "en", { numeric: true }));
    // Missing numbers stay last, whichever way the column is sorted.
    keyed.sort((a, b) => a.missing - b.missing || (a.missing ? 0 : descending ? order(b.key, a.key) : order(a.key, b.key)));
    table.tBodies[0].append(...keyed.map(({ row }) => row));
  };

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    for (const header of table.tHead.querySelectorAll("th:not([data-plain])")) {
      const button = make("button", { type: "button" }, ...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        sortTable(table, header, header.getAttribute("aria-sort") === "ascending");
        table.dispatchEvent(new Event("sorted"));
      });
    }
  }

  // The numbers of a run by epoch, drawn and as a table.
  const curves = (history, score) => {
    const [wide, high, left, foot] = [460, 190, 62, 24];
    const shares = history.flatMap((row) => [row[score.train], row[score.val]]).filter((share) => share !== null);
    if (!shares.length) return make("p", { class: "note" }, `No epoch of this run has a finite ${score.title}.`);
    const [low, top] = [Math.min(...shares), Math.max(...shares)];
    const last = history[history.length - 1].epoch;
    const x = (epoch) => left + ((epoch - 1) / Math.max(last - 1, 1)) * (wide - left - 8);
    const y = (share) => 8 + ((top - share) / (top - low || 1)) * (high - foot - 16);
    const text = (words, place) => make("text", { "font-size": 12, fill: "currentColor", ...place }, words);
    const line = (column, style) => {
      const known = history.filter((row) => row[column] !== null);
      const points = known.map((row) => `${x(row.epoch).toFixed(1)},${y(row[column]).toFixed(1)}`).join(" ");
      return make("polyline", { points, fill: "none", "stroke-width": 2, ...style });
    };
    const shown_as = (share) => (share === null ? "–" : score.percent ? `${(share * 100).toFixed(2)}%` : `${Number(share.toPrecision(4))}`);
    const ends = history[history.length - 1];
    const label = `${score.title[0].toUpperCase()}${score.title.slice(1)} by epoch: in epoch ${last} training ${shown_as(ends[score.train])}, validation ${shown_as(ends[score.val])}.`;
    return make("svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img", "aria-label": label },
      make("line", { x1: left, x2: wide - 8, y1: high - foot, y2: high - foot, stroke: "currentColor", "stroke-opacity": 0.4 }),
      line(score.train, { class: "train", stroke: "#0072b2" }),
      line(score.val, { class: "held-out", stroke: "#b86e00", "stroke-dasharray": "6 3" }),
      text(shown_as(top), { x: left - 4, y: 16, "text-anchor": "end" }),
      text(shown_as(low), { x: left - 4, y: high - foot, "text-anchor": "end" }),
      text("epoch 1", { x: left, y: high - 6 }),
      text(`${last}`, { x: wide - 8, y: high - 6, "text-anchor": "end" }));
  };

  const table = (caption, heads, rows) =>
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
      make("table", {},
        make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
        make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell)))))));

  const details = async (known, own, place, seed, diagnosis) => {
    const [runs, histories] = await Promise.all(["runs", "histories"].map(load));
    const run = named(runs.columns, runs.rows[place]);
    const history = histories.rows.filter((row) => row[0] === place).map((row) => named(histories.columns, row));
    const settings = Object.entries({ ...known.settings, ...own.settings }).filter(([, value]) => value !== null);
    const meaning = known.meanings[diagnosis];
    const cell = (value) => (value === null ? "–" : String(value));
    return make("div", { class: "run" },
      make("div", {},
        make("p", {}, make("strong", {}, `${run.treatment}, seed ${seed}`), meaning ? `: ${diagnosis}, that is, ${meaning}.` : `: ${diagnosis}.`),
        ...(history.length ? [
          curves(history, known.score),
          make("p", { class: "note" }, "Solid: training; dashed: validation; both in inference mode."),
          table("Epochs of this run", histories.columns.slice(1), history.map((row) => Object.values(row).slice(1).map(cell))),
        ] : [make("p", { class: "note" }, "This run left no history.")])),
      make("div", {},
        make("p", {}, "Its exact settings:"),
        table("Settings of this run", ["setting", "value"], settings),
        make("p", {}, "To repeat it, after ‘ablate extract’ and the name of this file:"),
        make("pre", { tabindex: 0 }, `${own.command}${seed}]'`),
        make("p", { class: "note" }, `Run ${run.run}`)));
  };

  const runs = document.getElementById("run-table");
  if (runs) {
    const filter = document.getElementById("filter");
    const shown = document.getElementById("shown");
    const all = document.getElementById("all");
    const body = runs.tBodies[0];
    const rows = [...body.rows];
    const heads = [...runs.tHead.rows[0].cells];
    const known = JSON.parse(document.getElementById("data-details").textContent);
    const selects = new Map();
    let most = FIRST;

    const close = () => {
      for (const open of body.querySelectorAll("tr.details")) open.remove();
      for (const button of body.querySelectorAll("[aria-expanded=true]")) button.setAttribute("aria-expanded", "false");
    };

    const update = () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = [...selects.values()].map((select) => select.selectedIndex - 1);
      let matching = 0;
      for (const row of body.querySelectorAll("[data-treatment]")) {
        const text = row.textContent.toLowerCase();
        const { levels } = known.treatments[row.dataset.treatment];
        const matches = words.every((word) => text.includes(word)) && wanted.every((level, factor) => level < 0 || levels[factor] === level);
        matching += matches ? 1 : 0;
        row.hidden = !matches || matching > most;
      }
      shown.textContent = `${Math.min(matching, most)} of ${rows.length} runs shown`;
      all.hidden = matching <= most;
      all.textContent = `Show all ${matching}`;
    };

    // The address is that of a section, and after it what is filtered and sorted: #glossary&text=dropout.
    const section = () => location.hash.slice(1).split("&")[0];
    const remember = (place) => {
      const state = new URLSearchParams();
      if (filter.value) state.set("text", filter.value);
      for (const [factor, select] of selects) if (select.value) state.set(`only.${factor}`, select.value);
      const sorted = heads.findIndex((head) => head.hasAttribute("aria-sort"));
      if (sorted >= 0) state.set("sort", `${sorted}.${heads[sorted].getAttribute("aria-sort")}`);
      const kept = state.toString();
      try {
        if (kept || location.hash.includes("&")) history.replaceState(null, "", `#${place}${kept && "&"}${kept}`);
      } catch {
        // A sandboxed frame has no address of its own to keep anything in.
      }
    };
    const recall = () => {
      const state = new URLSearchParams(location.hash.slice(1 + section().length));
      filter.value = state.get("text") || "";
      for (const [factor, select] of selects) {
        select.value = state.get(`only.${factor}`) || "";
        if (select.selectedIndex < 0) select.selectedIndex = 0;
      }
      const [sorted, direction] = (state.get("sort") || "").split(".");
      const header = direction && heads[sorted];
      close();
      if (header && !header.hasAttribute("data-plain")) sortTable(runs, header, direction === "descending");
      else body.append(...rows);
      if (!header) for (const head of heads) head.removeAttribute("aria-sort");
      update();
      document.getElementById(section())?.scrollIntoView();
    };
    const changed = () => {
      close();
      update();
      remember("runs");
    };

    for (const [factor, levels] of Object.entries(known.factors)) {
      const select = make("select", {}, make("option", { value: "" }, "all"), ...levels.map((level) => make("option", { value: level }, level)));
      select.addEventListener("change", changed);
      selects.set(factor, select);
      document.getElementById("factors").append(make("label", {}, `${factor} `, select));
    }

    rows.forEach((row, place) => {
      const [head, seed, diagnosis] = row.cells;
      const button = make("button", { type: "button", "aria-expanded": "false", class: "open" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", async () => {
        const isOpen = button.getAttribute("aria-expanded") === "true";
        button.setAttribute("aria-expanded", String(!isOpen));
        if (isOpen) return row.nextElementSibling.remove();
        const cell = make("td", { colspan: heads.length });
        row.after(make("tr", { class: "details" }, cell));
        const found = details(known, known.treatments[row.dataset.treatment], place, seed.textContent, diagnosis.textContent);
        cell.append(await found.catch((error) => make("p", { class: "run note" }, unreadable(error))));
      });
    });

    filter.addEventListener("input", changed);
    runs.addEventListener("sorted", changed);
    all.addEventListener("click", () => {
      most = Infinity;
      update();
      filter.focus();
    });
    // All that match are printed, with the runs that are open.
    window.addEventListener("beforeprint", () => {
      const before = most;
      most = Infinity;
      update();
      window.addEventListener("afterprint", () => {
        most = before;
        update();
      }, { once: true });
    });
    window.addEventListener("hashchange", () => (location.hash.includes("&") ? recall() : remember(section())));
    if (location.hash.includes("&")) recall();
    update();
  }

  // A spreadsheet takes a text that begins like this for a formula.
  const field = (value) => {
    if (value === null) return "NaN";
    const text = typeof value === "string" && /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };

  // Histories name their run by its place in the table of runs.
  const whole = async (name) => {
    const table = await load(name);
    if (!table.of) return table;
    const of = await load(table.of);
    const names = ["treatment", "seed", "run"];
    const places = names.map((name) => of.columns.indexOf(name));
    const rows = table.rows.map(([row, ...rest]) => [...places.map((place) => of.rows[row][place]), ...rest]);
    return { columns: [...names, ...table.columns.slice(1)], rows };
  };

  const download = async (button) => {
    const table = await whole(button.dataset.download);
    const lines = [table.columns, ...table.rows].map((row) => row.map(field).join(","));
    const link = make("a", { href: URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" })), download: button.dataset.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => download(button).catch((error) => {
      document.getElementById("download-status").textContent = unreadable(error);
    }));
  }

  for (const tools of document.querySelectorAll(".tools")) tools.hidden = false;

  // On paper nothing can be unfolded; afterwards everything is as it was.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const element of folded) element.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const element of folded) element.open = false;
  });
})();
