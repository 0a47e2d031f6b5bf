// What people type, in one spelling. The same as sync/protocol/normalise.py.

const DASHES = /[\p{Pd}\u2212\u02d7\u2043\u2796\u2500\u2501\u30fc\u23af]/gu;
const UNSEEN = /[\p{Z}\p{C}\ufe00-\ufe0f\u034f\u115f\u1160\u3164\uffa0]/gu;

/**
 * A code or a number with plain digits, letters and dashes, without blanks and what cannot be seen.
 * @param {string} text
 */
export function codeText(text) {
  return text.normalize("NFKC").replace(UNSEEN, "").replace(DASHES, "-");
}
