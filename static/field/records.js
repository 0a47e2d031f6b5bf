// Reads the server's records from the phone's database, with the ops of the outbox overlaid.

import * as clock from "./clock.js";
import { database } from "./database.js";
import * as outbox from "./outbox.js";
import { byPeriod, overlayOps } from "./overlay.js";

/** @import { OutboxRow, RecordRow } from "../types/storage.js" */
/** @import { Known } from "./overlay.js" */
/** @import { Need } from "../templates.js" */

const NEXT_LIMIT = 60;
const LAST = "\uffff"; // sorts after every key
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The records that a page shows, by type, in the order of (`until`, id).
 * @param {Record<string, Need>} needs by type
 * @param {string} now ISO 8601
 * @returns {Promise<Record<string, RecordRow[]>>}
 */
export async function loadRecords(needs, now) {
  if (!Object.keys(needs).length) return {};
  const ops = await outbox.overlaidOps();
  const known = await loadKnown(ops);
  /** @type {Record<string, RecordRow[]>} */
  const found = {};
  for (const [type, { hours, begun, next }] of Object.entries(needs)) {
    const since = hours === null ? "" : hoursBefore(now, hours);
    const index = begun ? "opens" : "until";
    const range = IDBKeyRange.bound([type, begun ? "" : since], [type, begun ? now : LAST]);
    const rows = await (await database()).getAllFromIndex("records", index, range);
    if (next) rows.push(...(await nextToBegin(type, now)));
    const wanted = rows.filter((row) => row.until >= since).sort(byPeriod);
    found[type] = overlayOps(type, wanted, ops, known);
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
  const [row, ops] = await Promise.all([findServerRecord(type, id), outbox.overlaidOpsOf(id)]);
  const known = await loadKnown(ops);
  return overlayOps(type, row ? [row] : [], ops, known).find((each) => each.id === id);
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

const NAMED_TYPES = ["area", "unit", "contractor"];

/**
 * The names of all people, and of the places and contractors that these ops refer to.
 * @param {OutboxRow[]} ops
 * @returns {Promise<Known>}
 */
async function loadKnown(ops) {
  const values = ops.flatMap(({ op }) => Object.values(op.payload).flat());
  const ids = [...new Set(values.filter((value) => typeof value === "string" && UUID.test(value)))];
  const store = (await database()).transaction("records").store;
  const [people, clockAhead, ...found] = await Promise.all([
    allOf("person"),
    clock.clockAhead(),
    ...ids.flatMap((id) => NAMED_TYPES.map((type) => store.get([type, id]))),
  ]);
  const named = [...people, ...found.filter((row) => row !== undefined)];
  return { names: new Map(named.map((row) => [row.id, row.label ?? row.name])), clockAhead };
}
