// The outbox: every op of this phone, in the order it was made. An op stays until the server has
// answered it.

import { appendToChain, buildOp, chainTail, newTail, withChainLock } from "./op_chain.js";
import { database, getMeta, keysStartingWith, writeTransaction } from "./database.js";

/** @import { ChainTail, Draft, OpContent, OutboxRow, Photo } from "../types/storage.js" */

const PORTION = 250; // rows per read: the page stays responsive while there are thousands

/** Another tab has appended to the chain since its tail was read. */
class ConcurrentWriteError extends Error {}

/**
 * Makes ops and stores them with their photos, all or none. Resolves when they are on disk.
 * @param {Draft[]} drafts
 * @param {string} author id of the person
 * @param {Photo[]} [photos]
 * @returns {Promise<OutboxRow[]>}
 */
export function appendOps(drafts, author, photos = []) {
  return withChainLock(async () => {
    const contents = await Promise.all(drafts.map((draft) => buildOp(draft, author)));
    for (;;) {
      try {
        return await store(contents, photos);
      } catch (error) {
        if (!(error instanceof ConcurrentWriteError)) throw error;
      }
    }
  });
}

/**
 * Writes ops, photos and the new tail in one transaction.
 * @param {OpContent[]} contents
 * @param {Photo[]} photos
 * @throws {ConcurrentWriteError} if the stored tail is not the one that the ops were linked to
 */
async function store(contents, photos) {
  const known = await getMeta("tail");
  const tail = { ...(known ?? newTail()) };
  /** @type {OutboxRow[]} */
  const rows = [];
  for (const content of contents) rows.push(await appendToChain(content, tail));
  const large = photos.length > 0;
  await writeTransaction(
    ["ops", "meta", "photos"],
    async (tx) => {
      /** @type {ChainTail | undefined} */
      const stored = await tx.objectStore("meta").get("tail");
      if (stored?.lineage !== known?.lineage || stored?.n !== known?.n)
        throw new ConcurrentWriteError();
      for (const row of rows) tx.objectStore("ops").put(row);
      for (const photo of photos) tx.objectStore("photos").put(photo);
      tx.objectStore("meta").put(tail, "tail");
    },
    large,
  );
  return rows;
}

/** Unsent ops, chain by chain, in the order of the chain. @param {number} [limit] */
export async function unsentOps(limit) {
  return (await database()).getAllFromIndex("ops", "turn", keysStartingWith("unsent"), limit);
}

/** @returns {Promise<number>} */
export async function countUnsent() {
  return (await database()).countFromIndex("ops", "state", "unsent");
}

/** Number of unsent ops by kind. @returns {Promise<Record<string, number>>} */
export async function countUnsentByKind() {
  const index = (await database()).transaction("ops").store.index("kind");
  /** @type {Record<string, number>} */
  const counts = {};
  let cursor = await index.openKeyCursor(keysStartingWith("unsent"), "nextunique");
  for (; cursor; cursor = await cursor.continue())
    counts[cursor.key[1]] = await index.count(cursor.key);
  return counts;
}

/**
 * The unsent op that was made first: ids sort by time.
 * @returns {Promise<OutboxRow | undefined>}
 */
export async function oldestUnsent() {
  const [row] = await (await database()).getAllFromIndex("ops", "state", "unsent", 1);
  return row;
}

/**
 * Ops that are overlaid on the records: those without a verdict, and those whose effect was not
 * pulled yet.
 */
export async function overlaidOps() {
  /** @type {OutboxRow[]} */
  const rows = [];
  for (let range = keysStartingWith(1); ;) {
    const portion = await (await database()).getAllFromIndex("ops", "over", range, PORTION);
    rows.push(...portion);
    if (portion.length < PORTION) return rows.sort(byTime);
    const last = portion[PORTION - 1];
    range = IDBKeyRange.bound([1, last.state, last.op.at, last.id], [1, []], true);
  }
}

/** Those of one record. @param {string} subject */
export async function overlaidOpsOf(subject) {
  const rows = await (await database()).getAllFromIndex("ops", "subject", subject);
  return rows.filter((row) => row.laid === 1).sort(byTime);
}

/** @param {OutboxRow} a @param {OutboxRow} b */
const byTime = (a, b) => (a.op.at < b.op.at ? -1 : 1);

/** Ops that were not accepted and that nobody has looked at yet. */
export async function opsToCheck() {
  return (await database()).getAllFromIndex("ops", "check", 1);
}

/** Notes that somebody has looked at why an op was not accepted. @param {string} id */
export async function markChecked(id) {
  await writeTransaction(["ops"], async (tx) => {
    const ops = tx.objectStore("ops");
    const row = await ops.get(id);
    if (!row) return;
    delete row.check;
    ops.put(row);
  });
}

/** The newest ops of the chain, answered or not, newest first. @param {number} limit */
export async function recentOps(limit) {
  const { lineage } = await chainTail();
  const range = IDBKeyRange.bound([lineage, 0], [lineage, Infinity]);
  const index = (await database()).transaction("ops").store.index("place");
  /** @type {OutboxRow[]} */
  const rows = [];
  let cursor = await index.openCursor(range, "prev");
  while (cursor && rows.length < limit) {
    rows.push(cursor.value);
    cursor = await cursor.continue();
  }
  return rows;
}

/**
 * Hashes of the photos that a payload names.
 * @param {Record<string, any>} payload
 * @returns {string[]}
 */
export function photosNamedIn({ photos = [], shots = {}, sha256 }) {
  return [...photos, ...Object.values(shots).flat(), ...(sha256 ? [sha256] : [])];
}
