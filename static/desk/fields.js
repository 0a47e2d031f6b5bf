/** The inputs of a form, what was changed in them, and the name of the form. */

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Field */
/** @typedef {string | number} Place Which of the fields of one name: a choice by its value, because
 * the page may be drawn with other choices; a text by its number. */
/** @typedef {[name: string, place: Place, value: string | boolean][]} Changes */

const NEVER_KEPT = ["password", "file", "hidden", "submit", "button", "reset", "image"];
const ONE_TIME = "[autocomplete=one-time-code]";

/** The forms of this page that are posted to save something, rather than to ask.
 * @returns {HTMLFormElement[]} */
export function postForms() {
  return [...document.forms].filter(
    (form) => form.method === "post" && !form.closest("[data-frame], [data-asks]"),
  );
}

/** What tells a form from the others of its page, and is the same when the page is drawn again.
 * @param {HTMLFormElement} form */
export function formName(form) {
  const alike = postForms().filter((other) => about(other) === about(form));
  return `${about(form)}|${alike.indexOf(form)}`;
}

/** @param {HTMLFormElement} form */
function about(form) {
  const hidden = [...form.querySelectorAll("input[type=hidden]")]
    .map((input) => /** @type {HTMLInputElement} */ (input))
    .filter(({ name }) => !["form_token", "base"].includes(name) && !name.startsWith("was."))
    .map(({ name, value }) => `${name}=${value}`);
  const action = form.getAttribute("action") ?? "";
  const { pathname } = new URL(action, location.href);
  return [pathname, ...hidden].join("|");
}

/** What differs from the form as it was drawn.
 * @param {HTMLFormElement} form
 * @returns {Changes} */
export function changes(form) {
  return fields(form)
    .filter(([field]) => current(field) !== drawn(field))
    .map(([field, place]) => [field.name, place, current(field)]);
}

/** Put changes into a form.
 * @param {HTMLFormElement} form
 * @param {Changes} kept */
export function apply(form, kept) {
  for (const [field, place] of fields(form)) {
    const change = kept.find(([name, keptPlace]) => name === field.name && keptPlace === place);
    if (!change) continue;
    if (field instanceof HTMLInputElement && isFlag(field)) field.checked = change[2] === true;
    else field.value = String(change[2]);
    for (let fold = field.closest("details"); fold; fold = outerFold(fold)) fold.open = true;
  }
}

/** @param {HTMLDetailsElement} fold */
function outerFold(fold) {
  return fold.parentElement?.closest("details") ?? null;
}

/** @param {HTMLFormElement} form
 * @returns {[Field, Place][]} */
function fields(form) {
  const all = /** @type {Field[]} */ ([...form.elements]).filter(
    (field) =>
      field.name &&
      field.matches("input, textarea, select") &&
      !field.matches(ONE_TIME) &&
      !NEVER_KEPT.includes(field.type),
  );
  return all.map((field) => [field, placeOf(field, all)]);
}

/** @param {Field} field
 * @param {Field[]} all
 * @returns {Place} */
function placeOf(field, all) {
  if (field instanceof HTMLInputElement && isFlag(field)) return field.value;
  return all.filter(({ name }) => name === field.name).indexOf(field);
}

/** @param {HTMLInputElement} field */
function isFlag(field) {
  return field.type === "checkbox" || field.type === "radio";
}

/** @param {Field} field */
function current(field) {
  return field instanceof HTMLInputElement && isFlag(field) ? field.checked : field.value;
}

/** @param {Field} field */
function drawn(field) {
  if (field instanceof HTMLSelectElement) {
    const chosen = [...field.options].find((option) => option.defaultSelected);
    return (chosen ?? field.options[0])?.value ?? "";
  }
  return field instanceof HTMLInputElement && isFlag(field)
    ? field.defaultChecked
    : field.defaultValue;
}
