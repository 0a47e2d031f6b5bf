// Who uses this phone: enrolled once, then each person unlocks with a PIN that works offline.

import { call } from "./sync.js";
import { recall, recallAll, remember, write } from "./database.js";
import { lineage } from "./outbox.js";
import { told } from "./records.js";

const FREE_TRIES = 5;
const FIRST_WAIT = 30_000;

/** @typedef {{id: string, name: string, roles: string[], pin_check: any}} Person */

/** A one-time code makes this phone one of the site's. @param {string} code @param {string} label */
export async function enrol(code, label) {
  const { lineage: chain } = await lineage();
  const { device, token, site, people } = await call("/sync/enrol", { code, label, lineage: chain });
  await write(["meta"], (tx) => {
    tx.store.put({ id: device, token, site, label }, "device");
    tx.store.put(people, "people");
  });
}

/** Everybody who may work on this phone: as enrolled, and as the feed has told since. @returns {Promise<Person[]>} */
export async function everybody() {
  const active = (await told("person")).filter((row) => row.active !== false);
  return /** @type {Person[]} */ (active.length ? active : ((await recall("people")) ?? []));
}

/** Whoever has unlocked the phone, or null. @returns {Promise<Person | null>} */
export async function unlocked() {
  const [device, me] = await recallAll(["device", "me"]);
  if (!device || !me) return null;
  return (await everybody()).find(({ id }) => id === me) ?? null;
}

/** Opens the phone for somebody who knows the own PIN. @param {string} id @param {string} pin */
export async function unlock(id, pin) {
  const result = await check(id, pin);
  if (result === "ok") await remember("me", id);
  return result;
}

/**
 * Holds a PIN against its verifier, without a network. Too many wrong ones have to wait.
 * @param {string} id @param {string} pin @returns {Promise<"ok" | "wrong" | "wait" | "none">}
 */
export async function check(id, pin) {
  const person = (await everybody()).find((one) => one.id === id);
  if (!person?.pin_check) return "none";
  const tries = (await recall(`tries:${id}`)) ?? { wrong: 0, until: 0 };
  if (Date.now() < tries.until) return "wait";
  if (!(await fits(pin, person.pin_check))) {
    const wrong = tries.wrong + 1;
    const pause = wrong < FREE_TRIES ? 0 : FIRST_WAIT * 2 ** Math.min(wrong - FREE_TRIES, 7);
    await remember(`tries:${id}`, { wrong, until: Date.now() + pause });
    return "wrong";
  }
  await remember(`tries:${id}`, undefined);
  return "ok";
}

/** Nobody is using the phone; whatever waits to be sent stays and is sent. */
export function lock() {
  return remember("me", undefined);
}

/** @param {string} pin @param {{iterations: number, salt: string, hash: string}} check */
async function fits(pin, check) {
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(pin), "PBKDF2", false, ["deriveBits"]);
  const salt = Uint8Array.from(atob(check.salt), (sign) => sign.charCodeAt(0));
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: check.iterations };
  const bits = new Uint8Array(await crypto.subtle.deriveBits(how, key, 256));
  return btoa(String.fromCharCode(...bits)) === check.hash;
}
