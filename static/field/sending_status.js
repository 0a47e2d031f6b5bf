// What the status pill says: how many ops and photos wait to be sent, and why.

import { aboutOf } from "./form_content.js";
import * as outbox from "./outbox.js";
import * as photos from "./photos.js";

/** @import { LinkStatus } from "../types/storage.js" */

const HOUR = 3_600_000; // ms
const STALE_HOURS = 8;

/**
 * @param {LinkStatus} [link] what the last sync noted
 * @param {string} [me] id of the person who has unlocked the phone: others' ops that were not
 *   accepted are no business of theirs
 */
export async function sendingStatus(link = {}, me) {
  const [count, unsentPhotos, toCheck, oldest] = await Promise.all([
    outbox.countUnsent(),
    photos.countUnsent(),
    outbox.opsToCheck(me),
    outbox.oldestUnsent(),
  ]);
  const stale = oldest ? Math.floor((Date.now() - Date.parse(oldest.op.at)) / HOUR) : 0;
  const offline = !navigator.onLine || link.state === "offline";
  /** @type {[boolean, string][]} the first that holds is shown */
  const states = [
    [toCheck.length > 0, "check"],
    [stale >= STALE_HOURS, "stale"],
    [link.state === "signed-out", "signed_out"],
    [count > 0 && offline, "no_network"],
    [offline, "idle_offline"],
    [count > 0 && link.state === "busy", "busy"],
    [count > 0, "waiting"],
    [unsentPhotos > 0, "sending_photos"],
  ];
  const state = states.find(([holds]) => holds)?.[1] ?? "all_sent";
  return {
    state,
    count,
    photos: unsentPhotos,
    checks: toCheck.length,
    refused: toCheck[0]
      ? { kind: toCheck[0].op.kind, about: toCheck[0].form ? aboutOf(toCheck[0].form) : "" }
      : { kind: "", about: "" },
    stale, // hours since the oldest unsent op
    since: link.sent_at ?? null,
  };
}
