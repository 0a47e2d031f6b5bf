// The phone's IndexedDB database: opening, upgrading, durable writes, and single values in the
// store `meta`.

import { openDB } from "../vendor/idb.js";

/** @import { Database, Meta, StoreName } from "../types/storage.js" */
/** @import { UpgradeTransaction, WriteTransaction } from "../types/storage.js" */

const NAME = "lodge";
const VERSION = 5;
const RESERVE_BYTES = 4 * 1024 * 1024;
const RANDOM_BYTES_PER_CALL = 65_536; // the most that getRandomValues gives

/** @type {Promise<Database> | null} */
let opening = null;

let storageFull = false;

/** Whether the last attempt to write, or to fill the reserve, failed for lack of space. */
export const isStorageFull = () => storageFull;

/** @param {unknown} error */
export function isQuotaError(error) {
  return error instanceof DOMException && error.name === "QuotaExceededError";
}

/**
 * The open database. Opens it again after it was closed so that another tab can upgrade it.
 * @returns {Promise<Database>}
 */
export function database() {
  opening ??= open(VERSION)
    .catch((error) => {
      // a newer version of the app was here; it only adds stores and indexes
      if (error?.name === "VersionError") return open();
      throw error;
    })
    .catch((error) => {
      opening = null;
      throw error;
    });
  return opening;
}

/** @param {number} [version] undefined: whatever version there is @returns {Promise<Database>} */
function open(version) {
  return openDB(NAME, version, {
    upgrade(db, before, _, tx) {
      if (before < 1) createVersion1(db);
      if (before === 1) tx.objectStore("records").createIndex("opens", ["type", "opens"]);
      if (before < 3) upgradeToVersion3(db, tx);
      if (before < 4) upgradeToVersion4(db, tx);
      if (before && before < 5) void upgradeToVersion5(tx);
    },
    blocking: closeDatabase,
    terminated: () => (opening = null),
  });
}

/** @param {Database} db */
function createVersion1(db) {
  const records = db.createObjectStore("records", { keyPath: ["type", "id"] });
  records.createIndex("until", ["type", "until"]);
  records.createIndex("opens", ["type", "opens"]);
  const ops = db.createObjectStore("ops", { keyPath: "id" });
  ops.createIndex("place", ["lineage", "n"]);
  ops.createIndex("state", "state");
  ops.createIndex("subject", "subject");
  ops.createIndex("laid", "laid");
  ops.createIndex("check", "check");
  const photos = db.createObjectStore("photos", { keyPath: "sha256" });
  photos.createIndex("state", "state");
  db.createObjectStore("meta");
}

/**
 * Indexes by which a long outbox is counted and read in portions.
 * @param {Database} db
 * @param {UpgradeTransaction} tx
 */
function upgradeToVersion3(db, tx) {
  const ops = tx.objectStore("ops");
  ops.createIndex("turn", ["state", "lineage", "n"]);
  ops.createIndex("kind", ["state", "op.kind"]);
  ops.createIndex("over", ["laid", "state", "op.at", "id"]);
  tx.objectStore("photos").createIndex("size", ["state", "bytes"]);
  tx.objectStore("meta").delete("reserve");
  db.createObjectStore("reserve");
}

/**
 * Drafts of forms, and the tokens of submitted forms.
 * @param {Database} db
 * @param {UpgradeTransaction} tx
 */
function upgradeToVersion4(db, tx) {
  db.createObjectStore("drafts", { keyPath: "token" }).createIndex("person", "person");
  tx.objectStore("ops").createIndex("token", "token");
}

/**
 * What a PIN was checked against stays for those who are without a connection: the server sends it
 * no more. Until it says whose phone this is, it is everybody's, as it was.
 * @param {UpgradeTransaction} tx
 */
async function upgradeToVersion5(tx) {
  const [records, meta] = [tx.objectStore("records"), tx.objectStore("meta")];
  const rows = await records.index("until").getAll(keysStartingWith("person"));
  /** @type {Record<string, any>[]} */
  const people = (await meta.get("people")) ?? [];
  for (const { id, pin_check } of [...people, ...rows])
    if (pin_check) meta.put(pin_check, `verifier:${id}`);
  for (const { pin_check: _, ...row } of rows) records.put(/** @type {any} */ (row));
  const working = rows.filter(({ active }) => active !== false);
  const all = working.length ? working : people;
  const own = all.map(({ id, name, roles }) => ({ id, name, roles }));
  if (own.length) meta.put(own, "people");
}

/**
 * The range of all keys of a compound index that begin with these parts.
 * @param {(string | number)[]} parts
 */
export const keysStartingWith = (...parts) => IDBKeyRange.bound(parts, [...parts, []]);

/** Closes the database, so that another tab can upgrade it; the next use opens it again. */
export async function closeDatabase() {
  const db = await opening;
  opening = null;
  db?.close();
}

/**
 * Runs one read-write transaction and resolves when it is on disk. When storage is full, the
 * reserve is deleted and the transaction tried again, so that an op always fits. Large data may not
 * use the reserve: it fails until that is filled.
 * @template T
 * @template {StoreName[]} Stores
 * @param {[...Stores]} stores
 * @param {(tx: WriteTransaction<Stores>) => Promise<T> | T} change
 * @param {boolean} [large] whether it writes photos
 * @returns {Promise<T>} what `change` returns
 * @throws {DOMException} QuotaExceededError
 */
export async function writeTransaction(stores, change, large = false) {
  if (large) await fillReserve();
  if (large && storageFull) throw new DOMException("no space for large data", "QuotaExceededError");
  try {
    return await attempt(stores, change);
  } catch (error) {
    const closed = error instanceof DOMException && error.name === "InvalidStateError";
    if (closed)
      opening = null; // another tab is upgrading: open again
    else if (!isQuotaError(error)) throw error;
    else storageFull = true;
    if (opening === null) return attempt(stores, change);
    if (large) throw error;
    await attempt(["reserve"], (tx) => tx.objectStore("reserve").clear());
    return attempt(stores, change);
  }
}

/**
 * @template T
 * @template {StoreName[]} Stores
 * @param {[...Stores]} stores
 * @param {(tx: WriteTransaction<Stores>) => Promise<T> | T} change
 */
async function attempt(stores, change) {
  const db = await database();
  const tx = db.transaction(stores, "readwrite", { durability: "strict" });
  try {
    const result = await change(tx);
    await tx.done;
    return result;
  } catch (error) {
    tx.done.catch(() => {}); // the first error is the cause
    try {
      tx.abort();
    } catch {
      // the transaction has already ended
    }
    throw error;
  }
}

/**
 * @template {keyof Meta} Key
 * @param {Key} key
 * @returns {Promise<Meta[Key] | undefined>}
 */
export async function getMeta(key) {
  return (await database()).get("meta", key);
}

/**
 * Several values in one transaction, in the order of the keys.
 * @template {(keyof Meta)[]} Keys
 * @param {[...Keys]} keys
 * @returns {Promise<{[I in keyof Keys]: Meta[Keys[I]] | undefined}>}
 */
export async function getMetaAll(keys) {
  const tx = (await database()).transaction("meta");
  return /** @type {any} */ (Promise.all(keys.map((key) => tx.store.get(key))));
}

/**
 * @template {keyof Meta} Key
 * @param {Key} key
 * @param {Meta[Key] | undefined} value undefined deletes it
 */
export function setMeta(key, value) {
  return writeTransaction(["meta"], (tx) => {
    const meta = tx.objectStore("meta");
    if (value === undefined) meta.delete(key);
    else meta.put(value, key);
  });
}

/**
 * Takes up space that ops can use once storage is full; does nothing while the reserve is there.
 * Its bytes are random, so that no compression makes it smaller.
 */
export async function fillReserve() {
  if (await (await database()).count("reserve")) {
    storageFull = false;
    return;
  }
  const bytes = new Uint8Array(RESERVE_BYTES);
  for (let at = 0; at < RESERVE_BYTES; at += RANDOM_BYTES_PER_CALL)
    crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_PER_CALL));
  try {
    await attempt(["reserve"], (tx) => tx.objectStore("reserve").put(bytes.buffer, 0));
    storageFull = false;
  } catch (error) {
    if (!isQuotaError(error)) throw error;
    storageFull = true;
  }
}
