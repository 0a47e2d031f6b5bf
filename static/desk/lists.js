/** Lists: j and k move along the rows, x ticks one, Enter opens it; all rows of a page are ticked at
 * once; a choice of the filter bar is sent when it is made. */

const TYPING = "input:not([type=checkbox]), select, textarea, [contenteditable]";

/** Make the list of this page obey keys and choices. */
export function prepareLists() {
  document.addEventListener("keydown", obey);
  document.addEventListener("change", changed);
  document.addEventListener("htmx:before:request", (event) => {
    if (event.target === list() && isInUse()) event.preventDefault();
  });
  document.addEventListener("htmx:before:swap", () => (place = currentPlace()));
  document.addEventListener("htmx:after:swap", () => {
    if (place >= 0) moveTo(rows(), Math.min(place, rows().length - 1));
    count();
  });
  count();
}

/** The current row when the rows are drawn anew; -1 without one. */
let place = -1;

function list() {
  return document.getElementById("list");
}

/** Whether new rows would take away what somebody is choosing. */
function isInUse() {
  return list()?.querySelector("input[name=row]:checked, details[open]") !== null;
}

function currentPlace() {
  return rows().findIndex((row) => row.classList.contains("cur"));
}

/** @returns {HTMLTableRowElement[]} */
function rows() {
  return [...document.querySelectorAll("table[data-list] > tbody > tr")].map(
    (row) => /** @type {HTMLTableRowElement} */ (row),
  );
}

/** @param {KeyboardEvent} event */
function obey(event) {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return;
  if (target.closest(TYPING) || document.querySelector("dialog[open]")) return;
  const listed = rows();
  if (listed.length === 0) return;
  const current = currentPlace();
  if (event.key === "j") moveTo(listed, Math.min(current + 1, listed.length - 1));
  else if (event.key === "k") moveTo(listed, Math.max(current - 1, 0));
  else if (event.key === "x" && current >= 0) tick(listed[current]);
  else if (event.key === "Enter" && current >= 0 && !target.closest("a, button, summary")) {
    /** @type {HTMLElement | null} */ (listed[current]?.querySelector("a[data-open]"))?.click();
  } else if (event.key === "Escape") untick();
  else return;
  event.preventDefault();
}

/** @param {HTMLTableRowElement[]} listed
 * @param {number} place */
function moveTo(listed, place) {
  for (const row of listed) row.classList.remove("cur");
  const row = listed[place];
  row?.classList.add("cur");
  row?.scrollIntoView({ block: "nearest" });
  /** @type {HTMLElement | null} */ (row?.querySelector("a[data-open], input, a"))?.focus({
    preventScroll: true,
  });
}

/** @param {HTMLTableRowElement | undefined} row */
function tick(row) {
  const box = /** @type {HTMLInputElement | null} */ (row?.querySelector("input[name=row]"));
  box?.click();
}

function untick() {
  for (const box of boxes()) box.checked = false;
  count();
}

/** @returns {HTMLInputElement[]} */
function boxes() {
  return [...document.querySelectorAll("table[data-list] input[name=row]")].map(
    (box) => /** @type {HTMLInputElement} */ (box),
  );
}

/** @param {Event} event */
function changed(event) {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return;
  if ("submits" in target.dataset) {
    /** @type {HTMLSelectElement} */ (target).form?.requestSubmit();
    return;
  }
  if ("tickAll" in target.dataset) {
    for (const box of boxes()) box.checked = /** @type {HTMLInputElement} */ (target).checked;
  }
  count();
}

/** Say how many rows are ticked. */
function count() {
  const ticked = boxes().filter((box) => box.checked);
  for (const row of rows()) {
    row.classList.toggle("sel", row.querySelector("input[name=row]:checked") !== null);
  }
  const said = /** @type {HTMLElement | null} */ (document.querySelector(".bulk [data-count]"));
  if (said) said.textContent = (said.dataset.count ?? "").replace("{n}", String(ticked.length));
  const all = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-tick-all]"));
  if (!all) return;
  all.checked = ticked.length > 0 && ticked.length === boxes().length;
  all.indeterminate = ticked.length > 0 && !all.checked;
}
