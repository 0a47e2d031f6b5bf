// What forms do by themselves: submit at once, take a code from the address.

/** @type {Set<string>} */
const submitted = new Set();

/** Submits a form with `data-go`, once for each address and action: the page may be drawn again. */
export function autoSubmit() {
  const form = document.querySelector("form[data-go]");
  if (!(form instanceof HTMLFormElement)) return;
  const key = `${location.search}|${form.action}`;
  if (submitted.has(key)) return;
  submitted.add(key);
  form.requestSubmit();
}

/** Lets every form submit itself once more: the same label may be scanned twice. */
export const resetAutoSubmit = () => submitted.clear();

/**
 * Puts an enrolment code into its field: it comes after the # of the address, which no server sees.
 */
export function fillCode() {
  const field = document.querySelector("input[name=code]");
  if (!(field instanceof HTMLInputElement) || location.hash.length <= 1 || field.value) return;
  field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(history.state, "", location.pathname);
}
