// Keeps what is put into forms as drafts: stores it while a person types, and fills it in again
// whenever the form is drawn.

import { SITE_ZONE } from "../shell.js";
import { draftKeyOf } from "./draft_seals.js";
import { deleteDraft, draftsOf, saveDraft, setDiscarded } from "./drafts.js";
import { FORMS, fillFields, hasContent } from "./form_fields.js";
import { freePictures, showPhotos } from "./form_photo_list.js";
import {
  draftOf,
  forgetState,
  formsOnPage,
  isKnown,
  isUnsaved,
  markUnsaved,
  personOf,
  stateOf,
} from "./form_state.js";
import { wordsPart } from "./form_words.js";
import { heldElsewhere, letGo } from "./draft_locks.js";

/** @import { Draft } from "../types/storage.js" */

const inSiteZone = new Intl.DateTimeFormat("sv-SE", {
  timeZone: SITE_ZONE,
  dateStyle: "short",
  timeStyle: "short",
});
const DELAY = 200; // ms: a few letters are stored at once

/** @type {Map<HTMLFormElement, ReturnType<typeof setTimeout>>} */
const waiting = new Map();

/** Drafts that could not be stored, by token: they last as long as the page. */
const unstorable = /** @type {Map<string, Draft>} */ (new Map());

/** Forms whose draft was looked for. @type {WeakSet<HTMLFormElement>} */
const restored = new WeakSet();

let storing = Promise.resolve();

document.addEventListener("input", ({ target }) => keep(target, DELAY));
document.addEventListener("change", ({ target }) => keep(target, 0));
document.addEventListener("visibilitychange", () => void flushDrafts());
addEventListener("pagehide", () => void flushDrafts());

/** @param {EventTarget | null} target @param {number} delay ms */
function keep(target, delay) {
  const form = /** @type {Element | null} */ (target)?.closest(FORMS);
  if (form instanceof HTMLFormElement && hasContent(form)) keepDraft(form, delay);
}

/**
 * Stores what the form contains, soon.
 * @param {HTMLFormElement} form
 * @param {number} [delay] ms
 */
export function keepDraft(form, delay = 0) {
  markUnsaved(form);
  clearTimeout(waiting.get(form));
  waiting.set(
    form,
    setTimeout(() => void storeWaiting(form), delay),
  );
}

/** Stores all that is not stored yet. Resolves when it is. */
export async function flushDrafts() {
  for (const form of [...waiting.keys()]) void storeWaiting(form);
  await storing;
}

/** One after the other: the last is the one that stays. @param {HTMLFormElement} form */
function storeWaiting(form) {
  clearTimeout(waiting.get(form));
  waiting.delete(form);
  storing = storing.then(() => store(form));
  return storing;
}

/** @param {HTMLFormElement} form */
async function store(form) {
  const [draft, { unstored }] = [draftOf(form), stateOf(form)];
  if (!draft.person) return;
  try {
    const photos = [...unstored.values()];
    if (isUnsaved(form)) await saveDraft(draft, photos);
    else await deleteDraft(draft.token);
    for (const { sha256 } of photos) unstored.delete(sha256);
    unstorable.delete(draft.token);
    await heldElsewhere(draft.token);
  } catch {
    unstorable.set(draft.token, draft); // storage is full: submitting the form will say so
  }
}

/** Fills every form that was just drawn with its draft, and lets go of those that are gone. */
export async function restoreDrafts() {
  const drawn = formsOnPage().filter((form) => hasContent(form) && !restored.has(form));
  for (const form of drawn) {
    restored.add(form);
    stateOf(form);
  }
  await flushDrafts();
  await draftKeyOf(personOf()); // before another tab locks the phone
  const stored = await draftsOf(personOf());
  const drafts = [...unstorable.values(), ...stored].filter(
    ({ person, discarded }) => person === personOf() && !discarded,
  );
  for (const form of drawn) {
    const draft = await firstFree(drafts.filter((each) => each.form === stateOf(form).form));
    if (draft && form.isConnected && !isUnsaved(form)) fill(form, draft);
  }
  await freePictures();
  letGo(
    new Set(
      formsOnPage()
        .filter(isKnown)
        .map((form) => stateOf(form).token),
    ),
  );
}

/** The first draft that no other tab shows. @param {Draft[]} drafts */
async function firstFree(drafts) {
  for (const draft of drafts) if (!(await heldElsewhere(draft.token))) return draft;
  return undefined;
}

/** @param {HTMLFormElement} form @param {Draft} draft */
function fill(form, draft) {
  const { token, since, photos } = draft;
  Object.assign(stateOf(form), { token, since, photos });
  fillFields(form, draft.fields);
  showPhotos(form);
  markUnsaved(form);
  if (draft.kind) showNote(form, draft.changed);
}

/** Says since when the draft is there, and offers to discard it. */
function showNote(/** @type {HTMLFormElement} */ form, /** @type {string} */ changed) {
  const note = wordsPart("restored");
  const time = note?.querySelector("time");
  if (!note || !time) return;
  time.textContent = inSiteZone.format(new Date(changed)).slice("2026-".length);
  form.querySelector("[data-words=restored]")?.remove();
  form.prepend(note);
}

document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-discard]");
  const form = button?.closest("form");
  if (form) void discard(form);
});

/** @param {HTMLFormElement} form */
async function discard(form) {
  await flushDrafts();
  const { token, person } = stateOf(form);
  await setDiscarded(token, person, true);
  forgetDraft(form);
}

/** Empties a form that was discarded or submitted: what comes next is another one. */
export function forgetDraft(/** @type {HTMLFormElement} */ form) {
  clearTimeout(waiting.get(form));
  waiting.delete(form);
  unstorable.delete(stateOf(form).token);
  forgetState(form);
  if (!form.isConnected) return;
  form.reset();
  form.querySelector("[data-words=restored]")?.remove();
  showPhotos(form);
  markUnsaved(form);
}
