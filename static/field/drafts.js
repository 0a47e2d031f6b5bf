// Drafts: what people have put into forms and not submitted. A draft belongs to one person and one
// drawn form, is sealed to that person (draft_seals.js), and goes when the form is submitted
// (outbox.js) or discarded.

import * as clock from "./clock.js";
import { database, writeTransaction } from "./database.js";
import { openDraft, openDraftPhotos, sealDraft, sealPhoto } from "./draft_seals.js";
import { uuid7 } from "./ids.js";
import { findOp } from "./outbox.js";

/** @import { Draft, Photo, PickedPhoto } from "../types/storage.js" */
/** @import { PhotoStore } from "./outbox.js" */

const UNDO_TIME = 600_000; // ms

/**
 * Stores a draft with new photos, all or none, unless its form was submitted, or the phone locked,
 * meanwhile. Drafts do not use the reserve, which is for ops.
 * @param {Draft} draft
 * @param {Photo[]} newPhotos
 */
export async function saveDraft(draft, newPhotos) {
  const row = await sealDraft(draft);
  if (!row) return undefined; // a form that leaves the page says once more what was stored before
  const photoRows = await Promise.all(newPhotos.map((photo) => sealPhoto(photo, draft.person)));
  return writeTransaction(
    ["drafts", "photos", "ops"],
    async (tx) => {
      if (await tx.objectStore("ops").index("token").count(draft.token)) return;
      const [drafts, photos] = [tx.objectStore("drafts"), tx.objectStore("photos")];
      const before = await drafts.get(draft.token);
      for (const photo of photoRows)
        if (!(await photos.get(photo.sha256))) photos.put({ ...photo, state: "draft" });
      drafts.put({ ...row, since: before?.since ?? draft.since });
      await deletePhotos(photos, withoutPhotosOf(before, draft));
    },
    true,
  );
}

/** Deletes a draft and its photos. @param {string} token */
export function deleteDraft(token) {
  return writeTransaction(["drafts", "photos"], async (tx) => {
    const draft = await tx.objectStore("drafts").get(token);
    if (!draft) return;
    tx.objectStore("drafts").delete(token);
    await deletePhotos(tx.objectStore("photos"), draft.photos);
  });
}

/** @param {Draft | undefined} before @param {Draft} draft */
function withoutPhotosOf(before, draft) {
  const kept = new Set(draft.photos.map(({ sha256 }) => sha256));
  return (before?.photos ?? []).filter(({ sha256 }) => !kept.has(sha256));
}

/** Deletes photos that no op names. @param {PhotoStore} photos @param {PickedPhoto[]} picked */
async function deletePhotos(photos, picked) {
  for (const { sha256 } of picked)
    if (sha256 && (await photos.get(sha256))?.state === "draft") photos.delete(sha256);
}

/** @param {string} token @returns {Promise<Draft | undefined>} */
export async function findDraft(token) {
  const draft = await (await database()).get("drafts", token);
  return draft && openDraft(draft);
}

/**
 * The drafts of one person, with those just discarded, the last changed first.
 * @param {string} person id
 */
export async function draftsOf(person) {
  const rows = await (await database()).getAllFromIndex("drafts", "person", person);
  const drafts = (await Promise.all(rows.map(openDraft))).filter((draft) => draft !== undefined);
  return drafts.sort((a, b) => (a.changed > b.changed ? -1 : 1));
}

/**
 * Seals what a person has left before they had keys on this phone.
 * @param {string} person id
 */
export async function sealOpenDrafts(person) {
  const rows = await (await database()).getAllFromIndex("drafts", "person", person);
  for (const draft of rows.filter(({ sealed }) => !sealed)) {
    const row = await sealDraft(draft);
    if (!row?.sealed) return;
    const photos = await openDraftPhotos(draft.photos);
    const sealed = await Promise.all([...photos.values()].map((each) => sealPhoto(each, person)));
    await writeTransaction(["drafts", "photos"], async (tx) => {
      if (!(await tx.objectStore("drafts").get(draft.token))) return;
      tx.objectStore("drafts").put(row);
      for (const photo of sealed) tx.objectStore("photos").put(photo);
    });
  }
}

/**
 * Discards a draft, or takes that back: it stays for some minutes.
 * @param {string} token
 * @param {string} person its author, who alone may do so
 * @param {boolean} discarded
 */
export async function setDiscarded(token, person, discarded) {
  const now = (await clock.now()).toISOString();
  await writeTransaction(["drafts"], async (tx) => {
    const draft = await tx.objectStore("drafts").get(token);
    if (draft?.person !== person) return;
    if (discarded) draft.discarded = now;
    else delete draft.discarded;
    tx.objectStore("drafts").put(draft);
  });
}

/**
 * Deletes the drafts that were discarded some minutes ago, or by a clock that was wrong. To be called
 * when the server has just told the time.
 */
export async function deleteDiscarded() {
  const now = (await clock.now()).getTime();
  for (const { token, discarded } of await (await database()).getAll("drafts"))
    if (discarded && Math.abs(now - Date.parse(discarded)) > UNDO_TIME) await deleteDraft(token);
}

/**
 * Makes the form of an op that was not accepted a draft again.
 * @param {string} id of the op
 * @param {string} person its author
 * @returns {Promise<string | undefined>} the address of the form's page below /field/
 */
export async function draftAgain(id, person) {
  const row = await findOp(id);
  if (!row?.form?.form || row.op.by !== person) return undefined;
  const now = new Date().toISOString();
  await saveDraft({ ...row.form, token: uuid7(), person, since: now, changed: now }, []);
  return row.form.page;
}
