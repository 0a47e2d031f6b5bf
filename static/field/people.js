// Who uses this phone: it is enrolled once, then each person unlocks it with a PIN that is checked
// offline.

import { allOf } from "./records.js";
import { chainTail } from "./op_chain.js";
import { getMeta, getMetaAll, setMeta, writeTransaction } from "./database.js";
import { request } from "./sync_client.js";

/** @import { Person, PinCheck } from "../types/storage.js" */

const FREE_TRIES = 5;
const FIRST_PAUSE = 30_000; // ms
const MOST_DOUBLINGS = 7;

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
  });
}

/** The model of this phone, as its browser tells it over HTTPS; empty where it does not. */
async function phoneModel() {
  const { userAgentData } = /** @type {any} */ (navigator);
  const hints = await userAgentData?.getHighEntropyValues?.(["model"]).catch(() => undefined);
  return String(hints?.model ?? "").slice(0, 60);
}

/**
 * Everybody who may use this phone: the people pulled, or those of the enrolment before the first
 * pull.
 * @returns {Promise<Person[]>}
 */
export async function everybody() {
  const active = (await allOf("person")).filter((row) => row.active !== false);
  if (!active.length) return (await getMeta("people")) ?? [];
  return /** @type {Person[]} */ (/** @type {unknown} */ (active));
}

/** The person who has unlocked the phone, or null. @returns {Promise<Person | null>} */
export async function currentUser() {
  const [device, me] = await getMetaAll(["device", "me"]);
  if (!device || !me) return null;
  return (await everybody()).find(({ id }) => id === me) ?? null;
}

/** @param {string} id of the person @param {string} pin */
export async function unlock(id, pin) {
  const result = await checkPin(id, pin);
  if (result === "ok") await setMeta("me", id);
  return result;
}

/** Unsent ops stay and are sent. */
export const lock = () => setMeta("me", undefined);

/**
 * Checks a PIN offline. After five wrong ones each further try has to wait twice as long.
 * @param {string} id of the person
 * @param {string} pin
 * @returns {Promise<"ok" | "wrong" | "wait" | "none">} none: the person has no PIN
 */
export async function checkPin(id, pin) {
  const person = (await everybody()).find((each) => each.id === id);
  if (!person?.pin_check) return "none";
  const tries = (await getMeta(`tries:${id}`)) ?? { wrong: 0, until: 0 };
  if (Date.now() < tries.until) return "wait";
  if (await matches(pin, person.pin_check)) {
    await setMeta(`tries:${id}`, undefined);
    return "ok";
  }
  const wrong = tries.wrong + 1;
  const doublings = Math.min(wrong - FREE_TRIES, MOST_DOUBLINGS);
  const pause = doublings < 0 ? 0 : FIRST_PAUSE * 2 ** doublings;
  await setMeta(`tries:${id}`, { wrong, until: Date.now() + pause });
  return "wrong";
}

/** @param {string} pin @param {PinCheck} check */
async function matches(pin, { salt, iterations, hash }) {
  const encoded = new TextEncoder().encode(pin);
  const key = await crypto.subtle.importKey("raw", encoded, "PBKDF2", false, ["deriveBits"]);
  const saltBytes = Uint8Array.from(atob(salt), (character) => character.charCodeAt(0));
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: saltBytes, iterations };
  const bits = new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 256));
  return btoa(String.fromCharCode(...bits)) === hash;
}
