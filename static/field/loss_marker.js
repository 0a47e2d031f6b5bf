// A note outside IndexedDB of what the phone had: if the browser deletes the database, the
// enrolment page can say what was lost. It lies in localStorage and in a cache: a worker can write
// only the cache, and either may survive alone.

import { getMetaAll } from "./database.js";
import * as outbox from "./outbox.js";
import * as photos from "./photos.js";

const KEY = "lodge-trace";
const ADDRESS = "/field/trace";
const CACHE = "trace"; // does not begin with "lodge-": those are deleted with their version

/**
 * @typedef {object} LossMarker
 * @property {number} sent ops that were sent
 * @property {number} unsent ops that were not
 * @property {number} photos photos that were not sent
 * @property {string | null} at time of the last complete sync
 */

/** Writes the present numbers to both places. */
export async function writeLossMarker() {
  const [device, tail, link] = await getMetaAll(["device", "tail", "link"]);
  if (!device || !tail) return;
  const [unsent, unsentPhotos] = await Promise.all([outbox.countUnsent(), photos.countUnsent()]);
  /** @type {LossMarker} */
  const marker = { sent: tail.n - unsent, unsent, photos: unsentPhotos, at: link?.sent_at ?? null };
  const text = JSON.stringify(marker);
  try {
    globalThis.localStorage?.setItem(KEY, text);
    await (await caches.open(CACHE)).put(ADDRESS, new Response(text));
  } catch {
    // storage is full, or the window is private: the marker is optional
  }
}

/**
 * What the phone had before its database was deleted; null on a new phone.
 * @returns {Promise<LossMarker | null>}
 */
export async function readLossMarker() {
  try {
    const text = globalThis.localStorage?.getItem(KEY) ?? (await readFromCache());
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

async function readFromCache() {
  const response = await (await caches.open(CACHE)).match(ADDRESS);
  return response?.text();
}
