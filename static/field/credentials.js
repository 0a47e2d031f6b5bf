// The credentials of the people of this phone: registered with a PIN at the server, which checks it,
// and opened afterwards with the PIN on the phone alone.

import { getMeta, setMeta, writeTransaction } from "./database.js";
import {
  fromBase64url,
  newDraftKey,
  newPair,
  openKeys,
  sealKeys,
  signText,
  usableKeys,
} from "./pin_keys.js";
import { request, SyncError } from "./sync_client.js";

/** @import { OpenKeys, Person, StoredKeys, UnlockResponse } from "../types/storage.js" */
/** @import { KeyBytes } from "./pin_keys.js" */

const TIMEOUT = 8_000; // ms: somebody stands there and waits

/**
 * What came of a PIN. `first`: only the server can check it, and there is no connection.
 * @typedef {"ok" | "wrong" | "wait" | "first"} PinResult
 */

/** @typedef {"same" | "short" | "trivial"} PinWeakness */

/**
 * @typedef {object} Registered
 * @property {PinResult} result
 * @property {Person} [person]
 * @property {OpenKeys} [keys]
 */

/**
 * Has the server check a PIN, and registers keys of this phone for the person: those that the
 * server has forgotten, or new ones.
 * @param {{person: string} | {staff_number: string}} who
 * @param {string} pin
 * @param {{stored: StoredKeys, bytes: KeyBytes}} [known]
 * @returns {Promise<Registered>}
 */
export async function register(who, pin, known) {
  const pair = known
    ? { public_key: known.stored.public_key, private_key: known.bytes.private_key }
    : await newPair();
  const previous = known ? { previous: await proofOfOld(known) } : {};
  const { public_key, private_key } = pair;
  try {
    const body = { ...who, pin, public_key, sent_at: new Date().toISOString(), ...previous };
    /** @type {UnlockResponse} */
    const answer = await request("/sync/unlock", body, { timeout: TIMEOUT });
    const draft_key = known?.bytes.draft_key ?? draftKeyFrom(answer) ?? newDraftKey();
    const bytes = { private_key, draft_key };
    await storeKeys(answer, pin, public_key, bytes);
    const keys = await usableKeys(answer.credential, bytes);
    return { result: "ok", person: answer.person, keys };
  } catch (error) {
    return { result: resultOf(error) };
  }
}

/** @param {UnlockResponse} answer */
const draftKeyFrom = ({ draft_secret }) => (draft_secret ? fromBase64url(draft_secret) : undefined);

/** Proves to a restored server that the key is the one it knew. */
async function proofOfOld(/** @type {{stored: StoredKeys, bytes: KeyBytes}} */ { stored, bytes }) {
  const device = await getMeta("device");
  const { private_key } = await usableKeys(stored.credential, bytes);
  const text = `lodge-key-1\n${device?.site}\n${device?.id}\n${stored.public_key}`;
  return { credential: stored.credential, sig: await signText(private_key, text) };
}

/**
 * @param {UnlockResponse} answer
 * @param {string} pin
 * @param {string} public_key
 * @param {KeyBytes} bytes
 */
async function storeKeys({ credential, person, pin_must_change }, pin, public_key, bytes) {
  const sealed = await sealKeys(pin, bytes);
  const mustChange = pin_must_change ? { must_change: /** @type {const} */ (true) } : {};
  await writeTransaction(["meta"], async (tx) => {
    const meta = tx.objectStore("meta");
    meta.put({ credential, public_key, ...sealed, ...mustChange }, `keys:${person.id}`);
    meta.delete(`verifier:${person.id}`);
    /** @type {Person[]} */
    const people = (await meta.get("people")) ?? [];
    const { id, name, roles } = person;
    meta.put([...people.filter((each) => each.id !== id), { id, name, roles }], "people");
  });
}

/** @param {unknown} error @returns {PinResult} */
function resultOf(error) {
  if (!(error instanceof SyncError)) throw error;
  if (error.status === 429) return "wait";
  return error.status === 403 || error.status === 422 ? "wrong" : "first";
}

/**
 * Changes a PIN at the server, then on this phone. Only the keys of this phone stay.
 * @param {string} person id
 * @param {string} pin
 * @param {string} newPin
 * @returns {Promise<Omit<Registered, "result"> & {result: PinResult | PinWeakness}>} with keys if
 *   there are other ones now
 */
export async function changePin(person, pin, newPin) {
  const stored = await getMeta(`keys:${person}`);
  const bytes = stored && (await openKeys(pin, stored));
  const kept = stored && bytes ? await proofOfKept(stored, bytes) : {};
  let answer;
  try {
    const body = { person, pin, new_pin: newPin, sent_at: new Date().toISOString(), ...kept };
    answer = await request("/sync/pin", body, { timeout: TIMEOUT });
  } catch (error) {
    const weakness = error instanceof SyncError && weaknesses.get(error.code);
    return { result: weakness || resultOf(error) };
  }
  // without a key that was kept, another one is registered: the former ones prove nothing any more
  if (!stored || !bytes || !answer.credential) return register({ person }, newPin);
  const { must_change: _, ...rest } = stored;
  await setMeta(`keys:${person}`, { ...rest, ...(await sealKeys(newPin, bytes)) });
  return { result: "ok" };
}

/** Signs that this key stays. @param {StoredKeys} stored @param {KeyBytes} bytes */
async function proofOfKept(stored, bytes) {
  const device = await getMeta("device");
  const { private_key } = await usableKeys(stored.credential, bytes);
  const text = `lodge-pin-1\n${device?.site}\n${device?.id}\n${stored.credential}`;
  return { key: { credential: stored.credential, sig: await signText(private_key, text) } };
}

/** Why the server did not take a new PIN, by its code. @type {Map<string, PinWeakness>} */
const weaknesses = new Map([
  ["pin-same", "same"],
  ["pin-short", "short"],
  ["pin-trivial", "trivial"],
]);

/**
 * Notes which credentials the server does not know any more: they are registered again when their
 * PIN is next typed.
 * @param {Record<string, string>} known ids by person
 */
export function noteKnown(known) {
  return writeTransaction(["meta"], async (tx) => {
    const meta = tx.objectStore("meta");
    for (const key of await meta.getAllKeys(IDBKeyRange.bound("keys:", "keys:\uffff"))) {
      /** @type {StoredKeys} */
      const { unknown: _, ...stored } = await meta.get(key);
      const isKnown = known[String(key).slice("keys:".length)] === stored.credential;
      meta.put(isKnown ? stored : { ...stored, unknown: true }, key);
    }
  });
}
