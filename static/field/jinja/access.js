// What compiled templates call: attributes and items, slices, loops, macros, methods.

import { MISSING, Safe, alike, bare, num, safe } from "./values.js";

export * from "./values.js";

const METHODS = new Set(
  "clear copy fromkeys get items keys pop popitem setdefault update values".split(" "),
);
const ASTRAL = /[\ud800-\udfff]/;

/** @typedef {(...values: any[]) => Safe} MacroBody */

/** `value.name` and `value[name]` @param {any} value @param {any} key @returns {any} */
export function get(value, key) {
  const name = bare(key);
  if (value === undefined) throw new ReferenceError(`'${name}' of undefined`);
  if (value === null) return undefined;
  if (typeof bare(value) === "string" || Array.isArray(value)) return element(value, name);
  if (typeof value !== "object") throw new TypeError(`a ${typeof value} has no '${name}'`);
  if (typeof name !== "string") return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  if (METHODS.has(name)) throw new TypeError(`'${name}' is a method in Python`);
  return undefined;
}

/** @param {any} row @param {any} place */
function element(row, place) {
  if (
    Array.isArray(row) &&
    (place === "grouper" || place === "list") &&
    Object.hasOwn(row, place)
  ) {
    return /** @type {any} */ (row)[place];
  }
  if (typeof place === "string") throw new TypeError(`a text or a list has no '${place}'`);
  if (typeof place !== "number" && typeof place !== "boolean") return undefined;
  const found = elements(row).at(num(place));
  return found === undefined ? undefined : row instanceof Safe ? safe(found) : found;
}

/**
 * Follows an attribute path as `map` and `sort` take it: "area.label", 0, or null for the value
 * itself.
 * @param {any} value
 * @param {any} attribute
 * @param {any} otherwise
 */
export function path(value, attribute, otherwise) {
  let found = value;
  for (const part of parts(attribute)) {
    found = get(found, part);
    if (found === undefined && otherwise !== null) found = otherwise;
  }
  return found;
}

/** @param {any} attribute @returns {(string | number)[]} */
function parts(attribute) {
  if (attribute === null) return [];
  if (typeof attribute === "number") return [attribute];
  return bare(attribute)
    .split(".")
    .map((/** @type {string} */ part) => (/^[0-9]+$/.test(part) ? Number(part) : part));
}

/** @param {any} value @param {any} start @param {any} stop @returns {any} */
export function slice(value, start, stop) {
  const ends = [start === null ? 0 : num(start), stop === null ? undefined : num(stop)];
  if (Array.isArray(value)) return value.slice(...ends);
  const plain = bare(value);
  if (typeof plain !== "string") throw new TypeError(`cannot slice ${typeof value}`);
  return alike(
    value,
    ASTRAL.test(plain)
      ? Array.from(plain)
          .slice(...ends)
          .join("")
      : plain.slice(...ends),
  );
}

/** The items that a loop iterates over. @param {any} value @returns {any[]} */
export function iterate(value) {
  if (value === undefined) return [];
  if (value === null || !["object", "string"].includes(typeof value))
    throw new TypeError(`cannot iterate over ${value}`);
  return elements(value);
}

/** @param {any} value @returns {any[]} */
function elements(value) {
  if (Array.isArray(value)) return value;
  const plain = bare(value);
  return typeof plain === "string" ? Array.from(plain) : names(plain);
}

/**
 * Keys in the order of insertion. JavaScript sorts keys that are numbers to the front: these are
 * refused.
 * @param {Record<string, any>} row
 */
export function names(row) {
  const found = Object.keys(row);
  if (found.length > 1 && found.some((name) => /^(0|[1-9][0-9]*)$/.test(name)))
    throw new TypeError("several keys, some of them numbers, have no order");
  return found;
}

/** The values for `{% for a, b in … %}`. @param {any} row @param {number} size @returns {any[]} */
export function unpack(row, size) {
  const found = iterate(row);
  if (row === undefined || found.length !== size)
    throw new RangeError(`${found.length} values for ${size} names`);
  return found;
}

/** The variable `loop` of a for. @param {any[]} rows */
export function loop(rows) {
  const length = rows.length;
  return {
    length,
    index: 0,
    index0: 0,
    revindex: 0,
    revindex0: 0,
    first: true,
    last: true,
    /** @type {any} */ previtem: undefined,
    /** @type {any} */ nextitem: undefined,
    /** @param {number} i */
    at(i) {
      Object.assign(this, {
        index: i + 1,
        index0: i,
        revindex: length - i,
        revindex0: length - i - 1,
      });
      Object.assign(this, {
        first: i === 0,
        last: i === length - 1,
        previtem: rows[i - 1],
        nextitem: rows[i + 1],
      });
    },
    /** @param {any[]} choices */
    cycle(choices) {
      return choices[this.index0 % choices.length];
    },
  };
}

/** @param {any} called @param {any[]} values @param {Record<string, any>} named */
export function call(called, values, named) {
  if (typeof called !== "function") throw new TypeError(`${typeof called} cannot be called`);
  return called(values, named);
}

/**
 * A macro: checks its arguments as Python does.
 * @param {string} name
 * @param {string[]} parameters
 * @param {boolean} wantsCaller
 * @param {MacroBody} body
 */
export function macro(name, parameters, wantsCaller, body) {
  return (/** @type {any[]} */ values, /** @type {Record<string, any>} */ named) => {
    if (values.length > parameters.length)
      throw new TypeError(`macro ${name} takes ${parameters.length} arguments`);
    for (const key of Object.keys(named)) {
      const place = parameters.indexOf(key);
      const known = place >= values.length || (key === "caller" && wantsCaller);
      if (!known) throw new TypeError(`macro ${name} takes no ${key}`);
    }
    const given = parameters.map((key, place) =>
      place < values.length ? values[place] : Object.hasOwn(named, key) ? named[key] : MISSING,
    );
    return body(...given, ...(wantsCaller ? [named.caller] : []));
  };
}

/**
 * Calls one of the methods of str and dict that templates may use.
 * @param {any} value
 * @param {string} method
 * @param {any[]} values
 * @returns {any}
 */
export function method(value, method, values) {
  const it = bare(value);
  if (typeof it === "string") return textMethod(value, it, method, bare(values[0]));
  if (typeof it !== "object" || it === null || Array.isArray(it))
    throw new TypeError(`${method}() of ${typeof it}`);
  if (method === "keys") return names(it);
  if (method === "values") return names(it).map((name) => it[name]);
  if (method === "items") return names(it).map((name) => [name, it[name]]);
  if (method !== "get") throw new TypeError(`an object has no ${method}()`);
  const key = bare(values[0]);
  if (typeof key === "string" && Object.hasOwn(it, key)) return it[key];
  return values.length > 1 ? values[1] : null;
}

/**
 * @param {any} source
 * @param {string} plain
 * @param {string} method
 * @param {any} other
 * @returns {any}
 */
function textMethod(source, plain, method, other) {
  if (typeof other !== "string") throw new TypeError(`${method}() needs a text`);
  if (method === "startswith") return plain.startsWith(other);
  if (method === "endswith") return plain.endsWith(other);
  if (method !== "split" || other === "")
    throw new TypeError(`a text has no ${method}() like this`);
  return plain.split(other).map((part) => alike(source, part));
}
