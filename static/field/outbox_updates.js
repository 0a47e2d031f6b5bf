// What the server's answers change in the outbox: verdicts, forks, gaps, restores, and deleting
// what is old.

import * as clock from "./clock.js";
import { appendToChain, chainTail, newTail, withChainLock } from "./op_chain.js";
import { writeTransaction } from "./database.js";
import { photosNamedIn, unsentOps } from "./outbox.js";

/** @import { OutboxRow, Verdict } from "../types/storage.js" */

const KEEP_DAYS = 30;
const DAY = 86_400_000;
const CLOCK_DIFFERENCE = DAY; // by how much a phone's clock and the backup's may differ
const GAP_LIMIT = 1000; // places per request
const NOT_ACCEPTED = new Set(["refused", "quarantined", "held"]);

/** Whether the server did not accept an op. @param {OutboxRow} row */
export const wasRefused = ({ verdict }) => NOT_ACCEPTED.has(verdict?.status ?? "");

/**
 * Stores verdicts, unless the server was restored since the ops were sent. A fork begins a new
 * chain.
 * @param {Verdict[]} verdicts
 * @param {string} epoch the epoch of the server that answered
 * @returns {Promise<boolean>} whether they were stored
 */
export async function applyVerdicts(verdicts, epoch) {
  const answeredAt = (await clock.now()).toISOString();
  const current = await writeTransaction(["ops", "meta"], async (tx) => {
    const [ops, known] = [tx.objectStore("ops"), await tx.objectStore("meta").get("epoch")];
    if (known && known !== epoch) return false; // the restored server has not judged these ops
    for (const verdict of verdicts) {
      const row = await ops.get(verdict.id);
      if (row && verdict.status !== "fork") ops.put(withVerdict(row, verdict, answeredAt));
    }
    return true;
  });
  if (current && verdicts.some(({ status }) => status === "fork")) await moveToNewChain();
  return current;
}

/** @param {OutboxRow} row @param {Verdict} verdict @param {string} answeredAt @returns {OutboxRow} */
function withVerdict(row, verdict, answeredAt) {
  const { laid: _laid, check: _check, ...rest } = row;
  if (verdict.status === "deferred") return { ...rest, state: "deferred", verdict, laid: 1 };
  const overlaid = verdict.seq !== undefined || verdict.status === "waiting";
  return {
    ...rest,
    ...(overlaid ? { laid: 1 } : {}),
    ...(NOT_ACCEPTED.has(verdict.status) ? { check: 1 } : {}),
    state: "answered",
    verdict,
    answered_at: answeredAt,
  };
}

/** After a fork: links all unsent ops, in the same order, into a new chain. */
function moveToNewChain() {
  return withChainLock(async () => {
    const tail = newTail();
    /** @type {OutboxRow[]} */
    const rows = [];
    for (const row of await unsentOps()) {
      const { n: _n, prev: _prev, hash: _hash, ...content } = row.op;
      const { token, form, credential } = row;
      rows.push({ ...(await appendToChain(content, tail)), token, form, credential });
    }
    await writeTransaction(["ops", "meta"], (tx) => {
      const meta = tx.objectStore("meta");
      for (const row of rows) tx.objectStore("ops").put(row);
      meta.put(tail, "tail");
      for (const key of ["confessed", "lost"]) meta.delete(key);
    });
  });
}

/**
 * Compares the server's epoch with the stored one. If it changed, the server was restored from a
 * backup: every op and photo that is still here becomes unsent. One transaction, so that no verdict
 * of the old epoch comes in between.
 * @param {string} epoch
 */
export function onEpoch(epoch) {
  return writeTransaction(["ops", "photos", "meta"], async (tx) => {
    const meta = tx.objectStore("meta");
    const known = await meta.get("epoch");
    if (known !== epoch) meta.put(epoch, "epoch");
    if (!known || known === epoch) return;
    // the restored server does not know of losses either
    for (const key of ["confessed", "lost"]) meta.delete(key);
    let cursor = await tx.objectStore("ops").openCursor();
    for (; cursor; cursor = await cursor.continue()) {
      if (cursor.value.state !== "unsent")
        cursor.update({ ...cursor.value, state: "unsent", laid: 1 });
    }
    const photos = tx.objectStore("photos");
    for (const photo of await photos.index("state").getAll("sent"))
      photos.put({ ...photo, state: "unsent" });
  });
}

/**
 * Makes the ops in the gaps that the server sees in this phone's chain unsent again, where they are
 * still here.
 * @param {[number, number][]} gaps first and last place of each
 * @returns {Promise<number[]>} the places whose ops are lost, at most 1000
 */
export async function answerGaps(gaps) {
  const { lineage } = await chainTail();
  return writeTransaction(["ops"], async (tx) => {
    const ops = tx.objectStore("ops");
    const lost = [];
    for (const n of gaps.flatMap(placesInGap)) {
      const row = await ops.index("place").get([lineage, n]);
      // a damaged op would arrive damaged again
      const damaged = row?.state === "answered" && row.verdict?.code === "hash-mismatch";
      if (!row || damaged) lost.push(n);
      else if (row.state !== "unsent") ops.put({ ...row, state: "unsent", laid: 1 });
    }
    return lost.slice(0, GAP_LIMIT);
  });
}

/** @param {[number, number]} gap */
function placesInGap([first, last]) {
  return Array.from({ length: Math.min(last - first + 1, GAP_LIMIT) }, (_, i) => first + i);
}

/**
 * Makes ops that were too new for the server unsent again, once it accepts their version.
 * @param {Record<string, number[]>} accepts versions by kind
 */
export function resendDeferred(accepts) {
  return writeTransaction(["ops"], async (tx) => {
    const ops = tx.objectStore("ops");
    for (const row of await ops.index("state").getAll("deferred"))
      if (accepts[row.op.kind]?.includes(row.op.v)) ops.put({ ...row, state: "unsent" });
  });
}

/**
 * Deletes answered ops and their sent photos after a month, if a backup of the server has them:
 * until then the phone must be able to send them again.
 * @param {string | null | undefined} watermark until when everything that reached the server is in
 *   a backup
 */
export async function pruneOutbox(watermark) {
  const now = await clock.now(); // a phone's clock may be set to next year
  const month = new Date(now.getTime() - KEEP_DAYS * DAY).toISOString();
  const backedUp = watermark
    ? new Date(Date.parse(watermark) - CLOCK_DIFFERENCE).toISOString()
    : "";
  const before = backedUp < month ? backedUp : month;
  return writeTransaction(["ops", "photos"], async (tx) => {
    const [ops, photos] = [tx.objectStore("ops"), tx.objectStore("photos")];
    let cursor = await ops.index("state").openCursor("answered");
    for (; cursor; cursor = await cursor.continue()) {
      const { answered_at = "", check, op } = cursor.value;
      if (answered_at >= before || check) continue;
      for (const name of photosNamedIn(op.payload))
        if ((await photos.get(name))?.state === "sent") photos.delete(name);
      cursor.delete();
    }
  });
}
