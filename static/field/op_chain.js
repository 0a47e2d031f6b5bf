// Builds ops and links them into the phone's hash chain: each carries its place and the hash of the
// one before.

import kinds from "../kinds.js";
import { canonicalJson, sha256 } from "./canonical_json.js";
import { database, getMeta, setMeta } from "./database.js";
import { BOOT_ID, uuid7 } from "./ids.js";

/** @import { ChainTail, OpContent, OpInput, OutboxRow } from "../types/storage.js" */
/** @import { SignedContent } from "../types/storage.js" */

const ID_NUMBER = /(?<![0-9])[0-9]{6}[ -]?[0-9]{8}[ -]?[0-9]{3}[0-9Xx](?![0-9])/g;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Runs work that changes the chain's tail; one at a time over all tabs and workers.
 * @template T
 * @param {() => Promise<T>} work
 */
export const withChainLock = (work) => navigator.locks.request("lodge-outbox", work);

/**
 * An op without its place in the chain.
 * @param {OpInput} input
 * @param {string} author id of the person
 * @returns {Promise<OpContent>}
 */
export async function buildOp({ kind, subject, payload, base }, author) {
  return {
    id: uuid7(),
    kind,
    v: kinds[kind].v,
    subject,
    base,
    after: await creatingOp(subject),
    by: author,
    at: localTime(new Date()),
    mono: Math.round(performance.now()),
    boot: BOOT_ID,
    payload: maskIdNumbers(payload),
  };
}

/**
 * Id of the op that creates the record, if the server does not have that yet; else null.
 * @param {string} subject
 */
async function creatingOp(subject) {
  const rows = await (await database()).getAllFromIndex("ops", "subject", subject);
  const pending = rows.filter(
    (row) => row.state !== "answered" || row.verdict?.status === "waiting",
  );
  return pending.find((row) => kinds[row.op.kind].creates)?.id ?? null;
}

/**
 * Gives an op the next place in the chain. Moves `tail` on. The hash leaves the signature out.
 * @param {SignedContent} content
 * @param {ChainTail} tail
 * @returns {Promise<OutboxRow>}
 */
export async function appendToChain({ sig, ...content }, tail) {
  const op = { ...content, n: tail.n + 1, prev: tail.hash };
  const hash = await sha256(canonicalJson(op));
  tail.n = op.n;
  tail.hash = hash;
  return {
    id: op.id,
    lineage: tail.lineage,
    n: op.n,
    subject: op.subject,
    state: "unsent",
    laid: 1,
    op: { ...op, hash, ...(sig ? { sig } : {}) },
  };
}

/** The tail of a new, empty chain. @returns {ChainTail} */
export const newTail = () => ({ lineage: crypto.randomUUID(), n: 0, hash: null });

/** The end of this phone's chain; begins a chain if there is none. @returns {Promise<ChainTail>} */
export async function chainTail() {
  return (await getMeta("tail")) ?? withChainLock(beginChain);
}

async function beginChain() {
  const tail = (await getMeta("tail")) ?? newTail();
  await setMeta("tail", tail);
  return tail;
}

/**
 * Replaces 18-digit identity numbers by asterisks: they are never stored, in whatever field they
 * were typed.
 * @param {any} value any JSON value
 * @returns {any}
 */
function maskIdNumbers(value) {
  if (typeof value === "string")
    return SHA256.test(value) ? value : value.replace(ID_NUMBER, "*".repeat(18));
  if (Array.isArray(value)) return value.map(maskIdNumbers);
  if (value && typeof value === "object")
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, maskIdNumbers(inner)]),
    );
  return value;
}

/** The phone's local time with its offset, ISO 8601. @param {Date} time */
function localTime(time) {
  const offset = -time.getTimezoneOffset();
  const twoDigits = (/** @type {number} */ n) => String(Math.trunc(Math.abs(n))).padStart(2, "0");
  const local = new Date(time.getTime() + offset * 60_000).toISOString().slice(0, -1);
  return `${local}${offset < 0 ? "-" : "+"}${twoDigits(offset / 60)}:${twoDigits(offset % 60)}`;
}
