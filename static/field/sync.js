// Synchronises with the server: when, how often, and what came of it. One sync at a time over all
// tabs and the worker.

import { fillReserve, getMeta, isQuotaError, isStorageFull, setMeta } from "./database.js";
import { deleteDiscarded } from "./drafts.js";
import { sayHello } from "./heartbeat.js";
import { writeLossMarker } from "./loss_marker.js";
import { deleteSent, uploadPhotos } from "./photos.js";
import { pullChanges } from "./pull.js";
import { pushOutbox, releaseSetAside } from "./push.js";
import { dropStaleRecords, noteContact } from "./stale_records.js";
import { SyncError } from "./sync_client.js";

/** @import { LinkStatus } from "../types/storage.js" */

// all in milliseconds
const AFTER_TAP = 700; // taps come in bursts
const WHILE_LOCKED = 5_000;
const IDLE = 60_000;
const FIRST_BACKOFF = 1_000;
const LONGEST_BACKOFF = 300_000;

let backoff = 0;
/** Whether a sync was asked for while one was running, which may have missed what was new. */
let askedMeanwhile = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {() => void} */
let notify = () => {};

/** @param {() => void} callback called whenever a sync may have changed something */
export function onSyncProgress(callback) {
  notify = callback;
}

/** @param {number} [delay] milliseconds; replaces a sync that was scheduled before */
export function scheduleSync(delay = AFTER_TAP) {
  clearTimeout(timer);
  timer = setTimeout(syncNow, delay);
}

/** After a tap: does not shorten the wait after a failed sync. */
export function scheduleSyncAfterTap() {
  askedMeanwhile = true;
  if (!backoff) scheduleSync();
}

/**
 * Sends and pulls, each whether or not the other succeeds, and schedules the next sync.
 * @returns {Promise<"done" | "failed" | null>} null: another tab or the worker is syncing
 */
export async function syncNow() {
  clearTimeout(timer);
  const result = await navigator.locks
    .request("lodge-exchange", { ifAvailable: true }, async (lock) => (lock ? sync() : null))
    .catch((error) => {
      logUnlessFull(error);
      return /** @type {const} */ ("failed"); // a read that fails does not end the schedule
    });
  if (result === null) {
    askedMeanwhile = true;
    scheduleSync(WHILE_LOCKED);
    return null;
  }
  backoff =
    result === "failed" ? Math.min(LONGEST_BACKOFF, Math.max(FIRST_BACKOFF, backoff * 2)) : 0;
  const next = askedMeanwhile ? AFTER_TAP : IDLE;
  scheduleSync(backoff ? backoff * (0.5 + Math.random()) : next);
  await writeLossMarker();
  notify();
  return result;
}

/** @returns {Promise<"done" | "failed" | null>} null: the phone is not enrolled */
async function sync() {
  askedMeanwhile = false;
  if (!(await getMeta("device"))) return null;
  let pushed = false;
  const onPushed = () => {
    pushed = true;
    notify();
  };
  const results = await Promise.allSettled([send(onPushed), pullChanges(notify)]);
  // what the server made of it may be newer than what was pulled meanwhile
  if (pushed) results.push(...(await Promise.allSettled([pullChanges(notify)])));
  const failed = results.find((result) => result.status === "rejected");
  await saveLinkStatus(failed ? failed.reason : null).catch(logUnlessFull);
  await dropStaleRecords().catch(logUnlessFull);
  if (!failed) await deleteDiscarded().catch(logUnlessFull);
  await freeStorage().catch(logUnlessFull);
  return failed ? "failed" : "done";
}

/** @param {() => void} onPushed called after each batch */
async function send(onPushed) {
  await sayHello();
  if (await pushOutbox(onPushed)) {
    await sayHello(); // only now can the server tell a gap from an op that is still to come
    await pushOutbox(onPushed);
  }
  await uploadPhotos();
  releaseSetAside();
}

/** Full storage is shown on the page and is no fault of the app. @param {unknown} error */
function logUnlessFull(error) {
  if (!isQuotaError(error)) console.error(error);
}

/**
 * Fills the reserve as soon as it fits; if storage is full, photos that the server has make way for
 * it.
 */
async function freeStorage() {
  if (isStorageFull()) await deleteSent();
  await fillReserve();
}

/** @param {unknown} error null: everything went well */
async function saveLinkStatus(error) {
  const state = linkState(error);
  if (error && state !== "full" && !(error instanceof SyncError)) console.error(error);
  if (state === "ok" || (error instanceof SyncError && error.status)) await noteContact();
  const sentAt = error === null ? { sent_at: new Date().toISOString() } : {};
  await setMeta("link", { ...(await getMeta("link")), ...sentAt, state });
}

/** @param {unknown} error @returns {LinkStatus["state"]} */
function linkState(error) {
  if (error === null) return "ok";
  if (error instanceof SyncError) return error.link;
  return isQuotaError(error) ? "full" : "busy";
}
