// What is unsent, as files for the desk: for a phone that finds no network any more. Nothing leaves the outbox by it.

import { database, recallAll, within } from "./database.js";
import { canonical, hex, lineage } from "./outbox.js";

const MOST_BYTES = 24 * 1024 * 1024; // less than a mail takes, and less than the desk does
const MOST_OPS = 20_000;
const MOST_PHOTOS = 1_000;
const MOST_LOST = 1_000;
const ENVELOPE = 64 * 1024;
const AROUND = 200; // what stands around a photo's bytes
const PORTION = 1_000;
const PIECE = 0x8000;
const STATES = ["unsent", "deferred"];

/**
 * One file to be written: the ops of a chain from one place to another, and photos by name.
 * @typedef {{lineage: string, first: number, last: number, ops: number, photos: string[], bytes: number}} Part
 */

/** The files that hold all that is unsent, fixed at the first tap, and how many of them were saved. */
let parts = /** @type {Part[]} */ ([]);
let saved = 0;
let busy = false;

/** How many files were saved of how many; null: nobody has asked yet. */
export const progress = () => (parts.length ? { saved, files: parts.length } : null);

/** One tap, one file: browsers block several downloads at once. */
export async function save() {
  if (busy) return;
  busy = true;
  try {
    if (saved === parts.length) [parts, saved] = [await divided(), 0];
    download(await file(parts[saved]));
    saved += 1;
  } finally {
    busy = false;
  }
}

/** @param {File} whole */
function download(whole) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(whole);
  link.download = whole.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Every op and then every photo, divided so that the desk takes each file. @returns {Promise<Part[]>} */
async function divided() {
  const found = [...(await places("unsent")), ...(await places("deferred"))].sort(byPlace);
  const { lineage: chain } = await lineage();
  const all = [fresh(found[0]?.lineage ?? chain)];
  for (const { lineage, n, bytes } of found) {
    const part = withRoom(all, bytes, ({ ops, ...it }) => ops < MOST_OPS && it.lineage === lineage, lineage);
    part.first ||= n;
    part.last = n;
    part.ops += 1;
  }
  for (const { sha256, bytes } of await pictures())
    withRoom(all, bytes, ({ photos }) => photos.length < MOST_PHOTOS, chain).photos.push(sha256);
  return all;
}

/** @param {string} chain @returns {Part} */
const fresh = (chain) => ({ lineage: chain, first: 0, last: 0, ops: 0, photos: [], bytes: ENVELOPE });

/**
 * The last part, or a new one where that has no more room.
 * @param {Part[]} all @param {number} bytes @param {(part: Part) => boolean} fits @param {string} chain
 */
function withRoom(all, bytes, fits, chain) {
  let part = all[all.length - 1];
  if (!fits(part) || part.bytes + bytes > MOST_BYTES) all.push((part = fresh(chain)));
  part.bytes += bytes;
  return part;
}

/** @typedef {{lineage: string, n: number, bytes: number}} Place */

/** @param {Place} a @param {Place} b */
const byPlace = (a, b) => (a.lineage === b.lineage ? a.n - b.n : a.lineage < b.lineage ? -1 : 1);

/** Where the ops stand and how much each takes up; read in portions, there may be very many. @param {string} state */
async function places(state) {
  const [db, encoder] = [await database(), new TextEncoder()];
  /** @type {Place[]} */
  const found = [];
  for (let range = within(state); ; ) {
    const some = await db.getAllFromIndex("ops", "turn", range, PORTION);
    for (const { lineage, n, op } of some) found.push({ lineage, n, bytes: encoder.encode(JSON.stringify(op)).length + 1 });
    if (some.length < PORTION) return found;
    const { lineage, n } = some[PORTION - 1];
    range = IDBKeyRange.bound([state, lineage, n], [state, []], true);
  }
}

/** Names and sizes of unsent photos, without reading them. */
async function pictures() {
  const found = [];
  let at = await (await database()).transaction("photos").store.index("size").openKeyCursor(within("unsent"));
  for (; at; at = await at.continue())
    found.push({ sha256: /** @type {string} */ (at.primaryKey), bytes: Math.ceil(at.key[1] / 3) * 4 + AROUND });
  return found;
}

/** @param {Part} part */
async function file(part) {
  const [device, tail] = await recallAll(["device", "tail"]);
  const head = {
    lodge: "outbox", format: 1, site: device.site, device: device.id, lineage: part.lineage,
    exported_at: new Date().toISOString(),
    lost: part.lineage === tail.lineage ? await gone() : [], // places are of one chain
    ops: await ops(part),
  };
  const pictures = await photos(part);
  const seal = await sealed({ ...head, ops: head.ops.map(({ hash }) => hash), photos: pictures.names }, device.token);
  const text = [JSON.stringify({ ...head, seal }).slice(0, -1), `,"photos":[`, ...pictures.texts, "]}"];
  return new File(text, name(), { type: "application/json" });
}

/**
 * So that the desk knows that this phone wrote it: the server has the hash of the token as well, and nobody else.
 * @param {Record<string, any>} told ops by their hash and photos by their name, which are held against that @param {string} token
 */
async function sealed(told, token) {
  const encoder = new TextEncoder();
  const secret = await crypto.subtle.digest("SHA-256", encoder.encode(token));
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return hex(await crypto.subtle.sign("HMAC", key, encoder.encode(canonical(told))));
}

/** A name that tells the files apart. */
function name() {
  const day = new Date().toISOString().slice(0, 16).replace(":", "-");
  return parts.length > 1 ? `lodge-${day}-${saved + 1}-of-${parts.length}.json` : `lodge-${day}.json`;
}

/** What this chain has lost: first what nobody was told yet. @returns {Promise<number[]>} */
async function gone() {
  const [unsaid = [], said = []] = await recallAll(["lost", "confessed"]);
  return [...new Set([...unsaid, ...said])].slice(0, MOST_LOST);
}

/** @param {Part} part @returns {Promise<Record<string, any>[]>} */
async function ops({ lineage, first, last }) {
  const db = await database();
  const range = (/** @type {string} */ state) => IDBKeyRange.bound([state, lineage, first], [state, lineage, last]);
  const rows = await Promise.all(STATES.map((state) => db.getAllFromIndex("ops", "turn", range(state))));
  return rows.flat().sort((a, b) => a.n - b.n).map(({ op }) => op);
}

/** Each photo as a part of its own: all of them at once would be too much for a small phone. @param {Part} part */
async function photos(part) {
  const [db, names] = [await database(), /** @type {string[]} */ ([])];
  /** @type {Blob[]} */
  const texts = [];
  for (const key of part.photos) {
    const row = await db.get("photos", key);
    if (!row?.data) continue; // sent meanwhile, and let go of
    const said = JSON.stringify({ sha256: key, bytes: row.bytes, data: base64(row.data) });
    texts.push(new Blob([texts.length ? "," : "", said]));
    names.push(key);
  }
  return { names, texts };
}

/** @param {ArrayBuffer} data */
function base64(data) {
  const bytes = new Uint8Array(data);
  let signs = "";
  for (let at = 0; at < bytes.length; at += PIECE) signs += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(signs);
}
