// Who uses this phone: it is enrolled once, then each person unlocks it with a PIN, the first time
// with a connection.

import { allOf } from "./records.js";
import { chainTail } from "./op_chain.js";
import { changePin as changeRegistered, register } from "./credentials.js";
import { getMeta, getMetaAll, setMeta, writeTransaction } from "./database.js";
import { sealOpenDrafts } from "./drafts.js";
import { openKeys, stretchPin, usableKeys } from "./pin_keys.js";
import { countTry, pauseLeft, restoreTries } from "./pin_tries.js";
import { offerSigned } from "./proofs.js";
import { request } from "./sync_client.js";

/** @import { OpenKeys, Person, StoredKeys } from "../types/storage.js" */
/** @import { PinResult, PinWeakness } from "./credentials.js" */
/** @import { KeyBytes } from "./pin_keys.js" */

/** Until the server has said after how many seconds the phone locks itself. */
const LOCK = { background: 300, idle: 1800 };

/**
 * Exchanges a one-time code for a device token.
 * @param {string} code
 * @param {string} label name of the phone
 * @throws {import("./sync_client.js").SyncError}
 */
export async function enrol(code, label) {
  const { lineage } = await chainTail();
  const model = await phoneModel();
  const named = { ...(label && { label }), ...(model && { model }) };
  const enrolled = await request("/sync/enrol", { code, lineage, ...named });
  const { device, token, site, people } = enrolled;
  await writeTransaction(["meta"], (tx) => {
    tx.objectStore("meta").put({ id: device, token, site, label: enrolled.label }, "device");
    tx.objectStore("meta").put(people, "people");
    for (const key of ["revoked", "link", "numbers"]) tx.objectStore("meta").delete(key);
  });
}

/** The model of this phone, as its browser tells it over HTTPS; empty where it does not. */
async function phoneModel() {
  const { userAgentData } = /** @type {any} */ (navigator);
  const hints = await userAgentData?.getHighEntropyValues?.(["model"]).catch(() => undefined);
  return String(hints?.model ?? "").slice(0, 60);
}

/**
 * Everybody who works at the site: the people pulled, or those of this phone before the first pull.
 * @returns {Promise<Person[]>}
 */
export async function everybody() {
  const active = (await allOf("person")).filter((row) => row.active !== false);
  if (!active.length) return (await getMeta("people")) ?? [];
  return /** @type {Person[]} */ (/** @type {unknown} */ (active));
}

/** The person who has unlocked the phone, or null. @returns {Promise<Person | null>} */
export async function currentUser() {
  const [device, me, unlocked] = await getMetaAll(["device", "me", "unlocked"]);
  if (!device || !me) return null;
  const found = (await everybody()).find(({ id }) => id === me);
  return found ?? (unlocked?.person.id === me ? unlocked.person : null);
}

/**
 * @typedef {object} Identified
 * @property {PinResult} result
 * @property {Person} [person]
 * @property {OpenKeys} [keys] unless given, that it is this person is only claimed
 * @property {number} [wait] ms until the next try
 */

/**
 * Unlocks the phone for a person.
 * @param {{person: string} | {staff_number: string}} who
 * @param {string} pin
 * @returns {Promise<Identified>}
 */
export async function unlock(who, pin) {
  const identified = await identify(who, pin);
  const { result, person, keys } = identified;
  if (result !== "ok" || !person) return identified;
  await writeTransaction(["meta"], async (tx) => {
    const meta = tx.objectStore("meta");
    const users = (await meta.get("users")) ?? [];
    meta.put([person.id, ...users.filter((/** @type {string} */ id) => id !== person.id)], "users");
    meta.put(person.id, "me");
    meta.put({ open: Date.now(), tap: Date.now() }, "used");
    if (keys) meta.put({ person, keys }, "unlocked");
    else meta.delete("unlocked");
  });
  await sealOpenDrafts(person.id);
  if (keys) await offerSigned(person.id);
  return identified;
}

/**
 * Changes the PIN of a person at the server and on this phone. Wrong PINs count.
 * @param {string} id of the person
 * @param {string} pin
 * @param {string} newPin
 * @returns {Promise<{result: PinResult | PinWeakness, wait?: number}>}
 */
export async function changePin(id, pin, newPin) {
  const answer = await counted(id, () => changeRegistered(id, pin, newPin));
  if ("wait" in answer) return answer;
  const { result, person, keys } = answer;
  if (person && keys) await setMeta("unlocked", { person, keys });
  if (result === "ok") await offerSigned(id);
  return { result };
}

/** Forgets the keys. Unsent ops stay and are sent; drafts stay, sealed. */
export async function lock() {
  await writeTransaction(["meta"], (tx) => {
    for (const key of ["me", "unlocked"]) tx.objectStore("meta").delete(key);
  });
}

/**
 * Whether the phone was left alone for so long that it locks itself. A clock that was set back does
 * not lock it.
 */
export async function isUnused() {
  const [me, used, limits = LOCK] = await getMetaAll(["me", "used", "lock"]);
  if (!me || !used) return false;
  const [background, idle] = [Date.now() - used.open, Date.now() - used.tap];
  return background > limits.background * 1000 || idle > limits.idle * 1000;
}

/**
 * Checks who somebody is: with their keys on this phone, else at the server, else, without a
 * connection, with what an older version has stored. One at a time over all tabs.
 * @param {{person: string} | {staff_number: string}} who
 * @param {string} pin
 * @returns {Promise<Identified>}
 */
export function identify(who, pin) {
  const id = "person" in who ? who.person : `number:${who.staff_number}`;
  return counted(id, () => check(who, pin));
}

/**
 * Counts wrong PINs, and refuses another one while there is a pause.
 * @template {{result: string}} Answer
 * @param {string} id of the person
 * @param {() => Promise<Answer>} checkPin
 * @returns {Promise<Answer | {result: "wait", wait: number}>}
 */
function counted(id, checkPin) {
  return navigator.locks.request("lodge-pin", async () => {
    const wait = await pauseLeft(id);
    if (wait > 0) return { result: "wait", wait };
    const before = await getMeta(`tries:${id}`);
    await countTry(id);
    const answer = await checkPin();
    if (answer.result === "ok") await restoreTries(id);
    else if (answer.result !== "wrong") await restoreTries(id, before);
    return answer;
  });
}

/**
 * @param {{person: string} | {staff_number: string}} who
 * @param {string} pin
 * @returns {Promise<Identified>}
 */
async function check(who, pin) {
  if (!("person" in who)) return register(who, pin);
  const stored = await getMeta(`keys:${who.person}`);
  const bytes = stored ? await openKeys(pin, stored) : null;
  if (stored && bytes && !stored.unknown) return opened(who.person, stored, bytes);
  // the PIN may have been changed on another phone
  const answer = await register(who, pin, stored && bytes ? { stored, bytes } : undefined);
  if (answer.result === "ok" || answer.result === "wrong") return answer;
  if (stored && bytes) return opened(who.person, stored, bytes);
  if (stored) return answer.result === "wait" ? answer : { result: "wrong" };
  return answer.result === "first" ? checkVerifier(who.person, pin) : answer;
}

/**
 * @param {string} id
 * @param {StoredKeys} stored
 * @param {KeyBytes} bytes
 * @returns {Promise<Identified>}
 */
async function opened(id, stored, bytes) {
  const person = await findPerson(id);
  if (!person) return { result: "wrong" };
  return { result: "ok", person, keys: await usableKeys(stored.credential, bytes) };
}

/** @param {string} id */
async function findPerson(id) {
  const known = [...(await everybody()), ...((await getMeta("people")) ?? [])];
  return known.find((each) => each.id === id);
}

/**
 * Until the first unlock with a connection: by what an older version of the app has stored. The
 * person is only claimed.
 * @param {string} id of the person
 * @param {string} pin
 * @returns {Promise<Identified>}
 */
async function checkVerifier(id, pin) {
  const [verifier, person] = await Promise.all([getMeta(`verifier:${id}`), findPerson(id)]);
  if (!verifier || !person) return { result: "first" };
  const { salt, iterations, hash } = verifier;
  const bits = await stretchPin(pin, fromBase64(salt), iterations);
  return toBase64(bits) === hash ? { result: "ok", person } : { result: "wrong" };
}

/** @param {string} text */
const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** @param {ArrayBuffer} bytes */
const toBase64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
