// What the phone remembers: one database, opened once, written with care.

import { openDB } from "../vendor/idb.js";

const NAME = "lodge";
const VERSION = 2;
const RESERVE = 4 * 1024 * 1024;

/** @type {Promise<any> | null} */
let opening = null;

/** The database; opened again after another tab closed it for an upgrade. */
export function database() {
  opening ??= openDB(NAME, VERSION, {
    upgrade(db, before, _, tx) {
      if (before === 1) tx.objectStore("records").createIndex("opens", ["type", "opens"]);
      if (before >= 1) return;
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
    },
    blocking: forget,
    terminated: () => (opening = null),
  }).catch((/** @type {unknown} */ error) => {
    opening = null;
    throw error;
  });
  return opening;
}

/** Close, so that another tab or a newer version may go on; the next use opens again. */
export async function forget() {
  const db = await opening;
  opening = null;
  db?.close();
}

/**
 * One writing transaction; resolves when it is on the disk, not merely asked for. A phone that is
 * full gives up its reserve first, so that a tap always fits.
 * @template T
 * @param {string[]} stores
 * @param {(tx: any) => Promise<T> | T} change
 * @returns {Promise<T>}
 */
export async function write(stores, change) {
  try {
    return await attempt(stores, change);
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
    await remember("reserve", undefined);
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
export async function remember(key, value) {
  const tx = (await database()).transaction("meta", "readwrite", { durability: "strict" });
  if (value === undefined) tx.store.delete(key);
  else tx.store.put(value, key);
  await tx.done;
}

/** Room for the taps of a full phone. */
export async function reserve() {
  if (await recall("reserve")) return;
  await remember("reserve", new ArrayBuffer(RESERVE)).catch(() => {});
}
