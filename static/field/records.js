// Reads the server's records from the phone's database, with the ops of the outbox overlaid.

import * as clock from "./clock.js";
import { database } from "./database.js";
import * as outbox from "./outbox.js";
import { byPeriod, overlayOps } from "./overlay.js";

/** @import { RecordRow } from "../types/storage.js" */
/** @import { Authors } from "./overlay.js" */
/** @import { Need } from "../templates.js" */

const NEXT_LIMIT = 60;
const LAST = "\uffff"; // sorts after every key

/**
 * The records that a page shows, by type, in the order of (`until`, id).
 * @param {Record<string, Need>} needs by type
 * @param {string} now ISO 8601
 * @returns {Promise<Record<string, RecordRow[]>>}
 */
export async function loadRecords(needs, now) {
  if (!Object.keys(needs).length) return {};
  const [ops, authors] = await Promise.all([outbox.overlaidOps(), loadAuthors()]);
  /** @type {Record<string, RecordRow[]>} */
  const found = {};
  for (const [type, { hours, begun, next }] of Object.entries(needs)) {
    const since = hours === null ? "" : hoursBefore(now, hours);
    const index = begun ? "opens" : "until";
    const range = IDBKeyRange.bound([type, begun ? "" : since], [type, begun ? now : LAST]);
    const rows = await (await database()).getAllFromIndex("records", index, range);
    if (next) rows.push(...(await nextToBegin(type, now)));
    const wanted = rows.filter((row) => row.until >= since).sort(byPeriod);
    found[type] = overlayOps(type, wanted, ops, authors);
  }
  return found;
}

/**
 * The first few that begin after now: there may be a whole month of them.
 * @param {string} type
 * @param {string} now
 */
async function nextToBegin(type, now) {
  const range = IDBKeyRange.bound([type, now], [type, LAST], true);
  return (await database()).getAllFromIndex("records", "opens", range, NEXT_LIMIT);
}

/** @param {string} now @param {number} hours */
export const hoursBefore = (now, hours) =>
  new Date(Date.parse(now) - hours * 3_600_000).toISOString();

/**
 * One record with its ops overlaid.
 * @param {string} type
 * @param {string} id
 * @returns {Promise<RecordRow | undefined>}
 */
export async function findRecord(type, id) {
  const [row, ops, authors] = await Promise.all([
    findServerRecord(type, id),
    outbox.overlaidOpsOf(id),
    loadAuthors(),
  ]);
  return overlayOps(type, row ? [row] : [], ops, authors).find((each) => each.id === id);
}

/**
 * One record as last pulled; undefined also for one past the horizon.
 * @param {string} type
 * @param {string} id
 * @returns {Promise<RecordRow | undefined>}
 */
export async function findServerRecord(type, id) {
  const row = await (await database()).get("records", [type, id]);
  return row?.until === undefined ? undefined : row;
}

/**
 * All records of a type as last pulled, without the outbox: for types that phones do not change.
 * @param {string} type
 */
export async function allOf(type) {
  return (await database()).getAllFromIndex(
    "records",
    "until",
    IDBKeyRange.bound([type, ""], [type, LAST]),
  );
}

/** @returns {Promise<Authors>} */
async function loadAuthors() {
  const [people, clockAhead] = await Promise.all([allOf("person"), clock.clockAhead()]);
  return { names: new Map(people.map((row) => [row.id, row.name])), clockAhead };
}
