// Photos on the phone: counting, uploading in pieces, showing. A photo that was not uploaded stays
// stored and is retried at every sync (sync.js); after a restore of the server, photos that it lost
// are uploaded again (outbox_updates.js, onEpoch).

import {
  database,
  getMeta,
  getMetaAll,
  isStorageFull,
  keysStartingWith,
  writeTransaction,
} from "./database.js";
import { findPhoto } from "./draft_seals.js";
import { request, SyncError } from "./sync_client.js";

/** @import { Photo } from "../types/storage.js" */

const PIECE = 64 * 1024; // bytes per request

/** @returns {Promise<number>} */
export async function countUnsent() {
  return (await database()).countFromIndex("photos", "state", "unsent");
}

/** Number and bytes of the unsent photos, from the keys of an index alone. */
export async function measureUnsent() {
  const unsent = { photos: 0, photo_bytes: 0 };
  const index = (await database()).transaction("photos").store.index("size");
  let cursor = await index.openKeyCursor(keysStartingWith("unsent"));
  for (; cursor; cursor = await cursor.continue()) {
    unsent.photos += 1;
    unsent.photo_bytes += cursor.key[1];
  }
  return unsent;
}

/** Deletes the photos that the server has, for a phone whose storage is full. */
export function deleteSent() {
  return writeTransaction(["photos"], async (tx) => {
    const photos = tx.objectStore("photos");
    for (const key of await photos.index("state").getAllKeys("sent")) photos.delete(key);
  });
}

/**
 * Uploads the unsent photos one after the other. One that the server refuses does not hold up the
 * others.
 * @throws {SyncError} at once if there is no connection; at the end if the server refused a photo
 */
export async function uploadPhotos() {
  const [device, epoch] = await getMetaAll(["device", "epoch"]);
  if (!device) return;
  let refused = null;
  for (const key of await (await database()).getAllKeysFromIndex("photos", "state", "unsent")) {
    const photo = await (await database()).get("photos", key);
    if (!photo) continue;
    try {
      await upload(`/sync/${device.site}/photos/${key}`, photo, device.token);
      await markSent(photo, epoch);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused = error;
    }
  }
  if (refused) throw refused;
}

/**
 * Whether the server refused this photo for good, not this phone or all photos for now.
 * @param {unknown} error
 */
function isRefusal(error) {
  if (!(error instanceof SyncError)) return false;
  const { status } = error;
  return status >= 400 && status < 500 && status !== 401 && status !== 429;
}

/** @param {Photo} photo @param {string | undefined} epoch the epoch in which it was uploaded */
function markSent(photo, epoch) {
  return writeTransaction(["photos", "meta"], async (tx) => {
    const [photos, currentEpoch] = [
      tx.objectStore("photos"),
      await tx.objectStore("meta").get("epoch"),
    ];
    // the server may have been restored, or the photo deleted, meanwhile
    if (currentEpoch !== epoch || !(await photos.get(photo.sha256))) return;
    if (isStorageFull()) photos.delete(photo.sha256);
    else photos.put({ ...photo, state: "sent" });
  });
}

/**
 * Sends a photo in pieces, from the byte that the server lacks.
 * @param {string} address
 * @param {Photo} photo
 * @param {string} token
 */
async function upload(address, photo, token) {
  let from = Math.min(await uploadOffset(address, token), photo.bytes - 1);
  for (;;) {
    const piece = photo.data.slice(from, from + PIECE);
    const last = from + piece.byteLength - 1;
    const headers = {
      "Content-Range": `bytes ${from}-${last}/${photo.bytes}`,
      "Content-Type": photo.type,
    };
    const answer = await request(address, piece, { method: "PUT", headers });
    if (answer.complete) return;
    from = last + 1;
  }
}

/**
 * How many bytes the server says it has. A captive portal may say that it has all of them: so the
 * caller sends the last byte in any case.
 * @param {string} address
 * @param {string} token
 */
async function uploadOffset(address, token) {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(address, { method: "HEAD", headers }).catch(() => null);
  return response?.ok ? Infinity : Number(response?.headers.get("Upload-Offset") ?? 0);
}

/**
 * A photo from this phone, else from the server; 404 if neither has it.
 * @param {string} sha256
 * @returns {Promise<Response>}
 */
export async function photoResponse(sha256) {
  const photo = await findPhoto(sha256);
  if (!photo) return fromServer(sha256);
  const headers = { "Content-Type": photo.type, "X-Content-Type-Options": "nosniff" };
  return new Response(photo.data, { headers });
}

/** @param {string} sha256 */
async function fromServer(sha256) {
  const device = await getMeta("device");
  const headers = { Authorization: `Bearer ${device?.token}` };
  const answer = await fetch(`/sync/${device?.site}/photos/${sha256}`, { headers }).catch(
    () => null,
  );
  const isImage = answer?.ok && answer.headers.get("Content-Type")?.startsWith("image/");
  return answer && isImage ? answer : new Response(null, { status: 404 });
}
