// Picking photos in a form: each is decoded, made smaller and shown at once, and is a part of the
// form's draft. A file that cannot be read is named, and the form can be saved without it.

import kinds from "../kinds.js";
import * as clock from "./clock.js";
import { keepDraft } from "./form_drafts.js";
import { fileInputs, FORMS } from "./form_fields.js";
import { showPhotos, submitterOf } from "./form_photo_list.js";
import { markUnsaved, stateOf } from "./form_state.js";
import { wordsPart } from "./form_words.js";
import { currentUser } from "./people.js";
import { shrinkPhoto } from "./photo_image.js";

/** @import { PickedPhoto } from "../types/storage.js" */

const MOST_PHOTOS = 9; // per list of photos, as the server has it

document.addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLInputElement) || target.type !== "file") return;
  const form = target.closest(FORMS);
  if (form instanceof HTMLFormElement) void pick(form, target);
});

/** @param {HTMLFormElement} form @param {HTMLInputElement} input */
async function pick(form, input) {
  const files = [...(input.files ?? [])];
  input.value = ""; // the same file may be picked again
  const { reading } = stateOf(form);
  const place = fileInputs(form).indexOf(input);
  if (!files.length) removePhotos(form, (photo) => photo.place === place);
  const work = readAll(form, input, files);
  reading.add(work);
  form.dataset.reading = String(place);
  markUnsaved(form);
  showPhotos(form);
  await work;
  reading.delete(work);
  showPhotos(form);
  keepDraft(form);
  const isReadable = !stateOf(form).photos.some(({ sha256 }) => sha256 === null);
  if (files.length && isReadable && input.dataset.submit !== undefined) form.requestSubmit();
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 * @param {File[]} files
 */
async function readAll(form, input, files) {
  const caption = files.length ? await captionOf(form) : "";
  for (const file of files) {
    const photo = await shrinkPhoto(file, caption).catch(() => null);
    const state = stateOf(form);
    const place = fileInputs(form).indexOf(input);
    const picked = { input: input.name, place, name: file.name, sha256: photo?.sha256 ?? null };
    // a readable photo takes the place of one of this input that cannot be read
    const others = state.photos.filter(
      (each) => each.place !== place || (takesSeveral(form, input.name) && each.sha256),
    );
    const list = others.filter((each) => listOf(form, each.input) === listOf(form, input.name));
    const before = photo ? others : state.photos;
    if (list.some(({ sha256 }) => sha256 && sha256 === picked.sha256)) setPhotos(form, before);
    else if (photo && list.length >= MOST_PHOTOS) sayTooMany();
    else {
      if (photo) state.unstored.set(photo.sha256, photo);
      setPhotos(form, [...before, picked]);
    }
  }
}

/** @param {HTMLFormElement} form @param {PickedPhoto[]} photos */
function setPhotos(form, photos) {
  const state = stateOf(form);
  state.photos = photos;
  for (const sha256 of state.unstored.keys())
    if (!photos.some((photo) => photo.sha256 === sha256)) state.unstored.delete(sha256);
}

/** Whether the op of the form may have several photos from this input. */
function takesSeveral(/** @type {HTMLFormElement} */ form, /** @type {string} */ input) {
  return "photos" in fieldsOf(form) || listOf(form, input) === input;
}

/** The list of the payload that photos of this input become a part of. */
function listOf(/** @type {HTMLFormElement} */ form, /** @type {string} */ input) {
  return fieldsOf(form)[input.split(".")[0]] === "object" ? input : "photos";
}

/** @param {HTMLFormElement} form */
const fieldsOf = (form) => kinds[form.dataset.op ?? ""]?.fields ?? {};

/** Says that a photo was not added, and why. */
function sayTooMany() {
  const words = wordsPart("too_many");
  if (words) document.querySelector("#toast")?.replaceChildren(words);
}

/** What is written on a photo: time, place and person. @param {HTMLFormElement} form */
async function captionOf(form) {
  const [now, user] = await Promise.all([clock.now(), currentUser()]);
  const place = new FormData(form).get("place") ?? "";
  return `${now.toLocaleString("sv-SE")} ${place} ${user?.name ?? ""}`;
}

/**
 * @param {HTMLFormElement} form
 * @param {(photo: PickedPhoto, index: number) => boolean} which
 */
function removePhotos(form, which) {
  const kept = stateOf(form).photos.filter((photo, index) => !which(photo, index));
  setPhotos(form, kept);
  showPhotos(form);
  keepDraft(form);
}

document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-without]");
  const item = button?.closest("[data-photo]");
  const form = button?.closest("form");
  if (!button || !form || !(item instanceof HTMLElement)) return;
  removePhotos(form, (_, index) => index === Number(item.dataset.photo));
  if (button.getAttribute("data-without") === "save") form.requestSubmit(submitterOf(form));
});
