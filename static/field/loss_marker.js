// What the phone last knew of itself, kept beside its database: what wipes one does not always wipe the other.

import { recallAll } from "./database.js";
import * as outbox from "./outbox.js";
import * as photos from "./photos.js";

const NAME = "lodge-trace";
const PLACE = "/field/trace";

/**
 * @typedef {{sent: number, unsent: number, photos: number, at: string | null}} Trace
 */

/** Says where this phone stands, in two places; a worker can write in one of them. */
export async function leave() {
  const [device, tail, link] = await recallAll(["device", "tail", "link"]);
  if (!device || !tail) return;
  const [unsent, shots] = await Promise.all([outbox.count(), photos.count()]);
  const text = JSON.stringify({ sent: tail.n - unsent, unsent, photos: shots, at: link?.sent_at ?? null });
  try {
    globalThis.localStorage?.setItem(NAME, text);
    await (await kept()).put(PLACE, new Response(text));
  } catch {
    // no room, or a private window: the database is what counts
  }
}

/** What was known before the database went; null on a phone that is new. @returns {Promise<Trace | null>} */
export async function find() {
  try {
    const text = globalThis.localStorage?.getItem(NAME) ?? (await (await (await kept()).match(PLACE))?.text());
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/** Not named like the caches of a version, which go with it. */
const kept = () => caches.open("trace");
