// A phone that the server has not heard from for two weeks deletes its records; what is unsent and
// unfinished stays, and so do its people, who can unlock it all the same.

import { getMeta, setMeta, writeTransaction } from "./database.js";

const KEEP_DAYS = 14;
const DAY = 86_400_000; // ms

/** Notes that the server has answered. */
export const noteContact = () => setMeta("contact", new Date().toISOString());

/** Deletes the records if they are too old. The next pull begins from the start. */
export async function dropStaleRecords() {
  const contact = (await getMeta("contact")) ?? (await getMeta("link"))?.sent_at;
  if (!contact || Date.now() - Date.parse(contact) < KEEP_DAYS * DAY) return;
  await writeTransaction(["records", "meta"], (tx) => {
    const meta = tx.objectStore("meta");
    tx.objectStore("records").clear();
    for (const key of ["cursor", "head", "round", "digest", "phones"]) meta.delete(key);
  });
}
