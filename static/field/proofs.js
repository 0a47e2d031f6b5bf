// Ops that the server has set aside because nothing proves who made them: they are offered again
// once their author has keys on this phone.

import { database, writeTransaction } from "./database.js";
import { findOp } from "./outbox.js";
import { signOp } from "./signing.js";

/** @import { OpenKeys, OutboxRow } from "../types/storage.js" */

/** Codes of ops whose signature the server may be able to check by now. */
const UNCHECKED = new Set(["unproven", "bad-signature"]);

/**
 * Whether the author has to confirm an op before it counts: it has no signature, or that of a key
 * that was blocked since. Only the author can say so, even on a phone that they have unlocked:
 * somebody else may have recorded it in their name.
 * @param {OutboxRow} row
 * @param {string} [credential] id of the one that the author has now
 */
export const needsConfirmation = ({ op, verdict, credential: signedBy }, credential) =>
  verdict?.code === "unproven"
    ? !op.sig
    : verdict?.code === "revoked-credential" && signedBy !== credential;

/**
 * Offers the ops once more that a person has signed and the server could not check: it has the key
 * again, or their PIN was changed.
 * @param {string} person id
 */
export async function offerSigned(person) {
  const rows = await (await database()).getAllFromIndex("ops", "check", 1);
  const signed = rows.filter(({ op }) => op.by === person && op.sig);
  if (!signed.some(isUnchecked)) return;
  await writeTransaction(["ops"], async (tx) => {
    for (const { id } of signed) {
      const row = await tx.objectStore("ops").get(id);
      if (row && isUnchecked(row)) tx.objectStore("ops").put(unsent(row));
    }
  });
}

/** @param {OutboxRow} row */
const isUnchecked = ({ state, verdict }) =>
  state === "answered" && UNCHECKED.has(verdict?.code ?? "");

/**
 * Signs an op in the name of its author, who confirms it, and offers it once more: it stays the same
 * op.
 * @param {string} id of the op
 * @param {string} person id of who has unlocked the phone
 * @param {OpenKeys} keys of that person
 */
export async function confirmOp(id, person, keys) {
  const row = await findOp(id);
  if (row?.op.by !== person || !needsConfirmation(row, keys.credential)) return;
  const { n: _n, prev: _prev, hash: _hash, sig: _sig, ...content } = row.op;
  const sig = await signOp(content, keys);
  await writeTransaction(["ops"], async (tx) => {
    const now = await tx.objectStore("ops").get(id);
    if (!now || !needsConfirmation(now, keys.credential)) return;
    const op = { ...now.op, sig };
    tx.objectStore("ops").put({ ...unsent(now), op, credential: keys.credential });
  });
}

/** @param {OutboxRow} row @returns {OutboxRow} */
function unsent({ check: _check, verdict: _verdict, answered_at: _at, ...row }) {
  return { ...row, state: "unsent", laid: 1 };
}

/** Whether ops wait for their author to confirm them. @param {string} person id @param {OpenKeys} keys */
export async function awaitsConfirmation(person, keys) {
  const rows = await (await database()).getAllFromIndex("ops", "check", 1);
  return rows.some((row) => row.op.by === person && needsConfirmation(row, keys.credential));
}
