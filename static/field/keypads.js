// Keys on the page: the PIN pad, keyboards for a text field, and plus and minus beside a number.

/** @param {Event} event @param {string} selector @returns {HTMLElement | null} */
function tapped(event, selector) {
  const key = /** @type {Element} */ (event.target).closest(selector);
  return key instanceof HTMLElement ? key : null;
}

/** The PIN field that was tapped last. @type {EventTarget | null} */
let tappedField = null;
document.addEventListener("focusin", ({ target }) => {
  if (target instanceof HTMLInputElement && target.type === "password") tappedField = target;
});

/**
 * The PIN pad: `data-digit` types into the PIN field that was tapped, else into the first of the
 * form that is not full; the last digit of the last one submits.
 */
document.addEventListener("click", (event) => {
  const key = tapped(event, "[data-digit]");
  const form = key?.closest("form");
  if (!key || !form) return;
  const fields = /** @type {HTMLInputElement[]} */ ([
    ...form.querySelectorAll("input[type=password]"),
  ]);
  const { digit = "" } = key.dataset;
  const open = fields.filter((field) => !isFull(field));
  const next = open.find((field) => field === tappedField) ?? open[0];
  const field = digit === "back" ? fields.findLast(({ value }) => value) : next;
  if (!field) return;
  field.value = digit === "back" ? field.value.slice(0, -1) : field.value + digit;
  if (digit !== "back" && fields.every(isFull)) form.requestSubmit();
});

/** @param {HTMLInputElement} field */
const isFull = ({ value, dataset }) => value.length >= Number(dataset.length);

/**
 * Keyboards: `data-keys` names the field, `data-most` how many characters it takes. `data-key`
 * types one, or `back`; `data-key-set` says which set of keys is shown next.
 */
document.addEventListener("click", (event) => {
  const key = tapped(event, "[data-key], [data-key-set]");
  const keyboard = key?.closest("[data-keys]");
  if (!key || !(keyboard instanceof HTMLElement)) return;
  const field = keyboard.closest("form")?.querySelector(`[name="${keyboard.dataset.keys}"]`);
  if (!(field instanceof HTMLInputElement)) return;
  const { key: character = "", keySet } = key.dataset;
  if (character === "back") field.value = field.value.slice(0, -1);
  else if (field.value.length < Number(keyboard.dataset.most ?? field.maxLength))
    field.value += character;
  keyboard.dataset.shows = keySet ?? (field.value ? "rest" : "first");
  announceInput(field);
});

/** Plus and minus: `data-step` changes the number beside it. */
document.addEventListener("click", (event) => {
  const button = tapped(event, "[data-step]");
  const field = button?.parentElement?.querySelector("input[type=number]");
  if (!button || !(field instanceof HTMLInputElement)) return;
  const value = Number(field.value || field.min || 0) + Number(button.dataset.step);
  field.value = String(Math.min(Math.max(value, Number(field.min)), Number(field.max)));
  announceInput(field);
});

/** As if a person had typed it: it becomes a part of the draft. @param {HTMLInputElement} field */
function announceInput(field) {
  field.focus(); // a focused form is not redrawn
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
