// What the phone remembers: one database, opened once, written with care.

import { openDB } from "../vendor/idb.js";

const NAME = "lodge";
const VERSION = 3;
const RESERVE = 4 * 1024 * 1024;
const PIECE = 65_536; // as much as there is chance at once

/** @type {Promise<any> | null} */
let opening = null;

/** Whether the phone had no more room when something was last written. */
let lacking = false;
export const isFull = () => lacking;

/** @param {unknown} error */
export const noRoom = (error) => error instanceof DOMException && error.name === "QuotaExceededError";

/** The database; opened again after another tab closed it for an upgrade. */
export function database() {
  opening ??= open(VERSION).catch((error) => {
    if (error?.name === "VersionError") return open(); // a newer page was here; it only adds
    throw error;
  }).catch((/** @type {unknown} */ error) => {
    opening = null;
    throw error;
  });
  return opening;
}

/** @param {number} [version] undefined: as it stands */
function open(version) {
  return openDB(NAME, version, {
    upgrade(db, before, _, tx) {
      if (before < 1) create(db);
      if (before === 1) tx.objectStore("records").createIndex("opens", ["type", "opens"]);
      if (before < 3) grow(db, tx);
    },
    blocking: forget,
    terminated: () => (opening = null),
  });
}

/** @param {any} db */
function create(db) {
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

/** What a long outbox needs, so that nobody has to read the whole of it. @param {any} db @param {any} tx */
function grow(db, tx) {
  const ops = tx.objectStore("ops");
  ops.createIndex("turn", ["state", "lineage", "n"]);
  ops.createIndex("kind", ["state", "op.kind"]);
  ops.createIndex("over", ["laid", "state", "op.at", "id"]);
  tx.objectStore("photos").createIndex("size", ["state", "bytes"]);
  tx.objectStore("meta").delete("reserve");
  db.createObjectStore("reserve");
}

/** All keys of a compound index that begin with these. @param {any[]} keys */
export const within = (...keys) => IDBKeyRange.bound(keys, [...keys, []]);

/** Close, so that another tab or a newer version may go on; the next use opens again. */
export async function forget() {
  const db = await opening;
  opening = null;
  db?.close();
}

/**
 * One writing transaction; resolves when it is on the disk, not merely asked for. A phone that is
 * full gives up its reserve first, so that a tap always fits; what is large has no claim on it, and waits until the
 * reserve is whole again.
 * @template T
 * @param {string[]} stores
 * @param {(tx: any) => Promise<T> | T} change
 * @param {boolean} [large]
 * @returns {Promise<T>}
 */
export async function write(stores, change, large = false) {
  if (large) await reserve();
  if (large && lacking) throw new DOMException("the reserve is not for this", "QuotaExceededError");
  try {
    return await attempt(stores, change);
  } catch (error) {
    if (/** @type {any} */ (error)?.name === "InvalidStateError") opening = null; // closed under our hands
    else if (!noRoom(error)) throw error;
    else lacking = true;
    if (opening === null) return attempt(stores, change);
    if (large) throw error;
    await attempt(["reserve"], (tx) => tx.store.clear());
    return attempt(stores, change);
  }
}

/** @template T @param {string[]} stores @param {(tx: any) => Promise<T> | T} change */
async function attempt(stores, change) {
  const db = await database();
  const tx = db.transaction(stores, "readwrite", { durability: "strict" });
  try {
    const result = await change(tx);
    await tx.done;
    return result;
  } catch (error) {
    tx.done.catch(() => {}); // the first error is the one that counts
    try {
      tx.abort();
    } catch {
      // it has ended by itself
    }
    throw error;
  }
}

/** @param {string} key @returns {Promise<any>} */
export async function recall(key) {
  return (await database()).get("meta", key);
}

/** Several small facts at once. @param {string[]} keys @returns {Promise<any[]>} */
export async function recallAll(keys) {
  const tx = (await database()).transaction("meta");
  return Promise.all(keys.map((key) => tx.store.get(key)));
}

/** @param {string} key @param {any} value undefined takes it away */
export function remember(key, value) {
  return write(["meta"], (tx) => void (value === undefined ? tx.store.delete(key) : tx.store.put(value, key)));
}

/** Room for the taps of a full phone, kept as soon as there is some: by chance, so that it takes up what it says. */
export async function reserve() {
  if (await (await database()).count("reserve")) return void (lacking = false);
  const bytes = new Uint8Array(RESERVE);
  for (let at = 0; at < RESERVE; at += PIECE) crypto.getRandomValues(bytes.subarray(at, at + PIECE));
  try {
    await attempt(["reserve"], (tx) => tx.store.put(bytes.buffer, 0));
    lacking = false;
  } catch (error) {
    if (!noRoom(error)) throw error;
    lacking = true;
  }
}
