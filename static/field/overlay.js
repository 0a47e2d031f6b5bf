// Overlays ops of the outbox on records, so that a tap shows before the server has judged it. What
// an op changes comes from the kinds manifest (`optimistic_patch`, `overlay_payload`): no feature
// is known here.

import kinds from "../kinds.js";
import nameFields from "../name_fields.js";
import { shortCode } from "./ids.js";

/** @import { OutboxRow, RecordRow } from "../types/storage.js" */

/**
 * @typedef {object} Known what ops refer to
 * @property {Map<string, any>} names of people, areas, homes and contractors, by id
 * @property {number} clockAhead milliseconds by which this phone's clock is ahead
 */

const FOREVER = "9999-12-31T00:00:00.000Z";

/**
 * @param {string} type
 * @param {RecordRow[]} rows
 * @param {OutboxRow[]} outboxRows oldest first
 * @param {Known} known
 * @returns {RecordRow[]} changed and new rows included, in the order of (`until`, id)
 */
export function overlayOps(type, rows, outboxRows, known) {
  const ofType = outboxRows.filter(({ op }) => (kinds[op.kind].type ?? type) === type);
  if (!ofType.length) return rows;
  const byId = new Map(rows.map((row) => [row.id, row]));
  for (const outboxRow of ofType) {
    const { subject, op } = outboxRow;
    const row =
      byId.get(subject) ?? (kinds[op.kind].creates ? emptyRecord(type, subject) : undefined);
    if (row) byId.set(subject, overlayOp(row, outboxRow, known));
  }
  return [...byId.values()].sort(byPeriod);
}

/** @param {RecordRow} a @param {RecordRow} b */
export const byPeriod = (a, b) => compare(a.until, b.until) || compare(a.id, b.id);

/** @param {string} a @param {string} b */
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** @param {string} type @param {string} id @returns {RecordRow} */
const emptyRecord = (type, id) => ({
  type,
  id,
  version: null,
  opens: "",
  until: FOREVER,
  photos: [],
  photos_here: 0,
});

/**
 * @param {RecordRow} row
 * @param {OutboxRow} outboxRow
 * @param {Known} known
 * @returns {RecordRow}
 */
function overlayOp(row, { op, state, verdict }, { names, clockAhead }) {
  const { optimistic_patch, overlay_payload } = kinds[op.kind];
  /** @type {Record<string, any>} */
  const variables = {
    ...Object.fromEntries(Object.entries(op.payload).map(([name, value]) => [`$${name}`, value])),
    $at: verdict?.at ?? new Date(Date.parse(op.at) - clockAhead).toISOString(),
    $by: op.by,
    $by_name: names.get(op.by) ?? null,
  };
  const changed = { ...row, ...(overlay_payload ? op.payload : {}) };
  for (const [path, value] of Object.entries(optimistic_patch))
    setField(changed, path, nameInside(substitute(value, variables, op.subject), names), variables);
  nameFieldsOf(changed, row, names);
  const { photos = [], sha256 } = op.payload;
  const allPhotos = [...(row.photos ?? []), ...photos, ...(sha256 ? [sha256] : [])];
  const pending = state === "unsent" || row.pending === true;
  return { ...changed, photos: [...new Set(allPhotos)], pending };
}

/**
 * Fills in the names of the people and places that an overlaid row refers to, as the server does.
 * @param {RecordRow} changed
 * @param {RecordRow} row before the op
 * @param {Map<string, any>} names
 */
function nameFieldsOf(changed, row, names) {
  for (const [field, idField] of Object.entries(nameFields[row.type] ?? {})) {
    const id = changed[idField];
    const isStale = id !== row[idField] && changed[field] === row[field];
    changed[field] = Array.isArray(id)
      ? id.map((one) => names.get(one) ?? null)
      : (names.get(id) ?? (isStale ? null : (changed[field] ?? null)));
  }
}

/**
 * A line of a list, such as a timeline, with the name `to` of the id `to_id`.
 * @param {any} value
 * @param {Map<string, any>} names
 * @returns {any}
 */
function nameInside(value, names) {
  if (Array.isArray(value)) return value.map((inner) => nameInside(inner, names));
  if (!value || typeof value !== "object") return value;
  const named = Object.entries(value)
    .filter(([name, id]) => name.endsWith("_id") && names.has(id))
    .map(([name, id]) => [name.slice(0, -"_id".length), names.get(id)]);
  return { ...Object.fromEntries(named), ...value };
}

/**
 * Sets a field of a row that is already a copy: the path `scans.$point` reaches inside an object,
 * `confirmed+` appends to a list and `confirmed-` takes its last item away. A path with a variable
 * that the payload lacks is left out.
 * @param {Record<string, any>} row
 * @param {string} path
 * @param {any} value
 * @param {Record<string, any>} variables
 */
function setField(row, path, value, variables) {
  const [operation] = /[+-]$/.exec(path) ?? [""];
  const steps = path.replace(/[+-]$/, "").split(".");
  if (steps.some((step) => step.startsWith("$") && variables[step] === undefined)) return;
  const names = steps.map((step) => String(variables[step] ?? step));
  setAt(row, names, operation, value);
}

/**
 * @param {Record<string, any>} row
 * @param {string[]} names
 * @param {string} operation "+", "-" or ""
 * @param {any} value
 */
function setAt(row, [first, ...rest], operation, value) {
  if (rest.length) {
    row[first] = { ...row[first] };
    setAt(row[first], rest, operation, value);
  } else if (operation === "-") row[first] = (row[first] ?? []).slice(0, -1);
  else row[first] = operation === "+" ? [...(row[first] ?? []), value] : value;
}

/**
 * A value of a patch with its variables filled in: `$name` alone stands for any value, `$code` for
 * the record's short code, also inside a text; of values divided by `|` it is the first that is there.
 * @param {any} value
 * @param {Record<string, any>} variables
 * @param {string} subject
 * @returns {any}
 */
function substitute(value, variables, subject) {
  if (Array.isArray(value)) return value.map((inner) => substitute(inner, variables, subject));
  if (value && typeof value === "object")
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, substitute(inner, variables, subject)]),
    );
  if (typeof value !== "string") return value;
  if (value.includes("|"))
    return value
      .split("|")
      .map((each) => substitute(each, variables, subject))
      .find((each) => each !== null);
  if (value.startsWith("$") && value !== "$code") return variables[value] ?? null;
  return value.replace("$code", () => shortCode(subject));
}
