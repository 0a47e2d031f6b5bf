// What the page remembers of each drawn form besides its fields: its token, its author, its photos.

import { changedFields, FORMS, formKey, headingOf, pageAddress } from "./form_fields.js";
import { uuid7 } from "./ids.js";

/** @import { Draft, Photo, PickedPhoto } from "../types/storage.js" */

/**
 * @typedef {object} FormState
 * @property {string} token of this drawn form, or of the draft that was filled in
 * @property {string} person id of the author; empty: nobody has unlocked the phone
 * @property {string} form its key
 * @property {string} kind
 * @property {string} page
 * @property {string} about
 * @property {string} since when it was drawn, or when the draft was begun
 * @property {PickedPhoto[]} photos
 * @property {Map<string, Photo>} unstored those that are not in the database yet, by SHA-256
 * @property {Set<Promise<void>>} reading photos that are being made smaller
 * @property {HTMLElement | null} submitter the button with which it was last submitted
 * @property {boolean} submitting
 */

/** @type {WeakMap<Element, FormState>} */
const states = new WeakMap();

/** The person whose page this is. @param {Document} [page] */
export const personOf = (page = document) =>
  page.querySelector("#page")?.getAttribute("data-person") ?? "";

/** Forms on the page whose content is kept. */
export const formsOnPage = () =>
  /** @type {HTMLFormElement[]} */ ([...document.querySelectorAll(FORMS)]);

/** @param {HTMLFormElement} form @returns {FormState} */
export function stateOf(form) {
  const known = states.get(form);
  if (known) return known;
  const state = {
    token: uuid7(),
    person: personOf(),
    form: formKey(form),
    kind: form.dataset.op ?? "",
    page: pageAddress(),
    about: headingOf(form),
    since: new Date().toISOString(),
    photos: [],
    unstored: new Map(),
    reading: new Set(),
    submitter: null,
    submitting: false,
  };
  states.set(form, state);
  return state;
}

/** Whether the page already knows this form. @param {HTMLFormElement} form */
export const isKnown = (form) => states.has(form);

/** A new token for a form that was submitted and stays. @param {HTMLFormElement} form */
export const forgetState = (form) => states.delete(form);

/** What the form contains as a draft. @param {HTMLFormElement} form @returns {Draft} */
export function draftOf(form) {
  const { token, person, form: key, kind, page, about, since, photos } = stateOf(form);
  const changed = new Date().toISOString();
  const fields = changedFields(form);
  return { token, person, form: key, kind, page, about, since, changed, fields, photos };
}

/** Whether a person has put something into the form. @param {HTMLFormElement} form */
export function isUnsaved(form) {
  const { photos, reading } = stateOf(form);
  return photos.length + reading.size > 0 || Object.keys(changedFields(form)).length > 0;
}

/** Marks the form for the style sheet and for redraws, which leave it alone. */
export function markUnsaved(/** @type {HTMLFormElement} */ form) {
  form.toggleAttribute("data-unsaved", isUnsaved(form));
}
