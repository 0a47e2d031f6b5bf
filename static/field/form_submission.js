// Submitting a form: once per drawn form, with a word that it is saving. If it cannot be saved, the
// form stays as it is and says why.

import { deleteDraft } from "./drafts.js";
import { flushDrafts, forgetDraft } from "./form_drafts.js";
import { whichForm } from "./form_fields.js";
import { showPhotos } from "./form_photo_list.js";
import { isUnsaved, stateOf } from "./form_state.js";
import { wordsPart } from "./form_words.js";
import { isTaken } from "./outbox.js";

/** @import { FormState } from "./form_state.js" */

const DOUBLE_TAP = 1_000; // ms: a second tap on the same button, on a page drawn meanwhile

/** The last form that was submitted, and when. */
let last = { tap: "", at: -Infinity };

/** What puts a button back as it was, by its form. @type {Map<HTMLFormElement, () => void>} */
const shown = new Map();

document.addEventListener(
  "submit",
  (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.method !== "post") return;
    if (!stateOf(form).submitting && !isDoubleTap(form, event.submitter)) {
      begin(form, event.submitter);
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  { capture: true },
);

// a button that has come under the finger between the two taps of a double tap
document.addEventListener(
  "click",
  (event) => {
    const isSubmit = /** @type {Element} */ (event.target).closest("#page [type=submit]");
    if (isSubmit && event.detail > 1) event.preventDefault();
  },
  { capture: true },
);

/** @param {HTMLFormElement} form @param {HTMLElement | null} submitter */
function isDoubleTap(form, submitter) {
  const soon = performance.now() - last.at < DOUBLE_TAP;
  return soon && last.tap === tapOf(form, submitter) && !isUnsaved(form);
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} submitter */
const tapOf = (form, submitter) => `${whichForm(form)} ${submitter?.getAttribute("value") ?? ""}`;

/** @param {HTMLFormElement} form @param {HTMLElement | null} submitter */
function begin(form, submitter) {
  const state = stateOf(form);
  state.submitting = true;
  state.submitter = submitter;
  // not before the browser or htmx has read which button it was
  setTimeout(() => state.submitting && showSaving(form, submitter));
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} submitter */
function showSaving(form, submitter) {
  const buttons = /** @type {HTMLButtonElement[]} */ ([...form.querySelectorAll("[type=submit]")]);
  for (const button of buttons) button.disabled = true;
  form.setAttribute("aria-busy", "true");
  const words = form.dataset.op && !form.hasAttribute("hx-post") && wordsPart("saving");
  const content = [...(submitter?.childNodes ?? [])];
  if (words && submitter) submitter.replaceChildren(words);
  else if (words) form.append(words);
  shown.set(form, () => {
    for (const button of buttons) button.disabled = false;
    form.removeAttribute("aria-busy");
    if (words && submitter) submitter.replaceChildren(...content);
    else if (words) words.remove();
  });
}

/** @param {HTMLFormElement} form @param {FormState} state with which it was submitted */
function end(form, state) {
  state.submitting = false;
  shown.get(form)?.();
  shown.delete(form);
}

document.addEventListener("formdata", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.dataset.op) return;
  const { token, person, page, about } = stateOf(form);
  for (const [name, value] of Object.entries({ token, person, page, about }))
    event.formData.set(`_${name}`, value);
});

/**
 * @param {HTMLFormElement | undefined} form undefined: a link
 * @param {() => Promise<Response>} send
 * @returns {Promise<Response>} if the form was not saved, one that changes nothing on the page
 */
export async function submitForm(form, send) {
  await flushDrafts();
  if (!form) return send();
  const state = stateOf(form);
  try {
    if (form.dataset.op) return await submitOps(form, state, send);
    if (form.method === "get") await deleteDraft(state.token).then(() => forgetDraft(form));
    return await send();
  } finally {
    end(form, state);
  }
}

/**
 * Waits until the form's photos are read and its draft is stored, then submits it.
 * @param {HTMLFormElement} form
 * @param {FormState} state
 * @param {() => Promise<Response>} send
 */
async function submitOps(form, state, send) {
  const tap = tapOf(form, state.submitter);
  try {
    await Promise.all(state.reading);
    await flushDrafts();
    if (state.photos.some(({ sha256 }) => !sha256)) return notSaved(form, "unreadable_toast", 422);
    if (state.unstored.size) return notSaved(form, "full_photo", 507);
    const response = await send();
    if (await isTaken(state.token)) {
      last = { tap, at: performance.now() };
      forgetDraft(form);
    } else if (response.status === 422) {
      return notSaved(form, "nothing_chosen", 422);
    } else if (response.status === 507) {
      return notSaved(form, state.photos.length ? "full_photo" : "full", 507);
    } else if (response.status >= 500) return notSaved(form, "failed", 500);
    return response;
  } catch (error) {
    console.error(error);
    return notSaved(form, "failed", 500);
  }
}

/**
 * Leaves the page as it is, with all that was typed, and says why.
 * @param {HTMLFormElement} form
 * @param {string} reason a part of the words
 * @param {number} status
 */
function notSaved(form, reason, status) {
  showPhotos(form);
  const words = wordsPart(reason);
  const { photos } = stateOf(form);
  const names = photos.flatMap(({ sha256, name }) => (sha256 ? [] : [name]));
  for (const place of words?.querySelectorAll("[data-name]") ?? [])
    place.textContent = names.join(", ");
  if (words) document.querySelector("#toast")?.replaceChildren(words);
  form.querySelector("[data-words=unreadable]")?.scrollIntoView({ block: "center" });
  return new Response("", { status, headers: { "HX-Reswap": "none" } });
}
