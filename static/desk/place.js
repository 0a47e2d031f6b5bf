/** After saving, the page is where it was, and its folds are as they were. */

const PLACE = "place";

/** @typedef {{ path: string, top: number, open: string[] }} Place */

/** Remember scroll position and folds when a form is sent; come back to them when it was saved. */
export function keepPlace() {
  const kept = sessionStorage.getItem(PLACE);
  sessionStorage.removeItem(PLACE);
  if (kept && "saved" in document.body.dataset) comeBack(JSON.parse(kept));
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || /** @type {HTMLFormElement} */ (event.target).method !== "post")
      return;
    const open = folds().filter(([, fold]) => fold.open);
    const place = { path: location.pathname, top: scrollY, open: open.map(([name]) => name) };
    sessionStorage.setItem(PLACE, JSON.stringify(place));
  });
}

/** @param {Place} place */
function comeBack({ path, top, open }) {
  if (path !== location.pathname) return;
  for (const [name, fold] of folds()) if (open.includes(name)) fold.open = true;
  scrollTo({ top, behavior: "instant" });
}

/** The folds of this page by name: heading, and number among those of the same heading.
 * @returns {[string, HTMLDetailsElement][]} */
function folds() {
  const all = [...document.querySelectorAll("details")];
  /** @param {HTMLDetailsElement} fold */
  const heading = (fold) => fold.querySelector("summary")?.textContent?.trim() ?? "";
  return all.map((fold) => {
    const alike = all.filter((other) => heading(other) === heading(fold));
    return [`${heading(fold)}|${alike.indexOf(fold)}`, fold];
  });
}
