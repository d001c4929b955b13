// What a comparison's page does: filters its changes by kind, by function and backend, and by words; shows all functions.
"use strict";
(() => {
  const items = [...document.querySelectorAll(".changes > li")];
  const chips = [...document.querySelectorAll("[data-kind-chip]")];
  const search = document.getElementById("search");
  const tally = document.getElementById("tally");
  const clear = document.getElementById("clear");
  const every = document.getElementById("every");
  const kinds = new Set();
  let cell = null;

  function fits(item) {
    if (kinds.size && !kinds.has(item.dataset.kind)) return false;
    if (cell) {
      const [functionName, backend, word] = cell;
      if (item.dataset.backend !== backend || item.dataset.cell !== word) return false;
      if (!item.dataset.functions.split(" ").includes(functionName)) return false;
    }
    const needles = search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    return needles.every((needle) => item.dataset.text.includes(needle));
  }

  function show() {
    let shown = 0;
    for (const item of items) {
      item.hidden = !fits(item);
      if (!item.hidden) shown += 1;
    }
    for (const chip of chips) chip.setAttribute("aria-pressed", String(kinds.has(chip.dataset.kindChip)));
    if (tally) tally.textContent = shown === items.length ? `${shown} shown` : `${shown} of ${items.length} shown`;
    if (clear) clear.hidden = !(kinds.size || cell || (search && search.value));
  }

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const kind = chip.dataset.kindChip;
      if (!kinds.delete(kind)) kinds.add(kind);
      show();
    });
  }
  for (const link of document.querySelectorAll("[data-cell-link]")) {
    link.addEventListener("click", () => {
      cell = link.dataset.cellLink.split("/");
      kinds.clear();
      show();
    });
  }
  if (search) search.addEventListener("input", show);
  if (clear) {
    clear.addEventListener("click", () => {
      kinds.clear();
      cell = null;
      if (search) search.value = "";
      show();
    });
  }
  if (every) every.addEventListener("change", () => document.body.classList.toggle("all", every.checked));
  show();
})();
