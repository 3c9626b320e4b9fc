// The page says everything without this: it shows a point's run at once, marks the run wherever it appears, and sorts.
"use strict";
const hover = document.getElementById("hover");
// What each point and row stands for, and which of them stand for the same run: those of which the same is said.
const noteOf = new Map();
const sameNote = new Map();

for (const one of document.querySelectorAll("circle.note, tr[data-note]")) {
  const title = one.querySelector("title");
  const note = title ? title.textContent : one.dataset.note;
  // The browser's own tooltip comes late, and would come on top.
  if (title) title.remove();
  noteOf.set(one, note);
  sameNote.set(note, [...(sameNote.get(note) ?? []), one]);
}

let marked = [];
function mark(note) {
  for (const one of marked) one.classList.remove("on");
  marked = sameNote.get(note) ?? [];
  for (const one of marked) one.classList.add("on");
}

function place(event) {
  const { offsetWidth: width, offsetHeight: height } = hover;
  hover.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4)) + "px";
  hover.style.top = Math.max(4, Math.min(event.clientY + 14, innerHeight - height - 4)) + "px";
}

document.addEventListener("pointerover", (event) => {
  const one = event.target.closest("circle.note, tr[data-note]");
  const note = noteOf.get(one);
  mark(note);
  hover.hidden = !one?.matches("circle");
  if (hover.hidden) return;
  hover.textContent = note;
  place(event);
});
document.addEventListener("pointermove", (event) => { if (!hover.hidden) place(event); });

document.addEventListener("click", (event) => {
  const spot = event.target.closest("circle.note");
  const row = spot && sameNote.get(noteOf.get(spot)).find((one) => one.matches("tr"));
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
