/** Keys that work on every page: the palette, the list of keys, and g with a letter for a place. */

const TYPED_INTO = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const SECOND_KEY_WITHIN_MS = 1500;

/** Let keys open the dialogs of a page and its places. */
export function obeyKeys() {
  let wentAt = -Infinity; // in ms since the page was loaded
  /** @param {KeyboardEvent} event */
  const obey = (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) return open("palette");
    const { target } = event;
    const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.isComposing);
    if (!isPlain || (target instanceof Element && target.matches(TYPED_INTO))) return false;
    if (document.querySelector("dialog[open]")) return false;
    if (event.key === "?") return open("keys");
    const isSecond = event.timeStamp - wentAt < SECOND_KEY_WITHIN_MS;
    wentAt = event.key === "g" && !isSecond ? event.timeStamp : -Infinity;
    return isSecond ? goTo(event.key) : event.key === "g";
  };
  // before the keys of a list: what follows g is no key of theirs
  document.addEventListener(
    "keydown",
    (event) => {
      if (!obey(event)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    { capture: true },
  );
  document.addEventListener("click", (event) => {
    const opener = event.target instanceof Element && event.target.closest("[data-opens]");
    if (opener instanceof HTMLElement && open(opener.dataset.opens ?? "")) event.preventDefault();
  });
}

/** @param {string} id
 * @returns {boolean} whether there is such a dialog */
function open(id) {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement)) return false;
  if (!dialog.open) dialog.showModal();
  const asked = /** @type {HTMLInputElement | null} */ (dialog.querySelector("[type=search]"));
  asked?.select();
  asked?.dispatchEvent(new Event("input", { bubbles: true }));
  return true;
}

/** @param {string} letter */
function goTo(letter) {
  const place = document.querySelector(`[data-key="${CSS.escape(letter)}"]`);
  if (place instanceof HTMLElement) place.click();
  return place !== null;
}
