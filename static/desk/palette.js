/** The palette: the arrows choose a line, Enter opens it, a click beside it closes it. */

/** Let the palette of a page be used by keys alone. */
export function usePalette() {
  document.addEventListener("keydown", (event) => {
    const palette = event.target instanceof Element && event.target.closest("[data-palette]");
    if (!palette || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose(palette, step);
    else if (event.key !== "Enter" || !chosen(palette)) return;
    else chosen(palette)?.click();
    event.preventDefault();
  });
  document.addEventListener("click", ({ target }) => {
    if (target instanceof HTMLDialogElement) target.close();
    else if (target instanceof Element) target.closest("a")?.closest("dialog")?.close();
  });
}

/** @param {Element} palette
 * @returns {HTMLElement | null} */
function chosen(palette) {
  return palette.querySelector("[aria-selected=true]");
}

/** @param {Element} palette
 * @param {number} step */
function choose(palette, step) {
  const lines = [...palette.querySelectorAll("[role=option]")];
  const next = lines[lines.findIndex((line) => line === chosen(palette)) + step];
  if (!next) return;
  chosen(palette)?.setAttribute("aria-selected", "false");
  next.setAttribute("aria-selected", "true");
  next.scrollIntoView({ block: "nearest" });
  palette.querySelector("[role=combobox]")?.setAttribute("aria-activedescendant", next.id);
}
