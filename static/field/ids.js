// Ids that sort by time, and the short codes that people read to each other.

import { hex } from "./canonical_json.js";

/** Tells page loads apart: the monotonic clock of each begins at 0. */
export const BOOT_ID = crypto.randomUUID();

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** A UUIDv7 (RFC 9562): 48 bits of time, the rest random. */
export function uuid7() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const time = Date.now();
  for (let i = 0; i < 6; i++) bytes[i] = Math.floor(time / 2 ** (8 * (5 - i))) & 0xff;
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return hex(bytes.buffer).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * Eight characters from the last 40 bits of an id, as the server derives them.
 * @param {string} id
 */
export function shortCode(id) {
  const bits = BigInt(`0x${id.replaceAll("-", "").slice(-10)}`);
  return Array.from(
    { length: 8 },
    (_, i) => BASE32[Number((bits >> BigInt(35 - 5 * i)) & 31n)],
  ).join("");
}
