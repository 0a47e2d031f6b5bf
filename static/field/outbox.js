// The outbox: ops in the order of the taps, chained. Nothing leaves before the server's own word.

import kinds from "../kinds.js";
import { database, recall, remember, within, write } from "./database.js";
import { uuid7 } from "./ids.js";

/**
 * @typedef {{kind: string, subject: string, payload: Record<string, any>, base: number | null}} Draft
 * @typedef {{id: string, status: string, code?: string, text?: string, seq?: number, version?: number}} Verdict
 * @typedef {{id: string, lineage: string, n: number, subject: string, state: string, laid?: 1, check?: 1,
 *   op: Record<string, any>, verdict?: Verdict, answered_at?: string}} Kept
 * @typedef {{lineage: string, n: number, hash: string | null}} Tail
 */

const BOOT = crypto.randomUUID();
const KEEP_DAYS = 30;
const PORTION = 250;
const CLOCKS_DIFFER = 86_400_000;
const ID_NUMBER = /(?<![0-9])[0-9]{6}[ -]?[0-9]{8}[ -]?[0-9]{3}[0-9Xx](?![0-9])/g;
const DIGEST = /^[0-9a-f]{64}$/;

/** One writer at a time, in whatever tab or worker. @template T @param {() => Promise<T>} work */
const alone = (work) => navigator.locks.request("lodge-outbox", work);

/** Somebody who has no lock was faster. */
class Outrun extends Error {}

/**
 * Makes ops of what a person did and keeps them, all or none. Resolves when they are safe.
 * @param {Draft[]} drafts @param {string} by @param {any[]} [photos] rows for the photo store
 * @returns {Promise<Kept[]>}
 */
export function put(drafts, by, photos = []) {
  return alone(async () => {
    const said = await Promise.all(drafts.map((draft) => made(draft, by)));
    for (;;) {
      try {
        return await keep(said, photos);
      } catch (error) {
        if (!(error instanceof Outrun)) throw error;
      }
    }
  });
}

/** Ops, photos and the end of the chain in one transaction, which looks once more at where the chain ended. @param {Record<string, any>[]} said @param {any[]} photos */
async function keep(said, photos) {
  const known = await recall("tail");
  /** @type {Tail} */
  const tail = { ...(known ?? freshTail()) };
  /** @type {Kept[]} */
  const kept = [];
  for (const one of said) kept.push(await link(one, tail));
  await write(["ops", "meta", "photos"], async (tx) => {
    const now = await tx.objectStore("meta").get("tail");
    if (now?.lineage !== known?.lineage || now?.n !== known?.n) throw new Outrun();
    for (const row of kept) tx.objectStore("ops").put(row);
    for (const row of photos) tx.objectStore("photos").put(row);
    tx.objectStore("meta").put(tail, "tail");
  }, photos.length > 0);
  return kept;
}

/** @param {Draft} draft @param {string} by */
async function made(draft, by) {
  const { kind, subject, payload, base } = draft;
  return {
    id: uuid7(),
    kind,
    v: kinds[kind].v,
    subject,
    base,
    after: await creator(subject),
    by,
    at: localTime(new Date()),
    mono: Math.round(performance.now()),
    boot: BOOT,
    payload: masked(payload),
  };
}

/** The op that makes a record which the server does not know yet. @param {string} subject */
async function creator(subject) {
  const rows = await (await database()).getAllFromIndex("ops", "subject", subject);
  const open = (/** @type {Kept} */ r) => r.state !== "answered" || r.verdict?.status === "waiting";
  const row = rows.find((/** @type {Kept} */ r) => kinds[r.op.kind].creates && open(r));
  return row ? row.id : null;
}

/** Gives an op its place; the tail moves on. @param {Record<string, any>} said @param {Tail} tail */
async function link(said, tail) {
  const op = { ...said, n: tail.n + 1, prev: tail.hash };
  const hash = await hashOf(op);
  tail.n = op.n;
  tail.hash = hash;
  /** @type {Kept} */
  const row = {
    id: op.id,
    lineage: tail.lineage,
    n: op.n,
    subject: op.subject,
    state: "unsent",
    laid: 1,
    op: { ...op, hash },
  };
  return row;
}

/** @returns {Tail} */
const freshTail = () => ({ lineage: crypto.randomUUID(), n: 0, hash: null });

/** The chain that this phone adds to. @returns {Promise<Tail>} */
export async function lineage() {
  return (await recall("tail")) ?? alone(async () => {
    const tail = (await recall("tail")) ?? freshTail();
    await remember("tail", tail);
    return tail;
  });
}

/** Unanswered ops, chain by chain, in the order of the chain. @param {number} [most] @returns {Promise<Kept[]>} */
export async function unsent(most) {
  return (await database()).getAllFromIndex("ops", "turn", within("unsent"), most);
}

/** How many of each kind wait, without reading them. @returns {Promise<Record<string, number>>} */
export async function tally() {
  const index = (await database()).transaction("ops").store.index("kind");
  /** @type {Record<string, number>} */
  const counts = {};
  for (let at = await index.openKeyCursor(within("unsent"), "nextunique"); at; at = await at.continue())
    counts[at.key[1]] = await index.count(at.key);
  return counts;
}

/**
 * Ops that show on the records: unanswered, or answered and not yet pulled. Read in portions: a finger does not wait
 * for thousands. @returns {Promise<Kept[]>}
 */
export async function laid() {
  const rows = [];
  for (let range = within(1); ; ) {
    const some = await (await database()).getAllFromIndex("ops", "over", range, PORTION);
    rows.push(...some);
    if (some.length < PORTION) return rows.sort(inTime);
    const last = some[PORTION - 1];
    range = IDBKeyRange.bound([1, last.state, last.op.at, last.id], [1, []], true);
  }
}

/** The same for one record. @param {string} subject @returns {Promise<Kept[]>} */
export async function laidOn(subject) {
  const rows = await (await database()).getAllFromIndex("ops", "subject", subject);
  return rows.filter((/** @type {Kept} */ row) => row.laid === 1).sort(inTime);
}

/** @param {Kept} a @param {Kept} b */
const inTime = (a, b) => (a.op.at < b.op.at ? -1 : 1);

/** The unanswered op that has waited longest: ids sort by time. @returns {Promise<Kept | undefined>} */
export async function oldest() {
  const [row] = await (await database()).getAllFromIndex("ops", "state", "unsent", 1);
  return row;
}

/** Ops that were not accepted, until a person has seen why. @returns {Promise<Kept[]>} */
export async function toCheck() {
  return (await database()).getAllFromIndex("ops", "check", 1);
}

/** @param {string} id */
export async function seen(id) {
  await write(["ops"], async (tx) => {
    const row = await tx.store.get(id);
    if (!row) return;
    delete row.check;
    tx.store.put(row);
  });
}

/** How many wait, without reading them. */
export async function count() {
  return (await database()).countFromIndex("ops", "state", "unsent");
}

/** The newest ops, answered or not. @param {number} most @returns {Promise<Kept[]>} */
export async function recent(most) {
  const { lineage: now } = await lineage();
  const range = IDBKeyRange.bound([now, 0], [now, Infinity]);
  let cursor = await (await database()).transaction("ops").store.index("place").openCursor(range, "prev");
  const rows = [];
  while (cursor && rows.length < most) {
    rows.push(cursor.value);
    cursor = await cursor.continue();
  }
  return rows;
}

const NOT_ACCEPTED = new Set(["refused", "quarantined", "held"]);

/**
 * Writes down what the server said of each op, unless it was restored since. Says whether it was written.
 * @param {Verdict[]} verdicts @param {string} epoch the life of the server that said so @returns {Promise<boolean>}
 */
export async function settle(verdicts, epoch) {
  const stands = await write(["ops", "meta"], async (tx) => {
    const [ops, known] = [tx.objectStore("ops"), await tx.objectStore("meta").get("epoch")];
    if (known && known !== epoch) return false; // restored since: what it said then is gone
    for (const verdict of verdicts) {
      const row = await ops.get(verdict.id);
      if (row && verdict.status !== "fork") ops.put(answered(row, verdict));
    }
    return true;
  });
  if (stands && verdicts.some(({ status }) => status === "fork")) await rechain();
  return stands;
}

/** @param {Kept} row @param {Verdict} verdict @returns {Kept} */
function answered(row, verdict) {
  const { laid: _, check: __, ...rest } = row;
  if (verdict.status === "deferred") return { ...rest, state: "deferred", verdict, laid: 1 };
  const stays = verdict.seq !== undefined || verdict.status === "waiting" ? { laid: /** @type {1} */ (1) } : {};
  const asks = NOT_ACCEPTED.has(verdict.status) ? { check: /** @type {1} */ (1) } : {};
  return { ...rest, ...stays, ...asks, state: "answered", verdict, answered_at: new Date().toISOString() };
}

/** After a fork: a new lineage, and all that is unanswered goes into it, in the same order. */
export function rechain() {
  return alone(async () => {
    const tail = freshTail();
    const again = [];
    for (const row of await unsent()) {
      const { n, prev, hash, ...said } = row.op;
      again.push(await link(said, tail));
    }
    await write(["ops", "meta"], (tx) => {
      for (const row of again) tx.objectStore("ops").put(row);
      tx.objectStore("meta").put(tail, "tail");
      for (const name of ["confessed", "lost"]) tx.objectStore("meta").delete(name);
    });
  });
}

/**
 * Which life the server is in. After a restore every op and every photo that is still here is offered anew: noticed and
 * done in one transaction, so that no verdict of the old life comes between. @param {string} epoch
 */
export function meet(epoch) {
  return write(["ops", "photos", "meta"], async (tx) => {
    const meta = tx.objectStore("meta");
    const known = await meta.get("epoch");
    if (known !== epoch) meta.put(epoch, "epoch");
    if (!known || known === epoch) return;
    for (const name of ["confessed", "lost"]) meta.delete(name); // it has not heard of that either
    for (let cursor = await tx.objectStore("ops").openCursor(); cursor; cursor = await cursor.continue()) {
      if (cursor.value.state !== "unsent") cursor.update({ ...cursor.value, state: "unsent", laid: 1 });
    }
    const photos = tx.objectStore("photos");
    for (const row of await photos.index("state").getAll("sent")) photos.put({ ...row, state: "unsent" });
  });
}

/**
 * Holes that the server sees in this phone's chain: what is still here is offered again, the rest is gone.
 * @param {number[][]} gaps @returns {Promise<number[]>} the places whose ops this phone has lost
 */
export async function missing(gaps) {
  const { lineage: now } = await lineage();
  return write(["ops"], async (tx) => {
    const gone = [];
    for (const n of gaps.flatMap(([a, b]) => Array.from({ length: Math.min(b - a + 1, 1000) }, (_, i) => a + i))) {
      const row = await tx.store.index("place").get([now, n]);
      const damaged = row?.state === "answered" && row.verdict?.code === "hash-mismatch"; // it would arrive so again
      if (!row || damaged) gone.push(n);
      else if (row.state !== "unsent") tx.store.put({ ...row, state: "unsent", laid: 1 });
    }
    return gone.slice(0, 1000);
  });
}

/** Ops too new for an older server are offered once more when it knows their kind. @param {Record<string, number[]>} accepts */
export function offerDeferred(accepts) {
  return write(["ops"], async (tx) => {
    for (const row of await tx.store.index("state").getAll("deferred"))
      if (accepts[row.op.kind]?.includes(row.op.v)) tx.store.put({ ...row, state: "unsent" });
  });
}

/**
 * Answered ops and their photos stay for a month, and until a backup of the server has them: it may have to be healed
 * by its phones.
 * @param {string | null | undefined} watermark until when everything that came in is in a backup
 */
export function letGo(watermark) {
  const month = new Date(Date.now() - KEEP_DAYS * 86_400_000).toISOString();
  const covered = watermark ? new Date(Date.parse(watermark) - CLOCKS_DIFFER).toISOString() : "";
  const before = covered < month ? covered : month;
  return write(["ops", "photos"], async (tx) => {
    const [ops, photos] = [tx.objectStore("ops"), tx.objectStore("photos")];
    for (let at = await ops.index("state").openCursor("answered"); at; at = await at.continue()) {
      const { answered_at, check, op } = at.value;
      if (answered_at >= before || check) continue;
      for (const name of named(op.payload)) if ((await photos.get(name))?.state === "sent") photos.delete(name);
      at.delete();
    }
  });
}

/** The photos that an op names. @param {Record<string, any>} payload @returns {string[]} */
export const named = ({ photos = [], shots = {}, sha256 }) =>
  [...photos, ...Object.values(shots).flat(), ...(sha256 ? [sha256] : [])];

/** An 18-digit identity number is never kept, wherever it was typed. @param {any} value @returns {any} */
export function masked(value) {
  if (typeof value === "string") return DIGEST.test(value) ? value : value.replace(ID_NUMBER, "*".repeat(18));
  if (Array.isArray(value)) return value.map(masked);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, masked(inner)]));
  return value;
}

/** JSON with keys in the order of their code points and no white space. @param {any} value @returns {string} */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort(byCodePoint);
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/** @param {string} a @param {string} b */
function byCodePoint(a, b) {
  const left = Array.from(a, (c) => Number(c.codePointAt(0)));
  const right = Array.from(b, (c) => Number(c.codePointAt(0)));
  const at = left.findIndex((point, i) => point !== right[i]);
  return at < 0 ? left.length - right.length : left[at] - (right[at] ?? -1);
}

/** @param {Record<string, any>} op without its hash */
async function hashOf(op) {
  const bytes = new TextEncoder().encode(canonical(op));
  return hex(await crypto.subtle.digest("SHA-256", bytes));
}

/** @param {ArrayBuffer} bytes */
export const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The phone's own time with its offset. @param {Date} moment */
export function localTime(moment) {
  const offset = -moment.getTimezoneOffset();
  const pad = (/** @type {number} */ n) => String(Math.trunc(Math.abs(n))).padStart(2, "0");
  const shifted = new Date(moment.getTime() + offset * 60_000).toISOString().slice(0, -1);
  return `${shifted}${offset < 0 ? "-" : "+"}${pad(offset / 60)}:${pad(offset % 60)}`;
}
