// The other phones of the site, as far as this one knows: which of them may hold unsent records.

import { getMeta } from "./database.js";

const MINUTE = 60_000; // ms
const RECENT = 10 * MINUTE; // a phone with everything sent this recently counts as up to date
const SHIFT = 8 * 60 * MINUTE; // what was heard longer ago than a shift is not known any more

/**
 * @param {string} now ISO 8601
 * @returns {Promise<{at: string | null, known: boolean, unheard: import("../types/storage.js").OtherPhone[]}>}
 *   `at`: when the server last told; `known`: whether that is recent enough to count
 */
export async function otherPhones(now) {
  const told = await getMeta("phones");
  if (!told) return { at: null, known: false, unheard: [] };
  const until = new Date(Date.parse(told.at) - RECENT).toISOString();
  const unheard = told.phones.filter(({ clear_at }) => (clear_at ?? "") < until);
  return { at: told.at, known: Date.parse(now) - Date.parse(told.at) < SHIFT, unheard };
}
