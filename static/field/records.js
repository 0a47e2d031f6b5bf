// What the phone knows: the server's records, with what waits in the outbox laid over.

import kinds from "../kinds.js";
import * as clock from "./clock.js";
import { database, recallAll, within } from "./database.js";
import { shortCode } from "./ids.js";
import * as outbox from "./outbox.js";

/** @typedef {Record<string, any>} Row */

const EVER = "9999-12-31T00:00:00.000Z";
const KEEP_HOURS = 72;
const SOON = 60;

/**
 * Rows by type, as far back as a page needs them, in the order of (`until`, id).
 * @param {Record<string, {hours: number | null, begun: boolean, next?: boolean}>} needs hours back that `until` may
 *   lie (null: all), whether only what has begun is wanted, and whether the few that begin next are too
 * @param {string} now
 * @returns {Promise<Record<string, Row[]>>}
 */
export async function load(needs, now) {
  if (!Object.keys(needs).length) return {};
  const [laid, signed] = await Promise.all([outbox.laid(), signature()]);
  /** @type {Record<string, Row[]>} */
  const found = {};
  for (const [type, { hours, begun, next }] of Object.entries(needs)) {
    const since = hours === null ? "" : hoursBefore(now, hours);
    const index = begun ? "opens" : "until";
    const range = IDBKeyRange.bound([type, begun ? "" : since], [type, begun ? now : "\uffff"]);
    const rows = await (await database()).getAllFromIndex("records", index, range);
    if (next) rows.push(...(await soonest(type, now)));
    const wanted = rows.filter((/** @type {Row} */ row) => row.until >= since).sort(inOrder);
    found[type] = overlaid(type, wanted, laid, signed);
  }
  return found;
}

/** The few that begin next, and no more: a month may be planned. @param {string} type @param {string} now */
async function soonest(type, now) {
  const range = IDBKeyRange.bound([type, now], [type, "\uffff"], true);
  return (await database()).getAllFromIndex("records", "opens", range, SOON);
}

/** What is older is long past. */
const horizon = async () => hoursBefore((await clock.now()).toISOString(), KEEP_HOURS);

/** @param {string} now @param {number} hours */
const hoursBefore = (now, hours) => new Date(Date.parse(now) - hours * 3_600_000).toISOString();

/** One record as it shows now. @param {string} type @param {string} id @returns {Promise<Row | undefined>} */
export async function one(type, id) {
  const [row, laid, signed] = await Promise.all([stored(type, id), outbox.laidOn(id), signature()]);
  return overlaid(type, row ? [row] : [], laid, signed).find((/** @type {Row} */ r) => r.id === id);
}

/** One record as the server last told it. @param {string} type @param {string} id */
export async function stored(type, id) {
  const row = await (await database()).get("records", [type, id]);
  return row?.until === undefined ? undefined : row; // of what is long past, only the version is kept
}

/** What an op is shown with: who is called what, and how far its time is ahead. */
async function signature() {
  const [people, ahead] = await Promise.all([told("person"), clock.ahead()]);
  return { names: new Map(people.map((row) => [row.id, row.name])), ahead };
}

/** @typedef {{names: Map<string, string>, ahead: number}} Signature */

/** @param {string} type @param {Row[]} rows @param {outbox.Kept[]} laid @param {Signature} signed */
function overlaid(type, rows, laid, signed) {
  const mine = laid.filter(({ op }) => (kinds[op.kind].type ?? type) === type);
  if (!mine.length) return rows;
  const by = new Map(rows.map((row) => [row.id, row]));
  for (const kept of mine) {
    const under = by.get(kept.subject) ?? (kinds[kept.op.kind].creates ? blank(type, kept.subject) : undefined);
    if (under) by.set(kept.subject, lay(under, kept, signed));
  }
  return [...by.values()].sort(inOrder);
}

/** @param {Row} a @param {Row} b */
const inOrder = (a, b) => compare(a.until, b.until) || compare(a.id, b.id);

/** @param {string} type @param {string} id @returns {Row} */
const blank = (type, id) => ({ type, id, version: null, opens: "", until: EVER, photos: [], photos_here: 0 });

/** @param {string} a @param {string} b */
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Lays one op over a record: fields have the same names, so no feature is known here.
 * @param {Row} row @param {outbox.Kept} kept @param {Signature} signed
 */
function lay(row, { op, state }, { names, ahead }) {
  const { shows, flat } = kinds[op.kind];
  const told = Object.fromEntries(Object.entries(op.payload).map(([name, value]) => [`$${name}`, value]));
  const signs = { ...told, $at: new Date(Date.parse(op.at) - ahead).toISOString(), $by: op.by, $by_name: names.get(op.by) ?? null };
  /** @type {Row} */
  const over = { ...row, ...(flat ? op.payload : {}) };
  for (const [name, value] of Object.entries(shows)) put(over, name, shown(value, signs, op.subject), signs);
  const photos = [...(row.photos ?? []), ...(op.payload.photos ?? []), ...(op.payload.sha256 ? [op.payload.sha256] : [])];
  const pending = state === "unsent" || row.pending === true;
  return { ...over, photos: [...new Set(photos)], pending };
}

/**
 * Sets a field of a copy: `scans.$point` reaches inside, `confirmed+` adds to a list, `confirmed-` takes the last away.
 * @param {Row} row @param {string} name @param {any} value @param {Record<string, any>} signs
 */
function put(row, name, value, signs) {
  const [first, ...rest] = name.replace(/[+-]$/, "").split(".").map((step) => String(signs[step] ?? step));
  const [how] = /[+-]$/.exec(name) ?? [""];
  if (rest.length) {
    row[first] = { ...row[first] };
    put(row[first], rest.join(".") + how, value, {});
  } else if (how === "-") row[first] = (row[first] ?? []).slice(0, -1);
  else row[first] = how === "+" ? [...(row[first] ?? []), value] : value;
}

/** @param {any} value @param {Record<string, any>} signs @param {string} subject @returns {any} */
function shown(value, signs, subject) {
  if (Array.isArray(value)) return value.map((inner) => shown(inner, signs, subject));
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shown(inner, signs, subject)]));
  if (typeof value !== "string") return value;
  if (value.startsWith("$") && value !== "$code") return signs[value] ?? null;
  return value.replace("$code", () => shortCode(subject));
}

/** Every row of a type as the server last told it: for what phones never change. @param {string} type @returns {Promise<Row[]>} */
export async function told(type) {
  return (await database()).getAllFromIndex("records", "until", IDBKeyRange.bound([type, ""], [type, "\uffff"]));
}

/**
 * A page of the feed: records and cursor in one transaction, or the list flickers. After a reset the
 * rows are marked by round, and what the round did not bring is swept away at its end.
 * @param {{changes: any[], cursor: string, more: boolean, head: number, reset?: string}} page
 */
export async function take(page) {
  const [round] = await recallAll(["round"]);
  const oldest = await horizon();
  const now = page.reset ? { id: crypto.randomUUID() } : round;
  const tx = (await database()).transaction(["records", "meta", "ops", "photos"], "readwrite", { durability: "relaxed" });
  const records = tx.objectStore("records");
  for (const { type, id, version, deleted, record } of page.changes) {
    const mark = { type, id, version, ...(now ? { round: now.id } : {}) };
    if (deleted) await letGo(tx, type, id);
    else records.put(record.until < oldest ? mark : { ...record, ...mark });
  }
  const meta = tx.objectStore("meta");
  meta.put(page.cursor, "cursor");
  if (page.reset) meta.delete("digest");
  if (page.more && now) meta.put(now, "round");
  if (!page.more) {
    meta.put(page.head, "head");
    meta.delete("round");
    if (now) await sweep(records, now.id);
    if (page.reset && !page.changes.length) for (const name of ["people", "me"]) meta.delete(name); // cut off
    await lift(tx.objectStore("ops"), page.head);
  }
  await tx.done;
}

/**
 * What the server has let go of leaves the phone as well: the record, what was answered of it, its photos.
 * @param {any} tx @param {string} type @param {string} id
 */
async function letGo(tx, type, id) {
  tx.objectStore("records").delete([type, id]);
  const ops = tx.objectStore("ops");
  for (const row of await ops.index("subject").getAll(id)) {
    if (row.state !== "answered") continue; // nothing leaves the outbox before its verdict
    for (const name of outbox.named(row.op.payload)) tx.objectStore("photos").delete(name);
    ops.delete(row.id);
  }
}

/** Of what is long past only type, id and version stay: pages do not show it, and the phone is small. */
export async function thin() {
  const oldest = await horizon();
  const tx = (await database()).transaction("records", "readwrite", { durability: "relaxed" });
  for (let at = await tx.store.index("until").openKeyCursor(); at; at = await at.continue()) {
    if (/** @type {any} */ (at.key)[1] >= oldest) continue;
    const { type, id, version, round } = await tx.store.get(at.primaryKey);
    tx.store.put({ type, id, version, ...(round ? { round } : {}) });
  }
  await tx.done;
}

const AT_ONCE = 1000;

/** The sum, modulo 2**64, of 64 bits for each (type, id, version) held here: the server's digest of the same. */
export async function digest() {
  const rows = await (await database()).getAll("records");
  let sum = 0n;
  for (let start = 0; start < rows.length; start += AT_ONCE)
    for (const bits of await Promise.all(rows.slice(start, start + AT_ONCE).map(fingerprint))) sum += bits;
  return BigInt.asUintN(64, sum).toString(16).padStart(16, "0");
}

/** @param {Row} row */
async function fingerprint({ type, id, version }) {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${type}\n${id}\n${version}`));
  return new DataView(hash).getBigUint64(0);
}

/** @param {any} records @param {string} round */
async function sweep(records, round) {
  for (let cursor = await records.openCursor(); cursor; cursor = await cursor.continue())
    if (cursor.value.round !== round) cursor.delete();
}

/** Ops whose effect the records now hold lie over them no longer. @param {any} ops @param {number} head */
async function lift(ops, head) {
  for (const row of await ops.index("over").getAll(within(1, "answered"))) {
    if ((row.verdict.seq ?? 0) > head) continue;
    const { laid, ...rest } = row;
    ops.put(rest);
  }
}
