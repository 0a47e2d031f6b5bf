// How much storage the app uses, against a limit of our own: browsers promise more than a cheap
// phone can store.

import { isStorageFull } from "./database.js";

const LIMIT = 300 * 1024 * 1024;
const MEASURE_EVERY = 60_000; // ms

let measuredAt = -Infinity;
let latest = { usage: 0, quota: LIMIT, persisted: false };

/**
 * Asks the browser, which takes its time. Once a write has failed for lack of space, the quota is
 * what is used.
 * @returns {Promise<{usage: number, quota: number, persisted: boolean}>} in bytes
 */
export async function measureStorage() {
  const [{ usage = 0, quota = LIMIT } = {}, persisted = false] = await Promise.all([
    navigator.storage?.estimate?.(),
    navigator.storage?.persisted?.(),
  ]);
  measuredAt = performance.now();
  const available = isStorageFull() ? usage : Math.min(quota, LIMIT);
  latest = { usage: Math.round(usage), quota: Math.round(available), persisted };
  return latest;
}

/** Usage in per cent, at most a minute old, so that a page does not wait for the browser. */
export async function storagePercent() {
  if (isStorageFull()) return 100;
  const fresh = performance.now() - measuredAt < MEASURE_EVERY;
  const { usage, quota } = fresh ? latest : await measureStorage();
  return Math.min(99, Math.floor((usage * 100) / (quota || LIMIT)));
}
