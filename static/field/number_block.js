// The block of numbers that the server gave to this phone, so that a new record has its number at
// once. When all are used, records have the number that is derived from their id.

import kinds from "../kinds.js";
import { writeTransaction } from "./database.js";

/** @import { BlockNumber, OpContent } from "../types/storage.js" */

/**
 * Replaces the block by that of the newest hello. A number that an op of this phone has stays used:
 * the server may have answered before the op reached it.
 * @param {BlockNumber[]} given
 */
export async function saveBlock(given) {
  await writeTransaction(["meta"], async (tx) => {
    const meta = tx.objectStore("meta");
    /** @type {BlockNumber[]} */
    const known = (await meta.get("numbers")) ?? [];
    const used = new Set(known.flatMap((each) => (each.used ? [each.number] : [])));
    const kept = given.map((each) => (used.has(each.number) ? { ...each, used: true } : each));
    meta.put(kept, "numbers");
  });
}

/**
 * Puts the next unused number into each op of a kind that has one.
 * @param {OpContent[]} contents
 * @param {BlockNumber[]} block
 * @returns {{ numbered: OpContent[], left: BlockNumber[] }} the ops, and the block after them
 */
export function takeNumbers(contents, block) {
  const left = block.map((each) => ({ ...each }));
  const numbered = contents.map((content) => {
    const lacksNumber = kinds[content.kind].numbered && !content.payload.number;
    const next = lacksNumber ? left.find((each) => !each.used) : undefined;
    if (!next) return content;
    next.used = true;
    const { number, slip } = next;
    return { ...content, payload: { ...content.payload, number, slip } };
  });
  return { numbered, left };
}
