// Jinja's built-in filters. The compiler passes every argument by position, defaults included.

import { get, iterate, names, path } from "./access.js";
import { Safe, alike, bare, eq, escape, num, order, out, safe, text, truth } from "./values.js";

const SPACE =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*";
const TRIM = new RegExp(`^${SPACE}|${SPACE}$`, "g");
const DIGITS = "[0-9]+(?:_[0-9]+)*";
const WHOLE = new RegExp(`^[+-]?${DIGITS}$`);
const DECIMAL = new RegExp(
  `^[+-]?(?:${DIGITS}\\.?(?:${DIGITS})?|\\.${DIGITS})(?:e[+-]?${DIGITS})?$`,
  "i",
);

/** @typedef {(value: any, ...rest: any[]) => any} Filter */

/** @type {Record<string, Filter>} */
export const filters = {
  escape: (value) => safe(out(value)),
  string: (value) => (value instanceof Safe ? value : text(value)),
  default: (value, otherwise, falsy) =>
    value === undefined || (truth(falsy) && !truth(value)) ? otherwise : value,
  upper: (value) => alike(value, text(value).toUpperCase()),
  lower: (value) => alike(value, text(value).toLowerCase()),
  trim: (value) => alike(value, text(value).replace(TRIM, "")),
  length: (value) => (Array.isArray(value) ? value.length : iterate(value).length),
  abs: (value) => Math.abs(num(value)),
  first: (rows) => iterate(rows)[0],
  last: (rows) => iterate(rows).at(-1),
  list: (rows) => [...iterate(rows)],
  reverse: (rows) => [...iterate(rows)].reverse(),
  map: (rows, made) => iterate(rows).map((row) => made(row)),
  select: (rows, test) => iterate(rows).filter((row) => test(row)),
  sum: (rows, attribute) =>
    iterate(rows).reduce((total, row) => num(total + num(path(row, attribute, null))), 0),
  tojson: (value) =>
    safe(json(value).replace(/[<>&']/g, (found) => `\\u00${found.charCodeAt(0).toString(16)}`)),
  join,
  int,
  replace,
  truncate,
  sort,
  groupby,
  unique,
  batch,
  items,
  urlencode,
  min: (rows, sensitive, attribute) => extreme(rows, sensitive, attribute, (found) => found < 0),
  max: (rows, sensitive, attribute) => extreme(rows, sensitive, attribute, (found) => found > 0),
};

/** @param {any} rows @param {any} between @param {any} attribute */
function join(rows, between, attribute) {
  const found = iterate(rows).map((row) => (attribute === null ? row : path(row, attribute, null)));
  if ([between, ...found].some((each) => each instanceof Safe))
    return safe(found.map(out).join(out(between)));
  return found.map(text).join(text(between));
}

/** @param {any} value @param {any} otherwise */
function int(value, otherwise) {
  if (value === undefined) throw new ReferenceError("int of undefined");
  if (typeof value === "boolean" || typeof value === "number") return num(value);
  const plain = typeof bare(value) === "string" ? bare(value).replace(TRIM, "") : "";
  if (/(?![0-9])\p{Nd}/u.test(plain)) throw new TypeError("digits of another script");
  const found = Math.trunc(Number(plain.replaceAll("_", "")));
  if (WHOLE.test(plain)) return num(found);
  return DECIMAL.test(plain) && Number.isFinite(found) ? num(found) : otherwise;
}

/** @param {any} value @param {any} old @param {any} fresh */
function replace(value, old, fresh) {
  const escaped = old instanceof Safe || (fresh instanceof Safe && !(value instanceof Safe));
  const source = escaped ? safe(out(value)) : value;
  const [from, to] = [text(old), source instanceof Safe ? out(fresh) : text(fresh)];
  if (from !== "") return alike(source, text(source).split(from).join(to));
  return alike(source, ["", ...Array.from(text(source)), ""].join(to));
}

/** @param {any} value @param {any} size @param {any} kill @param {any} end @param {any} leeway */
function truncate(value, size, kill, end, leeway) {
  if (value === undefined) return value;
  if (typeof bare(value) !== "string") throw new TypeError(`truncate of ${typeof value}`);
  const [letters, room] = [Array.from(bare(value)), num(size) - Array.from(text(end)).length];
  if (room < 0 || num(leeway) < 0)
    throw new RangeError("truncate needs a size above the length of its end");
  if (letters.length <= num(size) + num(leeway)) return value;
  const start = letters.slice(0, room).join("");
  const cut = truth(kill) || !start.includes(" ") ? start : start.slice(0, start.lastIndexOf(" "));
  return value instanceof Safe || end instanceof Safe
    ? safe((value instanceof Safe ? cut : escape(cut)) + out(end))
    : cut + end;
}

/** @param {any} value @param {any} sensitive */
const folded = (value, sensitive) =>
  !truth(sensitive) && typeof bare(value) === "string" ? bare(value).toLowerCase() : bare(value);

/**
 * Sorts stably in both directions, as Python does.
 * @param {any} rows
 * @param {(row: any) => any} key
 * @param {boolean} [backwards]
 */
function sorted(rows, key, backwards = false) {
  const keyed = iterate(rows).map((row) => ({ row, key: key(row) }));
  const found = keyed.sort((a, b) => (backwards ? order(b.key, a.key) : order(a.key, b.key)));
  return found.map((each) => each.row);
}

/** @param {any} rows @param {any} backwards @param {any} sensitive @param {any} attribute */
function sort(rows, backwards, sensitive, attribute) {
  const wanted = typeof attribute === "string" ? attribute.split(",") : [attribute];
  return sorted(
    rows,
    (row) => wanted.map((each) => folded(path(row, each, null), sensitive)),
    truth(backwards),
  );
}

/** @param {any} rows @param {any} attribute @param {any} otherwise @param {any} sensitive */
function groupby(rows, attribute, otherwise, sensitive) {
  const key = (/** @type {any} */ row) => folded(path(row, attribute, otherwise), sensitive);
  /** @type {any[][]} */
  const groups = [];
  for (const row of sorted(rows, key)) {
    const last = groups.at(-1);
    if (last && eq(key(last[0]), key(row))) last.push(row);
    else groups.push([row]);
  }
  return groups.map((list) => {
    const grouper = path(list[0], attribute, otherwise);
    return Object.assign([grouper, list], { grouper, list });
  });
}

/** @param {any} rows @param {any} sensitive @param {any} attribute */
function unique(rows, sensitive, attribute) {
  const seen = new Set();
  return iterate(rows).filter((row) => {
    const key = folded(path(row, attribute, null), sensitive);
    if (typeof key === "object" && key !== null)
      throw new TypeError("unique by a list or an object");
    const same = typeof key === "boolean" ? Number(key) : key;
    return !seen.has(same) && seen.add(same);
  });
}

/**
 * @param {any} rows
 * @param {any} sensitive
 * @param {any} attribute
 * @param {(found: number) => boolean} better
 */
function extreme(rows, sensitive, attribute, better) {
  const key = (/** @type {any} */ row) => folded(path(row, attribute, null), sensitive);
  return iterate(rows).reduce(
    (best, row, at) => (at === 0 || better(order(key(row), key(best))) ? row : best),
    undefined,
  );
}

/** @param {any} rows @param {any} size @param {any} filling */
function batch(rows, size, filling) {
  const [all, width] = [[...iterate(rows)], num(size)];
  if (width < 1) throw new RangeError("batch needs a size above 0");
  while (filling !== null && all.length % width) all.push(filling);
  return Array.from({ length: Math.ceil(all.length / width) }, (_, at) =>
    all.slice(at * width, (at + 1) * width),
  );
}

/** @param {any} value */
function items(value) {
  if (value === undefined) return [];
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError("items needs an object");
  return names(value).map((name) => [name, get(value, name)]);
}

/** @param {any} value */
function urlencode(value) {
  if (value === undefined) return "";
  if (typeof bare(value) !== "object" || value === null)
    return quoted(value).replaceAll("%2F", "/");
  const pairs = Array.isArray(value) ? value : items(value);
  return pairs
    .map((pair) =>
      pair.map((/** @type {any} */ each) => quoted(each).replaceAll("%20", "+")).join("="),
    )
    .join("&");
}

/** @param {any} value */
const quoted = (value) =>
  encodeURIComponent(text(value)).replace(
    /[!'()*]/g,
    (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/**
 * JSON as Python's json.dumps writes it with sorted keys: ASCII only, spaces after , and :.
 * @param {any} value
 * @returns {string}
 */
function json(value) {
  const it = bare(value);
  if (typeof it === "number") return String(num(it));
  if (it === null || typeof it === "boolean") return String(it);
  if (typeof it === "string")
    return JSON.stringify(it).replace(
      /[\x7f-\uffff]/g,
      (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  if (Array.isArray(it)) return `[${it.map(json).join(", ")}]`;
  if (typeof it !== "object") throw new TypeError(`${typeof it} in tojson`);
  const keys = Object.keys(it).sort(order);
  return `{${keys.map((key) => `${json(key)}: ${json(it[key])}`).join(", ")}}`;
}
