// The time by the server's clock, wherever the phone's own clock is far off.

import { getMeta, setMeta } from "./database.js";

const TOLERANCE = 300_000; // ms, as in sync/protocol/clock.py

/**
 * Milliseconds by which this phone's clock is ahead of the server's; 0 if it is within the
 * tolerance.
 */
export async function clockAhead() {
  return (await getMeta("ahead")) ?? 0;
}

/** The present time, corrected. */
export async function now() {
  return new Date(Date.now() - (await clockAhead()));
}

/**
 * Measures the difference of the clocks. The server answered after the request was sent and before
 * its answer arrived.
 * @param {number} requestedAt by this phone's clock, in ms
 * @param {string | null} date the Date header of the answer
 */
export async function measureClock(requestedAt, date) {
  const [serverTime, arrivedAt] = [date ? Date.parse(date) : requestedAt, Date.now()];
  let ahead = 0;
  if (requestedAt - serverTime > TOLERANCE) ahead = requestedAt - serverTime;
  else if (serverTime - arrivedAt > TOLERANCE) ahead = arrivedAt - serverTime;
  if (Math.abs(ahead - (await clockAhead())) > TOLERANCE) await setMeta("ahead", ahead);
}
