// Writes pulled records into the phone's database, deletes what is old, and computes the digest of
// what is stored.

import * as clock from "./clock.js";
import { database, getMeta, keysStartingWith } from "./database.js";
import { photosNamedIn } from "./outbox.js";
import { hoursBefore } from "./records.js";

/** @import { PullPage, RecordRow, Schema, StoreName } from "../types/storage.js" */
/** @import { WriteTransaction } from "../types/storage.js" */
/** @import { IDBPObjectStore } from "idb" */

const KEEP_HOURS = 72;
const HASHES_AT_ONCE = 1000;
const BITS = 64;

/** Records that ended before are past the horizon: of them only type, id and version are stored. */
const horizon = async () => hoursBefore((await clock.now()).toISOString(), KEEP_HOURS);

/**
 * Applies one page of a pull, records and cursor in one transaction. A page with `reset` begins a
 * full pull: its rows are marked with an id, and at its end the rows without that mark are deleted.
 * @param {PullPage} page
 */
export async function applyPage(page) {
  const oldest = await horizon();
  const fullPull = page.reset ? { id: crypto.randomUUID() } : await getMeta("round");
  const db = await database();
  const tx = db.transaction(["records", "meta", "ops", "photos"], "readwrite", {
    durability: "relaxed",
  });
  const [records, meta] = [tx.objectStore("records"), tx.objectStore("meta")];
  for (const { type, id, version, deleted, drop, record, certainty } of page.changes) {
    const key = { type, id, version, ...(fullPull ? { round: fullPull.id } : {}) };
    if (deleted) await deleteRecord(tx, type, id);
    else if (drop) records.delete([type, id]);
    else if (record.until < oldest) records.put(pastHorizon(key));
    else records.put({ ...record, ...key, ...(certainty ? { certainty } : {}) });
  }
  meta.put(page.cursor, "cursor");
  if (page.reset) meta.delete("digest");
  if (page.more && fullPull) meta.put(fullPull, "round");
  if (!page.more) {
    meta.put(page.head, "head");
    meta.delete("round");
    if (fullPull) await deleteUnmarked(tx, fullPull.id);
    const revoked = page.reset && !page.changes.length;
    if (revoked) deletePeople(meta);
    await removeOverlays(tx, page.head);
  }
  await tx.done;
}

/**
 * Deletes who may use the phone, and their keys. Drafts stay: their authors can open them once the
 * phone is set up again.
 * @param {IDBPObjectStore<Schema, StoreName[], "meta", "readwrite">} meta
 */
function deletePeople(meta) {
  for (const key of ["people", "me", "unlocked", "users", "device_key"]) meta.delete(key);
  for (const prefix of ["keys:", "verifier:"])
    meta.delete(IDBKeyRange.bound(prefix, `${prefix}\uffff`));
}

/** @typedef {WriteTransaction<("records" | "meta" | "ops" | "photos")[]>} FeedTransaction */

/**
 * Without `until` and `opens` a row is in no index of the store.
 * @param {Pick<RecordRow, "type" | "id" | "version" | "round">} key
 */
const pastHorizon = (key) => /** @type {RecordRow} */ (key);

/**
 * Deletes a record together with the answered ops on it and their photos.
 * @param {FeedTransaction} tx
 * @param {string} type
 * @param {string} id
 */
async function deleteRecord(tx, type, id) {
  tx.objectStore("records").delete([type, id]);
  const ops = tx.objectStore("ops");
  for (const row of await ops.index("subject").getAll(id)) {
    if (row.state !== "answered") continue; // an op stays in the outbox until its verdict
    for (const name of photosNamedIn(row.op.payload)) tx.objectStore("photos").delete(name);
    ops.delete(row.id);
  }
}

/** @param {FeedTransaction} tx @param {string} fullPull */
async function deleteUnmarked(tx, fullPull) {
  let cursor = await tx.objectStore("records").openCursor();
  for (; cursor; cursor = await cursor.continue())
    if (cursor.value.round !== fullPull) cursor.delete();
}

/**
 * Ends the overlay of ops whose effect is now part of the records.
 * @param {FeedTransaction} tx
 * @param {number} head
 */
async function removeOverlays(tx, head) {
  const ops = tx.objectStore("ops");
  for (const row of await ops.index("over").getAll(keysStartingWith(1, "answered"))) {
    if ((row.verdict?.seq ?? 0) > head) continue;
    const { laid: _laid, ...rest } = row;
    ops.put(rest);
  }
}

/** Reduces the records past the horizon to type, id and version. */
export async function pruneRecords() {
  const oldest = await horizon();
  const tx = (await database()).transaction("records", "readwrite", { durability: "relaxed" });
  let cursor = await tx.store.index("until").openKeyCursor();
  for (; cursor; cursor = await cursor.continue()) {
    const [, until] = cursor.key;
    const row = until < oldest && (await tx.store.get(cursor.primaryKey));
    if (!row) continue;
    const { type, id, version, round } = row;
    tx.store.put(pastHorizon({ type, id, version, ...(round ? { round } : {}) }));
  }
  await tx.done;
}

/**
 * The digest of all stored records, which the server computes likewise: the sum, modulo 2**64, of
 * the first 64 bits of the SHA-256 of each (type, id, version).
 * @returns {Promise<string>} 16 hexadecimal digits
 */
export async function digest() {
  const rows = await (await database()).getAll("records");
  let sum = 0n;
  for (let start = 0; start < rows.length; start += HASHES_AT_ONCE) {
    const portion = rows.slice(start, start + HASHES_AT_ONCE);
    for (const bits of await Promise.all(portion.map(fingerprint))) sum += bits;
  }
  return BigInt.asUintN(BITS, sum).toString(16).padStart(16, "0");
}

/** @param {RecordRow} row */
async function fingerprint({ type, id, version }) {
  const content = new TextEncoder().encode(`${type}\n${id}\n${version}`);
  return new DataView(await crypto.subtle.digest("SHA-256", content)).getBigUint64(0);
}
