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
 * @property {number} written when the marker was written, ms
 */

/** Writes the present numbers to both places. */
export async function writeLossMarker() {
  const [device, tail, link] = await getMetaAll(["device", "tail", "link"]);
  if (!device || !tail) return;
  const [unsent, unsentPhotos] = await Promise.all([outbox.countUnsent(), photos.countUnsent()]);
  /** @type {LossMarker} */
  const marker = {
    sent: tail.n - unsent,
    unsent,
    photos: unsentPhotos,
    at: link?.sent_at ?? null,
    written: Date.now(),
  };
  const text = JSON.stringify(marker);
  try {
    globalThis.localStorage?.setItem(KEY, text);
    await (await caches.open(CACHE)).put(ADDRESS, new Response(text));
  } catch {
    // storage is full, or the window is private: the marker is optional
  }
}

/**
 * What the phone had before its database was deleted; null on a new phone. The newer of both
 * places: browsers write localStorage to disk seconds later, and may be killed before.
 * @returns {Promise<LossMarker | null>}
 */
export async function readLossMarker() {
  try {
    const texts = [globalThis.localStorage?.getItem(KEY), await readFromCache()];
    /** @type {LossMarker[]} */
    const markers = texts.filter((text) => text).map((text) => JSON.parse(text ?? ""));
    return markers.sort((a, b) => b.written - a.written)[0] ?? null;
  } catch {
    return null;
  }
}

async function readFromCache() {
  const response = await (await caches.open(CACHE)).match(ADDRESS);
  return response?.text();
}
