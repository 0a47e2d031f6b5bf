// The shape of Chinese telephone numbers. The same as sync/protocol/phone_numbers.py.

const KNOWN_SHAPE =
  /^(?:(?:86|0086)?1[3-9][0-9]{9}|(?:0|86|0086)[1-9][0-9]{8,10}|[2-8][0-9]{6,7}|[48]00[0-9]{7})$/;

/**
 * Whether a contact is a number, but none that can be called: a digit too few or too many.
 * @param {string} text
 */
export function isDoubtfulNumber(text) {
  const digits = text.normalize("NFKC").replace(/[ ()+-]/g, "");
  return /^[0-9]{7,}$/.test(digits) && !KNOWN_SHAPE.test(digits);
}
