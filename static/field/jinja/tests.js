// Jinja's built-in tests: `value is defined` and so on.

import { Safe, eq, mod, num, order, within } from "./values.js";

/** @type {Record<string, (value: any, other?: any) => boolean>} */
export const tests = {
  defined: (value) => value !== undefined,
  undefined: (value) => value === undefined,
  none: (value) => value === null,
  true: (value) => value === true,
  false: (value) => value === false,
  boolean: (value) => typeof value === "boolean",
  number: (value) => typeof value === "number" || typeof value === "boolean",
  string: (value) => typeof value === "string" || value instanceof Safe,
  mapping: (value) =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Safe),
  odd: (value) => mod(num(value), 2) === 1,
  even: (value) => mod(num(value), 2) === 0,
  divisibleby: (value, by) => mod(value, by) === 0,
  in: within,
  eq,
  ne: (value, other) => !eq(value, other),
  lt: (value, other) => order(value, other) < 0,
  le: (value, other) => order(value, other) <= 0,
  gt: (value, other) => order(value, other) > 0,
  ge: (value, other) => order(value, other) >= 0,
};
