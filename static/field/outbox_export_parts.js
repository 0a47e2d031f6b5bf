// Divides an export of the outbox into files that the desk takes.

import { database, keysStartingWith } from "./database.js";
import { chainTail } from "./op_chain.js";

/** @import { OutboxRow } from "../types/storage.js" */

// limits of the import at the desk
const MOST_BYTES = 24 * 1024 * 1024; // also less than a mail takes
const MOST_OPS = 20_000;
const MOST_PHOTOS = 1_000;
export const MOST_LOST = 1_000;

const HEADER_BYTES = 64 * 1024;
const PHOTO_OVERHEAD = 200; // bytes of JSON around a photo's data
const PORTION = 1_000; // rows per read

/** The states of ops that are exported. @type {OutboxRow["state"][]} */
export const STATES = ["unsent", "deferred"];

/**
 * One file to be saved.
 * @typedef {object} Part
 * @property {string} lineage
 * @property {number} first place of its first op in the chain; 0: no ops
 * @property {number} last
 * @property {number} ops number of ops
 * @property {string[]} photos hashes
 * @property {number} bytes estimated size
 */

/**
 * Divides all unsent ops, then all unsent photos, into files within the limits.
 * @returns {Promise<Part[]>}
 */
export async function divide() {
  const ops = (await Promise.all(STATES.map(measureOps))).flat().sort(byPlace);
  const { lineage } = await chainTail();
  const all = [emptyPart(ops[0]?.lineage ?? lineage)];
  for (const op of ops) {
    const part = partFor(
      all,
      op.bytes,
      (last) => last.ops < MOST_OPS && last.lineage === op.lineage,
      op.lineage,
    );
    part.first ||= op.n;
    part.last = op.n;
    part.ops += 1;
  }
  for (const { sha256, bytes } of await measurePhotos()) {
    const part = partFor(all, bytes, (last) => last.photos.length < MOST_PHOTOS, lineage);
    part.photos.push(sha256);
  }
  return all;
}

/** @param {string} lineage @returns {Part} */
const emptyPart = (lineage) => ({
  lineage,
  first: 0,
  last: 0,
  ops: 0,
  photos: [],
  bytes: HEADER_BYTES,
});

/**
 * The last part, or a new one if that is full.
 * @param {Part[]} all
 * @param {number} bytes what is added to the part
 * @param {(last: Part) => boolean} fits
 * @param {string} lineage of a new part
 */
function partFor(all, bytes, fits, lineage) {
  let part = all[all.length - 1];
  if (!fits(part) || part.bytes + bytes > MOST_BYTES) {
    part = emptyPart(lineage);
    all.push(part);
  }
  part.bytes += bytes;
  return part;
}

/** @typedef {{lineage: string, n: number, bytes: number}} MeasuredOp */

/** @param {MeasuredOp} a @param {MeasuredOp} b */
function byPlace(a, b) {
  if (a.lineage === b.lineage) return a.n - b.n;
  return a.lineage < b.lineage ? -1 : 1;
}

/**
 * Place and size of every op in a state, read in portions: there may be very many.
 * @param {OutboxRow["state"]} state
 */
async function measureOps(state) {
  const [db, encoder] = [await database(), new TextEncoder()];
  /** @type {MeasuredOp[]} */
  const found = [];
  for (let range = keysStartingWith(state); ;) {
    const rows = await db.getAllFromIndex("ops", "turn", range, PORTION);
    for (const { lineage, n, op } of rows)
      found.push({ lineage, n, bytes: encoder.encode(JSON.stringify(op)).length + 1 });
    if (rows.length < PORTION) return found;
    const { lineage, n } = rows[PORTION - 1];
    range = IDBKeyRange.bound([state, lineage, n], [state, []], true);
  }
}

/** Hash and size in base64 of every unsent photo, from the keys of an index alone. */
async function measurePhotos() {
  const found = [];
  const index = (await database()).transaction("photos").store.index("size");
  let cursor = await index.openKeyCursor(keysStartingWith("unsent"));
  for (; cursor; cursor = await cursor.continue()) {
    const [, bytes] = cursor.key;
    found.push({ sha256: cursor.primaryKey, bytes: Math.ceil(bytes / 3) * 4 + PHOTO_OVERHEAD });
  }
  return found;
}
