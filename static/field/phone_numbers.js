// Telephone numbers: their shape, and how they are masked. The same as sync/protocol/phone_numbers.py.

const KNOWN_SHAPE =
  /^(?:(?:86|0086)?1[3-9][0-9]{9}|(?:0|86|0086)[1-9][0-9]{8,10}|[2-8][0-9]{6,7}|[48]00[0-9]{7})$/;

const DIALLED = [/[+]?[0-9]{7,15}/, /[+]?[0-9](?:-?[0-9]){6,14}/, /[+]?[0-9](?:[ -]?[0-9]){6,14}/];
const DIGIT = /[0-9\uff10-\uff19]/g;
const DATE_OR_NUMBER =
  /(?:19|20)[0-9]{2}([-/.])[0-9]{1,2}\1[0-9]{1,2}(?![0-9])|([0-9\uff10-\uff19](?:[-\u2013\u2014\uff0d ().\u00b7_]{0,2}[0-9\uff10-\uff19]){6,})/g;
const [SHOWN_FIRST, SHOWN_LAST, MOBILE_LENGTH] = [3, 4, 11];

/**
 * Whether a contact is a number, but none that can be called: a digit too few or too many.
 * @param {string} text
 */
export function isDoubtfulNumber(text) {
  const digits = text.normalize("NFKC").replace(/[ ()+-]/g, "");
  return /^[0-9]{7,}$/.test(digits) && !KNOWN_SHAPE.test(digits);
}

/**
 * The phone number in a text, such as a contact, to be dialled; "" if there is none.
 * @param {string | null | undefined} text
 */
export function phoneNumber(text) {
  const found = DIALLED.map((pattern) => pattern.exec(text || "")).find(Boolean);
  return found ? found[0].replaceAll(/[ -]/g, "") : "";
}

/**
 * A text with an asterisk for each digit of its numbers but the last four, and but the first three
 * of a number as long as a mobile one: 138****0021.
 * @param {string | null | undefined} text
 */
export function maskNumbers(text) {
  if (text && typeof text !== "string") throw new TypeError("mask needs a text");
  return (text || "").replace(DATE_OR_NUMBER, (whole, _, number) =>
    number ? masked(number) : whole,
  );
}

/** @param {string} number */
function masked(number) {
  const total = number.match(DIGIT)?.length ?? 0;
  const first = total >= MOBILE_LENGTH ? SHOWN_FIRST : 0;
  let place = 0;
  return number.replace(DIGIT, (digit) => {
    place += 1;
    return first < place && place <= total - SHOWN_LAST ? "*" : digit;
  });
}
