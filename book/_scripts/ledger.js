// Sorts and filters the ledger's table. The page is whole without this script; the state of the
// filters and the sorting is kept behind the # of the address, so that a view can be linked to.
(function () {
  "use strict";
  const table = document.getElementById("lw-ledger");
  const form = document.getElementById("lw-filters");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const fields = ["text", "verdict", "basis", "chapter", "source", "machines"];
  const order = new Intl.Collator("en", { numeric: true });
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  let sorting = { column: 0, down: false };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => {
      sorting = { column, down: sorting.column === column && !sorting.down };
      show();
    });
    head.append(button);
  });

  function value(row, column) {
    const cell = row.cells[column];
    return cell.dataset.sort || cell.textContent.trim();
  }

  function compare(one, other) {
    const a = value(one, sorting.column);
    const b = value(other, sorting.column);
    if (!a !== !b) return a ? -1 : 1; // empty cells stay at the end
    return (sorting.down ? -1 : 1) * order.compare(a, b);
  }

  function fits(row, wanted) {
    return (
      (!wanted.verdict || row.dataset.verdict === wanted.verdict) &&
      (!wanted.chapter || row.dataset.chapter === wanted.chapter) &&
      (!wanted.machines || row.dataset.machines === wanted.machines) &&
      (!wanted.basis || row.dataset.basis.split(" ").includes(wanted.basis)) &&
      (!wanted.source || row.dataset.source.split(" ").includes(wanted.source)) &&
      wanted.text.toLowerCase().split(/\s+/).every((word) => texts.get(row).includes(word))
    );
  }

  function show() {
    const wanted = Object.fromEntries(fields.map((name) => [name, form.elements[name].value]));
    body.append(...rows.slice().sort(compare));
    rows.forEach((row) => { row.hidden = !fits(row, wanted); });
    heads.forEach((head, column) => {
      const sorted = sorting.down ? "descending" : "ascending";
      if (column === sorting.column) head.setAttribute("aria-sort", sorted);
      else head.removeAttribute("aria-sort");
    });
    const shown = rows.filter((row) => !row.hidden).length;
    form.elements.shown.value = shown + " of " + rows.length + " claims";
    remember(wanted);
  }

  function remember(wanted) {
    const state = new URLSearchParams();
    fields.forEach((name) => { if (wanted[name]) state.set(name, wanted[name]); });
    if (sorting.column || sorting.down) {
      state.set("sort", heads[sorting.column].textContent.trim().toLowerCase());
      if (sorting.down) state.set("order", "down");
    }
    const text = state.toString().replace(/\+/g, "%20");
    const anchor = location.hash && !location.hash.includes("=");
    if (text) history.replaceState(null, "", "#" + text);
    else if (!anchor) history.replaceState(null, "", location.pathname + location.search);
  }

  function recall() {
    const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    fields.forEach((name) => { form.elements[name].value = state.get(name) || ""; });
    const column = heads.findIndex((h) => h.textContent.trim().toLowerCase() === state.get("sort"));
    sorting = { column: Math.max(column, 0), down: state.get("order") === "down" };
    show();
  }

  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(show));
  addEventListener("hashchange", recall);
  form.hidden = false;
  recall();
})();
