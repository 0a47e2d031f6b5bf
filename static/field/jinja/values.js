// Python's semantics for JSON values: text, truth, equality, order, arithmetic. Where JavaScript
// cannot give the same result, an error is thrown.

import { compareCodePoints } from "../code_points.js";

export const MISSING = Symbol("missing argument");

/** Text that is HTML and not escaped again; markupsafe's Markup. */
export class Safe {
  /** @param {string} html */
  constructor(html) {
    this.html = html;
  }
}

/** @param {string} html */
export const safe = (html) => new Safe(html);

/** A Safe as a plain string; any other value as it is. @param {any} value */
export const bare = (value) => (value instanceof Safe ? value.html : value);

/** The text as a Safe if its source was one. @param {any} source @param {string} text */
export const alike = (source, text) => (source instanceof Safe ? safe(text) : text);

const SPECIAL = /[&<>"']/g;
/** @type {Record<string, string>} */
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" };

/** @param {string} plain */
export const escape = (plain) => plain.replace(SPECIAL, (found) => ENTITIES[found]);

/** Python's str(). @param {any} value @returns {string} */
export function text(value) {
  if (typeof value === "string") return value;
  if (value === undefined) return "";
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (value instanceof Safe) return value.html;
  if (typeof value === "number") return String(num(value));
  throw new TypeError("only texts and numbers can be printed");
}

/** A value as HTML: escaped, unless it is Safe. @param {any} value */
export const out = (value) => (value instanceof Safe ? value.html : escape(text(value)));

/** @param {any} value @returns {number} a whole number @throws {TypeError} for anything else */
export function num(value) {
  const number = typeof value === "boolean" ? Number(value) : value;
  if (!Number.isSafeInteger(number)) throw new TypeError(`${typeof value}: not a whole number`);
  return number;
}

/** Python's bool(). @param {any} value */
export function truth(value) {
  const it = bare(value);
  if (it === undefined || it === null || it === false || it === 0 || it === "") return false;
  return typeof it !== "object" || (Array.isArray(it) ? it.length : Object.keys(it).length) > 0;
}

/** @param {any} left @param {() => any} right */
export const and = (left, right) => (truth(left) ? right() : left);

/** @param {any} left @param {() => any} right */
export const or = (left, right) => (truth(left) ? left : right());

/** @param {any} left @param {any} right @returns {boolean} */
export function eq(left, right) {
  const [a, b] = [left, right].map((each) =>
    typeof each === "boolean" ? Number(each) : bare(each),
  );
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && eq(a[name], b[name]))
  );
}

/**
 * Compares numbers, texts by code point, and lists item by item.
 * @param {any} left
 * @param {any} right
 * @returns {number} below zero, zero, above
 */
export function order(left, right) {
  const [a, b] = [bare(left), bare(right)];
  if (typeof a === "string" && typeof b === "string") return compareCodePoints(a, b);
  if (!Array.isArray(a) || !Array.isArray(b)) return num(a) - num(b);
  const at = a.findIndex((each, place) => place >= b.length || !eq(each, b[place]));
  return at < 0 || at >= b.length ? a.length - b.length : order(a[at], b[at]);
}

/** `item in holder` @param {any} item @param {any} holder */
export function within(item, holder) {
  const [a, b] = [bare(item), bare(holder)];
  if (b === undefined) return false;
  if (typeof b === "string" && typeof a === "string") return b.includes(a);
  if (Array.isArray(b)) return b.some((each) => eq(each, a));
  if (typeof b !== "object" || b === null) throw new TypeError(`${typeof b} has no items`);
  return typeof a === "string" && Object.hasOwn(b, a);
}

/** @param {any} a @param {any} b */
export function add(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  const texts = [a, b].every((each) => typeof bare(each) === "string");
  if (!texts) return num(num(a) + num(b));
  return a instanceof Safe || b instanceof Safe ? safe(out(a) + out(b)) : a + b;
}

/** @param {any} a @param {any} b */
export const sub = (a, b) => num(num(a) - num(b));

/** @param {any} a @param {any} b @returns {any} */
export function mul(a, b) {
  if (typeof bare(b) === "string" || Array.isArray(b)) return mul(b, a);
  if (typeof bare(a) === "string") return alike(a, bare(a).repeat(Math.max(0, num(b))));
  if (Array.isArray(a)) return Array.from({ length: Math.max(0, num(b)) }, () => a).flat();
  return num(num(a) * num(b));
}

/** @param {any} a @param {any} b */
export const floorDiv = (a, b) => num(Math.floor(num(a) / divisor(b)));

/** @param {any} a @param {any} b */
export const mod = (a, b) => ((num(a) % divisor(b)) + num(b)) % num(b);

/** @param {any} value */
function divisor(value) {
  if (num(value) === 0) throw new RangeError("division by zero");
  return num(value);
}

/** `a ~ b`: joins as text, as HTML if any is Safe. @param {any[]} values */
export function concat(values) {
  return values.some((each) => each instanceof Safe)
    ? safe(values.map(out).join(""))
    : values.map(text).join("");
}

/**
 * Fills in `%(name)s`; `%%` is a percent sign.
 * @param {string} message
 * @param {Record<string, any>} values
 * @param {(value: any) => string} write
 */
export function fill(message, values, write) {
  return message.replace(/%(?:%|\((\w+)\)s)/g, (_, name) => {
    if (name === undefined) return "%";
    if (!Object.hasOwn(values, name)) throw new ReferenceError(`the message needs ${name}`);
    return write(values[name]);
  });
}

/**
 * A scope whose parent is `below`.
 * @param {Record<string, any> | null} below
 * @param {Record<string, any>} names
 */
export const extend = (below, names) => Object.assign(Object.create(below), names);
