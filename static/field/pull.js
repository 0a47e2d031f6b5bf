// Fetches what is new (/sync/SITE/pull), page by page.

import { getMeta, getMetaAll, setMeta } from "./database.js";
import { onEpoch } from "./outbox_updates.js";
import * as feed from "./record_feed.js";
import { request } from "./sync_client.js";

/** @import { PullPage } from "../types/storage.js" */

const PAGE_LIMIT = 500; // changes

/**
 * @param {() => unknown} onProgress called after each page that changed something
 * @throws {import("./sync_client.js").SyncError}
 */
export async function pullChanges(onProgress) {
  for (;;) {
    const [device, cursor = null, digest] = await getMetaAll(["device", "cursor", "digest"]);
    if (!device) return;
    const body = { cursor, limit: PAGE_LIMIT, ...(digest ? { digest } : {}) };
    /** @type {PullPage} */
    const page = await request(`/sync/${device.site}/pull`, body);
    await onEpoch(page.epoch);
    if (page.changes.length || page.reset || cursor !== page.cursor) {
      await feed.applyPage(page);
      onProgress();
    }
    if (!page.more) return checkDigest(page.digest);
  }
}

/**
 * Once a day: compares the digests of what the server and this phone have. If they differ, the next
 * pull sends this phone's, and the server answers with a full pull.
 * @param {string} [serverDigest]
 */
async function checkDigest(serverDigest) {
  const today = new Date().toISOString().slice(0, 10);
  if (!serverDigest || (await getMeta("proved")) === today) return;
  const ours = await feed.digest();
  await setMeta("proved", today);
  if (ours !== serverDigest) await setMeta("digest", ours);
}
