// Signs ops with the key of their author, as sync/protocol/signatures.py checks them.

import { canonicalJson, sha256 } from "./canonical_json.js";
import { getMeta } from "./database.js";
import { signText } from "./pin_keys.js";

/** @import { OpContent, OpenKeys } from "../types/storage.js" */

/**
 * The signature of an op, which has no place in a chain yet: it survives a new chain, and verifies
 * at no other site.
 * @param {OpContent} content
 * @param {OpenKeys} keys
 * @returns {Promise<string>} base64url
 */
export async function signOp(content, keys) {
  const site = (await getMeta("device"))?.site;
  const digest = await sha256(canonicalJson(content));
  return signText(keys.private_key, `lodge-op-1\n${site}\n${digest}`);
}

/**
 * The keys of the person who has unlocked the phone. Undefined for one who has none, and in the
 * service worker, which never signs.
 * @param {string} person id
 */
export async function keysOf(person) {
  if (typeof document === "undefined") return undefined;
  const unlocked = await getMeta("unlocked");
  return unlocked?.person.id === person ? unlocked.keys : undefined;
}
