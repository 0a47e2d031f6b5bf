// What is unsent, as a file for the desk: for a phone that finds no network any more. Nothing leaves the outbox by it.

import { database, recall, within } from "./idb.js";

const PIECE = 0x8000;

/** One file for each chain that has something to say; the photos go with the first. @returns {Promise<File[]>} */
export async function unsentFiles() {
  const [device, tail, db] = await Promise.all([recall("device"), recall("tail"), database()]);
  const states = await Promise.all(["unsent", "deferred"].map((state) => db.getAllFromIndex("ops", "turn", within(state))));
  const chains = Map.groupBy(states.flat(), (row) => row.lineage);
  if (!chains.size) chains.set(tail?.lineage, []);
  const day = new Date().toISOString().slice(0, 16).replace(":", "-");
  let pictures = await photoParts();
  return [...chains].map(([lineage, rows], place) => {
    const head = {
      lodge: "outbox", format: 1, site: device.site, device: device.id, lineage, exported_at: new Date().toISOString(),
      lost: [], ops: rows.sort((a, b) => a.n - b.n).map(({ op }) => op),
    };
    const parts = [JSON.stringify(head).slice(0, -1), `,"photos":[`, ...pictures, "]}"];
    pictures = [];
    return new File(parts, `lodge-${day}${place ? `-${place + 1}` : ""}.json`, { type: "application/json" });
  });
}

/** Each photo as a part of its own: all of them at once would be too much for a small phone. @returns {Promise<Blob[]>} */
async function photoParts() {
  const db = await database();
  const parts = [];
  for (const key of await db.getAllKeysFromIndex("photos", "state", "unsent")) {
    const { sha256, bytes, data } = await db.get("photos", key);
    parts.push(new Blob([parts.length ? "," : "", JSON.stringify({ sha256, bytes, data: base64(data) })]));
  }
  return parts;
}

/** @param {ArrayBuffer} data */
function base64(data) {
  const bytes = new Uint8Array(data);
  let signs = "";
  for (let at = 0; at < bytes.length; at += PIECE) signs += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(signs);
}

/** Gives the files to the browser to be saved. */
export async function save() {
  for (const file of await unsentFiles()) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}
