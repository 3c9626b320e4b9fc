// The page says everything without this: it shows a point's run at once, marks the run wherever it appears, and sorts.
"use strict";
const hover = document.getElementById("hover");
const textOf = new WeakMap();

// Takes over from the browser's own slow tooltip.
function text(spot) {
  const title = spot.querySelector("title");
  if (title) {
    textOf.set(spot, title.textContent);
    title.remove();
  }
  return textOf.get(spot);
}

function mark(run) {
  for (const one of document.querySelectorAll("[data-run].on")) one.classList.remove("on");
  if (run === undefined) return;
  for (const one of document.querySelectorAll(`[data-run="${CSS.escape(run)}"]`)) one.classList.add("on");
}

function place(event) {
  const { offsetWidth: width, offsetHeight: height } = hover;
  hover.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4)) + "px";
  hover.style.top = Math.max(4, Math.min(event.clientY + 14, innerHeight - height - 4)) + "px";
}

document.addEventListener("pointerover", (event) => {
  const run = event.target.closest("[data-run]");
  const spot = event.target.closest("circle[data-run]");
  mark(run?.dataset.run);
  hover.hidden = !spot;
  if (!spot) return;
  hover.textContent = text(spot);
  place(event);
});
document.addEventListener("pointermove", (event) => { if (!hover.hidden) place(event); });

document.addEventListener("click", (event) => {
  const spot = event.target.closest("circle[data-run]");
  const row = spot && document.querySelector(`tr[data-run="${CSS.escape(spot.dataset.run)}"]`);
  if (!row) return;
  row.closest("details").open = true;
  row.scrollIntoView({ block: "center" });
});

// Numbers by value, everything else by letters, empty cells last.
function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const header of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const descending = header.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const cell = (row) => row.cells[header.cellIndex].textContent;
      const rows = [...table.tBodies[0].rows].sort((a, b) => compare(cell(a), cell(b)));
      table.tBodies[0].append(...(descending ? rows.reverse() : rows));
    });
  }
}
document.documentElement.dataset.ready = "";
