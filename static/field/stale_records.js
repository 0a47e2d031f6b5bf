// A phone that the server has not heard from for two weeks deletes its records; what is unsent and
// unfinished stays, and so do its people, who can unlock it all the same.
//
// The phone's clock alone proves nothing: it may be set to next year and back. So time counts as far
// as the phone has seen it pass: of a longer step between two looks at the clock only three days.

import * as clock from "./clock.js";
import { getMetaAll, setMeta, writeTransaction } from "./database.js";

const HOUR = 3_600_000; // ms
const DAY = 24 * HOUR;
const KEEP = 14 * DAY;
const LONGEST_STEP = 3 * DAY;

/** Notes that the server has answered. */
export async function noteContact() {
  const now = await clock.now();
  await writeTransaction(["meta"], (tx) => {
    tx.objectStore("meta").put(now.toISOString(), "contact");
    tx.objectStore("meta").put({ at: now.getTime(), doubtful: 0 }, "watched");
  });
}

/** Deletes the records if they are too old. The next pull begins from the start. */
export async function dropStaleRecords() {
  const [contact, link] = await getMetaAll(["contact", "link"]);
  const since = contact ?? link?.sent_at;
  if (!since || (await timePassed(Date.parse(since))) < KEEP) return;
  await writeTransaction(["records", "meta"], async (tx) => {
    const meta = tx.objectStore("meta");
    if (((await meta.get("contact")) ?? since) !== since) return; // the server has just answered
    tx.objectStore("records").clear();
    for (const key of ["cursor", "head", "round", "digest", "phones"]) meta.delete(key);
  });
}

/**
 * Milliseconds since a time, without what the clock alone says.
 * @param {number} since in ms
 */
async function timePassed(since) {
  const now = (await clock.now()).getTime();
  const [watched = { at: now, doubtful: 0 }] = await getMetaAll(["watched"]);
  const step = now - watched.at;
  const doubtful = watched.doubtful + step - Math.min(Math.max(step, 0), LONGEST_STEP);
  if (step < 0 || step > HOUR) await setMeta("watched", { at: now, doubtful });
  return now - since - doubtful;
}
