// The keys of a person on this phone: made with WebCrypto, and stored so that only the PIN, on this
// phone, opens them.

import { getMeta, setMeta } from "./database.js";

/** @import { OpenKeys, Sealed, StoredKeys } from "../types/storage.js" */

const ROUNDS = 600_000;
const SALT_BYTES = 16;
const IV_BYTES = 12;
const KEY_BYTES = 32;
const SIGNING = { name: "ECDSA", namedCurve: "P-256" };
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };
const HMAC = { name: "HMAC", hash: "SHA-256" };

/** The bytes of both keys, while they are being stored. */
/** @typedef {{private_key: ArrayBuffer, draft_key: ArrayBuffer}} KeyBytes */

/** @param {ArrayBuffer} bytes */
export function toBase64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {string} text @returns {ArrayBuffer} */
export function fromBase64url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0)).buffer;
}

/** @param {number} length */
const randomBytes = (length) => crypto.getRandomValues(new Uint8Array(length));

/**
 * A new pair of keys for signatures.
 * @returns {Promise<{public_key: string, private_key: ArrayBuffer}>} SubjectPublicKeyInfo in
 *   base64url, and PKCS #8
 */
export async function newPair() {
  const pair = await crypto.subtle.generateKey(SIGNING, true, ["sign", "verify"]);
  const [publicKey, privateKey] = await Promise.all([
    crypto.subtle.exportKey("spki", pair.publicKey),
    crypto.subtle.exportKey("pkcs8", pair.privateKey),
  ]);
  return { public_key: toBase64url(publicKey), private_key: privateKey };
}

/** A new key for drafts. @returns {ArrayBuffer} */
export const newDraftKey = () => randomBytes(KEY_BYTES).buffer;

/**
 * Encrypts keys under a PIN.
 * @param {string} pin
 * @param {KeyBytes} bytes
 * @returns {Promise<Pick<StoredKeys, "salt" | "private_key" | "draft_key">>}
 */
export async function sealKeys(pin, bytes) {
  const salt = randomBytes(SALT_BYTES);
  const key = await keyOfPin(pin, salt);
  const [private_key, draft_key] = await Promise.all([
    seal(key, bytes.private_key),
    seal(key, bytes.draft_key),
  ]);
  return { salt, private_key, draft_key };
}

/**
 * Decrypts keys with a PIN.
 * @param {string} pin
 * @param {StoredKeys} stored
 * @returns {Promise<KeyBytes | null>} null: the PIN is wrong
 */
export async function openKeys(pin, stored) {
  const key = await keyOfPin(pin, stored.salt);
  const [private_key, draft_key] = await Promise.all([
    unseal(key, stored.private_key),
    unseal(key, stored.draft_key),
  ]);
  return private_key && draft_key && { private_key, draft_key };
}

/**
 * The keys to work with, which cannot be exported.
 * @param {string} credential
 * @param {KeyBytes} bytes
 * @returns {Promise<OpenKeys>}
 */
export async function usableKeys(credential, bytes) {
  const [private_key, draft_key] = await Promise.all([
    crypto.subtle.importKey("pkcs8", bytes.private_key, SIGNING, false, ["sign"]),
    importSealingKey(bytes.draft_key),
  ]);
  return { credential, private_key, draft_key };
}

/**
 * @param {CryptoKey} key
 * @param {string} text
 * @returns {Promise<string>} r and s, 32 bytes each, in base64url
 */
export async function signText(key, text) {
  return toBase64url(await crypto.subtle.sign(SIGNATURE, key, new TextEncoder().encode(text)));
}

/** @param {CryptoKey} key @param {BufferSource} bytes @returns {Promise<Sealed>} */
export async function seal(key, bytes) {
  const iv = randomBytes(IV_BYTES);
  return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, bytes) };
}

/**
 * @param {CryptoKey} key
 * @param {Sealed} sealed
 * @returns {Promise<ArrayBuffer | null>} null: it was sealed with another key
 */
export async function unseal(key, { iv, data }) {
  return crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, data).catch(() => null);
}

/** @param {ArrayBuffer} bytes */
const importSealingKey = (bytes) =>
  crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);

/**
 * The key that a PIN stands for on this phone: HMAC, under the phone's own key, of what PBKDF2 makes
 * of the PIN.
 * @param {string} pin
 * @param {Uint8Array<ArrayBuffer>} salt
 */
async function keyOfPin(pin, salt) {
  const bits = await stretchPin(pin, salt, ROUNDS);
  return importSealingKey(await crypto.subtle.sign("HMAC", await deviceKey(), bits));
}

/**
 * PBKDF2-SHA-256.
 * @param {string} pin
 * @param {BufferSource} salt
 * @param {number} iterations
 */
export async function stretchPin(pin, salt, iterations) {
  const encoded = new TextEncoder().encode(pin);
  const key = await crypto.subtle.importKey("raw", encoded, "PBKDF2", false, ["deriveBits"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveBits(algorithm, key, KEY_BYTES * 8);
}

/** The phone's own key, made when it is first needed. */
function deviceKey() {
  return navigator.locks.request("lodge-device-key", async () => {
    const stored = await getMeta("device_key");
    if (stored) return stored;
    const key = await crypto.subtle.generateKey({ ...HMAC, length: 256 }, false, ["sign"]);
    await setMeta("device_key", key);
    return key;
  });
}
