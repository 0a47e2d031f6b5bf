// Saves what is unsent to files that the desk can import, for a phone that finds no network any
// more. The ops stay in the outbox.

import { canonicalJson, hex } from "./canonical_json.js";
import { database, getMeta, getMetaAll } from "./database.js";
import { chainTail } from "./op_chain.js";
import { divide, MOST_LOST, STATES } from "./outbox_export_parts.js";

/** @import { Op } from "../types/storage.js" */
/** @import { Part } from "./outbox_export_parts.js" */

const CHUNK = 0x8000; // bytes per call of fromCharCode

/** All files of an export, fixed when it begins, and how many of them are saved. */
let parts = /** @type {Part[]} */ ([]);
let saved = 0;
let busy = false;

/** How many files of how many are saved; null: no export was begun. */
export const exportProgress = () => (parts.length ? { saved, files: parts.length } : null);

/**
 * Saves the next file; begins a new export after the last. One file per tap: browsers block several
 * downloads.
 */
export async function saveNextFile() {
  if (busy) return;
  busy = true;
  try {
    if (saved === parts.length) {
      parts = await divide();
      saved = 0;
    }
    download(await buildFile(parts[saved]));
    saved += 1;
  } finally {
    busy = false;
  }
}

/** @param {File} file */
function download(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {Part} part */
async function buildFile(part) {
  const device = await getMeta("device");
  if (!device) throw new Error("the phone is not enrolled");
  const { lineage } = await chainTail();
  const ops = await readOps(part);
  const head = {
    lodge: "outbox",
    format: 1,
    site: device.site,
    device: device.id,
    lineage: part.lineage,
    exported_at: new Date().toISOString(),
    lost: part.lineage === lineage ? await lostPlaces() : [], // places belong to the present chain
    ops,
  };
  const photos = await readPhotos(part);
  const signed = { ...head, ops: ops.map(({ hash }) => hash), photos: photos.names };
  const seal = await sign(canonicalJson(signed), device.token);
  const text = [
    JSON.stringify({ ...head, seal }).slice(0, -1),
    `,"photos":[`,
    ...photos.texts,
    "]}",
  ];
  return new File(text, fileName(), { type: "application/json" });
}

/**
 * Proves that this phone wrote the file: the key is the hash of its token, which only the server
 * has as well. Ops stand in the signed text as their hashes, photos as theirs.
 * @param {string} text
 * @param {string} token
 * @returns {Promise<string>} HMAC-SHA-256, hexadecimal
 */
async function sign(text, token) {
  const encoder = new TextEncoder();
  const secret = await crypto.subtle.digest("SHA-256", encoder.encode(token));
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  return hex(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
}

/** A name that tells the files apart. */
function fileName() {
  const time = new Date().toISOString().slice(0, 16).replace(":", "-");
  const ofMany = parts.length > 1 ? `-${saved + 1}-of-${parts.length}` : "";
  return `lodge-${time}${ofMany}.json`;
}

/**
 * Places of the present chain whose ops are lost, first those that the server does not know of.
 * @returns {Promise<number[]>}
 */
async function lostPlaces() {
  const [unreported = [], reported = []] = await getMetaAll(["lost", "confessed"]);
  return [...new Set([...unreported, ...reported])].slice(0, MOST_LOST);
}

/** @param {Part} part @returns {Promise<Op[]>} */
async function readOps({ lineage, first, last }) {
  const db = await database();
  const range = (/** @type {string} */ state) =>
    IDBKeyRange.bound([state, lineage, first], [state, lineage, last]);
  const rows = await Promise.all(
    STATES.map((state) => db.getAllFromIndex("ops", "turn", range(state))),
  );
  return rows
    .flat()
    .sort((a, b) => a.n - b.n)
    .map(({ op }) => op);
}

/**
 * The photos of a part as JSON, each a Blob of its own: all in one string would be too much for a
 * small phone.
 * @param {Part} part
 */
async function readPhotos(part) {
  const [db, names] = [await database(), /** @type {string[]} */ ([])];
  /** @type {Blob[]} */
  const texts = [];
  for (const sha256 of part.photos) {
    const photo = await db.get("photos", sha256);
    if (!photo?.data) continue; // sent and deleted since the export began
    const text = JSON.stringify({ sha256, bytes: photo.bytes, data: base64(photo.data) });
    texts.push(new Blob([texts.length ? "," : "", text]));
    names.push(sha256);
  }
  return { names, texts };
}

/** @param {ArrayBuffer} data */
function base64(data) {
  const bytes = new Uint8Array(data);
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK)
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(binary);
}
