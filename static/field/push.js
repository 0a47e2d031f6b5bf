// Sends the outbox (/sync/SITE/push), batch by batch in the order of the chain, and stores the
// verdicts.

import { getMeta, getMetaAll, setMeta } from "./database.js";
import { saveLogHead } from "./heartbeat.js";
import { chainTail } from "./op_chain.js";
import { unsentOps } from "./outbox.js";
import { applyVerdicts } from "./outbox_updates.js";
import { PoisonIsolator } from "./poison_isolator.js";
import { request, SyncError } from "./sync_client.js";

/** @import { OutboxRow, PushResponse } from "../types/storage.js" */

const DEFAULT_LIMIT = 200; // ops per request, until the server has said how many it takes
const MOST_BYTES = 900_000;
const BYTES_PER_UNIT = 3; // the most that UTF-8 needs for a UTF-16 unit
const MOST_FAILURES = 3; // ops set aside in a row, then the server itself is at fault

const isolator = new PoisonIsolator();

/**
 * Sends until the outbox is empty.
 * @param {() => unknown} onProgress called after each batch
 * @returns {Promise<boolean>} whether anything was sent
 * @throws {SyncError}
 */
export async function pushOutbox(onProgress) {
  let limit = (await getMeta("limits"))?.ops ?? DEFAULT_LIMIT;
  let [sent, failures] = [false, 0];
  for (;;) {
    const batch = fitting(await isolator.nextBatch(unsentOps, limit));
    if (!batch.length && !(await getMeta("lost"))?.length) return sent;
    try {
      await pushBatch(batch);
      [sent, failures] = [true, 0];
      isolator.onSuccess();
      onProgress();
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      if (error.status === 413 && batch.length > 1) limit = Math.ceil(batch.length / 2);
      else if (error.status !== 413 && error.status < 500) throw error;
      else if (isolator.onFailure(batch) || ++failures >= MOST_FAILURES) throw error;
    }
  }
}

/**
 * Ends a sync in which ops were set aside as a failed one, so that they are soon tried again.
 * @throws {SyncError}
 */
export function releaseSetAside() {
  if (isolator.release()) throw new SyncError("busy", 503);
}

/**
 * The first rows that fit into one request: of one chain, and not too large together.
 * @param {OutboxRow[]} rows
 */
function fitting(rows) {
  let bytes = 0;
  const small = rows.filter(
    ({ op }) => (bytes += JSON.stringify(op).length * BYTES_PER_UNIT) < MOST_BYTES,
  );
  const batch = small.length ? small : rows.slice(0, 1);
  return batch.filter(({ lineage }) => lineage === batch[0].lineage);
}

/** @param {OutboxRow[]} rows none: only lost ops are reported @throws {SyncError} */
async function pushBatch(rows) {
  const [device, allLost = []] = await getMetaAll(["device", "lost"]);
  if (!device) return;
  const tail = await chainTail();
  const lineage = rows[0]?.lineage ?? tail.lineage;
  const lost = lineage === tail.lineage ? allLost : []; // places belong to the present chain
  const ops = rows.map(({ op }) => op);
  /** @type {PushResponse} */
  const answer = await request(`/sync/${device.site}/push`, {
    lineage,
    sent_at: new Date().toISOString(),
    lost,
    ops,
  });
  await saveLogHead(device.site, answer);
  if (!Array.isArray(answer.verdicts)) throw new SyncError("busy", 500);
  if (lost.length) {
    await setMeta("confessed", [...((await getMeta("confessed")) ?? []), ...lost]);
    await setMeta("lost", undefined);
  }
  if (!(await applyVerdicts(answer.verdicts, answer.epoch))) throw new SyncError("busy");
}
