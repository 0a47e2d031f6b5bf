// What time it is. A phone whose clock is far from the server's goes by the server's, and says so.

import { recall, remember } from "./database.js";

const FAR = 300_000; // as in sync/clock.py

/** How far this phone's clock is ahead, in ms, as far as is known; 0: near enough. @returns {Promise<number>} */
export const ahead = async () => (await recall("ahead")) ?? 0;

/** Now. */
export const now = async () => new Date(Date.now() - (await ahead()));

/**
 * An answer of the server is later than the question, and earlier than its arrival.
 * @param {number} asked by this phone's clock @param {string | null} date the header
 */
export async function compare(asked, date) {
  const [said, come] = [date ? Date.parse(date) : asked, Date.now()];
  const apart = asked - said > FAR ? asked - said : said - come > FAR ? come - said : 0;
  if (Math.abs(apart - (await ahead())) > FAR) await remember("ahead", apart);
}
