// Shows the picked photos of a form below the buttons that took them: small pictures to remove, and
// the names of files that cannot be read.

import { findPhoto } from "./draft_seals.js";
import { fileInputs } from "./form_fields.js";
import { stateOf } from "./form_state.js";
import { wordsPart } from "./form_words.js";

/** @import { PickedPhoto } from "../types/storage.js" */

/** Addresses of pictures that are shown, by SHA-256. @type {Map<string, Promise<string>>} */
const pictures = new Map();

/** Draws the photos of all inputs of a form anew. @param {HTMLFormElement} form */
export function showPhotos(form) {
  const { photos, reading } = stateOf(form);
  for (const [place, input] of fileInputs(form).entries()) {
    const own = photos.filter((photo) => photo.place === place);
    const label = input.closest("label");
    if (!label) continue;
    label.dataset.picked = String(own.filter(({ sha256 }) => sha256).length);
    const list = listBelow(label);
    list.replaceChildren(...own.map((photo) => describe(form, photo)));
    const busy = reading.size && form.dataset.reading === String(place) && wordsPart("reading");
    if (busy) list.append(busy);
    list.hidden = !list.childElementCount;
  }
}

/** @param {HTMLElement} label */
function listBelow(label) {
  const next = label.nextElementSibling;
  if (next instanceof HTMLElement && next.matches(".picked")) return next;
  const list = document.createElement("div");
  list.className = "picked";
  list.setAttribute("aria-live", "polite");
  label.after(list);
  return list;
}

/** @param {HTMLFormElement} form @param {PickedPhoto} photo */
function describe(form, photo) {
  const part = wordsPart(photo.sha256 ? "photo" : "unreadable") ?? document.createElement("p");
  part.dataset.photo = String(stateOf(form).photos.indexOf(photo));
  for (const place of part.querySelectorAll("[data-name]")) place.textContent = photo.name;
  const image = part.querySelector("img");
  if (image && photo.sha256) void showPicture(form, image, photo.sha256);
  const canSave = savesAtOnce(form);
  for (const button of part.querySelectorAll("[data-without]"))
    button.toggleAttribute("hidden", (button.getAttribute("data-without") === "save") !== canSave);
  return part;
}

/**
 * Whether it is clear with which button to submit the form: the one that was tapped, or the only
 * one.
 * @param {HTMLFormElement} form
 */
export const savesAtOnce = (form) => Boolean(submitterOf(form));

/** @param {HTMLFormElement} form @returns {HTMLElement | null} */
export function submitterOf(form) {
  const buttons = /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[type=submit]"));
  const { submitter } = stateOf(form);
  return submitter?.isConnected ? submitter : buttons.length === 1 ? buttons[0] : null;
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLImageElement} image
 * @param {string} sha256
 */
async function showPicture(form, image, sha256) {
  if (!pictures.has(sha256)) pictures.set(sha256, pictureAddress(form, sha256));
  image.src = await /** @type {Promise<string>} */ (pictures.get(sha256));
}

/** @param {HTMLFormElement} form @param {string} sha256 */
async function pictureAddress(form, sha256) {
  const photo = stateOf(form).unstored.get(sha256) ?? (await findPhoto(sha256));
  if (!photo) return `/field/photos/${sha256}`; // the server has it
  return URL.createObjectURL(new Blob([photo.data], { type: photo.type }));
}

/** Frees the memory of the pictures that no form shows. */
export async function freePictures() {
  const shown = new Set([...document.images].map(({ src }) => src));
  for (const [sha256, address] of pictures) {
    if (shown.has(await address)) continue;
    URL.revokeObjectURL(await address);
    pictures.delete(sha256);
  }
}
