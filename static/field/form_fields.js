// What a form on the page contains: which form it is, what a person has changed in it, and filling
// it in again.

import { ROOT } from "./responses.js";

/** @import { FieldContent } from "../types/storage.js" */
/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Field */

/** Forms whose content is kept: those that make ops, and searches. Never one with a PIN alone. */
export const FORMS = "#page form:is([data-op], [method=get])";
const FIELDS = `input:not([type=hidden], [type=password], [type=file], [type=submit]), textarea,
  select`;
const OF_ONE_VISIT = ["saved", "said"]; // parameters that say what has just happened

/** The fields that people fill in; PINs are not among them. @param {Element} form */
export function fieldsOf(form) {
  const fields = /** @type {NodeListOf<Field>} */ (form.querySelectorAll(FIELDS));
  return [...fields].filter(({ name }) => name);
}

/** The file inputs. @param {Element} form */
export const fileInputs = (form) =>
  /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("input[type=file]")]);

/** Whether a form can have a draft. @param {Element} form */
export const hasContent = (form) => fieldsOf(form).length + fileInputs(form).length > 0;

/**
 * Tells a form apart from all others, in every drawing of its page: the page, the address that it
 * submits to, the hidden values that say what it is about, and its place among equals.
 * @param {Element} form
 */
export function formKey(form) {
  const key = (/** @type {Element} */ each) => `${location.pathname} ${whichForm(each)}`;
  const forms = [...form.ownerDocument.querySelectorAll(FORMS)].filter(hasContent);
  const alike = forms.filter((each) => key(each) === key(form));
  return `${key(form)} ${shownParameters(form).join(" ")} #${alike.indexOf(form)}`;
}

/** Where a form submits to and what it is about. @param {Element} form */
export function whichForm(form) {
  const inputs = /** @type {NodeListOf<HTMLInputElement>} */ (
    form.querySelectorAll("input[data-which]")
  );
  return [
    form.getAttribute("action"),
    ...[...inputs].map(({ name, value }) => `${name}=${value}`),
  ].join(" ");
}

/**
 * The parameters of the page's address that the form shows as drawn: they say what it is about.
 * @param {Element} form
 */
function shownParameters(form) {
  const hidden = /** @type {NodeListOf<HTMLInputElement>} */ (
    form.querySelectorAll("input[type=hidden]")
  );
  const shown = new Set([...hidden].map(({ value }) => value));
  for (const field of fieldsOf(form))
    if (field instanceof HTMLSelectElement)
      for (const option of field.querySelectorAll("option[selected]"))
        shown.add(/** @type {HTMLOptionElement} */ (option).value);
    else shown.add(field.defaultValue);
  return [...new URLSearchParams(location.search)]
    .filter(([, value]) => value && shown.has(value))
    .map((pair) => pair.join("="));
}

/** The address of the page below /field/, without what has just happened. */
export function pageAddress() {
  const parameters = new URLSearchParams(location.search);
  for (const name of OF_ONE_VISIT) parameters.delete(name);
  const search = parameters.size ? `?${parameters}` : "";
  return location.pathname.slice(ROOT.length) + search;
}

/** The heading that a form stands under. @param {Element} form */
export function headingOf(form) {
  const near =
    form.closest(".row")?.querySelector(".name") ??
    form.querySelector("h2") ??
    form.ownerDocument.querySelector("#page h1");
  return near?.textContent?.trim().replace(/\s+/g, " ") ?? "";
}

/** The fields that a person has changed since the page was drawn. @param {Element} form */
export function changedFields(form) {
  const fields = fieldsOf(form);
  const names = new Set(fields.filter(isChanged).map(({ name }) => name));
  /** @type {Record<string, FieldContent>} */
  const content = {};
  for (const name of names) {
    const all = fields.filter((field) => field.name === name);
    content[name] = {
      texts: all.filter(isText).map(({ value }) => value),
      chosen: all.flatMap(choicesOf).filter(isChosen).map(describeChoice),
    };
  }
  return content;
}

/**
 * Fills in what was typed and chosen, and opens what it is folded into.
 * @param {Element} form
 * @param {Record<string, FieldContent>} content
 */
export function fillFields(form, content) {
  for (const [name, { texts, chosen }] of Object.entries(content)) {
    const fields = fieldsOf(form).filter((field) => field.name === name);
    fields.filter(isText).forEach((field, i) => (field.value = texts[i] ?? field.value));
    choose(fields.flatMap(choicesOf), chosen);
    for (const field of fields) unfold(field);
  }
}

/** @param {Choice[]} choices @param {FieldContent["chosen"]} chosen */
function choose(choices, chosen) {
  const wanted = new Set(
    chosen.map(({ value, label }) => {
      const same = choices.find((choice) => choice.value === value);
      return same ?? choices.find((choice) => describeChoice(choice).label === label);
    }),
  );
  if (chosen.length && !wanted.has(undefined))
    for (const choice of choices) setChosen(choice, wanted.has(choice));
  else if (!chosen.length) for (const choice of choices) setChosen(choice, false);
}

/** @param {Element} field */
function unfold(field) {
  for (let at = field.closest("details"); at; at = at.parentElement?.closest("details") ?? null)
    at.open = true;
}

/** @typedef {HTMLInputElement | HTMLOptionElement} Choice */

/** @param {Field} field */
const isText = (field) =>
  !(field instanceof HTMLSelectElement) && !["radio", "checkbox"].includes(field.type);

/** @param {Field} field @returns {Choice[]} */
function choicesOf(field) {
  if (field instanceof HTMLSelectElement) return [...field.options];
  return isText(field) ? [] : [/** @type {HTMLInputElement} */ (field)];
}

/** @param {Choice} choice */
const isChosen = (choice) =>
  choice instanceof HTMLOptionElement ? choice.selected : choice.checked;

/** @param {Choice} choice @param {boolean} chosen */
function setChosen(choice, chosen) {
  if (choice instanceof HTMLOptionElement) choice.selected = chosen;
  else choice.checked = chosen;
}

/** @param {Choice} choice */
function describeChoice(choice) {
  const label = choice instanceof HTMLOptionElement ? choice : choice.labels?.[0];
  return { value: choice.value, label: label?.textContent?.trim() ?? "" };
}

/** Whether a person has changed the field since the page was drawn. @param {Field} field */
export function isChanged(field) {
  if (field instanceof HTMLSelectElement) return [...field.options].some(isChangedOption);
  return isText(field)
    ? field.value !== field.defaultValue
    : /** @type {HTMLInputElement} */ (field).checked !==
        /** @type {HTMLInputElement} */ (field).defaultChecked;
}

/**
 * Without a default, browsers select the first option by themselves.
 * @param {HTMLOptionElement} option
 */
function isChangedOption({ selected, defaultSelected, index }) {
  const selectedByBrowser = index === 0 && selected;
  return selected !== defaultSelected && !selectedByBrowser;
}
