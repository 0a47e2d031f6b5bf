// The outbox: every op of this phone, in the order it was made. An op stays until the server has
// answered it.

import { appendToChain, buildOp, chainTail, newTail, withChainLock } from "./op_chain.js";
import { database, getMetaAll, keysStartingWith, writeTransaction } from "./database.js";
import { openDraftPhotos } from "./draft_seals.js";
import { takeNumbers } from "./number_block.js";
import { signOp } from "./signing.js";

/** @import { ChainTail, FormContent, OpInput, OutboxRow } from "../types/storage.js" */
/** @import { OpContent, OpenKeys, Photo, Schema, SignedContent, StoreName } from "../types/storage.js" */
/** @import { IDBPObjectStore } from "idb" */

/** @typedef {IDBPObjectStore<Schema, StoreName[], "photos", "readwrite">} PhotoStore */

const PORTION = 250; // rows per read: the page stays responsive while there are thousands

/** Another tab has appended to the chain since its tail was read. */
class ConcurrentWriteError extends Error {}

/**
 * @typedef {object} SubmittedForm
 * @property {string} token of the drawn form
 * @property {FormContent} content
 */

/**
 * @typedef {object} Author
 * @property {string} id of the person
 * @property {OpenKeys} [keys] unless given, that it was this person is only claimed
 */

/**
 * Makes ops and stores them, all or none; the photos of the form's draft are to be sent from now
 * on, and the draft is gone. Resolves when they are on disk. A form that was submitted before makes
 * no ops: those that it has made are the result.
 * @param {OpInput[]} inputs
 * @param {Author} author
 * @param {SubmittedForm} form
 * @returns {Promise<OutboxRow[]>}
 */
export function appendOps(inputs, author, form) {
  return withChainLock(async () => {
    const contents = await Promise.all(inputs.map((input) => buildOp(input, author.id)));
    const photos = await openDraftPhotos(form.content.photos);
    for (;;) {
      try {
        return await store(contents, form, photos, author.keys);
      } catch (error) {
        if (!(error instanceof ConcurrentWriteError)) throw error;
      }
    }
  });
}

/** @param {OpContent} content @param {OpenKeys} [keys] @returns {Promise<SignedContent>} */
async function signed(content, keys) {
  return keys ? { ...content, sig: await signOp(content, keys) } : content;
}

/**
 * Numbers and signs ops, writes them with the photos and the new tail, and deletes the draft, in one
 * transaction.
 * @param {OpContent[]} contents
 * @param {SubmittedForm} form
 * @param {Map<string, Photo>} photos those of the draft, by SHA-256
 * @param {OpenKeys} [keys] of the author
 * @throws {ConcurrentWriteError} if the stored tail is not the one that the ops were linked to
 */
async function store(contents, { token, content }, photos, keys) {
  const [known, block = []] = await getMetaAll(["tail", "numbers"]);
  const tail = { ...(known ?? newTail()) };
  const { numbered, left } = takeNumbers(contents, block);
  /** @type {OutboxRow[]} */
  const rows = [];
  const more = { token, form: content, ...(keys ? { credential: keys.credential } : {}) };
  for (const each of numbered)
    rows.push({ ...(await appendToChain(await signed(each, keys), tail)), ...more });
  return writeTransaction(
    ["ops", "meta", "photos", "drafts"],
    async (tx) => {
      const taken = await tx.objectStore("ops").index("token").getAll(token);
      if (taken.length) return taken;
      /** @type {ChainTail | undefined} */
      const stored = await tx.objectStore("meta").get("tail");
      if (stored?.lineage !== known?.lineage || stored?.n !== known?.n)
        throw new ConcurrentWriteError();
      if (numbered.some((each, i) => each !== contents[i])) {
        const now = await tx.objectStore("meta").get("numbers");
        // a hello has replaced the block meanwhile
        if (JSON.stringify(now) !== JSON.stringify(block)) throw new ConcurrentWriteError();
        tx.objectStore("meta").put(left, "numbers");
      }
      for (const row of rows) tx.objectStore("ops").put(row);
      for (const photo of photos.values()) await markUnsent(tx.objectStore("photos"), photo);
      tx.objectStore("drafts").delete(token);
      tx.objectStore("meta").put(tail, "tail");
      return rows;
    },
    photos.size > 0,
  );
}

/**
 * A photo of a draft is to be sent. One that belongs to an op already stays as it is.
 * @param {PhotoStore} photos
 * @param {Photo} photo no longer sealed
 */
async function markUnsent(photos, photo) {
  const { state } = (await photos.get(photo.sha256)) ?? {};
  if (state === "draft") photos.put({ ...photo, state: "unsent" });
}

/** Whether a drawn form has made its ops. @param {string} token */
export async function isTaken(token) {
  return (await (await database()).countFromIndex("ops", "token", token)) > 0;
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

/**
 * Ops of this author that were not accepted and that nobody has looked at yet, oldest first.
 * @param {string | undefined} author id of the person
 */
export async function opsToCheck(author) {
  const rows = await (await database()).getAllFromIndex("ops", "check", 1);
  return rows.filter(({ op }) => op.by === author).sort(byTime);
}

/** @param {string} id @returns {Promise<OutboxRow | undefined>} */
export async function findOp(id) {
  return (await database()).get("ops", id);
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
