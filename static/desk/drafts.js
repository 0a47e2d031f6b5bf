/** What is typed survives a reload, going back, and another page: it is kept in this tab until it is
 * saved, discarded, or somebody signs out. It is given back only to the person who typed it. */

import { apply, changes, formName, postForms } from "./fields.js";
import { onEachPage } from "./turning.js";

const DRAFT = "draft:";
const SUBMITTED = "submitted";

/** Keep what is typed on this page, and put back what was typed before. */
export function keepDrafts() {
  if (!document.body.dataset.person) return;
  onEachPage(restoreAll);
  document.addEventListener("input", ({ target }) => keep(target));
  document.addEventListener("change", ({ target }) => keep(target));
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.action.endsWith("/sign-out")) forgetOthers("");
    else sessionStorage.setItem(SUBMITTED, key(form));
    leaving = true;
    setTimeout(() => (leaving = false), 3000);
  });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && postForms().some((form) => changes(form).length > 0)) event.preventDefault();
  });
}

/** @param {HTMLFormElement} form */
const key = (form) => `${DRAFT}${document.body.dataset.person}:${formName(form)}`;

function restoreAll() {
  forgetOthers(document.body.dataset.person ?? "");
  forgetSaved();
  for (const form of postForms()) restore(form, key(form));
}

/** Whether a form is being sent, so that leaving the page loses nothing. */
let leaving = false;

/** @param {EventTarget | null} target */
function keep(target) {
  const form = target instanceof Element ? target.closest("form") : null;
  if (!form || !postForms().includes(form)) return;
  const changed = changes(form);
  if (changed.length > 0) sessionStorage.setItem(key(form), JSON.stringify(changed));
  else sessionStorage.removeItem(key(form));
}

/** @param {HTMLFormElement} form
 * @param {string} key */
function restore(form, key) {
  const kept = sessionStorage.getItem(key);
  if (!kept || "filled" in form.dataset) return; // the server gave back what was sent last
  apply(form, JSON.parse(kept));
  if (changes(form).length === 0) {
    sessionStorage.removeItem(key);
    return;
  }
  const note = /** @type {HTMLTemplateElement | null} */ (document.getElementById("draft-note"));
  if (!note) return;
  form.prepend(note.content.cloneNode(true));
  form.querySelector("[data-discard]")?.addEventListener("click", () => {
    sessionStorage.removeItem(key);
    form.reset();
    form.querySelector(".draft-note")?.remove();
  });
}

/** Forget the form that was sent if this page says that it was saved. */
function forgetSaved() {
  const submitted = sessionStorage.getItem(SUBMITTED);
  if (submitted && "saved" in document.body.dataset) sessionStorage.removeItem(submitted);
  sessionStorage.removeItem(SUBMITTED);
}

/** Forget the drafts of everybody but one person.
 * @param {string} person */
function forgetOthers(person) {
  for (const key of Object.keys(sessionStorage)) {
    const isOwn = person !== "" && key.startsWith(`${DRAFT}${person}:`);
    if (key.startsWith(DRAFT) && !isOwn) sessionStorage.removeItem(key);
  }
}
