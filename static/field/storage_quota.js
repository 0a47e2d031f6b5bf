// How much room the phone has, by our own count: browsers promise more than a cheap phone can keep.

import { isFull } from "./database.js";

const OURS = 300 * 1024 * 1024;
const LOOK_EVERY = 60_000;

let looked = -Infinity;
let seen = { usage: 0, quota: OURS, persisted: false };

/** What is used of what there is; where nothing more fits, that is all. The browser takes its time to answer. */
export async function used() {
  const [{ usage = 0, quota = OURS } = {}, persisted = false] = await Promise.all([
    navigator.storage?.estimate?.(), navigator.storage?.persisted?.(),
  ]);
  looked = performance.now();
  seen = { usage: Math.round(usage), quota: Math.round(isFull() ? usage : Math.min(quota, OURS)), persisted };
  return seen;
}

/** Per cent, as heard within the last minute: a tap does not wait for it. */
export async function percent() {
  if (isFull()) return 100;
  const { usage, quota } = performance.now() - looked < LOOK_EVERY ? seen : await used();
  return Math.min(99, Math.floor((usage * 100) / (quota || OURS)));
}
