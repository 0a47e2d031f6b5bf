// How long a person has to wait after wrong PINs: longer each time, also after a reload.

import { BOOT_ID } from "./ids.js";
import { getMeta, setMeta } from "./database.js";

/** @import { PinTries } from "../types/storage.js" */

const FREE_TRIES = 2;
const FIRST_PAUSE = 30_000; // ms
const MOST_DOUBLINGS = 7;

/**
 * Milliseconds until the next try. Measured by the monotonic clock while the page lives; afterwards
 * by the phone's clock, and if that was set back, the whole pause begins anew.
 * @param {string} id of the person
 */
export async function pauseLeft(id) {
  const tries = await getMeta(`tries:${id}`);
  if (!tries?.pause) return 0; // an older version has stored no pause
  const passed = tries.boot === BOOT_ID ? performance.now() - tries.mono : Date.now() - tries.at;
  if (passed < 0) await setMeta(`tries:${id}`, begun(tries));
  return Math.ceil(Math.max(0, tries.pause - Math.max(0, passed)));
}

/**
 * Counts a try, before the PIN is checked: closing the page does not take it back.
 * @param {string} id of the person
 */
export async function countTry(id) {
  const wrong = ((await getMeta(`tries:${id}`))?.wrong ?? 0) + 1;
  const doublings = Math.min(wrong - FREE_TRIES - 1, MOST_DOUBLINGS);
  const pause = doublings < 0 ? 0 : FIRST_PAUSE * 2 ** doublings;
  await setMeta(`tries:${id}`, begun({ wrong, pause }));
}

/** @param {Pick<PinTries, "wrong" | "pause">} tries @returns {PinTries} */
const begun = ({ wrong, pause }) => ({
  wrong,
  pause,
  at: Date.now(),
  mono: performance.now(),
  boot: BOOT_ID,
});

/** Takes back what `countTry` has counted. @param {string} id @param {PinTries} [before] */
export const restoreTries = (id, before) => setMeta(`tries:${id}`, before);
