// Seals drafts and their photos to their author: without the PIN, nobody reads them.

import { database, getMeta } from "./database.js";
import { seal, unseal } from "./pin_keys.js";

/** @import { Draft, Photo, PickedPhoto } from "../types/storage.js" */

/**
 * The key that this page has used last: what is typed when another tab locks the phone is still
 * sealed. @type {{person: string, key: CryptoKey} | null}
 */
let lastUsed = null;

/** Forgets the key, after the last draft was stored. */
export function forgetDraftKey() {
  lastUsed = null;
}

/**
 * The key of the drafts of a person who has unlocked the phone; this page remembers it.
 * @param {string} person id
 * @returns {Promise<CryptoKey | undefined>} undefined: the person has no keys on this phone yet, or
 *   has locked it
 */
export async function draftKeyOf(person) {
  const unlocked = await getMeta("unlocked");
  const isOpen = unlocked?.person.id === person;
  if (!isOpen) return lastUsed?.person === person ? lastUsed.key : undefined;
  const key = unlocked.keys.draft_key;
  if (typeof document !== "undefined") lastUsed = { person, key };
  return key;
}

/**
 * A draft as it is stored. Of its photos the hashes stay readable, so that they are deleted with it.
 * @param {Draft} draft
 * @returns {Promise<Draft | undefined>} as it is, if its author has no keys on this phone; undefined
 *   if they have, and have locked it
 */
export async function sealDraft(draft) {
  const key = await draftKeyOf(draft.person);
  if (!key) return (await getMeta(`keys:${draft.person}`)) ? undefined : draft;
  const { form, kind, page, about, fields, photos, ...rest } = draft;
  const content = JSON.stringify({ form, kind, page, about, fields, photos });
  const hashes = photos.map(({ sha256 }) => ({ input: "", place: 0, name: "", sha256 }));
  const sealed = await seal(key, new TextEncoder().encode(content));
  const empty = { form: "", kind: "", page: "", about: "", fields: {}, photos: hashes };
  return { ...rest, ...empty, sealed };
}

/**
 * A draft as its author has left it.
 * @param {Draft} draft
 * @returns {Promise<Draft | undefined>} undefined: it is sealed, and its author not here
 */
export async function openDraft({ sealed, ...draft }) {
  if (!sealed) return draft;
  const key = await draftKeyOf(draft.person);
  const bytes = key && (await unseal(key, sealed));
  return bytes ? { ...draft, ...JSON.parse(new TextDecoder().decode(bytes)) } : undefined;
}

/** @param {Photo} photo of a draft @param {string} person its author @returns {Promise<Photo>} */
export async function sealPhoto(photo, person) {
  const key = await draftKeyOf(person);
  if (!key) return photo;
  const { iv, data } = await seal(key, photo.data);
  return { ...photo, data, sealed: { iv, person } };
}

/** @param {Photo} photo @returns {Promise<Photo | undefined>} undefined: it is somebody else's */
async function openPhoto({ sealed, ...photo }) {
  if (!sealed) return photo;
  const key = await draftKeyOf(sealed.person);
  const data = key && (await unseal(key, { iv: sealed.iv, data: photo.data }));
  return data ? { ...photo, data } : undefined;
}

/** A photo of this phone, readable. @param {string} sha256 @returns {Promise<Photo | undefined>} */
export async function findPhoto(sha256) {
  const photo = await (await database()).get("photos", sha256);
  return photo && openPhoto(photo);
}

/**
 * The photos of a draft that is about to become ops, readable, by SHA-256.
 * @param {PickedPhoto[]} picked
 * @throws {Error} if one is sealed to somebody else
 */
export async function openDraftPhotos(picked) {
  const photos = /** @type {Map<string, Photo>} */ (new Map());
  for (const { sha256 } of picked) {
    const stored = sha256 ? await (await database()).get("photos", sha256) : undefined;
    if (!sha256 || !stored || stored.state !== "draft") continue;
    const photo = await openPhoto(stored);
    if (!photo) throw new Error("a photo of the form cannot be opened");
    photos.set(sha256, photo);
  }
  return photos;
}
