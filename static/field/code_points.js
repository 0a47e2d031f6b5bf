// The order of texts by code point, as Python sorts them. JavaScript compares UTF-16 units instead,
// which puts the surrogates of an astral character before U+E000.

/** @param {string} a @param {string} b @returns {number} below zero, zero, above */
export function compareCodePoints(a, b) {
  const shared = Math.min(a.length, b.length);
  for (let at = 0; at < shared; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** A number that moves surrogates behind all other units. @param {number} unit */
const rank = (unit) => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);
